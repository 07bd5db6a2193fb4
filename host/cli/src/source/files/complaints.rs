//! What is wrong with files, said once for as long as it stays so.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::paths::is_absent;
use super::stream::Notice;

/// What was said of each path.
#[derive(Default)]
pub(super) struct Complaints {
    said: HashMap<PathBuf, String>,
}

impl Complaints {
    /// Something is wrong with a path. Returns what is to be said of it, unless it was.
    pub(super) fn add(&mut self, path: &Path, what: &str, error: &io::Error) -> Option<Notice> {
        let message = format!("`{}` {what}, and is tried again: {error}", path.display());
        if self.said.get(path) == Some(&message) {
            return None;
        }
        self.said.insert(path.to_owned(), message.clone());
        Some(Notice { is_warning: true, message })
    }

    /// Forgets what was said of paths that are those of nothing any more.
    pub(super) fn forget_absent(&mut self) {
        let is_there = |path: &PathBuf| match fs::symlink_metadata(path) {
            Ok(_) => true,
            Err(error) => !is_absent(&error),
        };
        self.said.retain(|path, _| is_there(path));
    }

    /// All is well with a path.
    pub(super) fn remove(&mut self, path: &Path) {
        if !self.said.is_empty() {
            self.said.remove(path);
        }
    }
}
