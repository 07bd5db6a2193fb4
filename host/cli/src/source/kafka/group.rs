//! What a member holds of its group's partitions, and what it does when they change hands.

mod calls;
mod offsets;

use std::collections::BTreeMap;
use std::mem;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::bell::{Hand, Start, Told};
use super::held::{Held, Taking};
use super::{Assigned, Assignment, GroupStats, News};
use crate::source::queue::queue_that_calls;
use crate::source::{Partition, Source};

/// A member's side of its group. librdkafka calls it in the thread that polls.
pub(super) struct Group {
    held: Mutex<BTreeMap<String, BTreeMap<i32, Held>>>,
    /// What it does not hold any more, and is not released. To whoever reads it, nothing more
    /// comes: at an end, it would be completed.
    lost: Mutex<Vec<Held>>,
    news: UnboundedSender<News>,
    hand: Hand,
    taking: Taking,
    revoke_timeout: Duration,
    token_file: Option<PathBuf>,
    epochs: AtomicU64,
    stats: Arc<Mutex<GroupStats>>,
    /// Whether it was called since that was last asked.
    is_called: AtomicBool,
    /// Whether partitions were assigned or taken away since that was last asked.
    is_rebalanced: AtomicBool,
    /// What it splits the queues of. Those that nobody has asked for are in `queues`.
    client: OnceLock<Weak<BaseConsumer<Group>>>,
    queues: Mutex<Vec<(Assignment, PartitionQueue<Group>)>>,
    /// Whether it is to leave the group.
    leaves: AtomicBool,
}

/// How much of a partition may be read now.
pub(super) enum Room {
    /// Nothing: nobody has said from where on it is read, or it is not held any more.
    Unread,
    /// So many bytes.
    Free(usize),
    /// Nothing, since this time: what was read is not taken.
    Full(Instant),
}

impl Group {
    pub(super) fn new(
        news: UnboundedSender<News>,
        hand: Hand,
        taking: Taking,
        revoke_timeout: Duration,
        token_file: Option<PathBuf>,
    ) -> Group {
        Group {
            held: Mutex::default(),
            lost: Mutex::default(),
            news,
            hand,
            taking,
            revoke_timeout,
            token_file,
            epochs: AtomicU64::new(0),
            stats: Arc::default(),
            is_called: AtomicBool::new(false),
            is_rebalanced: AtomicBool::new(false),
            client: OnceLock::new(),
            queues: Mutex::default(),
            leaves: AtomicBool::new(false),
        }
    }

    /// The numbers of this member.
    pub(super) fn stats(&self) -> Arc<Mutex<GroupStats>> {
        Arc::clone(&self.stats)
    }

    /// Whether librdkafka called since this was last asked.
    pub(super) fn was_called(&self) -> bool {
        self.is_called.swap(false, Ordering::Relaxed)
    }

    /// Whether it was told to leave.
    pub(super) fn leaves(&self) -> bool {
        self.leaves.load(Ordering::Relaxed)
    }

    pub(super) fn tell(&self, news: News) {
        // Where nobody listens any more, nobody needs to know.
        let _ = self.news.send(news);
    }

    pub(super) fn warn(&self, message: String) {
        self.tell(News::Notice { is_warning: true, message });
    }

    /// Takes in what others say, and returns what is to be read.
    pub(super) fn hear(&self, consumer: &BaseConsumer<Group>, told: Vec<Told>) -> Vec<Start> {
        let mut starts = Vec::new();
        for told in told {
            match told {
                Told::Start(start) => starts.push(start),
                Told::Durable(of, offset) => {
                    self.with(&of, |held| held.durable = held.durable.max(Some(offset)));
                }
                Told::TakenOver => self.count(|stats| stats.takeovers += 1),
                Told::Released(of) => {
                    self.with(&of, |held| held.is_released = true);
                    lock(&self.lost).retain(|lost| lost.of != of);
                }
                Told::Leave => self.leaves.store(true, Ordering::Relaxed),
            }
        }
        self.store_offsets(consumer);
        starts
    }

    /// Takes a record of a partition that is held.
    pub(super) fn take(&self, record: &BorrowedMessage<'_>) {
        let mut held = self.lock();
        let of = held.get_mut(record.topic()).and_then(|of| of.get_mut(&record.partition()));
        if let Some(Err(error)) = of.map(|held| held.take(record, &self.taking)) {
            self.tell(News::Failed(error));
        }
    }

    /// Hands over what was taken of a partition.
    pub(super) fn hand_over(&self, of: &Assignment) {
        self.with(of, Held::hand_over);
    }

    /// Whether a partition is held as it was.
    pub(super) fn holds(&self, of: &Assignment) -> bool {
        self.with(of, |_| ()).is_some()
    }

    /// How much of a partition may be read now. Where it is full, the bell rings once it is not.
    pub(super) fn room(&self, of: &Assignment, now: Instant) -> Room {
        let looked = self.with(of, |held| {
            let full = held.producer.is_full().then(|| held.full.unwrap_or(now));
            let was_full = mem::replace(&mut held.full, full).is_some();
            (held.is_started, full, was_full, held.producer.bytes_max())
        });
        let Some((true, full, was_full, bytes_max)) = looked else { return Room::Unread };
        if full.is_some() != was_full {
            self.count(|stats| match was_full {
                false => (stats.paused, stats.pauses) = (stats.paused + 1, stats.pauses + 1),
                true => stats.paused = stats.paused.saturating_sub(1),
            });
        }
        full.map_or(Room::Free(bytes_max.min(TURN_BYTES_MAX)), Room::Full)
    }

    /// Has it split the queues of the partitions of this client.
    pub(super) fn splits(&self, consumer: &Arc<BaseConsumer<Group>>) {
        // It is the first: there is one client of it.
        let _ = self.client.set(Arc::downgrade(consumer));
    }

    /// The queues of partitions that were assigned since this was last asked. Each keeps the client.
    pub(super) fn new_queues(&self) -> Vec<(Assignment, PartitionQueue<Group>)> {
        mem::take(&mut *lock(&self.queues))
    }

    /// Whether partitions were assigned or taken away since this was last asked.
    pub(super) fn was_rebalanced(&self) -> bool {
        self.is_rebalanced.swap(false, Ordering::Relaxed)
    }

    /// A partition is read from this offset on; where there is none, from where the group is.
    pub(super) fn started(&self, of: &Assignment, from: Option<u64>) {
        self.with(of, |held| {
            held.is_started = true;
            held.next = from.unwrap_or_default();
            held.begins = from;
        });
    }

    fn assigned(&self, consumer: &BaseConsumer<Group>, list: &TopicPartitionList) {
        let (mut news, mut queues) = (Vec::new(), Vec::new());
        let client = self.client.get().and_then(Weak::upgrade);
        for element in list.elements() {
            let epoch = self.epochs.fetch_add(1, Ordering::Relaxed);
            let partition =
                Partition { topic: element.topic().to_owned(), number: element.partition() };
            let of = Assignment { partition: Arc::new(partition), epoch };
            let hand = self.hand.clone();
            let (producer, pieces) = queue_that_calls(move || hand.ring());
            let name = of.partition.to_string();
            let source = Source::of_partition(pieces, name, self.taking.lines.clone());
            let (tell, first) = oneshot::channel();
            let held = Held::new(of.clone(), producer, tell);
            self.count(|stats| {
                stats.assigned += 1;
                stats.partitions.insert(Partition::clone(&of.partition), None);
            });
            let mut all = self.lock();
            all.entry(element.topic().to_owned()).or_default().insert(element.partition(), held);
            drop(all);
            // Before it is fetched: none of its records comes elsewhere.
            let split = |client: Arc<BaseConsumer<Group>>| {
                client.split_partition_queue(element.topic(), element.partition())
            };
            match client.clone().and_then(split) {
                Some(queue) => queues.push((of.clone(), queue)),
                None => self.warn(format!("{} has no queue: it is not read", of.partition)),
            }
            news.push(Assigned { of, source, first });
        }
        lock(&self.queues).append(&mut queues);
        if let Err(error) = consumer.incremental_assign(list) {
            self.warn(format!("partitions were not assigned: {error}"));
        }
        self.is_rebalanced.store(true, Ordering::Relaxed);
        self.share();
        self.tell(News::Assigned(news));
    }

    /// Lets go of partitions: once nobody reads them, or when it is too late for that.
    fn revoked(&self, consumer: &BaseConsumer<Group>, list: &TopicPartitionList) {
        let (mut left, mut starts) = (self.assignments(list), Vec::new());
        let until = Instant::now() + self.revoke_timeout;
        let is_lost = || consumer.assignment_lost();
        if self.leaves() {
            // Nobody reads anything any more.
            left.clear();
        }
        if !is_lost() {
            self.tell(News::Revoked(left.clone()));
        }
        while !is_lost() && !left.is_empty() && Instant::now() < until {
            let told = self.hand.wait(LOOKS_EVERY.min(until - Instant::now()));
            starts.extend(self.hear(consumer, told));
            left.retain(|of| !self.is_released(of) && !self.leaves());
        }
        if !left.is_empty() {
            if !is_lost() {
                let names: Vec<_> = left.iter().map(|of| of.partition.to_string()).collect();
                let names = names.join(", ");
                let limit = humantime::format_duration(self.revoke_timeout);
                self.warn(format!("not stored within revoke_timeout ({limit}): {names}"));
            }
            self.tell(News::Lost(left));
        }
        if !starts.is_empty() {
            self.hand.put_back(starts);
        }
        self.commit_all(consumer);
        if is_lost() {
            offsets::forget(consumer, list);
        }
        list.elements().iter().for_each(|e| self.remove(e.topic(), e.partition()));
        self.share();
        if let Err(error) = consumer.incremental_unassign(list) {
            self.warn(format!("partitions were not given back: {error}"));
        }
        self.is_rebalanced.store(true, Ordering::Relaxed);
    }

    fn remove(&self, topic: &str, number: i32) {
        let gone = self.lock().get_mut(topic).and_then(|held| held.remove(&number));
        let Some(held) = gone else { return };
        self.count(|stats| {
            stats.partitions.remove(&*held.of.partition);
            stats.paused -= u64::from(held.full.is_some());
            match held.is_released {
                true => stats.revoked += 1,
                false => stats.lost += 1,
            }
        });
        if !held.is_released {
            lock(&self.lost).push(held);
        }
    }

    fn count(&self, change: impl FnOnce(&mut GroupStats)) {
        change(&mut lock(&self.stats));
    }

    /// Divides what may be read ahead between all partitions.
    fn share(&self) {
        let held = self.lock();
        let all = held.values().flat_map(BTreeMap::values);
        let share = AHEAD_BYTES_MAX / all.clone().count().max(1);
        let share = share.clamp(AHEAD_BYTES_EACH_MIN, AHEAD_BYTES_EACH_MAX);
        all.for_each(|held| held.producer.set_bytes_max(share));
    }

    fn assignments(&self, list: &TopicPartitionList) -> Vec<Assignment> {
        let held = self.lock();
        let of = |topic: &str, number| held.get(topic)?.get(&number).map(|held| held.of.clone());
        list.elements().iter().filter_map(|e| of(e.topic(), e.partition())).collect()
    }

    fn is_released(&self, of: &Assignment) -> bool {
        self.with(of, |held| held.is_released).unwrap_or(true)
    }

    /// Changes a partition, if it is still held as it was.
    fn with<R>(&self, of: &Assignment, change: impl FnOnce(&mut Held) -> R) -> Option<R> {
        let mut held = self.lock();
        let Partition { topic, number } = &*of.partition;
        let held = held.get_mut(topic).and_then(|held| held.get_mut(number));
        held.filter(|held| held.of == *of).map(change)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, BTreeMap<i32, Held>>> {
        lock(&self.held)
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under a lock leaves it half changed.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn add(list: &mut TopicPartitionList, partition: &Partition, offset: Option<u64>) {
    let Partition { topic, number } = partition;
    match offset.and_then(|offset| i64::try_from(offset).ok()) {
        Some(offset) => {
            // It fails for offsets that are none, which this one is not.
            let _ = list.add_partition_offset(topic, *number, Offset::Offset(offset));
        }
        None => drop(list.add_partition(topic, *number)),
    }
}

/// How much is read ahead of all partitions together, and of each.
const AHEAD_BYTES_MAX: usize = 64 << 20;
const AHEAD_BYTES_EACH_MIN: usize = 64 << 10;
const AHEAD_BYTES_EACH_MAX: usize = 16 << 20;
/// How much is read of one before others are heard, and so how much more of it is read ahead.
const TURN_BYTES_MAX: usize = 1 << 20;
/// How often it is looked whether a partition that is waited for is lost.
const LOOKS_EVERY: Duration = Duration::from_millis(100);
