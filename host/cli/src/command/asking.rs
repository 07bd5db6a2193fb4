//! Commands that ask a store something: the first signal ends them.

use std::time::Duration;

use crate::shutdown::{OnSignal, Shutdown};
use anyhow::Context as _;
use spillway::sink::Sink;

use super::exit::CliError;
use super::run::exit_on;
use super::waits::{Telling, Waits};

/// A sink is asked something, for as long as this is kept.
pub(crate) struct Asking {
    shutdown: Shutdown,
    _giving_up: OnSignal,
    _waits: Waits,
}

impl Asking {
    /// Gives the sink up when there is a signal, `grace` after it: in that time it clears away what
    /// it has begun. Says meanwhile what the store is waited for.
    pub(crate) fn of(sink: &Sink, grace: Duration) -> Result<Asking, CliError> {
        let shutdown = Shutdown::of_process().context("signals cannot be handled");
        let shutdown = shutdown.map_err(CliError::Failed)?;
        exit_on(2, shutdown.clone());
        let (gate, traffic) = (sink.gate(), sink.traffic());
        let giving_up = shutdown.on(1, move || gate.shut_within(grace));
        let waits = Waits::of(Telling::EACH, move || Some(traffic.counts()));
        Ok(Asking { shutdown, _giving_up: giving_up, _waits: waits })
    }

    /// Returns the result. After a signal, every error of the sink counts as the interruption.
    pub(crate) fn end<T>(self, asked: Result<T, CliError>, doing: &str) -> Result<T, CliError> {
        let is_interrupted = self.shutdown.count() > 0;
        asked.map_err(
            |stop| if is_interrupted { CliError::Interrupted(doing.to_owned()) } else { stop },
        )
    }
}

/// How long the sink may take to abort uploads after a signal.
pub(crate) const CLEARING_TIME_MAX: Duration = Duration::from_millis(800);
