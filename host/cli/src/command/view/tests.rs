//! The two lines that a person sees of a run, on terminals of any width.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::run::Totals;
use crate::telemetry::{Families, Movement, View};
use http::StatusCode;
use spillway::contract::{Metric, MetricValue};
use spillway::egress::{Bad, Counts};
use spillway_core::{Settings, Sink};

use super::{Rate, Status, counted};

#[test]
fn there_is_as_much_as_there_is_room_for() {
    let view = busy();
    let status = Status { view: &view, rate: 12.1 * MIB as f64, warnings: 1 };
    for (columns, reading, storing) in [
        (
            120,
            "██████░░░░░░░░░░ 43% · 1,234 events · 430.00 MiB read · 12.10 MiB/s · 0:35 · 0:47 \
             left",
            "3 objects stored · 1 open · 4 requests in flight · 20.00 MiB held · 2 retries · \
             1 object failed · 7 rejected · 1 warning",
        ),
        (
            80,
            "██████░░░░░░░░░░ 43% · 1,234 events · 12.10 MiB/s · 0:35 · 0:47 left",
            "3 objects stored · 1 open · 4 requests in flight · 2 retries · 1 object failed",
        ),
        (40, "43% · 1,234 events · 12.10 MiB/s", "3 objects stored · 1 object failed"),
        (10, "43%", "3 objects "),
    ] {
        assert_eq!(status.reading(columns), reading);
        assert_eq!(status.storing(columns), storing);
    }
    for columns in 0..200 {
        let widths = [status.reading(columns), status.storing(columns)].map(|l| l.chars().count());
        assert!(widths.iter().all(|width| *width <= columns), "{widths:?} in {columns}");
    }
    let (reading, storing) = (status.reading(500), status.storing(500));
    assert_eq!(status.line(), format!("{reading} · {storing}"));
}

#[test]
fn why_nothing_moves_comes_first() {
    let mut view = busy();
    let wait = |counts, view: &mut View| {
        view.traffic = Some(Counts { in_flight: 4, ..counts });
        Status { view, rate: 0.0, warnings: 0 }.storing(58)
    };
    let slow = Counts { stalled: Duration::from_secs(72), ..Counts::default() };
    let said = "waiting for the store 1:12 · 3 objects stored";
    assert_eq!(wait(slow, &mut view), said);
    let bad = Some(Bad::Answered(StatusCode::SERVICE_UNAVAILABLE));
    let busy = Counts { bad_in_a_row: 3, bad, stalled: Duration::from_secs(1), ..slow };
    let said = "waiting for the store (503 3×) 0:01 · 3 objects stored";
    assert_eq!(wait(busy, &mut view), said);
    let bad = Some(Bad::Unanswered("connection refused"));
    let gone = Counts { bad_in_a_row: 1, bad, ..slow };
    let said = "waiting for the store (connection refused) 1:12";
    assert_eq!(wait(gone, &mut view), said);
    // The store has spoken.
    let bad = Some(Bad::Answered(StatusCode::NOT_FOUND));
    let answered = Counts { bad_in_a_row: 2, bad, stalled: Duration::from_secs(1), ..slow };
    assert!(!wait(answered, &mut view).contains("waiting"));
    // A request takes its time, which is no reason to worry.
    let usual = Counts { stalled: Duration::from_secs(1), ..Counts::default() };
    assert!(!wait(usual, &mut view).contains("waiting"));
    view.closing = true;
    assert!(wait(usual, &mut view).starts_with("completing · 3 objects stored"));
}

#[test]
fn what_is_not_known_is_not_shown() {
    let mut view = busy();
    view.input_bytes = None;
    // What the sink said of itself long ago may be otherwise by now; what only grows is true.
    view.sink_at = Some(SystemTime::now() - Duration::from_secs(60));
    view.elapsed = Duration::from_secs(3_725);
    let status = Status { view: &view, rate: 0.0, warnings: 0 };
    assert_eq!(status.reading(100), "1,234 events · 430.00 MiB read · 0 B/s · 1:02:05");
    let storing =
        "3 objects stored · 4 requests in flight · 2 retries · 1 object failed · 7 rejected";
    assert_eq!(status.storing(100), storing);
    let empty = View { input_bytes: Some(0), totals: Totals::default(), ..busy() };
    let status = Status { view: &empty, rate: 0.0, warnings: 0 };
    assert!(status.reading(100).starts_with("0 events · 0 B read"));
}

#[test]
fn the_rate_is_that_of_the_last_seconds() {
    let (mut rate, begin) = (Rate::default(), Instant::now());
    let mut at =
        |tenths: u64, total| rate.per_second(total, begin + Duration::from_millis(100 * tenths));
    assert_eq!(at(0, 0), 0.0);
    let fast = (1..=100).map(|tenth| at(tenth, tenth * 100)).last().unwrap();
    assert!((fast - 1_000.0).abs() < 1.0, "{fast}");
    let stopped = (101..=200).map(|tenth| at(tenth, 10_000)).last().unwrap();
    assert_eq!(stopped, 0.0);
}

#[test]
fn things_are_counted_in_words() {
    assert_eq!(
        [0, 1, 2_000].map(|n| counted(n, "object")),
        ["0 objects", "1 object", "2,000 objects"]
    );
}

/// The numbers that are looked for are there.
#[test]
fn the_sink_has_the_numbers_that_are_shown() {
    let settings =
        Settings::parse(r#"{"bucket": "events", "endpoint": "http://s3.test"}"#).unwrap();
    let metrics = Sink::new(settings, 0).metrics();
    for name in SHOWN.map(|(name, _)| name) {
        assert!(metrics.iter().any(|metric| metric.name == name), "no {name}");
    }
}

/// The numbers of a sink that are shown.
const SHOWN: [(&str, f64); 3] = [
    ("spillway_objects_open", 1.0),
    ("spillway_held_bytes", (20 * MIB) as f64),
    ("spillway_retries_total", 2.0),
];

/// A run that has something of everything.
fn busy() -> View {
    let metric = |(name, number): (&str, f64)| {
        let (name, help, labels) = (name.to_owned(), String::new(), vec![]);
        Metric { name, help, labels, value: MetricValue::Gauge(number) }
    };
    let total = |(name, number)| match metric((name, number)) {
        total if name.ends_with("_total") => {
            Metric { value: MetricValue::Counter(number), ..total }
        }
        gauge => gauge,
    };
    let totals = Totals {
        input_bytes: 430 * MIB as u64,
        events: 1_234,
        rejected: 7,
        objects: 3,
        failed_objects: 1,
        ..Totals::default()
    };
    View {
        begun: SystemTime::now(),
        elapsed: Duration::from_secs(35),
        totals,
        input_bytes: Some(1_000 * MIB as u64),
        traffic: Some(Counts { in_flight: 4, ..Counts::default() }),
        lag_events: 0,
        lag: Duration::ZERO,
        closing: false,
        checkpointed: None,
        movement: Movement::default(),
        files: Arc::default(),
        group: None,
        sink: Arc::new(Families::of(SHOWN.map(total).to_vec())),
        sink_at: Some(SystemTime::now()),
    }
}

const MIB: usize = 1 << 20;
