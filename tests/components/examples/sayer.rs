//! A transform whose every text is what a terminal, a log or a reader would take for something
//! else. Its configuration says where it says it: `open`, `denies`, `rejects`, `fails` or
//! `renames`. Otherwise it passes on what it is given.

use crate::bindings::exports::spillway::sink::transform::{
    Guest, GuestTransform, Outcome, Transform,
};
use crate::bindings::spillway::sink::types::{
    Boundaries, Description, Error, Problem, Rejection, Run,
};

struct Component;

/// What it is to say.
struct Sayer(String);

impl Guest for Component {
    type Transform = Sayer;

    fn describe() -> Description {
        let text = || SAID.to_owned();
        Description { name: text(), version: text(), configuration_schema: text() }
    }
}

impl GuestTransform for Sayer {
    fn open(config: String) -> Result<Transform, Error> {
        let text = || SAID.to_owned();
        match config.split('"').nth(3).unwrap_or_default() {
            "open" => Err(Error::Invalid(vec![Problem { field: text(), message: text() }])),
            "denies" => Err(Error::Denied(text())),
            says => Ok(Transform::new(Sayer(says.to_owned()))),
        }
    }

    fn apply(&self, mut batch: Vec<Run>) -> Result<Outcome, Error> {
        let mut rejected = Vec::new();
        match self.0.as_str() {
            "fails" => return Err(Error::Denied(SAID.to_owned())),
            "renames" => batch.iter_mut().for_each(|run| run.key = SAID.to_owned()),
            "rejects" => {
                for run in batch.drain(..) {
                    let events = match &run.boundaries {
                        Boundaries::At(ends) => ends.len() as u64,
                        Boundaries::Lines(lines) => u64::from(*lines),
                    };
                    let reason = || SAID.to_owned();
                    let positions = run.first..run.first + events;
                    rejected
                        .extend(positions.map(|position| Rejection { position, reason: reason() }));
                }
            }
            _ => {}
        }
        Ok(Outcome { runs: batch, rejected })
    }
}

/// The same as in `breaker`.
const SAID: &str = "said\nerror: forged\r\u{1b}[2J\u{7}\u{85}\u{9b}\u{2028}\u{2029}\u{202e}\u{202a}\
                    \u{2066}\u{2069}\u{200e}\u{200f}\u{61c}\u{200b}\u{200d}\u{2060}\u{feff}end";

#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({ path: "../../wit/deps/sink", world: "filter", generate_all });

    export!(Component with_types_in self);
}
