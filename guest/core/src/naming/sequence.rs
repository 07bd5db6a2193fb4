//! Allocates the numbers of objects, by stem, in bounded memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::naming::StemId;

/// The next number of each stem. A stem never gets a number twice, but numbers may be skipped: when
/// there are too many stems, all are forgotten, and every stem continues after the largest number
/// of any. This is plain data that a checkpoint contains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequences {
    /// The next numbers of the remembered stems.
    pub next: BTreeMap<StemId, u64>,
    /// The first number of all other stems.
    pub floor: u64,
}

impl Sequences {
    /// Whether a stem's numbers are remembered.
    pub fn knows(&self, stem: StemId) -> bool {
        self.next.contains_key(&stem)
    }

    /// The smallest number of a stem that was not allocated.
    pub fn start(&self, stem: StemId) -> u64 {
        self.next.get(&stem).copied().unwrap_or(self.floor)
    }

    /// Allocates the smallest free number of a stem that is at least `least`.
    pub fn allocate(&mut self, stem: StemId, least: u64) -> u64 {
        let number = self.start(stem).max(least);
        if self.next.len() == STEMS_MAX && !self.knows(stem) {
            self.floor = self.next.values().copied().max().unwrap_or_default().max(self.floor);
            self.next.clear();
        }
        self.next.insert(stem, number.saturating_add(1));
        number
    }
}

/// How many stems are remembered. They take some hundred KiB.
const STEMS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_stem_counts_from_zero() {
        let mut sequences = Sequences::default();
        let (a, b) = (StemId(1), StemId(2));
        assert_eq!([0, 0, 5, 0].map(|least| sequences.allocate(a, least)), [0, 1, 5, 6]);
        assert_eq!((sequences.start(a), sequences.start(b)), (7, 0));
        assert!(sequences.knows(a) && !sequences.knows(b));
    }

    #[test]
    fn what_is_forgotten_is_not_given_again() {
        let mut sequences = Sequences::default();
        let mut given = BTreeSet::new();
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..100_000 {
            let stem = StemId(random.u64(..15_000));
            let number = sequences.allocate(stem, 0);
            assert!(given.insert((stem, number)), "{stem:?} got {number} twice");
            assert!(sequences.next.len() <= STEMS_MAX);
        }
        assert!(sequences.floor > 0, "it was full at least once");
    }
}
