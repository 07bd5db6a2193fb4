//! What is done where the host has no credentials.

use std::time::Duration;

use super::retry::backoff;
use super::{Client, INTERACTIVE_PATIENCE, Requester, explain};
use crate::credentials::{Credentials, CredentialsError};
use crate::error::Error;
use crate::notice::{Level, Notices};
use crate::time::Now;

/// Which calls are in vain for want of credentials, and why.
pub(crate) enum NoCredentials {
    /// Those that a person waits for.
    Interactive(Error),
    /// All.
    All(Error),
}

impl<O: Requester> Client<O> {
    /// Takes in what the host answered to [`Output::Credentials`], and returns which calls are in
    /// vain.
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
        // Where there were some, a source that is away is waited for as a store is. One that never
        // delivered is set up wrongly, most likely.
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
        // It may be long, and is told ever less often.
        if times.is_power_of_two() {
            let message = format!("{cause}; asking again in {} ms", wait.as_millis());
            notices.push(Level::Warning, message);
        }
        self.signer.ask_later(now.monotonic.after(wait));
        let is_long = !has_some && waited >= INTERACTIVE_PATIENCE;
        is_long.then_some(NoCredentials::Interactive(cause))
    }
}

/// How long a source of credentials that never delivered may be away before objects fail for it.
const CREDENTIALS_PATIENCE: Duration = Duration::from_secs(60);
