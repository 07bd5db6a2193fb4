//! The memory of an object.

use super::Object;
use super::state::{Sent, State};
use crate::encode::Encoder;
use crate::settings::PartSizes;

impl Object {
    /// The bytes that are held and not acknowledged by the store, and the memory of the encoder.
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

    /// The memory of the encoder.
    fn encoding(&self) -> u64 {
        self.encoder.as_ref().map_or(0, Encoder::memory_bytes)
    }

    /// The bytes of an open object that stay in memory after all requests are answered. They are
    /// sent only when further events fill a part, or the object is sealed.
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

    /// The acknowledged bytes that are held in case the upload must be restarted.
    pub(crate) fn spare(&self) -> u64 {
        match &self.state {
            State::Uploading(parts)
            | State::Completing(parts)
            | State::Verifying { sent: Sent::InParts(parts), .. } => parts.spare(),
            _ => 0,
        }
    }

    /// Drops up to `wanted` spare bytes, and returns how many were dropped.
    pub(crate) fn evict_spare(&mut self, wanted: u64) -> u64 {
        match &mut self.state {
            State::Uploading(parts)
            | State::Completing(parts)
            | State::Verifying { sent: Sent::InParts(parts), .. } => parts.evict_spare(wanted),
            _ => 0,
        }
    }
}
