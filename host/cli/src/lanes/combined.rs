//! What several lanes say, as if one said it.

use spillway::contract::{Error, Histogram, Metric, MetricValue, Progress, SavedState};
use spillway::sink::SinkError;

/// The progress of all lanes. What is durable is so in each of them.
pub(super) fn progress(lanes: Vec<Progress>) -> Progress {
    let mut lanes = lanes.into_iter();
    let mut all = lanes.next().expect("there is a lane");
    for lane in lanes {
        all.durable = all.durable.min(lane.durable);
        all.visible.extend(lane.visible);
        all.failed.extend(lane.failed);
        all.wants_checkpoint |= lane.wants_checkpoint;
        // What is said of the one configuration is said once.
        for notice in lane.notices {
            if !all.notices.iter().any(|told| told.message == notice.message) {
                all.notices.push(notice);
            }
        }
        all.notices_dropped += lane.notices_dropped;
    }
    all
}

/// The sums of the metrics of all lanes.
pub(super) fn metrics(lanes: Vec<Vec<Metric>>) -> Vec<Metric> {
    let mut lanes = lanes.into_iter();
    let mut all = lanes.next().unwrap_or_default();
    for (at, metric) in lanes.flat_map(|lane| lane.into_iter().enumerate()) {
        let is_same = |other: &Metric| other.name == metric.name && other.labels == metric.labels;
        // One component names them in one order.
        let index = match all.get(at).is_some_and(is_same) {
            true => Some(at),
            false => all.iter().position(is_same),
        };
        match index.map(|index| &mut all[index].value) {
            Some(MetricValue::Counter(sum) | MetricValue::Gauge(sum)) => match metric.value {
                MetricValue::Counter(more) | MetricValue::Gauge(more) => *sum += more,
                MetricValue::Histogram(_) => {}
            },
            Some(MetricValue::Histogram(sum)) => {
                if let MetricValue::Histogram(more) = &metric.value {
                    add(sum, more);
                }
            }
            None => all.push(metric),
        }
    }
    all
}

fn add(sum: &mut Histogram, more: &Histogram) {
    for bucket in &more.buckets {
        match sum.buckets.iter_mut().find(|own| own.bound == bucket.bound) {
            Some(own) => own.count += bucket.count,
            None => {
                let at = sum.buckets.partition_point(|own| own.bound < bucket.bound);
                sum.buckets.insert(at, *bucket);
            }
        }
    }
    sum.beyond += more.beyond;
    sum.sum += more.sum;
}

/// What the states of all lanes hold. Objects are in the order of their first events.
pub(super) fn saved(lanes: Vec<SavedState>) -> SavedState {
    let count = lanes.len();
    let mut lanes = lanes.into_iter();
    let mut all = lanes.next().expect("there is a lane");
    if count == 1 {
        return all;
    }
    name(&mut all.configuration, count);
    for lane in lanes {
        all.next_position = all.next_position.max(lane.next_position);
        all.objects.extend(lane.objects);
        all.to_abort.extend(lane.to_abort);
    }
    all.objects.sort_by_key(|object| object.first);
    all
}

/// Names the number of lanes in what a state depends on, in place of which lane it is.
pub fn name(configuration: &mut Vec<(String, String)>, count: usize) {
    configuration.retain(|(name, _)| name != LANE && name != LANES);
    configuration.push((LANES.to_owned(), count.to_string()));
}

/// The error that says more of two: one that ended a component, then any answer, then that it is
/// full.
pub(super) fn worse(one: Option<SinkError>, other: SinkError) -> SinkError {
    let weight = |error: &SinkError| match error {
        SinkError::Trap(_) | SinkError::Breach(_) => 3,
        SinkError::GivenUp => 2,
        SinkError::Refused(Error::Busy) => 0,
        SinkError::Refused(_) => 1,
    };
    match one {
        Some(one) if weight(&one) >= weight(&other) => one,
        _ => other,
    }
}

/// The fields of a component's configuration that say which lane it is, of how many.
pub const LANE: &str = "lane";
/// See [`LANE`].
pub const LANES: &str = "lanes";

#[cfg(test)]
mod tests {
    use super::*;
    use spillway::contract::{Bucket, Level, Notice};

    #[test]
    fn what_is_durable_is_so_in_each_lane_and_nothing_else_is_lost() {
        let lane = |durable, notices: &[&str], wants_checkpoint| Progress {
            durable,
            visible: Vec::new(),
            failed: Vec::new(),
            wants_checkpoint,
            notices: notices
                .iter()
                .map(|text| Notice { level: Level::Info, message: (*text).to_owned() })
                .collect(),
            notices_dropped: 2,
        };
        let all = progress(vec![lane(9, &["a"], false), lane(4, &["a", "b"], true)]);
        assert_eq!((all.durable, all.wants_checkpoint, all.notices_dropped), (4, true, 4));
        let texts: Vec<_> = all.notices.iter().map(|notice| notice.message.as_str()).collect();
        assert_eq!(texts, ["a", "b"]);
    }

    #[test]
    fn numbers_are_summed_by_name_and_labels() {
        let metric = |name: &str, label: &str, value| Metric {
            name: name.to_owned(),
            help: String::new(),
            labels: vec![("operation".to_owned(), label.to_owned())],
            value,
        };
        let histogram = |counts: [u64; 2], beyond, sum| {
            let bounds = [0.5, 1.0].into_iter().zip(counts);
            let buckets = bounds.map(|(bound, count)| Bucket { bound, count }).collect();
            MetricValue::Histogram(Histogram { buckets, beyond, sum })
        };
        let lane = |count, more| {
            vec![
                metric("n", "Put", MetricValue::Counter(count)),
                metric("n", "Get", MetricValue::Counter(more)),
                metric("open", "", MetricValue::Gauge(1.0)),
                metric("seconds", "Put", histogram([1, 2], 3, more)),
            ]
        };
        let mut other = lane(5.0, 0.25);
        other.swap(0, 1);
        let summed = metrics(vec![lane(2.0, 0.5), other]);
        assert_eq!(summed.len(), 4);
        let is = |index: usize, value: f64| match summed[index].value {
            MetricValue::Counter(sum) | MetricValue::Gauge(sum) => sum == value,
            MetricValue::Histogram(_) => false,
        };
        assert!(is(0, 7.0) && is(1, 0.75) && is(2, 2.0));
        let MetricValue::Histogram(sum) = &summed[3].value else { panic!("{summed:?}") };
        let counts: Vec<_> = sum.buckets.iter().map(|bucket| bucket.count).collect();
        assert_eq!((counts, sum.beyond, sum.sum), (vec![2, 4], 6, 0.75));
    }

    #[test]
    fn of_several_errors_the_one_that_says_more_is_told() {
        let busy = || SinkError::Refused(Error::Busy);
        let denied = SinkError::Refused(Error::Denied("no".to_owned()));
        let told = worse(Some(worse(Some(busy()), denied)), busy());
        assert_eq!(told.to_string(), "no");
        assert!(matches!(worse(Some(told), SinkError::GivenUp), SinkError::GivenUp));
    }
}
