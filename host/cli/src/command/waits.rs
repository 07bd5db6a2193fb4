//! What is said while the store is waited for: at once when that begins, and when it is over.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use spillway::egress::Counts;
use tokio::task::AbortHandle;
use tokio::time::MissedTickBehavior;
use tracing::info;

use super::log::SPILLWAY;
use super::view::{WAITING_FROM, clock, counted, is_away, waiting};

/// Says in a line that the store is waited for, and in another that it answers again: one pair a
/// wait, however many attempts there are. It looks a last time when it is dropped.
pub(crate) struct Waits {
    told: Arc<Mutex<Told>>,
    looking: AbortHandle,
}

/// How often it is said that the store is waited for.
#[derive(Clone, Copy)]
pub(crate) struct Telling {
    /// How long after the last wait was over a next one is news.
    anew_after: Duration,
    /// How long one takes that is told in any case.
    from: Duration,
    /// Whether those are counted that were not told.
    counts: bool,
}

impl Telling {
    /// In a run that ends: a store that is busy now and then is not worth two lines each time.
    pub(crate) const EACH: Telling =
        Telling { anew_after: Duration::from_secs(10), from: WAITING_FROM, counts: false };
    /// In a run that does not: one wait a minute.
    pub(crate) const ONE_A_MINUTE: Telling = Telling {
        anew_after: Duration::from_secs(60),
        from: Duration::from_secs(60),
        counts: true,
    };
}

struct Told {
    telling: Telling,
    counts: Box<dyn Fn() -> Option<Counts> + Send>,
    /// Since when what was told is waited for, until it is told that this is over.
    since: Option<Instant>,
    /// How many good answers there had been by then.
    answers: u64,
    /// When it was over the last time.
    over: Option<Instant>,
    /// How many waits were not told since, and whether there is one now.
    untold: u64,
    is_untold: bool,
}

impl Waits {
    /// Begins to look. Must be called within a Tokio runtime.
    pub(crate) fn of(
        telling: Telling,
        counts: impl Fn() -> Option<Counts> + Send + 'static,
    ) -> Waits {
        let told = Told {
            telling,
            counts: Box::new(counts),
            since: None,
            answers: 0,
            over: None,
            untold: 0,
            is_untold: false,
        };
        let told = Arc::new(Mutex::new(told));
        let looked_at = told.clone();
        let looking = tokio::spawn(async move {
            let mut looks = tokio::time::interval(LOOKS_EVERY);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                looks.tick().await;
                look(&looked_at);
            }
        });
        Waits { told, looking: looking.abort_handle() }
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.looking.abort();
        look(&self.told);
    }
}

fn look(told: &Mutex<Told>) {
    let told = &mut *told.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(counts) = (told.counts)() else { return };
    match (waiting(counts), told.since) {
        (Some(text), None) => {
            let Telling { anew_after, from, counts: is_counted } = told.telling;
            let is_news = told.over.is_none_or(|at| at.elapsed() >= anew_after);
            if !is_news && counts.stalled < from {
                let is_new = !std::mem::replace(&mut told.is_untold, true);
                told.untold += u64::from(is_new && is_counted);
            } else {
                let now = Instant::now();
                told.since = Some(now.checked_sub(counts.stalled).unwrap_or(now));
                told.answers = good_answers(&counts);
                let cause = is_away(&counts).map(|bad| bad.to_string());
                let (attempts, seconds) = (counts.bad_in_a_row, counts.stalled.as_secs());
                // This one may have been counted before it was told.
                let untold = std::mem::take(&mut told.untold);
                let untold = untold.saturating_sub(u64::from(told.is_untold));
                told.is_untold = false;
                let more = match untold {
                    0 => String::new(),
                    count => format!(" ({} before)", counted(count, "short wait")),
                };
                info!(
                    target: SPILLWAY, event = "waiting", cause, attempts, seconds, untold,
                    "{text}{more}"
                );
            }
        }
        (None, Some(since)) => {
            (told.since, told.over) = (None, Some(Instant::now()));
            // What this side has ended is waited for no longer, and not because of an answer.
            if good_answers(&counts) == told.answers {
                return;
            }
            let waited = since.elapsed();
            let (seconds, waited) = (waited.as_secs(), clock(waited));
            info!(
                target: SPILLWAY, event = "waited", seconds,
                "the store is back after {waited}"
            );
        }
        (None, None) => told.is_untold = false,
        (Some(_), Some(_)) => {}
    }
}

/// All but those that say that the store fails or throttles.
fn good_answers(counts: &Counts) -> u64 {
    counts.answers[..4].iter().sum()
}

const LOOKS_EVERY: Duration = Duration::from_millis(100);
