//! Success responses that lack required information.

use std::error::Error;
use std::fmt;

/// A success response that lacks something the API requires, or has an invalid value for it. It is
/// unknown whether the request took effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The missing or invalid element or header, such as `UploadId`.
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
