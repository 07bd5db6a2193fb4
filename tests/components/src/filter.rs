//! A filter: drops the events that contain a text, and rejects those that are too long.

use crate::bindings::exports::spillway::sink::transform::{
    Guest, GuestTransform, Outcome, Transform,
};
use crate::bindings::spillway::sink::types::{
    Boundaries, Description, Error, Payload, Problem, Rejection, Run,
};

struct Component;

/// What an event must not contain.
struct Filter(String);

impl Guest for Component {
    type Transform = Filter;

    fn describe() -> Description {
        let configuration_schema = r#"{"type": "string", "minLength": 1}"#.to_owned();
        let (name, version) = ("filter".to_owned(), "0.2.0".to_owned());
        Description { name, version, configuration_schema }
    }
}

impl GuestTransform for Filter {
    fn open(config: String) -> Result<Transform, Error> {
        match config.trim_matches('"') {
            "" => {
                let (field, message) = ("", "is empty, a text is needed");
                let problem = Problem { field: field.to_owned(), message: message.to_owned() };
                Err(Error::Invalid(vec![problem]))
            }
            text => Ok(Transform::new(Filter(text.to_owned()))),
        }
    }

    fn apply(&self, batch: Vec<Run>) -> Result<Outcome, Error> {
        let mut outcome = Outcome { runs: Vec::new(), rejected: Vec::new() };
        for run in batch {
            let Payload::Text(text) = &run.payload else {
                return Err(Error::Unsupported("this filter takes texts only".to_owned()));
            };
            for (event, position) in text.split_inclusive('\n').zip(run.first..) {
                if event.len() > EVENT_BYTES_MAX {
                    let reason = format!("{} bytes are too long", event.len());
                    outcome.rejected.push(Rejection { position, reason });
                } else if !event.contains(&self.0) {
                    outcome.runs.push(Run {
                        first: position,
                        payload: Payload::Text(event.to_owned()),
                        boundaries: Boundaries::Lines(1),
                        ..run.clone()
                    });
                }
            }
        }
        Ok(outcome)
    }
}

const EVENT_BYTES_MAX: usize = 10;

#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({ path: "../../wit/deps/sink", world: "filter", generate_all });

    export!(Component with_types_in self);
}
