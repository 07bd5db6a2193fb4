//! Signs requests, with credentials, a clock and a region that are kept right.

use std::time::Duration;

use crate::clock::Offset;
use crate::credentials::Credentials;
use crate::http::Request;
use crate::requests::Signed;
use crate::settings::{PayloadSigning, Settings};
use crate::sigv4::{self, PayloadHash};
use crate::time::{Instant, Now, Timestamp};

/// What requests are signed with.
pub(crate) struct Signer {
    sigv4: sigv4::Signer,
    payload_signing: PayloadSigning,
    offset: Offset,
    credentials: Option<Credentials>,
    /// Until when they are used, by the store's clock; nothing where they do not end.
    good_until: Option<Timestamp>,
    /// Those at hand are of no use, whatever their expiry says.
    expired: bool,
    /// The host was asked, and has not answered.
    asked: bool,
    /// How often in a row the host had none.
    failures: u32,
    /// When the host may be asked again.
    due: Option<Instant>,
}

/// A question to the host.
pub(crate) struct Ask {
    pub(crate) fresh: bool,
}

impl Signer {
    pub(crate) fn new(settings: &Settings) -> Signer {
        Signer {
            sigv4: sigv4::Signer::new(settings.region.clone(), "s3"),
            payload_signing: settings.payload_signing,
            offset: Offset::default(),
            credentials: None,
            good_until: None,
            expired: false,
            asked: false,
            failures: 0,
            due: None,
        }
    }

    /// Whether the host has to be asked now: something `is_wanting`, and there is nothing to sign with.
    pub(crate) fn ask(&mut self, now: Now, is_wanting: bool) -> Option<Ask> {
        let early = self.due.is_some_and(|due| now.monotonic < due);
        if self.asked || early || !is_wanting || self.has_credentials(now.wall) {
            return None;
        }
        self.asked = true;
        self.due = None;
        Some(Ask { fresh: self.expired || self.credentials.is_some() })
    }

    /// Whether there is something to sign with.
    pub(crate) fn has_credentials(&self, now: Timestamp) -> bool {
        let now = self.offset.apply(now);
        !self.expired
            && self.credentials.is_some()
            && self.good_until.is_none_or(|until| until > now)
    }

    /// Takes what the host gave, and returns whether it is of any use. Others are asked for before
    /// these end, but those that end soon are used to their end: the host has no better ones.
    pub(crate) fn set_credentials(&mut self, credentials: Credentials, now: Timestamp) -> bool {
        (self.asked, self.expired) = (false, false);
        let now = self.offset.apply(now);
        let early = |end: Timestamp| Timestamp(end.0.saturating_sub(EXPIRY_MARGIN));
        let until =
            credentials.expires_at.map(|end| if early(end) > now { early(end) } else { end });
        self.good_until = until;
        self.credentials = Some(credentials);
        let is_good = until.is_none_or(|until| until > now);
        if is_good {
            self.failures = 0;
        }
        is_good
    }

    /// The host had none. Returns how often in a row that was so.
    pub(crate) fn failed(&mut self) -> u32 {
        self.asked = false;
        self.failures += 1;
        self.failures
    }

    /// The host is asked again, but not before `due`.
    pub(crate) fn ask_later(&mut self, due: Instant) {
        self.due = Some(due);
    }

    /// The host is asked again when something is to be sent, as if for the first time.
    pub(crate) fn give_up(&mut self) {
        self.failures = 0;
    }

    /// When the host may be asked again, where that has to be waited for.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due
    }

    /// The store said that the credentials are no longer good.
    pub(crate) fn expired(&mut self) {
        self.expired = true;
    }

    /// Signs with another clock from now on. Returns whether it is news.
    pub(crate) fn set_offset(&mut self, offset: Offset) -> bool {
        let news = offset.0.abs_diff(self.offset.0) > NEWS;
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
        Signed { at: now, offset: self.offset, region: self.sigv4.region().to_owned() }
    }
}

/// So long before their end others are asked for, in nanoseconds: a request may be on its way for a
/// while.
const EXPIRY_MARGIN: u64 = Duration::from_secs(60).as_nanos() as u64;
/// A correction smaller than this is none that anybody needs to hear of, in nanoseconds.
const NEWS: u64 = Duration::from_secs(60).as_nanos() as u64;
