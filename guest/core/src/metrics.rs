//! The numbers a sink keeps, under the names that Prometheus would give them.

use crate::classify::{Class, Verdict};
use crate::sink::Sink;
use crate::upload::Operation;

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
    /// Attempts of any request.
    pub requests: u64,
    /// Attempts that were not the first of their request.
    pub retries: u64,
    /// Attempts of UploadPart.
    pub part_requests: u64,
    /// Bytes of request bodies.
    pub request_bytes: u64,
    /// Answers by which the store asked to be spared.
    pub throttled: u64,
    /// Aborts that were given up for a while.
    pub aborts_failed: u64,
}

/// One number, ready to be shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    /// Its name, unit included.
    pub name: &'static str,
    /// What it is.
    pub help: &'static str,
    /// Whether it only grows.
    pub is_counter: bool,
    /// The number.
    pub value: u64,
}

impl Counters {
    pub(crate) fn accepted(&mut self, events: u64, bytes: u64) {
        self.events += events;
        self.event_bytes += bytes;
    }

    pub(crate) fn sealed(&mut self, bytes: u64) {
        self.objects += 1;
        self.object_bytes += bytes;
    }

    pub(crate) fn sent(&mut self, operation: Operation, attempts: u32, bytes: u64) {
        self.requests += 1;
        self.request_bytes += bytes;
        self.retries += u64::from(attempts > 1);
        self.part_requests += u64::from(matches!(operation, Operation::UploadPart(_)));
    }

    pub(crate) fn answered(&mut self, verdict: &Verdict) {
        self.throttled += u64::from(verdict.class == Class::Throttled);
    }
}

/// Every number of `sink`.
pub fn metrics(sink: &Sink) -> Vec<Metric> {
    let c = sink.counters();
    let counter = |name, help, value| Metric { name, help, is_counter: true, value };
    let gauge = |name, help, value| Metric { name, help, is_counter: false, value };
    vec![
        counter("spillway_events_total", "Events accepted.", c.events),
        counter("spillway_event_bytes_total", "Bytes of events accepted.", c.event_bytes),
        counter("spillway_objects_total", "Objects that became visible.", c.objects),
        counter("spillway_object_bytes_total", "Bytes of visible objects.", c.object_bytes),
        counter("spillway_objects_failed_total", "Objects that failed.", c.objects_failed),
        counter("spillway_events_failed_total", "Events of failed objects.", c.events_failed),
        counter("spillway_requests_total", "Attempts of any request.", c.requests),
        counter("spillway_retries_total", "Attempts that were not the first.", c.retries),
        counter("spillway_part_requests_total", "Attempts of UploadPart.", c.part_requests),
        counter("spillway_request_bytes_total", "Bytes of request bodies.", c.request_bytes),
        counter("spillway_throttled_total", "Answers that asked to slow down.", c.throttled),
        counter("spillway_aborts_failed_total", "Aborts put off.", c.aborts_failed),
        gauge("spillway_uploads_left", "Uploads that are, or may be, left behind.", sink.left()),
        gauge("spillway_requests_in_flight", "Requests under way.", sink.in_flight() as u64),
        gauge("spillway_objects_open", "Objects not sealed.", sink.open_objects() as u64),
        gauge("spillway_objects_unfinished", "Objects begun.", sink.unfinished().count() as u64),
        gauge("spillway_held_bytes", "Bytes of events held in memory.", sink.held()),
    ]
}
