//! Runs the sides of a workload in turn, and sees that each stores all.

use std::path::PathBuf;

use anyhow::ensure;
use tempfile::TempDir;

use crate::result::{Case, MIB, Side};
use crate::role::{Role, Taken};
use crate::served::Served;

/// What all workloads share: the server, a folder, and how often each side runs.
pub struct Bench {
    served: Served,
    folder: TempDir,
    rounds: u32,
}

/// One side of a case, before it has run.
pub struct Entrant {
    /// Who, or what is different.
    pub name: String,
    /// What runs.
    pub role: Role,
    /// What the server has afterwards; nothing where it does not take part.
    pub stored: Option<Stored>,
    /// A folder that is empty before each run.
    pub emptied: Option<PathBuf>,
    /// What is read off.
    pub measure: Measure,
}

/// What the server is to have after a run.
#[derive(Clone, Copy)]
pub struct Stored {
    /// Visible objects, where that is known before.
    pub objects: Option<u64>,
    /// Bytes of them all, where that is known before.
    pub bytes: Option<u64>,
}

/// What is read off a run.
#[derive(Clone, Copy)]
pub enum Measure {
    /// So many bytes by the seconds it took.
    Bytes(u64),
    /// So many objects by the seconds it took.
    Objects(u64),
    /// The seconds it took.
    Seconds,
    /// The seconds to the first request.
    FirstRequest,
    /// The CPU time by the seconds it took, in percent of a core.
    Share,
}

/// Sides that do the same.
pub struct Race {
    /// What they do.
    pub name: String,
    /// Who takes part. The others are compared to the first.
    pub entrants: Vec<Entrant>,
}

impl Bench {
    /// Starts the server.
    ///
    /// # Errors
    ///
    /// Where that fails, or there is no place for files.
    pub fn start(rounds: u32) -> anyhow::Result<Bench> {
        // Files of gigabytes: where `cargo clean` finds what an interrupted run leaves.
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(TEMPORARY)?;
        Ok(Bench { served: Served::start()?, folder, rounds })
    }

    /// The server's URL.
    pub fn endpoint(&self) -> &str {
        self.served.endpoint()
    }

    /// A file or folder of this name, that goes with the benchmark.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The cache folder of commands, for all runs that are not about it.
    pub fn cache(&self) -> PathBuf {
        self.path("cache")
    }

    /// Where the library keeps compiled components. It removes what others keep there.
    pub fn compiled(&self) -> PathBuf {
        self.path("compiled")
    }

    /// Runs all sides of all races once in each round, with another side first each time.
    ///
    /// # Errors
    ///
    /// Where one fails, or does not store what it should.
    pub fn run(&mut self, races: &[Race]) -> anyhow::Result<Vec<Case>> {
        let empty = |race: &Race| {
            let side = |entrant: &Entrant| Side {
                name: entrant.name.clone(),
                values: Vec::new(),
                taken: Vec::new(),
            };
            Case { name: race.name.clone(), sides: race.entrants.iter().map(side).collect() }
        };
        let mut cases: Vec<_> = races.iter().map(empty).collect();
        for round in 0..self.rounds {
            for (race, case) in races.iter().zip(&mut cases) {
                let count = race.entrants.len();
                for at in (0..count).map(|at| (at + round as usize) % count) {
                    let entrant = &race.entrants[at];
                    let (value, taken) = self.once(entrant)?;
                    let Entrant { name, .. } = entrant;
                    eprintln!(
                        "{}/{}  {}: {name}: {value:.3}, CPU {:.2} s, peak {:.0} MiB",
                        round + 1,
                        self.rounds,
                        race.name,
                        taken.cpu_seconds,
                        taken.peak_bytes as f64 / MIB,
                    );
                    case.sides[at].values.push(value);
                    case.sides[at].taken.push(taken);
                }
            }
        }
        Ok(cases)
    }

    /// Runs one side once.
    ///
    /// # Errors
    ///
    /// As [`run`](Bench::run).
    pub fn once(&mut self, entrant: &Entrant) -> anyhow::Result<(f64, Taken)> {
        if let Some(folder) = &entrant.emptied {
            if folder.exists() {
                std::fs::remove_dir_all(folder)?;
            }
            std::fs::create_dir_all(folder)?;
        }
        self.served.reset()?;
        let taken = entrant.role.taken()?;
        let report = self.served.report()?;
        if let Some(Stored { objects, bytes }) = entrant.stored {
            let name = &entrant.name;
            ensure!(
                report.objects == objects.unwrap_or(report.objects)
                    && report.bytes == bytes.unwrap_or(report.bytes),
                "{name} stored {} objects of {} bytes; {objects:?} of {bytes:?} were expected",
                report.objects,
                report.bytes
            );
        }
        let value = match entrant.measure {
            Measure::Bytes(bytes) => bytes as f64 / MIB / taken.seconds,
            Measure::Objects(objects) => objects as f64 / taken.seconds,
            Measure::Seconds => taken.seconds,
            Measure::Share => 100.0 * taken.cpu_seconds / taken.seconds,
            Measure::FirstRequest => {
                report.first_request_seconds.ok_or_else(|| anyhow::anyhow!("no request came"))?
            }
        };
        Ok((value, taken))
    }
}

const TEMPORARY: &str = env!("CARGO_TARGET_TMPDIR");
