//! An upload at rest as a checkpoint keeps it, and the upload that it becomes again.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_bytes::Bytes as Piece;

use super::{Permit, Sent, Span, State, Upload};
use crate::buffer::Buffer;
use crate::encode::Encoder;
use crate::error::Error;
use crate::names::Stem;
use crate::naming::Naming;
use crate::parts::{Parts, SavedParts};
use crate::settings::Settings;

/// An object that is not visible yet. Its bytes stay where they are: in the upload that it was made
/// of, or in the checkpoint that it was read from. No `Debug`: they are bytes of events.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedUpload<'a> {
    pub(crate) span: Span,
    pub(crate) course: Course,
    /// Its bytes so far.
    pub(crate) bytes: u64,
    /// What the store has of them.
    pub(crate) parts: Option<SavedParts>,
    /// The others.
    #[serde(borrow)]
    pub(crate) rest: Vec<&'a Piece>,
    stem: Stem,
    number: u64,
    nonce: String,
    restarts: u32,
}

/// How far an object has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Course {
    /// Events may still be added. Whether it has any, the encoder has to know.
    Open { has_events: bool },
    /// Nothing will be added.
    Sealed,
    /// The checkpoint allows it to become visible.
    Committed,
    /// It will not be. Events may still come for it.
    Failed(Error),
}

impl Upload {
    /// What a checkpoint keeps of it; nothing of what is over, and was told.
    ///
    /// # Panics
    ///
    /// Where it is not at rest.
    pub(crate) fn save(&self) -> Option<SavedUpload<'_>> {
        assert!(self.is_at_rest(), "only what is at rest is saved");
        let course = match (&self.failure, &self.encoder, self.permit) {
            (Some(cause), Some(_), _) => Course::Failed(cause.clone()),
            (Some(_), None, _) => return None,
            (None, Some(encoder), _) => Course::Open { has_events: encoder.has_events() },
            (None, None, Permit::Awaited) => Course::Sealed,
            (None, None, _) => Course::Committed,
        };
        let buffered = || self.buffer.pieces().map(Piece::new).collect();
        let (parts, rest) = match &self.state {
            State::Putting { body, .. }
            | State::Settling { sent: Sent::AtOnce { body, .. }, .. } => {
                (None, body.pieces().iter().map(|piece| Piece::new(piece)).collect())
            }
            State::Uploading(parts)
            | State::Completing(parts)
            | State::Settling { sent: Sent::InParts(parts), .. } => {
                (Some(parts.save()), buffered())
            }
            State::Visible { .. } => return None,
            _ => (None, buffered()),
        };
        let (stem, number) = self.naming.saved();
        Some(SavedUpload {
            span: self.span.clone(),
            course,
            bytes: self.bytes,
            parts,
            rest,
            stem: stem.clone(),
            number,
            nonce: self.nonce.clone(),
            restarts: self.restarts,
        })
    }
}

impl SavedUpload<'_> {
    /// How many of its bytes it holds itself.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.rest.iter().map(|piece| piece.len() as u64).sum()
    }

    /// What is wrong with it, if anything is: then it was not written by this program.
    pub(crate) fn flaw(&self) -> Option<&'static str> {
        let stored = self.parts.as_ref().map_or(Some(0), SavedParts::bytes);
        let bytes = stored.and_then(|stored| stored.checked_add(self.held_bytes()));
        let is_failed = matches!(self.course, Course::Failed(_));
        if self.span.object_key.is_empty() || self.nonce.is_empty() {
            Some("an object without a name")
        } else if self.parts.as_ref().is_some_and(|parts| parts.upload_id.is_empty()) {
            Some("an upload without an id")
        } else if self.parts.as_ref().is_some_and(SavedParts::is_empty) {
            Some("an upload without a part")
        } else if !self.stem.is_possible() {
            Some("a name that no template makes")
        } else if !is_failed && bytes != Some(self.bytes) {
            Some("an object whose parts do not add up")
        } else if !self.span.is_sound() {
            Some("events that do not add up")
        } else if self.span.first > self.span.last || self.span.events == 0 {
            Some("an object without events")
        } else {
            None
        }
    }

    /// The upload that it was.
    pub(crate) fn resume(self, settings: &Settings) -> Upload {
        let mut buffer = Buffer::default();
        self.rest.iter().for_each(|piece| buffer.push(Bytes::copy_from_slice(piece)));
        let (encoding, mut encoder) = (settings.encoding, None);
        let (mut permit, mut failure, mut may_be_there) = (Permit::Awaited, None, false);
        match self.course {
            Course::Open { has_events } => encoder = Some(Encoder::resume(encoding, has_events)),
            Course::Sealed => {}
            Course::Committed => (permit, may_be_there) = (Permit::Given, true),
            Course::Failed(cause) => {
                encoder = Some(Encoder::new(encoding).uncompressed());
                failure = Some(cause);
                buffer.clear();
            }
        }
        let state = match self.parts {
            _ if failure.is_some() => State::Failed,
            Some(parts) => State::Uploading(Parts::resume(parts, settings.checksum)),
            None => State::Filling,
        };
        Upload {
            span: self.span,
            naming: Naming::resume(self.stem, self.number, settings.names.on_existing),
            nonce: self.nonce,
            bytes: self.bytes,
            sealed: encoder.is_none(),
            outstanding: 0,
            permit,
            may_be_there,
            surplus: None,
            failure,
            restarts: self.restarts,
            encoder,
            buffer,
            state,
        }
    }
}
