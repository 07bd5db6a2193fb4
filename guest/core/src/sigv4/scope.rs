//! The scope of a signature.

use crate::time::Timestamp;

/// The region, service and time that a signature is bound to, with their texts. A signature needs
/// each text several times, so they are formatted once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope<'a> {
    region: &'a str,
    service: &'a str,
    amz_date: String,
    credential_scope: String,
}

impl<'a> Scope<'a> {
    /// The scope of signatures made at the time `at` for a service in a region, such as `s3` in
    /// `us-east-1`.
    pub fn new(region: &'a str, service: &'a str, at: Timestamp) -> Scope<'a> {
        let amz_date = at.amz_date();
        let day = date_stamp(&amz_date);
        let credential_scope = format!("{day}/{region}/{service}/{TERMINATION}");
        Scope { region, service, amz_date, credential_scope }
    }

    /// The region.
    pub fn region(&self) -> &str {
        self.region
    }

    /// The service.
    pub fn service(&self) -> &str {
        self.service
    }

    /// The time of signing as in `x-amz-date`, such as `20130524T000000Z`.
    pub fn amz_date(&self) -> &str {
        &self.amz_date
    }

    /// The day of signing, such as `20130524`.
    pub fn date_stamp(&self) -> &str {
        date_stamp(&self.amz_date)
    }

    /// The scope in the `authorization` header, after the access key id, such as
    /// `20130524/us-east-1/s3/aws4_request`.
    pub fn credential_scope(&self) -> &str {
        &self.credential_scope
    }
}

fn date_stamp(amz_date: &str) -> &str {
    amz_date.split_once('T').map_or(amz_date, |(day, _)| day)
}

/// The last element of every scope, and the last input of the key derivation.
pub(super) const TERMINATION: &str = "aws4_request";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_day_region_and_service() {
        let scope = Scope::new("us-east-1", "s3", Timestamp(1_369_439_999_999_999_999));
        assert_eq!(scope.credential_scope(), "20130524/us-east-1/s3/aws4_request");
        assert_eq!((scope.date_stamp(), scope.amz_date()), ("20130524", "20130524T235959Z"));
    }
}
