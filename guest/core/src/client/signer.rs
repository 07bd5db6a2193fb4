//! Signs requests, with credentials, a clock and a region that are kept right.

use std::time::Duration;

use super::clock::Offset;
use crate::credentials::{Credentials, Secret};
use crate::http::Request;
use crate::settings::{PayloadSigning, Settings};
use crate::sigv4::{self, PayloadHash};
use crate::time::{Instant, Now, Timestamp};

/// What requests are signed with.
pub(crate) struct Signer {
    sigv4: sigv4::Signer,
    payload_signing: PayloadSigning,
    offset: Offset,
    credentials: Option<Credentials>,
    /// Tells these credentials from those before them.
    generation: u64,
    /// When others are asked for, by the store's clock. Those at hand are used until there are
    /// others, or the store says no: it knows when they end, and this machine's clock may not.
    refresh_at: Option<Timestamp>,
    /// The store says that those at hand are of no use.
    expired: bool,
    /// The host was asked, and has not answered.
    asked: bool,
    /// Since when, and how often in a row, the host had none.
    failing: Option<(Instant, u32)>,
    /// When the host may be asked again.
    due: Option<Instant>,
}

/// A question to the host.
pub(crate) struct Ask {
    pub(crate) fresh: bool,
}

/// How an attempt was signed, as far as its answer may say that it was wrong.
#[derive(Clone, Default)]
pub(crate) struct Signed {
    pub(crate) at: Timestamp,
    pub(crate) offset: Offset,
    pub(crate) region: String,
    /// Which credentials they were, counted from 1.
    pub(crate) generation: u64,
    /// The token that was sent along, which the answer may repeat.
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

    /// Whether the host has to be asked now: something `is_wanting`, and there is nothing to sign
    /// with, or it ends soon.
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

    /// What time it is for the store when our clock says `now`.
    pub(crate) fn store_time(&self, now: Timestamp) -> Timestamp {
        self.offset.apply(now)
    }

    /// Whether there is something to sign with.
    pub(crate) fn has_credentials(&self) -> bool {
        self.credentials.is_some() && !self.expired
    }

    /// Whether the host ever gave any.
    pub(crate) fn had_credentials(&self) -> bool {
        self.credentials.is_some()
    }

    /// Takes what the host gave. Others are asked for a minute before these end; where these end
    /// sooner, the host has no better ones, and is not asked again within a minute.
    pub(crate) fn set_credentials(&mut self, credentials: Credentials, now: Timestamp) {
        (self.asked, self.expired, self.failing) = (false, false, None);
        let next = self.offset.apply(now).0.saturating_add(EXPIRY_MARGIN);
        let before = |end: Timestamp| Timestamp(end.0.saturating_sub(EXPIRY_MARGIN).max(next));
        self.refresh_at = credentials.expires_at.map(before);
        self.credentials = Some(credentials);
        self.generation += 1;
    }

    /// The host had none. Returns since when, and how often in a row, that was so.
    pub(crate) fn failed(&mut self, now: Instant) -> (Instant, u32) {
        self.asked = false;
        let (since, times) = self.failing.unwrap_or((now, 0));
        *self.failing.insert((since, times + 1))
    }

    /// The host is asked again, but not before `due`.
    pub(crate) fn ask_later(&mut self, due: Instant) {
        self.due = Some(due);
    }

    /// The host is asked again when something is to be sent, as if for the first time.
    pub(crate) fn give_up(&mut self) {
        self.failing = None;
    }

    /// When the host may be asked again, where that has to be waited for.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.filter(|_| !self.has_credentials())
    }

    /// The store said that credentials are no longer good: those at hand, or some before them.
    pub(crate) fn expired(&mut self, generation: u64) {
        self.expired |= generation == self.generation;
    }

    /// Signs with another clock from now on. Returns whether it is news.
    pub(crate) fn set_offset(&mut self, offset: Offset) -> bool {
        let news = offset.0.abs_diff(self.offset.0) > CLOCK_NOTICE_MIN;
        self.offset = offset;
        news
    }

    /// Signs for another region from now on. Returns whether it is news.
    pub(crate) fn set_region(&mut self, region: &str) -> bool {
        let news = self.sigv4.region() != region;
        if news {
            self.sigv4 = sigv4::Signer::new(region, "s3");
        }
        news
    }

    /// Signs a request for `now`, as our clock has it.
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

/// So long before their end others are asked for, in nanoseconds: a request may be on its way for a
/// while.
const EXPIRY_MARGIN: u64 = Duration::from_secs(60).as_nanos() as u64;
/// The smallest correction of the clock that is worth a notice, in nanoseconds.
const CLOCK_NOTICE_MIN: u64 = Duration::from_secs(60).as_nanos() as u64;
