//! The thread of a member: it polls the group, and the queue of each partition that has room.
//!
//! librdkafka numbers what it is told to do with a partition in the thread that tells it, and drops
//! what another thread has overtaken: <https://github.com/confluentinc/librdkafka/issues/5591>. So a
//! partition is not paused, resumed or sought while librdkafka itself begins or stops to fetch it:
//! - It begins after the call of an assignment, and is sought until it has begun.
//! - It is paused after records have come of it.
//! - It pauses those of a rebalance before it calls. After that, all are resumed once more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{Offset, TopicPartitionList};

use super::bell::{Hand, Start};
use super::group::{Group, Room, add};
use super::retained::{Retained, retained};
use super::{Assignment, News};
use crate::source::{Partition, SourceError};

/// What the thread of a member polls.
pub(super) struct Polling {
    /// Those of the partitions that are assigned. They go before the client that they are of.
    queues: Vec<Queue>,
    consumer: Arc<BaseConsumer<Group>>,
    group: Arc<Group>,
    hand: Hand,
    /// What could not be started yet, and when that is tried again.
    again: Vec<Start>,
    again_at: Instant,
}

/// The records of a partition that librdkafka has fetched.
struct Queue {
    of: Assignment,
    records: PartitionQueue<Group>,
    /// Whether it fetches no more.
    is_paused: bool,
}

impl Polling {
    pub(super) fn of(consumer: BaseConsumer<Group>, hand: Hand) -> Polling {
        let (group, consumer) = (Arc::clone(consumer.context()), Arc::new(consumer));
        group.splits(&consumer);
        let (queues, again) = (Vec::new(), Vec::new());
        Polling { queues, consumer, group, hand, again, again_at: Instant::now() }
    }

    /// Polls until it is told to leave, and leaves.
    pub(super) fn run(mut self, commit_every: Duration) {
        let (mut is_more, mut failed) = (false, None);
        while failed.is_none() {
            let mut longest = if is_more { Duration::ZERO } else { POLLS_EVERY.min(commit_every) };
            if !self.again.is_empty() {
                longest = longest.min(self.again_at.saturating_duration_since(Instant::now()));
            }
            let starts = self.group.hear(&self.consumer, self.hand.wait(longest));
            if self.group.leaves() {
                break;
            }
            self.start(starts);
            failed = self.serve();
            is_more = self.read();
        }
        self.group.commit_all(&self.consumer);
        if let Some(error) = failed {
            self.group.tell(News::Failed(SourceError::Group { source: error }));
        }
        // A queue that the group still has would keep the client.
        drop(self.group.new_queues());
        // It leaves the group as it is dropped; nobody waits for its partitions any more.
    }

    /// Has librdkafka call the group, and returns what it failed with.
    fn serve(&mut self) -> Option<KafkaError> {
        let failed = self.poll();
        for (of, mut records) in self.group.new_queues() {
            let hand = self.hand.clone();
            records.set_nonempty_callback(move || hand.ring());
            self.queues.push(Queue { of, records, is_paused: false });
        }
        self.queues.retain(|queue| {
            let is_held = self.group.holds(&queue.of);
            if !is_held {
                // Frees what was fetched ahead, all of which is passed over.
                let _ = queue.records.poll(Duration::ZERO);
            }
            is_held
        });
        if self.group.was_rebalanced() {
            let mut list = TopicPartitionList::new();
            for queue in self.queues.iter().filter(|queue| !queue.is_paused) {
                add(&mut list, &queue.of.partition, None);
            }
            self.resume(&list);
        }
        failed
    }

    fn poll(&self) -> Option<KafkaError> {
        for _ in 0..RECORDS_MAX {
            match self.consumer.poll(Duration::ZERO) {
                Some(Ok(record)) => self.group.take(&record),
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => return Some(error),
                Some(Err(error)) => self.group.warn(explained(&error)),
                // It returns nothing as well where it called.
                None if self.group.was_called() => {}
                None => return None,
            }
        }
        self.hand.ring();
        None
    }

    /// Takes what is there of the partitions that have room. Returns whether there may be more.
    fn read(&mut self) -> bool {
        let (mut full, mut free) = (TopicPartitionList::new(), TopicPartitionList::new());
        let (mut is_more, now) = (false, Instant::now());
        let mut queues = std::mem::take(&mut self.queues);
        for queue in &mut queues {
            match self.group.room(&queue.of, now) {
                Room::Unread => {}
                Room::Free(bytes) => {
                    if std::mem::replace(&mut queue.is_paused, false) {
                        add(&mut free, &queue.of.partition, None);
                    }
                    is_more |= self.read_one(&queue.records, bytes);
                    self.group.hand_over(&queue.of);
                }
                Room::Full(since) => {
                    let is_long = now.saturating_duration_since(since) >= FULL_FOR;
                    if is_long && !std::mem::replace(&mut queue.is_paused, true) {
                        add(&mut full, &queue.of.partition, None);
                    }
                }
            }
        }
        if full.count() > 0 {
            if let Err(error) = self.consumer.pause(&full) {
                self.group.warn(format!("partitions were not paused: {error}"));
            }
            for queue in queues.iter().filter(|queue| queue.is_paused) {
                // Frees what was fetched ahead: it is fetched again. A record of it keeps all that
                // came in one answer with it.
                self.read_one(&queue.records, 1);
                self.group.hand_over(&queue.of);
            }
        }
        self.queues = queues;
        self.resume(&free);
        is_more
    }

    fn resume(&self, list: &TopicPartitionList) {
        if list.count() > 0
            && let Err(error) = self.consumer.resume(list)
        {
            self.group.warn(format!("partitions were not resumed: {error}"));
        }
    }

    /// Takes so many bytes of a partition, at least. Returns whether there may be more.
    fn read_one(&self, records: &PartitionQueue<Group>, bytes_max: usize) -> bool {
        let mut bytes = 0;
        for _ in 0..RECORDS_MAX {
            match records.poll(Duration::ZERO) {
                Some(Ok(record)) => {
                    bytes += record.payload_len() + record.key_len();
                    self.group.take(&record);
                }
                Some(Err(error)) => self.group.warn(explained(&error)),
                None => return false,
            }
            if bytes >= bytes_max {
                break;
            }
        }
        true
    }

    /// Begins to read partitions. Where that takes long, some are begun the next time, which is at
    /// once: it is polled between.
    fn start(&mut self, mut starts: Vec<Start>) {
        let begun = Instant::now();
        if begun >= self.again_at {
            starts.append(&mut self.again);
        }
        let mut later = Vec::new();
        for start in starts {
            if begun.elapsed() >= STARTS_FOR {
                later.push(start);
            } else if self.group.holds(&start.of)
                && let Some(again) = self.start_one(start)
            {
                self.again.push(again);
                self.again_at = Instant::now() + AGAIN_AFTER;
            }
        }
        if !later.is_empty() {
            self.hand.put_back(later);
        }
    }

    /// Begins to read a partition, or returns what is to be tried again.
    fn start_one(&self, Start { of, from }: Start) -> Option<Start> {
        if let Some(from) = from {
            let again = |from| Some(Start { of: of.clone(), from: Some(from) });
            let cannot = |error| {
                self.group.warn(format!("{} cannot be read yet: {error}", of.partition));
                again(from)
            };
            match retained(&self.consumer, &of.partition, from) {
                Ok(Retained::All) => {}
                Ok(Retained::From(begin)) => {
                    self.group.warn(format!(
                        "{}: the records of offsets {from} to {} were deleted before they were \
                         read: the topic keeps them for too short a time",
                        of.partition,
                        begin - 1
                    ));
                    return again(begin);
                }
                Ok(Retained::Other { end }) => {
                    let partition = of.partition.to_string();
                    let error = SourceError::OtherRecords { partition, offset: from, end };
                    self.group.tell(News::Failed(error));
                    return None;
                }
                Err(error) => return cannot(error),
            }
            let offset = Offset::Offset(i64::try_from(from).unwrap_or(i64::MAX));
            let Partition { topic, number } = &*of.partition;
            match self.consumer.seek(topic, *number, offset, SEEK_TIMEOUT) {
                Ok(()) => {}
                // librdkafka has not begun with it.
                Err(KafkaError::Seek(_)) => return again(from),
                Err(error) => return cannot(error),
            }
        }
        self.group.started(&of, from);
        None
    }
}

/// What an error means.
fn explained(error: &KafkaError) -> String {
    let KafkaError::MessageConsumption(code) = error else { return format!("Kafka: {error}") };
    let what = match code {
        RDKafkaErrorCode::PollExceeded => {
            "this member did not poll for max.poll.interval.ms, and the group took its partitions \
             away"
        }
        RDKafkaErrorCode::AllBrokersDown => "no broker can be reached; this is tried again",
        RDKafkaErrorCode::UnknownTopicOrPartition => {
            "a topic of the flow does not exist; it is read once it does"
        }
        _ => return format!("Kafka: {code}"),
    };
    format!("Kafka: {what}")
}

/// How long it waits without a poll: the group takes a member for dead that does not poll.
const POLLS_EVERY: Duration = Duration::from_secs(1);
/// How many records are taken of a partition before others are heard.
const RECORDS_MAX: usize = 1_000;
/// For how long a partition is full before librdkafka forgets what it has fetched of it.
const FULL_FOR: Duration = Duration::from_secs(1);
/// After how long no further partition is started before it polls.
const STARTS_FOR: Duration = Duration::from_millis(100);
/// When what could not be started is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// How long librdkafka may take to go to another offset, which asks nobody.
const SEEK_TIMEOUT: Duration = Duration::from_secs(1);
