//! Lines on standard output. If a line cannot be written, the work continues, so that open objects
//! are completed; the command then exits with a failure. A closed pipe, as with `head`, is no
//! failure.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Write as _};
use std::sync::{Mutex, PoisonError};

/// The text with control characters escaped. It may contain keys, messages of a component and
/// answers of a store, which must not change the colours or the content of a terminal.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    escaped(text, |c| c.escape_default().to_string())
}

/// The same for a JSON document, with the escapes of JSON.
pub(super) fn shown_in_json(text: &str) -> Cow<'_, str> {
    escaped(text, |c| format!("\\u{:04x}", u32::from(c)))
}

/// The same on one line: a key is any text, also one whose second line looks like another message.
pub(super) fn one_line(text: &str) -> String {
    shown(text).replace('\n', "\\n")
}

/// The text with `escape` in the place of each character that a terminal would act on. Lines stay
/// lines.
fn escaped(text: &str, escape: impl Fn(char) -> String) -> Cow<'_, str> {
    if !text.contains(acts) {
        return text.into();
    }
    let escaped = |c: char| if acts(c) { escape(c) } else { c.to_string() };
    text.chars().map(escaped).collect::<String>().into()
}

/// Whether it is a control character, or one of those that turn the direction of what follows: with
/// them a key reads as another one.
/// <https://www.unicode.org/reports/tr9/#Bidirectional_Character_Types>
fn acts(c: char) -> bool {
    let turns = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    turns || (c.is_control() && c != '\n')
}

/// A line on standard output.
macro_rules! outln {
    ($($text:tt)*) => {{
        $crate::command::output::line(&format!($($text)*));
    }};
}

pub(super) use outln;

/// Writes a line, with control characters escaped. Returns false if it could not be written; a
/// closed pipe counts as written.
pub(super) fn line(text: &str) -> bool {
    heard(writeln!(io::stdout(), "{}", shown(text)))
}

/// Writes a line that is a JSON document. Returns as [`line`] does.
pub(super) fn document(json: &impl std::fmt::Display) -> bool {
    heard(writeln!(io::stdout(), "{}", shown_in_json(&json.to_string())))
}

/// Records the result of writing to standard output. Returns false if it failed; a closed pipe
/// counts as written.
pub(super) fn heard(written: io::Result<()>) -> bool {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            UNHEARD.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            false
        }
        _ => true,
    }
}

/// The first error of standard output, if any.
pub(super) fn unheard() -> Option<io::Error> {
    heard(io::stdout().flush());
    UNHEARD.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// There is one standard output, so there is one of it.
static UNHEARD: Mutex<Option<io::Error>> = Mutex::new(None);
