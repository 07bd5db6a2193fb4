//! Texts and lists of others on their way to a person: as much of them as there is room for.

use std::borrow::Cow;

use crate::escape;

/// The text, or its beginning with `…` behind it.
pub(crate) fn text(text: &str, chars_max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}…", &text[..at]).into(),
        None => text.into(),
    }
}

/// The name or the id of something in a store, in one line: whole, unless it is longer than any
/// store gives.
pub(crate) fn name(name: &str) -> String {
    text(&escape::line(name), NAME_CHARS_MAX).into_owned()
}

/// What a component says of something, in a message of several such: as much as tells it from
/// others.
pub(crate) fn said(said: &str) -> String {
    text(&escape::line(said), SAID_CHARS_MAX).into_owned()
}

/// The first of them with commas between, and how many there are more.
pub(crate) fn list(mut items: impl ExactSizeIterator<Item = String>, most: usize) -> String {
    let shown: Vec<_> = items.by_ref().take(most).collect();
    let shown = shown.join(", ");
    match items.len() {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A name in S3 has 1,024 bytes at most, and the longest ids that stores give have a few hundred.
const NAME_CHARS_MAX: usize = 1_024;
const SAID_CHARS_MAX: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_ends_between_characters() {
        assert!(matches!(text("éé", 2), Cow::Borrowed("éé")));
        assert_eq!(text("ééé", 2), "éé…");
        assert_eq!(name(&"k".repeat(1_024)), "k".repeat(1_024));
        assert_eq!(name(&"\u{202e}".repeat(1_024)).chars().count(), 1_025);
        assert_eq!(said("a\nb"), "a\\nb");
        assert_eq!(said(&"\n".repeat(200)).chars().count(), 201);
    }

    #[test]
    fn what_is_not_listed_is_counted() {
        let items = |count: usize| (0..count).map(|n| n.to_string());
        assert_eq!(list(items(0), 2), "");
        assert_eq!(list(items(2), 2), "0, 1");
        assert_eq!(list(items(5), 2), "0, 1 and 3 more");
    }
}
