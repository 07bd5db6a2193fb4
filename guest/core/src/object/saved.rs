//! Saves an object for a checkpoint, and restores it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_bytes::Bytes as Piece;

use super::buffer::Buffer;
use super::name::ObjectName;
use super::parts::{Parts, SavedParts};
use super::state::{Sent, State};
use super::{Object, Span, Visibility};
use crate::encode::Encoder;
use crate::error::Error;
use crate::naming::Stem;
use crate::settings::Settings;

/// An object that is not visible yet. It borrows its bytes: from the object that was saved, or from
/// the checkpoint that was read. There is no `Debug`, since these are bytes of events.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedObject<'a> {
    span: Span,
    phase: SavedPhase,
    /// The size of the object so far.
    bytes: u64,
    /// The acknowledged parts.
    parts: Option<SavedParts>,
    /// The other bytes.
    #[serde(borrow)]
    rest: Vec<&'a Piece>,
    stem: Stem,
    number: u64,
    nonce: String,
    restarts: u32,
}

/// The phase of an object, with what is needed to continue it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum SavedPhase {
    /// It may get more events. The encoder needs to know whether it has any.
    Open { has_events: bool },
    /// It gets no more events.
    Sealed,
    /// The checkpoint permits it to become visible.
    Committed,
    /// It has failed. It may still get events.
    Failed(Error),
}

/// The phase of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It may get more events.
    Open,
    /// It gets no more events, and waits for a commit.
    Sealed,
    /// It may become visible as soon as the checkpoint is resumed, and may be visible already.
    Committed,
    /// It has failed.
    Failed,
}

impl Object {
    /// Saves the object. `None` if it has ended and was reported.
    ///
    /// # Panics
    ///
    /// If the object is not at rest.
    pub(crate) fn save(&self) -> Option<SavedObject<'_>> {
        assert!(self.is_at_rest(), "an object must be at rest to be saved");
        let phase = match (&self.failure, &self.encoder, self.visibility) {
            (Some(cause), Some(_), _) => SavedPhase::Failed(cause.clone()),
            (Some(_), None, _) => return None,
            (None, Some(encoder), _) => SavedPhase::Open { has_events: encoder.has_events() },
            (None, None, Visibility::Pending) => SavedPhase::Sealed,
            (None, None, _) => SavedPhase::Committed,
        };
        let buffered = || self.buffer.pieces().map(Piece::new).collect();
        let (parts, rest) = match &self.state {
            State::Putting { body, .. }
            | State::Verifying { sent: Sent::AtOnce { body, .. }, .. } => {
                (None, body.pieces().iter().map(|piece| Piece::new(piece)).collect())
            }
            State::Uploading(parts)
            | State::Completing(parts)
            | State::Verifying { sent: Sent::InParts(parts), .. } => {
                (Some(parts.save()), buffered())
            }
            State::Visible { .. } => return None,
            _ => (None, buffered()),
        };
        let (stem, number) = self.name.saved();
        Some(SavedObject {
            span: self.span.clone(),
            phase,
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

impl SavedObject<'_> {
    /// Its events.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Its size in bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The id of its upload, if it has one.
    pub(crate) fn upload_id(&self) -> Option<&str> {
        self.parts.as_ref().map(|parts| parts.upload_id.as_str())
    }

    /// Its phase.
    pub(crate) fn phase(&self) -> Phase {
        match self.phase {
            SavedPhase::Open { .. } => Phase::Open,
            SavedPhase::Sealed => Phase::Sealed,
            SavedPhase::Committed => Phase::Committed,
            SavedPhase::Failed(_) => Phase::Failed,
        }
    }

    /// Whether it may get more events.
    pub(crate) fn takes_events(&self) -> bool {
        matches!(self.phase, SavedPhase::Open { .. } | SavedPhase::Failed(_))
    }

    /// How many of its bytes the checkpoint contains.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.rest.iter().map(|piece| piece.len() as u64).sum()
    }

    /// What is invalid about it, if anything. An invalid object was not written by this program.
    pub(crate) fn flaw(&self) -> Option<&'static str> {
        let stored = self.parts.as_ref().map_or(Some(0), SavedParts::bytes);
        let bytes = stored.and_then(|stored| stored.checked_add(self.held_bytes()));
        let is_failed = matches!(self.phase, SavedPhase::Failed(_));
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

    /// Restores the object.
    pub(crate) fn resume(self, settings: &Settings) -> Object {
        let mut buffer = Buffer::default();
        self.rest.iter().for_each(|piece| buffer.push(Bytes::copy_from_slice(piece)));
        let (encoding, mut encoder) = (settings.upload.encoding, None);
        let (mut visibility, mut failure, mut may_be_there) = (Visibility::Pending, None, false);
        match self.phase {
            SavedPhase::Open { has_events } => {
                encoder = Some(Encoder::resume(encoding, has_events))
            }
            SavedPhase::Sealed => {}
            SavedPhase::Committed => (visibility, may_be_there) = (Visibility::Committed, true),
            SavedPhase::Failed(cause) => {
                encoder = Some(Encoder::new(encoding).uncompressed());
                failure = Some(cause);
                buffer.clear();
            }
        }
        let state = match self.parts {
            _ if failure.is_some() => State::Failed,
            Some(parts) => State::Uploading(Parts::resume(parts, settings.upload.checksum)),
            None => State::Filling,
        };
        Object {
            span: self.span,
            name: ObjectName::resume(self.stem, self.number, settings.names.on_existing),
            nonce: self.nonce,
            bytes: self.bytes,
            is_sealed: encoder.is_none(),
            outstanding: 0,
            is_cancelled: false,
            visibility,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{Framing, Run};

    /// No call could complete it.
    #[test]
    fn an_upload_without_a_part_is_refused() {
        let settings = Settings::parse(r#"{"bucket": "bbb"}"#).expect("a configuration");
        let name = ObjectName::resume(Stem::default(), 0, settings.names.on_existing);
        let span = Span::begin("a".to_owned(), "a".to_owned(), 0);
        let (nonce, visibility) = ("n".to_owned(), Visibility::Pending);
        let mut object = Object::new(span, nonce, name, settings.upload.encoding, visibility);
        let run = Run::new("a".to_owned(), 0, "1".into(), vec![1], Framing::Bare);
        assert!(object.push(run.expect("a run"), None).is_none());
        let mut saved = object.save().expect("it is open");
        assert_eq!(saved.flaw(), None);
        saved.rest.clear();
        (saved.bytes, saved.parts) = (0, Some(Parts::new("id".to_owned()).save()));
        assert_eq!(saved.flaw(), Some("an upload without a part"));
    }
}
