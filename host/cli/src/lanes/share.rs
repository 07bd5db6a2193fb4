//! Shares events out among lanes, by their keys.

use std::ops::Range;

use sha2::{Digest as _, Sha256};
use spillway::contract::Run;
use spillway::transform;

/// The lane of a key, of so many. One key is always in the same one: a component that runs in lanes
/// computes it, too.
pub(super) fn lane_of(key: &str, lanes: usize) -> usize {
    let digest = Sha256::digest(key);
    let (first, _) = digest.split_first_chunk().expect("it has 32 bytes");
    // Of fewer than 2^32 lanes each number fits.
    (u64::from_be_bytes(*first) % lanes as u64) as usize
}

/// The runs of each lane, in their order.
pub(super) fn divide(batch: &[Run], lanes: usize) -> Vec<Vec<Run>> {
    let mut divided = vec![Vec::new(); lanes];
    for run in batch {
        divided[lane_of(&run.key, lanes)].push(run.clone());
    }
    divided
}

/// The positions of events; those that are consecutive are one range.
pub(super) fn positions<'a>(runs: impl Iterator<Item = &'a Run>) -> Vec<Range<u64>> {
    let mut positions: Vec<Range<u64>> = Vec::new();
    for run in runs.map(transform::positions) {
        match positions.last_mut() {
            Some(last) if last.end == run.start => last.end = run.end,
            _ => positions.push(run),
        }
    }
    positions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::end;
    use spillway::contract::{Boundaries, Framing, Payload};

    #[test]
    fn a_key_is_always_in_the_same_lane() {
        // The first eight bytes of these digests are E3B0C44298FC1C14 and BA7816BF8F01CFEA.
        assert_eq!(["", "abc"].map(|key| lane_of(key, 1 << 16)), [0x1C14, 0xCFEA]);
        assert_eq!(["", "abc"].map(|key| lane_of(key, 2)), [0, 0]);
        assert!((0..100).all(|key: u32| lane_of(&key.to_string(), 1) == 0));
    }

    #[test]
    fn keys_are_spread_over_all_lanes() {
        for lanes in 2..9 {
            let mut counts = vec![0; lanes];
            (0..8_000).for_each(|key: u32| counts[lane_of(&format!("user-{key}"), lanes)] += 1);
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            assert!(least * 5 > most * 4, "{counts:?}");
        }
    }

    #[test]
    fn every_run_is_in_one_lane_and_in_its_order() {
        let batch = [run("a", 0, 2), run("b", 2, 1), run("c", 3, 4), run("a", 9, 1)];
        let divided = divide(&batch, 3);
        assert_eq!(divided.iter().map(Vec::len).sum::<usize>(), batch.len());
        for (index, runs) in divided.iter().enumerate() {
            assert!(runs.iter().all(|run| lane_of(&run.key, 3) == index));
            assert!(runs.windows(2).all(|pair| end(&pair[0]) <= pair[1].first));
        }
        assert_eq!(positions(batch.iter()), [0..7, 9..10]);
        let left = batch.iter().filter(|run| run.key != "b");
        assert_eq!(positions(left), [0..2, 3..7, 9..10]);
    }

    fn run(key: &str, first: u64, events: u32) -> Run {
        Run {
            key: key.to_owned(),
            first,
            at: None,
            payload: Payload::Bytes(vec![b'x'; events as usize]),
            boundaries: Boundaries::At((1..=events).collect()),
            framing: Framing::Bare,
        }
    }
}
