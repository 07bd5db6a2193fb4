//! What is measured: one workload, one section of the page.

mod agents;
mod command;
mod follow;
mod growth;
mod library;
#[cfg(feature = "kafka")]
mod members;
mod sizes;
mod start;

use clap::ValueEnum;

use crate::arguments::Arguments;
use crate::bench::Bench;
use crate::result::Section;

/// A workload.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Workload {
    /// Large objects through libraries, no checksum
    Payload,
    /// Large objects through libraries, with a CRC-64/NVME
    Checksum,
    /// Large objects through libraries, with the payload signed
    Signed,
    /// Objects of 1,000 bytes through libraries
    Small,
    /// The command, from a file to objects
    Command,
    /// A file that is followed beside one that is read to its end
    Follow,
    /// What a run takes that follows files in which nothing happens
    Idle,
    /// Members of a consumer group
    #[cfg(feature = "kafka")]
    Members,
    /// From the start of a program to its first request
    Start,
    /// What grows with keys, sizes and checkpoints
    Growth,
    /// The bytes of the component and of the command
    Sizes,
    /// Ready-made programs, where `tests/bench/agents` has installed them
    Agents,
}

impl Workload {
    /// What is measured where nothing is named.
    pub fn usual() -> Vec<Workload> {
        let all = Workload::value_variants().iter().copied();
        all.filter(|one| *one != Workload::Agents).collect()
    }

    /// As it is called on the command line.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// Measures it.
    ///
    /// # Errors
    ///
    /// Where a side fails, or does not store what it should.
    pub fn measure(self, bench: &mut Bench, sizes: &Arguments) -> anyhow::Result<Section> {
        match self {
            Workload::Payload => library::payload(bench, sizes),
            Workload::Checksum => library::checksum(bench, sizes),
            Workload::Signed => library::signed(bench, sizes),
            Workload::Small => library::small(bench, sizes),
            Workload::Command => command::measure(bench, sizes),
            Workload::Follow => follow::throughput(bench, sizes),
            Workload::Idle => follow::idle(bench, sizes),
            #[cfg(feature = "kafka")]
            Workload::Members => members::measure(bench, sizes),
            Workload::Start => start::measure(bench),
            Workload::Growth => growth::measure(bench, sizes),
            Workload::Sizes => sizes::measure(),
            Workload::Agents => agents::measure(bench, sizes),
        }
    }
}
