//! Proves that the store keeps state, and that it evaluates the conditions of a replacement.
//!
//! Some stores ignore `If-Match` or `If-None-Match`. On such a store two hosts could replace each
//! other's state. So writes are sent whose conditions are false, with the content that is there: a
//! store that ignores a condition changes nothing but the time of the last write.

use super::{AdminCall, AdminRequest, Refusal, Reply, Step};
use crate::checksum::{Crc, Sum};
use crate::client::answer::Answer;
use crate::client::call::{Call, Expected};
use crate::client::verdict::Class;
use crate::error::Error;
use crate::http::Body;
use crate::quote::plain;

/// A proof in progress.
pub(super) struct CheckState {
    key: String,
    algorithm: Option<Crc>,
    /// The state. `None` until it was read, or if there is none.
    body: Option<Body>,
    /// The condition of the write in flight. `None` while the state is being read.
    probe: Option<Probe>,
}

/// A condition that is false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Probe {
    /// That the state has an ETag that it does not have.
    OtherEtag,
    /// That there is no state, although there is one.
    Absent,
}

impl CheckState {
    pub(super) fn new(key: String, algorithm: Option<Crc>) -> CheckState {
        CheckState { key, algorithm, body: None, probe: None }
    }

    pub(super) fn request(&self) -> Call {
        let key = self.key.clone();
        let Some(probe) = self.probe else { return Call::GetObject { key } };
        let body = self.body.clone().unwrap_or_default();
        let sum = self.algorithm.map(|algorithm| Sum::of(algorithm, &body));
        let expected = match probe {
            Probe::OtherEtag => Expected::Etag(NO_ETAG.to_owned()),
            Probe::Absent => Expected::Nothing,
        };
        Call::PutState { key, body, sum, expected }
    }

    pub(super) fn on_answer(mut self, answer: Option<Answer>) -> Step {
        match (answer, self.probe) {
            (Some(Answer::Read(object)), None) => {
                self.body = Some(Body::from(object.content));
                self.try_out(Probe::OtherEtag)
            }
            (_, Some(probe)) => {
                let header = match probe {
                    Probe::OtherEtag => "If-Match",
                    Probe::Absent => "If-None-Match",
                };
                let left = match self.body {
                    Some(_) => "",
                    None => "; the empty object that it stored can be removed",
                };
                let key = plain(&self.key);
                Step::Reply(Err(Error::Unsupported(format!(
                    "this store ignores `{header}`: it replaced `{key}` although the condition is \
                     false, so two processes could overwrite each other's state{left}"
                ))))
            }
            (_, None) => Step::Ask(AdminCall::CheckState(self), Vec::new()),
        }
    }

    pub(super) fn on_error(self, refusal: Refusal) -> Step {
        let class = refusal.class();
        let Refusal { cause, is_in_doubt, .. } = refusal;
        let is_absent = class == Some(Class::NotFound);
        match self.probe {
            None if is_absent => self.try_out(Probe::OtherEtag),
            // A store that evaluates the condition answers 412, or 404 where nothing is stored.
            Some(_) if class == Some(Class::Exists) || is_absent => self.next(),
            Some(_) if class == Some(Class::Refused) && !is_in_doubt => {
                let text = format!("this store takes no conditional writes: {cause}");
                Step::Reply(Err(match cause {
                    Error::Denied(_) => Error::Unsupported(text),
                    cause => cause,
                }))
            }
            _ => Step::Reply(Err(cause)),
        }
    }

    fn next(self) -> Step {
        match self.probe {
            Some(Probe::OtherEtag) if self.body.is_some() => self.try_out(Probe::Absent),
            _ => Step::Reply(Ok(Reply::Compares)),
        }
    }

    fn try_out(mut self, probe: Probe) -> Step {
        self.probe = Some(probe);
        Step::Ask(AdminCall::CheckState(self), vec![AdminRequest::WriteState])
    }
}

/// An ETag that no object has: that of an MD5 digest of zeros.
const NO_ETAG: &str = "\"00000000000000000000000000000000\"";
