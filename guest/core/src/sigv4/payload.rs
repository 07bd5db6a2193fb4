//! The payload hash of a signature.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::encoding::hex;
use crate::http::Body;

/// The hash of the body that is signed, and sent as `x-amz-content-sha256`.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadHash {
    /// The body is not signed. TLS and a checksum header protect it.
    Unsigned,
    /// The SHA-256 of the body.
    Sha256([u8; 32]),
}

impl PayloadHash {
    /// The hash of an empty body.
    pub const EMPTY: PayloadHash = PayloadHash::Sha256([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
        0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
        0xb8, 0x55,
    ]);

    /// Hashes a body.
    pub fn of(body: &Body) -> PayloadHash {
        let mut hash = Sha256::new();
        for piece in body.pieces() {
            hash.update(piece);
        }
        PayloadHash::Sha256(hash.finalize().into())
    }

    /// The value of `x-amz-content-sha256`.
    pub fn header_value(&self) -> Cow<'static, str> {
        match self {
            PayloadHash::Unsigned => Cow::Borrowed("UNSIGNED-PAYLOAD"),
            PayloadHash::Sha256(hash) => Cow::Owned(hex(hash)),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn hashes_pieces_as_one() {
        let mut body = Body::empty();
        assert_eq!(PayloadHash::of(&body), PayloadHash::EMPTY);
        for piece in ["Welcome ", "to Amazon", " S3."] {
            body.push(Bytes::from_static(piece.as_bytes()));
        }
        // The PUT of the AWS page has this body and this hash.
        let expected = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
        assert_eq!(PayloadHash::of(&body).header_value(), expected);
        assert_eq!(PayloadHash::Unsigned.header_value(), "UNSIGNED-PAYLOAD");
    }
}
