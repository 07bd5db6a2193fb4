//! Ready-made programs beside the command: one file of lines into one object.
//!
//! `tests/bench/agents` installs them. Each has its own defaults, but for parts of 8 MiB.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;

use crate::arguments::Arguments;
use crate::bench::{Bench, Entrant, Measure, Race, Stored};
use crate::flow::{self, Flow, Input, Lines, Order};
use crate::result::{Section, Unit, grouped};
use crate::role::{Program, Role};
use crate::server::BUCKET;
use crate::writer::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};

/// Those that are installed.
///
/// # Errors
///
/// Where none is, or one fails.
pub(super) fn measure(bench: &mut Bench, sizes: &Arguments) -> anyhow::Result<Section> {
    flow::build()?;
    let folder = std::env::var_os("SPILLWAY_AGENTS").map(PathBuf::from).unwrap_or_default();
    let agents: Vec<_> =
        AGENTS.iter().filter(|agent| folder.join(agent.program).exists()).collect();
    ensure!(!agents.is_empty(), "none is installed: run `tests/bench/agents` instead");
    let lines = Lines::write(bench, "agents", sizes.lines, 1, Order::OneAfterTheOther)?;
    let stored = Stored { objects: Some(1), bytes: Some(lines.bytes) };
    let flow = Flow {
        name: "agents",
        input: Input::File(&lines.path),
        source: "codec = \"raw\"",
        map: "fixed_key = \"lines\"",
        config: "",
    };
    std::fs::write(bench.path("upload.py"), UPLOAD)?;
    std::fs::write(bench.path("aws-config"), AWS_CONFIG)?;
    let mut entrants = vec![flow.entrant(bench, Some(stored), Measure::Seconds)?];
    bench.once(&entrants[0])?;
    let mut versions = Vec::new();
    for agent in agents {
        let version = version(&folder.join(agent.program), agent.version)?;
        if !versions.contains(&version) {
            versions.push(version);
        }
        entrants.push(agent.entrant(bench, &folder, &lines.path, stored));
    }
    let races = [Race { name: "a file".to_owned(), entrants }];
    Ok(Section {
        title: "Ready-made programs".to_owned(),
        about: format!(
            "{} lines of {} bytes, {} MB, into one object, from the start of the program to its \
             end. {}.",
            grouped(sizes.lines as f64),
            flow::LINE_BYTES,
            grouped(lines.bytes as f64 / 1e6),
            versions.join("; ")
        ),
        unit: Unit::Seconds,
        cases: bench.run(&races)?,
    })
}

/// A program that stores a file.
struct Agent {
    name: &'static str,
    /// In the folder of programs.
    program: &'static str,
    /// What makes it say its version.
    version: &'static [&'static str],
    /// Its arguments, with `{file}`, `{script}` and `{endpoint}` in them.
    arguments: &'static str,
    /// Whether the file is its standard input.
    reads_input: bool,
}

impl Agent {
    fn entrant(&self, bench: &Bench, folder: &Path, file: &Path, stored: Stored) -> Entrant {
        let replaced = |text: &str| {
            text.replace("{file}", &file.display().to_string())
                .replace("{script}", &bench.path("upload.py").display().to_string())
                .replace("{endpoint}", bench.endpoint())
                .replace("{bucket}", BUCKET)
        };
        let program = folder.join(self.program).display().to_string();
        let arguments = self.arguments.split(' ').map(replaced);
        let variables = [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_CONFIG_FILE", bench.path("aws-config").display().to_string()),
            ("AWS_ENDPOINT_URL", bench.endpoint().to_owned()),
            ("HOME", bench.path("home").display().to_string()),
        ];
        let program = Program {
            words: std::iter::once(program).chain(arguments).collect(),
            environment: variables.map(|(name, value)| (name.to_owned(), value)).into(),
            input: self.reads_input.then(|| file.to_owned()),
            until: None,
        };
        let role = Role::Watcher(program);
        Entrant {
            name: self.name.to_owned(),
            role,
            stored: Some(stored),
            emptied: None,
            measure: Measure::Seconds,
        }
    }
}

fn version(program: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).output()?;
    ensure!(output.status.success(), "{} says no version", program.display());
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let first = said.lines().next().unwrap_or_default();
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    Ok(match first.starts_with('v') {
        true => format!("{name} {first}"),
        false => first.to_owned(),
    })
}

const AGENTS: [Agent; 8] = [
    Agent {
        name: "`rclone rcat`, from a pipe",
        program: "rclone",
        version: &["version"],
        arguments: "rcat --s3-chunk-size 8M --s3-no-head --s3-no-check-bucket --quiet \
                    :s3,provider=Other,env_auth,endpoint='{endpoint}':{bucket}/lines",
        reads_input: true,
    },
    Agent {
        name: "`rclone copyto`",
        program: "rclone",
        version: &["version"],
        arguments: "copyto --s3-chunk-size 8M --s3-no-head --s3-no-check-bucket --quiet {file} \
                    :s3,provider=Other,env_auth,endpoint='{endpoint}':{bucket}/lines",
        reads_input: false,
    },
    Agent {
        name: "`s5cmd pipe`, from a pipe",
        program: "s5cmd",
        version: &["version"],
        arguments: "--endpoint-url {endpoint} pipe --part-size 8 s3://{bucket}/lines",
        reads_input: true,
    },
    Agent {
        name: "`s5cmd cp`",
        program: "s5cmd",
        version: &["version"],
        arguments: "--endpoint-url {endpoint} cp --part-size 8 {file} s3://{bucket}/lines",
        reads_input: false,
    },
    Agent {
        name: "`aws s3 cp`, from a pipe",
        program: "aws",
        version: &["--version"],
        arguments: "s3 cp --quiet - s3://{bucket}/lines",
        reads_input: true,
    },
    Agent {
        name: "`aws s3 cp`",
        program: "aws",
        version: &["--version"],
        arguments: "s3 cp --quiet {file} s3://{bucket}/lines",
        reads_input: false,
    },
    Agent {
        name: "boto3, `upload_file`",
        program: "python",
        version: &["-c", "import boto3; print('boto3', boto3.__version__)"],
        arguments: "{script} boto3 {file} {bucket}",
        reads_input: false,
    },
    Agent {
        name: "smart_open, line by line",
        program: "python",
        version: &["-c", "import smart_open; print('smart_open', smart_open.__version__)"],
        arguments: "{script} smart_open {file} {bucket}",
        reads_input: false,
    },
];
const AWS_CONFIG: &str = "[default]\ns3 =\n  addressing_style = path\n  \
                          multipart_chunksize = 8MB\n  payload_signing_enabled = false\n";
const UPLOAD: &str = include_str!("upload.py");
