//! Whose turn it is: each log that has something to read in turn, and of its files the oldest.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::family::{self, Family};
use super::stream::FileKey;
use super::tracked::Tracked;

/// The files that have something to read.
#[derive(Default)]
pub(super) struct Turns {
    families: HashMap<Family, Ready>,
    /// All families of the map but those that wait for a decoder, in the order of their turns.
    queue: VecDeque<Family>,
    waiting: VecDeque<Family>,
    files: usize,
}

/// The files of one family.
#[derive(Default)]
struct Ready {
    files: BTreeSet<FileKey>,
    /// In the order of their turns, the first at the end; nothing where that is to be found out.
    /// Some may have nothing to read any more.
    order: Option<Vec<FileKey>>,
}

impl Turns {
    /// Whether nothing is to be read.
    pub(super) fn is_empty(&self) -> bool {
        self.files == 0
    }

    /// A file has something to read.
    pub(super) fn add(&mut self, family: &Family, key: FileKey) {
        if !self.families.contains_key(family) {
            self.families.insert(family.clone(), Ready::default());
            self.queue.push_back(family.clone());
        }
        if let Some(ready) = self.families.get_mut(family)
            && ready.files.insert(key)
        {
            ready.order = None;
            self.files += 1;
        }
    }

    /// A file has nothing more to read. Its family leaves the queue when its turn comes.
    pub(super) fn remove(&mut self, family: &Family, key: FileKey) {
        let ready = self.families.get_mut(family);
        self.files -= usize::from(ready.is_some_and(|ready| ready.files.remove(&key)));
    }

    /// The file whose turn it is. Without a spare decoder, none that needs one.
    pub(super) fn next(
        &mut self,
        files: &BTreeMap<FileKey, Tracked>,
        has_decoder: bool,
    ) -> Option<FileKey> {
        if has_decoder && let Some(family) = self.waiting.pop_front() {
            self.queue.push_back(family);
        }
        while let Some(family) = self.queue.pop_front() {
            let Some(key) = self.families.get_mut(&family).and_then(|ready| ready.first(files))
            else {
                self.families.remove(&family);
                continue;
            };
            let content = files.get(&key).map(|file| &file.content);
            let waits = content.is_some_and(|it| it.is_compressed() && !it.is_decoding());
            if waits && !has_decoder {
                self.waiting.push_back(family);
                continue;
            }
            self.queue.push_back(family);
            return Some(key);
        }
        None
    }
}

/// Orders the files of a log, the oldest first. One that has no name any more is before what was
/// behind it when it had one, and before what was changed later of that which was not there.
pub(super) fn sort_by_age(files: &mut Vec<&Tracked>) {
    let mut nameless = files.clone();
    nameless.retain(|file| file.nameless.is_some());
    files.retain(|file| file.nameless.is_none());
    family::sort(files, |file| (file.rotation.clone(), file.modified));
    nameless.sort_by_key(|file| (file.place, file.key));
    for file in nameless {
        let is_later = |other: &&Tracked| match other.place {
            _ if other.is_newest() => true,
            usize::MAX => other.modified > file.modified,
            place => place > file.place,
        };
        let at = files.iter().position(is_later).unwrap_or(files.len());
        files.insert(at, file);
    }
}

impl Ready {
    fn first(&mut self, files: &BTreeMap<FileKey, Tracked>) -> Option<FileKey> {
        if self.files.is_empty() {
            return None;
        }
        let order = self.order.get_or_insert_with(|| {
            let mut found: Vec<&Tracked> =
                self.files.iter().filter_map(|key| files.get(key)).collect();
            sort_by_age(&mut found);
            // One that is being decompressed holds a decoder until it is through.
            found.sort_by_key(|file| !file.content.is_decoding());
            found.into_iter().rev().map(|file| file.key).collect()
        });
        while order.last().is_some_and(|key| !self.files.contains(key)) {
            order.pop();
        }
        order.last().copied()
    }
}
