//! Drops, rejects and renames events by rules. The first rule that an event matches decides; an
//! event that matches none is passed on, unless `default` says otherwise.
//!
//! The configuration is documented by the schema that `describe` returns, `schema.json`.

mod events;
mod rules;
mod template;

use crate::bindings::exports::spillway::sink::transform::{
    Guest, GuestTransform, Outcome, Transform,
};
use crate::bindings::spillway::sink::types::{self, Description, Error, Rejection, Run};
use events::{Events, Pieces};
use rules::{Rules, Verdict};

struct Component;

struct Route(Rules);

impl Guest for Component {
    type Transform = Route;

    fn describe() -> Description {
        Description {
            name: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            configuration_schema: include_str!("schema.json").to_owned(),
        }
    }
}

impl GuestTransform for Route {
    fn open(config: String) -> Result<Transform, Error> {
        let rules = Rules::parse(&config).map_err(|problems| {
            let told = |p: spillway_fields::Problem| (p.field, p.message);
            let problems = spillway_fields::trimmed(problems).into_iter().map(told);
            Error::Invalid(
                problems.map(|(field, message)| types::Problem { field, message }).collect(),
            )
        })?;
        Ok(Transform::new(Route(rules)))
    }

    fn apply(&self, batch: Vec<Run>) -> Result<Outcome, Error> {
        let mut outcome = Outcome { runs: Vec::new(), rejected: Vec::new() };
        for run in batch {
            let events = Events::of(&run)?;
            let mut pieces = Pieces::default();
            for index in 0..events.count() {
                let position = run.first + index as u64;
                match self.0.judge(&run.key, events.event(index)) {
                    Verdict::Pass => pieces.add(index, None),
                    Verdict::SetKey(key) => pieces.add(index, Some(key)),
                    Verdict::Drop => {}
                    Verdict::Reject(reason) => {
                        outcome.rejected.push(Rejection { position, reason });
                    }
                }
            }
            let ends = events.into_ends();
            outcome.runs.extend(pieces.runs(run, &ends));
        }
        Ok(outcome)
    }
}

#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({ path: "../../../wit/deps/sink", world: "filter", generate_all });

    export!(Component with_types_in self);
}
