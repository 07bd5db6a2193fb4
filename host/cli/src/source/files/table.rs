//! The files that are followed, by key, number, path and name.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::family::Family;
use super::paths::FileId;
use super::stream::FileKey;
use super::tracked::Tracked;
use super::turns::{self, Turns};

/// The files that are followed. What is derived of them is never behind: they change in its hands
/// only.
#[derive(Default)]
pub(super) struct Table {
    files: BTreeMap<FileKey, Tracked>,
    by_id: HashMap<FileId, FileKey>,
    by_path: HashMap<PathBuf, FileKey>,
    /// Those of the same name without what rotation adds, in whatever folder.
    by_name: HashMap<String, BTreeSet<FileKey>>,
    /// How many files each folder has.
    folders: HashMap<PathBuf, usize>,
    open: BTreeSet<FileKey>,
    decoding: usize,
    /// Whether each file knows which of its log are older.
    are_ages_noted: bool,
    turns: Turns,
    next_key: u64,
}

/// A file as it was, as far as the table derives something from it.
#[derive(Default)]
struct Before {
    is_open: bool,
    is_decoding: bool,
    is_ready: bool,
    modified: Option<SystemTime>,
}

impl Table {
    /// An empty one, with keys that begin here.
    pub(super) fn from(next_key: u64) -> Table {
        Table { next_key, ..Table::default() }
    }

    /// A key that no file has had.
    pub(super) fn new_key(&mut self) -> FileKey {
        self.next_key += 1;
        FileKey(self.next_key - 1)
    }

    pub(super) fn get(&self, key: FileKey) -> Option<&Tracked> {
        self.files.get(&key)
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &Tracked> {
        self.files.values()
    }

    pub(super) fn by_id(&self, id: FileId) -> Option<&Tracked> {
        self.by_id.get(&id).and_then(|key| self.files.get(key))
    }

    pub(super) fn by_path(&self, path: &Path) -> Option<FileKey> {
        self.by_path.get(path).copied()
    }

    /// The numbers of all files.
    pub(super) fn ids(&self) -> HashSet<FileId> {
        self.by_id.keys().copied().collect()
    }

    /// The files of the logs of this name.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Tracked> {
        self.by_name.get(name).into_iter().flatten().filter_map(|key| self.files.get(key))
    }

    /// The keys of those of which this holds.
    pub(super) fn keys_of(&self, holds: impl Fn(&Tracked) -> bool) -> Vec<FileKey> {
        self.files.values().filter(|file| holds(file)).map(|file| file.key).collect()
    }

    /// The folders they are in.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folders.keys().map(PathBuf::as_path)
    }

    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether nothing is to be read.
    pub(super) fn is_read(&self) -> bool {
        self.turns.is_empty()
    }

    /// The file whose turn it is, where so many are decompressed at a time at most.
    pub(super) fn next(&mut self, decoders_max: usize) -> Option<FileKey> {
        self.turns.next(&self.files, self.decoding < decoders_max)
    }

    pub(super) fn insert(&mut self, file: Tracked) {
        let key = file.key;
        if file.id.inode != 0 {
            self.by_id.insert(file.id, key);
        }
        if file.nameless.is_none() {
            self.by_path.insert(file.path.clone(), key);
        }
        self.add_family(&file.family, key);
        let before = Before::default();
        self.files.insert(key, file);
        self.derive(key, &before);
    }

    pub(super) fn remove(&mut self, key: FileKey) -> Option<Tracked> {
        let before = Before::of(self.files.get(&key)?);
        let file = self.files.remove(&key)?;
        self.are_ages_noted = false;
        if before.is_ready {
            self.turns.remove(&file.family, key);
        }
        self.open.remove(&key);
        self.decoding -= usize::from(before.is_decoding);
        self.remove_id(&file);
        self.remove_path(&file);
        self.remove_family(&file.family, key);
        Some(file)
    }

    /// Changes a file: all but its path, number and names.
    pub(super) fn update<R>(
        &mut self,
        key: FileKey,
        change: impl FnOnce(&mut Tracked) -> R,
    ) -> Option<R> {
        let file = self.files.get_mut(&key)?;
        let before = Before::of(file);
        let result = change(file);
        self.derive(key, &before);
        Some(result)
    }

    /// A file has this path.
    pub(super) fn rename(&mut self, key: FileKey, path: &Path) {
        let Some(mut file) = self.remove(key) else { return };
        file.rename(path);
        file.nameless = None;
        self.insert(file);
    }

    /// A file has no name any more.
    pub(super) fn unname(&mut self, key: FileKey, change: impl FnOnce(&mut Tracked)) {
        let Some(mut file) = self.remove(key) else { return };
        change(&mut file);
        self.insert(file);
    }

    /// Remembers which files of each log are older than others, for when they have no names.
    pub(super) fn note_ages(&mut self) {
        if std::mem::replace(&mut self.are_ages_noted, true) {
            return;
        }
        let mut logs = HashMap::<&Family, Vec<&Tracked>>::new();
        self.files.values().for_each(|file| logs.entry(&file.family).or_default().push(file));
        let mut places = Vec::new();
        for mut files in logs.into_values() {
            turns::sort_by_age(&mut files);
            places.extend(files.iter().enumerate().map(|(place, file)| (file.key, place)));
        }
        for (key, place) in places {
            self.files.get_mut(&key).into_iter().for_each(|file| file.place = place);
        }
    }

    /// Closes files, those first that were not used for long, where more than so many are open:
    /// some more, so that it is seldom done.
    pub(super) fn close_idle(&mut self, max: usize) {
        let Some(excess) = self.open.len().checked_sub(max).filter(|excess| *excess > 0) else {
            return;
        };
        let open = self.open.iter().filter_map(|key| self.files.get(key));
        let mut closable: Vec<&Tracked> = open.filter(|file| file.is_closable()).collect();
        closable.sort_by_key(|file| (file.has_more, file.used));
        let keys: Vec<FileKey> =
            closable.into_iter().take(excess.max(max / 8)).map(|file| file.key).collect();
        for key in keys {
            self.update(key, |file| file.handle = None);
        }
    }

    fn derive(&mut self, key: FileKey, before: &Before) {
        let Some(file) = self.files.get(&key) else { return };
        let now = Before::of(file);
        match (before.is_ready, now.is_ready) {
            (false, true) => self.turns.add(&file.family, key),
            (true, false) => self.turns.remove(&file.family, key),
            _ => {}
        }
        if now.is_open && !before.is_open {
            self.open.insert(key);
        } else if !now.is_open && before.is_open {
            self.open.remove(&key);
        }
        self.are_ages_noted &= now.modified == before.modified;
        self.decoding += usize::from(now.is_decoding);
        self.decoding -= usize::from(before.is_decoding);
    }

    fn remove_id(&mut self, file: &Tracked) {
        if self.by_id.get(&file.id) == Some(&file.key) {
            self.by_id.remove(&file.id);
        }
    }

    fn remove_path(&mut self, file: &Tracked) {
        if self.by_path.get(&file.path) == Some(&file.key) {
            self.by_path.remove(&file.path);
        }
    }

    fn add_family(&mut self, family: &Family, key: FileKey) {
        self.by_name.entry(family.name.clone()).or_default().insert(key);
        *self.folders.entry(family.folder.clone()).or_default() += 1;
    }

    fn remove_family(&mut self, family: &Family, key: FileKey) {
        if let Some(keys) = self.by_name.get_mut(&family.name) {
            keys.remove(&key);
            if keys.is_empty() {
                self.by_name.remove(&family.name);
            }
        }
        if let Some(count) = self.folders.get_mut(&family.folder) {
            *count -= 1;
            if *count == 0 {
                self.folders.remove(&family.folder);
            }
        }
    }
}

impl Before {
    fn of(file: &Tracked) -> Before {
        Before {
            is_open: file.handle.is_some(),
            is_decoding: file.content.is_decoding(),
            is_ready: file.is_ready(),
            modified: Some(file.modified),
        }
    }
}
