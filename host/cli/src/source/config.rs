//! `[source]` of a flow: as written, and as meant.

mod misplaced;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::kafka::{self, KafkaSettings, PropertiesConfig, SaslConfig, TlsConfig, Tombstones};
use super::{Compression, FilesSettings, Format, Multiline, MultilineConfig, Paths, StartAt};
use crate::age;
use spillway::problem::Problem;

/// `[source]` as written.
///
/// Choices are plain strings here, so that [`SourceConfig::settings`] can report every wrong one at
/// once.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// `"file"`, `"stdin"` or `"kafka"`. Required.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The file to read; a relative path starts at the current directory. Required by `"file"`.
    pub path: Option<PathBuf>,
    /// The files to read, in place of `path`: paths with wildcards.
    pub paths: Option<Vec<String>>,
    /// Names of files that are not read, with wildcards.
    pub exclude: Option<Vec<String>>,
    /// Whether the end of a file is waited at, and new files are looked for.
    pub follow: Option<bool>,
    /// `"beginning"` (the default) or `"end"`: where a file begins that is there when a flow is
    /// first started.
    pub start_at: Option<String>,
    /// `"none"` (the default), `"auto"`, `"gzip"`, `"zstd"` or `"bzip2"`.
    pub compression: Option<String>,
    /// How long a followed file that was renamed or deleted is looked at.
    pub rotate_wait: Option<String>,
    /// After how long without growth a followed file's last line is taken without a line feed.
    pub partial_line_after: Option<String>,
    /// What a line holds: `"json"` (the default), `"raw"` or `"dead-letters"`.
    pub codec: Option<String>,
    /// The longest line taken, in bytes and without its line end. A longer one is a rejected event.
    pub line_bytes_max: Option<u64>,
    /// `"strip"` (the default) takes `\r\n` for one line end; `"keep"` leaves the `\r` in the
    /// event.
    pub crlf: Option<String>,
    /// `"skip"` (the default for JSON) passes over blank lines; `"keep"` (the default for raw)
    /// makes them events.
    pub empty_lines: Option<String>,
    /// Which lines are one event together.
    pub multiline: Option<MultilineConfig>,
    /// The brokers of a Kafka cluster that are asked first, as `host:port`.
    pub brokers: Option<Vec<String>>,
    /// Topics, by their names or by patterns, which begin with `^`.
    pub topics: Option<Vec<String>>,
    /// The consumer group.
    pub group: Option<String>,
    /// `"skip"` (the default), `"reject"` or `"empty"`: what happens to records without a value.
    pub tombstones: Option<String>,
    /// How long the group is kept waiting for a partition that it takes away.
    pub revoke_timeout: Option<String>,
    /// How often offsets are committed.
    pub commit_every: Option<String>,
    /// TLS to the brokers.
    pub tls: Option<TlsConfig>,
    /// Who this client says that it is.
    pub sasl: Option<SaslConfig>,
    /// Further properties of librdkafka.
    pub properties: Option<PropertiesConfig>,
}

/// `[source]` as meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSettings {
    /// What is read.
    pub input: Input,
    /// What a line holds.
    pub codec: Codec,
    /// What a line is.
    pub lines: LineSettings,
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file; a relative path starts at the current directory.
    File(PathBuf),
    /// Files, as one stream.
    Files(FilesSettings),
    /// Standard input.
    Stdin,
    /// Partitions of topics, as a member of a consumer group.
    Kafka(Box<KafkaSettings>),
}

/// What a line holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Codec {
    /// One JSON document.
    #[default]
    Json,
    /// Bytes that are the payload as they are.
    Raw,
    /// One dead letter: what this or another flow set aside.
    DeadLetters,
}

impl SourceSettings {
    /// Whether the source never ends by itself.
    pub fn follows(&self) -> bool {
        match &self.input {
            Input::File(_) | Input::Stdin => false,
            Input::Files(files) => files.follow,
            Input::Kafka(_) => true,
        }
    }

    /// The Kafka cluster that it reads, if it does.
    pub fn kafka(&self) -> Option<&KafkaSettings> {
        match &self.input {
            Input::Kafka(settings) => Some(settings),
            Input::File(_) | Input::Files(_) | Input::Stdin => None,
        }
    }
}

/// What a line is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineSettings {
    /// The longest line taken, in bytes, without its line end. A longer one is a rejected event and
    /// is passed over without being held. A reader may hold a few lines of this length at the same
    /// time.
    pub line_bytes_max: u64,
    /// Whether the `\r` of a `\r\n` belongs to the line end.
    pub crlf: Crlf,
    /// Whether a line without content is an event. It counts as a line in either case.
    pub empty_lines: EmptyLines,
    /// What happens to a last line without a line feed.
    pub last_line: LastLine,
    /// What a line holds: an input that begins with NULs has none that are meant, if they are raw.
    pub codec: Codec,
    /// Which lines are one event together. The event is then what a line is elsewhere.
    pub multiline: Option<Arc<Multiline>>,
    /// Whether pieces say where in their file they begin.
    pub origins: bool,
    /// Whether records say what they have beside their value.
    pub records: bool,
    /// Whether the keys of records are kept for their dead letters. Records say at least these
    /// then.
    pub keys: bool,
}

impl LineSettings {
    /// The defaults for lines that hold `codec`.
    pub fn of(codec: Codec) -> LineSettings {
        let empty_lines = match codec {
            Codec::Json | Codec::DeadLetters => EmptyLines::Skip,
            Codec::Raw => EmptyLines::Keep,
        };
        LineSettings {
            line_bytes_max: LINE_BYTES_MAX_DEFAULT,
            crlf: Crlf::Strip,
            empty_lines,
            last_line: LastLine::Take,
            codec,
            multiline: None,
            origins: false,
            records: false,
            keys: false,
        }
    }
}

/// Whether the `\r` of a `\r\n` belongs to the line end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crlf {
    /// `\r\n` is one line end.
    Strip,
    /// The `\r` belongs to the event.
    Keep,
}

/// Whether a line without content is an event. For JSON, a line of nothing but blanks has no
/// content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmptyLines {
    /// It is passed over. Its position stays unused.
    Skip,
    /// It is an event: of no bytes if the codec is raw, a rejected one if it is JSON.
    Keep,
}

/// What happens to a last line without a line feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastLine {
    /// It is a line: the input does not go on.
    Take,
    /// It is none yet. Its writer may be in the middle of it, and the input can be read again.
    Leave,
}

impl SourceConfig {
    /// What was meant.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, not just the first.
    pub fn settings(&self) -> Result<SourceSettings, Vec<Problem>> {
        let mut problems = Vec::new();
        let input = self.input(&mut problems);
        let codecs =
            [("json", Codec::Json), ("raw", Codec::Raw), ("dead-letters", Codec::DeadLetters)];
        let codec = choice("source.codec", &self.codec, &codecs, &mut problems).unwrap_or_default();
        let mut lines = self.lines(codec, &mut problems);
        if let Some(Input::Kafka(_)) = &input {
            // A record is an event, whatever line ends it has.
            lines.crlf = Crlf::Keep;
        }
        match input {
            Some(input) if problems.is_empty() => Ok(SourceSettings { input, codec, lines }),
            _ => Err(problems),
        }
    }

    fn input(&self, problems: &mut Vec<Problem>) -> Option<Input> {
        self.misplaced(problems);
        let is_many = self.paths.is_some() || self.compression.is_some() || self.follow.is_some();
        let mut wrong = |field: &str, message: &str| {
            problems.push(Problem::new(field, message));
            None
        };
        match (self.kind.as_deref(), &self.path) {
            (Some("file"), Some(path)) if path.as_os_str().is_empty() => {
                wrong("source.path", "is empty, expected the path of a file")
            }
            (Some("file"), Some(_)) if is_many => self.files(problems),
            (Some("file"), Some(path)) => Some(Input::File(path.clone())),
            (Some("file"), None) if self.paths.is_some() => self.files(problems),
            (Some("file"), None) => {
                wrong("source.path", "is missing; type = \"file\" needs it, or `paths`")
            }
            (Some("kafka"), _) => self.kafka(problems),
            (Some("stdin"), None) => Some(Input::Stdin),
            (Some("stdin"), Some(_)) => {
                wrong("source.path", "has no meaning with type = \"stdin\"; remove it")
            }
            (Some(other), _) => wrong("source.type", &format!("is \"{other}\", expected {TYPES}")),
            (None, _) => wrong("source.type", &format!("is missing, expected {TYPES}")),
        }
    }

    /// Files that are read as one stream, where the flow says more than one path.
    fn files(&self, problems: &mut Vec<Problem>) -> Option<Input> {
        let (paths, exclude) = (self.paths.as_deref(), self.exclude.as_deref().unwrap_or_default());
        let paths = match (&self.path, paths) {
            (Some(path), _) => Paths::one(path),
            (None, paths) => match Paths::new(paths.unwrap_or_default(), exclude) {
                Ok(paths) => paths,
                Err(more) => {
                    problems.extend(more);
                    return None;
                }
            },
        };
        let start_at = [("beginning", StartAt::Beginning), ("end", StartAt::End)];
        let compression = [
            ("none", Compression::None),
            ("auto", Compression::Auto),
            (Format::Gzip.name(), Compression::Format(Format::Gzip)),
            (Format::Zstd.name(), Compression::Format(Format::Zstd)),
            (Format::Bzip2.name(), Compression::Format(Format::Bzip2)),
        ];
        let start_at = choice("source.start_at", &self.start_at, &start_at, problems);
        let compression = choice("source.compression", &self.compression, &compression, problems);
        let rotate_wait = duration("source.rotate_wait", &self.rotate_wait, problems);
        let partial = duration("source.partial_line_after", &self.partial_line_after, problems);
        Some(Input::Files(FilesSettings {
            paths,
            follow: self.follow.unwrap_or_default(),
            start_at: start_at.unwrap_or_default(),
            compression: compression.unwrap_or_default(),
            rotate_wait: rotate_wait.unwrap_or(ROTATE_WAIT_DEFAULT),
            partial_line_after: partial,
        }))
    }

    /// Partitions of topics.
    fn kafka(&self, problems: &mut Vec<Problem>) -> Option<Input> {
        let start_at = [("beginning", StartAt::Beginning), ("end", StartAt::End)];
        let start_at = choice("source.start_at", &self.start_at, &start_at, problems);
        let tombstones = [
            ("skip", Tombstones::Skip),
            ("reject", Tombstones::Reject),
            ("empty", Tombstones::Empty),
        ];
        let tombstones = choice("source.tombstones", &self.tombstones, &tombstones, problems);
        let (start_at, tombstones) = (start_at.unwrap_or_default(), tombstones.unwrap_or_default());
        let settings = kafka::settings(self, start_at, tombstones, problems)?;
        Some(Input::Kafka(Box::new(settings)))
    }

    fn lines(&self, codec: Codec, problems: &mut Vec<Problem>) -> LineSettings {
        let mut lines = LineSettings::of(codec);
        if let Some(bytes) = self.line_bytes_max {
            lines.line_bytes_max = bytes;
            if !(1..=LINE_BYTES_MAX_LIMIT).contains(&bytes) {
                let message = format!("is {bytes}, expected 1 to {LINE_BYTES_MAX_LIMIT} bytes");
                problems.push(Problem::new("source.line_bytes_max", message));
            }
        }
        let crlf = [("strip", Crlf::Strip), ("keep", Crlf::Keep)];
        if let Some(crlf) = choice("source.crlf", &self.crlf, &crlf, problems) {
            lines.crlf = crlf;
        }
        let empty = [("skip", EmptyLines::Skip), ("keep", EmptyLines::Keep)];
        if let Some(empty) = choice("source.empty_lines", &self.empty_lines, &empty, problems) {
            lines.empty_lines = empty;
        }
        match &self.multiline {
            Some(_) if codec == Codec::DeadLetters => {
                let message = "has no meaning for dead letters, which have a line each; remove it";
                problems.push(Problem::new("source.multiline", message));
            }
            Some(multiline) => match multiline.settings(lines.crlf, lines.line_bytes_max) {
                Ok(multiline) => lines.multiline = Some(Arc::new(multiline)),
                Err(more) => problems.extend(more),
            },
            None => {}
        }
        lines
    }
}

/// What the word in `field` stands for; nothing if there is none, or if it is wrong and reported as
/// such.
fn choice<T: Copy>(
    field: &str,
    word: &Option<String>,
    allowed: &[(&str, T)],
    problems: &mut Vec<Problem>,
) -> Option<T> {
    let word = word.as_deref()?;
    let found = allowed.iter().find(|(name, _)| *name == word).map(|(_, meaning)| *meaning);
    if found.is_none() {
        let names: Vec<String> = allowed.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        let message = format!("is \"{word}\", expected {}", names.join(" or "));
        problems.push(Problem::new(field, message));
    }
    found
}

/// The duration in `field`; nothing if there is none, or if it is wrong and reported as such.
fn duration(field: &str, text: &Option<String>, problems: &mut Vec<Problem>) -> Option<Duration> {
    match age::parse(text.as_deref()?) {
        Ok(duration) => Some(duration),
        Err(error) => {
            problems.push(Problem::new(field, error.to_string()));
            None
        }
    }
}

const TYPES: &str = "\"file\", \"stdin\" or \"kafka\"";

/// The default of `rotate_wait`: longer than any writer takes to open its new file.
pub const ROTATE_WAIT_DEFAULT: Duration = Duration::from_secs(30);

/// The default of `line_bytes_max`: 64 MiB, far above any event that is meant.
pub const LINE_BYTES_MAX_DEFAULT: u64 = 64 << 20;

/// The most `line_bytes_max` may be: 1 GiB, so that offsets into a block of lines fit in 32 bits.
const LINE_BYTES_MAX_LIMIT: u64 = 1 << 30;

#[cfg(test)]
mod tests;
