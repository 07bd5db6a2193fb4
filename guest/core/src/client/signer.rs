//! Signs requests, and keeps credentials, clock offset and region up to date.

use std::time::Duration;

use super::clock::Offset;
use crate::credentials::{Credentials, Secret};
use crate::http::Request;
use crate::settings::{PayloadSigning, Settings};
use crate::sigv4::{self, PayloadHash};
use crate::time::{Instant, Now, Timestamp};

/// The state that requests are signed with.
pub(crate) struct Signer {
    sigv4: sigv4::Signer,
    payload_signing: PayloadSigning,
    offset: Offset,
    credentials: Option<Credentials>,
    /// Counts the credentials, so that a response can be matched with those of its request.
    generation: u64,
    /// When to ask the host for fresh credentials, by the store's clock. The current ones are used
    /// until fresh ones arrive or the store rejects them, since this machine's clock may be wrong.
    refresh_at: Option<Timestamp>,
    /// Whether the store rejected the current credentials.
    expired: bool,
    /// Whether the host was asked and has not answered.
    asked: bool,
    /// When the host began to return errors, and how many in a row.
    failing: Option<(Instant, u32)>,
    /// When the host may be asked again.
    due: Option<Instant>,
}

/// A request to the host for credentials.
pub(crate) struct Ask {
    pub(crate) fresh: bool,
}

/// How an attempt was signed, for corrections that its response asks for.
#[derive(Clone, Default)]
pub(crate) struct Signed {
    pub(crate) at: Timestamp,
    pub(crate) offset: Offset,
    pub(crate) region: String,
    /// Which credentials it was signed with, counted from 1.
    pub(crate) generation: u64,
    /// The session token that was sent, which the response may repeat.
    pub(crate) session_token: Option<Secret>,
}

impl Signer {
    pub(crate) fn new(settings: &Settings) -> Signer {
        Signer {
            sigv4: sigv4::Signer::new(settings.store.region.clone(), "s3"),
            payload_signing: settings.client.payload_signing,
            offset: Offset::default(),
            credentials: None,
            generation: 0,
            refresh_at: None,
            expired: false,
            asked: false,
            failing: None,
            due: None,
        }
    }

    /// Whether to ask the host now. That is so if there is a request to send (`is_wanting`), and
    /// the credentials are missing or expire soon.
    pub(crate) fn ask(&mut self, now: Now, is_wanting: bool) -> Option<Ask> {
        let early = self.due.is_some_and(|due| now.monotonic < due);
        let store_now = self.store_time(now.wall);
        let is_good = self.has_credentials() && self.refresh_at.is_none_or(|at| at > store_now);
        if self.asked || early || !is_wanting || is_good {
            return None;
        }
        self.asked = true;
        self.due = None;
        Some(Ask { fresh: self.credentials.is_some() })
    }

    /// The store's time when our clock shows `now`.
    pub(crate) fn store_time(&self, now: Timestamp) -> Timestamp {
        self.offset.apply(now)
    }

    /// Whether there are usable credentials.
    pub(crate) fn has_credentials(&self) -> bool {
        self.credentials.is_some() && !self.expired
    }

    /// Whether the host has ever returned credentials.
    pub(crate) fn had_credentials(&self) -> bool {
        self.credentials.is_some()
    }

    /// Stores the host's credentials. The host is asked again a minute before they expire. If they
    /// expire sooner, the host has no better ones, and is asked again after a minute.
    pub(crate) fn set_credentials(&mut self, credentials: Credentials, now: Timestamp) {
        (self.asked, self.expired, self.failing) = (false, false, None);
        let next = self.offset.apply(now).0.saturating_add(EXPIRY_MARGIN);
        let before = |end: Timestamp| Timestamp(end.0.saturating_sub(EXPIRY_MARGIN).max(next));
        self.refresh_at = credentials.expires_at.map(before);
        self.credentials = Some(credentials);
        self.generation += 1;
    }

    /// Records that the host returned an error. Returns since when it does, and how many in a row.
    pub(crate) fn failed(&mut self, now: Instant) -> (Instant, u32) {
        self.asked = false;
        let (since, times) = self.failing.unwrap_or((now, 0));
        *self.failing.insert((since, times + 1))
    }

    /// Delays the next request to the host until `due`.
    pub(crate) fn ask_later(&mut self, due: Instant) {
        self.due = Some(due);
    }

    /// Forgets the errors of the host. It is asked again when there is a request to send.
    pub(crate) fn give_up(&mut self) {
        self.failing = None;
    }

    /// When the host may be asked again, if requests wait for that.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.filter(|_| !self.has_credentials())
    }

    /// Records that the store rejected the credentials of this generation.
    pub(crate) fn expired(&mut self, generation: u64) {
        self.expired |= generation == self.generation;
    }

    /// Changes the clock offset. Returns whether the change is worth a notice.
    pub(crate) fn set_offset(&mut self, offset: Offset) -> bool {
        let news = offset.0.abs_diff(self.offset.0) > CLOCK_NOTICE_MIN;
        self.offset = offset;
        news
    }

    /// Changes the region. Returns whether it is another one.
    pub(crate) fn set_region(&mut self, region: &str) -> bool {
        let news = self.sigv4.region() != region;
        if news {
            self.sigv4 = sigv4::Signer::new(region, "s3");
        }
        news
    }

    /// Signs a request. `now` is the time by our clock.
    pub(crate) fn sign(&mut self, request: &mut Request, now: Timestamp) -> Signed {
        let payload = match self.payload_signing {
            PayloadSigning::Signed => PayloadHash::of(&request.body),
            PayloadSigning::Unsigned => PayloadHash::Unsigned,
        };
        if let Some(credentials) = &self.credentials {
            self.sigv4.sign(request, credentials, payload, self.offset.apply(now));
        }
        Signed {
            at: now,
            offset: self.offset,
            region: self.sigv4.region().to_owned(),
            generation: self.generation,
            session_token: self.credentials.as_ref().and_then(|c| c.session_token.clone()),
        }
    }
}

/// How long before credentials expire the host is asked for fresh ones, in nanoseconds. A request
/// in flight may take a while.
const EXPIRY_MARGIN: u64 = Duration::from_secs(60).as_nanos() as u64;
/// The smallest change of the clock offset that is worth a notice, in nanoseconds.
const CLOCK_NOTICE_MIN: u64 = Duration::from_secs(60).as_nanos() as u64;
