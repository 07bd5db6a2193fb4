//! The command line.

use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser};

use crate::workloads::Workload;

/// Measures Spillway beside other ways to write to S3, on this machine.
#[derive(Parser)]
#[command(bin_name = "cargo bench -p spillway-bench --")]
pub struct Arguments {
    /// What is measured: all but `agents` by default
    #[arg(value_enum)]
    pub workloads: Vec<Workload>,
    /// How often each side runs
    #[arg(long, default_value_t = ROUNDS, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Bytes of an object, of each run
    #[arg(long, default_value_t = BYTES, value_parser = at_least(MIB))]
    pub bytes: u64,
    /// Small objects of each run
    #[arg(long, default_value_t = OBJECTS, value_parser = at_least(1_000))]
    pub objects: u64,
    /// Lines that the command reads
    #[arg(long, default_value_t = LINES, value_parser = at_least(4_000))]
    pub lines: u64,
    /// Bytes of the object that is large
    #[arg(long, default_value_t = LARGE_BYTES, value_parser = at_least(MIB))]
    pub large_bytes: u64,
    /// Small sizes and one round: whether all of it works, and no numbers to rely on
    #[arg(long, conflicts_with_all = ["write_docs", "rounds", "bytes", "objects"])]
    #[arg(conflicts_with_all = ["lines", "large_bytes"])]
    pub quick: bool,
    /// Write every run to this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the tables into docs/performance.md
    #[arg(long)]
    pub write_docs: bool,
    /// What cargo says
    #[arg(long, hide = true)]
    pub bench: bool,
}

impl Arguments {
    /// Those of this process. Ends it where they are wrong.
    pub fn given() -> Arguments {
        let mut arguments = Arguments::parse();
        if arguments.write_docs && arguments.block().is_none() {
            let named: Vec<_> = arguments.workloads.iter().map(|named| named.name()).collect();
            let said = format!(
                "--write-docs writes a whole block: name no workload, or `agents`; not `{}`",
                named.join(" ")
            );
            Arguments::command().error(ErrorKind::ArgumentConflict, said).exit();
        }
        if arguments.quick {
            arguments.rounds = 1;
            arguments.bytes = 64 << 20;
            arguments.objects = 2_000;
            arguments.lines = 40_000;
            arguments.large_bytes = 256 << 20;
        }
        arguments
    }

    /// What is measured.
    pub fn workloads(&self) -> Vec<Workload> {
        match self.workloads.as_slice() {
            [] => Workload::usual(),
            named => named.to_vec(),
        }
    }

    /// A command line that measures the same.
    pub fn line(&self) -> String {
        let mut words: Vec<_> = self.workloads.iter().map(|named| named.name()).collect();
        if self.quick {
            words.push("--quick".to_owned());
        } else {
            let numbers = [
                ("rounds", u64::from(self.rounds), u64::from(ROUNDS)),
                ("bytes", self.bytes, BYTES),
                ("objects", self.objects, OBJECTS),
                ("lines", self.lines, LINES),
                ("large-bytes", self.large_bytes, LARGE_BYTES),
            ];
            let given = numbers.iter().filter(|(_, number, default)| number != default);
            words.extend(given.map(|(name, number, _)| format!("--{name} {number}")));
        }
        match words.as_slice() {
            [] => COMMAND.to_owned(),
            words => format!("{COMMAND} -- {}", words.join(" ")),
        }
    }

    /// The block of the page that is written, if any.
    pub fn block(&self) -> Option<&'static str> {
        match self.workloads.as_slice() {
            _ if !self.write_docs => None,
            [] => Some("performance"),
            [Workload::Agents] => Some("agents"),
            _ => None,
        }
    }
}

fn at_least(min: u64) -> impl clap::builder::TypedValueParser<Value = u64> {
    clap::value_parser!(u64).range(min..)
}

/// What cargo is told.
const COMMAND: &str = if cfg!(feature = "kafka") {
    "cargo bench -p spillway-bench --features kafka"
} else {
    "cargo bench -p spillway-bench"
};
const MIB: u64 = 1 << 20;
const ROUNDS: u32 = 5;
const BYTES: u64 = 1536 * MIB;
const OBJECTS: u64 = 100_000;
const LINES: u64 = 2_000_000;
const LARGE_BYTES: u64 = 10_240 * MIB;
