//! An answer that says success, and not what it has to say with it.

use std::error::Error;
use std::fmt;

/// A successful answer lacks something that the API promises, or says it illegibly. Whether the
/// request took effect is not known from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What is missing, in the terms of the API, such as `UploadId`.
    pub what: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the answer has no legible {}", self.what)
    }
}

impl Error for Malformed {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_missing() {
        let text = Malformed { what: "UploadId" }.to_string();
        assert_eq!(text, "the answer has no legible UploadId");
    }
}
