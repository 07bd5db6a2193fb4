//! What becomes of a request.

use std::time::Duration;

use crate::faults::Fault;

/// What becomes of a request. Where it takes longer than the core allows, the core hears that it
/// timed out, at that time, and the bucket may act later all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultPlan {
    /// Until it arrives, or is known not to.
    pub there: Duration,
    /// From then until the answer is back.
    pub back: Duration,
    /// What goes wrong.
    pub fault: Option<Fault>,
}

impl FaultPlan {
    /// All goes well, within a fifth of a second, some of it faster than the rest.
    pub fn random(random: &mut fastrand::Rng) -> FaultPlan {
        let mut some = || Duration::from_micros(random.u64(100..100_000));
        FaultPlan { there: some(), back: some(), fault: None }
    }

    /// All goes well, in this time.
    pub fn taking(time: Duration) -> FaultPlan {
        FaultPlan { there: time / 2, back: time / 2, fault: None }
    }

    /// The same with a fault, or without.
    pub fn with(self, fault: impl Into<Option<Fault>>) -> FaultPlan {
        FaultPlan { fault: fault.into(), ..self }
    }
}
