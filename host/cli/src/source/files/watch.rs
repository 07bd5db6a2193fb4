//! Hears from the system that files have changed, so that nobody waits for the next look.
//!
//! What is heard is no more than a hint: some file systems say nothing, and a queue that overflows
//! forgets. Every file is looked at in any case, once a second.

use std::collections::HashSet;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use crate::source::queue::Waker;

/// Hears of changes in folders.
pub(super) struct Watch {
    watcher: Option<RecommendedWatcher>,
    watched: HashSet<PathBuf>,
    heard: Arc<Mutex<Heard>>,
    working_folder: PathBuf,
}

/// What was heard since it was last asked for.
#[derive(Default)]
pub(super) struct Heard {
    /// The files that have other content.
    pub(super) files: HashSet<PathBuf>,
    /// Whether names have changed, or there was too much to hear.
    pub(super) names: bool,
}

impl Watch {
    /// Wakes the reader where something is heard. Where the system has nothing to offer, nothing
    /// ever is.
    pub(super) fn new(waker: Waker) -> Watch {
        let heard = Arc::<Mutex<Heard>>::default();
        let hearing = Arc::clone(&heard);
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if hearing.lock().unwrap_or_else(PoisonError::into_inner).hear(event) {
                waker.wake();
            }
        });
        let working_folder = std::env::current_dir().unwrap_or_default();
        Watch { watcher: watcher.ok(), watched: HashSet::new(), heard, working_folder }
    }

    /// Watches these folders, as far as they are there, and no others.
    pub(super) fn set(&mut self, folders: HashSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        for folder in self.watched.difference(&folders) {
            // It may be gone, and its watch with it.
            let _ = watcher.unwatch(folder);
        }
        let before = mem::take(&mut self.watched);
        for folder in folders {
            let is_watched = before.contains(&folder)
                || watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok();
            if is_watched {
                self.watched.insert(folder);
            }
        }
    }

    /// What was heard since this was last asked. Paths are as the flow writes them.
    pub(super) fn take(&self) -> Heard {
        let mut heard = mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        let own = |path: PathBuf| match path.strip_prefix(&self.working_folder) {
            Ok(relative) if !self.is_absolute(&path) => relative.to_owned(),
            _ => path.strip_prefix("./").map(Path::to_owned).unwrap_or(path),
        };
        heard.files = heard.files.into_iter().map(own).collect();
        heard
    }

    fn is_absolute(&self, path: &Path) -> bool {
        path.parent().is_some_and(|folder| self.watched.contains(folder))
    }
}

impl Heard {
    /// Returns whether it is something new.
    fn hear(&mut self, event: notify::Result<Event>) -> bool {
        let Ok(event) = event else { return !mem::replace(&mut self.names, true) };
        match event.kind {
            EventKind::Access(_) => false,
            EventKind::Modify(notify::event::ModifyKind::Data(_)) if !event.need_rescan() => {
                if self.files.len() >= HEARD_MAX {
                    return !mem::replace(&mut self.names, true);
                }
                let before = self.files.len();
                self.files.extend(event.paths);
                self.files.len() > before
            }
            _ => !mem::replace(&mut self.names, true),
        }
    }
}

/// Beyond so many files all are looked at.
const HEARD_MAX: usize = 4_096;
