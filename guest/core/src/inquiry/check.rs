//! Whether the bucket can be written: an upload is begun and ended. It takes the two permissions
//! that writing takes, `s3:PutObject` and `s3:AbortMultipartUpload`, and nothing becomes visible.

use super::{Inquiry, Next, Question, Reply, health};
use crate::classify::{Answer, Verdict};
use crate::error::Error;
use crate::http::Request;
use crate::names::NAME_BYTES_MAX;
use crate::settings::Settings;
use crate::sink::Sink;
use crate::time::Timestamp;
use crate::wire;

/// A check under way.
pub(crate) struct Check {
    /// A name that nobody else writes.
    name: String,
    nonce: String,
    /// The upload, once it is begun.
    upload_id: Option<String>,
}

impl Check {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn request(
        &self,
        settings: &Settings,
        question: Question,
        now: Timestamp,
    ) -> Request {
        match (question, &self.upload_id) {
            (Question::End, Some(id)) => wire::abort(settings, &self.name, id, now),
            // What real uploads say of themselves may be what the store refuses.
            _ => wire::create(settings, &self.name, &self.nonce, now),
        }
    }
}

impl Sink {
    pub(crate) fn check(&mut self) {
        let nonce = self.nonce();
        let mut name = format!("{}{NAME}{nonce}", self.settings.name_prefix());
        // Behind a prefix that leaves so little room, some of it has to do.
        name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
        let check = Check { name, nonce, upload_id: None };
        self.inquire(Inquiry::Check(check), Question::Begin);
    }

    pub(super) fn checked(&mut self, mut check: Check, answer: Option<Answer>) -> Next {
        if let Some(Answer::Created { upload_id }) = answer {
            check.upload_id = Some(upload_id);
            self.inquiry = Some(Inquiry::Check(check));
            return Next::Ask(vec![Question::End]);
        }
        Next::Reply(Ok(Reply::Writable))
    }

    pub(super) fn not_checked(
        &mut self,
        check: Check,
        cause: Error,
        verdict: Option<&Verdict>,
    ) -> Next {
        let Some(id) = check.upload_id else {
            let now = self.now.wall;
            let error = verdict.map(|verdict| health::explain(verdict, &cause, now));
            return Next::Reply(Err(error.unwrap_or(cause)));
        };
        let text = format!(
            "uploads can be begun in the bucket, but not ended: {cause}; the upload {id} is left, \
             without parts, until it can be, or a lifecycle rule of the bucket ends it"
        );
        // It is tried again, as for any other upload that nobody has a use for.
        let number = self.cleanups.add(check.name, id);
        self.cleanups.remember(number, self.now.monotonic);
        self.counters.aborts_failed += 1;
        Next::Reply(Err(match cause {
            Error::Unavailable(_) => Error::Unavailable(text),
            _ => Error::Denied(text),
        }))
    }
}

/// What the name of the object to be begins with, behind the configured prefix.
const NAME: &str = "spillway-check-";
