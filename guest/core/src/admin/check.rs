//! Checks whether the bucket can be written, by starting an upload and aborting it. This needs the
//! two permissions that writing needs, `s3:PutObject` and `s3:AbortMultipartUpload`. No object
//! becomes visible.

use super::{AdminCall, AdminRequest, Context, Effect, Reply, Step, diagnosis};
use crate::client::answer::Answer;
use crate::client::call::Call;
use crate::client::verdict::Verdict;
use crate::error::Error;
use crate::naming::NAME_BYTES_MAX;
use crate::quote::plain;

/// A check in progress.
pub(super) struct Check {
    /// A key that no other writer uses.
    key: String,
    nonce: String,
    /// The upload, once it was started.
    upload_id: Option<String>,
}

impl Check {
    pub(super) fn new(prefix: &str, nonce: String) -> Check {
        let mut key = format!("{prefix}{NAME}{nonce}");
        // A long prefix leaves room for a part of the name only.
        key.truncate(key.floor_char_boundary(NAME_BYTES_MAX));
        Check { key, nonce, upload_id: None }
    }

    pub(super) fn request(&self, request: AdminRequest) -> Call {
        let key = self.key.clone();
        match (request, &self.upload_id) {
            (AdminRequest::Abort, Some(upload_id)) => {
                Call::AbortMultipartUpload { key, upload_id: upload_id.clone() }
            }
            // The headers are those of real uploads, since the store may reject one of them.
            _ => Call::CreateMultipartUpload { key, nonce: self.nonce.clone() },
        }
    }

    pub(super) fn on_answer(mut self, answer: Option<Answer>) -> Step {
        if let Some(Answer::Created { upload_id }) = answer {
            self.upload_id = Some(upload_id);
            return Step::Ask(AdminCall::Check(self), vec![AdminRequest::Abort]);
        }
        Step::Reply(Ok(Reply::Writable))
    }

    pub(super) fn on_error(
        self,
        cause: Error,
        verdict: Option<&Verdict>,
        context: &mut Context,
    ) -> Step {
        let Some(upload_id) = self.upload_id else {
            let explain = |verdict| diagnosis::explain(verdict, &cause, context.now.wall);
            let error = verdict.map(explain);
            return Step::Reply(Err(error.unwrap_or(cause)));
        };
        let text = format!(
            "uploads can be begun in the bucket, but not aborted: {cause}; the upload {} stays, \
             without parts, until it can be aborted, or a lifecycle rule of the bucket removes it",
            plain(&upload_id)
        );
        context.effects.push_back(Effect::Remember { key: self.key, upload_id });
        Step::Reply(Err(match cause {
            Error::Unavailable(_) => Error::Unavailable(text),
            _ => Error::Denied(text),
        }))
    }
}

/// The start of the object's name, after the configured prefix.
const NAME: &str = "spillway-check-";
