//! The limits of a component, as `[sink]` and `[[transform]]` name them.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use spillway::component::COMPILE_MAX;
use spillway::engine::Limits;

use crate::age;

/// What the flow says of the limits of its component. The names are those of [`Limits`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LimitSettings {
    #[serde(deserialize_with = "number")]
    memory_bytes_max: Option<usize>,
    #[serde(deserialize_with = "number")]
    state_bytes_max: Option<usize>,
    #[serde(deserialize_with = "time")]
    compile_max: Option<Duration>,
    #[serde(deserialize_with = "time")]
    compute_max: Option<Duration>,
    #[serde(deserialize_with = "time")]
    prompt_call_max: Option<Duration>,
    #[serde(deserialize_with = "number")]
    requests_in_flight_max: Option<usize>,
    #[serde(deserialize_with = "number")]
    resources_max: Option<usize>,
}

impl LimitSettings {
    /// How long the component may take to compile.
    pub fn compile_max(&self) -> Duration {
        self.compile_max.unwrap_or(COMPILE_MAX)
    }

    /// The limits of a component that has `memory_bytes_max` where the flow does not say. A state
    /// may be as large as the memory. Messages name them with the `section` of the flow.
    pub fn limits(&self, section: &'static str, memory_bytes_max: usize) -> Limits {
        let default = Limits::default();
        let memory_bytes_max = self.memory_bytes_max.unwrap_or(memory_bytes_max);
        Limits {
            memory_bytes_max,
            state_bytes_max: self.state_bytes_max.unwrap_or(memory_bytes_max),
            compute_max: self.compute_max.unwrap_or(default.compute_max),
            prompt_call_max: self.prompt_call_max.unwrap_or(default.prompt_call_max),
            requests_in_flight_max: self
                .requests_in_flight_max
                .unwrap_or(default.requests_in_flight_max),
            resources_max: self.resources_max.unwrap_or(default.resources_max),
            section,
        }
    }
}

fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    match usize::deserialize(deserializer)? {
        0 => Err(D::Error::custom("is 0, expected a number from 1 up")),
        number => Ok(Some(number)),
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match age::parse(&text).map_err(D::Error::custom)? {
        Duration::ZERO => Err(D::Error::custom("is zero, expected a time such as 60s")),
        time => Ok(Some(time)),
    }
}

#[cfg(test)]
mod tests {
    use toml::Table;

    use super::*;

    /// The names of all limits.
    fn fields() -> impl Iterator<Item = &'static str> {
        crate::flow::SINK.iter().copied().filter(|field| field.ends_with("_max"))
    }

    fn read(text: &str) -> Result<LimitSettings, String> {
        let table: Table = text.parse().unwrap();
        LimitSettings::deserialize(table).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let limits = read("").unwrap().limits("", 7);
        assert_eq!((limits.memory_bytes_max, limits.state_bytes_max), (7, 7));
        assert_eq!(limits.compute_max, Limits::default().compute_max);
        let limits = read("memory_bytes_max = 9").unwrap().limits("", 7);
        assert_eq!((limits.memory_bytes_max, limits.state_bytes_max), (9, 9));
    }

    #[test]
    fn each_limit_is_set_by_its_name() {
        let text = "memory_bytes_max = 1\nstate_bytes_max = 2\ncompile_max = '3s'\n\
                    compute_max = '4s'\nprompt_call_max = '5s'\nrequests_in_flight_max = 6\n\
                    resources_max = 7";
        let settings = read(text).unwrap();
        let limits = settings.limits("[sink]", 100);
        assert_eq!((limits.memory_bytes_max, limits.state_bytes_max), (1, 2));
        let seconds = Duration::from_secs;
        assert_eq!(settings.compile_max(), seconds(3));
        assert_eq!((limits.compute_max, limits.prompt_call_max), (seconds(4), seconds(5)));
        assert_eq!((limits.requests_in_flight_max, limits.resources_max), (6, 7));
        assert_eq!(limits.section, "[sink]");
        let table: Table = text.parse().unwrap();
        assert_eq!(table.len(), fields().count());
        assert!(fields().all(|field| table.contains_key(field)));
    }

    #[test]
    fn what_ends_every_component_is_refused() {
        for field in fields() {
            assert!(read(&format!("{field} = 0")).is_err(), "{field}");
            assert!(read(&format!("{field} = '0s'")).is_err(), "{field}");
        }
        assert_eq!(read("compute_max = '0s'").unwrap_err(), "is zero, expected a time such as 60s");
        assert_eq!(read("resources_max = 0").unwrap_err(), "is 0, expected a number from 1 up");
        assert!(read("compute_max = '9'").unwrap_err().starts_with("9 has no unit"));
    }
}
