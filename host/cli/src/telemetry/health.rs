//! Whether a run is healthy: live, so that nobody has to restart it, and ready, so that it does its
//! work.

use std::time::Duration;

use serde::Serialize;
use spillway::egress::{Bad, Counts};

use super::monitor::View;
use super::movement::Movement;

/// How healthy a run is. It is, in each of both ways, where there is no reason against it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Why its loop does not move. A run that waits for its store is live: to start it again would
    /// help nobody.
    pub live: Vec<String>,
    /// Why it does not do its work.
    pub ready: Vec<String>,
}

/// What is served of one way to be healthy.
#[derive(Serialize)]
struct Verdict<'a> {
    ok: bool,
    reasons: &'a [String],
}

#[derive(Serialize)]
struct Both<'a> {
    ok: bool,
    live: Verdict<'a>,
    ready: Verdict<'a>,
}

impl View {
    /// How healthy the run is.
    pub fn health(&self) -> Health {
        let live = self.stuck().into_iter().collect::<Vec<_>>();
        let Movement { opened, .. } = self.movement;
        let ready = match (live.is_empty(), opened) {
            (false, _) => live.clone(),
            (true, None) => vec!["the sink is not open yet".to_owned()],
            (true, Some(_)) if self.closing => vec!["the run ends".to_owned()],
            (true, Some(opened)) => {
                let store = self.traffic.as_ref().and_then(unreached);
                store.into_iter().chain(self.late(opened)).collect()
            }
        };
        Health { live, ready }
    }

    /// Why the loop does not move, if so.
    fn stuck(&self) -> Option<String> {
        let Movement { polled, moved, .. } = self.movement;
        if polled >= STUCK_FROM {
            return Some(format!("the run has stood still for {} s", polled.as_secs()));
        }
        // In a call of the sink, the loop waits for the store. So it may, for as long as requests
        // are under way or failed, or the component has sent some not long ago.
        let counts = self.traffic.unwrap_or_default();
        let quiet = self.traffic.map_or(moved, |counts| counts.quiet.min(moved));
        let is_idle = counts.stalled.is_zero() && quiet >= IDLE_FROM;
        (moved >= STUCK_FROM && is_idle).then(|| {
            let (moved, quiet) = (moved.as_secs(), quiet.as_secs());
            format!(
                "a call of the component has lasted {moved} s, and has sent nothing for {quiet} s"
            )
        })
    }

    /// Why the last checkpoint is too old, if so.
    fn late(&self, opened: Duration) -> Option<String> {
        let Movement { checkpoints_every, checkpoint_age, .. } = self.movement;
        let every = checkpoints_every?;
        let age_max = (every * INTERVALS).max(STUCK_FROM);
        let every = every.as_secs_f64();
        match checkpoint_age {
            Some(age) if age < age_max => None,
            Some(age) => Some(format!(
                "the last checkpoint is {} s old; one is due every {every} s",
                age.as_secs()
            )),
            None => Some(format!(
                "no checkpoint was stored in the {} s since the sink is open",
                opened.as_secs()
            )),
        }
    }
}

/// Why the store is not reached, if so. A store that nothing was asked of is not known to be away.
fn unreached(counts: &Counts) -> Option<String> {
    let Counts { in_flight, answers, bad_in_a_row, stalled, .. } = counts;
    let bad = |bad: Bad| format!(" ({bad}, {bad_in_a_row} in a row)");
    let bad = counts.bad.filter(|_| *bad_in_a_row > 0).map(bad).unwrap_or_default();
    let is_asked = *in_flight > 0 || *bad_in_a_row > 0;
    match answers[1] + answers[2] {
        0 if is_asked => Some(format!("the store has not answered successfully yet{bad}")),
        _ if *stalled >= STALLED_FROM => Some(format!(
            "the store has not answered successfully for {} s{bad}",
            stalled.as_secs()
        )),
        _ => None,
    }
}

impl Health {
    /// Whether the loop moves, as JSON.
    pub(super) fn live_json(&self) -> (bool, String) {
        json(&self.live)
    }

    /// Whether the run does its work, as JSON.
    pub(super) fn ready_json(&self) -> (bool, String) {
        json(&self.ready)
    }

    /// Both.
    pub(super) fn json(&self) -> (bool, String) {
        let (live, ready) = (verdict(&self.live), verdict(&self.ready));
        let ok = live.ok && ready.ok;
        (ok, text(&Both { ok, live, ready }))
    }
}

fn json(reasons: &[String]) -> (bool, String) {
    (reasons.is_empty(), text(&verdict(reasons)))
}

fn verdict(reasons: &[String]) -> Verdict<'_> {
    Verdict { ok: reasons.is_empty(), reasons }
}

fn text(document: &impl Serialize) -> String {
    serde_json::to_string(document).expect("texts and flags") + "\n"
}

/// How long the loop may take to come round.
const STUCK_FROM: Duration = Duration::from_secs(10);
/// How long the component may be in a call and send nothing. A call may compute for a minute.
const IDLE_FROM: Duration = Duration::from_secs(120);
/// How long the store may answer nothing well.
const STALLED_FROM: Duration = Duration::from_secs(30);
/// How many intervals old the last checkpoint may be.
const INTERVALS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::super::Monitor;
    use super::*;
    use http::StatusCode;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A run that has its sink open, and has asked its store nothing.
    fn view() -> View {
        let movement = Movement { opened: Some(seconds(100)), ..Movement::default() };
        View { movement, traffic: Some(Counts::default()), ..Monitor::new().view() }
    }

    #[track_caller]
    fn assert_health(view: &View, live: &[&str], ready: &[&str]) {
        let health = view.health();
        assert_eq!(health.live, live);
        assert_eq!(health.ready, ready);
    }

    #[test]
    fn a_run_is_ready_while_its_sink_is_open() {
        assert_health(&view(), &[], &[]);
        let view = Monitor::new().view();
        assert_health(&view, &[], &["the sink is not open yet"]);
        let view = View { closing: true, ..self::view() };
        assert_health(&view, &[], &["the run ends"]);
    }

    #[test]
    fn a_task_that_does_not_run_is_not_live() {
        let mut view = view();
        (view.movement.polled, view.movement.moved) = (seconds(9), seconds(9));
        assert_health(&view, &[], &[]);
        (view.movement.polled, view.movement.moved) = (seconds(10), seconds(10));
        let said = ["the run has stood still for 10 s"];
        assert_health(&view, &said, &said);
        // Whatever its requests do meanwhile.
        view.traffic = Some(Counts { in_flight: 3, ..Counts::default() });
        assert_health(&view, &said, &said);
    }

    #[test]
    fn a_long_call_is_live_while_it_asks_the_store() {
        let mut view = view();
        view.movement.moved = seconds(1_000);
        let quiet = Counts { quiet: seconds(119), answers: [0, 1, 0, 0, 0], ..Counts::default() };
        view.traffic = Some(quiet);
        assert_health(&view, &[], &[]);
        view.traffic = Some(Counts { quiet: seconds(120), ..quiet });
        let said = ["a call of the component has lasted 1000 s, and has sent nothing for 120 s"];
        assert_health(&view, &said, &said);
        let away = Counts {
            stalled: seconds(500),
            quiet: seconds(500),
            bad_in_a_row: 7,
            bad: Some(Bad::Answered(StatusCode::SERVICE_UNAVAILABLE)),
            ..quiet
        };
        view.traffic = Some(away);
        let said = "the store has not answered successfully for 500 s (503, 7 in a row)";
        assert_health(&view, &[], &[said]);
        // A loop that comes round needs no traffic.
        view.movement.moved = seconds(1);
        view.traffic = Some(Counts { quiet: seconds(5_000), ..quiet });
        assert_health(&view, &[], &[]);
    }

    #[test]
    fn a_store_counts_as_reached_with_its_first_good_answer() {
        let mut view = view();
        let bad = Some(Bad::Answered(StatusCode::FORBIDDEN));
        let refused =
            Counts { bad_in_a_row: 1, bad, answers: [0, 0, 0, 1, 0], ..Counts::default() };
        view.traffic = Some(refused);
        let said = "the store has not answered successfully yet (403, 1 in a row)";
        assert_health(&view, &[], &[said]);
        view.traffic = Some(Counts { in_flight: 1, ..Counts::default() });
        assert_health(&view, &[], &["the store has not answered successfully yet"]);
        // After it, one that is busy for a moment is none that is away.
        let busy = Counts { answers: [0, 9, 0, 1, 0], stalled: seconds(29), ..refused };
        view.traffic = Some(busy);
        assert_health(&view, &[], &[]);
        view.traffic = Some(Counts { stalled: seconds(30), ..busy });
        let said = "the store has not answered successfully for 30 s (403, 1 in a row)";
        assert_health(&view, &[], &[said]);
    }

    #[test]
    fn a_checkpoint_is_younger_than_three_intervals() {
        let mut view = view();
        let movement = Movement { checkpoints_every: Some(seconds(20)), ..view.movement };
        view.movement = movement;
        let said = "no checkpoint was stored in the 100 s since the sink is open";
        assert_health(&view, &[], &[said]);
        view.movement = Movement { checkpoint_age: Some(seconds(59)), ..movement };
        assert_health(&view, &[], &[]);
        view.movement = Movement { checkpoint_age: Some(seconds(60)), ..movement };
        assert_health(&view, &[], &["the last checkpoint is 60 s old; one is due every 20 s"]);
        // Where they come one after the other, a slow one is not late.
        let often = Movement { checkpoints_every: Some(Duration::ZERO), ..movement };
        view.movement = Movement { checkpoint_age: Some(seconds(9)), ..often };
        assert_health(&view, &[], &[]);
    }

    #[test]
    fn the_documents_say_all_of_it() {
        let health = Health { live: vec![], ready: vec!["a \"reason\"".to_owned()] };
        assert_eq!(health.live_json(), (true, "{\"ok\":true,\"reasons\":[]}\n".to_owned()));
        let ready = "{\"ok\":false,\"reasons\":[\"a \\\"reason\\\"\"]}";
        assert_eq!(health.ready_json(), (false, format!("{ready}\n")));
        let live = "{\"ok\":true,\"reasons\":[]}";
        let both = format!("{{\"ok\":false,\"live\":{live},\"ready\":{ready}}}\n");
        assert_eq!(health.json(), (false, both));
    }
}
