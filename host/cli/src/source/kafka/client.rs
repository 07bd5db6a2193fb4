//! The client of a cluster, as librdkafka is configured for it.

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{IsError as _, KafkaError};
use rdkafka::types::RDKafkaConfRes;
use spillway::problem::Problem;

use super::{KafkaSettings, Sasl, Security, Tls};
use crate::source::StartAt;

/// What librdkafka is configured with for a member of the group.
pub(super) fn of_member(settings: &KafkaSettings) -> ClientConfig {
    let mut config = of_both(settings);
    let reset = match settings.start_at {
        StartAt::Beginning => "earliest",
        StartAt::End => "latest",
    };
    // With zero it would commit nothing.
    let commit_every_ms = settings.commit_every.as_millis().max(1);
    config
        .set("group.id", &settings.group)
        .set("auto.offset.reset", reset)
        .set("partition.assignment.strategy", "cooperative-sticky")
        // What it is told of, until the group has it: see `group/offsets.rs`.
        .set("enable.auto.commit", "true")
        .set("auto.commit.interval.ms", commit_every_ms.to_string())
        .set("enable.auto.offset.store", "false")
        .set("enable.partition.eof", "false")
        .set("statistics.interval.ms", STATISTICS_EVERY_MS);
    for (name, value) in FETCHED_AHEAD {
        if config.get(name).is_none() {
            config.set(name, value);
        }
    }
    config
}

/// What it is configured with where records are written: each is stored once by all replicas that
/// are in sync, in the order in which it was written.
pub(super) fn of_writer(settings: &KafkaSettings) -> ClientConfig {
    let mut config = of_both(settings);
    config.set("enable.idempotence", "true").set("acks", "all");
    if config.get(BUFFERED_KBYTES).is_none() {
        config.set(BUFFERED_KBYTES, BUFFERED_KBYTES_MAX);
    }
    config
}

/// How many bytes the values may have that a producer has taken and not stored yet, as librdkafka
/// counts them: without keys and headers.
///
/// # Errors
///
/// librdkafka does not take the settings.
pub(super) fn buffered_bytes_max(config: &ClientConfig) -> Result<u64, KafkaError> {
    let kbytes = config.create_native_config()?.get(BUFFERED_KBYTES)?;
    Ok(kbytes.parse::<u64>().map_or(u64::MAX, |kbytes| kbytes.saturating_mul(1_024)))
}

/// The properties of the flow, and those of the connection.
fn of_both(settings: &KafkaSettings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set_log_level(RDKafkaLogLevel::Warning);
    config.set("client.id", "spillway");
    for (name, value) in &settings.properties.0 {
        config.set(name, value);
    }
    config.set("bootstrap.servers", settings.brokers.join(","));
    secure(&mut config, &settings.security);
    config
}

fn secure(config: &mut ClientConfig, Security { tls, sasl }: &Security) {
    let protocol = match (tls, sasl) {
        (None, None) => "plaintext",
        (Some(_), None) => "ssl",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if let Some(Tls { ca_file, identity, key_password }) = tls {
        if let Some(file) = ca_file {
            config.set("ssl.ca.location", file.to_string_lossy());
        }
        if let Some((certificate, key)) = identity {
            config.set("ssl.certificate.location", certificate.to_string_lossy());
            config.set("ssl.key.location", key.to_string_lossy());
        }
        if let Some(password) = key_password {
            config.set("ssl.key.password", password.expose());
        }
    }
    match sasl {
        Some(Sasl::Password { mechanism, username, password }) => {
            config.set("sasl.mechanism", *mechanism);
            config.set("sasl.username", username);
            config.set("sasl.password", password.expose());
        }
        Some(Sasl::Token(_)) => {
            config.set("sasl.mechanism", "OAUTHBEARER");
        }
        None => {}
    }
}

const BUFFERED_KBYTES: &str = "queue.buffering.max.kbytes";
/// How much is written and not stored, of all that this process writes: 32 MiB.
const BUFFERED_KBYTES_MAX: &str = "32768";
/// What librdkafka fetches ahead of each partition, and how long it fetches nothing more after that.
/// It has a queue for each: with its own defaults, of 64 MiB and 100,000 records. Its default pause
/// is a second, and within that all of it is taken.
const FETCHED_AHEAD: [(&str, &str); 3] = [
    ("queued.max.messages.kbytes", "4096"),
    ("queued.min.messages", "50000"),
    ("fetch.queue.backoff.ms", "10"),
];
/// How often it tells how far the partitions reach.
const STATISTICS_EVERY_MS: &str = "5000";

/// What librdkafka does not take of the properties in a flow. Their values may be secrets, and are
/// in none of the messages.
pub(super) fn problems(settings: &KafkaSettings) -> Vec<Problem> {
    let wrong = |(name, value): (&String, &String)| {
        let made = ClientConfig::new().set(name, value).create_native_config();
        let message = match made.err()? {
            KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..) => {
                "is no property of librdkafka"
            }
            KafkaError::ClientConfig(result, ..) if result.is_error() => {
                "has a value that librdkafka does not take"
            }
            _ => return None,
        };
        Some(Problem::new(format!("source.properties.\"{name}\""), message))
    };
    settings.properties.0.iter().filter_map(wrong).collect()
}
