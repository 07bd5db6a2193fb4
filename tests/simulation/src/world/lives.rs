//! The core of a [`World`] ends without a word, and another begins where a checkpoint was taken.

use std::collections::BTreeSet;

use spillway_core::Sink;
use spillway_core::http::Request;

use super::World;
use super::events::Event;
use crate::bucket::{Asked, Operation};

/// What requests did that arrived when nobody waited for them any more. A sink that has crashed
/// cannot take them back, and the one after it does not know of them.
#[derive(Debug, Default)]
pub struct DelayedAnswer {
    /// The uploads of which a part was replaced by another than is listed when it is completed.
    pub parts: BTreeSet<String>,
    /// The names of objects that were replaced by others, older ones most likely.
    pub objects: BTreeSet<String>,
}

/// What the bucket holds that a late request may change.
#[derive(PartialEq, Eq)]
pub(super) struct Held {
    operation: Option<Operation>,
    key: String,
    upload_id: String,
    /// Of the part or the object that is asked for.
    etag: Option<String>,
}

impl World {
    /// The core is gone. Of the requests that are on their way, those arrive that `arrives` says;
    /// the answers reach nobody. Until another core begins nothing is fed.
    pub fn crash(&mut self, mut arrives: impl FnMut() -> bool) {
        self.note(|| "crash".to_owned());
        self.is_down = true;
        self.rest = None;
        self.cut_the_line();
        self.queue.retain(|_, event| match event {
            Event::Arrives(flight) => {
                flight.given_up = true;
                arrives()
            }
            Event::Lands { .. } => false,
        });
    }

    /// Another core begins, from a checkpoint if there is one.
    pub fn open(&mut self, state: Option<&[u8]>) {
        self.life += 1;
        // Another stream of numbers in each life: nonces differ.
        let seed = self.seed ^ self.life.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let settings = self.settings.clone();
        self.sink = match state {
            None => Sink::new(settings, seed),
            Some(state) => Sink::resume(settings, seed, self.now(), state)
                .unwrap_or_else(|error| self.fail(&format!("a state that does not fit: {error}"))),
        };
        let from = state.map_or("the beginning".to_owned(), |s| format!("{} bytes", s.len()));
        self.note(|| format!("another life, from {from}"));
        (self.is_down, self.ticked_at) = (false, None);
    }

    /// Takes down which core asked for the upload that the bucket began last, if it is new.
    pub(super) fn note_begun(&mut self, life: u64) {
        let at = self.elapsed();
        if let Some((id, _)) = self.bucket.open_uploads().last_key_value() {
            self.begun.entry(id.clone()).or_insert((life, at));
        }
    }

    /// Which core this is, from 0.
    pub fn life(&self) -> u64 {
        self.life
    }

    /// What the bucket holds of what is asked for.
    pub(super) fn held(&self, request: &Request) -> Option<Held> {
        let asked = Asked::read(&self.bucket.options.name, request).ok()?;
        let operation = asked.operation().ok();
        let upload_id = asked.parameter("uploadId").to_owned();
        let uploads = self.bucket.open_uploads();
        let etag = match operation {
            Some(Operation::UploadPart) => {
                let part = uploads.get(&upload_id).zip(asked.part_number());
                let part = part.and_then(|(upload, number)| upload.parts.get(&number));
                part.map(|part| part.etag.clone())
            }
            Some(Operation::PutObject) => {
                self.bucket.objects().get(&asked.key).map(|object| object.etag.clone())
            }
            _ => None,
        };
        Some(Held { operation, key: asked.key, upload_id, etag })
    }

    /// Takes down what a late request changed.
    pub(super) fn note_late(&mut self, before: Held, now: Held) {
        let is_other = before.etag.is_some() && before.etag != now.etag;
        match now.operation {
            Some(Operation::UploadPart) if is_other => {
                self.late.parts.insert(now.upload_id);
            }
            Some(Operation::PutObject) if is_other => {
                self.late.objects.insert(now.key);
            }
            _ => {}
        }
    }
}
