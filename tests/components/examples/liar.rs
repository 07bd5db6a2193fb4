//! A transform that breaks the rule that its configuration names. Without one it passes on what it
//! is given.

use crate::bindings::exports::spillway::sink::transform::{
    Guest, GuestTransform, Outcome, Transform,
};
use crate::bindings::spillway::sink::types::{
    Boundaries, Description, Error, Payload, Rejection, Run,
};

struct Component;

/// Which rule.
struct Liar(String);

impl Guest for Component {
    type Transform = Liar;

    fn describe() -> Description {
        let name = "x".repeat(4_097);
        Description { name, version: "0.2.0".to_owned(), configuration_schema: "{}".to_owned() }
    }
}

impl GuestTransform for Liar {
    fn open(config: String) -> Result<Transform, Error> {
        match config.trim_matches('"') {
            "waits" => spin(),
            "error" => Err(Error::Denied("x".repeat(4_097))),
            rule => Ok(Transform::new(Liar(rule.to_owned()))),
        }
    }

    fn apply(&self, mut batch: Vec<Run>) -> Result<Outcome, Error> {
        let first = batch[0].first;
        let rejection = |position, reason: &str| Rejection { position, reason: reason.to_owned() };
        let mut rejected = Vec::new();
        match self.0.as_str() {
            "invents" => batch[0].first += 1_000,
            "repeats" => batch.push(batch[0].clone()),
            "both" => rejected.push(rejection(first, "no")),
            "twice" => {
                batch.clear();
                rejected.extend([rejection(first, "no"), rejection(first, "no")]);
            }
            "reason" => {
                batch.clear();
                rejected.push(rejection(first, &"x".repeat(4_097)));
            }
            "key" => batch[0].key.clear(),
            "boundaries" => batch[0].boundaries = Boundaries::At(vec![1]),
            "lines" => batch[0].boundaries = Boundaries::Lines(1),
            "grows" => batch[0].payload = Payload::Bytes(vec![b'x'; 1 << 30]),
            "traps" => panic!("on purpose"),
            "computes" => spin(),
            _ => {}
        }
        Ok(Outcome { runs: batch, rejected })
    }
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

#[allow(missing_docs, unsafe_code, reason = "generated: the ABI is made of raw pointers")]
#[allow(clippy::all, unused_qualifications, reason = "generated")]
mod bindings {
    use super::Component;

    wit_bindgen::generate!({ path: "../../wit/deps/sink", world: "filter", generate_all });

    export!(Component with_types_in self);
}
