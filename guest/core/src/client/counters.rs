//! What is counted of requests.

use std::time::Duration;

use super::verdict::{Class, Verdict};
use crate::histogram::Histogram;
use crate::s3::Operation;

/// What has been counted of requests since the sink was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCounters {
    /// Bytes of request bodies.
    pub bytes: u64,
    /// Parts that the store confirmed.
    pub parts: u64,
    /// Answers by which the store asked to slow down.
    pub throttled: u64,
    attempts: [u64; Operation::ALL.len()],
    retries: [u64; Class::RETRIED.len()],
    durations: [Histogram; Operation::ALL.len()],
}

impl RequestCounters {
    /// Attempts that were not the first of their request.
    pub fn retries(&self) -> u64 {
        self.retries.iter().sum()
    }

    /// Attempts that were not the first, the one before having come to `class`.
    pub fn retries_after(&self, class: Class) -> u64 {
        index_of(class).map_or(0, |index| self.retries[index])
    }

    /// Attempts of an operation, for any part of an UploadPart.
    pub fn attempts(&self, operation: Operation) -> u64 {
        self.attempts[index(operation)]
    }

    /// How long the attempts of an operation took that are over, answered or not.
    pub fn durations(&self, operation: Operation) -> &Histogram {
        &self.durations[index(operation)]
    }

    pub(super) fn sent(&mut self, operation: Operation, met: Option<Class>, bytes: u64) {
        self.attempts[index(operation)] += 1;
        self.bytes += bytes;
        if let Some(index) = met.and_then(index_of) {
            self.retries[index] += 1;
        }
    }

    pub(super) fn answered(&mut self, operation: Operation, verdict: &Verdict, took: Duration) {
        self.throttled += u64::from(verdict.class == Class::Throttled);
        let is_part = matches!(operation, Operation::UploadPart(_));
        self.parts += u64::from(is_part && verdict.class == Class::Done);
        self.durations[index(operation)].observe(took);
    }
}

/// Where the operation stands among all.
fn index(operation: Operation) -> usize {
    match operation {
        Operation::PutObject => 0,
        Operation::CreateMultipartUpload => 1,
        Operation::UploadPart(_) => 2,
        Operation::CompleteMultipartUpload => 3,
        Operation::HeadObject => 4,
        Operation::AbortMultipartUpload => 5,
        Operation::ListMultipartUploads => 6,
        Operation::ListParts => 7,
    }
}

fn index_of(class: Class) -> Option<usize> {
    Class::RETRIED.iter().position(|retried| retried.name() == class.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_stand_at_their_index() {
        for (at, operation) in Operation::ALL.into_iter().enumerate() {
            assert_eq!(index(operation), at, "{operation:?}");
        }
    }
}
