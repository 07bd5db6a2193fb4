//! Arguments as typed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Streams events into S3 from a sandboxed WebAssembly component.
#[derive(Debug, Parser)]
#[command(version, about, disable_help_subcommand = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed at run time, 2 wrong use or configuration, \
                        130 interrupted.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show it all at work: an S3 server in this process, no account, no network.
    Demo,
    /// Run a flow: read its source to the end, and store every event.
    Run(RunArguments),
    /// Say everything that is wrong with a flow, without writing anything.
    Check(CheckArguments),
    /// Show, or end, what earlier runs left unfinished in the store.
    #[command(subcommand)]
    Uploads(UploadsCommand),
    /// Show what a checkpoint holds.
    #[command(subcommand)]
    Checkpoint(CheckpointCommand),
    /// Show what a component is, what it asks for and how it is configured.
    Inspect(InspectArguments),
    /// Write the built-in component to a file, to load it elsewhere.
    Component(ComponentArguments),
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The flow's file, in TOML.
    pub(crate) flow: PathBuf,
    /// Store into this folder instead: an S3 server in this process, objects as files in
    /// DIR/<bucket>/<key>. Needs no credentials.
    #[arg(long, value_name = "DIR")]
    pub(crate) local: Option<PathBuf>,
    /// Load this component instead of the flow's or the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// Print the summary as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    /// Serve metrics for Prometheus at http://ADDR/metrics while the flow runs. Port 0 is any that
    /// is free.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub(crate) metrics: Option<SocketAddr>,
    /// How standard error looks: for people, or one JSON document a line.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) log: LogFormat,
    /// The least that is said on standard error.
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
    /// Ask the store as well whether it takes what the flow would write. Leaves nothing behind.
    #[arg(long)]
    pub(crate) connect: bool,
    /// Load this component instead of the flow's or the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UploadsCommand {
    /// List the uploads that are open under the names that a flow may write: key, age, parts, id.
    List(ListArguments),
    /// Abort those that are at least so old. A younger one may be at work.
    Abort(AbortArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// The flow's file, in TOML. Only [sink] and [credentials] matter.
    pub(crate) flow: PathBuf,
    /// Load this component instead of the flow's or the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// Only those that are at least so old: 90s, 15m, 24h, 7d, 1d12h.
    #[arg(long, value_name = "AGE", value_parser = spillway::age::parse)]
    pub(crate) older_than: Option<Duration>,
    /// Print the list as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AbortArguments {
    /// The flow's file, in TOML. Only [sink] and [credentials] matter.
    pub(crate) flow: PathBuf,
    /// Load this component instead of the flow's or the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// Only those that are at least so old: 90s, 15m, 24h, 7d, 1d12h. Choose more than any object
    /// takes, of any writer below the same names.
    #[arg(long, value_name = "AGE", value_parser = spillway::age::parse)]
    pub(crate) older_than: Duration,
    /// Say what would be aborted, and abort nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CheckpointCommand {
    /// Show how far a flow is, and which objects are under way: key, phase, lines, bytes, upload.
    Show(ShowArguments),
}

#[derive(Debug, Args)]
pub(crate) struct ShowArguments {
    /// The file that [checkpoint] of a flow names.
    pub(crate) file: PathBuf,
    /// The component that wrote it; without it, the built-in one.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// Print it as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The component's file; without it, the built-in one.
    pub(crate) component: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ComponentArguments {
    /// Where to write it.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = "expected an IP address and a port, such as 127.0.0.1:9464 or [::1]:0";
    text.parse().map_err(|_| wrong.to_owned())
}
