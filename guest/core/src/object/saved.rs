//! An object at rest as a checkpoint keeps it, and the object that it becomes again.

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

/// An object that is not visible yet. Its bytes stay where they are: in the upload that it was made
/// of, or in the checkpoint that it was read from. No `Debug`: they are bytes of events.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedObject<'a> {
    span: Span,
    course: Course,
    /// Its bytes so far.
    bytes: u64,
    /// What the store has of them.
    parts: Option<SavedParts>,
    /// The others.
    #[serde(borrow)]
    rest: Vec<&'a Piece>,
    stem: Stem,
    number: u64,
    nonce: String,
    restarts: u32,
}

/// How far an object has come, with what it takes to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Course {
    /// Events may still be added. Whether it has any, the encoder has to know.
    Open { has_events: bool },
    /// Nothing will be added.
    Sealed,
    /// The checkpoint allows it to become visible.
    Committed,
    /// It will not be. Events may still come for it.
    Failed(Error),
}

/// How far an object has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Events may still be added.
    Open,
    /// Nothing will be added, and it waits for a checkpoint.
    Sealed,
    /// It becomes visible as soon as the checkpoint is resumed, and may be already.
    Committed,
    /// It will not be.
    Failed,
}

impl Object {
    /// What a checkpoint keeps of it; nothing of what is over, and was told.
    ///
    /// # Panics
    ///
    /// Where it is not at rest.
    pub(crate) fn save(&self) -> Option<SavedObject<'_>> {
        assert!(self.is_at_rest(), "only what is at rest is saved");
        let course = match (&self.failure, &self.encoder, self.visibility) {
            (Some(cause), Some(_), _) => Course::Failed(cause.clone()),
            (Some(_), None, _) => return None,
            (None, Some(encoder), _) => Course::Open { has_events: encoder.has_events() },
            (None, None, Visibility::Pending) => Course::Sealed,
            (None, None, _) => Course::Committed,
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

impl SavedObject<'_> {
    /// Its events.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Its size in bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The id of its upload, where one was begun.
    pub(crate) fn upload_id(&self) -> Option<&str> {
        self.parts.as_ref().map(|parts| parts.upload_id.as_str())
    }

    /// How far it has come.
    pub(crate) fn phase(&self) -> Phase {
        match self.course {
            Course::Open { .. } => Phase::Open,
            Course::Sealed => Phase::Sealed,
            Course::Committed => Phase::Committed,
            Course::Failed(_) => Phase::Failed,
        }
    }

    /// Whether events may still come for it.
    pub(crate) fn takes_events(&self) -> bool {
        matches!(self.course, Course::Open { .. } | Course::Failed(_))
    }

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

    /// The object that it was.
    pub(crate) fn resume(self, settings: &Settings) -> Object {
        let mut buffer = Buffer::default();
        self.rest.iter().for_each(|piece| buffer.push(Bytes::copy_from_slice(piece)));
        let (encoding, mut encoder) = (settings.upload.encoding, None);
        let (mut visibility, mut failure, mut may_be_there) = (Visibility::Pending, None, false);
        match self.course {
            Course::Open { has_events } => encoder = Some(Encoder::resume(encoding, has_events)),
            Course::Sealed => {}
            Course::Committed => (visibility, may_be_there) = (Visibility::Committed, true),
            Course::Failed(cause) => {
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

    /// Nothing could complete it.
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
