//! What a process of this program is: it starts itself again for each thing that is measured, so
//! that CPU time and memory are those of one thing alone.

use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, SysconfVar, sysconf};
use serde::{Deserialize, Serialize};

#[cfg(feature = "kafka")]
use crate::group;
use crate::{server, writer};

/// A process that is not the one that a person has started.
#[derive(Deserialize, Serialize)]
pub enum Role {
    /// The server.
    Server,
    /// Writes through one library.
    Writer(writer::Job),
    /// Runs a program.
    Watcher(Program),
    /// Runs the members of a consumer group.
    #[cfg(feature = "kafka")]
    Group(group::Job),
}

/// A program to run, and its surroundings.
#[derive(Clone, Default, Deserialize, Serialize)]
pub struct Program {
    /// Its name or path, and its arguments.
    pub words: Vec<String>,
    /// Variables, besides `PATH`; it has no others.
    pub environment: Vec<(String, String)>,
    /// A file that is its standard input, if any.
    pub input: Option<PathBuf>,
    /// When it is told to end, if it does not end by itself.
    pub until: Option<Until>,
}

/// What a program is to have done before it is sent a SIGTERM.
#[derive(Clone, Deserialize, Serialize)]
pub enum Until {
    /// An object is visible: the seconds are those to that moment.
    Visible {
        /// `HOST:PORT` of the server.
        server: String,
        /// The path of the object's URL.
        path: String,
    },
    /// It has run for these seconds, and then for others: what it took is what it took in those.
    Idle {
        /// Seconds that do not count.
        settles: f64,
        /// Seconds that do.
        counts: f64,
    },
}

/// What a run took.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Taken {
    /// Of the clock.
    pub seconds: f64,
    /// Of all threads and programs of it, in user and system mode.
    pub cpu_seconds: f64,
    /// The most memory that was resident, in bytes.
    pub peak_bytes: u64,
}

impl Role {
    /// The role that this process was given, if any.
    ///
    /// # Errors
    ///
    /// Where the variable holds none.
    pub fn given() -> anyhow::Result<Option<Role>> {
        let given = std::env::var(VARIABLE).ok();
        given.map(|role| serde_json::from_str(&role).context(VARIABLE)).transpose()
    }

    /// This program again, as that.
    ///
    /// # Errors
    ///
    /// Where this program does not know where it is.
    pub fn command(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.env(VARIABLE, serde_json::to_string(self)?);
        Ok(command)
    }

    /// A process that does it, as a program to run: then all of the process is measured.
    ///
    /// # Errors
    ///
    /// Where this program does not know where it is.
    pub fn program(&self) -> anyhow::Result<Program> {
        let words = vec![std::env::current_exe()?.display().to_string()];
        let environment = vec![(VARIABLE.to_owned(), serde_json::to_string(self)?)];
        Ok(Program { words, environment, ..Program::default() })
    }

    /// Does it, in this process.
    ///
    /// # Errors
    ///
    /// What it ran into.
    pub fn play(self) -> anyhow::Result<ExitCode> {
        match self {
            Role::Server => server::serve()?,
            Role::Writer(job) => said(&writer::write(&job)?)?,
            Role::Watcher(program) => said(&watch(&program)?)?,
            #[cfg(feature = "kafka")]
            Role::Group(job) => said(&job.run()?)?,
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Does it in a process of its own, and returns what it took.
    ///
    /// # Errors
    ///
    /// Where it failed; standard error has its words.
    pub fn taken(&self) -> anyhow::Result<Taken> {
        let mut child = self.command()?.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let said = child.stdout.take().context("no output")?;
        let (status, said) = ended(child, said, RUN_MAX)?;
        if !status.success() {
            bail!("a run failed: {status}");
        }
        Ok(serde_json::from_slice(&said)?)
    }
}

/// Measures `run` in this process, without what was before it.
///
/// # Errors
///
/// That of `run`.
pub fn measured(run: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Taken> {
    let (begun, before) = (Instant::now(), cpu_seconds(&getrusage(UsageWho::RUSAGE_SELF)?));
    run()?;
    let seconds = begun.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok(Taken { seconds, cpu_seconds: cpu_seconds(&usage) - before, peak_bytes: peak(&usage) })
}

fn watch(program: &Program) -> anyhow::Result<Taken> {
    let [name, arguments @ ..] = program.words.as_slice() else { bail!("no program") };
    let mut command = Command::new(name);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.args(arguments).env_clear().env("PATH", path).envs(program.environment.clone());
    let input = program.input.as_ref().map(std::fs::File::open).transpose()?;
    command.stdin(input.map_or(Stdio::null(), Stdio::from));
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
    let said = child.stderr.take().context("no standard error")?;
    let done = program.until.as_ref().map(|until| until.done(&mut child)).transpose();
    if done.is_err() {
        // It may have ended already, and then says why.
        let _ = child.kill();
    }
    let (status, said) = ended(child, said, PROGRAM_MAX).with_context(|| name.clone())?;
    let seconds = begun.elapsed().as_secs_f64();
    if !status.success() {
        bail!("{name} ended with {status}: {}", String::from_utf8_lossy(&said).trim());
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let whole = Taken { seconds, cpu_seconds: cpu_seconds(&usage), peak_bytes: peak(&usage) };
    Ok(match done? {
        None => whole,
        Some(Done { seconds, cpu_seconds }) => {
            Taken { seconds, cpu_seconds: cpu_seconds.unwrap_or(whole.cpu_seconds), ..whole }
        }
    })
}

/// What was measured of a program before it was told to end.
struct Done {
    seconds: f64,
    /// Where it is not that of all of it.
    cpu_seconds: Option<f64>,
}

impl Until {
    /// Waits for it, and tells the program to end.
    fn done(&self, child: &mut Child) -> anyhow::Result<Done> {
        let begun = Instant::now();
        let done = match self {
            Until::Visible { server, path } => {
                let mut stream = TcpStream::connect(server)?;
                let mut is_over = false;
                while !is_visible(&mut stream, path)? {
                    // What it stored last may have come between the two looks.
                    if is_over || begun.elapsed() > PROGRAM_MAX {
                        bail!("{path} has not become visible");
                    }
                    is_over = child.try_wait()?.is_some();
                    if !is_over {
                        std::thread::sleep(LOOKS_EVERY);
                    }
                }
                let done = Done { seconds: begun.elapsed().as_secs_f64(), cpu_seconds: None };
                if is_over {
                    return Ok(done);
                }
                done
            }
            Until::Idle { settles, counts } => {
                std::thread::sleep(Duration::from_secs_f64(*settles));
                let (begun, before) = (Instant::now(), cpu_seconds_of(child)?);
                std::thread::sleep(Duration::from_secs_f64(*counts));
                let seconds = begun.elapsed().as_secs_f64();
                Done { seconds, cpu_seconds: Some(cpu_seconds_of(child)? - before) }
            }
        };
        terminate(child)?;
        Ok(done)
    }
}

/// Sends a SIGTERM to a child that was not waited for.
pub fn terminate(child: &Child) -> anyhow::Result<()> {
    Ok(kill(Pid::from_raw(i32::try_from(child.id())?), Signal::SIGTERM)?)
}

/// One HEAD on a connection that stays open.
fn is_visible(stream: &mut TcpStream, path: &str) -> anyhow::Result<bool> {
    write!(stream, "HEAD {path} HTTP/1.1\r\nhost: server\r\n\r\n")?;
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => bail!("the server has closed the connection"),
            read => head.extend_from_slice(&buffer[..read]),
        }
    }
    Ok(head.starts_with(b"HTTP/1.1 200 "))
}

/// Of all threads of a process that runs, in user and system mode: see proc(5).
fn cpu_seconds_of(child: &Child) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
    // The name of the program is in brackets, and may have blanks in it.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_ascii_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: u64 = ticks.sum::<Result<_, _>>()?;
    let per_second = sysconf(SysconfVar::CLK_TCK)?.context("no clock ticks")?;
    Ok(ticks as f64 / per_second as f64)
}

/// Waits for the end of a child, and returns what it wrote to a pipe. One that takes too long is
/// killed.
fn ended(
    mut child: Child,
    mut pipe: impl Read + Send + 'static,
    limit: Duration,
) -> anyhow::Result<(ExitStatus, Vec<u8>)> {
    let (sender, written) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What could be read is all there is to say.
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    let Ok(written) = written.recv_timeout(limit) else {
        child.kill()?;
        child.wait()?;
        bail!("it was ended after {} s", limit.as_secs());
    };
    Ok((child.wait()?, written))
}

fn said(taken: &Taken) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string(taken)?);
    Ok(())
}

pub fn cpu_seconds(usage: &Usage) -> f64 {
    [usage.user_time(), usage.system_time()]
        .iter()
        .map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6)
        .sum()
}

/// Linux counts it in KiB.
pub fn peak(usage: &Usage) -> u64 {
    u64::try_from(usage.max_rss()).unwrap_or_default() * 1024
}

/// The server answers that often whether an object is visible.
const LOOKS_EVERY: Duration = Duration::from_millis(5);
/// How long a program may take.
const PROGRAM_MAX: Duration = Duration::from_secs(600);
/// How long a run may take; longer than a program, which it would leave behind.
const RUN_MAX: Duration = Duration::from_secs(660);
const VARIABLE: &str = "SPILLWAY_BENCH_ROLE";
