//! Stage 2: the string to sign.

use sha2::{Digest, Sha256};

use super::encoding::hex;
use super::{ALGORITHM, Scope};

/// The string to sign for a canonical request: algorithm, time, scope and hash, one line each.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
pub fn string_to_sign(scope: &Scope<'_>, canonical_request: &str) -> String {
    let (date, scope) = (scope.amz_date(), scope.credential_scope());
    let hash = hex(&Sha256::digest(canonical_request.as_bytes()));
    format!("{ALGORITHM}\n{date}\n{scope}\n{hash}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn has_four_lines_and_the_hash_of_the_canonical_request() {
        let scope = Scope::new("us-east-1", "s3", Timestamp(1_369_353_601_000_000_000));
        // FIPS 180-2, appendix B.1, gives the hash of "abc".
        let expected = "AWS4-HMAC-SHA256\n20130524T000001Z\n20130524/us-east-1/s3/aws4_request\n\
                        ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(string_to_sign(&scope, "abc"), expected);
    }
}
