//! Checksums of parts, and of the objects that they make.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc, Table};

use crate::http::Body;
use crate::s3::{Checksum, ChecksumAlgorithm};

/// The checksum that is sent with the data. Each can be combined: the checksum of an object is
/// computed from those of its parts, without reading the data again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// CRC-64/NVME, the default of S3.
    Crc64Nvme,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// CRC-32, as in zlib.
    Crc32,
}

/// The checksum of some bytes, with their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    algorithm: Algorithm,
    crc: u64,
    len: u64,
}

impl Algorithm {
    /// The checksum of `body`.
    pub fn of(self, body: &Body) -> Sum {
        let crc = match self {
            Algorithm::Crc64Nvme => {
                let mut digest = NVME.digest();
                body.pieces().iter().for_each(|piece| digest.update(piece));
                digest.finalize()
            }
            Algorithm::Crc32c => crc32(&CASTAGNOLI, body),
            Algorithm::Crc32 => crc32(&ZLIB, body),
        };
        Sum { algorithm: self, crc, len: body.len() }
    }

    /// The checksum of `len` bytes whose CRC is known: see [`Sum::crc`].
    pub fn sum(self, crc: u64, len: u64) -> Sum {
        Sum { algorithm: self, crc, len }
    }

    /// The checksum of no bytes.
    pub fn of_nothing(self) -> Sum {
        self.of(&Body::empty())
    }

    /// The algorithm as the S3 API names it.
    pub fn s3(self) -> ChecksumAlgorithm {
        match self {
            Algorithm::Crc64Nvme => ChecksumAlgorithm::Crc64Nvme,
            Algorithm::Crc32c => ChecksumAlgorithm::Crc32c,
            Algorithm::Crc32 => ChecksumAlgorithm::Crc32,
        }
    }

    /// The polynomial, with its bits reversed, and the width of the CRC in bits.
    fn polynomial(self) -> Polynomial {
        let reversed = |poly: u32| u64::from(poly.reverse_bits());
        match self {
            Algorithm::Crc64Nvme => {
                Polynomial { bits: 64, reversed: CRC_64_NVME.poly.reverse_bits() }
            }
            Algorithm::Crc32c => Polynomial { bits: 32, reversed: reversed(CRC_32_ISCSI.poly) },
            Algorithm::Crc32 => Polynomial { bits: 32, reversed: reversed(CRC_32_ISO_HDLC.poly) },
        }
    }
}

fn crc32(algorithm: &Crc<u32, Table<16>>, body: &Body) -> u64 {
    let mut digest = algorithm.digest();
    body.pieces().iter().for_each(|piece| digest.update(piece));
    digest.finalize().into()
}

/// Polynomials over GF(2) modulo the CRC's polynomial. Bits are reversed: the highest bit is the
/// constant term.
#[derive(Clone, Copy)]
struct Polynomial {
    bits: u32,
    reversed: u64,
}

impl Polynomial {
    fn times(self, mut a: u64, mut b: u64) -> u64 {
        let mut product = 0;
        let one = 1 << (self.bits - 1);
        while a != 0 {
            if a & one != 0 {
                product ^= b;
            }
            a = (a << 1) & (u64::MAX >> (64 - self.bits));
            b = if b & 1 == 1 { (b >> 1) ^ self.reversed } else { b >> 1 };
        }
        product
    }

    /// The CRC `crc` after `bytes` zero bytes: `crc` multiplied by x to the power of 8 × `bytes`.
    fn shifted(self, crc: u64, mut bytes: u64) -> u64 {
        let (mut shifted, mut power) = (crc, 1 << (self.bits - 1 - 8));
        while bytes != 0 {
            if bytes & 1 == 1 {
                shifted = self.times(power, shifted);
            }
            power = self.times(power, power);
            bytes >>= 1;
        }
        shifted
    }
}

impl Sum {
    /// The CRC as a number.
    pub fn crc(self) -> u64 {
        self.crc
    }

    /// The checksum of these bytes followed by those of `next`. All three algorithms invert the CRC
    /// at the start and at the end. The inversions cancel out, so that the CRCs only need to be
    /// added.
    pub fn then(self, next: Sum) -> Sum {
        let crc = self.algorithm.polynomial().shifted(self.crc, next.len) ^ next.crc;
        Sum { crc, len: self.len + next.len, ..self }
    }

    /// The checksum as the S3 API writes it: big-endian, in base64.
    pub fn s3(self) -> Checksum {
        let bytes = self.crc.to_be_bytes();
        let value = match self.algorithm {
            Algorithm::Crc64Nvme => BASE64_STANDARD.encode(bytes),
            Algorithm::Crc32c | Algorithm::Crc32 => BASE64_STANDARD.encode(&bytes[4..]),
        };
        Checksum { algorithm: self.algorithm.s3(), value }
    }
}

static NVME: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_NVME);
static CASTAGNOLI: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
static ZLIB: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Algorithm; 3] = [Algorithm::Crc64Nvme, Algorithm::Crc32c, Algorithm::Crc32];

    /// The check values of the catalogue of parametrised CRC algorithms:
    /// <https://reveng.sourceforge.io/crc-catalogue/all.htm>.
    #[test]
    fn the_check_values_come_out() {
        let body = Body::from(b"123456789".to_vec());
        let crcs = ALL.map(|algorithm| algorithm.of(&body).crc);
        assert_eq!(crcs, [0xae8b_1486_0a79_9888, 0xe306_9283, 0xcbf4_3926]);
        assert_eq!(Algorithm::Crc32.of(&body).s3().value, "y/Q5Jg==");
        assert_eq!(Algorithm::Crc64Nvme.of(&body).s3().value, "rosUhgp5mIg=");
    }

    #[test]
    fn the_whole_is_combined_from_its_parts() {
        let mut random = fastrand::Rng::with_seed(3);
        for algorithm in ALL {
            for _ in 0..50 {
                let bytes: Vec<u8> = (0..random.usize(0..5_000)).map(|_| random.u8(..)).collect();
                let (a, b) = bytes.split_at(random.usize(..=bytes.len()));
                let sum = |bytes: &[u8]| algorithm.of(&Body::from(bytes.to_vec()));
                let combined = algorithm.of_nothing().then(sum(a)).then(sum(b));
                assert_eq!(combined, sum(&bytes), "{algorithm:?}, {} and {}", a.len(), b.len());
            }
        }
    }
}
