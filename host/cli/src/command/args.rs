//! Arguments as typed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::source::Partition;

/// Streams events into S3 from a sandboxed WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "spillway", version, about, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed at run time, 2 wrong use or configuration, \
                        130 interrupted.")]
pub struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show Spillway at work, against an S3 server in this process. Needs no account and no
    /// network.
    Demo,
    /// Run a flow: read its source to the end and store every event.
    Run(RunArguments),
    /// Report every mistake in a flow, without writing anything.
    Check(CheckArguments),
    /// List or abort incomplete multipart uploads of earlier runs.
    #[command(subcommand)]
    Uploads(UploadsCommand),
    /// Show what a checkpoint contains.
    #[command(subcommand)]
    Checkpoint(CheckpointCommand),
    /// Show the imports, exports and configuration of a sink or a transform.
    Inspect(InspectArguments),
    /// Write a built-in component to a file, for other hosts and for composition.
    Component(ComponentArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The flow's file, in TOML.
    pub(crate) flow: PathBuf,
    /// Store into this folder instead, through an S3 server in this process. Objects become the
    /// files DIR/<bucket>/<key>. Needs no credentials.
    #[arg(long, value_name = "DIR")]
    pub(crate) local: Option<PathBuf>,
    /// Load this component instead of the flow's or the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// Print the summary as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    /// Report every mistake in the flow, and run nothing.
    #[arg(long, conflicts_with_all = ["local", "json"])]
    pub(crate) check_config: bool,
    /// Serve Prometheus metrics at http://ADDR/metrics, and health at http://ADDR/health, while the
    /// flow runs. Port 0 takes any free port.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) metrics: Option<SocketAddr>,
    /// The format of standard error: text, or one JSON document per line.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log: LogFormat,
    /// The lowest level that is printed on standard error.
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub(crate) log_level: LogLevel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The flow's file, in TOML.
    pub(crate) flow: PathBuf,
    /// Also prove that the bucket can be written. Leaves nothing in it.
    #[arg(long)]
    pub(crate) connect: bool,
    /// Load this component instead of the flow's or the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UploadsCommand {
    /// List incomplete uploads below the names that the flow may write: key, age, parts, ID.
    List(ListArguments),
    /// Abort incomplete uploads of at least a given age.
    Abort(AbortArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// The flow's file, in TOML. Only [sink], [credentials] and [checkpoint] matter.
    pub(crate) flow: PathBuf,
    /// Load this component instead of the flow's or the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// Only uploads of at least this age: 90s, 15m, 24h, 7d, 1d12h.
    #[arg(long, value_name = "AGE", value_parser = crate::age::parse)]
    pub(crate) older_than: Option<Duration>,
    /// Print the list as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AbortArguments {
    /// The flow's file, in TOML. Only [sink], [credentials] and [checkpoint] matter.
    pub(crate) flow: PathBuf,
    /// Load this component instead of the flow's or the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// Only uploads of at least this age: 90s, 15m, 24h, 7d, 1d12h. Choose an age longer than any
    /// writer needs for an object: uploads in progress are aborted, too.
    #[arg(long, value_name = "AGE", value_parser = crate::age::parse)]
    pub(crate) older_than: Duration,
    /// Print what would be aborted, and abort nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CheckpointCommand {
    /// Show the position of a flow and its open objects: key, phase, lines, bytes, upload.
    Show(ShowArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The checkpoint file, as named by [checkpoint] of a flow.
    #[arg(required_unless_present = "flow", conflicts_with = "flow")]
    pub(crate) file: Option<PathBuf>,
    /// The flow whose checkpoint it is. Reads it from the bucket, where it is kept there.
    #[arg(long, value_name = "FLOW")]
    pub(crate) flow: Option<PathBuf>,
    /// The partition whose checkpoint it is, where the flow reads partitions of Kafka topics.
    #[arg(long, value_name = "TOPIC/NUMBER", requires = "flow", value_parser = partition)]
    pub(crate) partition: Option<Partition>,
    /// The component that wrote it. Default: that of the flow, or the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// Print it as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The component's file. Default: the built-in one.
    pub(crate) component: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ComponentArguments {
    /// Which component.
    #[arg(value_name = "NAME", default_value = "s3")]
    pub(crate) name: ComponentName,
    /// Credentials for static-credentials, as JSON in the format of `credential_process`. `-` is
    /// standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) credentials: Option<PathBuf>,
    /// The file to write.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

/// A component that this program was built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ComponentName {
    /// The sink.
    S3,
    /// A transform and a sink as one sink.
    Chain,
    /// A transform that drops, rejects and renames events by rules.
    Route,
    /// A command that stores the lines of standard input.
    Command,
    /// Credentials of the environment.
    EnvCredentials,
    /// Credentials that are written into its file.
    StaticCredentials,
    /// A handler of wasmCloud that stores messages.
    Wasmcloud,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = "expected an IP address and a port, such as 127.0.0.1:9464 or [::1]:0";
    text.parse().map_err(|_| wrong.to_owned())
}

fn partition(text: &str) -> Result<Partition, String> {
    let (topic, number) = text.rsplit_once('/').unwrap_or_default();
    match number.parse() {
        Ok(number) if !topic.is_empty() => Ok(Partition { topic: topic.to_owned(), number }),
        _ => Err("expected TOPIC/NUMBER, as in orders/3".to_owned()),
    }
}
