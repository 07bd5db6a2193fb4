//! The bytes of a checkpoint: what became of the events, and the state of the sink.
//!
//! After the first line, which names the version, numbers are LEB128: the durable position; the
//! keys, each once; pairs of keys; runs of events. Behind them lies the state of the sink.

use crate::bindings::spillway::sink::types::Error;
use crate::fates::{Fates, Pair, PairRun};

/// Joins the two.
pub(crate) fn join(fates: &Fates, state: &[u8]) -> Vec<u8> {
    let fates = fates.live();
    let mut bytes = format!("{MAGIC}{VERSION}\n").into_bytes();
    number(&mut bytes, fates.durable);
    number(&mut bytes, fates.names().len() as u64);
    for name in fates.names() {
        number(&mut bytes, name.len() as u64);
        bytes.extend(name.as_bytes());
    }
    number(&mut bytes, fates.pairs().len() as u64);
    for Pair { given, sunk, alone, is_alone, end } in fates.pairs() {
        let keys = [*given, *sunk].map(u64::from);
        let numbers = [alone.start, alone.end, u64::from(*is_alone), *end];
        keys.into_iter().chain(numbers).for_each(|value| number(&mut bytes, value));
    }
    number(&mut bytes, fates.runs.len() as u64);
    let mut before = 0;
    for run in &fates.runs {
        number(&mut bytes, run.first - before);
        number(&mut bytes, u64::from(run.events));
        number(&mut bytes, u64::from(run.pair));
        before = run.end();
    }
    bytes.extend(state);
    bytes
}

/// What [`join`] joined.
///
/// # Errors
///
/// `unknown-state` where it is of another version, or damaged.
pub(crate) fn split(bytes: &[u8]) -> Result<(Fates, &[u8]), Error> {
    let unknown = |text: &str| Error::UnknownState(text.to_owned());
    let rest = bytes.strip_prefix(MAGIC.as_bytes());
    let rest = rest.ok_or_else(|| unknown("it is not the state of a chain"))?;
    let end = rest.iter().take(VERSION_BYTES_MAX).position(|byte| *byte == b'\n');
    let end = end.ok_or_else(|| unknown("the state of the chain is damaged"))?;
    let version = String::from_utf8_lossy(&rest[..end]);
    if version != VERSION {
        return Err(unknown(&format!(
            "it is the state of a chain in version {version:?}, expected version {VERSION:?}"
        )));
    }
    read(&rest[end + 1..]).ok_or_else(|| unknown("the state of the chain is damaged"))
}

fn read(mut rest: &[u8]) -> Option<(Fates, &[u8])> {
    let rest = &mut rest;
    let mut fates = Fates::after(read_number(rest)?);
    let keys = read_number(rest)?;
    for index in 0..keys {
        let length = usize::try_from(read_number(rest)?).ok()?;
        let (name, more) = rest.split_at_checked(length)?;
        *rest = more;
        let is_next = u64::from(fates.key(std::str::from_utf8(name).ok()?)) == index;
        is_next.then_some(())?;
    }
    let pairs = read_number(rest)?;
    for index in 0..pairs {
        let mut key = || u32::try_from(read_number(rest)?).ok().filter(|k| u64::from(*k) < keys);
        let (given, sunk) = (key()?, key()?);
        let alone = read_number(rest)?..read_number(rest)?;
        let is_alone = read_number(rest)? == 1;
        let end = read_number(rest)?;
        let pair = Pair { given, sunk, alone, is_alone, end };
        let is_sound = pair.alone.start <= pair.alone.end && pair.alone.end <= end;
        (is_sound && u64::from(fates.put(pair)) == index).then_some(())?;
    }
    let mut before = 0_u64;
    for _ in 0..read_number(rest)? {
        let first = before.checked_add(read_number(rest)?)?;
        let events = u32::try_from(read_number(rest)?).ok()?;
        let pair = u32::try_from(read_number(rest)?).ok()?;
        before = first.checked_add(u64::from(events))?;
        let end = fates.pairs().get(pair as usize)?.end;
        (events > 0 && before <= end).then_some(())?;
        fates.runs.push_back(PairRun { first, events, pair });
    }
    Some((fates, rest))
}

fn number(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn read_number(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, more) = rest.split_first()?;
        *rest = more;
        let bits = u64::from(byte & 0x7f);
        (bits << shift >> shift == bits).then_some(())?;
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

const MAGIC: &str = "SPILLWAY CHAIN ";
/// Changes with the format.
const VERSION: &str = "2";
/// A longer one is none.
const VERSION_BYTES_MAX: usize = 16;
