//! A program that a test has started: its output line by line, and its end, each within a limit.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// A program that runs. It is killed where the test ends before it does. What it said is shown
/// where the test fails.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Line>,
    out: String,
    err: String,
    open: usize,
    deadline: Instant,
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; nothing where a signal ended it.
    pub code: Option<i32>,
    /// All of its standard output.
    pub out: String,
    /// All of its standard error.
    pub err: String,
}

enum Line {
    Out(String),
    Err(String),
    Closed,
}

/// Sends a signal to a process: `INT`, `TERM`.
pub fn signal(id: u32, name: &str) {
    let id = id.to_string();
    let sent = Command::new("kill").args([&format!("-{name}"), "--", &id]).status();
    assert!(sent.expect("kill is there").success(), "no signal to {id}");
}

impl Running {
    /// Starts `command`, with pipes for its three streams.
    pub fn start(command: &mut Command) -> Running {
        Running::start_within(command, PATIENCE)
    }

    /// Starts a command that may take longer than most.
    pub fn start_within(command: &mut Command, patience: Duration) -> Running {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::spawn(command, patience)
    }

    /// Starts `command`, with its standard output going to `out`, which nobody reads here.
    pub fn start_into(command: &mut Command, out: Stdio) -> Running {
        command.stdin(Stdio::piped()).stdout(out).stderr(Stdio::piped());
        Running::spawn(command, PATIENCE)
    }

    /// Starts `command`, with its standard input coming from `input`.
    pub fn start_from(command: &mut Command, input: Stdio) -> Running {
        command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running::spawn(command, PATIENCE)
    }

    fn spawn(command: &mut Command, patience: Duration) -> Running {
        let mut child = command.spawn().expect("the program starts");
        let (sender, lines) = channel();
        let mut open = 0;
        if let Some(stdout) = child.stdout.take() {
            forward(stdout, sender.clone(), Line::Out);
            open += 1;
        }
        if let Some(stderr) = child.stderr.take() {
            forward(stderr, sender, Line::Err);
            open += 1;
        }
        let stdin = child.stdin.take();
        let deadline = Instant::now() + patience;
        Running { child, stdin, lines, out: String::new(), err: String::new(), open, deadline }
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to its standard input, and leaves that open.
    pub fn write(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        stdin.write_all(bytes).and_then(|()| stdin.flush()).expect("it reads");
    }

    /// Takes its standard input, for a thread of its own to write to.
    pub fn take_stdin(&mut self) -> ChildStdin {
        self.stdin.take().expect("standard input is open")
    }

    /// Sends it a signal: `INT`, `TERM`.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Waits for a line on standard error that contains `text`.
    pub fn wait_for(&mut self, text: &str) {
        while !self.err.contains(text) {
            assert!(self.open > 0, "it ended without saying {text:?}: {}", self.said());
            self.next_line();
        }
    }

    /// Closes its standard input, and waits until it has ended.
    pub fn end(mut self) -> Ended {
        drop(self.stdin.take());
        self.ends()
    }

    /// Waits until it has ended, with its standard input still open.
    pub fn ends(mut self) -> Ended {
        while self.open > 0 {
            self.next_line();
        }
        // Both of its streams are closed, so it is past its last word.
        let status = self.child.wait().expect("it is our child");
        Ended { code: status.code(), out: self.out.clone(), err: self.err.clone() }
    }

    /// Waits for a line on standard error that contains `text`, and returns what is behind it
    /// there.
    pub fn told(&mut self, text: &str) -> String {
        self.wait_for(text);
        let (_, behind) = self.err.split_once(text).expect("it was waited for");
        behind.lines().next().unwrap_or_default().to_owned()
    }

    fn next_line(&mut self) {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => self.hear(line),
            Err(RecvTimeoutError::Timeout) => panic!("it takes too long: {}", self.said()),
            Err(RecvTimeoutError::Disconnected) => self.open = 0,
        }
    }

    fn hear(&mut self, line: Line) {
        match line {
            Line::Out(line) => self.out.push_str(&line),
            Line::Err(line) => self.err.push_str(&line),
            Line::Closed => self.open -= 1,
        }
    }

    fn said(&self) -> String {
        format!("stdout {:?}, stderr {:?}", self.out, self.err)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It is no error where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        while self.open > 0
            && let Ok(line) = self.lines.recv_timeout(LAST_WORDS)
        {
            self.hear(line);
        }
        eprintln!("process {}: {}", self.id(), self.said());
    }
}

fn forward(stream: impl Read + Send + 'static, lines: Sender<Line>, name: fn(String) -> Line) {
    std::thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream.read_until(b'\n', &mut line).is_ok_and(|count| count > 0) {
            let text = String::from_utf8_lossy(&line).into_owned();
            let _ = lines.send(name(text));
            line.clear();
        }
        let _ = lines.send(Line::Closed);
    });
}

/// How long a program may take in a test, a busy machine included.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// How long the last lines of a program that was killed may take. Its children may hold its
/// streams open.
const LAST_WORDS: Duration = Duration::from_secs(1);
