//! What this process itself writes to a topic.

use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{
    BaseRecord, DeliveryResult, NoCustomPartitioner, Producer as _, ProducerContext,
    ThreadedProducer,
};
use rdkafka::types::RDKafkaErrorCode;
use tokio::sync::Notify;

use super::member::wrong;
use super::{KafkaSettings, client, token};
use crate::source::SourceError;

/// Writes to one topic. Each knows of its own records whether they are stored; those that are
/// [made](TopicWriter::another) of one share its connections.
pub struct TopicWriter {
    producer: ThreadedProducer<Deliveries>,
    topic: Arc<str>,
    under_way: Arc<UnderWay>,
    /// For a larger value there is never room.
    value_bytes_max: u64,
}

/// A record was not stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotWritten(String);

/// The records of one writer that are not stored yet.
#[derive(Default)]
struct UnderWay(Mutex<State>);

#[derive(Default)]
struct State {
    records: u64,
    failed: Option<NotWritten>,
}

/// Hears what becomes of records, on a thread of librdkafka's client.
struct Deliveries {
    moved: Notify,
    token_file: Option<PathBuf>,
}

impl TopicWriter {
    /// Writes to a topic of that cluster. It need not be there yet.
    ///
    /// # Errors
    ///
    /// librdkafka does not take the settings.
    pub fn new(settings: &KafkaSettings, topic: &str) -> Result<TopicWriter, SourceError> {
        let token_file = settings.security.token_file().cloned();
        let deliveries = Deliveries { moved: Notify::new(), token_file };
        let config = client::of_writer(settings);
        let value_bytes_max = client::buffered_bytes_max(&config).map_err(wrong)?;
        let producer = config.create_with_context(deliveries).map_err(wrong)?;
        let (topic, under_way) = (topic.into(), Arc::default());
        Ok(TopicWriter { producer, topic, under_way, value_bytes_max })
    }

    /// Another one that writes to the same topic.
    pub fn another(&self) -> TopicWriter {
        let (producer, topic) = (self.producer.clone(), Arc::clone(&self.topic));
        let value_bytes_max = self.value_bytes_max;
        TopicWriter { producer, topic, under_way: Arc::default(), value_bytes_max }
    }

    /// The topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Writes a record, and waits only where too many are under way. Cancel safe: then it is not
    /// written.
    ///
    /// # Errors
    ///
    /// It cannot be written, or one before it was not stored.
    pub async fn write(
        &mut self,
        key: Option<&[u8]>,
        headers: &[(&str, &str)],
        value: &[u8],
    ) -> Result<(), NotWritten> {
        let context = Arc::clone(self.producer.context());
        loop {
            let mut moved = pin!(context.moved.notified());
            moved.as_mut().enable();
            self.under_way.has_failed()?;
            if self.send(key, headers, value)? {
                return Ok(());
            }
            // librdkafka makes room a moment after it has told that records are stored. A look that
            // came between the two hears of nothing more.
            let _ = tokio::time::timeout(LOOKS_EVERY, moved).await;
        }
    }

    /// Hands a record to librdkafka. Returns whether there was room for it.
    fn send(
        &self,
        key: Option<&[u8]>,
        headers: &[(&str, &str)],
        value: &[u8],
    ) -> Result<bool, NotWritten> {
        let mut all = OwnedHeaders::new_with_capacity(headers.len());
        for &(key, value) in headers {
            all = all.insert(Header { key, value: Some(value) });
        }
        let under_way = Arc::clone(&self.under_way);
        let mut record = BaseRecord::<[u8], [u8], _>::with_opaque_to(&self.topic, under_way);
        (record.key, record.payload, record.headers) = (key, Some(value), Some(all));
        self.under_way.lock().records += 1;
        let Err((error, _)) = self.producer.send(record) else { return Ok(true) };
        self.under_way.lock().records -= 1;
        match error.rdkafka_error_code() {
            // However empty the queue is: nothing that is stored would make room.
            Some(RDKafkaErrorCode::QueueFull) if value.len() as u64 > self.value_bytes_max => {
                Err(NotWritten(TOO_LARGE_TO_BUFFER.to_owned()))
            }
            Some(RDKafkaErrorCode::QueueFull) => Ok(false),
            _ => Err(NotWritten::of(&error)),
        }
    }

    /// Waits until all that was written is stored by all replicas that are in sync. Cancel safe.
    ///
    /// # Errors
    ///
    /// Something of it was not stored within `message.timeout.ms`.
    pub async fn stored(&mut self) -> Result<(), NotWritten> {
        let context = Arc::clone(self.producer.context());
        loop {
            let mut moved = pin!(context.moved.notified());
            moved.as_mut().enable();
            self.under_way.has_failed()?;
            if self.under_way.lock().records == 0 {
                return Ok(());
            }
            moved.await;
        }
    }
}

impl NotWritten {
    fn of(error: &KafkaError) -> NotWritten {
        NotWritten(match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                "it is larger than message.max.bytes, or max.message.bytes of the topic, allows"
                    .to_owned()
            }
            Some(RDKafkaErrorCode::MessageTimedOut) => {
                "no broker took it within message.timeout.ms (5 minutes unless set)".to_owned()
            }
            Some(code) => code.to_string(),
            None => error.to_string(),
        })
    }
}

impl UnderWay {
    fn has_failed(&self) -> Result<(), NotWritten> {
        self.lock().failed.clone().map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock leaves it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {
        // The member says the same of the same brokers, and that a property is of consumers is
        // nothing to know.
    }

    fn error(&self, _: KafkaError, _: &str) {
        // It is what becomes of records.
    }

    fn generate_oauth_token(
        &self,
        _: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        let path = self.token_file.as_deref().ok_or("there is no token file")?;
        Ok(token::read(path)?)
    }
}

impl ProducerContext<NoCustomPartitioner> for Deliveries {
    type DeliveryOpaque = Arc<UnderWay>;

    fn delivery(&self, result: &DeliveryResult<'_>, of: Arc<UnderWay>) {
        let mut state = of.lock();
        state.records -= 1;
        if let Err((error, _)) = result {
            state.failed.get_or_insert_with(|| NotWritten::of(error));
        }
        drop(state);
        self.moved.notify_waiters();
    }
}

/// How often it is looked for room at least, where too much is under way.
const LOOKS_EVERY: Duration = Duration::from_millis(50);
const TOO_LARGE_TO_BUFFER: &str = "it is larger than queue.buffering.max.kbytes allows";

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use rdkafka::consumer::{BaseConsumer, Consumer as _};
    use rdkafka::message::{Headers as _, Message as _};
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;
    use crate::source::SourceConfig;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_stored_is_there_with_its_key_and_headers() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("letters", 1, 1).unwrap();
        let mut first = writer(&cluster.bootstrap_servers(), "");
        let mut second = first.another();
        first.write(Some(b"k"), &[("a", "1"), ("b", "2")], b"one").await.unwrap();
        second.write(None, &[], b"two").await.unwrap();
        first.stored().await.unwrap();
        second.stored().await.unwrap();
        drop((first, second));
        let mut config = rdkafka::ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", "g");
        let consumer: BaseConsumer = config.set("auto.offset.reset", "earliest").create().unwrap();
        consumer.subscribe(&["letters"]).unwrap();
        let mut found = Vec::new();
        let begun = Instant::now();
        while found.len() < 2 {
            assert!(begun.elapsed() < Duration::from_secs(120), "{found:?}");
            // It returns nothing as well where partitions are assigned.
            let Some(record) = consumer.poll(Duration::from_secs(60)) else { continue };
            let record = record.unwrap();
            let headers = record.headers().into_iter().flat_map(|headers| headers.iter());
            let headers: String = headers.map(|header| header.key.to_owned()).collect();
            let text =
                |bytes: Option<&[u8]>| bytes.map(|b| String::from_utf8_lossy(b).into_owned());
            found.push((text(record.key()), headers, text(record.payload())));
        }
        let text = |text: &str| Some(text.to_owned());
        let one = (text("k"), "ab".to_owned(), text("one"));
        assert_eq!(found, [one, (None, String::new(), text("two"))]);
    }

    /// What one could not store is nothing to another.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_record_that_is_not_stored_is_an_error() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("letters", 1, 1).unwrap();
        let mut first = writer(&cluster.bootstrap_servers(), "'message.max.bytes' = 2000");
        let mut second = first.another();
        let large = first.write(None, &[], &[b'x'; 3_000]).await.unwrap_err();
        assert!(large.to_string().starts_with("it is larger than message.max.bytes"), "{large}");
        first.stored().await.unwrap();
        let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_RECORD;
        cluster.request_errors(RDKafkaApiKey::Produce, &[refused]);
        first.write(None, &[], b"one").await.unwrap();
        let failed = first.stored().await.unwrap_err();
        assert!(failed.to_string().contains("Broker failed to validate record"), "{failed}");
        assert_eq!(first.write(None, &[], b"two").await, Err(failed));
        second.write(None, &[], b"three").await.unwrap();
        second.stored().await.unwrap();
    }

    /// So much at a time that there is no room for more, and all of it is stored.
    #[tokio::test(flavor = "multi_thread")]
    async fn it_waits_where_too_much_is_under_way() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("letters", 1, 1).unwrap();
        let few = "'queue.buffering.max.messages' = 5";
        let mut writer = writer(&cluster.bootstrap_servers(), few);
        for _ in 0..100 {
            writer.write(None, &[], b"one").await.unwrap();
        }
        writer.stored().await.unwrap();
    }

    /// What there is never room for is not waited for, and what there is room for later is.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_record_that_is_larger_than_all_that_may_be_under_way_is_an_error() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("letters", 1, 1).unwrap();
        let bound = "'queue.buffering.max.kbytes' = 1";
        let mut writer = writer(&cluster.bootstrap_servers(), bound).another();
        let writes = async {
            for bytes in [1_024, 1, 1_024] {
                writer.write(None, &[], &vec![b'x'; bytes]).await.unwrap();
            }
            let large = writer.write(None, &[], &[b'x'; 1_025]).await.unwrap_err();
            assert_eq!(large, NotWritten(TOO_LARGE_TO_BUFFER.to_owned()));
            writer.stored().await.unwrap();
            writer.write(None, &[], &[b'x'; 1_025]).await.unwrap_err();
        };
        tokio::time::timeout(Duration::from_secs(120), writes).await.expect("it waits forever");
    }

    fn writer(brokers: &str, properties: &str) -> TopicWriter {
        let text = format!(
            "type = 'kafka'\ntopics = ['t']\ngroup = 'g'\nbrokers = ['{brokers}']\n\
             properties = {{ {properties} }}"
        );
        let settings = toml::from_str::<SourceConfig>(&text).unwrap().settings().unwrap();
        TopicWriter::new(settings.kafka().unwrap(), "letters").unwrap()
    }
}
