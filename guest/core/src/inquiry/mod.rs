//! What the caller asks outside of uploads: whether the bucket can be written, what is open in it,
//! and to end one of that.
//!
//! Calls on a sink come one at a time, and so do inquiries. Each is a small state machine that asks
//! one question or many of the store, and ends with one reply.

mod check;
mod discard;
mod health;
mod leftovers;
mod orphans;

use crate::classify::{Answer, Verdict};
use crate::error::Error;
use crate::explain::{self, Subject};
use crate::http::Request;
use crate::owner::{Owner, SinkTask};
use crate::retry::Decision;
use crate::s3::Operation;
use crate::sink::Sink;
use crate::time::Timestamp;
use crate::upload::Upload;

use check::Check;
use discard::Discard;
use leftovers::{Leftovers, Place};

pub use leftovers::OpenUpload;

/// What came of an inquiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The bucket can be written, and nothing of the proof is left.
    Writable,
    /// The uploads that are open, the oldest first; those of unknown age come last.
    IncompleteUploads(Vec<OpenUpload>),
    /// The upload is gone.
    Gone,
    /// What a crash left behind was looked for.
    Looked,
}

/// An inquiry that has no reply yet.
pub(crate) enum Inquiry {
    Check(Check),
    Leftovers(Leftovers),
    Discard(Discard),
}

/// One request of an inquiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// To begin an upload.
    Begin,
    /// To end it.
    End,
    /// For a page of open uploads.
    Page,
    /// For the parts of one of them.
    Parts(Place),
    /// For the parts that an upload has although it was ended.
    Remains,
}

/// What an inquiry wants, having heard something.
pub(super) enum Next {
    /// To ask these, which may be none while others are under way.
    Ask(Vec<Question>),
    /// To be over.
    Reply(Result<Reply, Error>),
}

impl Question {
    fn operation(self) -> Operation {
        match self {
            Question::Begin => Operation::CreateMultipartUpload,
            Question::End => Operation::AbortMultipartUpload,
            Question::Page => Operation::ListMultipartUploads,
            Question::Parts(_) | Question::Remains => Operation::ListParts,
        }
    }
}

impl Inquiry {
    /// The name of the object that a question is about; that of a page is what names begin with.
    fn name(&self, question: Question) -> &str {
        match (self, question) {
            (Inquiry::Check(check), _) => check.name(),
            (Inquiry::Leftovers(leftovers), Question::Parts(place)) => leftovers.name(place),
            (Inquiry::Leftovers(leftovers), _) => leftovers.prefix(),
            (Inquiry::Discard(discard), _) => discard.name(),
        }
    }
}

impl Sink {
    /// Begins an inquiry.
    ///
    /// # Panics
    ///
    /// Where there is one already.
    pub(crate) fn inquire(&mut self, inquiry: Inquiry, first: Question) {
        assert!(self.inquiry.is_none() && self.reply.is_none(), "inquiries come one at a time");
        self.inquiry = Some(inquiry);
        self.go_on(Next::Ask(vec![first]));
    }

    /// Whether the last inquiry has come to its end.
    pub fn has_reply(&self) -> bool {
        self.reply.is_some()
    }

    /// What came of the last inquiry, once it has come to its end.
    pub fn take_reply(&mut self) -> Option<Result<Reply, Error>> {
        self.reply.take()
    }

    /// The name of the object that a question of the inquiry is about.
    pub(crate) fn inquiry_name(&self, question: Question) -> &str {
        self.inquiry.as_ref().map(|inquiry| inquiry.name(question)).unwrap_or_default()
    }

    /// The request for a question, not signed, as of `now` by the store's clock.
    pub(crate) fn inquiry_request(&self, question: Question, now: Timestamp) -> Option<Request> {
        let settings = &self.settings;
        match self.inquiry.as_ref()? {
            Inquiry::Check(check) => Some(check.request(settings, question, now)),
            Inquiry::Leftovers(leftovers) => leftovers.request(settings, question, now),
            Inquiry::Discard(discard) => Some(discard.request(settings, question, now)),
        }
    }

    pub(crate) fn act_on_inquiry(
        &mut self,
        question: Question,
        task: SinkTask,
        decision: Decision,
        mut verdict: Verdict,
    ) {
        let name = self.inquiry_name(question).to_owned();
        self.suspect(&name, task, &verdict);
        match decision {
            Decision::Retry(_)
            | Decision::Resend
            | Decision::Refresh
            | Decision::CorrectClock(_)
            | Decision::CorrectRegion => self.try_again(task, decision),
            Decision::Proceed => {
                self.budget.give();
                let answer = verdict.answer.take();
                self.heard(question, answer, &verdict);
            }
            Decision::Settle | Decision::Restart | Decision::Rename | Decision::Fail => {
                let operation = task.operation;
                let subject = Subject { name: &name, operation };
                let spent = self.spent(&task, &verdict);
                let (settings, history) = (&self.settings, &task.history);
                let cause = explain::failure(settings, &subject, history, spent, &verdict);
                self.not_heard(question, cause, Some(&verdict));
            }
        }
    }

    /// The requests of the inquiry that wait are in vain.
    pub(crate) fn give_up_inquiry(&mut self, cause: &Error) {
        for question in self.requests.forget_where(Owner::question) {
            self.not_heard(question, cause.clone(), None);
        }
    }

    /// Takes in what the store said. Without an answer it said that there is no such upload.
    fn heard(&mut self, question: Question, answer: Option<Answer>, verdict: &Verdict) {
        let Some(inquiry) = self.inquiry.take() else { return };
        let next = match inquiry {
            Inquiry::Check(check) => self.checked(check, answer),
            Inquiry::Leftovers(found) => self.listed(found, question, answer, verdict),
            Inquiry::Discard(discard) => self.discarded(discard, question, answer),
        };
        self.go_on(next);
    }

    /// Takes in that a question has no answer, and why.
    fn not_heard(&mut self, question: Question, cause: Error, verdict: Option<&Verdict>) {
        let Some(inquiry) = self.inquiry.take() else { return };
        let next = match inquiry {
            Inquiry::Check(check) => self.not_checked(check, cause, verdict),
            Inquiry::Leftovers(found) => self.not_listed(found, question, cause),
            Inquiry::Discard(discard) => self.not_discarded(discard, question, cause),
        };
        self.go_on(next);
    }

    fn go_on(&mut self, next: Next) {
        match next {
            Next::Ask(questions) => {
                for question in questions {
                    self.requests.add(Owner::Inquiry(question), question.operation());
                }
            }
            Next::Reply(reply) => {
                self.inquiry = None;
                self.reply = Some(reply);
            }
        }
    }

    /// Whether this sink, or one that resumes its checkpoint, has a use for an open upload, or is
    /// about to end it. While the id of an upload is not known yet, every upload of its name may be
    /// that one, unless it is not begun yet.
    fn uses(&self, name: &str, upload_id: &str) -> bool {
        let may_be_begun = !self.requests.holds_back();
        let may_be = |u: &Upload| may_be_begun && u.is_creating() && u.span.object_key == name;
        let used = |u: &Upload| u.is_made_of(upload_id) || may_be(u);
        let is_ending = self.cleanups.is_ending(upload_id);
        self.uploads.values().any(used) || is_ending || self.needed.has(upload_id)
    }
}

#[cfg(test)]
mod tests;
