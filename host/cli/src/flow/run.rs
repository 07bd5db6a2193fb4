//! `[run]` of a flow: as written, and as meant.

use std::time::Duration;

use serde::Deserialize;

use crate::age;
use spillway::problem::Problem;

/// `[run]` as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunConfig {
    shutdown_timeout: Option<String>,
}

/// `[run]` as meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunSettings {
    /// How long after the first signal the run is told to end at once, as a second signal does.
    /// Never where there is none.
    pub shutdown_timeout: Option<Duration>,
}

impl RunConfig {
    /// What was meant, or all that is wrong.
    pub(super) fn settings(self) -> Result<RunSettings, Vec<Problem>> {
        let wrong = |message: String| vec![Problem::new("run.shutdown_timeout", message)];
        let shutdown_timeout = match self.shutdown_timeout.as_deref().map(age::parse) {
            None => None,
            Some(Ok(Duration::ZERO)) => return Err(wrong(ZERO.to_owned())),
            Some(Ok(time)) => Some(time),
            Some(Err(error)) => return Err(wrong(error.to_string())),
        };
        Ok(RunSettings { shutdown_timeout })
    }
}

pub(super) const FIELDS: &[&str] = &["shutdown_timeout"];
const ZERO: &str = "is zero, expected a time such as 25s; without this field there is no limit";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read() {
        assert_eq!(meant("").unwrap(), RunSettings::default());
        let settings = meant("shutdown_timeout = '25s'").unwrap();
        assert_eq!(settings.shutdown_timeout, Some(Duration::from_secs(25)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (text, said) in [
            ("25", "run.shutdown_timeout: 25 has no unit; write 25s, 25m, 25h or 25d"),
            ("0s", "run.shutdown_timeout: is zero, expected a time such as 25s"),
        ] {
            let problems = meant(&format!("shutdown_timeout = '{text}'")).unwrap_err();
            assert_eq!(problems.len(), 1);
            assert!(problems[0].to_string().starts_with(said), "{}", problems[0]);
        }
    }

    fn meant(text: &str) -> Result<RunSettings, Vec<Problem>> {
        toml::from_str::<RunConfig>(text).unwrap().settings()
    }
}
