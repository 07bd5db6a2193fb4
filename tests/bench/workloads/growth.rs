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
    let count = sizes.lines.div_ceil(2);
    let (small, large) = (SMALL_BYTES, sizes.large_bytes);
    let whole = format!("library, one object of {}", mib(large));
    let race = |name: &str, entrants: [Entrant; 2]| Race {
        name: name.to_owned(),
        entrants: entrants.into(),
    };
    let races = [
        race(
            "command",
            [keys(bench, "1 key", count, 1)?, keys(bench, "1,000 keys in turn", count, KEYS)?],
        ),
        race(
            "library, one object",
            [
                library::ours(bench, &mib(small), small, false),
                library::ours(bench, &mib(large), large, false),
            ],
        ),
        race(
            &whole,
            [
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

/// The command, on lines with so many keys in turn.
fn keys(bench: &Bench, name: &str, count: u64, keys: u64) -> anyhow::Result<Entrant> {
    let file = format!("keys-{keys}");
    let lines = Lines::write(bench, &file, count, keys, Order::InTurn)?;
    let config = format!("max_open_objects = {KEYS}\nkey_template = \"{{key}}-{{uuid}}\"");
    let flow = Flow {
        name: &file,
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
