//! What is said while the store is waited for: at once when that begins, and when it is over.

use std::time::{Duration, Instant};

use indicatif::HumanCount;
use spillway::egress::{Bad, Counts};
use tokio::time::MissedTickBehavior;
use tracing::info;

use super::log::SPILLWAY;
use super::view::clock;

/// What the store is waited for, if it is.
pub(crate) fn waiting(counts: Counts) -> Option<String> {
    let Counts { stalled, bad_in_a_row: times, .. } = counts;
    let how = match is_away(&counts) {
        Some(bad) if times > 1 => format!(" ({bad} {}×)", HumanCount(times)),
        Some(bad) => format!(" ({bad})"),
        None if stalled >= WAITING_FROM => String::new(),
        None => return None,
    };
    Some(format!("waiting for the store{how} {}", clock(stalled)))
}

/// How the last request ended, where that says that the store is away or busy.
pub(crate) fn is_away(counts: &Counts) -> Option<Bad> {
    counts.bad.filter(|bad| counts.bad_in_a_row > 0 && bad.is_passing())
}

/// Says in a line that the store is waited for, and in another that it answers again: one pair a
/// wait, however many attempts there are.
pub(crate) async fn tell_waits(counts: impl Fn() -> Option<Counts>) {
    let mut looks = tokio::time::interval(LOOKS_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told: Option<Instant> = None;
    let mut told_last: Option<Instant> = None;
    loop {
        looks.tick().await;
        let Some(counts) = counts() else { continue };
        match (waiting(counts), told) {
            (Some(text), None) => {
                // A store that is busy now and then is not worth two lines each time.
                let is_news = told_last.is_none_or(|at| at.elapsed() >= TOLD_ANEW_AFTER);
                if is_news || counts.stalled >= WAITING_FROM {
                    told = Instant::now().checked_sub(counts.stalled).or(Some(Instant::now()));
                    let cause = is_away(&counts).map(|bad| bad.to_string());
                    info!(
                        target: SPILLWAY, event = "waiting", cause,
                        attempts = counts.bad_in_a_row,
                        seconds = counts.stalled.as_secs(),
                        "{text}"
                    );
                }
            }
            (None, Some(since)) => {
                (told, told_last) = (None, Some(Instant::now()));
                let waited = since.elapsed();
                info!(
                    target: SPILLWAY, event = "waited", seconds = waited.as_secs(),
                    "the store answers again, after {}", clock(waited)
                );
            }
            _ => {}
        }
    }
}

/// How long requests may be under way before it is said that they are waited for.
const WAITING_FROM: Duration = Duration::from_secs(3);
const LOOKS_EVERY: Duration = Duration::from_millis(100);
const TOLD_ANEW_AFTER: Duration = Duration::from_secs(10);
