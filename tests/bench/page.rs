//! The tables in `docs/performance.md`, and what is said of the run that they are of.

use std::process::Command;

use anyhow::Context as _;
use serde::Serialize;

use crate::arguments::Arguments;
use crate::cargo::root;
use crate::result::Section;

/// A block of the page, before it is written: all between two markers of its name.
pub struct Block {
    before: String,
    after: String,
}

/// When, where and how it was measured.
#[derive(Serialize)]
pub struct About {
    date: String,
    processor: String,
    cores: usize,
    memory_gib: u64,
    system: String,
    load_before: String,
    commit: String,
    rounds: u32,
    command: String,
    versions: Vec<String>,
}

impl Block {
    /// What is around the block of this name, its markers included.
    ///
    /// # Errors
    ///
    /// Where the page or a marker is not there.
    pub fn read(name: &str) -> anyhow::Result<Block> {
        let begin = format!("<!-- begin {name}: written by ");
        let end = format!("<!-- end {name} -->\n");
        let text = std::fs::read_to_string(root().join(PAGE)).context(PAGE)?;
        let no = |mark: &str| format!("{PAGE} has no line that begins with `{}`", mark.trim());
        let begun = text.find(&begin).with_context(|| no(&begin))?;
        let begun = begun + text[begun..].find('\n').with_context(|| no(&begin))? + 1;
        let ended = begun + text[begun..].find(&end).with_context(|| no(&end))?;
        Ok(Block { before: text[..begun].to_owned(), after: text[ended..].to_owned() })
    }

    /// Puts `tables` there.
    ///
    /// # Errors
    ///
    /// Where the page cannot be written.
    pub fn write(self, tables: &str) -> anyhow::Result<()> {
        let Block { before, after } = self;
        let text = format!("{before}\n{tables}\n{after}");
        std::fs::write(root().join(PAGE), text).with_context(|| format!("cannot write {PAGE}"))
    }
}

impl About {
    /// This run on this machine, before it begins.
    pub fn of(arguments: &Arguments) -> About {
        About {
            date: said("date", &["-u", "+%Y-%m-%d"]),
            processor: field("/proc/cpuinfo", "model name").unwrap_or("unknown processor".into()),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_gib: memory_gib().unwrap_or_default(),
            system: said("uname", &["-srm"]),
            load_before: load().unwrap_or("unknown".into()),
            commit: commit(),
            rounds: arguments.rounds,
            command: arguments.line(),
            versions: versions(),
        }
    }
}

/// What is between the markers.
pub fn text(run: &About, sections: &[Section]) -> String {
    let About { date, processor, cores, memory_gib, system, load_before, commit, .. } = run;
    let About { rounds, command, versions, .. } = run;
    let rounds = match rounds {
        1 => "one round".to_owned(),
        rounds => format!("medians of {rounds} rounds"),
    };
    let mut text = format!(
        "`{command}`, {date}, at {commit}: {processor}, {cores} cores, {memory_gib} GiB, {system}; \
         load {load_before} before it began; {rounds}. {}.\n",
        versions.join(", ")
    );
    for section in sections {
        text.push('\n');
        text.push_str(&section.markdown());
    }
    text
}

/// Of what is compared, and of the compiler.
fn versions() -> Vec<String> {
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).unwrap_or_default();
    let locked = ["object_store", "aws-sdk-s3"].map(|name| {
        let begin = format!("name = \"{name}\"\nversion = \"");
        let version = lock.split(&begin).nth(1).and_then(|rest| rest.split('"').next());
        format!("{name} {}", version.unwrap_or("of an unknown version"))
    });
    let first = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let gzip = first(said("gzip", &["--version"]));
    let zstd = said("zstd", &["-qV"]);
    let zstd = if zstd.is_empty() { zstd } else { format!("zstd {zstd}") };
    let rustc = said("rustc", &["--version"]);
    let rustc = rustc.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let all = locked.into_iter().chain([gzip, zstd, rustc]);
    all.filter(|version| !version.is_empty()).collect()
}

fn commit() -> String {
    let short = said("git", &["rev-parse", "--short", "HEAD"]);
    let changed = said("git", &["status", "--porcelain", "--untracked-files=no"]);
    match changed.as_str() {
        "" => short,
        _ => format!("{short} with changes"),
    }
}

fn memory_gib() -> Option<u64> {
    let total = field("/proc/meminfo", "MemTotal")?;
    let kib: u64 = total.split(' ').next()?.parse().ok()?;
    Some(kib.div_ceil(1 << 20))
}

fn load() -> Option<String> {
    let averages = std::fs::read_to_string("/proc/loadavg").ok()?;
    averages.split(' ').next().map(str::to_owned)
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

/// What a program prints; nothing where it cannot be had.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(root()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}

const PAGE: &str = "docs/performance.md";
