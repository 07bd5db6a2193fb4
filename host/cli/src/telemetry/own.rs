//! What the host reports of itself, whichever component it runs.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::totals::Totals;
use spillway::contract::{Metric, MetricValue};

use super::monitor::View;
use super::{files, group};

/// The metrics of the host. They all begin with one of [`super::families::RESERVED`].
pub(super) fn metrics(view: &View) -> Vec<Metric> {
    let Totals { lines, input_bytes, rejected, filtered, stored_events, failed_events, .. } =
        view.totals;
    let restarts = view.totals.restarts;
    let checkpoints = view.totals.checkpoints().unwrap_or(0);
    let counts = view.traffic;
    let mut metrics = vec![
        Metric {
            labels: vec![("version".to_owned(), env!("CARGO_PKG_VERSION").to_owned())],
            ..gauge("spillway_build_info", "The version of Spillway.", 1.0)
        },
        gauge("spillway_run_start_time_seconds", "When the run began.", unix(view.begun)),
        counter("spillway_run_lines_total", "Lines read.", lines),
        counter("spillway_run_read_bytes_total", "Bytes read.", input_bytes),
        counter("spillway_run_events_rejected_total", "Events that were rejected.", rejected),
        counter("spillway_run_events_filtered_total", "Events that were filtered out.", filtered),
        counter("spillway_run_events_stored_total", "Events in visible objects.", stored_events),
        counter("spillway_run_events_failed_total", "Events not stored.", failed_events),
        gauge(
            "spillway_run_durable_lag_events",
            "Events from the first that is not durable to the last given to the sink.",
            view.lag_events as f64,
        ),
        gauge(
            "spillway_run_durable_lag_seconds",
            "Age of the oldest event that was given to the sink and is not durable.",
            seconds(view.lag),
        ),
        counter(
            "spillway_run_restarts_total",
            "Times the component trapped and a new instance resumed from a checkpoint.",
            restarts,
        ),
        counter("spillway_run_checkpoints_total", "Checkpoints that were stored.", checkpoints),
        gauge(
            "spillway_run_checkpoint_timestamp_seconds",
            "When the last checkpoint was stored; 0 before that.",
            view.checkpointed.map_or(0.0, unix),
        ),
        gauge(
            "spillway_run_metrics_refused",
            "Metrics of the component that are omitted, as invalid or too many.",
            view.sink.refused() as f64,
        ),
        gauge(
            "spillway_run_metrics_timestamp_seconds",
            "When the component last returned its metrics; 0 before that.",
            view.sink_at.map_or(0.0, unix),
        ),
        gauge(
            "spillway_egress_requests_in_flight",
            "Requests of the component in flight.",
            counts.map_or(0.0, |counts| counts.in_flight as f64),
        ),
        gauge(
            "spillway_egress_stalled_seconds",
            "How long no request has succeeded while some were waiting or failing.",
            seconds(counts.map_or(Duration::ZERO, |counts| counts.stalled)),
        ),
    ];
    let answers = counts.map_or([0; 5], |counts| counts.answers);
    let answers = ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(answers);
    let unanswered = counts.map_or(0, |counts| counts.unanswered);
    metrics.extend(answers.chain([("none", unanswered)]).map(|(status, count)| Metric {
        labels: vec![("status".to_owned(), status.to_owned())],
        ..counter(
            "spillway_egress_requests_total",
            "Requests of the component that ended, by outcome.",
            count,
        )
    }));
    metrics.extend(files::metrics(&view.files));
    metrics.extend(view.group.iter().flat_map(group::metrics));
    metrics
}

pub(super) fn counter(name: &str, help: &str, number: u64) -> Metric {
    metric(name, help, MetricValue::Counter(number as f64))
}

pub(super) fn gauge(name: &str, help: &str, number: f64) -> Metric {
    metric(name, help, MetricValue::Gauge(number))
}

fn metric(name: &str, help: &str, value: MetricValue) -> Metric {
    Metric { name: name.to_owned(), help: help.to_owned(), labels: Vec::new(), value }
}

/// To the millisecond, which is more than is known.
fn seconds(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1_000.0
}

fn unix(time: SystemTime) -> f64 {
    seconds(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}
