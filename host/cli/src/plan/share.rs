//! What several sinks of one flow have together: the requests in flight, and the memory. They are
//! those of the partitions of a member, or of the lanes of a sink.

use std::sync::Arc;

use serde_json::Value;
use spillway::component::Component;
use spillway::egress::Bounded;
use spillway::grants::Grants;
use spillway::sink::SinkError;

/// What all have together.
pub(crate) struct Shared {
    grants: Grants,
    config: Value,
    /// The memory for events, if it is bounded.
    memory: Option<Memory>,
}

/// The memory for events, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Memory {
    /// Of all together.
    all: u64,
    /// The least that the component takes for one of them.
    least: u64,
}

/// What one of them has.
#[derive(Clone)]
pub(crate) struct Share {
    pub(crate) config: String,
    pub(crate) grants: Grants,
}

impl Shared {
    /// All have the connections of these grants, and at most as many requests in flight together as
    /// they allow one sink.
    ///
    /// # Errors
    ///
    /// The component traps.
    pub(crate) async fn of(
        sink: &Component,
        config: &str,
        grants: &Grants,
    ) -> Result<Shared, SinkError> {
        Shared::with_default(sink, config, grants, None).await
    }

    /// The same. Where the configuration does not bound their memory, all together have so many
    /// bytes, if there is such a default, and the component takes it.
    ///
    /// # Errors
    ///
    /// The component traps.
    pub(crate) async fn with_default(
        sink: &Component,
        config: &str,
        grants: &Grants,
        memory_default: Option<u64>,
    ) -> Result<Shared, SinkError> {
        let most = grants.limits.requests_in_flight_max;
        let transport = Arc::new(Bounded::new(Arc::clone(&grants.transport), most));
        let grants = Grants { transport, ..grants.clone() };
        let config: Value = serde_json::from_str(config).unwrap_or_default();
        let mut shared = Shared { grants, config, memory: None };
        let all = match (shared.config.get(MEMORY), memory_default) {
            (Some(all), _) => all.as_u64(),
            (None, Some(all)) => {
                let is_taken = takes(sink, &shared.with_memory(all), &shared.grants).await?;
                is_taken.then_some(all)
            }
            (None, None) => None,
        };
        if let Some(all) = all {
            // The component alone knows how little it takes: it refuses less.
            let mut least = all;
            while least > 1 && takes(sink, &shared.with_memory(least / 2), &shared.grants).await? {
                least /= 2;
            }
            shared.memory = Some(Memory { all, least });
        }
        Ok(shared)
    }

    /// What all reach the store with.
    #[cfg(feature = "kafka")]
    pub(crate) fn grants(&self) -> Grants {
        self.grants.clone()
    }

    /// What each of so many has. Their number is rounded up to a power of two, so that another one
    /// changes little.
    pub(crate) fn among(&self, sinks: usize) -> Share {
        let config = match &self.memory {
            None => self.config.to_string(),
            Some(memory) => self.with_memory(memory.among(sinks)),
        };
        Share { config, grants: self.grants.clone() }
    }

    /// What to say of so many, called `what`, if their memory together is more than what was
    /// bounded.
    pub(crate) fn exceeded_by(&self, sinks: usize, what: &str) -> Option<String> {
        let Memory { all, least } = self.memory?;
        let count = sinks.next_power_of_two() as u64;
        (all / count < least).then(|| {
            format!(
                "{MEMORY} is {all}, which is enough for {} {what}, as one needs {least}: {sinks} \
                 {what} take more",
                all / least
            )
        })
    }

    fn with_memory(&self, bytes: u64) -> String {
        let mut config = self.config.clone();
        config[MEMORY] = bytes.into();
        config.to_string()
    }
}

impl Memory {
    /// What each of so many has.
    fn among(self, sinks: usize) -> u64 {
        (self.all / sinks.next_power_of_two() as u64).max(self.least)
    }
}

/// Whether the component takes a configuration.
async fn takes(sink: &Component, config: &str, grants: &Grants) -> Result<bool, SinkError> {
    match sink.egress(config, &grants.limits).await {
        Ok(_) => Ok(true),
        Err(SinkError::Refused(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The field of a sink's configuration that bounds the events in its memory.
const MEMORY: &str = "memory_bytes_max";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_an_equal_share_and_no_less_than_it_needs() {
        let memory = Memory { all: 64, least: 8 };
        let shares = [1, 2, 3, 4, 5, 8, 9, 100].map(|sinks| memory.among(sinks));
        assert_eq!(shares, [64, 32, 16, 16, 8, 8, 8, 8]);
    }
}
