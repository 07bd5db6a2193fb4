//! The commands: arguments as typed, then as meant, then done.

pub(crate) mod args;
mod asking;
mod attended;
mod check;
mod checkpoint;
mod component;
mod demo;
mod execute;
mod exit;
#[cfg(feature = "kafka")]
mod group;
mod holding;
mod inspect;
mod log;
mod minute;
mod output;
mod patience;
mod position;
mod reload;
mod repeats;
mod run;
mod stopping;
mod summary;
mod terminal;
mod uploads;
mod view;
mod waits;

use std::process::ExitCode;

use anyhow::Error;
use clap::Parser as _;

use args::{Arguments, Command, LogFormat, LogLevel};
use exit::{CliError, Exit};

/// Parses the arguments of this process, runs the command, and reports how it ended.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(said) => return ended(explain(&said)),
    };
    let (format, level) = match &arguments.command {
        Command::Run(arguments) => (arguments.log, arguments.log_level),
        _ => (LogFormat::Text, LogLevel::Info),
    };
    log::init(format, level);
    let done = runtime().and_then(|runtime| {
        let done = runtime.block_on(dispatch(arguments.command));
        // A thread that reads a terminal cannot be woken; nothing it could still read is wanted.
        runtime.shutdown_background();
        done
    });
    ended(done.unwrap_or_else(|stop| stop.report()))
}

/// Prints what the arguments lead to before anything is done: help, the version, or what is wrong
/// with them.
fn explain(said: &clap::Error) -> Exit {
    let printed = said.print();
    if said.use_stderr() {
        // Where that cannot be written, nothing can.
        return Exit::Usage;
    }
    log::init(LogFormat::Text, LogLevel::Info);
    output::heard(printed);
    Exit::Done
}

/// The exit code. Output that could not be written is a failure.
fn ended(exit: Exit) -> ExitCode {
    let Some(error) = output::unheard() else { return exit.into() };
    let error = Error::new(error).context("standard output cannot be written");
    let failed = CliError::Failed(error).report();
    if exit == Exit::Done { failed.into() } else { exit.into() }
}

async fn dispatch(command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Demo => demo::demo().await,
        Command::Run(arguments) => run::run(arguments).await,
        Command::Check(arguments) => check::check(arguments).await,
        Command::Uploads(command) => uploads::uploads(command).await,
        Command::Checkpoint(command) => checkpoint::checkpoint(command).await,
        Command::Inspect(arguments) => inspect::inspect(arguments).await,
        Command::Component(arguments) => component::component(arguments),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| CliError::Failed(Error::new(error).context("no threads to run on")))
}
