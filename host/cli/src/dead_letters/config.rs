//! What happens to events that cannot be stored, as written in a flow.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// What happens to events whose object could not be stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OnFailed {
    /// The flow ends, and says which they are.
    #[default]
    Stop,
    /// Written to this file, and the flow continues. Until an event is durable it is kept on
    /// disk, in the folder of the file.
    File(PathBuf),
}

/// A word, `{ file = "…" }` or `{ topic = "…" }`.
pub(crate) enum Written {
    Word(String),
    File(PathBuf),
    Topic(String),
}

impl Written {
    /// Reads what is there; an error says what is `allowed`.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
        allowed: &'static str,
    ) -> Result<Written, D::Error> {
        deserializer.deserialize_any(WrittenVisitor(allowed))
    }
}

struct WrittenVisitor(&'static str);

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = Written;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }

    fn visit_str<E>(self, word: &str) -> Result<Written, E> {
        Ok(Written::Word(word.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Written, A::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Place {
            file: Option<PathBuf>,
            topic: Option<String>,
        }
        match Place::deserialize(MapAccessDeserializer::new(map))? {
            Place { file: Some(file), topic: None } => Ok(Written::File(file)),
            Place { file: None, topic: Some(topic) } => Ok(Written::Topic(topic)),
            Place { file: Some(_), topic: Some(_) } => {
                Err(A::Error::custom(format!("has a `file` and a `topic`, expected {}", self.0)))
            }
            Place { file: None, topic: None } => {
                Err(A::Error::custom(format!("is an empty table, expected {}", self.0)))
            }
        }
    }
}

impl<'de> Deserialize<'de> for OnFailed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OnFailed, D::Error> {
        let wrong = |seen: String| Err(D::Error::custom(format!("is {seen}, expected {ALLOWED}")));
        match Written::deserialize(deserializer, ALLOWED)? {
            Written::Word(word) if word == "stop" => Ok(OnFailed::Stop),
            Written::Word(word) => wrong(format!("\"{word}\"")),
            Written::File(path) if path.as_os_str().is_empty() => {
                wrong("a file without a name".to_owned())
            }
            Written::File(path) => Ok(OnFailed::File(path)),
            Written::Topic(_) => wrong("a topic".to_owned()),
        }
    }
}

const ALLOWED: &str = "\"stop\" or { file = \"failed.ndjson\" }";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_or_a_file() {
        assert_eq!(parse("'stop'"), Ok(OnFailed::Stop));
        assert_eq!(parse("{ file = 'f.ndjson' }"), Ok(OnFailed::File("f.ndjson".into())));
        for (text, said) in [
            ("'skip'", "is \"skip\", expected \"stop\" or { file = \"failed.ndjson\" }"),
            ("{ file = '' }", "is a file without a name, expected \"stop\" or"),
            ("{ fiel = 'f' }", "unknown field `fiel`"),
            ("{ topic = 't' }", "is a topic, expected \"stop\" or"),
            ("{ file = 'f', topic = 't' }", "has a `file` and a `topic`, expected \"stop\" or"),
            ("{}", "is an empty table, expected \"stop\" or"),
            ("7", "expected \"stop\" or { file = \"failed.ndjson\" }"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    fn parse(text: &str) -> Result<OnFailed, String> {
        let table: toml::Table = format!("x = {text}").parse().unwrap();
        OnFailed::deserialize(table["x"].clone()).map_err(|error| error.to_string())
    }
}
