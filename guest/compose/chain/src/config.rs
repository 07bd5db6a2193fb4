//! The configuration of a chain: that of its transform, and that of its sink.

use serde_json::{Map, Value, json};
use spillway_fields::{Fields, Problem, trimmed};

use crate::bindings::spillway::sink::types::{self, Description, Error};

/// The configurations of the two components, as each of them takes it.
pub(crate) struct Config {
    pub(crate) transform: String,
    pub(crate) sink: String,
}

impl Config {
    /// Splits the configuration of a chain. A part that is missing is an empty object: the
    /// component says what it needs.
    pub(crate) fn parse(json: &str) -> Result<Config, Error> {
        let mut problems = Vec::new();
        let mut fields = Fields::read(json, "", &[TRANSFORM, SINK, COMMIT], &mut problems);
        let mut part = |name| fields.raw(name).unwrap_or("{}").to_owned();
        let mut config = Config { transform: part(TRANSFORM), sink: part(SINK) };
        if let Some(commit) = fields.take::<Value>(COMMIT, "a text", &mut problems)
            && let Ok(mut sink) = serde_json::from_str::<Map<String, Value>>(&config.sink)
        {
            sink.entry(COMMIT).or_insert(commit);
            config.sink = Value::Object(sink).to_string();
        }
        if problems.is_empty() { Ok(config) } else { Err(invalid(problems)) }
    }

    /// What the transform answered, with the field in which its configuration stands.
    pub(crate) fn in_transform<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        answer.map_err(|error| within(TRANSFORM, error))
    }

    /// What the sink answered, with the field in which its configuration stands.
    pub(crate) fn in_sink<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        answer.map_err(|error| within(SINK, error))
    }
}

/// Both, or all that is wrong with either.
pub(crate) fn both<A, B>(one: Result<A, Error>, other: Result<B, Error>) -> Result<(A, B), Error> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (Err(Error::Invalid(mut problems)), Err(Error::Invalid(more))) => {
            problems.extend(more);
            let own = |types::Problem { field, message }| Problem { field, message };
            Err(invalid(problems.into_iter().map(own).collect()))
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

/// The schema of a chain of these two. Each keeps its own base for references inside it.
pub(crate) fn schema(transform: &Description, sink: &Description) -> String {
    let part = |name: &str, described: &Description| {
        let schema = serde_json::from_str(&described.configuration_schema);
        let mut schema: Value = schema.unwrap_or(Value::Bool(true));
        if let Value::Object(schema) = &mut schema {
            schema.remove("$schema");
            schema.entry("$id").or_insert_with(|| format!("{name}/").into());
        }
        schema
    };
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A transform before a sink",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            TRANSFORM: part(TRANSFORM, transform),
            SINK: part(SINK, sink),
            COMMIT: {
                "enum": ["sealed", "checkpointed"],
                "description": "Handed on to the sink, where that does not say it itself.",
            },
        },
    })
    .to_string()
}

fn within(outer: &str, error: Error) -> Error {
    let Error::Invalid(problems) = error else { return error };
    let own = |types::Problem { field, message }| Problem { field, message }.within(outer);
    invalid(problems.into_iter().map(own).collect())
}

fn invalid(problems: Vec<Problem>) -> Error {
    let told = |Problem { field, message }| types::Problem { field, message };
    Error::Invalid(trimmed(problems).into_iter().map(told).collect())
}

const TRANSFORM: &str = "transform";
const SINK: &str = "sink";
/// When objects become visible: the contract names the field, and a host may set it.
const COMMIT: &str = "commit";
