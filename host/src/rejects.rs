//! Rejected events, set aside in a file: one JSON document a line.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::events::Rejected;
use crate::run::RunError;

/// A file of rejected events. What is written before a crash stays written.
pub(crate) struct Rejects {
    path: PathBuf,
    file: BufWriter<File>,
}

#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    position: u64,
    reason: &'a str,
    #[serde(flatten)]
    event: Event<'a>,
    /// How long the event is, where `event` is only its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_bytes: Option<u64>,
}

/// The event as text, or in base64 where it is not UTF-8.
#[derive(Serialize)]
enum Event<'a> {
    #[serde(rename = "event")]
    Text(&'a str),
    #[serde(rename = "event_base64")]
    Base64(String),
}

impl Rejects {
    /// Opens the file, and adds to what is there.
    pub(crate) fn create(path: &Path) -> std::io::Result<Rejects> {
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Rejects { path: path.to_owned(), file: BufWriter::new(file) })
    }

    pub(crate) fn write(&mut self, rejected: &Rejected) -> Result<(), RunError> {
        let event = match std::str::from_utf8(&rejected.line) {
            Ok(text) => Event::Text(text),
            Err(_) => Event::Base64(BASE64_STANDARD.encode(&rejected.line)),
        };
        let line = Line {
            line: rejected.line_number(),
            position: rejected.position,
            reason: &rejected.reason,
            event_bytes: (rejected.line_bytes > rejected.line.len() as u64)
                .then_some(rejected.line_bytes),
            event,
        };
        let written = serde_json::to_writer(&mut self.file, &line).map_err(std::io::Error::from);
        let written = written.and_then(|()| self.file.write_all(b"\n"));
        // A rejected event must not be lost because the flow goes on: it is out before the next.
        written.and_then(|()| self.file.flush()).map_err(|error| self.error(error))
    }

    /// Makes sure that the file outlives a power cut.
    pub(crate) fn finish(&mut self) -> Result<(), RunError> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(|error| self.error(error))
    }

    fn error(&self, error: std::io::Error) -> RunError {
        RunError::Rejects(self.path.clone(), error)
    }
}
