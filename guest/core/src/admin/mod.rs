//! Administrative calls: check whether the bucket can be written, list incomplete uploads, abort
//! one, and keep state for the host.
//!
//! Calls do not overlap. Each call is a small state machine that makes requests and ends with one
//! reply.

mod abort;
mod check;
mod check_state;
mod diagnosis;
mod list;
mod load_state;
mod store_state;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use abort::Abort;
use check::Check;
use check_state::CheckState;
use list::{List, Place};
use load_state::LoadState;
use store_state::StoreState;

use crate::checksum::Sum;
use crate::client::End;
use crate::client::answer::Answer;
use crate::client::call::{Call, Expected, STATE_BYTES_MAX};
use crate::client::verdict::{Class, Verdict};
use crate::error::{Error, Problem};
use crate::http::Body;
use crate::incomplete::IncompleteUpload;
use crate::notice::Notices;
use crate::s3::GetObjectResult;
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
    /// The state of the host. `None` if there is none.
    Loaded(Option<StoredState>),
    /// The state of the host was replaced.
    Stored {
        /// Its ETag.
        version: String,
    },
    /// The store evaluates the conditions of writes.
    Compares,
}

/// State that a host keeps with the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredState {
    /// The bytes.
    pub bytes: Bytes,
    /// The ETag.
    pub version: String,
    /// How long ago it was stored, by the store's clock, to the second. `None` if the store does
    /// not tell.
    pub age: Option<Duration>,
}

impl From<GetObjectResult> for StoredState {
    fn from(object: GetObjectResult) -> StoredState {
        let GetObjectResult { content, etag, age, .. } = object;
        StoredState { bytes: content, version: etag, age }
    }
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
    LoadState(LoadState),
    StoreState(StoreState),
    CheckState(CheckState),
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
    /// Read the state of the host.
    ReadState,
    /// Write it.
    WriteState,
}

/// A request of a call that failed.
struct Refusal<'a> {
    cause: Error,
    /// The verdict on its last attempt. `None` if it was not made.
    verdict: Option<&'a Verdict>,
    /// Whether it may have taken effect: no attempt was confirmed, or what it requires is not true
    /// any more.
    is_in_doubt: bool,
}

impl Refusal<'_> {
    /// The class of the last attempt. `None` if it was not made.
    fn class(&self) -> Option<Class> {
        self.verdict.map(|verdict| verdict.class)
    }
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
            AdminCall::LoadState(load) => Some(load.request()),
            AdminCall::StoreState(store) => Some(store.request(request)),
            AdminCall::CheckState(check) => Some(check.request()),
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

    /// Reads the state that a host keeps under `name`.
    pub(crate) fn load_state(&mut self, name: &str) {
        if let Some(key) = self.state_key(name) {
            self.start(AdminCall::LoadState(LoadState::new(key)), AdminRequest::ReadState);
        }
    }

    /// Replaces it if it still has the ETag `expected`, or, without one, if there is none.
    pub(crate) fn store_state(&mut self, name: &str, bytes: Bytes, expected: Option<String>) {
        let Some(key) = self.state_key(name) else { return };
        if bytes.len() > STATE_BYTES_MAX {
            let message = format!("{} bytes; the limit is {STATE_BYTES_MAX}", bytes.len());
            self.reply = Some(Err(Error::Invalid(vec![Problem::new("bytes", message)])));
            return;
        }
        let body = Body::from(bytes);
        let sum = self.settings.upload.checksum.map(|algorithm| Sum::of(algorithm, &body));
        let expected = expected.map_or(Expected::Nothing, Expected::Etag);
        let store = StoreState::new(key, body, sum, expected);
        self.start(AdminCall::StoreState(store), AdminRequest::WriteState);
    }

    /// Proves that the store compares versions of the state under `name`, and does not change it.
    pub(crate) fn check_state(&mut self, name: &str) {
        if let Some(key) = self.state_key(name) {
            let check = CheckState::new(key, self.settings.upload.checksum);
            self.start(AdminCall::CheckState(check), AdminRequest::ReadState);
        }
    }

    /// The key of the object for the state `name`. `None` if there cannot be one, which is the
    /// reply then.
    fn state_key(&mut self, name: &str) -> Option<String> {
        let key = self.settings.state_key(name);
        key.map_err(|problem| self.reply = Some(Err(Error::Invalid(vec![problem])))).ok()
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
        let refusal = |cause, is_in_doubt| Refusal { cause, verdict: Some(verdict), is_in_doubt };
        self.advance(now, known, notices, |call, context| match end {
            End::Done(answer) => call.on_answer(request, Some(answer), verdict, context),
            End::Gone => call.on_answer(request, None, verdict, context),
            End::Failed { cause, .. } | End::UploadLost(cause) => {
                call.on_error(request, refusal(cause, false), context)
            }
            End::Doubtful { doubt: cause, .. } | End::Exists(cause) => {
                call.on_error(request, refusal(cause, true), context)
            }
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
            let refusal = Refusal { cause, verdict: None, is_in_doubt: false };
            call.on_error(request, refusal, context)
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
            AdminCall::LoadState(load) => load.on_answer(answer),
            AdminCall::StoreState(store) => store.on_answer(answer),
            AdminCall::CheckState(check) => check.on_answer(answer),
        }
    }

    /// Processes a failed request.
    fn on_error(self, request: AdminRequest, refusal: Refusal, context: &mut Context) -> Step {
        match self {
            AdminCall::Check(check) => check.on_error(refusal.cause, refusal.verdict, context),
            AdminCall::List(list) => list.on_error(request, refusal.cause, context),
            AdminCall::Abort(abort) => abort.on_error(request, refusal.cause, context),
            AdminCall::LoadState(load) => load.on_error(refusal.cause, refusal.verdict),
            AdminCall::StoreState(store) => store.on_error(refusal),
            AdminCall::CheckState(check) => check.on_error(refusal),
        }
    }
}

#[cfg(test)]
mod tests;
