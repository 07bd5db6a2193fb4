//! The scope of a signature.

use crate::time::Timestamp;

/// The region, service and time that a signature is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    /// The region, such as `us-east-1`.
    pub region: &'a str,
    /// The service: `s3`.
    pub service: &'a str,
    /// The time of signing. The scope contains its day, the string to sign all of it.
    pub at: Timestamp,
}

impl Scope<'_> {
    /// The scope in the `authorization` header, after the access key id, such as
    /// `20130524/us-east-1/s3/aws4_request`.
    pub fn credential_scope(&self) -> String {
        let Scope { region, service, at } = self;
        format!("{}/{region}/{service}/{TERMINATION}", at.date_stamp())
    }
}

/// The last element of every scope, and the last input of the key derivation.
pub(super) const TERMINATION: &str = "aws4_request";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_day_region_and_service() {
        let at = Timestamp(1_369_439_999_999_999_999);
        let scope = Scope { region: "us-east-1", service: "s3", at };
        assert_eq!(scope.credential_scope(), "20130524/us-east-1/s3/aws4_request");
    }
}
