//! A transform that changes no event, and traps: in the batch that its configuration counts to, and
//! in one with the text `trap`. In one with the text `loop` it does not end. With `lines` in its
//! configuration it counts the lines of a run, in place of telling where each ends.

use crate::bindings::exports::spillway::sink::transform::{
    Guest, GuestTransform, Outcome, Transform,
};
use crate::bindings::spillway::sink::types::{
    Boundaries, Description, Error, Framing, Payload, Run,
};

use std::cell::Cell;

struct Component;

struct Trapping {
    config: String,
    batches: Cell<u32>,
}

impl Guest for Component {
    type Transform = Trapping;

    fn describe() -> Description {
        let (name, version) = ("trapping".to_owned(), "0.2.0".to_owned());
        Description { name, version, configuration_schema: "{\"type\": \"object\"}".to_owned() }
    }
}

impl GuestTransform for Trapping {
    fn open(config: String) -> Result<Transform, Error> {
        Ok(Transform::new(Trapping { config, batches: Cell::new(0) }))
    }

    fn apply(&self, mut batch: Vec<Run>) -> Result<Outcome, Error> {
        self.batches.set(self.batches.get() + 1);
        let is_counted = self.config.contains(&format!("\"batch\":{}}}", self.batches.get()));
        let has = |word: &str| batch.iter().any(|run| has_text(run, word));
        if is_counted || has("trap") {
            std::process::abort();
        }
        while has("loop") {
            std::hint::spin_loop();
        }
        if self.config.contains("lines") {
            for run in &mut batch {
                if let (Framing::Newline, Boundaries::At(ends)) = (run.framing, &run.boundaries) {
                    run.boundaries = Boundaries::Lines(ends.len() as u32);
                }
            }
        }
        Ok(Outcome { runs: batch, rejected: Vec::new() })
    }
}

fn has_text(run: &Run, word: &str) -> bool {
    match &run.payload {
        Payload::Text(text) => text.contains(word),
        Payload::Bytes(bytes) => bytes.windows(word.len()).any(|window| window == word.as_bytes()),
    }
}

#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({ path: "../../wit/deps/sink", world: "filter", generate_all });

    export!(Component with_types_in self);
}
