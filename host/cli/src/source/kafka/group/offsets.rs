//! What a group commits of the partitions that its member holds.
//!
//! librdkafka commits what it is told of. Of what `rd_kafka_commit` does asynchronously, rdkafka
//! tells no result: <https://github.com/fede1024/rust-rdkafka/issues/856>

use std::collections::BTreeMap;
use std::mem;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaResult;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};

use super::super::held::Held;
use super::{Group, add};

impl Group {
    /// Tells librdkafka what is stored. It commits that at its next interval, and again until the
    /// group has it or a later offset. What the member begins with is committed at once.
    pub(super) fn store_offsets(&self, consumer: &BaseConsumer<Group>) {
        let new = |held: &mut Held| held.stored().filter(|stored| held.told != Some(*stored));
        let list = self.offsets(new);
        if list.count() > 0 {
            // Each has its own error: it is not assigned any more.
            let _ = consumer.store_offsets(&list);
        }
        let is_told = |element: &TopicPartitionListElem<'_>| element.error().is_ok();
        for element in list.elements().iter().filter(|element| is_told(element)) {
            let mut held = self.lock();
            let held =
                held.get_mut(element.topic()).and_then(|of| of.get_mut(&element.partition()));
            if let (Some(held), Offset::Offset(offset)) = (held, element.offset()) {
                held.told = u64::try_from(offset).ok();
            }
        }
        // Its result is in the statistics.
        let due = |held: &mut Held| held.stored().filter(|_| mem::take(&mut held.is_due));
        if let Err(error) = commit(consumer, &self.offsets(due), CommitMode::Async) {
            self.warn(format!("offsets were not committed yet: {error}"));
        }
    }

    /// Commits what is stored, and waits for that: also what was committed before, of which it may
    /// not be known yet that it failed. There is no other time for that.
    pub(in crate::source::kafka) fn commit_all(&self, consumer: &BaseConsumer<Group>) {
        let list = self.offsets(|held| held.stored());
        if let Err(error) = commit(consumer, &list, CommitMode::Sync) {
            self.warn(format!(
                "offsets were not committed before partitions are handed over: {error}"
            ));
        }
    }

    /// Offsets of those partitions of which `of` has one.
    fn offsets(&self, of: impl Fn(&mut Held) -> Option<u64>) -> TopicPartitionList {
        let mut list = TopicPartitionList::new();
        for held in self.lock().values_mut().flat_map(BTreeMap::values_mut) {
            if let Some(offset) = of(held) {
                add(&mut list, &held.of.partition, Some(offset));
            }
        }
        list
    }
}

/// Commits these offsets, unless others may have the partitions.
fn commit(
    consumer: &BaseConsumer<Group>,
    list: &TopicPartitionList,
    mode: CommitMode,
) -> KafkaResult<()> {
    match list.count() == 0 || consumer.assignment_lost() {
        true => Ok(()),
        false => consumer.commit(list, mode),
    }
}

/// Has librdkafka commit nothing of partitions that others may have. It would where they are taken
/// from it.
pub(super) fn forget(consumer: &BaseConsumer<Group>, lost: &TopicPartitionList) {
    let mut list = TopicPartitionList::new();
    for element in lost.elements() {
        // librdkafka takes this one, which stands for none.
        let _ = list.add_partition_offset(element.topic(), element.partition(), Offset::Invalid);
    }
    // It fails where none of them is known any more.
    let _ = consumer.store_offsets(&list);
}
