//! The state of all lanes as one: what a checkpoint keeps.
//!
//! ```text
//! magic, 16 bytes | length of the header, u32 | header, JSON | the states, back to back
//! ```
//!
//! One lane has its component's state as it is, unless that could be taken for several.

use serde::{Deserialize, Serialize};
use spillway::contract::Error;
use spillway::sink::SinkError;

/// What a checkpoint has of one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Saved<B> {
    /// The position behind the last event that it was given, or told to be missing.
    pub(super) next: u64,
    /// The component's state.
    pub(super) bytes: B,
}

impl Saved<&[u8]> {
    /// The same, with bytes of its own.
    pub(super) fn into_owned(self) -> Saved<Vec<u8>> {
        Saved { next: self.next, bytes: self.bytes.to_vec() }
    }
}

/// How many lanes a state is of.
pub fn count(state: &[u8]) -> usize {
    split(state).map_or(1, |lanes| lanes.len())
}

/// The states of all lanes as one.
pub(super) fn join(mut lanes: Vec<Saved<Vec<u8>>>) -> Vec<u8> {
    if let [lane] = &mut lanes[..]
        && !lane.bytes.starts_with(MAGIC)
    {
        return std::mem::take(&mut lane.bytes);
    }
    let mark = |lane: &Saved<Vec<u8>>| Mark { bytes: lane.bytes.len() as u64, next: lane.next };
    let marks = lanes.iter().map(mark);
    let header = serde_json::to_vec(&Header { lanes: marks.collect() });
    let header = header.expect("numbers and texts are JSON");
    let mut joined = MAGIC.to_vec();
    joined.extend((header.len() as u32).to_le_bytes());
    joined.extend(header);
    lanes.iter().for_each(|lane| joined.extend(&lane.bytes));
    joined
}

/// The state of each lane.
///
/// # Errors
///
/// [`UnknownState`](Error::UnknownState) where it is damaged.
pub(super) fn split(state: &[u8]) -> Result<Vec<Saved<&[u8]>>, SinkError> {
    let Some(rest) = state.strip_prefix(MAGIC) else {
        return Ok(vec![Saved { next: 0, bytes: state }]);
    };
    of_several(rest).ok_or_else(|| {
        SinkError::Refused(Error::UnknownState("the state of the lanes is damaged".to_owned()))
    })
}

fn of_several(state: &[u8]) -> Option<Vec<Saved<&[u8]>>> {
    let (length, rest) = state.split_first_chunk()?;
    let (header, mut rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    let Header { lanes } = serde_json::from_slice(header).ok()?;
    let mut saved = Vec::new();
    for Mark { bytes, next } in lanes {
        let (bytes, others) = rest.split_at_checked(usize::try_from(bytes).ok()?)?;
        saved.push(Saved { next, bytes });
        rest = others;
    }
    (rest.is_empty() && !saved.is_empty()).then_some(saved)
}

#[derive(Serialize, Deserialize)]
struct Header {
    lanes: Vec<Mark>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    bytes: u64,
    next: u64,
}

const MAGIC: &[u8; 16] = b"SPILLWAY LANES\n\0";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_joined_is_split() {
        let lanes = vec![saved(9, b"first"), saved(12, b""), saved(12, b"the third")];
        let joined = join(lanes.clone());
        let split = split(&joined).unwrap();
        assert_eq!(split.into_iter().map(Saved::into_owned).collect::<Vec<_>>(), lanes);
        assert_eq!(count(&joined), 3);
        for length in MAGIC.len()..joined.len() {
            assert!(super::split(&joined[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn the_state_of_one_lane_is_that_of_its_component() {
        let joined = join(vec![saved(7, b"SPILLWAY\x02\0state")]);
        assert_eq!((joined.as_slice(), count(&joined)), (&b"SPILLWAY\x02\0state"[..], 1));
        let alike = [&MAGIC[..], b"anything"].concat();
        let joined = join(vec![saved(7, &alike)]);
        let lanes = split(&joined).unwrap();
        assert_eq!((lanes.len(), lanes[0].bytes), (1, alike.as_slice()));
    }

    fn saved(next: u64, bytes: &[u8]) -> Saved<Vec<u8>> {
        Saved { next, bytes: bytes.to_vec() }
    }
}
