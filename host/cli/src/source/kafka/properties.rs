//! `[source.properties]`: what else librdkafka is told.

use std::collections::BTreeMap;
use std::time::Duration;

use spillway::problem::Problem;
use toml::{Table, Value};

/// The properties as librdkafka takes them: texts. Those that are set otherwise are refused.
pub(super) fn of(
    table: Option<&Table>,
    wrong: &mut impl FnMut(&str, &str),
) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    for (name, value) in table.into_iter().flatten() {
        let field = format!("properties.\"{name}\"");
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Boolean(flag) => flag.to_string(),
            other => {
                let message =
                    format!("is {}, expected a text, a number or a flag", other.type_str());
                wrong(&field, &message);
                continue;
            }
        };
        match OWNED.iter().find(|(owned, _)| is_named(owned, name)) {
            Some((_, instead)) => wrong(&field, instead),
            None => {
                properties.insert(name.clone(), text);
            }
        }
    }
    properties
}

/// What a producer refuses that stores each dead letter once, and all in their order. Numbers that
/// are none are refused elsewhere.
pub(super) fn problems_of_writer(properties: &BTreeMap<String, String>) -> Vec<Problem> {
    let wrong = |(name, value): (&String, &String)| {
        let number = value.parse::<i64>().ok();
        let message = match name.as_str() {
            "retries" | "message.send.max.retries" if number == Some(0) => {
                "is 0, but dead letters of a topic are sent again until they are stored; remove it"
            }
            "max.in.flight" | "max.in.flight.requests.per.connection" if number > Some(5) => {
                "is more than 5, which dead letters of a topic do not allow; lower it or remove it"
            }
            "queue.buffering.backpressure.threshold" if number > Some(1) => {
                "is more than 1, which dead letters of a topic do not allow; remove it"
            }
            "queuing.strategy" if value.eq_ignore_ascii_case("lifo") => {
                "is not \"fifo\", but dead letters of a topic keep their order; remove it"
            }
            _ => return None,
        };
        Some(Problem::new(format!("source.properties.\"{name}\""), message))
    };
    properties.iter().filter_map(wrong).collect()
}

/// How long the group waits for this member to ask for records.
pub(super) fn poll_interval(properties: &BTreeMap<String, String>) -> Option<Duration> {
    time(properties, "max.poll.interval.ms", POLL_INTERVAL_DEFAULT)
}

/// How long the group waits for a sign of life of this member.
pub(super) fn session_timeout(properties: &BTreeMap<String, String>) -> Option<Duration> {
    time(properties, "session.timeout.ms", SESSION_TIMEOUT_DEFAULT)
}

fn time(properties: &BTreeMap<String, String>, name: &str, default: Duration) -> Option<Duration> {
    match properties.get(name) {
        None => Some(default),
        Some(text) => text.parse().ok().map(Duration::from_millis),
    }
}

fn is_named(owned: &str, name: &str) -> bool {
    match owned.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == owned,
    }
}

/// The defaults of librdkafka.
const POLL_INTERVAL_DEFAULT: Duration = Duration::from_secs(300);
const SESSION_TIMEOUT_DEFAULT: Duration = Duration::from_secs(45);

/// What is set by other fields, or by Spillway itself. A `*` stands for any end.
const OWNED: &[(&str, &str)] = &[
    ("bootstrap.servers", "is set by `brokers`; remove it"),
    ("metadata.broker.list", "is set by `brokers`; remove it"),
    ("group.id", "is set by `group`; remove it"),
    ("auto.offset.reset", "is set by `start_at`; remove it"),
    ("security.protocol", "follows from [source.tls] and [source.sasl]; remove it"),
    ("sasl.mechanism", "is set by [source.sasl] `mechanism`; remove it"),
    ("sasl.mechanisms", "is set by [source.sasl] `mechanism`; remove it"),
    ("sasl.username", "is set by [source.sasl] `username`; remove it"),
    ("sasl.password", "is set by [source.sasl] `password`; remove it"),
    ("ssl.ca.location", "is set by [source.tls] `ca_file`; remove it"),
    ("ssl.certificate.location", "is set by [source.tls] `certificate_file`; remove it"),
    ("ssl.key.location", "is set by [source.tls] `key_file`; remove it"),
    ("ssl.key.password", "is set by [source.tls] `key_password`; remove it"),
    ("enable.auto.commit", "is owned by Spillway, which commits what is stored; remove it"),
    ("auto.commit.*", "is owned by Spillway, which commits what is stored; remove it"),
    ("enable.auto.offset.store", "is owned by Spillway, which commits what is stored; remove it"),
    ("offset.store.*", "is owned by Spillway, which commits what is stored; remove it"),
    ("partition.assignment.strategy", "is owned by Spillway: cooperative-sticky; remove it"),
    ("group.protocol", "is owned by Spillway: classic; remove it"),
    ("acks", "is owned by Spillway, whose dead letters all replicas take; remove it"),
    (
        "request.required.acks",
        "is owned by Spillway, whose dead letters all replicas take; remove it",
    ),
    ("enable.idempotence", "is owned by Spillway, which writes dead letters with it; remove it"),
    (
        "delivery.report.only.error",
        "is owned by Spillway, which waits until each dead letter is stored; remove it",
    ),
    ("transactional.id", "is owned by Spillway, which has no transactions; remove it"),
    ("enable.partition.eof", "is owned by Spillway; remove it"),
    ("statistics.interval.ms", "is owned by Spillway; remove it"),
    ("plugin.library.paths", "would load code; it is not allowed"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_texts_and_what_is_owned_is_refused() {
        let table = "'session.timeout.ms' = 6000\n'client.id' = 'a'\n'check.crcs' = true\n\
                     'auto.commit.interval.ms' = 5\n'group.id' = 'x'\n'debug' = ['a']\n\
                     'delivery.report.only.error' = true";
        let table: Table = table.parse().unwrap();
        let mut problems = Vec::new();
        let found = of(Some(&table), &mut |field: &str, message: &str| {
            problems.push(format!("{field}: {message}"));
        });
        let found: Vec<_> = found.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(found, ["check.crcs=true", "client.id=a", "session.timeout.ms=6000"]);
        problems.sort();
        assert_eq!(
            problems,
            [
                "properties.\"auto.commit.interval.ms\": is owned by Spillway, which commits what \
                 is stored; remove it",
                "properties.\"debug\": is array, expected a text, a number or a flag",
                "properties.\"delivery.report.only.error\": is owned by Spillway, which waits \
                 until each dead letter is stored; remove it",
                "properties.\"group.id\": is set by `group`; remove it",
            ]
        );
    }

    /// Both what is refused and what is just allowed.
    #[test]
    fn what_the_producer_of_dead_letters_refuses_is_named() {
        for (name, refused, allowed) in [
            ("retries", "0", "1"),
            ("message.send.max.retries", "0", "1"),
            ("max.in.flight", "6", "5"),
            ("max.in.flight.requests.per.connection", "6", "5"),
            ("queue.buffering.backpressure.threshold", "2", "1"),
            ("queuing.strategy", "LIFO", "fifo"),
        ] {
            let of = |value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
            let problems = problems_of_writer(&of(refused));
            let fields: Vec<_> = problems.iter().map(|problem| problem.field.as_str()).collect();
            assert_eq!(fields, [format!("source.properties.\"{name}\"")]);
            assert!(problems_of_writer(&of(allowed)).is_empty(), "{name}");
        }
    }
}
