//! Finds values in a line that is one JSON document, in one pass and without a tree.

use std::ops::Range;

use super::path::Step;
use super::syntax::{Cursor, Fault};

/// Where a value lies in its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    start: usize,
    end: usize,
    /// Whether it has no blanks between its tokens.
    pub(super) compact: bool,
}

impl Span {
    pub(super) fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// Paths, as the steps that remain from the value at hand. Nothing where a path does not lead
/// through it.
pub(super) type Wanted<'w, const N: usize> = [Option<&'w [Step]>; N];

/// Finds the values that the paths `wanted` lead to. Of members with the same name the last one
/// counts. The whole line is checked to be one JSON document, whatever is wanted.
pub(super) fn scan<const N: usize>(
    line: &[u8],
    wanted: Wanted<'_, N>,
) -> Result<[Option<Span>; N], Fault> {
    let mut scanner = Scanner { cursor: Cursor::new(line)?, found: [None; N] };
    scanner.value(wanted)?;
    scanner.cursor.finish()?;
    Ok(scanner.found)
}

struct Scanner<'l, const N: usize> {
    cursor: Cursor<'l>,
    found: [Option<Span>; N],
}

impl<const N: usize> Scanner<'_, N> {
    /// Passes one value, and notes what is wanted of it.
    fn value(&mut self, wanted: Wanted<'_, N>) -> Result<(), Fault> {
        if is_nothing(&wanted) {
            return self.cursor.skip_value();
        }
        let (start, blanks) = (self.cursor.at(), self.cursor.blanks());
        let within = wanted.map(|steps| steps.filter(|steps| !steps.is_empty()));
        match self.cursor.peek() {
            Some(b'{') if !is_nothing(&within) => self.object(within)?,
            Some(b'[') if !is_nothing(&within) => self.array(within)?,
            _ => self.cursor.skip_value()?,
        }
        let compact = self.cursor.blanks() == blanks;
        let span = Span { start, end: self.cursor.at(), compact };
        for (found, steps) in self.found.iter_mut().zip(wanted) {
            if steps.is_some_and(<[Step]>::is_empty) {
                *found = Some(span);
            }
        }
        Ok(())
    }

    fn object(&mut self, within: Wanted<'_, N>) -> Result<(), Fault> {
        let mut more = self.cursor.enter_object()?;
        while more {
            let name = self.cursor.name()?;
            let next = within.map(|steps| match steps {
                Some([Step::Member(wanted), rest @ ..]) if name.is(wanted) => Some(rest),
                _ => None,
            });
            self.forget(next);
            self.value(next)?;
            more = self.cursor.goes_on()?;
        }
        Ok(())
    }

    fn array(&mut self, within: Wanted<'_, N>) -> Result<(), Fault> {
        let mut more = self.cursor.enter_array()?;
        let mut index = 0;
        while more {
            let next = within.map(|steps| match steps {
                Some([Step::Element(wanted), rest @ ..]) if *wanted == index => Some(rest),
                _ => None,
            });
            self.value(next)?;
            more = self.cursor.goes_on()?;
            index += 1;
        }
        Ok(())
    }

    /// Drops what a member of the same name led to before.
    fn forget(&mut self, next: Wanted<'_, N>) {
        for (found, steps) in self.found.iter_mut().zip(next) {
            if steps.is_some() {
                *found = None;
            }
        }
    }
}

/// Whether no path leads through the value.
fn is_nothing<const N: usize>(wanted: &Wanted<'_, N>) -> bool {
    wanted.iter().all(Option::is_none)
}

#[cfg(test)]
mod tests;
