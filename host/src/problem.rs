//! What is wrong with a configuration, one thing at a time.

/// One thing that is wrong with a configuration. A check collects all of them rather than stop at
/// the first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Problem {
    /// The setting, with its table: `source.path`.
    pub field: String,
    /// What was seen there and what is allowed.
    pub message: String,
}

impl Problem {
    /// The problem `message` with the setting `field`.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { field: field.into(), message: message.into() }
    }
}
