//! Files that a flow names, and whether two of them are one.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::source::{Input, SourceSettings};

/// Whether the source is this file.
pub(super) fn is_read(source: &SourceSettings, path: &Path) -> bool {
    match &source.input {
        Input::File(source) => is_same(source, path),
        Input::Files(files) => files.paths.names(path),
        Input::Stdin | Input::Kafka(_) => false,
    }
}

/// Whether dead letters go to a file that a checkpoint is, or that is used with it.
pub(super) fn taken_by_letters(path: &Path, letters: &[(&str, &Path)]) -> Option<String> {
    let (field, letters) = letters.iter().find(|(_, letters)| is_same(path, letters))?;
    Some(format!("{} is the file of {field}; name another file", letters.display()))
}

/// Whether both are one file, or will be.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let file = |path: &Path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let name = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    match (file(one), file(other)) {
        (Some(one), Some(other)) => one == other,
        _ => name(one).is_some_and(|one| name(other) == Some(one)),
    }
}
