//! Credentials that are kept while they are good.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use crate::contract::credentials::Failure;

use super::{Credentials, Provided, Provider};

/// Keeps what a provider handed out until five minutes before its end, and asks once for all who
/// ask at the same time.
///
/// A provider that has delivered once is configured: where it has nothing later, it
/// [failed](Failure::Failed), and asking again may help. Until their end, what it delivered before
/// is handed out in its place, but not to those who ask for fresh ones.
///
/// Each identity has credentials of its own.
pub struct Cached<P> {
    inner: P,
    entries: std::sync::Mutex<HashMap<String, Arc<Entry>>>,
}

/// What is kept for one identity.
struct Entry {
    /// How many loads have ended.
    loads: AtomicU64,
    state: Mutex<State>,
}

struct State {
    /// How the last load ended.
    last: Result<Credentials, Failure>,
    /// What the last load that went well brought.
    good: Option<Credentials>,
}

impl<P: Provider> Cached<P> {
    /// Keeps what `inner` hands out.
    pub fn new(inner: P) -> Cached<P> {
        Cached { inner, entries: std::sync::Mutex::default() }
    }

    /// What is kept for this identity. It is a claim of a component, so their number is bounded.
    fn entry(&self, identity: &str) -> Arc<Entry> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get(identity) {
            return entry.clone();
        }
        if entries.len() == IDENTITIES_MAX {
            entries.clear();
        }
        let last = Err(Failure::NotConfigured("nobody was asked".to_owned()));
        let state = Mutex::new(State { last, good: None });
        let entry = Arc::new(Entry { loads: AtomicU64::new(0), state });
        entries.insert(identity.to_owned(), entry.clone());
        entry
    }

    async fn cached(&self, identity: &str, fresh: bool) -> Result<Credentials, Failure> {
        let entry = self.entry(identity);
        let before = entry.loads.load(Ordering::Acquire);
        let mut state = entry.state.lock().await;
        let is_loaded = entry.loads.load(Ordering::Acquire) != before;
        if !is_loaded && (fresh || !state.lasts(REFRESH_BEFORE)) {
            state.take(self.inner.get(identity, true).await);
            entry.loads.fetch_add(1, Ordering::Release);
        }
        state.answer(fresh)
    }
}

impl<P: Provider> Provider for Cached<P> {
    fn get<'a>(&'a self, identity: &'a str, fresh: bool) -> Provided<'a> {
        Box::pin(self.cached(identity, fresh))
    }
}

impl State {
    fn take(&mut self, outcome: Result<Credentials, Failure>) {
        self.last = match outcome {
            Ok(credentials) => Ok(self.good.insert(credentials).clone()),
            Err(Failure::NotConfigured(text)) if self.good.is_some() => Err(Failure::Failed(text)),
            Err(failure) => Err(failure),
        };
    }

    fn answer(&self, fresh: bool) -> Result<Credentials, Failure> {
        match (&self.last, &self.good) {
            (Err(_), Some(good)) if !fresh && self.lasts(Duration::ZERO) => Ok(good.clone()),
            (last, _) => last.clone(),
        }
    }

    /// Whether what is kept is good for longer than that.
    fn lasts(&self, margin: Duration) -> bool {
        let Some(good) = &self.good else { return false };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        good.expires_at.is_none_or(|end| u128::from(end) > (now + margin).as_nanos())
    }
}

/// So long before their end others are asked for. Metadata services have new ones by then.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html>
const REFRESH_BEFORE: Duration = Duration::from_secs(300);
/// For how many identities credentials are kept.
const IDENTITIES_MAX: usize = 64;

#[cfg(test)]
mod tests;
