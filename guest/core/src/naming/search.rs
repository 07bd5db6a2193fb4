//! A search for a free number. It requests a few names, and never lists the bucket.

/// Searches for a free number. The steps double until a number is free. Then the interval between
/// the last taken and the first free number is halved. Numbers that were skipped may be free as
/// well, but any free number will do, since the store decides at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Search {
    /// The largest number that is known to be taken.
    taken: Option<u64>,
    /// The smallest number above `taken` that was found free.
    free: Option<u64>,
    /// How many times the step was doubled.
    doublings: u32,
    /// Whether the last lookup was denied or failed.
    is_denied: bool,
    /// Whether lookups give no information.
    is_blind: bool,
    /// How many times a number that seemed free was taken.
    refusals: u32,
}

/// The result of a lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// There is an object.
    Taken,
    /// There is no object.
    Free,
    /// The lookup was denied or failed.
    Unknown,
}

/// What to do with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Candidate {
    /// Look up whether it is taken.
    Look(u64),
    /// Use it.
    Take(u64),
}

impl Search {
    /// The next number from `start` on, or `None` if there is none. If `is_known`, this sink has
    /// counted the stem's numbers before, so the first one is used without a lookup.
    pub(crate) fn next(&self, start: u64, is_known: bool) -> Option<Candidate> {
        Some(match (self.taken, self.free) {
            (None, None) if is_known => Candidate::Take(start),
            (None, None) => Candidate::Look(start),
            (None, Some(free)) => Candidate::Take(free),
            (Some(taken), Some(free)) if free - taken <= 1 => Candidate::Take(free),
            (Some(taken), Some(free)) => Candidate::Look(taken + (free - taken) / 2),
            (Some(taken), None) => {
                let candidate = taken.checked_add(1 << self.doublings)?.max(start);
                match self.is_blind {
                    true => Candidate::Take(candidate),
                    false => Candidate::Look(candidate),
                }
            }
        })
    }

    /// Records the result of a lookup.
    pub(crate) fn looked(&mut self, number: u64, look: Look) {
        self.is_denied = look == Look::Unknown;
        match look {
            Look::Taken => self.is_taken(number),
            // Without permission to list the bucket, S3 answers 403 for a missing object.
            Look::Free | Look::Unknown => self.free = Some(number),
        }
    }

    /// Whether another number may be tried.
    pub(crate) fn may_go_on(&self) -> bool {
        self.refusals < REFUSALS_MAX
    }

    /// Records that another object exists under a number that seemed free.
    pub(crate) fn refused(&mut self, number: u64) {
        self.refusals += 1;
        self.is_blind |= self.is_denied;
        self.free = None;
        self.is_taken(number);
    }

    fn is_taken(&mut self, number: u64) {
        if self.taken.is_some() && self.free.is_none() {
            self.doublings = (self.doublings + 1).min(DOUBLINGS_MAX);
        }
        self.taken = Some(number);
    }
}

/// How many numbers an object may try that turn out to be taken.
const REFUSALS_MAX: u32 = 20;
/// Keeps the shift within 64 bits.
const DOUBLINGS_MAX: u32 = 62;

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers that are looked up if all below `taken` are taken, and the number found.
    fn searched(taken: u64, start: u64) -> (Vec<u64>, u64) {
        let (mut search, mut looked_at) = (Search::default(), Vec::new());
        loop {
            match search.next(start, false).expect("numbers are left") {
                Candidate::Take(number) => return (looked_at, number),
                Candidate::Look(number) => {
                    looked_at.push(number);
                    let look = if number < taken { Look::Taken } else { Look::Free };
                    search.looked(number, look);
                }
            }
        }
    }

    #[test]
    fn steps_double_and_then_halve() {
        assert_eq!(searched(0, 0), (vec![0], 0));
        assert_eq!(searched(1, 0), (vec![0, 1], 1));
        assert_eq!(searched(6, 0), (vec![0, 1, 3, 7, 5, 6], 6));
        assert_eq!(searched(6, 4), (vec![4, 5, 7, 6], 6), "from where this sink is");
    }

    #[test]
    fn a_million_objects_are_passed_in_a_few_looks() {
        for taken in (0..200).chain([1 << 20, (1 << 20) + 1, 999_999]) {
            let (looked_at, number) = searched(taken, 0);
            assert_eq!(number, taken);
            assert!(looked_at.len() <= 42, "{} looks for {taken}", looked_at.len());
        }
    }

    #[test]
    fn a_stem_that_is_known_is_not_looked_at() {
        assert_eq!(Search::default().next(5, true), Some(Candidate::Take(5)));
        let mut search = Search::default();
        search.refused(5);
        assert_eq!(search.next(6, true), Some(Candidate::Look(6)), "until it proves wrong");
    }

    #[test]
    fn who_cannot_see_goes_by_what_is_refused() {
        let mut search = Search::default();
        assert_eq!(search.next(0, false), Some(Candidate::Look(0)));
        search.looked(0, Look::Unknown);
        let mut tried = Vec::new();
        while tried.len() < 6 {
            let Some(Candidate::Take(number)) = search.next(0, false) else {
                panic!("{search:?} looks again");
            };
            tried.push(number);
            search.refused(number);
        }
        assert_eq!(tried, [0, 1, 3, 7, 15, 31]);
    }

    #[test]
    fn numbers_end() {
        let mut search = Search::default();
        search.refused(u64::MAX);
        assert_eq!(search.next(0, false), None);
    }
}
