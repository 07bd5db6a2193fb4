//! Aborts one upload by its id.
//!
//! A part that was in flight when its upload was aborted may be stored nevertheless. So S3
//! recommends to list the parts afterwards, and to abort again if there are any:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>

use super::{AdminCall, AdminRequest, Context, Effect, Knowledge, Reply, Step};
use crate::client::answer::Answer;
use crate::client::call::Call;
use crate::error::{Error, Problem};
use crate::notice::Level;
use crate::quote::plain;
use crate::settings::Settings;

/// An abort in progress.
pub(super) struct Abort {
    key: String,
    upload_id: String,
    /// How many times it was sent.
    rounds: u32,
}

/// Why an upload must not be aborted, if there is a reason. Without an id the request would delete
/// the object.
pub(super) fn refuse(
    settings: &Settings,
    key: &str,
    upload_id: &str,
    known: &dyn Knowledge,
) -> Option<Problem> {
    let prefix = settings.name_prefix();
    if key.is_empty() {
        return Some(Problem::new("object-key", "is empty, expected the key of an object"));
    }
    if !key.starts_with(&prefix) {
        let message = format!("`{key}` is not below `{prefix}`, where this sink writes");
        return Some(Problem::new("object-key", message));
    }
    if upload_id.is_empty() {
        return Some(Problem::new("id", "is empty, expected the id of an upload"));
    }
    let id = plain(upload_id);
    let message = || format!("the upload {id} of `{key}` is in use by this sink");
    known.uses(key, upload_id).then(|| Problem::new("id", message()))
}

impl Abort {
    pub(super) fn new(key: String, upload_id: String) -> Abort {
        Abort { key, upload_id, rounds: 1 }
    }

    pub(super) fn request(&self, request: AdminRequest) -> Call {
        let (key, upload_id) = (self.key.clone(), self.upload_id.clone());
        match request {
            AdminRequest::Remains => Call::ListParts { key, upload_id, after: None },
            _ => Call::AbortMultipartUpload { key, upload_id },
        }
    }

    pub(super) fn on_answer(
        self,
        request: AdminRequest,
        answer: Option<Answer>,
        context: &mut Context,
    ) -> Step {
        match (request, answer) {
            (AdminRequest::Abort, Some(_)) => {
                Step::Ask(AdminCall::Abort(self), vec![AdminRequest::Remains])
            }
            (AdminRequest::Remains, Some(Answer::Parts(page))) if !page.parts.is_empty() => {
                self.abort_again()
            }
            // The upload does not exist, or has no parts.
            _ => self.gone(context),
        }
    }

    pub(super) fn on_error(
        self,
        request: AdminRequest,
        cause: Error,
        context: &mut Context,
    ) -> Step {
        if request != AdminRequest::Remains {
            return Step::Reply(Err(cause));
        }
        let message = format!(
            "the upload {} of `{}` is aborted, but whether a part came too late for that cannot be \
             seen: {cause}",
            plain(&self.upload_id),
            self.key
        );
        context.notices.push(Level::Info, message);
        self.gone(context)
    }

    fn gone(self, context: &mut Context) -> Step {
        context.effects.push_back(Effect::Forget { upload_id: self.upload_id });
        Step::Reply(Ok(Reply::Gone))
    }

    fn abort_again(mut self) -> Step {
        if self.rounds == ROUNDS_MAX {
            let Abort { key, upload_id, rounds } = self;
            return Step::Reply(Err(Error::Unavailable(format!(
                "the upload {} of `{key}` was aborted {rounds} times, and still has parts: \
                 somebody is uploading them",
                plain(&upload_id)
            ))));
        }
        self.rounds += 1;
        Step::Ask(AdminCall::Abort(self), vec![AdminRequest::Abort])
    }
}

/// How many times an upload is aborted while parts keep arriving.
const ROUNDS_MAX: u32 = 3;
