//! Commands that ask a store something: the first signal ends them.

use std::time::Duration;

use crate::interrupts::{Interrupts, OnSignal};
use anyhow::Context as _;
use spillway::sink::Sink;

use super::exit::Stop;
use super::run::exit_on;
use super::waits::Waits;

/// A sink is asked something, for as long as this is kept.
pub(crate) struct Asking {
    interrupts: Interrupts,
    _giving_up: OnSignal,
    _waits: Waits,
}

impl Asking {
    /// Gives the sink up when there is a signal, `grace` after it: in that time it clears away what
    /// it has begun. Says meanwhile what the store is waited for.
    pub(crate) fn of(sink: &Sink, grace: Duration) -> Result<Asking, Stop> {
        let interrupts = Interrupts::of_process().context("signals cannot be handled");
        let interrupts = interrupts.map_err(Stop::Failed)?;
        exit_on(2, interrupts.clone());
        let (gate, traffic) = (sink.gate(), sink.traffic());
        let giving_up = interrupts.on(1, move || gate.shut_within(grace));
        let waits = Waits::of(move || Some(traffic.counts()));
        Ok(Asking { interrupts, _giving_up: giving_up, _waits: waits })
    }

    /// What was made of the asking. Whatever a sink says that was given up, the signal is why.
    pub(crate) fn end<T>(self, asked: Result<T, Stop>, doing: &str) -> Result<T, Stop> {
        let is_interrupted = self.interrupts.count() > 0;
        asked
            .map_err(|stop| if is_interrupted { Stop::Interrupted(doing.to_owned()) } else { stop })
    }
}

/// How long what was begun may take to be cleared away.
pub(crate) const CLEARING_TIME_MAX: Duration = Duration::from_millis(800);
