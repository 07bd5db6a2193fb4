//! What the bytes of a checkpoint hold, for people and for tools.

use super::state::State;
use crate::error::Error;
use crate::parts::SavedParts;
use crate::time::Timestamp;
use crate::upload::{Course, SavedUpload, Span};

/// What a checkpoint holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// When it was taken, by the clock of the machine that took it.
    pub taken_at: Timestamp,
    /// The least position that the next run may begin with.
    pub next_position: u64,
    /// The fields of the configuration that it depends on, and their values.
    pub configuration: Vec<(String, String)>,
    /// The objects that are not visible yet, in the order in which they were begun.
    pub objects: Vec<SavedObject>,
    /// Names and ids of uploads that are to be aborted.
    pub to_abort: Vec<(String, String)>,
}

/// An object that is not visible yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedObject {
    /// Its events.
    pub span: Span,
    /// The id of its upload, where one was begun.
    pub upload_id: Option<String>,
    /// Its size in bytes so far.
    pub bytes: u64,
    /// How many of them the checkpoint itself holds.
    pub held_bytes: u64,
    /// How far it has come.
    pub phase: Phase,
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

/// What the bytes of a checkpoint hold.
///
/// # Errors
///
/// [`Error::UnknownState`] with what is wrong with them.
pub fn inspect(state: &[u8]) -> Result<Summary, Error> {
    let State { identity, taken_at, next_position, objects, to_abort, .. } = State::decode(state)?;
    let objects = objects.into_iter().map(SavedObject::from).collect();
    Ok(Summary { taken_at, next_position, configuration: identity, objects, to_abort })
}

impl From<SavedUpload<'_>> for SavedObject {
    fn from(saved: SavedUpload<'_>) -> SavedObject {
        let held_bytes = saved.held_bytes();
        let SavedUpload { span, course, bytes, parts, .. } = saved;
        SavedObject {
            span,
            upload_id: parts.map(|SavedParts { upload_id, .. }| upload_id),
            bytes,
            held_bytes,
            phase: match course {
                Course::Open { .. } => Phase::Open,
                Course::Sealed => Phase::Sealed,
                Course::Committed => Phase::Committed,
                Course::Failed(_) => Phase::Failed,
            },
        }
    }
}
