//! A strict reader of OpenMetrics 1.0.0 as text, as far as counters, gauges and histograms go:
//! <https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md#text-format>

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use super::program::PATIENCE;

/// The families of a page, by name.
pub type Page = BTreeMap<String, Family>;

/// The metrics of one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Family {
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// What it is.
    pub help: String,
    /// The values by name and labels.
    pub samples: BTreeMap<(String, Labels), f64>,
}

/// Names and values, by name.
pub type Labels = BTreeMap<String, String>;

/// What an HTTP server answers: its head, and its body.
pub fn ask(address: SocketAddr, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer, and its end");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

/// The page at `http://address/metrics`. Panics where there is none, or where it breaks a rule.
pub fn scrape(address: SocketAddr) -> Page {
    let (head, body) = ask(address, "GET /metrics HTTP/1.1\r\nhost: here\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let kind = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert!(head.lines().any(|line| line == kind), "{head}");
    parse(&body).unwrap_or_else(|error| panic!("{error}\n{body}"))
}

/// The value of the metric of that name with that label, or without any.
pub fn value(page: &Page, name: &str, label: Option<(&str, &str)>) -> f64 {
    let labels = label.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let key = (name.to_owned(), labels.collect());
    let found = page.values().find_map(|family| family.samples.get(&key));
    *found.unwrap_or_else(|| panic!("there is no {key:?}"))
}

/// Reads a page.
///
/// # Errors
///
/// The line that breaks a rule, and which one.
pub fn parse(text: &str) -> Result<Page, String> {
    let text = text.strip_suffix("# EOF\n").ok_or("the page has no end")?;
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the line before the last has no end".to_owned());
    }
    let mut page = Page::new();
    let mut open = String::new();
    for line in text.split_terminator('\n') {
        let told = |rule: &str| format!("{rule}: {line:?}");
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or_else(|| told("no help"))?;
            if !is_name(name) {
                return Err(told("not a name"));
            }
            let family = Family {
                help: unescaped(help).ok_or_else(|| told("an escape"))?,
                ..Family::default()
            };
            if page.insert(name.to_owned(), family).is_some() {
                return Err(told("a family comes twice"));
            }
            open = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or_else(|| told("no type"))?;
            let family = page.get_mut(name).filter(|f| f.kind.is_empty() && name == open);
            let family = family.ok_or_else(|| told("not the family that has begun"))?;
            if !["counter", "gauge", "histogram"].contains(&kind) {
                return Err(told("not a type"));
            }
            family.kind = kind.to_owned();
        } else {
            let (name, labels, value) = sample(line).ok_or_else(|| told("not a sample"))?;
            let family = page.get_mut(&open).ok_or_else(|| told("no family has begun"))?;
            let suffix =
                name.strip_prefix(open.as_str()).ok_or_else(|| told("another family's"))?;
            let suffixes: &[&str] = match family.kind.as_str() {
                "counter" => &["_total"],
                "gauge" => &[""],
                "histogram" => &["_bucket", "_sum", "_count"],
                _ => return Err(told("its type is not told")),
            };
            if !suffixes.contains(&suffix) {
                return Err(told("not a name of its type"));
            }
            if labels.contains_key("le") != (suffix == "_bucket") {
                return Err(told("`le` belongs to buckets"));
            }
            if !value.is_finite() || (family.kind != "gauge" && value < 0.0) {
                return Err(told("not a number of its type"));
            }
            if family.samples.insert((name, labels), value).is_some() {
                return Err(told("a sample comes twice"));
            }
        }
    }
    for (name, family) in &page {
        if family.samples.is_empty() {
            return Err(format!("{name} has no samples"));
        }
        if family.kind == "histogram" {
            histograms(name, family)?;
        }
    }
    Ok(page)
}

/// Buckets count up to the count of all.
fn histograms(name: &str, family: &Family) -> Result<(), String> {
    let (mut buckets, mut whole) = (BTreeMap::<_, Vec<_>>::new(), 0);
    for ((sample, labels), value) in &family.samples {
        let mut labels = labels.clone();
        match labels.remove("le") {
            Some(bound) => {
                let bound: f64 = bound.parse().map_err(|_| format!("{name}: {bound:?}"))?;
                buckets.entry(labels).or_default().push((bound, *value));
            }
            None if sample.ends_with("_count") => {
                whole += 1;
                buckets.entry(labels).or_default().push((f64::NAN, *value));
            }
            None => {}
        }
    }
    for (labels, mut counts) in buckets.clone() {
        counts.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let rises = counts.is_sorted_by(|(_, one), (_, next)| one <= next);
        let [.., (last, all), (none, count)] = counts[..] else {
            return Err(format!("{name}{labels:?} has no buckets or no count"));
        };
        if !rises || last != f64::INFINITY || !none.is_nan() || all != count {
            return Err(format!("{name}{labels:?} does not add up"));
        }
        if !family.samples.contains_key(&(format!("{name}_sum"), labels.clone())) {
            return Err(format!("{name}{labels:?} has no sum"));
        }
    }
    if whole == buckets.len() { Ok(()) } else { Err(format!("{name} counts what has no buckets")) }
}

/// `name value` or `name{label="value",…} value`.
fn sample(line: &str) -> Option<(String, Labels, f64)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, behind) = rest.split_once("=\"")?;
            let end = quoted_end(behind)?;
            let value = unescaped(&behind[..end])?;
            let is_new = labels.insert(label.to_owned(), value).is_none();
            if !is_new || !is_name(label) || label.contains(':') {
                return None;
            }
            rest = &behind[end + 1..];
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => break,
            }
        }
        rest = rest.strip_prefix('}')?;
    }
    let value = rest.strip_prefix(' ').filter(|value| !value.contains(' '))?;
    is_name(name).then_some((name.to_owned(), labels, value.parse().ok()?))
}

/// Where the quote is that ends a quoted text.
fn quoted_end(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.char_indices().find_map(|(at, c)| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends.then_some(at)
    })
}

fn unescaped(text: &str) -> Option<String> {
    let mut chars = text.chars();
    let mut plain = String::new();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                c @ ('\\' | '"') => c,
                _ => return None,
            },
            c if c.is_control() || c == '"' => return None,
            c => c,
        });
    }
    Some(plain)
}

fn is_name(name: &str) -> bool {
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    name.starts_with(begins) && name.chars().all(|c| begins(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# HELP a_seconds A.\n# TYPE a_seconds histogram\n";

    #[test]
    fn what_is_in_order_is_read() {
        let page = parse(&format!(
            "# HELP n N \\\"and\\\\.\n# TYPE n counter\nn_total{{a=\"\\\"\\n\",b=\"\"}} 1.5\n{HEAD}\
             a_seconds_sum 3\na_seconds_count 2\na_seconds_bucket{{le=\"0.5\"}} 1\n\
             a_seconds_bucket{{le=\"+Inf\"}} 2\n# EOF\n"
        ));
        let page = page.unwrap();
        assert_eq!((page["n"].kind.as_str(), page["n"].help.as_str()), ("counter", "N \"and\\."));
        assert_eq!(value(&page, "a_seconds_count", None), 2.0);
        let labels = [("a", "\"\n"), ("b", "")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        assert_eq!(page["n"].samples[&("n_total".to_owned(), labels.into())], 1.5);
    }

    #[test]
    fn what_is_not_is_refused() {
        let gauge = "# HELP g G.\n# TYPE g gauge\n";
        for body in [
            "g 1\n".to_owned(),
            format!("{gauge}g 1"),
            format!("{gauge}g 1\ng 2\n"),
            format!("{gauge}g 1\n{gauge}g 2\n"),
            format!("{gauge}g_total 1\n"),
            format!("{gauge}g NaN\n"),
            format!("{gauge}g  1\n"),
            format!("{gauge}g 1\n\n"),
            format!("{gauge}g{{a=\"1\",a=\"2\"}} 1\n"),
            format!("{gauge}g{{a=\"1}} 1\n"),
            format!("{gauge}g{{}} 1\n"),
            format!("{gauge}h 1\n"),
            gauge.to_owned(),
            "# HELP c C.\n# TYPE c counter\nc_total -1\n".to_owned(),
            "# HELP c C.\n# TYPE c counter\nc 1\n".to_owned(),
            format!("{HEAD}a_seconds_sum 1\na_seconds_count 1\n"),
            format!("{HEAD}a_seconds_sum 1\na_seconds_count 1\na_seconds_bucket{{le=\"1\"}} 1\n"),
            format!(
                "{HEAD}a_seconds_sum 1\na_seconds_count 2\na_seconds_bucket{{le=\"+Inf\"}} 1\n"
            ),
            format!("{HEAD}a_seconds_count 1\na_seconds_bucket{{le=\"+Inf\"}} 1\n"),
        ] {
            assert!(parse(&format!("{body}# EOF\n")).is_err(), "{body}");
        }
        assert!(parse(&format!("{gauge}g 1\n")).is_err());
        assert!(parse(&format!("{gauge}g 1\n# EOF\n# EOF\n")).is_err());
    }
}
