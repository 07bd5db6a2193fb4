//! A flow as it stands in its file: where events come from, how they are shaped, where they go.

mod between;
mod credentials;
mod limits;
mod run;
mod sections;
mod transform;
mod variables;

use std::collections::BTreeMap;
use std::fmt;
use std::iter;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use crate::checkpoint::{CheckpointConfig, CheckpointSettings};
use crate::dead_letters::OnFailed;
use crate::lanes::LaneSettings;
use crate::map::{MapConfig, MapSettings};
use crate::source::{SourceConfig, SourceSettings};
use spillway::credentials::Settings;
use spillway::problem::Problem;

use credentials::FIELDS as CREDENTIALS;
pub use limits::LimitSettings;
pub use run::RunSettings;
use run::{FIELDS as RUN, RunConfig};
use sections::Sections;
pub use transform::TransformSettings;
pub use variables::Variables;

/// What takes the place of fields of `[sink.config]`.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The fields with their values; without a value the field is taken out.
    pub fields: BTreeMap<&'static str, Option<String>>,
    /// How many tables `sink` deep they stand: in a chain, the sink is configured in one.
    pub depth: usize,
}

/// The sink of a flow.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct SinkSettings {
    /// The component's file, where it is not the embedded one.
    pub component: Option<PathBuf>,
    /// The authorities that a component of the user's own may talk to.
    pub egress: Option<Vec<String>>,
    /// Certificate authorities to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// How many sinks run side by side.
    pub lanes: LaneSettings,
    /// What the component may use up.
    #[serde(flatten)]
    pub limits: LimitSettings,
    /// What happens to events whose object could not be stored.
    pub on_failed: OnFailed,
    /// What the component is configured with.
    pub config: serde_json::Map<String, serde_json::Value>,
}

impl SinkSettings {
    /// The region of a bucket at AWS, which is as good a place as any to ask STS. Other stores call
    /// theirs as they like.
    pub fn aws_region(&self) -> Option<String> {
        let text = |name: &str| self.config.get(name)?.as_str().map(str::to_owned);
        let is_aws = text("endpoint").is_none();
        is_aws.then(|| text("region").or_else(|| text("aws_region"))).flatten()
    }
}

/// Shows the names of the component's fields only: what is a secret among their values, only the
/// component knows.
impl fmt::Debug for SinkSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SinkSettings { component, egress, ca_file, lanes, limits, on_failed, config } = self;
        f.debug_struct("SinkSettings")
            .field("component", component)
            .field("egress", egress)
            .field("ca_file", ca_file)
            .field("lanes", lanes)
            .field("limits", limits)
            .field("on_failed", on_failed)
            .field("config", &config.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// Why there is no flow.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The file cannot be read.
    #[error("cannot read the flow {path}", path = .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    /// The file is not TOML: where, and why. The line itself is not shown, for it may hold a
    /// secret.
    #[error("the flow is not TOML: line {line}, column {column}: {message}")]
    Toml {
        /// The line, from 1.
        line: usize,
        /// The character in it, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
}

impl FlowError {
    fn toml(text: &str, error: &toml::de::Error) -> FlowError {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or(text);
        let begin = before.rfind('\n').map_or(0, |at| at + 1);
        FlowError::Toml {
            line: before.matches('\n').count() + 1,
            column: before[begin..].chars().count() + 1,
            message: error.message().to_owned(),
        }
    }
}

/// A flow that may have something wrong with it: what was understood, and what was not.
pub struct Draft {
    /// Where events come from.
    pub source: Option<SourceSettings>,
    /// How they are shaped.
    pub map: Option<MapSettings>,
    /// What changes them before they go there, in this order.
    pub transforms: Vec<TransformSettings>,
    /// Where they go.
    pub sink: Option<SinkSettings>,
    /// Where credentials come from.
    pub credentials: Option<Settings>,
    /// Where the flow stores how far it is, if it does.
    pub checkpoint: Option<CheckpointSettings>,
    /// How it is run.
    pub run: RunSettings,
    /// All that is wrong.
    pub problems: Vec<Problem>,
}

impl Draft {
    /// Reads a flow from its text. `${NAME}` in a text value is replaced by that variable's value.
    /// `config` takes the place of what the flow says for the same fields of `[sink.config]`, and
    /// `flow` is the flow's name, without folder and ending.
    ///
    /// # Errors
    ///
    /// [`FlowError::Toml`]; what else is wrong stands in `problems`.
    pub fn parse(
        text: &str,
        flow: &str,
        variables: &Variables,
        config: &Config,
    ) -> Result<Draft, FlowError> {
        let mut table: Table = text.parse().map_err(|error| FlowError::toml(text, &error))?;
        dates_as_texts(&mut table);
        overrule(&mut table, config);
        let mut problems = Vec::new();
        variables::expand(&mut table, variables, &mut problems);
        let transforms = transform::take(&mut table, &mut problems);
        let mut sections = Sections::split(table, &mut problems);
        let source = sections.take::<SourceConfig>("source", SOURCE, &mut problems);
        let mut source = source.and_then(|s| kept(s.settings(), &mut problems));
        // A wrong source must not hide what is wrong with the map.
        let codec = source.as_ref().map(|s| s.codec).unwrap_or_default();
        let map = sections.take::<MapConfig>("map", MAP, &mut problems);
        let map = map.and_then(|m| kept(m.settings(codec), &mut problems));
        if let (Some(source), Some(map)) = (&mut source, &map) {
            between::place_lines(source, map, &mut problems);
            between::send_letters(source, map, &mut problems);
        }
        let mut sink = sections.take::<SinkSettings>("sink", SINK, &mut problems);
        let checkpoint = sections.has("checkpoint").then(|| {
            // Whatever is wrong with it, the sink is one that has checkpoints.
            let config = sink.as_mut().map(|sink| &mut sink.config);
            commits_checkpoints(config, &mut problems);
            if let (Some(source), Some(sink)) = (&source, &sink) {
                between::find_letters_again(source, sink, &mut problems);
            }
            let checkpoint =
                sections.take::<CheckpointConfig>("checkpoint", CHECKPOINT, &mut problems);
            checkpoint.and_then(|c| kept(c.settings(flow), &mut problems))
        });
        if let Some(source) = &source {
            between::keep_the_place(source, checkpoint.is_some(), &mut problems);
        }
        let checkpoint = checkpoint.flatten();
        let credentials = sections.take("credentials", CREDENTIALS, &mut problems);
        let credentials = credentials.and_then(|c| kept(credentials::meant(c), &mut problems));
        let run = sections.take::<RunConfig>("run", RUN, &mut problems);
        let run = run.and_then(|r| kept(r.settings(), &mut problems)).unwrap_or_default();
        Ok(Draft { source, map, transforms, sink, credentials, checkpoint, run, problems })
    }
}

/// Reads the text of a flow. It may be a pipe, so read it once.
///
/// # Errors
///
/// [`FlowError::Read`].
pub fn read(path: &Path) -> Result<String, FlowError> {
    std::fs::read_to_string(path).map_err(|error| FlowError::Read(path.to_owned(), error))
}

/// JSON, which components are configured in, has no dates, and takes texts for them.
fn dates_as_texts(table: &mut Table) {
    let sink = table.get_mut("sink").and_then(Value::as_table_mut);
    let config = sink.and_then(|sink| sink.get_mut("config")).and_then(Value::as_table_mut);
    config.into_iter().flatten().for_each(|(_, value)| date_as_text(value));
}

fn date_as_text(value: &mut Value) {
    if let Value::Datetime(date) = value {
        *value = Value::String(date.to_string());
    }
}

fn overrule(table: &mut Table, config: &Config) {
    let path = iter::once("config").chain(iter::repeat_n("sink", config.depth));
    let sink = table.get_mut("sink");
    let written = path.fold(sink, |table, name| table?.get_mut(name));
    if let Some(written) = written.and_then(Value::as_table_mut) {
        for (name, value) in &config.fields {
            match value {
                Some(value) => written.insert((*name).to_owned(), Value::String(value.clone())),
                None => written.remove(*name),
            };
        }
    }
}

/// A flow with checkpoints has a sink that waits for them.
fn commits_checkpoints(
    config: Option<&mut serde_json::Map<String, serde_json::Value>>,
    problems: &mut Vec<Problem>,
) {
    let Some(config) = config else { return };
    let written = config.entry(COMMIT).or_insert_with(|| CHECKPOINTED.into());
    if written == "sealed" {
        let message = format!(
            "is \"sealed\", but a flow with [checkpoint] needs \"{CHECKPOINTED}\": remove this \
             line, or [checkpoint]"
        );
        problems.push(Problem::new(format!("sink.config.{COMMIT}"), message));
    }
}

fn kept<T>(result: Result<T, Vec<Problem>>, problems: &mut Vec<Problem>) -> Option<T> {
    result.map_err(|more| problems.extend(more)).ok()
}

/// The field of a sink's configuration that says when objects become visible, and its value where
/// they wait for a checkpoint: the contract names both.
pub const COMMIT: &str = "commit";
/// See [`COMMIT`].
pub const CHECKPOINTED: &str = "checkpointed";

const SOURCE: &[&str] = &[
    "type",
    "path",
    "paths",
    "exclude",
    "follow",
    "start_at",
    "compression",
    "rotate_wait",
    "partial_line_after",
    "codec",
    "line_bytes_max",
    "crlf",
    "empty_lines",
    "multiline",
    "brokers",
    "topics",
    "group",
    "tombstones",
    "revoke_timeout",
    "commit_every",
    "tls",
    "sasl",
    "properties",
];
const MAP: &[&str] = &["key", "fixed_key", "payload", "events", "at", "at_unit", "on_rejected"];
const CHECKPOINT: &[&str] = &["store", "path", "name", "lease", "every"];
const SINK: &[&str] = &[
    "component",
    "egress",
    "ca_file",
    "lanes",
    "memory_bytes_max",
    "state_bytes_max",
    "compile_max",
    "compute_max",
    "prompt_call_max",
    "requests_in_flight_max",
    "resources_max",
    "on_failed",
    "config",
];

#[cfg(test)]
mod tests;
