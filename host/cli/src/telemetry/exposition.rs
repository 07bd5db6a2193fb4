//! Metrics as a text that Prometheus reads.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use spillway::contract::MetricValue;

use super::families::{Families, Family, Kind, Series};

/// The type of the text: OpenMetrics 1.0.0,
/// <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md>.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All of these families on one page. No two of them may have a family of the same name.
pub(super) fn page(all: Vec<Families>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Page(all)));
    let mut page = String::new();
    let encoded = text::encode(&mut page, &registry);
    encoded.expect("a string takes any text");
    page
}

#[derive(Debug)]
struct Page(Vec<Families>);

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let families = self.0.iter().flat_map(|families| &families.families);
        families.into_iter().try_for_each(|(name, family)| encode(&mut encoder, name, family))
    }
}

fn encode(encoder: &mut DescriptorEncoder, name: &str, family: &Family) -> fmt::Result {
    let kind = match family.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
    };
    let help = family.help.replace('\\', "\\\\").replace('"', "\\\"");
    let mut encoder = encoder.encode_descriptor(name, &help, None, kind)?;
    family.series.iter().try_for_each(|Series { labels, value }| {
        if labels.is_empty() {
            sample(&mut encoder, value)
        } else {
            sample(&mut encoder.encode_family(labels)?, value)
        }
    })
}

fn sample(encoder: &mut MetricEncoder, value: &MetricValue) -> fmt::Result {
    match value {
        MetricValue::Counter(number) => {
            encoder.encode_counter::<NoLabelSet, f64, f64>(number, None)
        }
        MetricValue::Gauge(number) => encoder.encode_gauge(number),
        MetricValue::Histogram(histogram) => {
            let buckets = histogram.buckets.iter().map(|bucket| (bucket.bound, bucket.count));
            let buckets: Vec<_> = buckets.chain([(f64::INFINITY, histogram.beyond)]).collect();
            let count = buckets.iter().map(|(_, count)| count).sum();
            encoder.encode_histogram::<NoLabelSet>(histogram.sum, count, &buckets, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spillway::contract::{Bucket, Histogram, Metric};

    #[test]
    fn a_page_is_what_openmetrics_says() {
        let metric = |name: &str, labels: &[(&str, &str)], value| Metric {
            name: name.to_owned(),
            help: "Says \"a\\b\"\nand\u{1b}\u{202e}more.".to_owned(),
            labels: labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            value,
        };
        let buckets = vec![Bucket { bound: 0.5, count: 2 }, Bucket { bound: 1.0, count: 1 }];
        let histogram = Histogram { buckets, beyond: 4, sum: 30.25 };
        let families = Families::of(vec![
            metric("b_total", &[("x", "\"\\\n")], MetricValue::Counter(3.0)),
            metric("c", &[], MetricValue::Gauge(-1.5)),
            metric("a_seconds", &[("y", "ü"), ("x", "1")], MetricValue::Histogram(histogram)),
        ]);
        let help = r#"Says \"a\\b\" and  more."#;
        let wanted = [
            &format!("# HELP a_seconds {help}"),
            "# TYPE a_seconds histogram",
            r#"a_seconds_sum{x="1",y="ü"} 30.25"#,
            r#"a_seconds_count{x="1",y="ü"} 7"#,
            r#"a_seconds_bucket{le="0.5",x="1",y="ü"} 2"#,
            r#"a_seconds_bucket{le="1.0",x="1",y="ü"} 3"#,
            r#"a_seconds_bucket{le="+Inf",x="1",y="ü"} 7"#,
            &format!("# HELP b {help}"),
            "# TYPE b counter",
            r#"b_total{x="\"\\ "} 3.0"#,
            &format!("# HELP c {help}"),
            "# TYPE c gauge",
            "c -1.5",
            "# EOF",
        ];
        let page = page(vec![families]);
        assert_eq!(page.lines().collect::<Vec<_>>(), wanted);
    }
}
