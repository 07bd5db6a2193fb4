//! Cyclic redundancy checks.

mod polynomial;
mod reduce;

use std::sync::LazyLock;

use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc as Algorithm, Table};

use self::polynomial::Polynomial;
use self::reduce::reduce;

/// A CRC. Each can be combined: the CRC of bytes is computed from those of two halves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crc {
    /// CRC-64/NVME, the default of S3.
    Crc64Nvme,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// CRC-32, as in zlib.
    Crc32,
}

impl Crc {
    /// All of them.
    pub const ALL: [Crc; 3] = [Crc::Crc64Nvme, Crc::Crc32c, Crc::Crc32];

    /// The CRC of these pieces, one after the other.
    pub fn of<T: AsRef<[u8]>>(self, pieces: &[T]) -> u64 {
        // What is generic is compiled with the crate that calls it, and not for speed.
        self.of_slices(&pieces.iter().map(T::as_ref).collect::<Vec<_>>())
    }

    fn of_slices(self, pieces: &[&[u8]]) -> u64 {
        let len = pieces.iter().map(|piece| piece.len()).sum();
        match self.reduced(pieces, len) {
            // The reduction leaves out the inversion of the register at the start, which adds all
            // ones to what comes first.
            Some(rest) => {
                let polynomial = self.polynomial();
                let inverted = polynomial.shifted(polynomial.ones(), len as u64);
                self.by_tables(&[&rest], 0) ^ inverted
            }
            None => self.by_tables(pieces, u64::MAX),
        }
    }

    /// The CRC of bytes whose CRC is `first`, followed by `len` bytes whose CRC is `next`. All
    /// three invert the register at the start and at the end. The inversions cancel out, so that
    /// the CRCs only need to be added.
    pub fn combine(self, first: u64, next: u64, len: u64) -> u64 {
        self.polynomial().shifted(first, len) ^ next
    }

    /// A shorter message with the same remainder, if there are enough bytes for this to pay.
    fn reduced(self, pieces: &[&[u8]], len: usize) -> Option<Vec<u8>> {
        match self {
            Crc::Crc64Nvme => reduce(NVME_LAGS, pieces, len),
            Crc::Crc32c => reduce(CASTAGNOLI_LAGS, pieces, len),
            Crc::Crc32 => reduce(ZLIB_LAGS, pieces, len),
        }
    }

    /// The CRC by tables. `register` is what it begins with: nothing, or all ones.
    fn by_tables(self, pieces: &[&[u8]], register: u64) -> u64 {
        match self {
            Crc::Crc64Nvme => {
                let mut digest = NVME.digest_with_initial(register);
                pieces.iter().for_each(|piece| digest.update(piece));
                digest.finalize()
            }
            Crc::Crc32c => by_tables_of_32_bits(&CASTAGNOLI, pieces, register),
            Crc::Crc32 => by_tables_of_32_bits(&ZLIB, pieces, register),
        }
    }

    fn polynomial(self) -> Polynomial {
        let reversed = |poly: u32| u64::from(poly.reverse_bits());
        match self {
            Crc::Crc64Nvme => Polynomial { bits: 64, reversed: CRC_64_NVME.poly.reverse_bits() },
            Crc::Crc32c => Polynomial { bits: 32, reversed: reversed(CRC_32_ISCSI.poly) },
            Crc::Crc32 => Polynomial { bits: 32, reversed: reversed(CRC_32_ISO_HDLC.poly) },
        }
    }
}

fn by_tables_of_32_bits(
    algorithm: &Algorithm<u32, Table<16>>,
    pieces: &[&[u8]],
    register: u64,
) -> u64 {
    let mut digest = algorithm.digest_with_initial(register as u32);
    pieces.iter().for_each(|piece| digest.update(piece));
    digest.finalize().into()
}

// The tables of the three take 64 KiB. They are computed when one is needed, in some microseconds,
// so that no component is larger for them.
static NVME: LazyLock<Algorithm<u64, Table<16>>> =
    LazyLock::new(|| Algorithm::<u64, Table<16>>::new(&CRC_64_NVME));
static CASTAGNOLI: LazyLock<Algorithm<u32, Table<16>>> =
    LazyLock::new(|| Algorithm::<u32, Table<16>>::new(&CRC_32_ISCSI));
static ZLIB: LazyLock<Algorithm<u32, Table<16>>> =
    LazyLock::new(|| Algorithm::<u32, Table<16>>::new(&CRC_32_ISO_HDLC));

const NVME_LAGS: [usize; 6] = [1_724, 6_583, 9_737, 11_301, 12_729, 13_902];
const CASTAGNOLI_LAGS: [usize; 3] = [1_747, 2_830, 5_321];
const ZLIB_LAGS: [usize; 3] = [1_927, 2_181, 4_018];

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue of parametrised CRC algorithms:
    /// <https://reveng.sourceforge.io/crc-catalogue/all.htm>.
    #[test]
    fn the_check_values_come_out() {
        let crcs = Crc::ALL.map(|crc| crc.of(&[b"123456789"]));
        assert_eq!(crcs, [0xae8b_1486_0a79_9888, 0xe306_9283, 0xcbf4_3926]);
    }

    #[test]
    fn many_bytes_have_the_crc_that_the_tables_give() {
        let mut random = fastrand::Rng::with_seed(5);
        for crc in Crc::ALL {
            for longest in [1, 100, 3_000, 70_000, 300_000] {
                let (mut pieces, mut len) = (Vec::new(), 0);
                while len < 130_000 {
                    let piece = bytes(&mut random, longest);
                    len += piece.len();
                    pieces.push(piece);
                }
                let pieces: Vec<_> = pieces.iter().map(|piece: &Vec<u8>| &piece[..]).collect();
                assert!(crc.reduced(&pieces, len).is_some());
                assert_eq!(crc.of(&pieces), crc.by_tables(&pieces, u64::MAX), "{crc:?}, {longest}");
            }
        }
    }

    #[test]
    fn the_lags_are_those_of_multiples_of_the_generators() {
        for crc in Crc::ALL {
            let lags = match crc {
                Crc::Crc64Nvme => &NVME_LAGS[..],
                Crc::Crc32c => &CASTAGNOLI_LAGS,
                Crc::Crc32 => &ZLIB_LAGS,
            };
            let (polynomial, degree) = (crc.polynomial(), lags[lags.len() - 1] as u64);
            let one = 1 << (polynomial.bits - 1);
            let power = |bytes| polynomial.shifted(one, bytes);
            let lower = lags.iter().map(|lag| power(degree - *lag as u64));
            assert_eq!(lower.fold(power(degree), |sum, term| sum ^ term), 0, "{crc:?}");
        }
    }

    #[test]
    fn the_whole_is_combined_from_its_halves() {
        let mut random = fastrand::Rng::with_seed(3);
        for crc in Crc::ALL {
            for _ in 0..50 {
                let bytes = bytes(&mut random, 5_000);
                let (a, b) = bytes.split_at(random.usize(..=bytes.len()));
                let combined = crc.combine(crc.of(&[a]), crc.of(&[b]), b.len() as u64);
                assert_eq!(combined, crc.of(&[&bytes]), "{crc:?}, {} and {}", a.len(), b.len());
            }
        }
    }

    fn bytes(random: &mut fastrand::Rng, longest: usize) -> Vec<u8> {
        (0..random.usize(1..=longest)).map(|_| random.u8(..)).collect()
    }
}
