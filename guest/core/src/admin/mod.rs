//! What the caller asks outside of objects: whether the bucket can be written, what is open in it,
//! and to abort one upload of that.
//!
//! Calls on a sink come one at a time, and so do these. Each is a small state machine that makes
//! requests, and ends with one reply.

mod abort;
mod check;
mod diagnosis;
mod list;

use std::collections::VecDeque;
use std::sync::Arc;

use abort::Abort;
use check::Check;
use list::{List, Place};

use crate::client::End;
use crate::client::call::Call;
use crate::client::verdict::{Answer, Verdict};
use crate::error::Error;
use crate::incomplete::IncompleteUpload;
use crate::notice::Notices;
use crate::settings::Settings;
use crate::time::{Now, Timestamp};

/// What came of an administrative call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The bucket can be written, and nothing of the proof is left.
    Writable,
    /// The uploads that are open, the oldest first; those of unknown age come last.
    IncompleteUploads(Vec<IncompleteUpload>),
    /// The upload is gone.
    Gone,
    /// Orphaned uploads were looked for.
    Looked,
}

/// The administrative call that is under way, and the reply to the last one.
pub(crate) struct Admin {
    settings: Arc<Settings>,
    call: Option<AdminCall>,
    reply: Option<Result<Reply, Error>>,
    effects: VecDeque<Effect>,
}

enum AdminCall {
    Check(Check),
    List(List),
    Abort(Abort),
}

/// One request of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AdminRequest {
    /// Begins an upload.
    Create,
    /// Ends it.
    Abort,
    /// Lists a page of open uploads.
    Uploads,
    /// Lists the parts of one of them.
    Parts(Place),
    /// Lists the parts that an upload has although it was aborted.
    Remains,
}

/// What is asked of others.
pub(crate) enum Effect {
    /// That this request is made.
    Send(AdminRequest, Call),
    /// That its requests which are not in flight are forgotten, for this cause.
    Withdraw(Error),
    /// That this upload, which could not be aborted, is aborted later.
    Remember { key: String, upload_id: String },
    /// That this upload is forgotten, which is gone.
    Forget { upload_id: String },
    /// That these orphaned uploads are dealt with, or why they cannot be listed. The second says
    /// whether those are all.
    Orphans(Result<Vec<IncompleteUpload>, Error>, bool),
}

/// What is known of the uploads of a bucket.
pub(crate) trait Knowledge {
    /// Whether this sink, or one that resumes its checkpoint, has a use for an open upload, or is
    /// about to abort it.
    fn uses(&self, key: &str, upload_id: &str) -> bool;
    /// Whether an upload that nothing uses was orphaned by a crash. It was begun at `begun` or
    /// before.
    fn is_orphan(&self, key: &str, begun: Option<Timestamp>) -> bool;
}

/// What a call needs to go on.
struct Context<'a> {
    now: Now,
    known: &'a dyn Knowledge,
    notices: &'a mut Notices,
    effects: &'a mut VecDeque<Effect>,
}

/// How a call goes on.
enum Step {
    /// With these requests, which may be none while others are in flight.
    Ask(AdminCall, Vec<AdminRequest>),
    /// Not at all.
    Reply(Result<Reply, Error>),
}

impl AdminCall {
    /// What a request of it asks of the store; nothing where it is about an upload that the call
    /// has let go of.
    fn request(&self, request: AdminRequest) -> Option<Call> {
        match self {
            AdminCall::Check(check) => Some(check.request(request)),
            AdminCall::List(list) => list.request(request),
            AdminCall::Abort(abort) => Some(abort.request(request)),
        }
    }
}

impl Admin {
    /// Nothing was asked.
    pub(crate) fn new(settings: Arc<Settings>) -> Admin {
        Admin { settings, call: None, reply: None, effects: VecDeque::new() }
    }

    /// What it wants next, if anything.
    pub(crate) fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Looks whether the bucket can be written. Nobody else knows `nonce`.
    ///
    /// # Panics
    ///
    /// Like the two that follow: where another call is under way.
    pub(crate) fn check(&mut self, nonce: String) {
        let check = Check::new(&self.settings.name_prefix(), nonce);
        self.start(AdminCall::Check(check), AdminRequest::Create);
    }

    /// Lists open uploads: all that nothing uses, or the orphaned ones.
    pub(crate) fn list(&mut self, only_orphans: bool) {
        let list = List::new(self.settings.name_prefix(), only_orphans);
        self.start(AdminCall::List(list), AdminRequest::Uploads);
    }

    /// Aborts an upload.
    pub(crate) fn abort(&mut self, key: String, upload_id: String, known: &dyn Knowledge) {
        match abort::refuse(&self.settings, &key, &upload_id, known) {
            Some(problem) => self.reply = Some(Err(Error::Invalid(vec![problem]))),
            None => {
                let abort = Abort::new(key, upload_id);
                self.start(AdminCall::Abort(abort), AdminRequest::Abort);
            }
        }
    }

    fn start(&mut self, call: AdminCall, first: AdminRequest) {
        assert!(self.call.is_none() && self.reply.is_none(), "calls come one at a time");
        self.go_on(Step::Ask(call, vec![first]));
    }

    /// Whether the last call has come to its end.
    pub(crate) fn has_reply(&self) -> bool {
        self.reply.is_some()
    }

    /// What came of the last call, once it has come to its end.
    pub(crate) fn take_reply(&mut self) -> Option<Result<Reply, Error>> {
        self.reply.take()
    }

    /// A request has ended. `verdict` is of its last attempt.
    pub(crate) fn on_end(
        &mut self,
        request: AdminRequest,
        end: End,
        verdict: &Verdict,
        now: Now,
        known: &dyn Knowledge,
        notices: &mut Notices,
    ) {
        self.advance(now, known, notices, |call, context| match end {
            End::Done(answer) => call.on_answer(request, Some(answer), verdict, context),
            End::Gone => call.on_answer(request, None, verdict, context),
            End::Failed { cause, .. }
            | End::Doubtful { doubt: cause, .. }
            | End::UploadLost(cause)
            | End::Exists(cause) => call.on_error(request, cause, Some(verdict), context),
            // Nothing cancels them.
            End::Cancelled => Step::Ask(call, Vec::new()),
        });
    }

    /// A request is not made, for this cause.
    pub(crate) fn on_withdrawn(
        &mut self,
        request: AdminRequest,
        cause: Error,
        now: Now,
        known: &dyn Knowledge,
        notices: &mut Notices,
    ) {
        self.advance(now, known, notices, |call, context| {
            call.on_error(request, cause, None, context)
        });
    }

    /// Lets the call take in something, and goes on with it.
    fn advance(
        &mut self,
        now: Now,
        known: &dyn Knowledge,
        notices: &mut Notices,
        step: impl FnOnce(AdminCall, &mut Context) -> Step,
    ) {
        let Some(call) = self.call.take() else { return };
        let mut context = Context { now, known, notices, effects: &mut self.effects };
        let step = step(call, &mut context);
        self.go_on(step);
    }

    fn go_on(&mut self, step: Step) {
        match step {
            Step::Ask(call, requests) => {
                let send = |request| Some(Effect::Send(request, call.request(request)?));
                self.effects.extend(requests.into_iter().filter_map(send));
                self.call = Some(call);
            }
            Step::Reply(reply) => self.reply = Some(reply),
        }
    }
}

impl AdminCall {
    /// Takes in what the store said. Without an answer it said that there is no such upload.
    fn on_answer(
        self,
        request: AdminRequest,
        answer: Option<Answer>,
        verdict: &Verdict,
        context: &mut Context,
    ) -> Step {
        match self {
            AdminCall::Check(check) => check.on_answer(answer),
            AdminCall::List(list) => list.on_answer(request, answer, verdict, context),
            AdminCall::Abort(abort) => abort.on_answer(request, answer, context),
        }
    }

    /// Takes in that a request has no answer, and why.
    fn on_error(
        self,
        request: AdminRequest,
        cause: Error,
        verdict: Option<&Verdict>,
        context: &mut Context,
    ) -> Step {
        match self {
            AdminCall::Check(check) => check.on_error(cause, verdict, context),
            AdminCall::List(list) => list.on_error(request, cause, context),
            AdminCall::Abort(abort) => abort.on_error(request, cause, context),
        }
    }
}

#[cfg(test)]
mod tests;
