//! What the evaluations of an expression may use up for one line.
//!
//! jaq recurses on the stack of its thread, has no limit for that, and no other place to look at it
//! than the table of terms, which it asks for each term that it evaluates.

use std::cell::Cell;
use std::panic::resume_unwind;
use std::time::Duration;

use jaq_core::data::HasLut;
use jaq_core::{DataT, Lut};

use super::about::About;
use super::jq::Value;

/// An evaluation with a [`Budget`].
pub(super) struct Budgeted;

/// What an evaluation sees of the world, and what is left for it.
pub(super) struct Budget<'a> {
    terms: &'a Lut<Budgeted>,
    /// Where on the stack it began.
    top: usize,
    stack_bytes_max: usize,
    steps: &'a Steps,
    about: &'a About<'a>,
}

/// How many steps the evaluations of one expression for one line may still take.
pub(super) struct Steps(Cell<u64>);

/// What an evaluation has too little of: it ends in a panic with this payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Exhausted {
    #[error("it recurses too deeply")]
    Stack,
    #[error("it takes too many steps; it may not terminate")]
    Steps,
}

impl DataT for Budgeted {
    type V<'a> = Value;
    type Data<'a> = &'a Budget<'a>;
}

impl<'a> Budget<'a> {
    /// For an evaluation that begins here.
    pub(super) fn new(
        terms: &'a Lut<Budgeted>,
        stack_bytes_max: usize,
        steps: &'a Steps,
        about: &'a About<'a>,
    ) -> Budget<'a> {
        Budget { terms, top: stack_address(), stack_bytes_max, steps, about }
    }

    /// What `now` is, in seconds since 1970.
    pub(super) fn now(&self) -> f64 {
        Duration::from_nanos(self.about.clock.read()).as_secs_f64()
    }

    fn step(&self) -> Result<(), Exhausted> {
        if self.top.abs_diff(stack_address()) > self.stack_bytes_max {
            return Err(Exhausted::Stack);
        }
        let left = self.steps.0.get().checked_sub(1).ok_or(Exhausted::Steps)?;
        self.steps.0.set(left);
        Ok(())
    }
}

impl Steps {
    /// Those for a line of so many bytes.
    pub(super) fn for_line(bytes: usize) -> Steps {
        Steps(Cell::new(STEPS_MAX + bytes as u64 * STEPS_PER_BYTE))
    }
}

impl<'a> HasLut<'a, Budgeted> for &'a Budget<'a> {
    fn lut(&self) -> &'a Lut<Budgeted> {
        if let Err(exhausted) = self.step() {
            // The only way back to where the evaluation began. It is no bug, so no hook is told.
            resume_unwind(Box::new(exhausted));
        }
        self.terms
    }
}

/// About where the stack is.
#[inline(never)]
fn stack_address() -> usize {
    let here = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

/// How many terms are evaluated for one line, at most: a million, and a hundred more for each byte
/// of it.
const STEPS_MAX: u64 = 1_000_000;
const STEPS_PER_BYTE: u64 = 100;
