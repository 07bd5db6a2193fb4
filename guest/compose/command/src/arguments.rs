//! What the command is told: by arguments, or by variables where an argument is missing.

use std::collections::BTreeMap;

use serde_json::Value;
use spillway_fields::{shown, unknown};
use wasip2::cli::environment::{get_arguments, get_environment};

/// What is asked for.
pub(crate) enum Asked {
    Help,
    Run(Arguments),
}

/// What a run needs.
pub(crate) struct Arguments {
    /// The configuration of the sink, as JSON.
    pub(crate) config: String,
    /// What says it, for messages.
    pub(crate) config_from: &'static str,
    /// The key of every event.
    pub(crate) key: String,
}

impl Arguments {
    /// Reads the arguments and variables of this process.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub(crate) fn of_process() -> Result<Asked, Vec<String>> {
        let mut problems = Vec::new();
        let mut given = BTreeMap::new();
        // The first is the name of the program.
        let mut words = get_arguments().into_iter().skip(1);
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word, None),
            };
            if name == "--help" || name == "-h" {
                return Ok(Asked::Help);
            }
            if !NAMES.contains(&name.as_str()) {
                let name = shown(&name);
                let why = unknown(&name, NAMES).replace("unknown field", "unknown argument");
                problems.push(format!("{name}: {why}"));
                continue;
            }
            match value.or_else(|| words.next()) {
                Some(value) => drop(given.insert(name, value)),
                None => problems.push(format!("{name}: has no value")),
            }
        }
        let variables: BTreeMap<_, _> = get_environment().into_iter().collect();
        let mut take = |[name, variable]: [&'static str; 2], example| {
            let variable_value = || variables.get(variable).map(|value| (variable, value.clone()));
            let found = given.remove(name).map(|value| (name, value)).or_else(variable_value);
            let Some((from, value)) = found.filter(|(_, value)| !value.is_empty()) else {
                problems.push(format!("{name}: missing; give it, or set {variable}: {example}"));
                return (name, String::new());
            };
            (from, value)
        };
        let (config_from, config) = take(CONFIG, "the sink's configuration as JSON");
        let (_, key) = take(KEY, "the key of every line");
        if waits_for_commit(&serde_json::from_str(&config).unwrap_or_default()) {
            problems.push(format!("{config_from}: commit: {CHECKPOINTED}"));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Asked::Run(Arguments { config, config_from, key }))
    }
}

/// Whether objects would wait for checkpoints, of which this command takes none. The sink may stand
/// behind transforms.
fn waits_for_commit(config: &Value) -> bool {
    config["commit"] == "checkpointed" || config.get("sink").is_some_and(waits_for_commit)
}

const CONFIG: [&str; 2] = ["--config", "SPILLWAY_CONFIG"];
const KEY: [&str; 2] = ["--key", "SPILLWAY_KEY"];
const NAMES: &[&str] = &["--config", "--key", "--help"];
const CHECKPOINTED: &str = "\"checkpointed\" needs checkpoints, and this command takes none; \
                            expected \"sealed\"";
pub(crate) const HELP: &str = "\
Stores the lines of standard input.

  --config JSON  the configuration of the sink, or SPILLWAY_CONFIG
  --key KEY      the key of every line, or SPILLWAY_KEY
  --help         this text

Ends with 0 if every line is stored, 1 if not, 2 if an argument is wrong.
";
