//! Flows for the command, and the files that they read.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};

use crate::bench::{Bench, Entrant, Measure, Stored};
use crate::cargo;
use crate::role::{Program, Role};
use crate::server::BUCKET;
use crate::writer::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};

/// JSON lines, and their payloads alone.
pub struct Lines {
    /// The lines.
    pub path: PathBuf,
    /// The payloads, each with a line feed: what is stored of the lines.
    pub payloads: PathBuf,
    /// The bytes of the lines.
    pub bytes: u64,
    /// The bytes of the payloads.
    pub payload_bytes: u64,
}

/// In which order the keys of lines come.
#[derive(Clone, Copy)]
pub enum Order {
    /// All lines of a key, then all of the next.
    OneAfterTheOther,
    /// Another key with each line.
    InTurn,
}

impl Lines {
    /// Writes so many lines of [`LINE_BYTES`] with so many keys.
    ///
    /// # Errors
    ///
    /// Where the files cannot be written.
    pub fn write(
        bench: &Bench,
        name: &str,
        count: u64,
        keys: u64,
        order: Order,
    ) -> anyhow::Result<Lines> {
        let path = bench.path(&format!("{name}.ndjson"));
        let payloads = bench.path(&format!("{name}.payloads"));
        let mut random = Random(0x5eed);
        let (mut bytes, mut payload_bytes) = (0, 0);
        let mut lines = BufWriter::with_capacity(1 << 20, File::create(&path)?);
        let mut alone = BufWriter::with_capacity(1 << 20, File::create(&payloads)?);
        let (mut line, mut payload) = (String::new(), String::new());
        for number in 0..count {
            let key = match order {
                Order::OneAfterTheOther => number * keys / count,
                Order::InTurn => number % keys,
            };
            random.payload(number, &mut payload);
            line.clear();
            write!(line, r#"{{"key":"k{key:04}","payload":"#)?;
            // The text of the payload is what makes a line as long as it should be.
            let room = LINE_BYTES - line.len() - payload.len() - r#""}}"#.len() - 1;
            random.words(room, &mut payload);
            payload.push_str(r#""}"#);
            line.push_str(&payload);
            line.push_str("}\n");
            payload.push('\n');
            bytes += line.len() as u64;
            payload_bytes += payload.len() as u64;
            lines.write_all(line.as_bytes())?;
            alone.write_all(payload.as_bytes())?;
        }
        lines.flush()?;
        alone.flush()?;
        ensure!(bytes == count * LINE_BYTES as u64, "lines of {LINE_BYTES} bytes");
        Ok(Lines { path, payloads, bytes, payload_bytes })
    }
}

/// A flow, as a file.
pub struct Flow<'a> {
    /// The name of its file, and of its cache.
    pub name: &'a str,
    /// What it reads.
    pub input: Input<'a>,
    /// Its table `[source]`, but for the files.
    pub source: &'a str,
    /// Its table `[map]`.
    pub map: &'a str,
    /// Its table `[sink.config]`, but for bucket, endpoint and signatures.
    pub config: &'a str,
}

/// The table `[checkpoint]` of a flow that keeps it in this folder.
pub fn checkpoint(folder: &Path, more: &str) -> String {
    format!("\n[checkpoint]\npath = \"{}\"\n{more}", folder.join("checkpoint").display())
}

/// The files that a flow reads.
#[derive(Clone, Copy)]
pub enum Input<'a> {
    /// One, to its end.
    File(&'a Path),
    /// All that this path with wildcards names, until it is told to end.
    Followed(&'a Path),
}

impl Flow<'_> {
    /// Writes it, and returns the run of it by the command.
    ///
    /// # Errors
    ///
    /// Where the file cannot be written.
    pub fn entrant(
        &self,
        bench: &Bench,
        stored: Option<Stored>,
        measure: Measure,
    ) -> anyhow::Result<Entrant> {
        let Flow { name, input, source, map, config } = self;
        let path = bench.path(&format!("{name}.toml"));
        let input = match input {
            Input::File(file) => format!("path = \"{}\"", file.display()),
            Input::Followed(files) => format!("paths = [\"{}\"]\nfollow = true", files.display()),
        };
        let endpoint = bench.endpoint();
        let text = format!(
            "[source]\ntype = \"file\"\n{input}\n{source}\n\n[map]\n{map}\n\n\
             [sink.config]\nbucket = \"{BUCKET}\"\nendpoint = \"{endpoint}\"\n\
             payload_signing = \"unsigned\"\n{config}\n"
        );
        std::fs::write(&path, text)?;
        let words = [command().display().to_string(), "run".into(), path.display().to_string()];
        let program = Program {
            words: words.into(),
            environment: environment(&bench.cache()),
            ..Program::default()
        };
        let role = Role::Watcher(program);
        Ok(Entrant { name: "spillway run".to_owned(), role, stored, emptied: None, measure })
    }
}

/// The variables of the command: credentials, and where it keeps compiled components.
pub fn environment(cache: &Path) -> Vec<(String, String)> {
    [
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
        ("XDG_CACHE_HOME", cache.display().to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// Where the command is, once [`build`] has built it.
pub fn command() -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    // This program is in `deps/`, beside it.
    this.ancestors().nth(2).unwrap_or(Path::new(".")).join("spillway")
}

/// Builds the command, as `cargo run --release` does.
///
/// # Errors
///
/// Where that fails.
pub fn build() -> anyhow::Result<()> {
    let mut cargo = cargo::cargo();
    cargo.args(["build", "--release", "--locked", "--bin", "spillway"]);
    if cfg!(feature = "kafka") {
        cargo.args(["--features", "kafka"]);
    }
    let status = cargo.status();
    let status = status.context("cargo cannot be started")?;
    ensure!(status.success(), "the command cannot be built");
    ensure!(command().exists(), "{} is not there", command().display());
    Ok(())
}

/// Of a JSON line, its line feed included.
pub const LINE_BYTES: usize = 210;

/// Xorshift, so that the files are the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// All of an access log's record but the text at its end.
    fn payload(&mut self, number: u64, text: &mut String) {
        text.clear();
        let (hour, minute, second) = (number / 3600 % 24, number / 60 % 60, number % 60);
        let status = [200, 200, 200, 201, 304, 404, 500][(self.next() % 7) as usize];
        let (trace, took) = (self.next() & 0xffff_ffff, self.next() % 1000);
        text.push_str(r#"{"time":"2026-05-01T"#);
        let _ = write!(text, r#"{hour:02}:{minute:02}:{second:02}Z","number":{number},"#);
        let _ = write!(text, r#""status":{status},"trace":"{trace:08x}","ms":{took},"text":""#);
    }

    fn words(&mut self, bytes: usize, text: &mut String) {
        let end = text.len() + bytes;
        while text.len() < end {
            let word = WORDS[(self.next() % WORDS.len() as u64) as usize];
            text.extend(word.chars().chain([' ']).take(end - text.len()));
        }
    }
}

const WORDS: [&str; 16] = [
    "request",
    "served",
    "from",
    "cache",
    "client",
    "closed",
    "the",
    "connection",
    "after",
    "timeout",
    "retry",
    "of",
    "upstream",
    "session",
    "renewed",
    "by",
];
