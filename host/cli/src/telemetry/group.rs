//! Metrics of a member of a consumer group.

use crate::source::{GroupStats, Partition};
use spillway::contract::Metric;

use super::families::plain;
use super::own::{counter, gauge};

/// The metrics of the partitions that a member has. The lag of those behind the first
/// [`PARTITIONS_MAX`] is left out.
pub(super) fn metrics(stats: &GroupStats) -> Vec<Metric> {
    let GroupStats { partitions, paused, pauses, assigned, revoked, lost, takeovers } = stats;
    let mut metrics = vec![
        gauge(
            "spillway_source_partitions",
            "Partitions that are assigned to this member.",
            partitions.len() as f64,
        ),
        gauge(
            "spillway_source_partitions_paused",
            "Partitions of which nothing is read until what was read is taken.",
            *paused as f64,
        ),
        counter(
            "spillway_source_pauses_total",
            "Times that reading a partition was paused.",
            *pauses,
        ),
        counter(
            "spillway_source_partitions_assigned_total",
            "Times a partition was assigned to this member.",
            *assigned,
        ),
        counter(
            "spillway_source_partitions_revoked_total",
            "Times a partition was revoked and released in time.",
            *revoked,
        ),
        counter(
            "spillway_source_partitions_lost_total",
            "Times a partition was lost before it was released.",
            *lost,
        ),
        counter(
            "spillway_source_takeovers_total",
            "Times a partition was taken over from a process that held its checkpoint.",
            *takeovers,
        ),
    ];
    let known = partitions.iter().filter_map(|(partition, lag)| Some((partition, (*lag)?)));
    metrics.extend(known.take(PARTITIONS_MAX).map(|(Partition { topic, number }, lag)| Metric {
        labels: vec![
            ("topic".to_owned(), plain(topic)),
            ("partition".to_owned(), number.to_string()),
        ],
        ..gauge("spillway_source_lag_records", "Records that are not stored yet.", lag as f64)
    }));
    metrics
}

/// How many partitions have a lag of their own.
const PARTITIONS_MAX: usize = 1_000;
