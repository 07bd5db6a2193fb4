//! Which files are one log: the one that is written, and those that were rotated out of it.

use std::cmp::Reverse;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The log that a file belongs to: the path without what rotation adds to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Family {
    // First, since names differ more often than folders, and are compared faster.
    pub(super) name: String,
    pub(super) folder: PathBuf,
}

/// What rotation has added to the name of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rotation {
    /// Nothing: the file is being written.
    None,
    /// A number that rises with age, as in `app.log.2.gz`.
    Number(u64),
    /// A date, as in `app.log-20260501`.
    Date(String),
    /// The ending of a format of compression alone.
    Compressed,
}

/// Splits the path of a file into its family and what rotation has added.
pub(super) fn split(path: &Path) -> (Family, Rotation) {
    let name = path.file_name().unwrap_or(OsStr::new("")).to_string_lossy();
    let (name, rotation) = split_name(&name);
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    (Family { folder, name }, rotation)
}

fn split_name(name: &str) -> (String, Rotation) {
    let plain = COMPRESSED.iter().find_map(|ending| name.strip_suffix(ending));
    let is_compressed = plain.is_some();
    let plain = plain.unwrap_or(name);
    if let Some((base, rotation)) = rotated(plain) {
        return (base.to_owned(), rotation);
    }
    // `logrotate` puts it before an ending that is to stay.
    if let Some((stem, ending)) = plain.rsplit_once('.')
        && let Some((base, rotation)) = rotated(stem)
    {
        return (format!("{base}.{ending}"), rotation);
    }
    let rotation = if is_compressed { Rotation::Compressed } else { Rotation::None };
    (plain.to_owned(), rotation)
}

/// The name before a number or a date at its end.
fn rotated(name: &str) -> Option<(&str, Rotation)> {
    let is_of_date = |c: char| c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | ':' | 'T' | 'Z');
    let base = name.trim_end_matches(is_of_date);
    // From the left, the first separator behind which a date stands, or a number alone.
    let separators =
        name[base.len()..].char_indices().filter(|(_, c)| matches!(c, '-' | '_' | '.'));
    for (at, separator) in separators {
        let (base, suffix) = name.split_at(base.len() + at);
        let suffix = &suffix[1..];
        if base.is_empty() || suffix.is_empty() {
            continue;
        }
        if is_date(suffix) {
            return Some((base, Rotation::Date(suffix.to_owned())));
        }
        let is_number =
            suffix.len() <= NUMBER_DIGITS_MAX && suffix.bytes().all(|byte| byte.is_ascii_digit());
        if separator == '.' && is_number {
            return Some((base, Rotation::Number(suffix.parse().ok()?)));
        }
    }
    None
}

/// Whether it begins with a year, a month and a day.
fn is_date(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).take(8).collect();
    let number = |range: std::ops::Range<usize>| digits[range].parse::<u32>().unwrap_or_default();
    text.starts_with(|c: char| c.is_ascii_digit())
        && digits.len() == 8
        && (1970..2200).contains(&number(0..4))
        && (1..=12).contains(&number(4..6))
        && (1..=31).contains(&number(6..8))
}

/// Orders the files of a family, the oldest first. Numbers and dates tell where all of them have
/// one; otherwise the time of the last change does. What is being written is the newest.
pub(super) fn sort<T>(files: &mut [T], of: impl Fn(&T) -> (Rotation, SystemTime)) {
    let is_kind = |kind: fn(&Rotation) -> bool| {
        files.iter().map(|file| of(file).0).all(|rotation| is_newest(&rotation) || kind(&rotation))
    };
    let by_number = is_kind(|rotation| matches!(rotation, Rotation::Number(_)));
    let by_date = is_kind(|rotation| matches!(rotation, Rotation::Date(_)));
    files.sort_by_cached_key(|file| {
        let (rotation, modified) = of(file);
        let (mut number, mut date) = (Reverse(0), String::new());
        match &rotation {
            Rotation::Number(found) if by_number => number = Reverse(*found),
            Rotation::Date(found) if by_date => date.clone_from(found),
            _ => {}
        }
        (is_newest(&rotation), number, date, modified)
    });
}

fn is_newest(rotation: &Rotation) -> bool {
    *rotation == Rotation::None
}

const COMPRESSED: [&str; 5] = [".gz", ".zst", ".bz2", ".xz", ".Z"];
/// A longer number is a time.
const NUMBER_DIGITS_MAX: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_rotation_adds_is_taken_off() {
        let date = |text: &str| Rotation::Date(text.to_owned());
        for (name, base, rotation) in [
            ("app.log", "app.log", Rotation::None),
            ("app.log.1", "app.log", Rotation::Number(1)),
            ("app.log.12.gz", "app.log", Rotation::Number(12)),
            ("app.log.gz", "app.log", Rotation::Compressed),
            ("app.log-20260501", "app.log", date("20260501")),
            ("app.log-20260501.gz", "app.log", date("20260501")),
            ("app-20260501.log", "app.log", date("20260501")),
            ("app-2026-05-01.log.zst", "app.log", date("2026-05-01")),
            ("app.log.20260501-133000", "app.log", date("20260501-133000")),
            ("0.log.20260501-133000.gz", "0.log", date("20260501-133000")),
            ("app.1.log", "app.log", Rotation::Number(1)),
            ("worker-1.log", "worker-1.log", Rotation::None),
            ("syslog", "syslog", Rotation::None),
            ("syslog.1", "syslog", Rotation::Number(1)),
            (".1", ".1", Rotation::None),
            ("app-99999999.log", "app-99999999.log", Rotation::None),
        ] {
            let (family, found) = split(&Path::new("/var/log").join(name));
            assert_eq!((family.name.as_str(), found), (base, rotation), "{name}");
            assert_eq!(family.folder, Path::new("/var/log"));
        }
    }

    #[test]
    fn the_oldest_comes_first() {
        let time = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for (files, wanted) in [
            (
                vec![("a.log", 1), ("a.log.1", 9), ("a.log.10.gz", 5), ("a.log.2.gz", 7)],
                vec!["a.log.10.gz", "a.log.2.gz", "a.log.1", "a.log"],
            ),
            (
                vec![("a.log", 1), ("a.log-20260502", 3), ("a.log-20260501", 9)],
                vec!["a.log-20260501", "a.log-20260502", "a.log"],
            ),
            (
                vec![("a.log-20260502", 3), ("a.log.1", 2), ("a.log", 0)],
                vec!["a.log.1", "a.log-20260502", "a.log"],
            ),
        ] {
            let mut files = files;
            sort(&mut files, |(name, modified)| (split(Path::new(name)).1, time(*modified)));
            let names: Vec<_> = files.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, wanted);
        }
    }
}
