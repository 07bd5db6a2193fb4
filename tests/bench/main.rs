//! Measures Spillway beside other ways to write to S3: `cargo bench -p spillway-bench`.
//!
//! What is measured runs in a process of its own, one at a time, and so does the server: this
//! program starts itself again for each. Each run must leave what it should in the server.

mod arguments;
mod bench;
mod cargo;
mod flow;
#[cfg(feature = "kafka")]
mod group;
mod page;
mod result;
mod role;
mod served;
mod server;
mod workloads;
mod writer;

use std::process::ExitCode;

use anyhow::Context as _;

use arguments::Arguments;
use bench::Bench;
use page::{About, Block};
use role::Role;

fn main() -> ExitCode {
    let played = match Role::given() {
        Ok(Some(role)) => role.play(),
        Ok(None) => measure(&Arguments::given()).map(|()| ExitCode::SUCCESS),
        Err(error) => Err(error),
    };
    played.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    // Before the work: whether there is a place for what comes of it.
    let block = arguments.block().map(Block::read).transpose()?;
    let run = About::of(arguments);
    let mut bench = Bench::start(arguments.rounds)?;
    let mut sections = Vec::new();
    for workload in arguments.workloads() {
        eprintln!("== {}", workload.name());
        let measured = workload.measure(&mut bench, arguments);
        sections.push(measured.with_context(|| workload.name())?);
    }
    let text = page::text(&run, &sections);
    println!("{text}");
    if let Some(path) = &arguments.json {
        let json = serde_json::json!({ "run": run, "sections": sections });
        std::fs::write(path, format!("{json:#}\n"))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(block) = block {
        block.write(&text)?;
    }
    Ok(())
}
