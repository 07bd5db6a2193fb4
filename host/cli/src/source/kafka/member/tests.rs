use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::CommitMode;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use rdkafka::{Offset, TopicPartitionList};

use super::*;
use crate::source::{Piece, SourceConfig, SourceSettings};

#[tokio::test]
async fn a_partition_is_read_from_where_it_is_said() {
    let cluster = cluster(10);
    let mut member = join(&cluster);
    let Assigned { of, mut source, first } = assigned(&mut member).await;
    assert_eq!(of.partition.to_string(), "t[0]");
    member.hand().start(&of, Some(7));
    assert_eq!(within(first).await.unwrap(), 7);
    let mut values = Vec::new();
    while values.len() < 3 {
        let Some(Piece::Lines(lines)) = within(source.next()).await.unwrap() else { panic!() };
        assert_eq!(lines.first, 7 + values.len() as u64);
        values.extend((0..lines.ends.len()).map(|index| lines.framed(index).to_vec()));
    }
    assert_eq!(values, [b"7\n", b"8\n", b"9\n"]);
    // So the next one goes on there, without being told.
    member.hand().durable(&of, 9);
    member.hand().released(&of);
    within(member.leave()).await;
    let mut member = join(&cluster);
    let Assigned { of, first, source: _source } = assigned(&mut member).await;
    member.hand().start(&of, None);
    assert_eq!(within(first).await.unwrap(), 9);
    member.hand().released(&of);
    within(member.leave()).await;
}

#[tokio::test]
async fn what_a_run_says_of_an_earlier_assignment_is_not_committed() {
    let cluster = cluster(10);
    let mut member = join(&cluster);
    let before = assigned(&mut member).await;
    let epoch = before.of.epoch + 1;
    let later = Assignment { epoch, ..before.of.clone() };
    member.hand().durable(&later, 5);
    member.hand().released(&before.of);
    within(member.leave()).await;
    let mut member = join(&cluster);
    let Assigned { of, first, source: _source } = assigned(&mut member).await;
    member.hand().start(&of, None);
    assert_eq!(within(first).await.unwrap(), 0);
    member.hand().released(&of);
    within(member.leave()).await;
}

/// Also where nothing more is stored, and the member stays.
#[tokio::test]
async fn an_offset_that_was_not_committed_is_committed_again() {
    let cluster = cluster(10);
    let mut member = join(&cluster);
    let Assigned { of, first, source: _source } = assigned(&mut member).await;
    member.hand().start(&of, None);
    assert_eq!(within(first).await.unwrap(), 0);
    until_committed(&cluster, 0).await;
    let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS;
    cluster.request_errors(RDKafkaApiKey::OffsetCommit, &[refused]);
    member.hand().durable(&of, 7);
    let warned = async {
        loop {
            if let Some(News::Notice { message, .. }) = member.next().await
                && message.starts_with("offsets were not committed yet")
            {
                return;
            }
        }
    };
    within(warned).await;
    until_committed(&cluster, 7).await;
    member.hand().released(&of);
    within(member.leave()).await;
}

/// The records that the group has read are gone. Where its member is killed, the next one would go
/// on behind those that have their offsets.
#[tokio::test]
async fn a_group_that_is_ahead_of_its_partition_goes_back() {
    let cluster = cluster(10);
    let mut before = TopicPartitionList::new();
    before.add_partition_offset("t", 0, Offset::Offset(500)).unwrap();
    of_group(&cluster).commit(&before, CommitMode::Sync).unwrap();
    let mut member = join(&cluster);
    let Assigned { of, first, source: _source } = assigned(&mut member).await;
    member.hand().start(&of, None);
    assert_eq!(within(first).await.unwrap(), 0);
    until_committed(&cluster, 0).await;
    member.hand().durable(&of, 4);
    until_committed(&cluster, 4).await;
    member.hand().released(&of);
    within(member.leave()).await;
}

#[test]
fn settings_that_librdkafka_does_not_take_together_are_refused_without_their_values() {
    let text = "brokers = ['127.0.0.1:1']\nproperties = { 'max.poll.interval.ms' = 4321, \
                'session.timeout.ms' = 9876 }\nrevoke_timeout = '1s'";
    let settings = settings(text);
    let joined = Member::join(settings.kafka().unwrap(), &settings.lines);
    let Err(SourceError::Member { message }) = joined else { panic!("it joined") };
    assert!(message.contains("max.poll.interval.ms"), "{message}");
}

/// A cluster with so many records, each of which is its offset.
fn cluster(records: u64) -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("t", 1, 1).unwrap();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers());
    let producer: BaseProducer = config.create().unwrap();
    for number in 0..records {
        let value = number.to_string();
        let record = BaseRecord::<[u8], str>::to("t").partition(0).payload(&value);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(PATIENCE).unwrap();
    cluster
}

/// Waits until this is the offset that the group has committed.
async fn until_committed(cluster: &Cluster, offset: i64) {
    let (consumer, begun) = (of_group(cluster), Instant::now());
    loop {
        let mut of = TopicPartitionList::new();
        of.add_partition("t", 0);
        let found = consumer.committed_offsets(of, PATIENCE).unwrap();
        let committed = found.find_partition("t", 0).unwrap().offset();
        if committed == Offset::Offset(offset) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{committed:?} is committed");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// One that is no member.
fn of_group(cluster: &Cluster) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", "g");
    config.create().unwrap()
}

fn join(cluster: &Cluster) -> Member {
    // The mock cluster lets a group wait for nearly a session at each rebalance but the first.
    let settings = settings(&format!(
        "brokers = ['{}']\ncommit_every = '100ms'\n\
         properties = {{ 'session.timeout.ms' = 6000, 'heartbeat.interval.ms' = 500 }}",
        cluster.bootstrap_servers()
    ));
    Member::join(settings.kafka().unwrap(), &settings.lines).unwrap()
}

fn settings(more: &str) -> SourceSettings {
    let text = format!("type = 'kafka'\ncodec = 'raw'\ntopics = ['t']\ngroup = 'g'\n{more}");
    toml::from_str::<SourceConfig>(&text).unwrap().settings().unwrap()
}

async fn assigned(member: &mut Member) -> Assigned {
    loop {
        if let Some(News::Assigned(mut assigned)) = within(member.next()).await
            && let Some(assigned) = assigned.pop()
        {
            return assigned;
        }
    }
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it takes too long")
}

type Cluster = MockCluster<'static, DefaultProducerContext>;

const PATIENCE: Duration = Duration::from_secs(60);
