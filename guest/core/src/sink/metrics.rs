//! The metrics of a sink, with names as Prometheus recommends.

use crate::client::RequestCounters;
use crate::client::verdict::Class;
use crate::histogram::Histogram;
use crate::incomplete::IncompleteCounters;
use crate::s3::Operation;
use crate::writer::WriteCounters;

/// The counters since the sink was created.
#[derive(Clone, Copy, Debug)]
pub struct Counters<'a> {
    /// Counters of events and objects.
    pub writes: &'a WriteCounters,
    /// Counters of requests.
    pub requests: &'a RequestCounters,
    /// Counters of incomplete uploads.
    pub incomplete: &'a IncompleteCounters,
}

/// The current values of a sink.
pub(crate) struct Gauges {
    /// Uploads that exist, or may exist, although no object uses them.
    pub(crate) uploads_left: u64,
    /// Requests in flight.
    pub(crate) requests_in_flight: u64,
    /// Open objects.
    pub(crate) objects_open: u64,
    /// Objects that are neither visible nor failed.
    pub(crate) objects_unfinished: u64,
    /// Bytes of events and of compressors in memory.
    pub(crate) held_bytes: u64,
}

/// One metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The name with the unit.
    pub name: &'static str,
    /// The description.
    pub help: &'static str,
    /// The name and the value of a label, which tells metrics with the same name apart.
    pub label: Option<(&'static str, &'static str)>,
    /// The value.
    pub value: Value,
}

/// The value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A count that only increases.
    Counter(u64),
    /// A value that goes up and down.
    Gauge(u64),
    /// A histogram of durations in seconds.
    Histogram(Histogram),
}

/// All metrics of a sink. Those with one name are adjacent.
pub(crate) fn metrics(counters: Counters, gauges: &Gauges) -> Vec<Metric> {
    let Counters { writes, requests, incomplete } = counters;
    let metric = |name, help, value| Metric { name, help, label: None, value };
    let counter = |name, help, value| metric(name, help, Value::Counter(value));
    let gauge = |name, help, value| metric(name, help, Value::Gauge(value));
    let mut metrics = vec![
        counter("spillway_events_total", "Events accepted.", writes.events),
        counter("spillway_event_bytes_total", "Bytes of events accepted.", writes.event_bytes),
        counter("spillway_events_failed_total", "Events of failed objects.", writes.events_failed),
        counter("spillway_objects_total", "Objects that became visible.", writes.objects),
        counter("spillway_object_bytes_total", "Bytes of visible objects.", writes.object_bytes),
        counter("spillway_objects_failed_total", "Objects that failed.", writes.objects_failed),
        counter("spillway_parts_total", "Parts that the store confirmed.", requests.parts),
        counter("spillway_request_bytes_total", "Bytes of request bodies.", requests.bytes),
        counter(
            "spillway_throttled_total",
            "Responses that asked to slow down.",
            requests.throttled,
        ),
        counter(
            "spillway_aborts_failed_total",
            "Aborts that failed and are tried again later.",
            incomplete.aborts_failed,
        ),
        counter("spillway_orphans_total", "Orphaned uploads found.", incomplete.orphans),
        counter(
            "spillway_orphans_aborted_total",
            "Orphaned uploads that were aborted.",
            incomplete.orphans_aborted,
        ),
        gauge(
            "spillway_uploads_left",
            "Incomplete uploads that are, or may be, in the store.",
            gauges.uploads_left,
        ),
        gauge("spillway_requests_in_flight", "Requests in flight.", gauges.requests_in_flight),
        gauge(
            "spillway_objects_open",
            "Open objects, which may get more events.",
            gauges.objects_open,
        ),
        gauge(
            "spillway_objects_unfinished",
            "Objects that are neither visible nor failed.",
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
            requests.retries_after(class),
        )
    }));
    let operation = |operation: Operation| Some(("operation", operation.name()));
    metrics.extend(Operation::ALL.map(|op| Metric {
        label: operation(op),
        ..counter("spillway_requests_total", "Attempts of requests.", requests.attempts(op))
    }));
    metrics.extend(Operation::ALL.map(|op| Metric {
        label: operation(op),
        ..metric(
            "spillway_request_duration_seconds",
            "How long attempts took, answered or not.",
            Value::Histogram(requests.durations(op).clone()),
        )
    }));
    metrics
}
