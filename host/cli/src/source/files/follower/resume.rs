//! Finds the files again that an earlier run has read of.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use super::Follower;
use crate::source::files::content::Content;
use crate::source::files::copies;
use crate::source::files::family;
use crate::source::files::mark::FileMark;
use crate::source::files::paths::Found;
use crate::source::files::reach::Reach;
use crate::source::files::stream::{FileKey, Note};
use crate::source::files::tracked::Tracked;

impl Follower {
    /// Finds files by their numbers, if they have the content, and later by that alone. Returns the
    /// new ones.
    pub(super) fn find_again(
        &mut self,
        marks: Vec<FileMark>,
        found: Vec<Found>,
        now: Instant,
    ) -> Vec<Found> {
        let mut by_inode = HashMap::<u64, Vec<Found>>::new();
        for found in found {
            by_inode.entry(found.id.inode).or_default().push(found);
        }
        for (index, mark) in marks.into_iter().enumerate() {
            let (key, path) = (FileKey(index as u64), Path::new(&mark.path));
            let places = by_inode.get_mut(&mark.inode);
            if places.as_ref().is_none_or(|places| places.is_empty()) {
                if !self.find_unnamed(key, &mark, now) {
                    self.table.insert(ghost(key, &mark, now));
                }
                continue;
            }
            let places = places.into_iter().flatten();
            let found = places.map(|found| (found.path.clone(), found.path == path));
            let mut found: Vec<_> = found.collect();
            // One that has its name comes first: two file systems may have the same number.
            found.sort_by_key(|(_, is_it)| !is_it);
            let is_named = found.iter().any(|(_, is_it)| *is_it);
            let known = found
                .into_iter()
                .find_map(|(path, _)| self.recognise(&path, &mark).map(|content| (path, content)));
            let Some((path, content)) = known else {
                if is_named {
                    self.truncated(&mark.path, family::split(path).0);
                }
                self.table.insert(ghost(key, &mark, now));
                continue;
            };
            if let Some(places) = by_inode.get_mut(&mark.inode)
                && let Some(place) = places.iter().position(|found| found.path == path)
            {
                let found = places.swap_remove(place);
                // Its other names are of the same file.
                places.retain(|other| other.id != found.id);
                self.table.insert(Tracked::resumed(key, &found, content, now));
            }
        }
        let mut new: Vec<Found> = by_inode.into_values().flatten().collect();
        new.sort_by(|one, other| one.path.cmp(&other.path));
        new
    }

    /// Finds a file by its number that has got a name which the flow does not look for.
    fn find_unnamed(&mut self, key: FileKey, mark: &FileMark, now: Instant) -> bool {
        let path = Path::new(&mark.path);
        if mark.inode != 0
            && let Some(place) = self.listing.beside(path, mark.inode)
            && let Some(content) = self.recognise(&place, mark)
            && let Some(found) = fs::metadata(&place).ok().and_then(|m| Found::of(place, &m))
        {
            if found.path == path {
                // The flow does not name it any more.
                self.stream.note(Note::Gone(key));
                return true;
            }
            let mut file = Tracked::resumed(key, &found, content, now);
            file.handle = file.reopen().ok();
            file.nameless = Some(now);
            // It is called what it was, and belongs to the family that it came from.
            file.rename(path);
            self.table.insert(file);
            return true;
        }
        false
    }

    /// The content of a file that is the one of the mark.
    pub(super) fn recognise(&mut self, path: &Path, mark: &FileMark) -> Option<Content> {
        match copies::recognise(path, mark, self.settings.compression) {
            Ok(content) => content,
            Err(error) => {
                self.complain(path, "cannot be read", &error);
                None
            }
        }
    }
}

/// What was read of a file that is not found.
fn ghost(key: FileKey, mark: &FileMark, now: Instant) -> Tracked {
    let reach = Reach::at(mark.offset, mark.lines.unwrap_or(0), Vec::new(), Vec::new());
    let reach = reach.with(mark.earlier);
    Tracked::ghost(key, Path::new(&mark.path), Content::from(reach, Some(mark.print)), now)
}
