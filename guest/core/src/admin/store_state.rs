//! Replaces the state that a host keeps with the store, if it is still the one that the host
//! expects.
//!
//! A response may be lost, and the request be sent again: then the state is no longer the expected
//! one because this very call has replaced it. So a refusal is not taken on trust. The state is
//! read, and its content decides. That requires that no two writers store the same bytes.

use super::{AdminCall, AdminRequest, Refusal, Reply, Step};
use crate::checksum::Sum;
use crate::client::answer::Answer;
use crate::client::call::{Call, Expected};
use crate::client::verdict::Class;
use crate::error::Error;
use crate::http::Body;
use crate::quote::plain;
use crate::s3::GetObjectResult;

/// A replacement in progress.
pub(super) struct StoreState {
    key: String,
    body: Body,
    sum: Option<Sum>,
    expected: Expected,
    /// Why the write was not confirmed, while the state is being read.
    cause: Option<Error>,
}

impl StoreState {
    pub(super) fn new(key: String, body: Body, sum: Option<Sum>, expected: Expected) -> StoreState {
        StoreState { key, body, sum, expected, cause: None }
    }

    pub(super) fn request(&self, request: AdminRequest) -> Call {
        let StoreState { key, body, sum, expected, .. } = self;
        let key = key.clone();
        match request {
            AdminRequest::ReadState => Call::GetObject { key },
            _ => {
                let (body, sum, expected) = (body.clone(), *sum, expected.clone());
                Call::PutState { key, body, sum, expected }
            }
        }
    }

    pub(super) fn on_answer(self, answer: Option<Answer>) -> Step {
        match answer {
            Some(Answer::Written { etag: Some(version) }) => {
                Step::Reply(Ok(Reply::Stored { version }))
            }
            Some(Answer::Read(object)) => Step::Reply(self.settle(Some(object))),
            // The store has not named the ETag.
            _ => self.look(None),
        }
    }

    pub(super) fn on_error(self, refusal: Refusal) -> Step {
        let class = refusal.class();
        let Refusal { cause, is_in_doubt, .. } = refusal;
        match self.cause {
            Some(_) if class == Some(Class::NotFound) => Step::Reply(self.settle(None)),
            // Whether the state was replaced is unknown. A host that stores the same again hears.
            Some(_) => Step::Reply(Err(cause)),
            None if is_in_doubt || class == Some(Class::NotFound) => self.look(Some(cause)),
            None => Step::Reply(Err(cause)),
        }
    }

    /// Reads what is stored.
    fn look(mut self, cause: Option<Error>) -> Step {
        self.cause = cause.or_else(|| {
            let text = format!("the store has named no ETag of `{}`", plain(&self.key));
            Some(Error::Unavailable(text))
        });
        Step::Ask(AdminCall::StoreState(self), vec![AdminRequest::ReadState])
    }

    /// Decides by what is stored.
    fn settle(self, found: Option<GetObjectResult>) -> Result<Reply, Error> {
        let StoreState { key, body, expected, cause, .. } = self;
        let key = plain(&key);
        let cause = cause.expect("it is read once the write was not confirmed");
        match (found, expected) {
            (Some(found), _) if body == Body::from(found.content.clone()) => {
                Ok(Reply::Stored { version: found.etag })
            }
            (None, Expected::Nothing) => Err(cause),
            (Some(found), Expected::Etag(etag)) if found.etag == etag => Err(cause),
            (Some(found), Expected::Etag(etag)) => Err(Error::Conflict(format!(
                "`{key}` was replaced by another writer: its ETag is {}, not {}",
                plain(&found.etag),
                plain(&etag)
            ))),
            (Some(_), Expected::Nothing) => {
                Err(Error::Conflict(format!("`{key}` was stored by another writer meanwhile")))
            }
            (None, Expected::Etag(_)) => {
                Err(Error::Conflict(format!("`{key}` was removed by another writer")))
            }
        }
    }
}
