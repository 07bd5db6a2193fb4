//! Whether a component may still be called: each call of an instance is made under one of these.

use super::SinkError;
use crate::trap::Trap;

/// How long an instance lives: until the first call that fails other than with an answer, or that
/// its caller drops before the answer.
#[derive(Default)]
pub(crate) struct Lifetime {
    /// Whether a call is being made, or was and had no answer.
    is_called: bool,
    /// Why it is over, if it is.
    over: Option<SinkError>,
}

impl Lifetime {
    /// Before a call.
    ///
    /// # Errors
    ///
    /// The one that ended the instance: then it is not called.
    pub(crate) fn begin(&mut self) -> Result<(), SinkError> {
        if self.is_called && self.over.is_none() {
            self.over = Some(SinkError::Trap(Trap::cut_short()));
        }
        match &self.over {
            Some(over) => Err(over.clone()),
            None => {
                self.is_called = true;
                Ok(())
            }
        }
    }

    /// After a call that was made to its end, or a check of its answer. Returns the answer.
    pub(crate) fn end<T>(&mut self, answer: Result<T, SinkError>) -> Result<T, SinkError> {
        self.is_called = false;
        answer.inspect_err(|error| {
            if !matches!(error, SinkError::Refused(_)) {
                self.over = Some(error.clone());
            }
        })
    }

    /// Whether a call has ended the instance.
    pub(crate) fn is_over(&self) -> bool {
        self.over.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Error;

    #[test]
    fn an_answer_ends_nothing_and_any_other_failure_is_told_from_then_on() {
        let mut lifetime = Lifetime::default();
        lifetime.begin().unwrap();
        lifetime.end(Err::<(), _>(SinkError::Refused(Error::Busy))).unwrap_err();
        lifetime.begin().unwrap();
        assert!(!lifetime.is_over());
        lifetime.end(Err::<(), _>(SinkError::GivenUp)).unwrap_err();
        assert!(lifetime.is_over());
        assert!(matches!(lifetime.begin(), Err(SinkError::GivenUp)));
    }

    #[test]
    fn a_call_without_an_answer_is_the_last() {
        let mut lifetime = Lifetime::default();
        lifetime.begin().unwrap();
        for _ in 0..2 {
            let said = lifetime.begin().unwrap_err().to_string();
            assert!(said.ends_with("an earlier call was given up before its answer"), "{said}");
        }
        assert!(lifetime.is_over());
    }
}
