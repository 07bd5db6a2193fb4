//! `[checkpoint]` of a flow: as written, and as meant.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::age;
use spillway::problem::Problem;

/// `[checkpoint]` as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointConfig {
    /// The file. Required.
    pub path: Option<PathBuf>,
    /// How often, beside what the sink asks for.
    pub every: Option<String>,
}

/// `[checkpoint]` as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointSettings {
    /// The file; a relative path starts at the current directory.
    pub path: PathBuf,
    /// How much time lies between two checkpoints, where the sink asks for none before. Zero is
    /// after each batch.
    pub every: Duration,
}

impl CheckpointConfig {
    /// What was meant.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, not just the first.
    pub fn settings(self) -> Result<CheckpointSettings, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut wrong = |field: &str, message: String| problems.push(Problem::new(field, message));
        let path = self.path.unwrap_or_default();
        if path.as_os_str().is_empty() {
            let message = "is missing, expected the path of a file, which need not exist yet";
            wrong("checkpoint.path", message.to_owned());
        }
        let every = match self.every.as_deref().map(age::parse) {
            None => EVERY_DEFAULT,
            Some(Ok(every)) => every,
            Some(Err(error)) => {
                wrong("checkpoint.every", error.to_string());
                EVERY_DEFAULT
            }
        };
        if problems.is_empty() { Ok(CheckpointSettings { path, every }) } else { Err(problems) }
    }
}

/// The default of `every`.
pub const EVERY_DEFAULT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_all_that_is_needed() {
        let settings = meant("path = 'a.checkpoint'").unwrap();
        assert_eq!(settings.path, PathBuf::from("a.checkpoint"));
        assert_eq!(settings.every, Duration::from_secs(10));
        let settings = meant("path = 'a'\nevery = '1m30s'").unwrap();
        assert_eq!(settings.every, Duration::from_secs(90));
    }

    #[test]
    fn all_problems_at_once() {
        let problems = meant("path = ''\nevery = '10'").unwrap_err();
        let shown: Vec<_> = problems.iter().map(Problem::to_string).collect();
        let wanted = [
            "checkpoint.path: is missing, expected the path of a file, which need not exist yet",
            "checkpoint.every: 10 has no unit; write 10s, 10m, 10h or 10d",
        ];
        assert_eq!(shown, wanted);
    }

    fn meant(text: &str) -> Result<CheckpointSettings, Vec<Problem>> {
        toml::from_str::<CheckpointConfig>(text).unwrap().settings()
    }
}
