//! The numbers a sink keeps, under the names that Prometheus would give them.

use std::time::Duration;

use crate::classify::{Class, Verdict};
use crate::explain;
use crate::histogram::Histogram;
use crate::s3::Operation;

/// What has been counted since the sink was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events accepted.
    pub events: u64,
    /// Their bytes, separators of the caller included.
    pub event_bytes: u64,
    /// Objects that became visible.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// Objects that failed.
    pub objects_failed: u64,
    /// Events of failed objects.
    pub events_failed: u64,
    /// Parts that the store confirmed.
    pub parts: u64,
    /// Bytes of request bodies.
    pub request_bytes: u64,
    /// Answers by which the store asked to be spared.
    pub throttled: u64,
    /// Aborts that were given up for a while.
    pub aborts_failed: u64,
    /// Uploads found that a crash had left behind.
    pub orphans: u64,
    /// Those of them that are gone.
    pub orphans_aborted: u64,
    requests: [u64; Operation::ALL.len()],
    retries: [u64; Class::RETRIED.len()],
    durations: [Histogram; Operation::ALL.len()],
}

/// What a sink has at this moment.
pub(crate) struct Gauges {
    /// Uploads that are, or may be, left in the store.
    pub(crate) uploads_left: u64,
    /// Requests under way.
    pub(crate) requests_in_flight: u64,
    /// Objects that may still be given events.
    pub(crate) objects_open: u64,
    /// Objects begun, and neither visible nor failed.
    pub(crate) objects_unfinished: u64,
    /// Bytes of events and of compressors.
    pub(crate) held_bytes: u64,
}

/// One number, ready to be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name, unit included.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// The name and the value that tell it apart from others of its name.
    pub label: Option<(&'static str, &'static str)>,
    /// The number.
    pub value: Value,
}

/// What a number is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// One that only grows.
    Counter(u64),
    /// One that goes up and down.
    Gauge(u64),
    /// Durations, in seconds.
    Histogram(Histogram),
}

impl Counters {
    /// Attempts that were not the first of their request.
    pub fn retries(&self) -> u64 {
        self.retries.iter().sum()
    }

    /// Attempts that were not the first, the one before having come to `class`.
    pub fn retries_after(&self, class: Class) -> u64 {
        index_of(class).map_or(0, |index| self.retries[index])
    }

    /// Attempts of an operation, for any part of an UploadPart.
    pub fn requests(&self, operation: Operation) -> u64 {
        self.requests[index(operation)]
    }

    /// How long the attempts of an operation took that are over, answered or not.
    pub fn durations(&self, operation: Operation) -> &Histogram {
        &self.durations[index(operation)]
    }

    pub(crate) fn accepted(&mut self, events: u64, bytes: u64) {
        self.events += events;
        self.event_bytes += bytes;
    }

    pub(crate) fn visible(&mut self, bytes: u64) {
        self.objects += 1;
        self.object_bytes += bytes;
    }

    pub(crate) fn sent(&mut self, operation: Operation, met: Option<Class>, bytes: u64) {
        self.requests[index(operation)] += 1;
        self.request_bytes += bytes;
        if let Some(index) = met.and_then(index_of) {
            self.retries[index] += 1;
        }
    }

    pub(crate) fn answered(&mut self, operation: Operation, verdict: &Verdict, took: Duration) {
        self.throttled += u64::from(verdict.class == Class::Throttled);
        let is_part = matches!(operation, Operation::UploadPart(_));
        self.parts += u64::from(is_part && verdict.class == Class::Done);
        self.durations[index(operation)].observe(took);
    }
}

/// Every number of a sink, those of one name one after another.
pub(crate) fn metrics(c: &Counters, gauges: &Gauges) -> Vec<Metric> {
    let metric = |name, help, value| Metric { name, help, label: None, value };
    let counter = |name, help, value| metric(name, help, Value::Counter(value));
    let gauge = |name, help, value| metric(name, help, Value::Gauge(value));
    let mut metrics = vec![
        counter("spillway_events_total", "Events accepted.", c.events),
        counter("spillway_event_bytes_total", "Bytes of events accepted.", c.event_bytes),
        counter("spillway_events_failed_total", "Events of failed objects.", c.events_failed),
        counter("spillway_objects_total", "Objects that became visible.", c.objects),
        counter("spillway_object_bytes_total", "Bytes of visible objects.", c.object_bytes),
        counter("spillway_objects_failed_total", "Objects that failed.", c.objects_failed),
        counter("spillway_parts_total", "Parts that the store confirmed.", c.parts),
        counter("spillway_request_bytes_total", "Bytes of request bodies.", c.request_bytes),
        counter("spillway_throttled_total", "Answers that asked to slow down.", c.throttled),
        counter(
            "spillway_aborts_failed_total",
            "Aborts that failed and are tried again later.",
            c.aborts_failed,
        ),
        counter("spillway_orphans_total", "Orphaned uploads found.", c.orphans),
        counter("spillway_orphans_aborted_total", "Those of them aborted.", c.orphans_aborted),
        gauge(
            "spillway_uploads_left",
            "Incomplete uploads that are, or may be, in the store.",
            gauges.uploads_left,
        ),
        gauge("spillway_requests_in_flight", "Requests under way.", gauges.requests_in_flight),
        gauge(
            "spillway_objects_open",
            "Objects that may still be given events.",
            gauges.objects_open,
        ),
        gauge(
            "spillway_objects_unfinished",
            "Objects begun, and neither visible nor failed.",
            gauges.objects_unfinished,
        ),
        gauge(
            "spillway_held_bytes",
            "Bytes of events and of compressors held in memory.",
            gauges.held_bytes,
        ),
    ];
    metrics.extend(Class::RETRIED.map(|class| Metric {
        label: Some(("class", class.name())),
        ..counter(
            "spillway_retries_total",
            "Retries, by the outcome of the attempt before.",
            c.retries_after(class),
        )
    }));
    let operation = |operation| Some(("operation", explain::name(operation)));
    metrics.extend(Operation::ALL.map(|op| Metric {
        label: operation(op),
        ..counter("spillway_requests_total", "Attempts of requests.", c.requests(op))
    }));
    metrics.extend(Operation::ALL.map(|op| Metric {
        label: operation(op),
        ..metric(
            "spillway_request_duration_seconds",
            "How long attempts took, answered or not.",
            Value::Histogram(c.durations(op).clone()),
        )
    }));
    metrics
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
