//! From the start of a program to its first request.

use crate::bench::{Bench, Entrant, Measure, Race, Stored};
use crate::flow::{self, Flow, Input};
use crate::result::{Section, Unit};
use crate::role::{Program, Role};
use crate::writer::{Content, Job, Library, Proof};

/// With an empty cache of compiled components, and with a full one.
///
/// # Errors
///
/// Where a side fails.
pub(super) fn measure(bench: &mut Bench) -> anyhow::Result<Section> {
    flow::build()?;
    let line = bench.path("line");
    std::fs::write(&line, LINE)?;
    let stored = Some(Stored { objects: Some(1), bytes: Some(LINE.len() as u64) });
    let flow = Flow {
        name: "start",
        input: Input::File(&line),
        source: "codec = \"raw\"",
        map: "fixed_key = \"line\"",
        config: "",
    };
    let cold_cache = bench.path("cold");
    let program = |name: &str, cache, emptied| -> anyhow::Result<Entrant> {
        let entrant = flow.entrant(bench, stored, Measure::FirstRequest)?;
        let Role::Watcher(program) = entrant.role else { anyhow::bail!("no program") };
        let program = Program { environment: flow::environment(cache), ..program };
        Ok(Entrant { name: name.to_owned(), role: Role::Watcher(program), emptied, ..entrant })
    };
    let warm_cache = bench.cache();
    let warm = program("spillway run, later starts", &warm_cache, None)?;
    let cold = program("spillway run, first start", &cold_cache, Some(cold_cache.clone()))?;
    let native = Job {
        library: Library::ObjectStore,
        endpoint: bench.endpoint().to_owned(),
        content: Content::File(line.clone()),
        proof: Proof::Checksum,
        in_flight: 1,
        cache: bench.compiled(),
    };
    let native = Entrant {
        name: "a program on object_store".to_owned(),
        role: Role::Watcher(Role::Writer(native).program()?),
        stored,
        emptied: None,
        measure: Measure::FirstRequest,
    };
    let races = [Race { name: "one line".to_owned(), entrants: vec![warm, cold, native] }];
    bench.once(&races[0].entrants[0])?;
    Ok(Section {
        title: "Start".to_owned(),
        about: "From the start of a program to its first request. The first start compiles the \
                component; later ones find it in the cache. CPU time and memory are those of the \
                whole run."
            .to_owned(),
        unit: Unit::Seconds,
        cases: bench.run(&races)?,
    })
}

const LINE: &str = "a line\n";
