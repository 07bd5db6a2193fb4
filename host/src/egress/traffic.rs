//! What passes a way out, counted from the outside: true of any component, and known also while one
//! is in the middle of a call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{Response, StatusCode};
use wasmtime_wasi_http::{Error, WasiBody};

/// Counts the requests of one way out.
#[derive(Clone, Debug)]
pub struct Traffic(Arc<Mutex<State>>);

/// What has passed a way out, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The requests that are not answered yet.
    pub in_flight: u64,
    /// The answers, by the first digit of their status: from 1 to 5.
    pub answers: [u64; 5],
    /// The requests that ended without an answer.
    pub unanswered: u64,
    /// How many requests ended badly since one ended well: without an answer, or with one of status
    /// 400 or more.
    pub bad_in_a_row: u64,
    /// How the last of those ended: the status, or nothing where there was no answer.
    pub bad: Option<StatusCode>,
    /// How long the other side has been in the way: since requests are under way of which none ends
    /// well, or since they end badly. Zero where it is not.
    pub stalled: Duration,
}

#[derive(Debug)]
struct State {
    /// All but how long it has stalled.
    counts: Counts,
    /// When a request last ended well, or set out when nothing was waited for.
    well: Instant,
}

/// A request that is under way. Dropping it is how it ends without an answer that anybody wants.
pub(super) struct Passing {
    traffic: Traffic,
    landed: bool,
}

impl Traffic {
    pub(super) fn new() -> Traffic {
        let state = State { counts: Counts::default(), well: Instant::now() };
        Traffic(Arc::new(Mutex::new(state)))
    }

    /// What has passed so far.
    pub fn counts(&self) -> Counts {
        let State { counts, well } = *self.lock();
        Counts { stalled: if counts.waits() { well.elapsed() } else { Duration::ZERO }, ..counts }
    }

    /// A request sets out.
    pub(super) fn pass(&self) -> Passing {
        let mut state = self.lock();
        if !state.counts.waits() {
            state.well = Instant::now();
        }
        state.counts.in_flight += 1;
        Passing { traffic: self.clone(), landed: false }
    }

    fn landed(&self, status: Option<StatusCode>) {
        let State { counts, well } = &mut *self.lock();
        counts.in_flight -= 1;
        match status {
            Some(status) => counts.answers[answer_class(status)] += 1,
            None => counts.unanswered += 1,
        }
        if status.is_some_and(|status| status.as_u16() < 400) {
            (counts.bad_in_a_row, counts.bad, *well) = (0, None, Instant::now());
        } else {
            (counts.bad_in_a_row, counts.bad) = (counts.bad_in_a_row + 1, status);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Whether the other side is waited for, or will be again.
    fn waits(&self) -> bool {
        self.in_flight > 0 || self.bad_in_a_row > 0
    }
}

impl Passing {
    /// It has ended so.
    pub(super) fn land(mut self, sent: &Result<Response<WasiBody>, Error>) {
        self.landed = true;
        let status = sent.as_ref().ok().map(Response::status);
        self.traffic.landed(status);
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if !self.landed {
            self.traffic.landed(None);
        }
    }
}

/// Where in [`Counts::answers`] a status is counted. A status that is none counts as the server's
/// fault.
fn answer_class(status: StatusCode) -> usize {
    match status.as_u16() / 100 {
        hundreds @ 1..=5 => usize::from(hundreds) - 1,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn land(traffic: &Traffic, status: u16) {
        let mut response = Response::new(WasiBody::default());
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        traffic.pass().land(&Ok(response));
    }

    #[test]
    fn what_ends_is_counted_once_whichever_way_it_ends() {
        let traffic = Traffic::new();
        [200, 204, 404, 503, 599, 999].into_iter().for_each(|status| land(&traffic, status));
        traffic.pass().land(&Err(Error::ConnectionTerminated));
        drop(traffic.pass());
        let waiting = traffic.pass();
        let counts = traffic.counts();
        assert_eq!((counts.answers, counts.unanswered), ([0, 2, 0, 1, 3], 2));
        assert_eq!(counts.in_flight, 1);
        drop(waiting);
        assert_eq!(traffic.counts().in_flight, 0);
    }

    #[test]
    fn what_goes_badly_counts_until_something_goes_well() {
        let traffic = Traffic::new();
        assert_eq!(traffic.counts().stalled, Duration::ZERO);
        land(&traffic, 503);
        land(&traffic, 500);
        let counts = traffic.counts();
        assert_eq!((counts.bad_in_a_row, counts.bad), (2, Some(StatusCode::INTERNAL_SERVER_ERROR)));
        assert!(counts.stalled > Duration::ZERO, "nothing is under way, and it will be again");
        drop(traffic.pass());
        assert_eq!((traffic.counts().bad_in_a_row, traffic.counts().bad), (3, None));
        land(&traffic, 200);
        let counts = traffic.counts();
        assert_eq!((counts.bad_in_a_row, counts.stalled), (0, Duration::ZERO));
    }
}
