//! How a [`Life`] takes the checkpoint over, and keeps it.

use std::time::Duration;

use bytes::Bytes;
use spillway_core::{Error, Input, Reply, StoredState};

use super::super::STATE_NAME;
use super::super::checkpoint::Checkpoint;
use super::{Life, Stage};

/// Bytes that are being stored.
pub(super) struct Storing {
    bytes: Bytes,
    expected: Option<String>,
    pub(super) is_asked: bool,
}

impl Life {
    pub(super) fn on_loaded(&mut self) {
        let Some(Ok(Reply::Loaded(found))) = self.world.sink.take_reply() else {
            return self.give_up();
        };
        let mut left = Duration::ZERO;
        (self.last, self.version) = (Checkpoint::default(), None);
        if let Some(StoredState { bytes, version, age }) = found {
            // An answer that was damaged on its way.
            let Some(found) = Checkpoint::read(&bytes) else { return self.give_up() };
            self.last = found;
            self.version = Some(version);
            // The store tells seconds only, so half a second may be missing at either end.
            let age = age.unwrap_or_default().saturating_sub(Duration::from_secs(1));
            left = self.last.lease.saturating_sub(age);
        }
        self.opens_at = self.world.elapsed() + left;
        self.stage = Stage::Open;
        self.store();
    }

    /// Stores the last checkpoint as its own, before it goes on with its stage.
    pub(super) fn store(&mut self) {
        self.stores += 1;
        let lease = if self.is_last { Duration::ZERO } else { self.behaviour.lease };
        let replaces = self.version.clone().unwrap_or_default();
        let (holder, count) = (self.number, self.stores);
        self.last = Checkpoint { holder, count, replaces, lease, ..self.last.clone() };
        let (bytes, expected) = (self.last.to_bytes().into(), self.version.clone());
        self.storing = Some(Storing { bytes, expected, is_asked: false });
    }

    pub(super) fn ask(&mut self) {
        let Some(storing) = &mut self.storing else { return };
        storing.is_asked = true;
        let (bytes, expected) = (storing.bytes.clone(), storing.expected.clone());
        self.stored_at = self.world.elapsed();
        self.world.feed(Input::StoreState { name: STATE_NAME.to_owned(), bytes, expected });
    }

    pub(super) fn on_stored(&mut self) {
        match self.world.sink.take_reply() {
            Some(Ok(Reply::Stored { version })) => {
                (self.version, self.storing, self.is_holder) = (Some(version), None, true);
            }
            // It may be stored all the same: the very same bytes are stored again.
            Some(Err(Error::Unavailable(_))) => {
                self.storing.iter_mut().for_each(|storing| storing.is_asked = false);
            }
            Some(Err(Error::Conflict(_))) => {
                (self.conflicts, self.storing) = (self.conflicts + 1, None);
                if self.is_holder || self.takes == TAKES_MAX {
                    return self.give_up();
                }
                (self.takes, self.stage) = (self.takes + 1, Stage::Load);
            }
            _ => self.give_up(),
        }
    }

    /// Whether it has done nothing for so long that another may have taken the checkpoint over.
    pub(super) fn must_renew(&self) -> bool {
        let is_at_work = matches!(
            self.stage,
            Stage::Open
                | Stage::Write
                | Stage::Admit
                | Stage::Give
                | Stage::Prepare
                | Stage::Commit
                | Stage::Settle
        );
        let lease = self.behaviour.lease;
        is_at_work && !lease.is_zero() && self.world.elapsed() - self.stored_at > lease
    }
}

/// How often another may be faster while it takes a checkpoint over.
const TAKES_MAX: u32 = 5;
