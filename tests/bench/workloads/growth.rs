//! What becomes slower, or larger, with the number of keys, the size of an object, and checkpoints.

use super::library;
use crate::arguments::Arguments;
use crate::bench::{Bench, Entrant, Measure, Race, Stored};
use crate::flow::{self, Flow, Input, Lines, Order};
use crate::result::{MIB, Section, Unit, grouped};

/// Each case has a side with little of one thing, and one with more.
///
/// # Errors
///
/// Where a side fails.
pub(super) fn measure(bench: &mut Bench, sizes: &Arguments) -> anyhow::Result<Section> {
    flow::build()?;
    let count = 2 * sizes.lines;
    let (small, large) = (SMALL_BYTES, sizes.large_bytes);
    let whole = format!("library, one object of {}", mib(large));
    let race = |name: &str, entrants: Vec<Entrant>| Race { name: name.to_owned(), entrants };
    let kept = bench.path("keys-checkpoint");
    let checkpoint = flow::checkpoint(&kept, "every = \"1s\"");
    let lines = |name, keys| Lines::write(bench, name, count, keys, Order::InTurn);
    let (one, many) = (lines("one-key", 1)?, lines("many-keys", KEYS)?);
    let name = "1,000 keys in turn, a checkpoint each second";
    let checkpointed = keys(bench, (name, "checkpointed-keys"), &many, KEYS, &checkpoint)?;
    let races = [
        race(
            "command",
            vec![
                keys(bench, ("1 key", "one-key"), &one, 1, "")?,
                keys(bench, ("1,000 keys in turn", "many-keys"), &many, KEYS, "")?,
                Entrant { emptied: Some(kept), ..checkpointed },
            ],
        ),
        race(
            "library, one object",
            vec![
                library::ours(bench, &mib(small), small, false),
                library::ours(bench, &mib(large), large, false),
            ],
        ),
        race(
            &whole,
            vec![
                library::ours(bench, "no checkpoint", large, false),
                library::ours(bench, "a checkpoint each second", large, true),
            ],
        ),
    ];
    bench.once(&races[0].entrants[0])?;
    library::warm(bench)?;
    Ok(Section {
        title: "Growth".to_owned(),
        about: format!(
            "Spillway beside itself: the ratio is how many times as fast the first row of a case \
             is. The command reads {} JSON lines, with at most {} objects open. The library is \
             given events of 1 KiB. A checkpoint is stored in a file with `fsync`, and makes what \
             has ended visible.",
            grouped(count as f64),
            grouped(KEYS as f64)
        ),
        unit: Unit::Rate,
        cases: bench.run(&races)?,
    })
}

/// The command, on lines with so many keys in turn. `name` is that of the side, and of its flow.
fn keys(
    bench: &Bench,
    (name, flow): (&str, &str),
    lines: &Lines,
    keys: u64,
    more: &str,
) -> anyhow::Result<Entrant> {
    let config = format!("max_open_objects = {KEYS}\nkey_template = \"{{key}}-{{uuid}}\"\n{more}");
    let flow = Flow {
        name: flow,
        input: Input::File(&lines.path),
        source: "",
        map: "key = \".key\"\npayload = \".payload\"",
        config: &config,
    };
    let stored = Stored { objects: Some(keys), bytes: Some(lines.payload_bytes) };
    let entrant = flow.entrant(bench, Some(stored), Measure::Bytes(lines.bytes))?;
    Ok(Entrant { name: name.to_owned(), ..entrant })
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", grouped(bytes as f64 / MIB))
}

const KEYS: u64 = 1_000;
const SMALL_BYTES: u64 = 100 << 20;
