//! Arithmetic with polynomials over GF(2), modulo the polynomial of a CRC.

/// Polynomials over GF(2) modulo the CRC's polynomial. Bits are reversed: the highest bit is the
/// constant term.
#[derive(Clone, Copy)]
pub(super) struct Polynomial {
    /// The width of the CRC in bits.
    pub(super) bits: u32,
    /// The polynomial without its highest term, with its bits reversed.
    pub(super) reversed: u64,
}

impl Polynomial {
    fn times(self, mut a: u64, mut b: u64) -> u64 {
        let mut product = 0;
        let one = 1 << (self.bits - 1);
        while a != 0 {
            if a & one != 0 {
                product ^= b;
            }
            a = (a << 1) & self.ones();
            b = if b & 1 == 1 { (b >> 1) ^ self.reversed } else { b >> 1 };
        }
        product
    }

    /// The register of a CRC that is not inverted: all ones.
    pub(super) fn ones(self) -> u64 {
        u64::MAX >> (64 - self.bits)
    }

    /// The CRC `crc` after `bytes` zero bytes: `crc` multiplied by x to the power of 8 × `bytes`.
    pub(super) fn shifted(self, crc: u64, mut bytes: u64) -> u64 {
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
