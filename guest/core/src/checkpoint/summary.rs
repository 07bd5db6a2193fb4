//! Summarises the content of a checkpoint, for people and tools.

use super::state::State;
use crate::error::Error;
use crate::object::{Phase, SavedObject, Span};
use crate::time::Timestamp;

/// The content of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// When it was taken, by the clock of the machine that took it.
    pub taken_at: Timestamp,
    /// The lowest position that the next run may begin with.
    pub next_position: u64,
    /// The fields of the configuration that it depends on, and their values.
    pub configuration: Vec<(String, String)>,
    /// The objects that are not visible yet, in the order of creation.
    pub objects: Vec<ObjectSummary>,
    /// Keys and ids of the uploads to abort.
    pub to_abort: Vec<(String, String)>,
}

/// An object that is not visible yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSummary {
    /// Its events.
    pub span: Span,
    /// The id of its upload, if it has one.
    pub upload_id: Option<String>,
    /// Its size in bytes so far.
    pub bytes: u64,
    /// How many of these bytes the checkpoint contains.
    pub held_bytes: u64,
    /// Its phase.
    pub phase: Phase,
}

/// Summarises a checkpoint.
///
/// # Errors
///
/// [`Error::UnknownState`] if it is invalid, with the reason.
pub fn inspect(state: &[u8]) -> Result<Summary, Error> {
    let State { identity, taken_at, writer, incomplete } = State::decode(state)?;
    Ok(Summary {
        taken_at,
        next_position: writer.next_position(),
        configuration: identity,
        objects: writer.objects().iter().map(ObjectSummary::from).collect(),
        to_abort: incomplete.to_abort().to_vec(),
    })
}

impl From<&SavedObject<'_>> for ObjectSummary {
    fn from(saved: &SavedObject<'_>) -> ObjectSummary {
        ObjectSummary {
            span: saved.span().clone(),
            upload_id: saved.upload_id().map(str::to_owned),
            bytes: saved.bytes(),
            held_bytes: saved.held_bytes(),
            phase: saved.phase(),
        }
    }
}
