//! Flows that read partitions of topics, from the mock cluster of librdkafka.

mod configuration;
mod exactly_once;
mod letters;
mod members;
mod pressure;
mod records;
mod takeovers;
#[cfg(feature = "kafka-tls")]
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, Headers as _, Message as _, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;
use spillway_tests::program::{Ended, Running};
use spillway_tests::server::Server;
use spillway_tests::store::Store;

use super::support::*;

/// A cluster in this process, and one who writes to it.
struct Cluster {
    mock: MockCluster<'static, DefaultProducerContext>,
    producer: BaseProducer,
}

/// A record as it is written.
#[derive(Clone, Copy, Default)]
struct New<'a> {
    partition: i32,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    header: Option<(&'a str, &'a [u8])>,
    timestamp: Option<i64>,
}

impl Cluster {
    /// A cluster of three brokers with one topic.
    fn start(topic: &str, partitions: i32) -> Cluster {
        let mock = MockCluster::new(3).unwrap();
        mock.create_topic(topic, partitions, 3).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", mock.bootstrap_servers()).set("linger.ms", "5");
        // The brokers keep 5 MB of each partition.
        config.set("compression.type", "lz4");
        Cluster { producer: config.create().unwrap(), mock }
    }

    /// The address of one of its brokers.
    fn broker(&self) -> String {
        let brokers = self.mock.bootstrap_servers();
        brokers.split(',').next().unwrap().to_owned()
    }

    /// Writes a record.
    fn write(&self, topic: &str, new: New<'_>) {
        let mut record = BaseRecord::<[u8], [u8]>::to(topic).partition(new.partition);
        record.key = new.key;
        record.payload = new.value;
        record.timestamp = new.timestamp;
        if let Some((key, value)) = new.header {
            let header = Header { key, value: Some(value) };
            record = record.headers(OwnedHeaders::new().insert(header));
        }
        self.producer.send(record).map_err(|(error, _)| error).unwrap();
    }

    /// Writes documents with these numbers, each into the partition after that of the one before.
    fn write_numbers(&self, topic: &str, numbers: std::ops::Range<u64>, partitions: i32) {
        for number in numbers {
            let value = format!("{{\"n\":{number}}}");
            let partition = (number % partitions as u64) as i32;
            let value = Some(value.as_bytes());
            self.write(topic, New { partition, value, ..New::default() });
            self.producer.poll(Duration::ZERO);
        }
        self.flush();
    }

    fn flush(&self) {
        self.producer.flush(PATIENCE).unwrap();
    }

    /// The offset that the group of [`FLOW`] has committed, if it has.
    fn committed(&self, topic: &str, partition: i32) -> Option<i64> {
        let mut of = TopicPartitionList::new();
        of.add_partition(topic, partition);
        let found = self.consumer("archive").committed_offsets(of, Duration::from_secs(30));
        match found.unwrap().elements()[0].offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        }
    }

    /// The first records of a topic, each with its key, its headers and its value.
    fn read(&self, topic: &str, count: usize) -> Vec<(Option<String>, String, String)> {
        let consumer = self.consumer("reader");
        consumer.subscribe(&[topic]).unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let begun = Instant::now();
        let next = || loop {
            assert!(begun.elapsed() < PATIENCE, "{topic} has no {count} records");
            // It returns nothing as well where partitions are assigned.
            if let Some(Ok(record)) = consumer.poll(Duration::from_secs(1)) {
                return record;
            }
        };
        let record = |_| {
            let record = next();
            let headers = record.headers().into_iter().flat_map(|headers| headers.iter());
            let headers: Vec<_> = headers
                .map(|header| format!("{}={}", header.key, text(header.value.unwrap_or_default())))
                .collect();
            let value = text(record.payload().unwrap_or_default());
            (record.key().map(text), headers.join(" "), value)
        };
        (0..count).map(record).collect()
    }

    fn consumer(&self, group: &str) -> BaseConsumer {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", self.mock.bootstrap_servers()).set("group.id", group);
        config.set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
        config.create().unwrap()
    }
}

/// A flow that reads a topic, and ends each object soon.
fn flow(topic: &str) -> String {
    FLOW.replace("TOPIC", topic)
}

/// A place with a flow, a store and a cluster.
fn place(flow: &str, server: &Server, cluster: &Cluster) -> Place {
    let place = Place::new().at(server).with("BROKER", &cluster.broker());
    place.write("flow.toml", flow);
    place
}

fn place_at(flow: &str, endpoint: &str, cluster: &Cluster) -> Place {
    let place = Place::new().with("ENDPOINT", endpoint).with("BROKER", &cluster.broker());
    place.write("flow.toml", flow);
    place
}

/// A flow that is stored each second, and taken over once two have passed.
fn checkpointed(topic: &str) -> String {
    let flow = flow(topic).replace("group =", "revoke_timeout = \"10s\"\ngroup =");
    flow + "\n[checkpoint]\nstore = \"bucket\"\nname = \"archive\"\nevery = \"1s\"\n\
            lease = \"2s\"\n"
}

/// What the objects hold, without the state.
fn stored(store: &Store) -> BTreeMap<u64, usize> {
    numbers_of(store.contents().into_iter().filter(|(key, _)| !key.starts_with("_")).collect())
}

fn start(place: &Place) -> Running {
    Running::start_within(&mut place.command(&["run", "flow.toml", "--json"]), PATIENCE)
}

/// The same, and where its metrics are.
fn start_watched(place: &Place) -> (Running, SocketAddr) {
    let arguments = ["run", "flow.toml", "--json", "--metrics", "127.0.0.1:0"];
    let mut running = Running::start_within(&mut place.command(&arguments), PATIENCE);
    let address = served_at(&mut running);
    (running, address)
}

/// Tells a run to stop, and returns its summary.
fn stop(running: Running) -> Value {
    summary(&stopped(running))
}

/// Tells a run to stop, which it does without a failure.
fn stopped(running: Running) -> Ended {
    running.signal("TERM");
    let ended = guarded(running.end());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended
}

/// How often each number is in the objects.
fn numbers(server: &Server) -> BTreeMap<u64, usize> {
    numbers_of(server.contents())
}

fn numbers_of(contents: BTreeMap<String, Vec<u8>>) -> BTreeMap<u64, usize> {
    let mut numbers = BTreeMap::new();
    for line in lines_of(contents) {
        let document: Value = serde_json::from_str(&line).unwrap();
        *numbers.entry(document["n"].as_u64().unwrap()).or_default() += 1;
    }
    numbers
}

#[track_caller]
fn assert_once(server: &Server, count: u64) {
    assert_each_once(&numbers(server), count);
}

/// Asserts that each number below this one is there once, and no other.
#[track_caller]
fn assert_each_once(numbers: &BTreeMap<u64, usize>, count: u64) {
    let (first, last) = (numbers.keys().next(), numbers.keys().last());
    assert_eq!((numbers.len() as u64, first, last), (count, Some(&0), Some(&(count - 1))));
    let others: Vec<_> = numbers.iter().filter(|(_, count)| **count != 1).collect();
    assert!(others.is_empty(), "{} numbers are there more than once: {others:?}", others.len());
}

/// The lines of all objects, in the order of the objects' names.
fn lines(server: &Server) -> Vec<String> {
    lines_of(server.contents())
}

fn lines_of(contents: BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let texts = contents.into_values().map(|bytes| String::from_utf8(bytes).unwrap());
    texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Waits until the objects have this many different numbers.
fn wait_for_numbers(server: &Server, count: usize) {
    wait_until(|| numbers(server).len(), count);
}

fn wait_until(found: impl Fn() -> usize, count: usize) {
    let begun = Instant::now();
    loop {
        let found = found();
        if found >= count {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{found} of {count} numbers are there");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// How long a run with a group may take: a member that was killed is missed after six seconds.
const PATIENCE: Duration = Duration::from_secs(120);

const FLOW: &str = r#"
[source]
type = "kafka"
brokers = ["${BROKER}"]
topics = ["TOPIC"]
group = "archive"
commit_every = "200ms"

[source.properties]
"session.timeout.ms" = 6000
"heartbeat.interval.ms" = 500

[map]
fixed_key = "{topic}/{partition}"

[sink.config]
bucket = "events"
endpoint = "${ENDPOINT}"
key_template = "{key}/{uuid}"
rotate = { age_ms = 300 }
"#;
