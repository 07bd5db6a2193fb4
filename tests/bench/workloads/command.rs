//! The command from end to end: from a file to objects.

use std::path::Path;
use std::process::Command;

use crate::arguments::Arguments;
use crate::bench::{Bench, Entrant, Measure, Race, Stored};
use crate::flow::{self, Flow, Input, LINE_BYTES, Lines, Order};
use crate::result::{Section, Unit, grouped};
use crate::role::{Program, Role};
use crate::writer::{Content, Job, Library, Proof};

/// JSON lines into four objects, raw lines into one, and both compressions.
///
/// # Errors
///
/// Where a side fails.
pub(super) fn measure(bench: &mut Bench, sizes: &Arguments) -> anyhow::Result<Section> {
    flow::build()?;
    let lines = Lines::write(bench, "lines", sizes.lines, KEYS, Order::OneAfterTheOther)?;
    let mapped = Stored { objects: Some(KEYS), bytes: Some(lines.payload_bytes) };
    let compressed = Some(Stored { objects: Some(KEYS), bytes: None });
    let whole = Stored { objects: Some(1), bytes: Some(lines.bytes) };

    let json =
        |name, config| Flow { name, input: Input::File(&lines.path), source: "", map: MAP, config };
    let raw = Flow {
        name: "raw",
        input: Input::File(&lines.path),
        source: RAW,
        map: ONE_KEY,
        config: "",
    };
    let turns = Lines::write(bench, "lanes", sizes.lines, LANES_KEYS, Order::InTurn)?;
    let plain = json("mapped", "").entrant(bench, Some(mapped), SECONDS)?;
    let (gzip, zstd) = (json("gzip", GZIP), json("zstd", ZSTD));
    let races = [
        Race {
            name: format!("JSON lines, `.key` and `.payload`, {KEYS} objects"),
            entrants: vec![plain, peer(bench, Content::Mapped(lines.path.clone()), mapped)?],
        },
        Race {
            name: "raw lines, 1 object".to_owned(),
            entrants: vec![
                raw.entrant(bench, Some(whole), SECONDS)?,
                peer(bench, Content::File(lines.path.clone()), whole)?,
            ],
        },
        Race {
            name: format!("JSON lines, {KEYS} objects, gzip 6"),
            entrants: [gzip.entrant(bench, compressed, SECONDS)?]
                .into_iter()
                .chain(tool(&["gzip", "-6", "-c"], &lines.payloads))
                .collect(),
        },
        Race {
            name: format!("JSON lines, {LANES_KEYS} keys in turn, gzip 6"),
            entrants: vec![
                Entrant { name: "spillway run, 1 lane".to_owned(), ..lanes(bench, &turns, 1)? },
                Entrant { name: "spillway run, 2 lanes".to_owned(), ..lanes(bench, &turns, 2)? },
            ],
        },
        Race {
            name: format!("JSON lines, {KEYS} objects, zstd 3"),
            entrants: [zstd.entrant(bench, compressed, SECONDS)?]
                .into_iter()
                .chain(tool(&["zstd", "-3", "-q", "-c"], &lines.payloads))
                .collect(),
        },
    ];
    // The first run compiles the component.
    bench.once(&races[1].entrants[0])?;
    Ok(Section {
        title: "The command".to_owned(),
        about: format!(
            "`spillway run flow.toml` on {} lines of {LINE_BYTES} bytes, {} MB, from its start to \
             its end. Unsigned payload and CRC-64/NVME, as by default over https. Two programs on \
             object_store do no more than this file needs: one maps with serde_json, one copies. \
             `gzip` and `zstd` compress the payloads alone, to nowhere, with one thread.",
            grouped(sizes.lines as f64),
            grouped(lines.bytes as f64 / 1e6)
        ),
        unit: Unit::Seconds,
        cases: bench.run(&races)?,
    })
}

/// The command with so many lanes, each of which compresses on a core of its own.
fn lanes(bench: &Bench, lines: &Lines, lanes: u64) -> anyhow::Result<Entrant> {
    let config = format!(
        "{GZIP}\nmax_open_objects = {LANES_KEYS}\nkey_template = \"{{key}}-{{uuid}}\"\n\n\
         [sink]\nlanes = {lanes}"
    );
    let flow = Flow {
        name: &format!("lanes-{lanes}"),
        input: Input::File(&lines.path),
        source: "",
        // With `stop`, lanes would need a checkpoint.
        map: &format!("{MAP}\non_rejected = \"skip\""),
        config: &config,
    };
    flow.entrant(bench, Some(Stored { objects: Some(LANES_KEYS), bytes: None }), SECONDS)
}

fn peer(bench: &Bench, content: Content, stored: Stored) -> anyhow::Result<Entrant> {
    let job = Job {
        library: Library::ObjectStore,
        endpoint: bench.endpoint().to_owned(),
        content,
        proof: Proof::Checksum,
        in_flight: IN_FLIGHT,
        cache: bench.compiled(),
    };
    let name = "a program on object_store".to_owned();
    let role = Role::Watcher(Role::Writer(job).program()?);
    Ok(Entrant { name, role, stored: Some(stored), emptied: None, measure: SECONDS })
}

/// A program of the system, where it is there.
fn tool(words: &[&str], input: &Path) -> Option<Entrant> {
    if Command::new(words[0]).arg("--version").output().is_err() {
        eprintln!("{} is not here, and not measured", words[0]);
        return None;
    }
    let program = Program {
        words: words.iter().map(|&word| word.to_owned()).collect(),
        input: Some(input.to_owned()),
        ..Program::default()
    };
    let name = format!("`{}`", words[..2].join(" "));
    let role = Role::Watcher(program);
    Some(Entrant { name, role, stored: None, emptied: None, measure: SECONDS })
}

const SECONDS: Measure = Measure::Seconds;
const KEYS: u64 = 4;
/// So many that each lane has about as many as the other.
const LANES_KEYS: u64 = 64;
/// As many as the command has by default.
const IN_FLIGHT: usize = 16;
const MAP: &str = "key = \".key\"\npayload = \".payload\"";
const RAW: &str = "codec = \"raw\"";
const ONE_KEY: &str = "fixed_key = \"lines\"";
const GZIP: &str = "compression = \"gzip\"\ncompression_level = 6";
const ZSTD: &str = "compression = \"zstd\"\ncompression_level = 3";
