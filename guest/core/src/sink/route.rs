//! Routes the effects of each owner to the owner that they concern, and the results of calls to
//! their owners.

use super::owner::Owner;
use super::{Output, Sink};
use crate::admin::{self, Knowledge};
use crate::client::verdict::TransportError;
use crate::client::{Event, ExchangeId, NoCredentials};
use crate::credentials::{Credentials, CredentialsError};
use crate::error::Error;
use crate::http::Response;
use crate::incomplete::{self, Incomplete};
use crate::naming::Names;
use crate::time::Timestamp;
use crate::writer::{self, Writer};

/// What the writer and the incomplete uploads know about uploads in the bucket.
struct Known<'a> {
    names: &'a Names,
    writer: &'a Writer,
    incomplete: &'a Incomplete,
}

impl Knowledge for Known<'_> {
    fn uses(&self, key: &str, upload_id: &str) -> bool {
        self.writer.uses(key, upload_id) || self.incomplete.uses(upload_id)
    }

    fn is_orphan(&self, key: &str, begun: Option<Timestamp>) -> bool {
        // A sink beside this one knows those of its own.
        self.names.is_own(key) && self.incomplete.is_orphan(key, begun)
    }
}

impl Sink {
    /// Performs the effects of all owners until there are none.
    pub(super) fn route(&mut self) {
        loop {
            if let Some(incomplete::Effect { id, call }) = self.incomplete.poll() {
                self.client.submit(Owner::Abort(id), call, false);
            } else if let Some(effect) = self.writer.poll() {
                self.route_writer(effect);
            } else if let Some(effect) = self.admin.poll() {
                self.route_admin(effect);
            } else {
                return;
            }
        }
    }

    fn route_writer(&mut self, effect: writer::Effect) {
        match effect {
            writer::Effect::Send { id, call, maybe_done } => {
                self.client.submit(Owner::Object(id), call, maybe_done);
            }
            writer::Effect::SendAgain { id, call, wait } => {
                self.client.resubmit(Owner::Object(id), call, wait, self.now);
            }
            writer::Effect::Cancel(id) => {
                let calls = self.client.cancel(Owner::Object(id));
                self.writer.on_cancelled(id, calls, &mut self.notices);
            }
            writer::Effect::Abort { key, upload_id } => self.incomplete.abort(key, upload_id),
            writer::Effect::Reclaim { key } => self.incomplete.reclaim(&key),
            writer::Effect::Rest(run) => self.outputs.push_back(Output::Rest(run)),
            writer::Effect::Reject { first, events, reason } => {
                self.outputs.push_back(Output::Rejected { first, events, reason });
            }
        }
    }

    fn route_admin(&mut self, effect: admin::Effect) {
        match effect {
            admin::Effect::Send(request, call) => {
                self.client.submit(Owner::Admin(request), call, false);
            }
            admin::Effect::Withdraw(cause) => self.withdraw_admin(&cause),
            admin::Effect::Remember { key, upload_id } => {
                self.incomplete.remember(key, upload_id, self.now.monotonic);
            }
            admin::Effect::Forget { upload_id } => self.incomplete.forget(&upload_id),
            admin::Effect::Orphans(found, are_all) => {
                self.incomplete.take_in(found, are_all, &mut self.notices);
                self.writer.begin_uploads(&mut self.notices);
            }
        }
    }

    /// Fails the waiting administrative requests.
    fn withdraw_admin(&mut self, cause: &Error) {
        for request in self.client.withdraw(Owner::admin) {
            let known = Known {
                names: &self.settings.names,
                writer: &self.writer,
                incomplete: &self.incomplete,
            };
            let (cause, now) = (cause.clone(), self.now);
            self.admin.on_withdrawn(request, cause, now, &known, &mut self.notices);
        }
    }

    pub(super) fn abort_upload(&mut self, key: String, upload_id: String) {
        let known = Known {
            names: &self.settings.names,
            writer: &self.writer,
            incomplete: &self.incomplete,
        };
        self.admin.abort(key, upload_id, &known);
    }

    pub(super) fn on_response(
        &mut self,
        exchange: ExchangeId,
        outcome: &Result<Response, TransportError>,
    ) {
        let (now, notices) = (self.now, &mut self.notices);
        let event = self.client.on_response(exchange, outcome, now, notices);
        let Some(Event { owner, operation, verdict, lost_upload, end }) = event else { return };
        if let Some(key) = lost_upload {
            self.incomplete.suspect(key, notices);
        }
        let Some(end) = end else { return };
        match owner {
            Owner::Object(id) => self.writer.on_end(id, operation, verdict.class, end, notices),
            Owner::Abort(id) => self.incomplete.on_end(id, end, now.monotonic, notices),
            Owner::Admin(request) => {
                let known = Known {
                    names: &self.settings.names,
                    writer: &self.writer,
                    incomplete: &self.incomplete,
                };
                self.admin.on_end(request, end, &verdict, now, &known, notices);
            }
        }
    }

    pub(super) fn on_credentials(&mut self, credentials: Result<Credentials, CredentialsError>) {
        match self.client.on_credentials(credentials, self.now, &mut self.notices) {
            None => {}
            Some(NoCredentials::Interactive(cause)) => self.withdraw_admin(&cause),
            Some(NoCredentials::All(cause)) => {
                self.writer.fail_all(&cause, &mut self.notices);
                self.route();
                self.withdraw_admin(&cause);
                self.route();
                // Aborts need credentials as well, so they are deferred.
                let (now, reason) = (self.now.monotonic, cause.to_string());
                for id in self.client.withdraw(Owner::abort) {
                    self.incomplete.put_off(id, &reason, now, &mut self.notices);
                }
            }
        }
    }
}
