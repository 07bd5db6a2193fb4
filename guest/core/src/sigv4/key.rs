//! Stage 3: the signing key of a day, region and service, and the signature made with it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Scope;
use super::encoding::hex;
use super::scope::TERMINATION;
use crate::credentials::Secret;

/// A key derived from a secret access key, valid for one day, region and service. It has no
/// `Debug`: for its day it is worth as much as the secret.
#[derive(Clone)]
pub struct SigningKey {
    /// The HMAC with its key set, and no text yet. Setting a key takes two blocks of SHA-256.
    mac: Hmac<Sha256>,
    secret: Secret,
    credential_scope: String,
}

impl SigningKey {
    /// Derives the key for the day, region and service of `scope`.
    ///
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
    pub fn derive(secret: &Secret, scope: &Scope<'_>) -> SigningKey {
        let start = format!("AWS4{}", secret.expose());
        let date = digest(keyed(start.as_bytes()), scope.date_stamp());
        let region = digest(keyed(&date), scope.region());
        let service = digest(keyed(&region), scope.service());
        let mac = keyed(&digest(keyed(&service), TERMINATION));
        let credential_scope = scope.credential_scope().to_owned();
        SigningKey { mac, secret: secret.clone(), credential_scope }
    }

    /// Whether [`SigningKey::derive`] would give this key.
    pub fn is_for(&self, secret: &Secret, scope: &Scope<'_>) -> bool {
        self.secret == *secret && self.credential_scope == scope.credential_scope()
    }

    /// The signature of a string to sign, in 64 hexadecimal digits.
    pub fn sign(&self, string_to_sign: &str) -> String {
        hex(&digest(self.mac.clone(), string_to_sign))
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("RFC 2104, section 2: a key may have any length")
}

fn digest(mut mac: Hmac<Sha256>, text: &str) -> [u8; 32] {
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn computes_the_hmac_of_rfc_4231() {
        // Section 4.3, test case 2.
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&digest(keyed(b"Jefe"), "what do ya want for nothing?")), expected);
    }

    #[test]
    fn signs_the_string_of_the_aws_page() {
        let key = SigningKey::derive(&secret(), &scope());
        let string = "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n\
                      7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972";
        let expected = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        assert_eq!(key.sign(string), expected);
    }

    #[test]
    fn is_for_what_it_was_derived_from_and_nothing_else() {
        let key = SigningKey::derive(&secret(), &scope());
        let hour = 3_600_000_000_000;
        assert!(key.is_for(&secret(), &scope()));
        assert!(key.is_for(&secret(), &Scope::new("us-east-1", "s3", Timestamp(MAY_24 + hour))));
        assert!(!key.is_for(&secret(), &Scope::new("us-east-1", "s3", Timestamp(MAY_24 - hour))));
        assert!(!key.is_for(&secret(), &Scope::new("eu-west-1", "s3", Timestamp(MAY_24))));
        assert!(!key.is_for(&secret(), &Scope::new("us-east-1", "s3express", Timestamp(MAY_24))));
        assert!(!key.is_for(&Secret::new("another"), &scope()));
    }

    const MAY_24: u64 = 1_369_353_600_000_000_000;

    fn scope() -> Scope<'static> {
        Scope::new("us-east-1", "s3", Timestamp(MAY_24))
    }

    fn secret() -> Secret {
        Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    }
}
