//! Where an object lies below the folder of its bucket.
//!
//! A key is any text of up to 1,024 bytes, a path is not. A plain key is its own path. What a path
//! cannot say is said with `%`, which therefore never stands for itself:
//!
//! | in the key | in the path |
//! |---|---|
//! | `%`, `\` and control characters | `%25`, `%5C`, `%0A` ... |
//! | a segment `.` or `..` | `%2E`, `%2E%2E` |
//! | an empty segment, as in `a//b`, `/a` and `a/` | `%empty` |
//! | a segment longer than a file name may be | pieces, each but the last ending in `%more` |
//! | the object `a` beside objects below `a/` | `a%object` beside the folder `a` |
//!
//! Two keys never share a path, provided that the file system tells names apart by their bytes.

use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;

/// The path of an object, relative to the folder of its bucket; all of its parts are plain names.
pub(super) fn path_of(key: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for segment in key.split('/') {
        push_segment(&mut path, segment);
    }
    path
}

/// The path of an object whose own path is taken by a folder.
pub(super) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(OBJECT);
    PathBuf::from(name)
}

/// The key of the object that lies at `relative`, or `None` where no object can lie.
pub(super) fn key_of(relative: &Path) -> Option<String> {
    let text = relative.to_str()?;
    let plain = text.strip_suffix(OBJECT).unwrap_or(text);
    if plain.is_empty() || plain.ends_with('/') {
        return None;
    }
    let mut key = String::with_capacity(plain.len());
    let mut separator = "";
    for component in Path::new(plain).components() {
        let Component::Normal(name) = component else {
            return None;
        };
        let name = name.to_str()?;
        key.push_str(separator);
        let (name, next_separator) = match name.strip_suffix(MORE) {
            Some(piece) => (piece, ""),
            None => (name, "/"),
        };
        if name != EMPTY {
            key.push_str(&percent_decode_str(name).decode_utf8().ok()?);
        }
        separator = next_separator;
    }
    // A name that no key is given, such as `%41` for `A`, is a stranger's file.
    (path_of(&key) == Path::new(plain)).then_some(key)
}

fn push_segment(path: &mut PathBuf, segment: &str) {
    if segment.is_empty() {
        path.push(EMPTY);
        return;
    }
    let mut name = String::new();
    for character in segment.chars() {
        let piece = escape(character);
        if name.len() + piece.len() > NAME_BYTES_MAX {
            path.push(name + MORE);
            name = String::new();
        }
        name.push_str(&piece);
    }
    // The last piece of a long segment can be one of these as well as a whole segment.
    match name.as_str() {
        "." => path.push("%2E"),
        ".." => path.push("%2E%2E"),
        _ => path.push(name),
    }
}

fn escape(character: char) -> String {
    if character.is_control() || matches!(character, '%' | '\\') {
        let mut bytes = [0; 4];
        let text = character.encode_utf8(&mut bytes);
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    } else {
        character.to_string()
    }
}

/// Linux and macOS take names of 255 bytes; the longest ending must still fit.
const NAME_BYTES_MAX: usize = 255 - OBJECT.len();

/// Marks begin with `%` and a letter that is no hexadecimal digit follows before two are read,
/// so that none is taken for an escape, nor for one another.
const EMPTY: &str = "%empty";
const MORE: &str = "%more";
const OBJECT: &str = "%object";

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn plain_keys_are_their_own_paths() {
        for key in ["key1", "a/b/c.json", "year=2024/é ü+~!'()*.txt", ".hidden", "...", "a b"] {
            assert_eq!(path_of(key), Path::new(key));
        }
    }

    #[test]
    fn every_key_has_a_path_of_its_own_that_leads_back() {
        let long = "x".repeat(1_024);
        let wide = "ж".repeat(400);
        let dots = format!("{}..", "y".repeat(NAME_BYTES_MAX));
        let keys = [
            "a/b",
            "a//b",
            "a///b",
            "/a/b",
            "//a/b",
            "a/b/",
            "a/b//",
            "/",
            "//",
            ".",
            "..",
            "...",
            "../a",
            "a/../b",
            "a/./b",
            "a/..",
            "../../etc/passwd",
            "%",
            "%%",
            "%41",
            "A",
            "%2E",
            "%empty",
            "a%object",
            "a%more/b",
            "a%more",
            "100%",
            "%2f",
            "a\\..\\b",
            "a\nb",
            "\u{85}",
            "\u{0}",
            "a\u{7f}",
            &long,
            &long[1..],
            &wide,
            &dots,
            "a%empty",
            "+",
            " ",
            "a ",
        ];
        let mut paths = HashSet::new();
        for key in keys {
            let path = path_of(key);
            assert_eq!(key_of(&path).as_deref(), Some(key));
            assert_eq!(key_of(&beside(&path)).as_deref(), Some(key));
            let names = path.components().all(|part| match part {
                Component::Normal(name) => name.len() <= NAME_BYTES_MAX + MORE.len(),
                _ => false,
            });
            assert!(names && !path.to_str().unwrap().contains("//"), "{path:?}");
            assert!(paths.insert(path.clone()) && paths.insert(beside(&path)), "{path:?}");
        }
    }

    #[test]
    fn names_of_strangers_are_no_keys() {
        for name in
            ["%41", "100%", "%2e", "a/%zz", "../a", "/a", "short%more/a", "a/%object", "%object"]
        {
            assert_eq!(key_of(Path::new(name)), None, "{name}");
        }
    }
}
