//! Handles missing credentials.

use std::time::Duration;

use super::retry::backoff;
use super::{Client, INTERACTIVE_PATIENCE, Requester, explain};
use crate::credentials::{Credentials, CredentialsError};
use crate::error::Error;
use crate::notice::{Level, Notices};
use crate::time::Now;

/// Which calls fail for lack of credentials, and with what error.
pub(crate) enum NoCredentials {
    /// Calls that a person waits for.
    Interactive(Error),
    /// All calls.
    All(Error),
}

impl<O: Requester> Client<O> {
    /// Records the host's answer to [`Output::Credentials`](super::Output::Credentials). Returns
    /// the calls that fail because of it.
    pub(crate) fn on_credentials(
        &mut self,
        credentials: Result<Credentials, CredentialsError>,
        now: Now,
        notices: &mut Notices,
    ) -> Option<NoCredentials> {
        let error = match credentials {
            Ok(credentials) => {
                self.signer.set_credentials(credentials, now.wall);
                return None;
            }
            Err(error) => error,
        };
        let cause = explain::credentials(&error);
        let policy = self.settings.client.retry;
        let (since, times) = self.signer.failed(now.monotonic);
        // If there were credentials before, a source that fails is waited for like a store. If
        // there never were any, the source is probably misconfigured.
        let patience = match self.signer.had_credentials() {
            true => policy.time_max,
            false => policy.time_max.min(CREDENTIALS_PATIENCE),
        };
        let waited = now.monotonic.since(since);
        let is_patient = times < policy.attempts_max || waited < patience;
        let is_failing = matches!(error, CredentialsError::Failed(_));
        let has_some = self.signer.has_credentials();
        if !(has_some || is_failing && is_patient) {
            self.signer.give_up();
            return Some(NoCredentials::All(cause));
        }
        let wait = backoff(&policy, times, 1).mul_f64(self.jitter.f64());
        // An outage may be long, so reports become less frequent.
        if times.is_power_of_two() {
            let message = format!("{cause}; asking again in {} ms", wait.as_millis());
            notices.push(Level::Warning, message);
        }
        self.signer.ask_later(now.monotonic.after(wait));
        let is_long = !has_some && waited >= INTERACTIVE_PATIENCE;
        is_long.then_some(NoCredentials::Interactive(cause))
    }
}

/// How long a source that has never returned credentials may fail before objects fail.
const CREDENTIALS_PATIENCE: Duration = Duration::from_secs(60);
