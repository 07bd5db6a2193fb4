//! Makes a message shorter, and keeps its CRC.
//!
//! A CRC is a remainder: of the message, as a polynomial over GF(2), modulo a generator. Division
//! by a multiple of the generator first does not change it. There are multiples with few terms,
//! each with an exponent that is divisible by eight. To divide by one of these is to add each byte
//! to a few later bytes: no bit is shifted, and nothing is looked up in tables. So the compiler
//! makes vector instructions of it.
//!
//! For a generator of `w` bits, multiples of `t` terms are to be expected from a degree of about
//! 8 × (2^w × (t - 1)!)^(1 / (t - 1)) bits on. They were found by looking for `t` powers of x^8
//! whose remainders add up to nothing. Russell calls them zero polynomials, and uses such for
//! CRC-32:
//! <https://arxiv.org/abs/2412.16398>. Those need shifts, since their exponents are not whole bytes.

/// A message of so many bytes as the last lag, with the same remainder as `pieces`, which have
/// `len` bytes. `None` if these are few: tables are faster then.
///
/// Each lag says how many bytes later a byte is added. The lags are those of a multiple of the
/// generator: with `d` for the last of them, x^(8d), x^(8(d - lag)) for each lag, no other term.
/// They rise.
///
/// It is inlined, so that the lags are constants where they are used: that doubles its speed.
#[inline(always)]
pub(super) fn reduce<const N: usize>(
    lags: [usize; N],
    pieces: &[&[u8]],
    len: usize,
) -> Option<Vec<u8>> {
    let degree = lags[N - 1];
    if len < FEW * degree {
        return None;
    }
    let mut quotient = Quotient::new(degree);
    let mut rest = Vec::with_capacity(degree);
    let mut to_divide = len - degree;
    for piece in pieces {
        let (divided, kept) = piece.split_at(to_divide.min(piece.len()));
        to_divide -= divided.len();
        divided.chunks(BLOCK).for_each(|block| quotient.push(lags, block));
        rest.extend_from_slice(kept);
    }
    quotient.add_to(lags, &mut rest);
    Some(rest)
}

/// The quotient so far, as far back as it is needed.
struct Quotient {
    bytes: Vec<u8>,
    /// Where it ends in `bytes`.
    end: usize,
    degree: usize,
}

impl Quotient {
    fn new(degree: usize) -> Quotient {
        Quotient { bytes: vec![0; degree + ROOM], end: degree, degree }
    }

    /// Divides the next bytes, a block at most.
    #[inline(always)]
    fn push<const N: usize>(&mut self, lags: [usize; N], block: &[u8]) {
        if self.end + block.len() > self.bytes.len() {
            self.bytes.copy_within(self.end - self.degree..self.end, 0);
            self.end = self.degree;
        }
        // No lag is shorter than a block. So nothing of this block is needed for it.
        let (before, after) = self.bytes.split_at_mut(self.end);
        let behind = |lag| &before[before.len() - lag..];
        match (block.as_array::<BLOCK>(), after.first_chunk_mut::<BLOCK>()) {
            // With lengths that are known no index is checked.
            (Some(block), Some(after)) => {
                let no_block = "no lag is shorter than a block";
                let earlier = lags.map(|lag| behind(lag).first_chunk::<BLOCK>().expect(no_block));
                for n in 0..BLOCK {
                    after[n] = earlier.iter().fold(block[n], |sum, earlier| sum ^ earlier[n]);
                }
            }
            _ => {
                let earlier = lags.map(behind);
                for (n, byte) in block.iter().enumerate() {
                    after[n] = earlier.iter().fold(*byte, |sum, earlier| sum ^ earlier[n]);
                }
            }
        }
        self.end += block.len();
    }

    /// Adds what the bytes behind the quotient get of it.
    fn add_to<const N: usize>(&self, lags: [usize; N], rest: &mut [u8]) {
        for lag in lags {
            let earlier = &self.bytes[self.end - lag..self.end];
            rest.iter_mut().zip(earlier).for_each(|(byte, earlier)| *byte ^= earlier);
        }
    }
}

/// So many bytes are divided at once.
const BLOCK: usize = 1 << 10;
/// So many bytes of the quotient are kept before the oldest are dropped.
const ROOM: usize = 16 << 10;
/// Less than so many times the degree are few.
const FEW: usize = 4;
