//! The thread of a member: it polls the group, and the queue of each partition that has room.
//!
//! A partition is assigned in librdkafka once it is known from where on it is read, and is never
//! paused there. What a thread pauses, resumes or seeks may overtake what librdkafka itself does
//! with a partition, and one of both is dropped: <https://github.com/confluentinc/librdkafka/issues/5591>

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;

use super::bell::{Hand, Start};
use super::group::{Group, add};
use super::retained::{Retained, retained};
use super::{Assignment, News};
use crate::source::{Partition, SourceError};

/// What the thread of a member polls.
pub(super) struct Polling {
    /// Those of the partitions that are read. They go before the client that they are of.
    queues: Vec<(Assignment, PartitionQueue<Group>)>,
    consumer: Arc<BaseConsumer<Group>>,
    group: Arc<Group>,
    hand: Hand,
}

impl Polling {
    pub(super) fn of(consumer: BaseConsumer<Group>, hand: Hand) -> Polling {
        let group = Arc::clone(consumer.context());
        Polling { queues: Vec::new(), consumer: Arc::new(consumer), group, hand }
    }

    /// Polls until it is told to leave, and leaves.
    pub(super) fn run(mut self, commit_every: Duration) {
        let (mut is_more, mut failed) = (false, None);
        while failed.is_none() {
            let longest = if is_more { Duration::ZERO } else { POLLS_EVERY.min(commit_every) };
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
        // It leaves the group as it is dropped; nobody waits for its partitions any more.
    }

    /// Has librdkafka call the group, and returns what it failed with.
    fn serve(&self) -> Option<KafkaError> {
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
        self.queues.retain(|(of, _)| self.group.holds(of));
        let mut is_more = false;
        for (of, queue) in self.queues.iter().filter(|(of, _)| !self.group.is_full(of)) {
            is_more |= self.read_one(queue);
            self.group.hand_over(of);
        }
        is_more
    }

    fn read_one(&self, queue: &PartitionQueue<Group>) -> bool {
        let mut bytes = 0;
        for _ in 0..RECORDS_MAX {
            match queue.poll(Duration::ZERO) {
                Some(Ok(record)) => {
                    bytes += record.payload_len() + record.key_len();
                    self.group.take(&record);
                }
                Some(Err(error)) => self.group.warn(explained(&error)),
                None => return false,
            }
            if bytes >= BYTES_MAX {
                break;
            }
        }
        true
    }

    /// Begins to read partitions. Where that takes long, some are begun the next time, which is at
    /// once: it is polled between.
    fn start(&mut self, starts: Vec<Start>) {
        // What is lost is not to be assigned again: it is about to be taken away.
        if starts.is_empty() || self.consumer.assignment_lost() {
            return starts.into_iter().for_each(|start| self.hand.start_again(start));
        }
        let begun = Instant::now();
        let (mut list, mut ready, mut later) = (TopicPartitionList::new(), Vec::new(), Vec::new());
        for start in starts {
            if begun.elapsed() >= STARTS_FOR {
                later.push(start);
            } else if self.group.holds(&start.of)
                && self.is_there(&start)
                && let Some(queue) = self.queue(&start)
            {
                add(&mut list, &start.of.partition, start.from);
                ready.push((start, queue));
            }
        }
        if !later.is_empty() {
            self.hand.put_back(later);
        }
        if ready.is_empty() {
            return;
        }
        if let Err(error) = self.consumer.incremental_assign(&list) {
            for (start, _) in ready {
                self.group.warn(format!("{} cannot be read yet: {error}", start.of.partition));
                self.hand.start_again(start);
            }
            return;
        }
        for (Start { of, from }, queue) in ready {
            self.group.started(&of, from);
            self.queues.push((of, queue));
        }
    }

    /// Whether a partition has the records from where it is to be read.
    fn is_there(&self, Start { of, from }: &Start) -> bool {
        let Some(from) = *from else { return true };
        let again = |from| self.hand.start_again(Start { of: of.clone(), from: Some(from) });
        match retained(&self.consumer, &of.partition, from) {
            Ok(Retained::All) => return true,
            Ok(Retained::From(begin)) => {
                self.group.warn(format!(
                    "{}: the records of offsets {from} to {} were deleted before they were read: \
                     the topic keeps them for too short a time",
                    of.partition,
                    begin - 1
                ));
                again(begin);
            }
            Ok(Retained::Other { end }) => {
                let partition = of.partition.to_string();
                let error = SourceError::OtherRecords { partition, offset: from, end };
                self.group.tell(News::Failed(error));
            }
            Err(error) => {
                self.group.warn(format!("{} cannot be read yet: {error}", of.partition));
                again(from);
            }
        }
        false
    }

    /// The queue of a partition that is not assigned in librdkafka: nothing of it comes elsewhere.
    fn queue(&self, start: &Start) -> Option<PartitionQueue<Group>> {
        let Partition { topic, number } = &*start.of.partition;
        let Some(mut queue) = self.consumer.split_partition_queue(topic, *number) else {
            self.group.warn(format!("{} cannot be read yet: it is unknown", start.of.partition));
            self.hand.start_again(start.clone());
            return None;
        };
        let hand = self.hand.clone();
        queue.set_nonempty_callback(move || hand.ring());
        Some(queue)
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
/// How many records, and how many bytes, are taken of a partition before others are heard.
const RECORDS_MAX: usize = 1_000;
const BYTES_MAX: usize = 1 << 20;
/// After how long no further partition is started before it polls.
const STARTS_FOR: Duration = Duration::from_millis(100);
