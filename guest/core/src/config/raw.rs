//! Parses the configuration, field by field.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::config::{Absent, Field, Kind, fields, seen, whole};
use crate::error::Problem;
use crate::suggest::nearest;

/// A JSON value that keeps duplicate names. A map would silently keep the last of them.
enum Node {
    Value(Value),
    Table(Vec<(String, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(Nodes)
    }
}

struct Nodes;

impl<'de> Visitor<'de> for Nodes {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Value(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Value(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Value(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Value(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Value(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Value(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = list.next_element::<Value>()? {
            values.push(value);
        }
        Ok(Node::Value(values.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = map.next_entry()? {
            pairs.push(pair);
        }
        Ok(Node::Table(pairs))
    }
}

impl Node {
    fn into_value(self) -> Value {
        match self {
            Node::Value(value) => value,
            Node::Table(pairs) => {
                pairs.into_iter().map(|(name, node)| (name, node.into_value())).collect()
            }
        }
    }
}

/// The fields that are set, by name. Each value has the type of its field.
pub struct RawConfig(Map<String, Value>);

/// Shows the names only, since a value may be secret.
impl fmt::Debug for RawConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl RawConfig {
    /// Parses JSON. Returns the valid fields, and a problem for each field that is unknown,
    /// duplicated, missing, of the wrong type or outside its limits.
    pub fn parse(json: &str) -> (RawConfig, Vec<Problem>) {
        let mut reading = Reading::default();
        match serde_json::from_str(json) {
            Ok(Node::Table(pairs)) => reading.table("", pairs),
            Ok(Node::Value(other)) => {
                let message = format!("{}; expected a JSON object", seen(&other));
                return (RawConfig(Map::new()), vec![Problem::new("", message)]);
            }
            Err(error) => {
                let problem = Problem::new("", format!("not JSON: {error}"));
                return (RawConfig(Map::new()), vec![problem]);
            }
        }
        let Reading { values, mut problems, .. } = reading;
        for field in fields().filter(|f| matches!(f.absent, Absent::Required)) {
            let wrong = problems.iter().any(|p| p.field == field.name);
            if !values.contains_key(field.name) && !wrong {
                problems.push(Problem::new(field.name, "missing, and there is no default"));
            }
        }
        (RawConfig(values), problems)
    }

    /// The text of a field, or its default.
    pub fn text(&self, name: &str) -> Option<&str> {
        match (self.0.get(name), &field(name).absent) {
            (Some(value), _) => value.as_str(),
            (None, Absent::Text(default)) => Some(default),
            (None, _) => None,
        }
    }

    /// The number of a field, or its default.
    pub fn number(&self, name: &str) -> Option<u64> {
        match (self.0.get(name), &field(name).absent) {
            (Some(value), _) => whole(value),
            (None, Absent::Number(default)) => Some(*default),
            (None, _) => None,
        }
    }

    /// Whether a flag is set, or its default.
    pub fn flag(&self, name: &str) -> bool {
        self.flag_if_set(name).unwrap_or(matches!(field(name).absent, Absent::True))
    }

    /// The value of a flag, if it is set.
    pub fn flag_if_set(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    /// Whether the field is set to a valid value.
    pub fn is_set(&self, name: &str) -> bool {
        self.0.contains_key(field(name).name)
    }

    /// The entries of a table of texts. Empty if the table is not set.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.0.get(name).and_then(Value::as_object).into_iter().flatten();
        texts.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }
}

/// The valid fields and the problems found so far.
#[derive(Default)]
struct Reading {
    values: Map<String, Value>,
    problems: Vec<Problem>,
    /// The fields found so far: each with its name, and the name it was given under.
    seen: Vec<(String, String)>,
}

impl Reading {
    /// Parses a table. The names of its fields begin with `prefix`, which is empty or ends with a
    /// dot.
    fn table(&mut self, prefix: &str, pairs: Vec<(String, Node)>) {
        for (name, node) in pairs {
            let path = format!("{prefix}{name}");
            let inner = format!("{path}.");
            let is_table = fields().any(|f| f.name.starts_with(&inner));
            match node {
                Node::Table(pairs) if is_table => {
                    self.once(&path, &path);
                    self.table(&inner, pairs);
                }
                node if is_table => {
                    let message = format!("{}; expected a table", seen(&node.into_value()));
                    self.problems.push(Problem::new(path, message));
                }
                node => {
                    if let Node::Table(pairs) = &node {
                        self.twice_in(&path, pairs);
                    }
                    self.field(&path, name.contains('.'), node.into_value());
                }
            }
        }
    }

    fn field(&mut self, path: &str, is_dotted: bool, value: Value) {
        let field = match known(path) {
            Ok(_) if is_dotted => {
                let message = "a name with a dot; write what stands before it as a table";
                return self.problems.push(Problem::new(path, message));
            }
            Ok(field) => field,
            Err(problem) => return self.problems.push(problem),
        };
        self.once(field.name, path);
        match field.kind.refuses(&value) {
            Some(message) => self.problems.push(Problem::new(path, message)),
            None => _ = self.values.insert(field.name.to_owned(), value),
        }
    }

    /// Reports names that a table of texts contains more than once.
    fn twice_in(&mut self, path: &str, pairs: &[(String, Node)]) {
        let is_texts = known(path).is_ok_and(|field| matches!(field.kind, Kind::Texts { .. }));
        for (at, (name, _)) in pairs.iter().enumerate().filter(|_| is_texts) {
            if pairs[..at].iter().any(|(before, _)| before == name) {
                let message = format!("given twice: `{name}` is in the table already");
                self.problems.push(Problem::new(path, message));
            }
        }
    }

    /// Reports a field that was set before, under this or another of its names.
    fn once(&mut self, name: &str, path: &str) {
        if let Some((_, before)) = self.seen.iter().find(|(seen, _)| seen == name) {
            let message = format!("given twice: `{before}` is the same field");
            self.problems.push(Problem::new(path, message));
        }
        self.seen.push((name.to_owned(), path.to_owned()));
    }
}

fn field(name: &str) -> &'static Field {
    let found = fields().find(|f| f.name == name);
    found.expect("only names in the table are looked up")
}

fn known(name: &str) -> Result<&'static Field, Problem> {
    let found = fields().find(|f| f.name == name || f.aliases.contains(&name));
    found.ok_or_else(|| {
        let tables = fields().filter_map(|f| f.name.rsplit_once('.')).map(|(table, _)| table);
        let names = fields().flat_map(|f| f.aliases.iter().copied().chain([f.name]));
        let names = names.chain(tables);
        let message = match nearest(name, names) {
            Some(near) => format!("unknown field; did you mean `{near}`?"),
            None => {
                let all: Vec<_> = fields().map(|f| f.name).collect();
                format!("unknown field; the fields are {}", all.join(", "))
            }
        };
        Problem::new(name, message)
    })
}

#[cfg(test)]
mod tests;
