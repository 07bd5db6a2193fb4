//! What happens to an object after one of its calls has ended.

use std::time::Duration;

use super::name::HeadOutcome;
use super::parts::Parts;
use super::state::{Sent, State};
use super::{Effect, Object};
use crate::checksum::Sum;
use crate::client::answer::Answer;
use crate::client::verdict::Class;
use crate::client::{Attempted, End};
use crate::encode::Encoder;
use crate::error::Error;
use crate::s3::{HeadObjectResult, Operation};
use crate::settings::NONCE;

/// What to do for an object after one of its calls has ended.
pub(crate) enum Aftermath {
    /// Nothing in particular.
    Continue,
    /// Report that the upload is lost, with this cause. It is restarted if possible.
    UploadLost(Error),
    /// Give the object another name, or fail it: another object has its name.
    NameTaken(Error),
    /// Submit this call again after a delay. It had no effect.
    SendAgain(Attempted, Duration),
}

impl Object {
    /// Processes the result of a call. The class of its last attempt is `class`.
    pub(crate) fn on_end(&mut self, operation: Operation, class: Class, end: End) -> Aftermath {
        self.outstanding -= 1;
        match end {
            End::Done(Answer::Found(found)) => return self.on_head(HeadOutcome::Found(found)),
            End::Done(answer) => self.on_done(operation, answer),
            End::Failed { outcome, .. } if operation == Operation::HeadObject => {
                return self.on_head(match class {
                    Class::NotFound => HeadOutcome::NotFound,
                    _ => HeadOutcome::Unknown(outcome),
                });
            }
            End::Failed { cause, .. } => self.fail(cause),
            End::Doubtful { doubt, again } => self.verify(doubt, again),
            End::UploadLost(cause) => {
                self.restart(cause.clone());
                return Aftermath::UploadLost(cause);
            }
            End::Exists(cause) => return Aftermath::NameTaken(cause),
            End::Gone | End::Cancelled => {}
        }
        Aftermath::Continue
    }

    /// Records that this number of its calls was removed without a result.
    pub(crate) fn on_cancelled(&mut self, calls: usize) {
        self.outstanding -= calls;
    }

    fn on_done(&mut self, operation: Operation, answer: Answer) {
        match (operation, answer, &mut self.state) {
            (Operation::PutObject, _, State::Putting { .. }) => {
                self.state = State::Visible { parts: 0 };
            }
            (_, Answer::Created { upload_id }, State::Creating) => {
                self.state = State::Uploading(Parts::new(upload_id));
            }
            (Operation::UploadPart(number), Answer::Stored { etag }, State::Uploading(parts)) => {
                parts.stored(number, etag);
            }
            (Operation::CompleteMultipartUpload, _, State::Completing(parts)) => {
                self.state = State::Visible { parts: parts.count() };
            }
            // The result of a call from before the object failed or was restarted.
            _ => {}
        }
    }

    /// Whether the object that was found is this one. The nonce would suffice, but size and
    /// checksum must agree as well.
    fn is_ours(&self, found: &HeadObjectResult) -> bool {
        let State::Verifying { sent, .. } = &self.state else { return false };
        let sum = match sent {
            Sent::AtOnce { sum, .. } => *sum,
            Sent::InParts(parts) => parts.completed(self.bytes).and_then(|(_, sum)| sum),
        };
        let agrees = |ours: Sum| {
            let ours = ours.s3();
            let theirs = found.checksums.iter().find(|c| c.algorithm == ours.algorithm);
            // A composite checksum does not cover the object's bytes.
            theirs.is_none_or(|theirs| theirs.value == ours.value || theirs.value.contains('-'))
        };
        found.metadata(NONCE) == Some(&self.nonce)
            && found.size == self.bytes
            && sum.is_none_or(agrees)
    }

    fn on_head(&mut self, outcome: HeadOutcome) -> Aftermath {
        match (&mut self.state, outcome) {
            (State::Naming { .. }, outcome) => {
                self.name.on_head(&outcome);
                self.state = State::Naming { asked: false };
            }
            (State::Verifying { .. }, HeadOutcome::Found(found)) => return self.on_found(&found),
            (State::Verifying { again, .. }, HeadOutcome::NotFound) if again.is_some() => {
                let (call, wait) = again.take().expect("a call to make again");
                self.state = match std::mem::replace(&mut self.state, State::Failed) {
                    State::Verifying { sent: Sent::AtOnce { body, sum }, .. } => {
                        State::Putting { body, sum }
                    }
                    State::Verifying { sent: Sent::InParts(parts), .. } => State::Completing(parts),
                    state => state,
                };
                self.outstanding += 1;
                return Aftermath::SendAgain(call, wait);
            }
            (State::Verifying { doubt, .. }, HeadOutcome::NotFound) => {
                let doubt = doubt.clone();
                self.fail(doubt);
            }
            (State::Verifying { doubt, .. }, HeadOutcome::Unknown(why)) => {
                let doubt = in_doubt(doubt.clone(), &why);
                self.fail(doubt);
            }
            _ => {}
        }
        Aftermath::Continue
    }

    fn on_found(&mut self, found: &HeadObjectResult) -> Aftermath {
        let is_ours = self.is_ours(found);
        let State::Verifying { doubt, sent, .. } = &self.state else { return Aftermath::Continue };
        if is_ours {
            let parts = match sent {
                Sent::AtOnce { .. } => 0,
                Sent::InParts(parts) => {
                    // Before it was resumed, the sink may have restarted the object with another
                    // upload.
                    self.surplus = self.may_be_there.then(|| parts.upload_id.clone());
                    parts.count()
                }
            };
            self.state = State::Visible { parts };
        } else if found.metadata(NONCE) != Some(&self.nonce) {
            return Aftermath::NameTaken(doubt.clone());
        } else {
            let doubt = doubt.clone();
            self.fail(doubt);
        }
        Aftermath::Continue
    }

    /// Looks up whether this number is taken.
    pub(crate) fn look_at(&mut self, number: u64) -> Effect {
        self.name.look_at(number);
        self.span.object_key = self.name.to_string();
        self.state = State::Naming { asked: true };
        self.head()
    }

    /// Sets the object's number.
    pub(crate) fn take_number(&mut self, number: u64) {
        self.name.take(number);
        self.span.object_key = self.name.to_string();
        self.state = State::Filling;
    }

    /// Handles that another object has its name. If it may have another name and all its bytes are
    /// held, it is restarted without a name. A commit permitted the old name only, so the object
    /// must wait for another one. Returns whether it is restarted.
    pub(crate) fn rename(&mut self) -> bool {
        let whole = match &self.state {
            State::Completing(parts) | State::Verifying { sent: Sent::InParts(parts), .. } => {
                parts.is_whole()
            }
            _ => true,
        };
        if !whole || !self.name.may_change() || self.failure.is_some() {
            return false;
        }
        self.name.refused();
        self.visibility = self.visibility.withdrawn();
        self.may_be_there = false;
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Putting { body, .. }
            | State::Verifying { sent: Sent::AtOnce { body, .. }, .. } => {
                body.pieces().iter().for_each(|piece| self.buffer.push(piece.clone()));
                State::begin(&self.name)
            }
            State::Completing(parts) | State::Verifying { sent: Sent::InParts(parts), .. } => {
                State::Restarting(parts)
            }
            state => state,
        };
        true
    }

    /// Looks up whether the object exists. If it does not, the call is made `again`, or the object
    /// fails with `doubt`.
    fn verify(&mut self, doubt: Error, again: Option<(Attempted, Duration)>) {
        let verifying = |sent| State::Verifying { doubt, sent, asked: false, again };
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Putting { body, sum } => verifying(Sent::AtOnce { body, sum }),
            State::Completing(parts) => verifying(Sent::InParts(parts)),
            state => state,
        };
    }

    /// Handles a lost upload. If all bytes are held, the object is restarted. Otherwise it fails
    /// with `cause`, since only the caller has the missing bytes.
    fn restart(&mut self, cause: Error) {
        let whole = match &self.state {
            State::Uploading(parts) | State::Completing(parts) => parts.is_whole(),
            _ => false,
        };
        if !whole || self.restarts == RESTARTS_MAX || self.failure.is_some() {
            return self.fail(cause);
        }
        self.restarts += 1;
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Uploading(parts) | State::Completing(parts) => State::Restarting(parts),
            state => state,
        };
    }

    /// Fails the object. Its bytes are dropped. It ends after its calls in flight have ended.
    pub(crate) fn fail(&mut self, cause: Error) {
        if !matches!(self.state, State::Visible { .. }) {
            self.failure.get_or_insert(cause);
            self.buffer.clear();
            self.encoder = self.encoder.take().map(Encoder::uncompressed);
        }
    }
}

/// Adds to a failure that the object may exist nevertheless. `why` is the reason why HeadObject
/// could not tell.
fn in_doubt(failure: Error, why: &str) -> Error {
    let told = |text| {
        format!("{text}; the object may be stored all the same: HeadObject cannot tell ({why})")
    };
    match failure {
        Error::Denied(text) => Error::Denied(told(text)),
        Error::Unavailable(text) => Error::Unavailable(told(text)),
        failure => failure,
    }
}

/// How many times one object is restarted.
const RESTARTS_MAX: u32 = 3;
