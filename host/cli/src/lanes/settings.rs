//! How many lanes a sink has: as written, and as meant.

use std::num::NonZero;
use std::thread::available_parallelism;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::combined::{LANE, LANES};
use super::state;

/// How many lanes a sink has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaneSettings {
    /// So many.
    Number(usize),
    /// As many as the checkpoint has; without one, as many as there are cores.
    Auto,
}

impl Default for LaneSettings {
    fn default() -> LaneSettings {
        LaneSettings::Number(1)
    }
}

impl LaneSettings {
    /// How many that are for a run that goes on from this state, or begins without one.
    pub fn count(self, state: Option<&[u8]>) -> usize {
        match (self, state) {
            (LaneSettings::Number(number), _) => number,
            (LaneSettings::Auto, Some(state)) => state::count(state),
            (LaneSettings::Auto, None) => {
                available_parallelism().map_or(1, NonZero::get).min(LANES_MAX)
            }
        }
    }
}

impl<'de> Deserialize<'de> for LaneSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<LaneSettings, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
        match (number, value.as_str()) {
            (Some(number @ 1..=LANES_MAX), _) => Ok(LaneSettings::Number(number)),
            (_, Some("auto")) => Ok(LaneSettings::Auto),
            _ => {
                let expected = format!("expected a number from 1 to {LANES_MAX}, or \"auto\"");
                Err(D::Error::custom(format!("is {value}, {expected}")))
            }
        }
    }
}

/// The configuration of a lane of so many. That of a single one is as it was written.
pub fn configured(config: &str, index: usize, count: usize) -> String {
    if count == 1 {
        return config.to_owned();
    }
    let mut config: Value = serde_json::from_str(config).unwrap_or_default();
    config[LANES] = count.into();
    config[LANE] = index.into();
    config.to_string()
}

/// Each lane has a component's memory, and a call of each is made at the same time.
const LANES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_or_auto_is_read_and_nothing_else() {
        let read = |text: &str| {
            let value: toml::Table = format!("lanes = {text}").parse().unwrap();
            LaneSettings::deserialize(value["lanes"].clone()).map_err(|error| error.to_string())
        };
        assert_eq!(read("4"), Ok(LaneSettings::Number(4)));
        assert_eq!(read("'auto'"), Ok(LaneSettings::Auto));
        for wrong in ["0", "-1", "65", "'all'", "1.5", "true"] {
            let said = read(wrong).unwrap_err();
            assert!(said.contains("expected a number from 1 to 64, or \"auto\""), "{said}");
        }
    }

    #[test]
    fn what_a_checkpoint_has_counts_where_nothing_is_said() {
        assert_eq!(LaneSettings::Auto.count(Some(b"of one")), 1);
        assert_eq!(LaneSettings::Number(3).count(Some(b"of one")), 3);
        assert!(LaneSettings::Auto.count(None) >= 1);
    }

    #[test]
    fn a_lane_is_told_which_it_is() {
        assert_eq!(configured(r#"{"bucket":"b"}"#, 0, 1), r#"{"bucket":"b"}"#);
        let config: Value = serde_json::from_str(&configured(r#"{"bucket":"b"}"#, 1, 2)).unwrap();
        assert_eq!(config, serde_json::json!({"bucket": "b", "lanes": 2, "lane": 1}));
    }
}
