//! Lines on standard output. If a line cannot be written, the work continues, so that open objects
//! are completed; the command then exits with a failure. A closed pipe, as with `head`, is no
//! failure.

use std::io::{self, ErrorKind, Write as _};
use std::sync::{Mutex, PoisonError};

use crate::escape;

/// A line on standard output.
macro_rules! outln {
    ($($text:tt)*) => {{
        $crate::command::output::line(&format!($($text)*));
    }};
}

pub(super) use outln;

/// Writes a line, or several, escaped. A text of others in it is to be one line before. Returns
/// false if it could not be written; a closed pipe counts as written.
pub(super) fn line(text: &str) -> bool {
    heard(writeln!(io::stdout(), "{}", escape::text(text)))
}

/// Writes a line that is a JSON document. Returns as [`line`] does.
pub(super) fn document(json: &impl std::fmt::Display) -> bool {
    heard(writeln!(io::stdout(), "{}", escape::json(&json.to_string())))
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
