//! Joins the lines of an event that has several, as a stack trace has.

use std::time::Duration;

use regex::bytes::Regex;
use serde::Deserialize;

use super::Crlf;
use crate::age;
use spillway::problem::Problem;

/// `[source.multiline]` as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MultilineConfig {
    /// A regular expression: a line that matches begins an event.
    pub start: Option<String>,
    /// A regular expression: a line that matches belongs to the event before it.
    #[serde(rename = "continue")]
    pub continues: Option<String>,
    /// How many lines an event has at most; 500 by default.
    pub lines_max: Option<u64>,
    /// How long an event of several lines is at most, in bytes; 1 MiB by default.
    pub bytes_max: Option<u64>,
    /// How long an event waits for its next line, where a file is followed; `"1s"` by default.
    pub timeout: Option<String>,
}

/// Finds the events in lines of which several may be one.
///
/// What an event is depends on its lines alone, and on the line behind it, however they were read.
#[derive(Debug, Clone)]
pub struct Multiline {
    pattern: Regex,
    /// Whether a line that matches begins an event, or else belongs to the one before.
    begins: bool,
    lines_max: u64,
    bytes_max: u64,
    timeout: Duration,
    /// Whether a pattern sees the `\r` of a line.
    crlf: Crlf,
}

impl MultilineConfig {
    /// What was meant, for lines with such ends and of so many bytes.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, not just the first.
    pub fn settings(&self, crlf: Crlf, line_bytes_max: u64) -> Result<Multiline, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut wrong = |field: &str, message: String| {
            problems.push(Problem::new(format!("source.multiline{field}"), message));
        };
        let pattern = match (&self.start, &self.continues) {
            (Some(start), None) => Some((".start", start)),
            (None, Some(continues)) => Some((".continue", continues)),
            (Some(_), Some(_)) => {
                let message = "cannot be used together with `start`; remove one of them";
                wrong(".continue", message.to_owned());
                None
            }
            (None, None) => {
                let message = "needs `start`, a regular expression for the first line of an event, \
                               or `continue`, one for its other lines";
                wrong("", message.to_owned());
                None
            }
        };
        let compiled = pattern.and_then(|(field, text)| match compile(text) {
            Ok(pattern) => Some((pattern, field == ".start")),
            Err(message) => {
                wrong(field, message);
                None
            }
        });
        let lines_max = self.lines_max.unwrap_or(LINES_MAX_DEFAULT);
        if lines_max == 0 {
            wrong(".lines_max", "is 0, expected 1 or more".to_owned());
        }
        let bytes_max = self.bytes_max.unwrap_or(BYTES_MAX_DEFAULT.min(line_bytes_max));
        if !(1..=line_bytes_max).contains(&bytes_max) {
            let message =
                format!("is {bytes_max}, expected 1 to {line_bytes_max}, the `line_bytes_max`");
            wrong(".bytes_max", message);
        }
        let timeout = match self.timeout.as_deref().map(age::parse) {
            None => TIMEOUT_DEFAULT,
            Some(Ok(timeout)) => timeout,
            Some(Err(error)) => {
                wrong(".timeout", error.to_string());
                TIMEOUT_DEFAULT
            }
        };
        match compiled {
            Some((pattern, begins)) if problems.is_empty() => {
                Ok(Multiline { pattern, begins, lines_max, bytes_max, timeout, crlf })
            }
            _ => Err(problems),
        }
    }
}

impl Multiline {
    /// Where each event of these lines ends. `ends` are those of the lines in `block`, in which an
    /// event begins. With `is_last`, nothing follows, and the last event is complete.
    ///
    /// What is behind the last end is an event that may go on: it is to be presented again, with
    /// the lines that follow.
    pub(super) fn events(&self, block: &[u8], ends: &[u32], is_last: bool) -> Vec<u32> {
        let mut events = Vec::new();
        let (mut start, mut from, mut lines) = (0, 0, 0);
        for end in ends {
            let line = self.content(&block[from..*end as usize]);
            let is_too_much = (from + line.len() - start) as u64 > self.bytes_max;
            if lines > 0 && (is_too_much || self.pattern.is_match(line) == self.begins) {
                events.push(from as u32);
                (start, lines) = (from, 0);
            }
            lines += 1;
            from = *end as usize;
            // Not even an empty line has room behind it.
            if lines == self.lines_max || (from - start) as u64 > self.bytes_max {
                events.push(*end);
                (start, lines) = (from, 0);
            }
        }
        if is_last && lines > 0 {
            events.push(from as u32);
        }
        events
    }

    /// How many bytes an event of several lines is at most.
    pub(super) fn bytes_max(&self) -> u64 {
        self.bytes_max
    }

    /// How long an event waits for its next line, where a file is followed.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A line without its line end.
    fn content<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        match line.strip_suffix(b"\r") {
            Some(stripped) if self.crlf == Crlf::Strip => stripped,
            _ => line,
        }
    }
}

/// The same rules, as written.
impl PartialEq for Multiline {
    fn eq(&self, other: &Multiline) -> bool {
        let numbers = |of: &Multiline| (of.begins, of.lines_max, of.bytes_max, of.timeout, of.crlf);
        self.pattern.as_str() == other.pattern.as_str() && numbers(self) == numbers(other)
    }
}

impl Eq for Multiline {}

fn compile(text: &str) -> Result<Regex, String> {
    if text.is_empty() {
        return Err("is empty, expected a regular expression".to_owned());
    }
    Regex::new(text).map_err(|error| match error {
        regex::Error::CompiledTooBig(bytes) => {
            format!("takes more than the {bytes} bytes that a regular expression may have")
        }
        // It shows the place below the pattern, and says what is wrong in its last line.
        error => {
            let message = error.to_string();
            let what = message.lines().last().unwrap_or_default();
            let what = what.strip_prefix("error: ").unwrap_or(what);
            format!("`{text}` is not a regular expression: {what}")
        }
    })
}

/// The default of `lines_max`.
const LINES_MAX_DEFAULT: u64 = 500;
/// The default of `bytes_max`: 1 MiB, or `line_bytes_max` where that is less.
const BYTES_MAX_DEFAULT: u64 = 1 << 20;
/// The default of `timeout`.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
