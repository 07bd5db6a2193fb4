//! Counters of requests.

use std::time::Duration;

use super::verdict::{Class, Verdict};
use crate::histogram::Histogram;
use crate::s3::Operation;

/// Counters of requests since the sink was created.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCounters {
    /// The bytes of request bodies.
    pub bytes: u64,
    /// The parts that the store acknowledged.
    pub parts: u64,
    /// The responses that asked to reduce the rate of requests.
    pub throttled: u64,
    attempts: [u64; Operation::ALL.len()],
    retries: [u64; Class::RETRIED.len()],
    durations: [Histogram; Operation::ALL.len()],
}

impl RequestCounters {
    /// The retries.
    pub fn retries(&self) -> u64 {
        self.retries.iter().sum()
    }

    /// The retries after an attempt with this class.
    pub fn retries_after(&self, class: Class) -> u64 {
        index_of(class).map_or(0, |index| self.retries[index])
    }

    /// The attempts of an operation. UploadPart counts the attempts of all parts.
    pub fn attempts(&self, operation: Operation) -> u64 {
        self.attempts[operation.index()]
    }

    /// The durations of an operation's attempts that have ended, with or without a response.
    pub fn durations(&self, operation: Operation) -> &Histogram {
        &self.durations[operation.index()]
    }

    pub(super) fn sent(&mut self, operation: Operation, last_class: Option<Class>, bytes: u64) {
        self.attempts[operation.index()] += 1;
        self.bytes += bytes;
        if let Some(index) = last_class.and_then(index_of) {
            self.retries[index] += 1;
        }
    }

    pub(super) fn answered(&mut self, operation: Operation, verdict: &Verdict, took: Duration) {
        self.throttled += u64::from(verdict.class == Class::Throttled);
        let is_part = matches!(operation, Operation::UploadPart(_));
        self.parts += u64::from(is_part && verdict.class == Class::Done);
        self.durations[operation.index()].observe(took);
    }
}

fn index_of(class: Class) -> Option<usize> {
    Class::RETRIED.iter().position(|retried| retried.name() == class.name())
}
