//! What the command says, and how it ends.

use std::fmt::Write as _;

use wasip2::cli::{stderr, stdout};
use wasip2::io::streams::OutputStream;

use crate::bindings::spillway::sink::types::Error;

/// Why the command ends without having stored everything.
pub(crate) enum Stop {
    /// These arguments are wrong.
    Usage(Vec<String>),
    /// Something failed later.
    Failed(String),
}

impl Stop {
    /// Says it, and returns the exit code.
    pub(crate) fn report(self) -> u8 {
        match self {
            Stop::Usage(problems) => {
                problems.iter().for_each(|problem| warn(problem));
                2
            }
            Stop::Failed(why) => {
                warn(&why);
                1
            }
        }
    }
}

/// Says something on standard error, as one line. Nothing can be done where that is closed.
pub(crate) fn warn(message: &str) {
    let mut line = "spillway: ".to_owned();
    for c in message.chars() {
        // A text of the store or of an event must not move the cursor or forge a line.
        let _ = if c.is_control() {
            write!(line, "{}", c.escape_default())
        } else {
            write!(line, "{c}")
        };
    }
    line.push('\n');
    let _ = write(&stderr::get_stderr(), &line);
}

/// Prints something on standard output.
///
/// # Errors
///
/// Standard output cannot be written.
pub(crate) fn out(text: &str) -> Result<(), Stop> {
    let unheard = |()| Stop::Failed("standard output cannot be written".to_owned());
    write(&stdout::get_stdout(), text).map_err(unheard)
}

fn write(stream: &OutputStream, text: &str) -> Result<(), ()> {
    // A stream takes so many bytes at once.
    for piece in text.as_bytes().chunks(4_096) {
        stream.blocking_write_and_flush(piece).map_err(drop)?;
    }
    Ok(())
}

/// An error of the sink as a sentence.
pub(crate) fn explain(error: &Error) -> String {
    match error {
        Error::Invalid(problems) => {
            let told = problems.iter().map(|p| format!("{}: {}", p.field, p.message));
            told.collect::<Vec<_>>().join("; ")
        }
        Error::Denied(text)
        | Error::Unavailable(text)
        | Error::UnknownState(text)
        | Error::Conflict(text)
        | Error::Unsupported(text) => text.clone(),
        Error::Busy => "the sink takes nothing more before a checkpoint, and none are taken".into(),
        Error::Closed => "the sink is closed".into(),
        Error::Aborted => "the sink was closed before the events were stored".into(),
    }
}
