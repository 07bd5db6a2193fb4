//! The metrics of a component, checked: it may be anybody's, and may report anything.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::escape;
use spillway::contract::{Histogram, Metric, MetricValue};

/// Metrics whose names, labels and numbers all are what Prometheus allows, by families. What is not
/// is left out and counted, as is what is too much.
#[derive(Clone, Debug, Default)]
pub struct Families {
    pub(super) families: BTreeMap<String, Family>,
    pub(super) refused: u64,
}

/// The metrics of one name.
#[derive(Clone, Debug)]
pub(super) struct Family {
    pub(super) kind: Kind,
    pub(super) help: String,
    pub(super) series: Vec<Series>,
    seen: HashSet<Labels>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One metric, and the labels that tell it apart from the others of its name.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    pub(super) value: MetricValue,
}

/// By their names, which are all different.
type Labels = Vec<(String, String)>;

impl Families {
    /// What a component reports, as far as it may be shown.
    pub fn of(metrics: Vec<Metric>) -> Families {
        let mut families = Families::default();
        let mut claimed = BTreeSet::new();
        let mut left = SERIES_MAX;
        for metric in metrics {
            let is_own = RESERVED.iter().any(|prefix| metric.name.starts_with(prefix));
            let samples = samples(&metric.value);
            if is_own || samples > left || !families.add(metric, &mut claimed) {
                families.refused += 1;
            } else {
                left -= samples;
            }
        }
        families
    }

    /// What the host itself reports, which needs no bounds.
    pub(super) fn of_host(metrics: Vec<Metric>) -> Families {
        let (mut families, mut claimed) = (Families::default(), BTreeSet::new());
        for metric in metrics {
            let name = metric.name.clone();
            assert!(families.add(metric, &mut claimed), "{name} is not a metric");
        }
        families
    }

    /// What several components of one kind report, as one: what has the same name and labels is
    /// added up.
    pub(super) fn and(mut self, other: &Families) -> Families {
        self.refused += other.refused;
        for (name, family) in &other.families {
            let Some(mine) = self.families.get_mut(name) else {
                self.families.insert(name.clone(), family.clone());
                continue;
            };
            for series in &family.series {
                let same = mine.series.iter_mut().find(|mine| mine.labels == series.labels);
                match same {
                    Some(mine) => add(&mut mine.value, &series.value),
                    None if mine.kind == family.kind => {
                        mine.seen.insert(series.labels.clone());
                        mine.series.push(series.clone());
                    }
                    None => {}
                }
            }
        }
        self
    }

    /// How many metrics were left out.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The sum of the counters or gauges of that name; nothing where there is none.
    pub fn sum(&self, name: &str) -> Option<f64> {
        let family = self.families.get(name.strip_suffix(TOTAL).unwrap_or(name))?;
        let number = |series: &Series| match series.value {
            MetricValue::Counter(number) | MetricValue::Gauge(number) => Some(number),
            MetricValue::Histogram(_) => None,
        };
        family.series.iter().map(number).sum()
    }

    /// Takes a metric, or says that it is none.
    fn add(&mut self, metric: Metric, claimed: &mut BTreeSet<String>) -> bool {
        let Metric { name, help, labels, value } = metric;
        if !is_number(&value) {
            return false;
        }
        let kind = Kind::of(&value);
        let name = match (kind, name.strip_suffix(TOTAL)) {
            (Kind::Counter, Some(base)) => base.to_owned(),
            _ => name,
        };
        let Some(labels) = checked(labels) else { return false };
        if let Some(family) = self.families.get_mut(&name) {
            let fits = family.kind == kind && family.seen.insert(labels.clone());
            if fits {
                family.series.push(Series { labels, value });
            }
            return fits;
        }
        let names = kind.names(&name);
        let is_free = names.iter().all(|name| !claimed.contains(name));
        if !is_name(&name, ":") || name.len() > NAME_BYTES_MAX || !is_free {
            return false;
        }
        claimed.extend(names);
        let seen = HashSet::from([labels.clone()]);
        let series = vec![Series { labels, value }];
        self.families.insert(name, Family { kind, help: plain(&help), series, seen });
        true
    }
}

impl Kind {
    fn of(value: &MetricValue) -> Kind {
        match value {
            MetricValue::Counter(_) => Kind::Counter,
            MetricValue::Gauge(_) => Kind::Gauge,
            MetricValue::Histogram(_) => Kind::Histogram,
        }
    }

    /// The names that nothing else may have beside a family of this kind:
    /// <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md#suffixes>
    fn names(self, family: &str) -> Vec<String> {
        let suffixes: &[&str] = match self {
            Kind::Counter => &["", "_total", "_created"],
            Kind::Gauge => &[""],
            Kind::Histogram => &["", "_bucket", "_count", "_sum", "_created"],
        };
        suffixes.iter().map(|suffix| format!("{family}{suffix}")).collect()
    }
}

/// Adds a value to another of the same metric. Histograms with other buckets are left as they are.
fn add(value: &mut MetricValue, more: &MetricValue) {
    match (value, more) {
        (MetricValue::Counter(number), MetricValue::Counter(more))
        | (MetricValue::Gauge(number), MetricValue::Gauge(more)) => *number += more,
        (MetricValue::Histogram(histogram), MetricValue::Histogram(more)) => {
            let bounds = |of: &Histogram| of.buckets.iter().map(|b| b.bound).collect::<Vec<_>>();
            if bounds(histogram) == bounds(more) {
                let pairs = histogram.buckets.iter_mut().zip(&more.buckets);
                pairs.for_each(|(bucket, more)| bucket.count += more.count);
                histogram.beyond += more.beyond;
                histogram.sum += more.sum;
            }
        }
        _ => {}
    }
}

/// How many lines it takes.
fn samples(value: &MetricValue) -> usize {
    match value {
        MetricValue::Counter(_) | MetricValue::Gauge(_) => 1,
        // Those of its buckets, one for all that is beyond, its sum and its count.
        MetricValue::Histogram(histogram) => histogram.buckets.len() + 3,
    }
}

fn is_number(value: &MetricValue) -> bool {
    match value {
        MetricValue::Counter(number) => number.is_finite() && *number >= 0.0,
        MetricValue::Gauge(number) => number.is_finite(),
        MetricValue::Histogram(histogram) => is_histogram(histogram),
    }
}

fn is_histogram(histogram: &Histogram) -> bool {
    let Histogram { buckets, beyond, sum } = histogram;
    let mut counts = buckets.iter().map(|bucket| bucket.count);
    sum.is_finite()
        && *sum >= 0.0
        && buckets.iter().all(|bucket| bucket.bound.is_finite())
        && buckets.is_sorted_by(|one, next| one.bound < next.bound)
        && counts.try_fold(*beyond, u64::checked_add).is_some()
}

/// The labels by their names, if each is one, and none is there twice.
fn checked(labels: Vec<(String, String)>) -> Option<Labels> {
    let is_label = |name: &str| {
        let is_reserved = name.starts_with("__") || name == "le" || name == "quantile";
        is_name(name, "") && name.len() <= NAME_BYTES_MAX && !is_reserved
    };
    if labels.len() > LABELS_MAX || !labels.iter().all(|(name, _)| is_label(name)) {
        return None;
    }
    let mut labels: Labels =
        labels.into_iter().map(|(name, value)| (name, plain(&value))).collect();
    labels.sort_unstable();
    labels.is_sorted_by(|(one, _), (next, _)| one != next).then_some(labels)
}

/// Whether it is a name, of a metric with `more` as `:`, and of a label without:
/// <https://prometheus.io/docs/concepts/data_model/#metric-names-and-labels>
fn is_name(name: &str, more: &str) -> bool {
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_' || more.contains(c);
    let goes_on = |c: char| begins(c) || c.is_ascii_digit();
    name.starts_with(begins) && name.chars().all(goes_on)
}

/// The beginning of a text, without what would break a line.
pub(super) fn plain(text: &str) -> String {
    let kept = text.chars().take(TEXT_CHARS_MAX).collect::<String>();
    escape::blank(&kept).into_owned()
}

const TOTAL: &str = "_total";
/// The names that only the host gives.
pub(super) const RESERVED: [&str; 4] =
    ["spillway_run_", "spillway_egress_", "spillway_source_", "spillway_build"];
/// How many lines a component's metrics may take.
const SERIES_MAX: usize = 10_000;
const LABELS_MAX: usize = 16;
const NAME_BYTES_MAX: usize = 200;
const TEXT_CHARS_MAX: usize = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use spillway::contract::Bucket;

    fn metric(name: &str, labels: &[(&str, &str)], value: MetricValue) -> Metric {
        let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Metric { name: name.to_owned(), help: "Help.".to_owned(), labels, value }
    }

    fn gauge(name: &str, labels: &[(&str, &str)]) -> Metric {
        metric(name, labels, MetricValue::Gauge(1.0))
    }

    fn histogram(buckets: &[(f64, u64)], beyond: u64, sum: f64) -> MetricValue {
        let bucket = |(bound, count): &(f64, u64)| Bucket { bound: *bound, count: *count };
        let buckets = buckets.iter().map(bucket).collect();
        MetricValue::Histogram(Histogram { buckets, beyond, sum })
    }

    #[track_caller]
    fn refused(metrics: Vec<Metric>, count: u64) {
        let all = metrics.len() as u64;
        let families = Families::of(metrics);
        let taken: usize = families.families.values().map(|family| family.series.len()).sum();
        assert_eq!((families.refused(), taken as u64), (count, all - count), "{families:?}");
    }

    #[test]
    fn names_are_those_that_prometheus_allows() {
        for name in ["a", "_a", "A9", "spillway_events_total", "job:rate", "spillway_runs"] {
            refused(vec![gauge(name, &[])], 0);
        }
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        for name in ["", "9a", "a-b", "a b", "a\n# EOF", "ä", "a{b=\"c\"}", &long] {
            refused(vec![gauge(name, &[])], 1);
            refused(vec![gauge("a", &[(name, "v")])], 1);
        }
        for label in ["le", "quantile", "__name__", "a:b"] {
            refused(vec![gauge("a", &[(label, "v")])], 1);
        }
        refused(vec![metric("_total", &[], MetricValue::Counter(1.0))], 1);
    }

    #[test]
    fn the_names_of_the_host_are_its_own() {
        for name in
            ["spillway_run_x", "spillway_egress_x", "spillway_source_x", "spillway_build_info"]
        {
            refused(vec![gauge(name, &[])], 1);
        }
    }

    #[test]
    fn numbers_are_numbers() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            refused(vec![metric("a", &[], MetricValue::Gauge(number))], 1);
            refused(vec![metric("a", &[], MetricValue::Counter(number))], 1);
            refused(vec![metric("a", &[], histogram(&[], 0, number))], 1);
            refused(vec![metric("a", &[], histogram(&[(number, 1)], 0, 1.0))], 1);
        }
        refused(vec![metric("a", &[], MetricValue::Counter(-1.0))], 1);
        refused(vec![metric("a", &[], MetricValue::Gauge(-1.0))], 0);
    }

    #[test]
    fn buckets_rise_and_their_counts_have_a_sum() {
        refused(vec![metric("a", &[], histogram(&[(0.5, 1), (1.0, 0)], 2, 9.0))], 0);
        refused(vec![metric("a", &[], histogram(&[(1.0, 1), (0.5, 1)], 0, 1.0))], 1);
        refused(vec![metric("a", &[], histogram(&[(1.0, 1), (1.0, 1)], 0, 1.0))], 1);
        refused(vec![metric("a", &[], histogram(&[(1.0, u64::MAX)], 1, 1.0))], 1);
    }

    #[test]
    fn nothing_is_there_twice() {
        let one = || gauge("a", &[("x", "1"), ("y", "2")]);
        refused(vec![one(), gauge("a", &[("x", "2")]), gauge("a", &[])], 0);
        refused(vec![one(), gauge("b", &[]), gauge("a", &[("y", "2"), ("x", "1")])], 1);
        refused(vec![gauge("a", &[("x", "1"), ("x", "2")])], 1);
        // Of one name there is one kind, and the names that a kind brings along are taken, too.
        let counter = |name: &str| metric(name, &[], MetricValue::Counter(1.0));
        refused(vec![gauge("a", &[]), counter("a")], 1);
        refused(vec![counter("a"), counter("a_total")], 1);
        refused(vec![counter("a"), gauge("a_total", &[])], 1);
        refused(vec![gauge("a_sum", &[]), metric("a", &[], histogram(&[], 1, 1.0))], 1);
    }

    #[test]
    fn there_is_a_limit_to_how_many_there_are() {
        let many = (0..SERIES_MAX + 7).map(|n| gauge("a", &[("n", &n.to_string())])).collect();
        refused(many, 7);
        let buckets: Vec<_> = (0..SERIES_MAX).map(|n| (n as f64, 1)).collect();
        refused(vec![metric("a", &[], histogram(&buckets, 0, 1.0))], 1);
        let labels: Vec<_> = (0..=LABELS_MAX).map(|n| format!("l{n}")).collect();
        let labels: Vec<_> = labels.iter().map(|name| (name.as_str(), "v")).collect();
        refused(vec![gauge("a", &labels)], 1);
    }

    #[test]
    fn a_sum_is_over_all_labels() {
        let counter = |class| metric("r_total", &[("class", class)], MetricValue::Counter(2.0));
        let families = Families::of(vec![counter("a"), counter("b"), gauge("g", &[])]);
        assert_eq!(families.sum("r_total"), Some(4.0));
        assert_eq!((families.sum("g"), families.sum("none")), (Some(1.0), None));
    }
}
