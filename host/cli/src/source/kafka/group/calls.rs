//! What librdkafka calls, in the thread that polls.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::atomic::Ordering;

use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Statistics, TopicPartitionList};

use super::super::{News, token};
use super::Group;
use crate::source::Partition;

impl ClientContext for Group {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, _: &str, message: &str) {
        self.is_called.store(true, Ordering::Relaxed);
        let is_warning = (level as i32) <= RDKafkaLogLevel::Warning as i32;
        let message = format!("Kafka: {message}");
        self.tell(News::Notice { is_warning, message });
    }

    fn error(&self, _: KafkaError, _: &str) {
        // It is what the poll returns, too.
    }

    fn stats(&self, statistics: Statistics) {
        self.is_called.store(true, Ordering::Relaxed);
        let mut held = self.lock();
        for held in held.values_mut().flat_map(BTreeMap::values_mut) {
            let Partition { topic, number } = &*held.of.partition;
            let topic = statistics.topics.get(topic);
            let Some(known) = topic.and_then(|topic| topic.partitions.get(number)) else {
                continue;
            };
            let stored = held.stored().map(|offset| offset as i64);
            let committed = known.committed_offset;
            held.is_due |= stored.is_some_and(|stored| committed > stored || committed < 0);
            let stored = stored.unwrap_or(known.app_offset);
            if let (Ok(end), Ok(stored)) = (u64::try_from(known.hi_offset), u64::try_from(stored)) {
                let lag = end.saturating_sub(stored);
                self.count(|stats| {
                    stats.partitions.insert(Partition::clone(&held.of.partition), Some(lag));
                });
            }
        }
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        self.is_called.store(true, Ordering::Relaxed);
        let path = self.token_file.as_deref().ok_or("there is no token file")?;
        Ok(token::read(path)?)
    }
}

impl ConsumerContext for Group {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Group>,
        event: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        self.is_called.store(true, Ordering::Relaxed);
        match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => self.assigned(consumer, list),
            _ => self.revoked(consumer, list),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, list: &TopicPartitionList) {
        self.is_called.store(true, Ordering::Relaxed);
        // It is a success as well where it failed for some of them.
        let each = || list.elements().iter().try_for_each(|element| element.error());
        if let Err(error) = result.and_then(|()| each()) {
            self.warn(format!("offsets were not committed yet: {error}"));
        }
    }
}
