//! A member of a consumer group, on a thread of its own.

use std::sync::{Arc, Mutex};
use std::thread;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::oneshot;

use super::bell::Hand;
use super::client;
use super::group::Group;
use super::held::Taking;
use super::polling::Polling;
use super::{GroupStats, KafkaSettings};
use crate::source::{LineSettings, Partition, Source, SourceError};

/// A member of a consumer group. Dropping it leaves the group without waiting for that.
///
/// Its thread polls whatever becomes of the records, so that the group never takes it for dead:
/// of partitions of which nothing is taken, nothing is read.
pub struct Member {
    hand: Hand,
    news: UnboundedReceiver<News>,
    stats: Arc<Mutex<GroupStats>>,
}

/// A partition while this member has it. Where it is assigned once more, that is another one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assignment {
    /// The partition.
    pub partition: Arc<Partition>,
    pub(super) epoch: u64,
}

/// A partition that is assigned to this member. It is not read before it is
/// [started](Hand::start).
pub struct Assigned {
    /// Which it is.
    pub of: Assignment,
    /// Its records, which are lines: before each are as many as its offset says.
    pub source: Source,
    /// The offset of the first record, once there is one.
    pub first: oneshot::Receiver<u64>,
}

/// What happens to a member.
pub enum News {
    /// These partitions are assigned to it.
    Assigned(Vec<Assigned>),
    /// These are taken away. The group waits for it to [release](Hand::released) them, but not for
    /// longer than `revoke_timeout`.
    Revoked(Vec<Assignment>),
    /// These are gone, and others may have them already.
    Lost(Vec<Assignment>),
    /// What a person should know.
    Notice {
        /// Whether something is wrong.
        is_warning: bool,
        /// What it is.
        message: String,
    },
    /// It cannot go on.
    Failed(SourceError),
}

impl Member {
    /// Joins a group. The cluster need not be there yet.
    ///
    /// # Errors
    ///
    /// librdkafka does not take the settings, or there is no thread.
    pub fn join(settings: &KafkaSettings, lines: &LineSettings) -> Result<Member, SourceError> {
        let (tell, news) = unbounded_channel();
        let hand = Hand::default();
        let taking = Taking { lines: lines.clone(), tombstones: settings.tombstones };
        let token_file = settings.security.token_file().cloned();
        let group = Group::new(tell, hand.clone(), taking, settings.revoke_timeout, token_file);
        let stats = group.stats();
        let consumer = client::of_member(settings).create_with_context(group);
        let mut consumer: BaseConsumer<Group> = consumer.map_err(wrong)?;
        let bell = hand.clone();
        consumer.set_nonempty_callback(move || bell.ring());
        let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(wrong)?;
        let (polling, commit_every) = (Polling::of(consumer, hand.clone()), settings.commit_every);
        let poll = move || polling.run(commit_every);
        let thread = thread::Builder::new().name("spillway-kafka".to_owned()).spawn(poll);
        match thread {
            Ok(_) => Ok(Member { hand, news, stats }),
            Err(source) => Err(SourceError::Thread { name: settings.group.clone(), source }),
        }
    }

    /// What tells the thread of this member what to do.
    pub fn hand(&self) -> Hand {
        self.hand.clone()
    }

    /// The numbers of this member, which change.
    pub fn stats(&self) -> Arc<Mutex<GroupStats>> {
        Arc::clone(&self.stats)
    }

    /// What happens next; nothing once it has left the group. Cancel safe.
    pub async fn next(&mut self) -> Option<News> {
        self.news.recv().await
    }

    /// Commits what is stored, leaves the group, and waits for both.
    pub async fn leave(mut self) {
        self.hand.leave();
        while self.next().await.is_some() {}
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.hand.leave();
    }
}

/// What librdkafka does not take.
pub(super) fn wrong(error: KafkaError) -> SourceError {
    SourceError::Member {
        message: match error {
            // Its text has the value, which may be a secret.
            KafkaError::ClientConfig(_, _, name, _) => format!("the value of {name} is wrong"),
            KafkaError::ClientCreation(message) => message,
            other => other.to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
