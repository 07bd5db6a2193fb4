//! The end of one upload that somebody named.
//!
//! A part that was on its way when its upload was aborted may be kept all the same. So S3 says to
//! look for parts afterwards, and to abort again where there are some:
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>

use super::{Inquiry, Next, Question, Reply};
use crate::classify::Answer;
use crate::error::{Error, Problem};
use crate::http::Request;
use crate::notice::Level;
use crate::quote::plain;
use crate::settings::Settings;
use crate::sink::Sink;
use crate::time::Timestamp;
use crate::wire;

/// A discard under way.
pub(crate) struct Discard {
    name: String,
    upload_id: String,
    /// How often it was aborted.
    rounds: u32,
}

impl Discard {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn request(
        &self,
        settings: &Settings,
        question: Question,
        now: Timestamp,
    ) -> Request {
        let Discard { name, upload_id, .. } = self;
        match question {
            Question::Remains => wire::list_parts(settings, name, upload_id, None, now),
            _ => wire::abort(settings, name, upload_id, now),
        }
    }
}

impl Sink {
    pub(crate) fn discard(&mut self, name: String, upload_id: String) {
        if let Some(problem) = self.undiscardable(&name, &upload_id) {
            self.reply = Some(Err(Error::Invalid(vec![problem])));
            return;
        }
        let discard = Discard { name, upload_id, rounds: 1 };
        self.inquire(Inquiry::Discard(discard), Question::End);
    }

    /// Why an upload must not be ended. Without an id the request would delete the object.
    fn undiscardable(&self, name: &str, upload_id: &str) -> Option<Problem> {
        let prefix = self.settings.name_prefix();
        if name.is_empty() {
            return Some(Problem::new("object-key", "is empty, expected the key of an object"));
        }
        if !name.starts_with(&prefix) {
            let message = format!("`{name}` is not below `{prefix}`, where this sink writes");
            return Some(Problem::new("object-key", message));
        }
        if upload_id.is_empty() {
            return Some(Problem::new("id", "is empty, expected the id of an upload"));
        }
        let id = plain(upload_id);
        let message = || format!("the upload {id} of `{name}` is in use by this sink");
        self.uses(name, upload_id).then(|| Problem::new("id", message()))
    }

    pub(super) fn discarded(
        &mut self,
        discard: Discard,
        question: Question,
        answer: Option<Answer>,
    ) -> Next {
        let questions = match (question, answer) {
            (Question::End, Some(_)) => vec![Question::Remains],
            (Question::Remains, Some(Answer::Parts(page))) if !page.parts.is_empty() => {
                return self.still_there(discard);
            }
            // The store knows of no such upload, or of no part of it.
            _ => {
                self.forget_upload(&discard.upload_id);
                return Next::Reply(Ok(Reply::Gone));
            }
        };
        self.inquiry = Some(Inquiry::Discard(discard));
        Next::Ask(questions)
    }

    pub(super) fn not_discarded(
        &mut self,
        discard: Discard,
        question: Question,
        cause: Error,
    ) -> Next {
        if question != Question::Remains {
            return Next::Reply(Err(cause));
        }
        let Discard { name, upload_id, .. } = discard;
        let message = format!(
            "the upload {} of `{name}` is aborted, but whether a part came too late for that \
             cannot be seen: {cause}",
            plain(&upload_id)
        );
        self.report.notice(Level::Info, message);
        self.forget_upload(&upload_id);
        Next::Reply(Ok(Reply::Gone))
    }

    fn forget_upload(&mut self, upload_id: &str) {
        self.cleanups.forget(upload_id);
        self.orphans.forget(upload_id);
    }

    fn still_there(&mut self, mut discard: Discard) -> Next {
        if discard.rounds == ROUNDS_MAX {
            let Discard { name, upload_id, rounds } = discard;
            return Next::Reply(Err(Error::Unavailable(format!(
                "the upload {} of `{name}` was aborted {rounds} times, and still has parts: \
                 somebody is uploading them",
                plain(&upload_id)
            ))));
        }
        discard.rounds += 1;
        self.inquiry = Some(Inquiry::Discard(discard));
        Next::Ask(vec![Question::End])
    }
}

/// How often an upload is aborted to which parts keep coming.
const ROUNDS_MAX: u32 = 3;
