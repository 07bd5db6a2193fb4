//! The server's process, as its parent has it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::role::Role;
use crate::server::{REPORT, RESET, Report};

/// A server that runs. It ends when this is dropped, or with this process.
pub struct Served {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    endpoint: String,
}

impl Served {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// Where this program cannot be started again, or the server has no port.
    pub fn start() -> anyhow::Result<Served> {
        let mut command: Command = Role::Server.command()?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().context("the server cannot be started")?;
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().context("the server has no output")?);
        let mut served = Served { child, stdin, stdout, endpoint: String::new() };
        served.endpoint = served.line()?;
        Ok(served)
    }

    /// Its URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Forgets what was stored, and starts the clock of the next [`Report`].
    ///
    /// # Errors
    ///
    /// Where the server has ended.
    pub fn reset(&mut self) -> anyhow::Result<()> {
        self.ask(RESET).map(drop)
    }

    /// What was stored since the last reset.
    ///
    /// # Errors
    ///
    /// Where the server has ended.
    pub fn report(&mut self) -> anyhow::Result<Report> {
        Ok(serde_json::from_str(&self.ask(REPORT)?)?)
    }

    fn ask(&mut self, request: &str) -> anyhow::Result<String> {
        let stdin = self.stdin.as_mut().context("the server is asked after its end")?;
        writeln!(stdin, "{request}").context("the server has ended")?;
        self.line()
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        ensure!(self.stdout.read_line(&mut line)? > 0, "the server has ended");
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It is no error where it has ended by itself.
        let _ = self.child.wait();
    }
}
