//! What an object takes of the memory.

use super::Object;
use super::state::{Sent, State};
use crate::encode::Encoder;
use crate::settings::PartSizes;

impl Object {
    /// The bytes that only this memory has, and what encoding them takes.
    pub(crate) fn held(&self) -> u64 {
        let sending = match &self.state {
            State::Putting { body, .. }
            | State::Verifying { sent: Sent::AtOnce { body, .. }, .. } => body.len(),
            State::Uploading(parts) | State::Completing(parts) => parts.unstored(),
            State::Restarting(parts) => parts.unstored() + parts.spare(),
            _ => 0,
        };
        self.buffer.len() + self.encoding() + sending
    }

    /// The bytes that encoding takes beside those it has given out.
    fn encoding(&self) -> u64 {
        self.encoder.as_ref().map_or(0, Encoder::memory_bytes)
    }

    /// Of an object that is not sealed, the bytes that only further events would send: what will be
    /// left in memory once all requests are answered.
    pub(crate) fn idle(&self, sizes: PartSizes) -> u64 {
        let (rest, encoding) = (self.buffer.len(), self.encoding());
        match &self.state {
            _ if self.failure.is_some() => encoding,
            State::Naming { .. } | State::Filling | State::Creating => {
                encoding + sizes.rest(rest, 1)
            }
            State::Restarting(_) => encoding + sizes.rest(self.held() - encoding, 1),
            State::Uploading(parts) => encoding + sizes.rest(rest, parts.count() + 1),
            _ => encoding,
        }
    }

    /// The bytes that the store has too, kept in case the upload must begin again.
    pub(crate) fn spare(&self) -> u64 {
        match &self.state {
            State::Uploading(parts)
            | State::Completing(parts)
            | State::Verifying { sent: Sent::InParts(parts), .. } => parts.spare(),
            _ => 0,
        }
    }

    /// Lets go of spare bytes, up to `wanted`, and returns how many they were.
    pub(crate) fn evict_spare(&mut self, wanted: u64) -> u64 {
        match &mut self.state {
            State::Uploading(parts)
            | State::Completing(parts)
            | State::Verifying { sent: Sent::InParts(parts), .. } => parts.evict_spare(wanted),
            _ => 0,
        }
    }
}
