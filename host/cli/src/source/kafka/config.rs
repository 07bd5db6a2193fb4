//! What `[source]` says of a Kafka cluster: as written, and as meant.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;
use serde::Deserialize;
use spillway::problem::Problem;
use toml::Table;

use super::properties;
use crate::age;
use crate::source::{SourceConfig, StartAt};

/// `[source.tls]` as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificate authorities to trust in place of the system's, as PEM.
    pub ca_file: Option<PathBuf>,
    /// The certificate of this client, as PEM.
    pub certificate_file: Option<PathBuf>,
    /// The key of that certificate, as PEM.
    pub key_file: Option<PathBuf>,
    /// The password of the key.
    pub key_password: Option<Password>,
}

/// `[source.sasl]` as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaslConfig {
    /// `"PLAIN"`, `"SCRAM-SHA-256"`, `"SCRAM-SHA-512"` or `"OAUTHBEARER"`. Required.
    pub mechanism: Option<String>,
    /// Who this client is, but for OAUTHBEARER.
    pub username: Option<String>,
    /// The password of that.
    pub password: Option<Password>,
    /// The file that a token is in, for OAUTHBEARER. It is read again for each token.
    pub token_file: Option<PathBuf>,
}

/// A cluster, and what is read of it, as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaSettings {
    /// The brokers that are asked first, as `host:port`.
    pub brokers: Vec<String>,
    /// Names of topics, and patterns, which begin with `^`.
    pub topics: Vec<String>,
    /// The consumer group.
    pub group: String,
    /// Where a partition begins of which the group has committed no offset.
    pub start_at: StartAt,
    /// What happens to records without a value.
    pub tombstones: Tombstones,
    /// How long the group is kept waiting for a partition that it takes away.
    pub revoke_timeout: Duration,
    /// How often offsets are committed.
    pub commit_every: Duration,
    /// How connections are secured.
    pub security: Security,
    /// Further properties of librdkafka, by name.
    pub properties: Properties,
}

/// What happens to records without a value, by which a compacted topic says that a key is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tombstones {
    /// They are passed over.
    #[default]
    Skip,
    /// They are rejected events.
    Reject,
    /// They are records with an empty value.
    Empty,
}

/// How connections are secured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    /// By TLS, if so.
    pub tls: Option<Tls>,
    /// Who this client says that it is, if it does.
    pub sasl: Option<Sasl>,
}

/// TLS, with what differs from the system's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificate authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The password of that key.
    pub key_password: Option<Password>,
}

/// Who this client says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sasl {
    /// By a name and a password, with one of PLAIN and SCRAM.
    Password {
        /// The mechanism, as librdkafka calls it.
        mechanism: &'static str,
        /// The name.
        username: String,
        /// The password.
        password: Password,
    },
    /// By the token in this file.
    Token(PathBuf),
}

/// A password. It is in no text for people.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

/// `[source.properties]` as written. Any of the values may be a secret, so only the names are
/// shown.
#[derive(Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct PropertiesConfig(pub(super) Table);

/// Properties of librdkafka. Any of their values may be a secret, so only their names are shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Properties(pub(super) BTreeMap<String, String>);

impl KafkaSettings {
    /// Which of `topics` stands for this topic, if one does. Patterns that librdkafka alone
    /// understands do not.
    pub fn reads(&self, topic: &str) -> Option<&str> {
        let is_of = |pattern: &&String| match pattern.starts_with('^') {
            true => Regex::new(pattern).is_ok_and(|pattern| pattern.is_match(topic)),
            false => *pattern == topic,
        };
        self.topics.iter().find(is_of).map(String::as_str)
    }

    /// What keeps dead letters from being written to a topic.
    pub fn problems_of_letters(&self) -> Vec<Problem> {
        properties::problems_of_writer(&self.properties.0)
    }

    /// How long the group waits for a sign of life of this member.
    pub fn session_timeout(&self) -> Duration {
        // What is no number is refused elsewhere.
        properties::session_timeout(&self.properties.0).unwrap_or_default()
    }
}

impl Security {
    /// The file that tokens are in, where they are what says who this client is.
    pub fn token_file(&self) -> Option<&PathBuf> {
        match &self.sasl {
            Some(Sasl::Token(file)) => Some(file),
            Some(Sasl::Password { .. }) | None => None,
        }
    }
}

impl Password {
    /// The password as text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Password")
    }
}

impl std::fmt::Debug for PropertiesConfig {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl std::fmt::Debug for Properties {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// The cluster that `source` describes, which is of type `"kafka"`; nothing if something is wrong.
pub(in crate::source) fn settings(
    source: &SourceConfig,
    start_at: StartAt,
    tombstones: Tombstones,
    problems: &mut Vec<Problem>,
) -> Option<KafkaSettings> {
    let before = problems.len();
    let wrong = &mut |field: &str, message: &str| {
        problems.push(Problem::new(format!("source.{field}"), message));
    };
    let brokers = texts("brokers", &source.brokers, "host:port", wrong);
    if let Some(broker) = brokers.iter().find(|broker| !is_broker(broker)) {
        wrong("brokers", &format!("has \"{broker}\", expected host:port, such as \"kafka:9092\""));
    }
    let topics =
        texts("topics", &source.topics, "a topic, or a pattern such as \"^logs-.*\"", wrong);
    let group = source.group.clone().unwrap_or_default();
    match &source.group {
        None => wrong("group", "is missing; type = \"kafka\" needs the name of a consumer group"),
        Some(group) if group.is_empty() => wrong("group", "is empty, expected a consumer group"),
        Some(_) => {}
    }
    let revoke_timeout = time("revoke_timeout", &source.revoke_timeout, wrong);
    let commit_every = time("commit_every", &source.commit_every, wrong);
    let is_too_long = commit_every.is_some_and(|every| every > COMMIT_EVERY_MAX);
    if let Some(text) = source.commit_every.as_ref().filter(|_| is_too_long) {
        wrong("commit_every", &format!("is \"{text}\", expected at most 24h"));
    }
    let tls = source.tls.as_ref().and_then(|tls| secured(tls, wrong));
    let sasl = source.sasl.as_ref().and_then(|sasl| known(sasl, wrong));
    let properties = properties::of(source.properties.as_ref().map(|written| &written.0), wrong);
    let revoke_timeout = revoke_timeout.unwrap_or(REVOKE_TIMEOUT_DEFAULT);
    if let Some(most) = properties::poll_interval(&properties)
        && revoke_timeout >= most
    {
        let most = humantime::format_duration(most);
        let message = format!(
            "is not less than max.poll.interval.ms ({most}), after which the \
                               group takes all partitions away"
        );
        wrong("revoke_timeout", &message);
    }
    (problems.len() == before).then(|| KafkaSettings {
        brokers,
        topics,
        group,
        start_at,
        tombstones,
        revoke_timeout,
        commit_every: commit_every.unwrap_or(COMMIT_EVERY_DEFAULT),
        security: Security { tls, sasl },
        properties: Properties(properties),
    })
}

/// A list of texts that must not be empty, nor any of them.
fn texts(
    field: &str,
    list: &Option<Vec<String>>,
    what: &str,
    wrong: &mut impl FnMut(&str, &str),
) -> Vec<String> {
    let list = list.clone().unwrap_or_default();
    match list.iter().any(|text| text.trim().is_empty()) {
        _ if list.is_empty() => {
            wrong(field, &format!("is missing; type = \"kafka\" needs a list, each {what}"));
        }
        true => wrong(field, &format!("has an empty text, expected {what}")),
        false => {}
    }
    list
}

fn is_broker(text: &str) -> bool {
    let port = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    port.is_some_and(|(host, port): (&str, u16)| {
        !host.is_empty() && port > 0 && !text.contains([',', '/', ' '])
    })
}

fn time(
    field: &str,
    text: &Option<String>,
    wrong: &mut impl FnMut(&str, &str),
) -> Option<Duration> {
    match age::parse(text.as_deref()?) {
        Ok(Duration::ZERO) => wrong(field, "is zero, expected a time such as 30s"),
        Ok(time) => return Some(time),
        Err(error) => wrong(field, &error.to_string()),
    }
    None
}

fn secured(tls: &TlsConfig, wrong: &mut impl FnMut(&str, &str)) -> Option<Tls> {
    let TlsConfig { ca_file, certificate_file, key_file, key_password } = tls.clone();
    let identity = match (certificate_file, key_file) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => {
            wrong("tls.key_file", "is missing; `certificate_file` needs it");
            None
        }
        (None, Some(_)) => {
            wrong("tls.certificate_file", "is missing; `key_file` needs it");
            None
        }
    };
    if key_password.is_some() && identity.is_none() {
        wrong("tls.key_password", "has no meaning without `key_file`; remove it");
    }
    Some(Tls { ca_file, identity, key_password })
}

fn known(sasl: &SaslConfig, wrong: &mut impl FnMut(&str, &str)) -> Option<Sasl> {
    let SaslConfig { mechanism, username, password, token_file } = sasl;
    let Some(mechanism) = mechanism else {
        wrong("sasl.mechanism", &format!("is missing, expected {MECHANISMS}"));
        return None;
    };
    let mechanism = match mechanism.as_str() {
        "PLAIN" => "PLAIN",
        "SCRAM-SHA-256" => "SCRAM-SHA-256",
        "SCRAM-SHA-512" => "SCRAM-SHA-512",
        "OAUTHBEARER" => "OAUTHBEARER",
        other => {
            wrong("sasl.mechanism", &format!("is \"{other}\", expected {MECHANISMS}"));
            return None;
        }
    };
    if mechanism == "OAUTHBEARER" {
        for (field, is_there) in
            [("sasl.username", username.is_some()), ("sasl.password", password.is_some())]
        {
            if is_there {
                wrong(field, "has no meaning with OAUTHBEARER; remove it");
            }
        }
        if token_file.is_none() {
            wrong("sasl.token_file", "is missing; OAUTHBEARER needs it");
        }
        return token_file.clone().map(Sasl::Token);
    }
    if token_file.is_some() {
        wrong("sasl.token_file", "has a meaning only with OAUTHBEARER");
    }
    match (username, password) {
        (Some(username), Some(password)) => {
            let (username, password) = (username.clone(), password.clone());
            Some(Sasl::Password { mechanism, username, password })
        }
        (username, password) => {
            let missing =
                [("sasl.username", username.is_none()), ("sasl.password", password.is_none())];
            for (field, _) in missing.iter().filter(|(_, is_missing)| *is_missing) {
                wrong(field, &format!("is missing; {mechanism} needs it"));
            }
            None
        }
    }
}

/// The default of `revoke_timeout`.
pub const REVOKE_TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
/// The default of `commit_every`.
pub const COMMIT_EVERY_DEFAULT: Duration = Duration::from_secs(5);
/// The most that librdkafka takes as `auto.commit.interval.ms`.
const COMMIT_EVERY_MAX: Duration = Duration::from_secs(24 * 60 * 60);

const MECHANISMS: &str = "\"PLAIN\", \"SCRAM-SHA-256\", \"SCRAM-SHA-512\" or \"OAUTHBEARER\"";
