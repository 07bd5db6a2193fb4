//! What an expression may make of one line.

use std::cell::Cell;

use super::about::About;
use super::budget::Steps;
use super::jq::Around;

/// What each expression may use up and make for one line.
pub(super) struct Allowance<'a> {
    pub(super) about: &'a About<'a>,
    pub(super) events: Share,
    pub(super) key: Share,
    pub(super) payload: Share,
    pub(super) at: Share,
}

/// The share of one expression.
pub(super) struct Share {
    line_bytes: usize,
    steps: Steps,
    outputs: Cell<u64>,
    bytes: Cell<u64>,
}

/// A line would become more than is held of one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooMuch {
    #[error(
        "has more than {max} outputs for a line of {line_bytes} bytes: the limit is {OUTPUTS_MAX} \
         and one for each byte"
    )]
    Outputs { max: u64, line_bytes: usize },
    #[error(
        "makes more than {max} bytes of a line of {line_bytes} bytes: the limit is {MIB_MAX} MiB \
         and {BYTES_PER_BYTE} for each byte"
    )]
    Bytes { max: u64, line_bytes: usize },
}

impl<'a> Allowance<'a> {
    /// That for a line of so many bytes.
    pub(super) fn for_line(bytes: usize, about: &'a About<'a>) -> Allowance<'a> {
        let share = || Share {
            line_bytes: bytes,
            steps: Steps::for_line(bytes),
            outputs: Cell::new(0),
            bytes: Cell::new(0),
        };
        Allowance { about, events: share(), key: share(), payload: share(), at: share() }
    }

    /// What an evaluation with this share is given.
    pub(super) fn around<'s>(&'s self, share: &'s Share) -> Around<'s> {
        Around { steps: &share.steps, about: self.about }
    }
}

impl Share {
    /// Counts an output of so many bytes. The first may have any size.
    ///
    /// # Errors
    ///
    /// It is one too many, or together they are too large.
    pub(super) fn take(&self, bytes: usize) -> Result<(), TooMuch> {
        let line_bytes = self.line_bytes;
        self.outputs.set(self.outputs.get() + 1);
        self.bytes.set(self.bytes.get() + bytes as u64);
        let max = OUTPUTS_MAX + line_bytes as u64;
        if self.outputs.get() > max {
            return Err(TooMuch::Outputs { max, line_bytes });
        }
        let max = (MIB_MAX << 20) + BYTES_PER_BYTE * line_bytes as u64;
        if self.outputs.get() > 1 && self.bytes.get() > max {
            return Err(TooMuch::Bytes { max, line_bytes });
        }
        Ok(())
    }
}

/// `range` and `repeat` take no steps, and need not come to an end. What a line holds, it may
/// become, however it is taken apart.
const OUTPUTS_MAX: u64 = 10_000;
const MIB_MAX: u64 = 16;
const BYTES_PER_BYTE: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_outputs_and_no_more() {
        let about = About::default();
        let share = Allowance::for_line(7, &about).payload;
        (0..10_007).for_each(|_| share.take(0).unwrap());
        assert_eq!(
            share.take(0).unwrap_err().to_string(),
            "has more than 10007 outputs for a line of 7 bytes: the limit is 10000 and one for \
             each byte"
        );
    }

    #[test]
    fn so_many_bytes_and_no_more_but_of_one_output() {
        let about = About::default();
        let share = || Allowance::for_line(100, &about).events;
        let max = (16 << 20) + 200;
        let alone = share();
        alone.take(max + 1).unwrap();
        assert!(alone.take(0).is_err());
        let full = share();
        full.take(1).unwrap();
        full.take(max - 1).unwrap();
        assert_eq!(
            full.take(1).unwrap_err().to_string(),
            "makes more than 16777416 bytes of a line of 100 bytes: the limit is 16 MiB and 2 for \
             each byte"
        );
    }
}
