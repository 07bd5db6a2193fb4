//! `[checkpoint]` of a flow: as written, and as meant.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use crate::age;
use crate::source::Partition;
use spillway::problem::Problem;

/// `[checkpoint]` as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointConfig {
    /// `file` or `bucket`.
    pub store: Option<String>,
    /// The file. Required, unless `store` is `bucket`.
    pub path: Option<PathBuf>,
    /// The name in the bucket.
    pub name: Option<String>,
    /// How long a checkpoint in the bucket keeps others away.
    pub lease: Option<String>,
    /// How often, beside what the sink asks for.
    pub every: Option<String>,
}

/// `[checkpoint]` as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointSettings {
    /// Where checkpoints are stored.
    pub store: CheckpointStore,
    /// How much time lies between two checkpoints, where the sink asks for none before. Zero is
    /// after each batch.
    pub every: Duration,
}

/// Where the checkpoints of a flow are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckpointStore {
    /// In a file; a relative path starts at the current directory.
    File(PathBuf),
    /// With the store of the sink, where any machine can go on.
    Bucket(BucketSettings),
}

/// How a checkpoint is kept in the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketSettings {
    /// Its name.
    pub name: String,
    /// How long a run that has stored one may go on before it stores the next. Another run takes
    /// over no sooner.
    pub lease: Duration,
}

impl CheckpointSettings {
    /// The checkpoint of one partition of many. Each has its own.
    pub fn of_partition(&self, partition: &Partition) -> CheckpointSettings {
        let mut settings = self.clone();
        if let CheckpointStore::Bucket(bucket) = &mut settings.store {
            let Partition { topic, number } = partition;
            bucket.name = format!("{}/{topic}/{number}", bucket.name);
        }
        settings
    }
}

impl CheckpointStore {
    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            CheckpointStore::File(path) => Some(path),
            CheckpointStore::Bucket(_) => None,
        }
    }

    /// How it is kept in the bucket, where it is.
    pub fn bucket(&self) -> Option<&BucketSettings> {
        match self {
            CheckpointStore::File(_) => None,
            CheckpointStore::Bucket(bucket) => Some(bucket),
        }
    }
}

/// As it is called in messages, behind "the checkpoint".
impl fmt::Display for CheckpointStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CheckpointStore::File(path) => write!(f, "{}", path.display()),
            CheckpointStore::Bucket(bucket) => write!(f, "`{}` in the bucket", bucket.name),
        }
    }
}

impl CheckpointConfig {
    /// What was meant. `flow` is the name of the flow, which a checkpoint in the bucket has where
    /// none is written.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, not just the first.
    pub fn settings(self, flow: &str) -> Result<CheckpointSettings, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut wrong = |field: &str, message: String| problems.push(Problem::new(field, message));
        let mut time = |field: &str, written: Option<&str>, default| match written.map(age::parse) {
            None => default,
            Some(Ok(time)) => time,
            Some(Err(error)) => {
                wrong(field, error.to_string());
                default
            }
        };
        let every = time("checkpoint.every", self.every.as_deref(), EVERY_DEFAULT);
        let lease_default = (2 * every).max(LEASE_DEFAULT_MIN);
        let lease = time("checkpoint.lease", self.lease.as_deref(), lease_default);
        let store = match self.store.as_deref() {
            None | Some("file") => {
                let path = self.path.unwrap_or_default();
                if path.as_os_str().is_empty() {
                    wrong("checkpoint.path", MISSING.to_owned());
                }
                for (field, is_set) in
                    [("name", self.name.is_some()), ("lease", self.lease.is_some())]
                {
                    if is_set {
                        let message =
                            "is set, but only a checkpoint with store = \"bucket\" has one";
                        wrong(&format!("checkpoint.{field}"), message.to_owned());
                    }
                }
                CheckpointStore::File(path)
            }
            Some("bucket") => {
                if let Some(path) = self.path {
                    let message = format!(
                        "is {}, but with store = \"bucket\" there is no file; remove one of the \
                         two",
                        path.display()
                    );
                    wrong("checkpoint.path", message);
                }
                if lease > Duration::ZERO && lease < every {
                    let [lease, every] = [lease, every].map(humantime::format_duration);
                    let message = format!(
                        "is {lease}, but a checkpoint is stored only every {every}; expected that \
                         or more, or 0s for none"
                    );
                    wrong("checkpoint.lease", message);
                }
                let name = self.name.unwrap_or_else(|| flow.to_owned());
                if name.is_empty() {
                    wrong("checkpoint.name", "is empty, expected a name".to_owned());
                }
                CheckpointStore::Bucket(BucketSettings { name, lease })
            }
            Some(other) => {
                wrong(
                    "checkpoint.store",
                    format!("is \"{other}\", expected \"file\" or \"bucket\""),
                );
                CheckpointStore::File(PathBuf::new())
            }
        };
        if problems.is_empty() { Ok(CheckpointSettings { store, every }) } else { Err(problems) }
    }
}

/// The default of `every`.
pub const EVERY_DEFAULT: Duration = Duration::from_secs(10);
/// The least default of `lease`; otherwise it is twice `every`.
const LEASE_DEFAULT_MIN: Duration = Duration::from_secs(10);
const MISSING: &str = "is missing, expected the path of a file, which need not exist yet; or \
                       store = \"bucket\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_all_that_is_needed() {
        let settings = meant("path = 'a.checkpoint'").unwrap();
        assert_eq!(settings.store, CheckpointStore::File("a.checkpoint".into()));
        assert_eq!(settings.every, Duration::from_secs(10));
        let settings = meant("path = 'a'\nstore = 'file'\nevery = '1m30s'").unwrap();
        assert_eq!(settings.every, Duration::from_secs(90));
    }

    #[test]
    fn a_bucket_needs_nothing() {
        let of = |text: &str| match meant(text).unwrap().store {
            CheckpointStore::Bucket(BucketSettings { name, lease }) => (name, lease.as_secs()),
            other => panic!("{other:?}"),
        };
        assert_eq!(of("store = 'bucket'"), ("orders".to_owned(), 20));
        let all = "store = 'bucket'\nname = 'a/b'\nevery = '1s'";
        assert_eq!(of(all), ("a/b".to_owned(), 10));
        assert_eq!(of(&format!("{all}\nlease = '3s'")), ("a/b".to_owned(), 3));
        assert_eq!(of(&format!("{all}\nlease = '0s'")), ("a/b".to_owned(), 0));
    }

    #[test]
    fn all_problems_at_once() {
        for (text, wanted) in [
            (
                "path = ''\nevery = '10'\nname = 'x'",
                &[
                    "checkpoint.every: 10 has no unit; write 10s, 10m, 10h or 10d",
                    "checkpoint.path: is missing, expected the path of a file, which need not \
                     exist yet; or store = \"bucket\"",
                    "checkpoint.name: is set, but only a checkpoint with store = \"bucket\" has \
                     one",
                ][..],
            ),
            (
                "store = 'bucket'\npath = 'c'\nname = ''\nlease = '9s'",
                &[
                    "checkpoint.path: is c, but with store = \"bucket\" there is no file; remove \
                     one of the two",
                    "checkpoint.lease: is 9s, but a checkpoint is stored only every 10s; expected \
                     that or more, or 0s for none",
                    "checkpoint.name: is empty, expected a name",
                ],
            ),
            ("store = 'disk'", &["checkpoint.store: is \"disk\", expected \"file\" or \"bucket\""]),
        ] {
            let shown: Vec<_> = meant(text).unwrap_err().iter().map(Problem::to_string).collect();
            assert_eq!(shown, wanted, "{text}");
        }
    }

    fn meant(text: &str) -> Result<CheckpointSettings, Vec<Problem>> {
        toml::from_str::<CheckpointConfig>(text).unwrap().settings("orders")
    }
}
