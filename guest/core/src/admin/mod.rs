//! Administrative calls: check whether the bucket can be written, list incomplete uploads, and
//! abort one.
//!
//! Calls do not overlap. Each call is a small state machine that makes requests and ends with one
//! reply.

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
use crate::client::answer::Answer;
use crate::client::call::Call;
use crate::client::verdict::Verdict;
use crate::error::Error;
use crate::incomplete::IncompleteUpload;
use crate::notice::Notices;
use crate::settings::Settings;
use crate::time::{Now, Timestamp};

/// The reply to an administrative call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The bucket can be written. The upload of the check was aborted.
    Writable,
    /// The incomplete uploads, oldest first. Those of unknown age come last.
    IncompleteUploads(Vec<IncompleteUpload>),
    /// The upload was aborted, or did not exist.
    Gone,
    /// Orphaned uploads were looked for.
    Looked,
}

/// The administrative call in progress, and the reply to the last one.
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

/// A request of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AdminRequest {
    /// Start an upload.
    Create,
    /// Abort it.
    Abort,
    /// List a page of incomplete uploads.
    Uploads,
    /// List the parts of one of them.
    Parts(Place),
    /// List the parts that are left after an upload was aborted.
    Remains,
}

/// A request to other owners.
pub(crate) enum Effect {
    /// Submit this call.
    Send(AdminRequest, Call),
    /// Remove its calls that are not in flight, with this cause.
    Withdraw(Error),
    /// Abort this upload later. It could not be aborted now.
    Remember { key: String, upload_id: String },
    /// Forget this upload, which no longer exists.
    Forget { upload_id: String },
    /// Handle these orphaned uploads, or the error if they could not be listed. The second value
    /// tells whether the list is complete.
    Orphans(Result<Vec<IncompleteUpload>, Error>, bool),
}

/// What other owners know about the uploads in the bucket.
pub(crate) trait Knowledge {
    /// Whether this sink uses an incomplete upload, is aborting it, or would need it to resume a
    /// checkpoint.
    fn uses(&self, key: &str, upload_id: &str) -> bool;
    /// Whether an unused upload is orphaned. It was initiated at `begun` or earlier.
    fn is_orphan(&self, key: &str, begun: Option<Timestamp>) -> bool;
}

/// What a call needs to continue.
struct Context<'a> {
    now: Now,
    known: &'a dyn Knowledge,
    notices: &'a mut Notices,
    effects: &'a mut VecDeque<Effect>,
}

/// How a call continues.
enum Step {
    /// With these requests. There may be none while others are in flight.
    Ask(AdminCall, Vec<AdminRequest>),
    /// It ends with this reply.
    Reply(Result<Reply, Error>),
}

impl AdminCall {
    /// The S3 call for one of its requests. `None` if it does not need the request any more.
    fn request(&self, request: AdminRequest) -> Option<Call> {
        match self {
            AdminCall::Check(check) => Some(check.request(request)),
            AdminCall::List(list) => list.request(request),
            AdminCall::Abort(abort) => Some(abort.request(request)),
        }
    }
}

impl Admin {
    /// Without a call in progress.
    pub(crate) fn new(settings: Arc<Settings>) -> Admin {
        Admin { settings, call: None, reply: None, effects: VecDeque::new() }
    }

    /// The next effect, if there is one.
    pub(crate) fn poll(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Checks whether the bucket can be written. `nonce` makes the name of the test object unique.
    ///
    /// # Panics
    ///
    /// As `list` and `abort`: if another call is in progress.
    pub(crate) fn check(&mut self, nonce: String) {
        let check = Check::new(&self.settings.name_prefix(), nonce);
        self.start(AdminCall::Check(check), AdminRequest::Create);
    }

    /// Lists incomplete uploads: all unused ones, or the orphaned ones.
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

    /// Whether the last call has ended.
    pub(crate) fn has_reply(&self) -> bool {
        self.reply.is_some()
    }

    /// The reply to the last call. `None` while it has not ended.
    pub(crate) fn take_reply(&mut self) -> Option<Result<Reply, Error>> {
        self.reply.take()
    }

    /// Processes the result of a request. `verdict` is that of its last attempt.
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
            // The call in progress does not cancel its requests.
            End::Cancelled => Step::Ask(call, Vec::new()),
        });
    }

    /// Handles that a request will not be made, with the cause.
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

    /// Runs a step of the call, and submits its next requests.
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
    /// Processes the result of a request. `None` means that the upload does not exist.
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

    /// Processes a failed request.
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
