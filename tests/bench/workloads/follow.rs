//! Files that are followed: at full speed, and where nothing happens in them.

use std::path::Path;

use crate::arguments::Arguments;
use crate::bench::{Bench, Entrant, Measure, Race, Stored};
use crate::flow::{self, Flow, Input, Lines, Order};
use crate::result::{Section, Unit, grouped};
use crate::role::{Role, Until};
use crate::server::BUCKET;

/// One file, once followed and once read to its end.
///
/// # Errors
///
/// Where a side fails.
pub(super) fn throughput(bench: &mut Bench, sizes: &Arguments) -> anyhow::Result<Section> {
    flow::build()?;
    // So many that the start, and the wait for a checkpoint, count for little.
    let count = 10 * sizes.lines;
    let lines = Lines::write(bench, "followed", count, 1, Order::OneAfterTheOther)?;
    let kept = bench.path("followed-checkpoint");
    // The object ends with the last line, not with the run, and is visible with a checkpoint.
    let config = format!(
        "key_template = \"{{key}}-{{first}}\"\nrotate.events = {count}\n{}",
        flow::checkpoint(&kept, "every = \"100ms\"")
    );
    let stored = Stored { objects: Some(1), bytes: Some(lines.bytes) };
    let side = |name: &str, input| {
        let map = "fixed_key = \"lines\"";
        let flow = Flow { name, input, source: "codec = \"raw\"", map, config: &config };
        let until = Until::Visible {
            server: bench.endpoint().trim_start_matches("http://").to_owned(),
            path: format!("/{BUCKET}/lines-0"),
        };
        ended_by(flow.entrant(bench, Some(stored), Measure::Seconds)?, name, &kept, until)
    };
    let entrants = vec![
        side("followed", Input::Followed(&lines.path))?,
        side("read", Input::File(&lines.path))?,
    ];
    let races = [Race { name: "raw lines, 1 object".to_owned(), entrants }];
    // The first run compiles the component.
    bench.once(&races[0].entrants[1])?;
    Ok(Section {
        title: "A followed file".to_owned(),
        about: format!(
            "`spillway run flow.toml` on a file of {} lines of {} bytes, from its start until the \
             object of all of them is visible: with `follow = true`, and read to its end. A \
             checkpoint is stored every 100 ms, and makes the object visible.",
            grouped(count as f64),
            flow::LINE_BYTES,
        ),
        unit: Unit::Seconds,
        cases: bench.run(&races)?,
    })
}

/// Files that are read, and then stay as they are.
///
/// # Errors
///
/// Where a side fails.
pub(super) fn idle(bench: &mut Bench, sizes: &Arguments) -> anyhow::Result<Section> {
    flow::build()?;
    let seconds = if sizes.quick { (2.0, 2.0) } else { (5.0, 20.0) };
    let side = |files: u64| -> anyhow::Result<Entrant> {
        let name = format!("idle-{files}");
        let folder = bench.path(&name);
        std::fs::create_dir(&folder)?;
        for file in 0..files {
            std::fs::write(folder.join(format!("{file}.log")), "a line\n".repeat(100))?;
        }
        let kept = bench.path(&format!("{name}-checkpoint"));
        let flow = Flow {
            name: &name,
            input: Input::Followed(&folder.join("*.log")),
            source: "codec = \"raw\"",
            map: "fixed_key = \"lines\"",
            config: &flow::checkpoint(&kept, ""),
        };
        let until = Until::Idle { settles: seconds.0, counts: seconds.1 };
        let title = match files {
            1 => "1 file".to_owned(),
            _ => format!("{} files", grouped(files as f64)),
        };
        ended_by(flow.entrant(bench, None, Measure::Share)?, &title, &kept, until)
    };
    let entrants = vec![side(FILES)?, side(1)?];
    let races = [Race { name: "files with nothing new".to_owned(), entrants }];
    // The first run compiles the component.
    bench.once(&races[0].entrants[1])?;
    Ok(Section {
        title: "Idle".to_owned(),
        about: format!(
            "`spillway run flow.toml` with `follow = true` and a checkpoint every 10 s: its CPU \
             time in the {} s that begin {} s after its start.",
            seconds.1, seconds.0
        ),
        unit: Unit::Share,
        cases: bench.run(&races)?,
    })
}

/// The same, told to end. It begins without the checkpoint of the run before.
fn ended_by(entrant: Entrant, name: &str, kept: &Path, until: Until) -> anyhow::Result<Entrant> {
    let Role::Watcher(mut program) = entrant.role else { anyhow::bail!("no program") };
    program.until = Some(until);
    let (name, emptied) = (name.to_owned(), Some(kept.to_owned()));
    Ok(Entrant { name, role: Role::Watcher(program), emptied, ..entrant })
}

const FILES: u64 = 1_000;
