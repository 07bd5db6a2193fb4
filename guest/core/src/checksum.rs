//! Checksums of parts, and of the objects that they make.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
pub use spillway_codec::Crc;

use crate::http::Body;
use crate::s3::{Checksum, ChecksumAlgorithm};

/// The checksum of some bytes, with their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    algorithm: Crc,
    crc: u64,
    len: u64,
}

/// The algorithm as the S3 API names it.
impl From<Crc> for ChecksumAlgorithm {
    fn from(crc: Crc) -> ChecksumAlgorithm {
        match crc {
            Crc::Crc64Nvme => ChecksumAlgorithm::Crc64Nvme,
            Crc::Crc32c => ChecksumAlgorithm::Crc32c,
            Crc::Crc32 => ChecksumAlgorithm::Crc32,
        }
    }
}

impl Sum {
    /// The checksum of `body`.
    pub fn of(algorithm: Crc, body: &Body) -> Sum {
        Sum { algorithm, crc: algorithm.of(body.pieces()), len: body.len() }
    }

    /// The checksum of `len` bytes whose CRC is known.
    pub fn known(algorithm: Crc, crc: u64, len: u64) -> Sum {
        Sum { algorithm, crc, len }
    }

    /// The CRC as a number.
    pub fn crc(self) -> u64 {
        self.crc
    }

    /// The checksum of these bytes followed by those of `next`.
    pub fn then(self, next: Sum) -> Sum {
        let crc = self.algorithm.combine(self.crc, next.crc, next.len);
        Sum { crc, len: self.len + next.len, ..self }
    }

    /// The checksum as the S3 API writes it: big-endian, in base64.
    pub fn s3(self) -> Checksum {
        let bytes = self.crc.to_be_bytes();
        let value = match self.algorithm {
            Crc::Crc64Nvme => BASE64_STANDARD.encode(bytes),
            Crc::Crc32c | Crc::Crc32 => BASE64_STANDARD.encode(&bytes[4..]),
        };
        Checksum { algorithm: self.algorithm.into(), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_written_big_endian() {
        let body = Body::from(b"123456789".to_vec());
        assert_eq!(Sum::of(Crc::Crc32, &body).s3().value, "y/Q5Jg==");
        assert_eq!(Sum::of(Crc::Crc64Nvme, &body).s3().value, "rosUhgp5mIg=");
    }

    #[test]
    fn the_whole_is_combined_from_its_parts() {
        let sum = |bytes: &[u8]| Sum::of(Crc::Crc64Nvme, &Body::from(bytes.to_vec()));
        assert_eq!(sum(b"").then(sum(b"1234")).then(sum(b"56789")), sum(b"123456789"));
    }
}
