//! Partitions of Kafka topics, read as a member of a consumer group.
//!
//! What is configured is known in every build. The client is there with the feature `kafka`.

#[cfg(feature = "kafka")]
mod bell;
#[cfg(feature = "kafka")]
mod client;
mod config;
#[cfg(feature = "kafka")]
mod group;
#[cfg(feature = "kafka")]
mod held;
#[cfg(feature = "kafka")]
mod member;
#[cfg(not(feature = "kafka"))]
mod no_writer;
#[cfg(feature = "kafka")]
mod polling;
mod proof;
mod properties;
#[cfg(feature = "kafka")]
mod retained;
mod stats;
#[cfg(feature = "kafka")]
mod token;
#[cfg(feature = "kafka")]
mod writer;

#[cfg(feature = "kafka")]
pub use bell::Hand;
pub(in crate::source) use config::settings;
pub use config::{
    COMMIT_EVERY_DEFAULT, KafkaSettings, Password, Properties, PropertiesConfig,
    REVOKE_TIMEOUT_DEFAULT, Sasl, SaslConfig, Security, Tls, TlsConfig, Tombstones,
};
#[cfg(feature = "kafka")]
pub use member::{Assigned, Assignment, Member, News};
#[cfg(not(feature = "kafka"))]
pub use no_writer::{NotWritten, TopicWriter};
pub use stats::GroupStats;
#[cfg(feature = "kafka")]
pub use writer::{NotWritten, TopicWriter};
