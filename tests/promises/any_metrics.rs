//! Whatever a component reports, the page of metrics is in order, and the host's own are on it.

use std::sync::Arc;

use fastrand::Rng;
use spillway::contract::{Bucket, Histogram, Metric, MetricValue};
use spillway_cli::telemetry::{Families, Monitor, View};
use spillway_tests::openmetrics::{parse, value};

#[test]
fn any_metrics_make_a_page_that_is_in_order() {
    let monitor = Monitor::new();
    for _ in 0..3_000 {
        let seed = fastrand::u64(..);
        let mut random = Rng::with_seed(seed);
        let reported: Vec<_> = (0..random.usize(..40)).map(|_| metric(&mut random)).collect();
        let families = Families::of(reported.clone());
        let (count, refused) = (reported.len() as u64, families.refused());
        assert!(refused <= count, "seed {seed}");
        let page = View { sink: Arc::new(families), ..monitor.view() }.exposition();
        let read = parse(&page);
        let read = read.unwrap_or_else(|e| panic!("seed {seed}: {e}\n{reported:?}\n{page}"));
        let told = value(&read, "spillway_run_metrics_refused", None);
        assert_eq!(told, refused as f64, "seed {seed}");
        let is_of_sink = |name: &str| {
            !["spillway_run", "spillway_egress", "spillway_build"]
                .iter()
                .any(|o| name.starts_with(o))
        };
        // A histogram has several samples, and one sum.
        let samples =
            read.iter().filter(|(name, _)| is_of_sink(name)).flat_map(|(_, f)| &f.samples);
        let taken = samples
            .filter(|((name, labels), _)| !labels.contains_key("le") && !name.ends_with("_count"));
        assert_eq!(taken.count() as u64, count - refused, "seed {seed}\n{reported:?}\n{page}");
    }
}

fn metric(random: &mut Rng) -> Metric {
    let labels = (0..random.usize(..4))
        .map(|_| (pick(random, LABELS).to_owned(), pick(random, TEXTS).to_owned()));
    let labels = labels.collect();
    Metric {
        name: pick(random, NAMES).to_owned(),
        help: pick(random, TEXTS).to_owned(),
        labels,
        value: match random.u8(..3) {
            0 => MetricValue::Counter(*pick(random, NUMBERS)),
            1 => MetricValue::Gauge(*pick(random, NUMBERS)),
            _ => MetricValue::Histogram(histogram(random)),
        },
    }
}

fn histogram(random: &mut Rng) -> Histogram {
    let mut bucket = |_| Bucket { bound: *pick(random, NUMBERS), count: *pick(random, COUNTS) };
    let mut buckets: Vec<_> = (0..3).map(&mut bucket).collect();
    if random.bool() {
        buckets.sort_by(|one, other| one.bound.total_cmp(&other.bound));
    }
    buckets.truncate(random.usize(..=3));
    Histogram { buckets, beyond: *pick(random, COUNTS), sum: *pick(random, NUMBERS) }
}

fn pick<'a, T: ?Sized>(random: &mut Rng, from: &[&'a T]) -> &'a T {
    from[random.usize(..from.len())]
}

const NAMES: &[&str] = &[
    "a",
    "a_total",
    "a_sum",
    "a_bucket",
    "a_created",
    "b",
    "b_total",
    "a:b",
    "ABC",
    "_",
    "",
    "9",
    "a b",
    "a\n# EOF",
    "a{x=\"1\"}",
    "ä",
    "spillway_run_lines_total",
    "spillway_build_info",
    "spillway_events_total",
    "spillway_events",
];
const LABELS: &[&str] = &["x", "y", "le", "quantile", "__name__", "", "1", "x\"", "x:y", "z\n"];
const TEXTS: &[&str] =
    &["", "plain", "\"", "\\", "\n", "\\n", "\r\n# EOF\n", "\u{1b}[2J", "\u{85}", "ü{}=,", "\0"];
const NUMBERS: &[&f64] = &[
    &0.0,
    &1.0,
    &-1.0,
    &0.1,
    &1e300,
    &-0.0,
    &f64::NAN,
    &f64::INFINITY,
    &f64::NEG_INFINITY,
    &f64::MIN_POSITIVE,
    &f64::MAX,
];
const COUNTS: &[&u64] = &[&0, &1, &7, &u64::MAX];
