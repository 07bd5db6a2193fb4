//! What passes a way out, counted from the outside: true of any component, and known also while one
//! is in the middle of a call.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{Response, StatusCode};
use wasmtime_wasi_http::{Error, WasiBody};

use super::errors::NO_CONNECTION;
use super::route::PROXY;

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
    /// How the last of those ended.
    pub bad: Option<Bad>,
    /// How long the other side has been in the way: since requests are under way of which none ends
    /// well, or since they end badly. Zero where it is not.
    pub stalled: Duration,
    /// How long nothing has passed: no request has set out, moved or ended.
    pub quiet: Duration,
}

/// How a request ended badly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// With this status.
    Answered(StatusCode),
    /// Without an answer: why, in a few words.
    Unanswered(&'static str),
}

#[derive(Debug)]
struct State {
    /// All but how long it has stalled.
    counts: Counts,
    /// When a request last ended well, or set out when nothing was waited for.
    well: Instant,
    /// When anything last passed.
    passed: Instant,
}

/// A request that is under way. Dropping it is how it ends without an answer that anybody wants.
pub(super) struct Passing {
    traffic: Traffic,
    landed: bool,
}

impl Traffic {
    pub(super) fn new() -> Traffic {
        let (well, passed) = (Instant::now(), Instant::now());
        let state = State { counts: Counts::default(), well, passed };
        Traffic(Arc::new(Mutex::new(state)))
    }

    /// What has passed so far.
    pub fn counts(&self) -> Counts {
        let State { counts, well, passed } = *self.lock();
        let stalled = if counts.waits() { well.elapsed() } else { Duration::ZERO };
        Counts { stalled, quiet: passed.elapsed(), ..counts }
    }

    /// A request sets out.
    pub(super) fn pass(&self) -> Passing {
        let mut state = self.lock();
        if !state.counts.waits() {
            state.well = Instant::now();
        }
        state.counts.in_flight += 1;
        state.passed = Instant::now();
        Passing { traffic: self.clone(), landed: false }
    }

    /// A piece of a request has gone: the other side takes what it is sent.
    pub(super) fn moved(&self) {
        let State { counts, well, passed } = &mut *self.lock();
        *passed = Instant::now();
        if counts.bad_in_a_row == 0 {
            *well = Instant::now();
        }
    }

    fn landed(&self, status: Result<StatusCode, &'static str>) {
        let State { counts, well, passed } = &mut *self.lock();
        *passed = Instant::now();
        counts.in_flight -= 1;
        match status {
            Ok(status) => counts.answers[answer_class(status)] += 1,
            Err(_) => counts.unanswered += 1,
        }
        let bad = match status {
            Ok(status) if status.as_u16() < 400 => {
                (counts.bad_in_a_row, counts.bad, *well) = (0, None, Instant::now());
                return;
            }
            Ok(status) => Bad::Answered(status),
            Err(why) => Bad::Unanswered(why),
        };
        (counts.bad_in_a_row, counts.bad) = (counts.bad_in_a_row + 1, Some(bad));
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

impl Bad {
    /// Whether it says that the store is away or busy, and that the same request may do later. Of
    /// other answers the store was asked, and has spoken: that something is not there, say.
    pub fn is_passing(self) -> bool {
        match self {
            Bad::Answered(status) => matches!(status.as_u16(), 408 | 429 | 500..),
            Bad::Unanswered(_) => true,
        }
    }
}

impl std::fmt::Display for Bad {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bad::Answered(status) => write!(f, "{}", status.as_u16()),
            Bad::Unanswered(why) => f.write_str(why),
        }
    }
}

impl Passing {
    /// It was ended on this side, which says nothing of the other.
    pub(super) fn end(mut self) {
        self.landed = true;
        let counts = &mut self.traffic.lock().counts;
        (counts.in_flight, counts.unanswered) = (counts.in_flight - 1, counts.unanswered + 1);
    }

    /// It has ended so.
    pub(super) fn land(mut self, sent: &Result<Response<WasiBody>, Error>) {
        self.landed = true;
        let status = sent.as_ref().map(Response::status).map_err(in_words);
        self.traffic.landed(status);
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if !self.landed {
            self.traffic.landed(Err(NO_ANSWER));
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

/// Why there was no answer, in a few words.
fn in_words(error: &Error) -> &'static str {
    match error {
        Error::ConnectionRefused => "connection refused",
        Error::ConnectionTimeout => "connecting timed out",
        Error::ConnectionTerminated | Error::HttpResponseIncomplete => "connection closed",
        Error::ConnectionWriteTimeout => "sending timed out",
        Error::DestinationUnavailable | Error::DestinationNotFound => "not reachable",
        Error::DnsTimeout | Error::DnsError { .. } => "name not resolved",
        Error::TlsProtocolError | Error::TlsCertificateError | Error::TlsAlertReceived { .. } => {
            "TLS failed"
        }
        Error::InternalError(Some(text)) => match text.strip_prefix(NO_CONNECTION) {
            Some(why) if why.starts_with(PROXY) => "the proxy refuses",
            Some(_) => "no connection",
            None => NO_ANSWER,
        },
        _ => NO_ANSWER,
    }
}

const NO_ANSWER: &str = "no answer";

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
        assert_eq!(
            (counts.bad_in_a_row, counts.bad),
            (2, Some(Bad::Answered(StatusCode::INTERNAL_SERVER_ERROR)))
        );
        assert!(counts.stalled > Duration::ZERO, "nothing is under way, and it will be again");
        drop(traffic.pass());
        let counts = traffic.counts();
        assert_eq!((counts.bad_in_a_row, counts.bad), (3, Some(Bad::Unanswered("no answer"))));
        traffic.pass().land(&Err(Error::ConnectionRefused));
        let counts = traffic.counts();
        assert_eq!(
            (counts.bad_in_a_row, counts.bad),
            (4, Some(Bad::Unanswered("connection refused")))
        );
        land(&traffic, 200);
        let counts = traffic.counts();
        assert_eq!((counts.bad_in_a_row, counts.stalled), (0, Duration::ZERO));
    }

    #[test]
    fn it_is_quiet_from_the_last_that_passed() {
        let traffic = Traffic::new();
        let minute = Duration::from_secs(60);
        let silence = || traffic.lock().passed = Instant::now().checked_sub(minute).unwrap();
        silence();
        assert!(traffic.counts().quiet >= minute);
        let passing = traffic.pass();
        assert!(traffic.counts().quiet < minute);
        silence();
        traffic.moved();
        assert!(traffic.counts().quiet < minute);
        silence();
        drop(passing);
        assert!(traffic.counts().quiet < minute);
    }

    #[test]
    fn an_answer_that_is_a_word_of_the_store_is_not_waited_for() {
        for (status, passes) in [(404, false), (403, false), (412, false), (408, true)] {
            let bad = Bad::Answered(StatusCode::from_u16(status).unwrap());
            assert_eq!(bad.is_passing(), passes, "{status}");
        }
        for status in [429, 500, 503] {
            assert!(Bad::Answered(StatusCode::from_u16(status).unwrap()).is_passing(), "{status}");
        }
        assert!(Bad::Unanswered("connection refused").is_passing());
    }

    #[test]
    fn a_store_that_takes_what_it_is_sent_does_not_stall() {
        let traffic = Traffic::new();
        let _passing = traffic.pass();
        let past = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        traffic.lock().well = past;
        assert!(traffic.counts().stalled >= Duration::from_secs(60));
        traffic.moved();
        assert!(traffic.counts().stalled < Duration::from_secs(60));
        // Where requests fail, pieces of the next are no sign that it goes well.
        land(&traffic, 503);
        traffic.lock().well = past;
        traffic.moved();
        assert!(traffic.counts().stalled >= Duration::from_secs(60));
    }
}
