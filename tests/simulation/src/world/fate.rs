//! What becomes of a request.

use std::time::Duration;

use crate::bucket::Operation;
use crate::faults::Fault;

/// A request that is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestInfo {
    /// Which request of the run it is, from 0.
    pub index: u64,
    /// How long the world has been running.
    pub at: Duration,
    /// What it asks for.
    pub operation: Operation,
    /// The key.
    pub key: String,
    /// The upload, or nothing.
    pub upload_id: String,
    /// The part.
    pub part_number: Option<u32>,
    /// The length of its body.
    pub bytes: u64,
    /// How often the same was asked for, this time included: method, path and query are the same.
    pub attempt: u32,
}

/// What becomes of a request. Where it takes longer than the core allows, the core hears that it
/// timed out, at that time, and the bucket may act later all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Until it arrives, or is known not to.
    pub there: Duration,
    /// From then until the answer is back.
    pub back: Duration,
    /// What goes wrong.
    pub fault: Option<Fault>,
}

impl Fate {
    /// All goes well, within a fifth of a second, some of it faster than the rest.
    pub fn random(random: &mut fastrand::Rng) -> Fate {
        let mut some = || Duration::from_micros(random.u64(100..100_000));
        Fate { there: some(), back: some(), fault: None }
    }

    /// All goes well, in this time.
    pub fn taking(time: Duration) -> Fate {
        Fate { there: time / 2, back: time / 2, fault: None }
    }

    /// The same with a fault, or without.
    pub fn with(self, fault: impl Into<Option<Fault>>) -> Fate {
        Fate { fault: fault.into(), ..self }
    }
}
