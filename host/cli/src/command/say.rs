//! Lines on standard output. Where one cannot be written the work goes on: what is open is to be
//! completed, heard or not. How the command ends says what was not heard. Who closed the pipe, as
//! `head` does, has heard enough, and that is no failure.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Write as _};
use std::sync::{Mutex, PoisonError};

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
        $crate::command::say::line(&format!($($text)*));
    }};
}

pub(super) use say;

/// Writes a line, without what a terminal would act on. Returns whether it was written, or nobody
/// wants it.
pub(super) fn line(text: &str) -> bool {
    heard(writeln!(io::stdout(), "{}", shown(text)))
}

/// Takes in how something was written to standard output. Returns whether it was, or nobody wants
/// it.
pub(super) fn heard(written: io::Result<()>) -> bool {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            UNHEARD.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            false
        }
        _ => true,
    }
}

/// Why something that was to be written to standard output was not, if so.
pub(super) fn unheard() -> Option<io::Error> {
    heard(io::stdout().flush());
    UNHEARD.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// There is one standard output, so there is one of it.
static UNHEARD: Mutex<Option<io::Error>> = Mutex::new(None);
