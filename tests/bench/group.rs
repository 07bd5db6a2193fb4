//! Members of a consumer group, and the mock cluster that they read from.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _};
use rdkafka::util::Timeout;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};

use crate::role::{Taken, cpu_seconds, peak, terminate};
use crate::server::BUCKET;

/// A group that stores a topic.
#[derive(Deserialize, Serialize)]
pub struct Job {
    /// How many processes.
    pub members: usize,
    /// How many records there are, shared out evenly.
    pub records: u64,
    /// The command.
    pub command: PathBuf,
    /// Its variables.
    pub environment: Vec<(String, String)>,
    /// The store's URL.
    pub endpoint: String,
    /// Where the flow is written.
    pub folder: PathBuf,
}

impl Job {
    /// Writes the records, and has the members store them.
    ///
    /// # Errors
    ///
    /// Where a member ends, or the offsets are not committed in time.
    pub fn run(&self) -> anyhow::Result<Taken> {
        let cluster = MockCluster::new(1)?;
        cluster.create_topic(TOPIC, PARTITIONS, 1)?;
        let brokers = cluster.bootstrap_servers();
        self.fill(&brokers)?;
        let flow = self.folder.join("flow.toml");
        std::fs::write(&flow, self.flow(&brokers))?;
        let mut members = Members(Vec::new());
        for number in 0..self.members {
            let said = std::fs::File::create(self.folder.join(format!("said-{number}")))?;
            let mut command = Command::new(&self.command);
            command.arg("run").arg(&flow).env_clear().envs(self.environment.clone());
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
            members.0.push(command.spawn().context("the command cannot be started")?);
        }
        let consumer: BaseConsumer = client(&brokers).set("group.id", GROUP).create()?;
        let mut kept = 0;
        for partition in 0..PARTITIONS {
            let marks = consumer.fetch_watermarks(TOPIC, partition, Duration::from_secs(30))?;
            kept += u64::try_from(marks.1 - marks.0)?;
        }
        ensure!(kept == self.records, "the cluster keeps {kept} of {} records", self.records);
        let (begun, mut first) = (Instant::now(), None);
        let last = loop {
            let (now, committed) = (Instant::now(), committed(&consumer)?);
            if committed >= self.records {
                break now;
            }
            if committed > 0 {
                first.get_or_insert((now, committed));
            }
            members.look()?;
            if begun.elapsed() > TIME_MAX {
                let said =
                    |number| std::fs::read_to_string(self.folder.join(format!("said-{number}")));
                let said: Vec<_> = (0..self.members).filter_map(|n| said(n).ok()).collect();
                let records = self.records;
                bail!("{committed} of {records} records are committed: {}", said.join("\n"));
            }
            std::thread::sleep(LOOKS_EVERY);
        };
        let (since, before) =
            first.context("all was committed at once: there are too few records")?;
        members.end()?;
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
        // All records, at the rate of those that were committed in that time.
        let share = self.records as f64 / (self.records - before) as f64;
        Ok(Taken {
            seconds: last.duration_since(since).as_secs_f64() * share,
            cpu_seconds: cpu_seconds(&usage),
            peak_bytes: peak(&usage),
        })
    }

    /// The mock keeps 5 MB of each partition, so what it is given has to be small once compressed.
    fn fill(&self, brokers: &str) -> anyhow::Result<()> {
        let mut config = client(brokers);
        config.set("compression.type", "zstd").set("linger.ms", "50");
        config.set("batch.num.messages", "10000").set("queue.buffering.max.messages", "200000");
        let producer: BaseProducer = config.create()?;
        let value = vec![b'x'; RECORD_BYTES - 1]; // And the line feed that is stored behind it.
        for number in 0..self.records {
            let partition = i32::try_from(number % PARTITIONS as u64)?;
            let mut record = BaseRecord::<(), [u8]>::to(TOPIC).partition(partition).payload(&value);
            while let Err((error, again)) = producer.send(record) {
                if error.rdkafka_error_code() != Some(rdkafka::types::RDKafkaErrorCode::QueueFull) {
                    return Err(error.into());
                }
                producer.poll(Duration::from_millis(10));
                record = again;
            }
        }
        Ok(producer.flush(Timeout::After(TIME_MAX))?)
    }

    /// The mock cluster lets a group wait for nearly a session at each rebalance but the first.
    fn flow(&self, brokers: &str) -> String {
        format!(
            "[source]\ntype = \"kafka\"\nbrokers = [\"{brokers}\"]\ntopics = [\"{TOPIC}\"]\n\
             group = \"{GROUP}\"\ncodec = \"raw\"\ncommit_every = \"100ms\"\n\n\
             [source.properties]\n\"session.timeout.ms\" = 6000\n\
             \"heartbeat.interval.ms\" = 500\n\n\
             [map]\nfixed_key = \"{{topic}}/{{partition}}\"\n\n\
             [sink.config]\nbucket = \"{BUCKET}\"\nendpoint = \"{}\"\n\
             key_template = \"{{key}}/{{uuid}}\"\npayload_signing = \"unsigned\"\n\
             rotate = {{ events = {}, age_ms = 1000 }}\n",
            self.endpoint,
            self.records / (PARTITIONS as u64 * OBJECTS)
        )
    }
}

/// How many records of all partitions the group has committed.
fn committed(consumer: &BaseConsumer) -> anyhow::Result<u64> {
    let mut of = TopicPartitionList::new();
    of.add_partition_range(TOPIC, 0, PARTITIONS - 1);
    let found = consumer.committed_offsets(of, Duration::from_secs(30))?;
    let offsets = found.elements().into_iter().map(|element| match element.offset() {
        Offset::Offset(offset) => u64::try_from(offset).unwrap_or_default(),
        _ => 0,
    });
    Ok(offsets.sum())
}

fn client(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}

/// Processes, which are killed where they were not ended.
struct Members(Vec<Child>);

impl Members {
    fn look(&mut self) -> anyhow::Result<()> {
        for member in &mut self.0 {
            if let Some(status) = member.try_wait()? {
                bail!("a member has ended: {status}");
            }
        }
        Ok(())
    }

    fn end(&mut self) -> anyhow::Result<()> {
        self.0.iter().try_for_each(terminate)?;
        for mut member in self.0.drain(..) {
            let status = member.wait()?;
            if !status.success() {
                bail!("a member has ended: {status}");
            }
        }
        Ok(())
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        for mut member in self.0.drain(..) {
            // One that has ended cannot be killed, and need not.
            let _ = member.kill();
            let _ = member.wait();
        }
    }
}

/// Of each partition, of as many records each: none waits for its age.
pub const OBJECTS: u64 = 20;
/// Of the topic.
pub const PARTITIONS: i32 = 6;
/// What is stored of a record, its line feed included.
pub const RECORD_BYTES: usize = 210;
const TOPIC: &str = "lines";
const GROUP: &str = "measured";
const LOOKS_EVERY: Duration = Duration::from_millis(20);
/// How long a step may take.
const TIME_MAX: Duration = Duration::from_secs(300);
