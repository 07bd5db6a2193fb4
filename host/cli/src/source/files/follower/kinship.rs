//! Tells which file has what was read of another: copies, and the heirs of what is gone.

use std::collections::HashSet;
use std::path::Path;
use std::time::Instant;

use super::Follower;
use crate::source::files::content::Content;
use crate::source::files::copies::{self, Comparison, Kin};
use crate::source::files::family::{self, Family};
use crate::source::files::listing::Listing;
use crate::source::files::paths::FileId;
use crate::source::files::stream::{FileKey, Note};
use crate::source::files::tracked::{Relation, Tracked};

impl Follower {
    /// Decides of each file that may be a copy whether it is one, and looks for what has lost its
    /// file.
    pub(super) fn review_all(&mut self, now: Instant) {
        let undecided = |file: &Tracked| file.relation == Relation::Unknown && file.length > 0;
        let logs: HashSet<&Family> =
            self.table.files().filter(|file| undecided(file)).map(|file| &file.family).collect();
        let originals: HashSet<FileKey> =
            self.table.files().filter_map(|file| file.relation.original()).collect();
        // What was read of a file is compared with others only as long as it has that.
        let changed = self.table.keys_of(|file| {
            let is_compared = originals.contains(&file.key) || logs.contains(&file.family);
            is_compared
                && file.relation.is_read()
                && !file.is_ghost()
                && matches!(copies::is_intact(file), Ok(false))
        });
        changed.into_iter().for_each(|key| self.changed(key, now));
        // A copy is compared again as soon as its original is not what it was then.
        let outdated = self.table.keys_of(|file| {
            file.relation.original().is_some_and(|original| {
                let original = self.table.get(original);
                original.is_none_or(|it| (it.length, it.modified) != file.compared)
            })
        });
        for key in outdated {
            self.table.update(key, |file| file.relation = Relation::Unknown);
        }
        let mut undecided: Vec<&Tracked> =
            self.table.files().filter(|file| undecided(file)).collect();
        // What is compressed is likely to be of one that is not.
        undecided.sort_by_key(|file| std::cmp::Reverse(file.length));
        let undecided: Vec<FileKey> = undecided.into_iter().map(|file| file.key).collect();
        self.review_each(undecided, now);
        self.look_for_ghosts(now);
    }

    /// Decides of each of these files whether it is a copy.
    pub(super) fn review_each(&mut self, files: Vec<FileKey>, now: Instant) {
        let mut comparison = Comparison::new(self.settings.compression);
        let is_own = |key: &FileKey| self.review(*key, &mut comparison, now);
        let own: HashSet<FileKey> = files.into_iter().filter(is_own).collect();
        self.doubt(&own, &comparison);
    }

    /// Leaves open what files without kin are that may have the content of one which has lost it.
    /// That may have been truncated while they were compared with it. One look at each of the
    /// others, behind all comparisons, does for all of them.
    fn doubt(&mut self, own: &HashSet<FileKey>, comparison: &Comparison) {
        let files = || own.iter().filter_map(|key| self.table.get(*key));
        let names: HashSet<&str> = files().map(|file| file.family.name.as_str()).collect();
        let others = names.into_iter().flat_map(|name| self.table.named(name));
        let others = others.filter(|other| other.relation.is_read() && !own.contains(&other.key));
        let others = others.filter(|other| !other.is_ghost());
        let lost: Vec<_> = others.filter_map(|other| Some((other, copies::loss(other)?))).collect();
        if lost.is_empty() {
            return;
        }
        let is_doubtful =
            |file: &&Tracked| lost.iter().any(|lost| comparison.may_have(file, *lost));
        let doubtful: HashSet<FileKey> = files().filter(is_doubtful).map(|file| file.key).collect();
        let is_of_them =
            |file: &Tracked| file.relation.original().is_some_and(|key| doubtful.contains(&key));
        let copies = self.table.keys_of(is_of_them);
        for key in doubtful.into_iter().chain(copies) {
            self.table.update(key, |file| file.relation = Relation::Unknown);
        }
    }

    /// Returns whether it has no kin.
    fn review(&mut self, key: FileKey, comparison: &mut Comparison, now: Instant) -> bool {
        let Some(file) = self.table.get(key) else { return false };
        let named = self.table.named(&file.family.name);
        let others = named
            .filter(|other| other.key != key && other.relation.is_read())
            .filter(|other| other.family == file.family || other.is_told_from_afar());
        let settled = self.settings.rotate_wait;
        let is_settled = now.saturating_duration_since(file.grown) >= settled;
        match comparison.kin(file, others, is_settled) {
            Ok(Kin::CopyOf(original, end)) => {
                let compared = self.table.get(original).map(|it| (it.length, it.modified));
                self.table.update(key, |file| {
                    (file.relation, file.end) = (Relation::CopyOf(original), end);
                    file.compared = compared.unwrap_or(file.compared);
                });
            }
            Ok(Kin::HeirOf(ghost)) => {
                if let Some(it) = self.table.get(ghost) {
                    let (content, denied) = (it.content.handed_on(), it.denied.clone());
                    self.inherit(key, content, denied);
                }
                self.forget(ghost);
            }
            Ok(Kin::PartOf(end)) => {
                let mark = self.table.update(key, |file| {
                    file.end = Some(end);
                    file.take_as_read();
                    file.mark()
                });
                mark.into_iter().for_each(|mark| self.stream.note(Note::File(key, mark)));
            }
            Ok(Kin::None) => {
                let own = |file: &mut Tracked| {
                    (file.relation, file.has_more) = (Relation::Own, true);
                };
                self.table.update(key, own);
                return true;
            }
            Ok(Kin::Unclear) => {}
            Err(error) => {
                let path = file.path.clone();
                self.complain(&path, "cannot be read", &error);
            }
        }
        false
    }

    /// A file goes on with a content that another had up to there, and some have not.
    fn inherit(&mut self, key: FileKey, content: Content, denied: Vec<FileId>) {
        let mark = self.table.update(key, |file| {
            file.inherit(content, denied);
            file.mark()
        });
        mark.into_iter().for_each(|mark| self.stream.note(Note::File(key, mark)));
    }

    /// A file has not the content any more that was read of it, or never had it.
    pub(super) fn changed(&mut self, key: FileKey, now: Instant) {
        let Some(file) = self.table.get(key) else { return };
        let is_heir = file.relation == Relation::Heir && !file.content.is_proven();
        let (content, mut denied) = (file.content.handed_on(), file.denied.clone());
        let (path, family, place) = (file.path.clone(), file.family.clone(), file.place);
        let is_unnamed = is_heir && file.nameless.is_some();
        if is_heir {
            denied.push(file.id);
        } else {
            self.truncated(&path.display().to_string(), family);
        }
        let mark = self.table.update(key, |file| {
            file.begin_anew(now);
            file.mark()
        });
        // What was copied before has the lines that were not read.
        if let Some(content) = self.hand_on(key, content) {
            self.let_go(&path, content, denied, place, now);
            // A file that is known already is compared with it before others are looked for.
            let (family, _) = family::split(&path);
            let is_undecided =
                |file: &Tracked| file.relation == Relation::Unknown && file.family == family;
            if !self.table.files().any(is_undecided) {
                self.look_for_ghosts(now);
            }
        }
        mark.into_iter().for_each(|mark| self.stream.note(Note::File(key, mark)));
        if is_unnamed {
            // It was read for that content only.
            self.forget(key);
        }
    }

    /// Keeps a content that has lost its file, until it is found in another.
    fn let_go(
        &mut self,
        path: &Path,
        content: Content,
        denied: Vec<FileId>,
        place: usize,
        now: Instant,
    ) {
        if content.told_at() == 0 {
            return;
        }
        let mut ghost = Tracked::ghost(self.table.new_key(), path, content, self.clock.moment(now));
        (ghost.denied, ghost.place) = (denied, place);
        self.stream.note(Note::File(ghost.key, ghost.mark()));
        self.table.insert(ghost);
    }

    /// Looks for contents without files beside where those lay: in files that the flow does not
    /// name.
    fn look_for_ghosts(&mut self, now: Instant) {
        let ghosts = self.table.keys_of(Tracked::is_ghost);
        if ghosts.is_empty() {
            return;
        }
        let (known, mut listing) = (self.table.ids(), Listing::default());
        for key in ghosts {
            let Some(ghost) = self.table.get(key) else { continue };
            let compression = self.settings.compression;
            let rotated = listing.rotated(&ghost.path, &ghost.family.name);
            let found = copies::unnamed(ghost, rotated, &known, compression);
            let Some(found) = found else { continue };
            let (content, denied) = (ghost.content.handed_on(), ghost.denied.clone());
            let (path, place) = (ghost.path.clone(), ghost.place);
            let mut heir = Tracked::new(self.table.new_key(), &found, Content::new(), now);
            let Ok(handle) = heir.reopen() else { continue };
            (heir.handle, heir.nameless) = (Some(handle), Some(self.clock.moment(now)));
            heir.place = place;
            // It is called what it was.
            heir.rename(&path);
            let heir_key = heir.key;
            self.table.insert(heir);
            self.inherit(heir_key, content, denied);
            self.forget(key);
        }
    }

    /// Where the next copy of a file ends that is known, behind what was read of the file.
    pub(super) fn copied(&self, key: FileKey) -> Option<u64> {
        // No other is truncated while it is written.
        let file = self.table.get(key).filter(|file| file.is_newest())?;
        let copies = self.table.named(&file.family.name);
        let copies = copies.filter(|it| it.relation == Relation::CopyOf(key));
        let ends = copies.filter_map(|copy| copy.end.as_ref().map(|end| end.reach.offset));
        ends.filter(|end| *end > file.content.reach.offset).min()
    }

    /// Hands on what was read of a file, that has it not any more, to the copies of it. Returns it
    /// where none goes on with it.
    pub(super) fn hand_on(&mut self, key: FileKey, content: Content) -> Option<Content> {
        let is_copy = |file: &&Tracked| file.relation == Relation::CopyOf(key);
        let mut copies: Vec<&Tracked> = self.table.files().filter(is_copy).collect();
        copies.sort_by_key(|copy| std::cmp::Reverse(copy.length));
        let copies: Vec<FileKey> = copies.into_iter().map(|copy| copy.key).collect();
        let mut content = Some(content);
        for key in copies {
            match &content {
                Some(read) if self.table.get(key).is_some_and(|copy| copy.is_all_in(read)) => {
                    let mark = self.table.update(key, |file| {
                        file.take_as_read();
                        file.mark()
                    });
                    mark.into_iter().for_each(|mark| self.stream.note(Note::File(key, mark)));
                }
                Some(read) => {
                    let read = read.handed_on();
                    content = None;
                    self.inherit(key, read, Vec::new());
                }
                // A copy of the first.
                None => drop(self.table.update(key, |file| file.relation = Relation::Unknown)),
            }
        }
        content
    }
}
