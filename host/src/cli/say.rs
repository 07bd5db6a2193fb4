//! Lines for whoever listens. Where nobody does any more, as behind `| head -1`, the work goes on:
//! what is open is to be completed, heard or not.

use std::borrow::Cow;

/// The text without what a terminal would act on. Keys, a component's words and a store's answers
/// are all in it, and none of them shall colour or clear a person's screen.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c.escape_default().to_string())
}

/// The same on one line: a key is any text, also one whose second line looks like another message.
pub(super) fn one_line(text: &str) -> String {
    shown(text).replace('\n', "\\n")
}

/// The text with `escape` in the place of each character that a terminal would act on. Lines stay
/// lines.
pub(super) fn escaped(text: &str, escape: impl Fn(char) -> String) -> Cow<'_, str> {
    let acts = |c: char| c.is_control() && c != '\n';
    if !text.contains(acts) {
        return text.into();
    }
    let escaped = |c: char| if acts(c) { escape(c) } else { c.to_string() };
    text.chars().map(escaped).collect::<String>().into()
}

/// A line on standard output.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), "{}", $crate::cli::say::shown(&format!($($text)*)));
    }};
}

pub(super) use say;
