//! The log of answered requests.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::Method;

use super::Operation;

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestLine {
    /// The method of the request.
    pub method: Method,
    /// The operation that the request asked for.
    pub operation: Operation,
    /// The bucket, where the request names one.
    pub bucket: Option<String>,
    /// The key, decoded, where the request names one.
    pub key: Option<String>,
    /// The number of the part, for `UploadPart`.
    pub part_number: Option<u32>,
    /// The status of the answer. A `CompleteMultipartUpload` that fails late has 200 here as on
    /// the wire, where the error is in the body.
    pub status: u16,
    /// The length of the request's body, as it announced it.
    pub content_length: Option<u64>,
}

/// How often an operation was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestCount {
    /// Requests that were answered, with whatever status.
    pub answered: u64,
    /// Those of them that were answered with a status of 400 or above.
    pub refused: u64,
}

/// The most recent requests, and counts of all of them.
#[derive(Default)]
pub(super) struct RequestLog(Mutex<Lines>);

impl RequestLog {
    pub(super) fn push(&self, line: RequestLine) {
        let mut lines = self.lines();
        let count = lines.counts.entry(line.operation).or_default();
        count.answered += 1;
        count.refused += u64::from(line.status >= 400);
        if lines.recent.len() == REQUEST_LINES_MAX {
            lines.recent.pop_front();
        }
        lines.recent.push_back(line);
    }

    pub(super) fn recent(&self) -> Vec<RequestLine> {
        self.lines().recent.iter().cloned().collect()
    }

    pub(super) fn counts(&self) -> BTreeMap<Operation, RequestCount> {
        self.lines().counts.clone()
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Lines {
    recent: VecDeque<RequestLine>,
    counts: BTreeMap<Operation, RequestCount>,
}

/// How many requests the log remembers: the latest of them.
pub const REQUEST_LINES_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_forgets_lines_and_never_counts() {
        let log = RequestLog::default();
        let total = REQUEST_LINES_MAX as u64 + 10;
        for number in 0..total {
            log.push(RequestLine {
                method: Method::PUT,
                operation: Operation::PutObject,
                bucket: Some("bucket".to_owned()),
                key: Some(number.to_string()),
                part_number: None,
                status: if number == 0 { 403 } else { 200 },
                content_length: Some(number),
            });
        }
        let recent = log.recent();
        assert_eq!(recent.len(), REQUEST_LINES_MAX);
        assert_eq!(recent[0].content_length, Some(10));
        let count = RequestCount { answered: total, refused: 1 };
        assert_eq!(log.counts(), BTreeMap::from([(Operation::PutObject, count)]));
    }
}
