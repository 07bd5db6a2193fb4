//! Reading what is written, field by field.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::config::{Absent, Field, Kind, fields, seen, whole};
use crate::error::Problem;
use crate::suggest::nearest;

/// A value with every name that was written: of two that are the same, a map would keep the last.
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

/// The written values, each of its field's kind, under its field's name.
pub struct Written(Map<String, Value>);

/// Shows the names only: a value may be a secret.
impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Written {
    /// Reads JSON: what is in order, and everything that is not. There is a problem for each field
    /// that is unknown, doubled, missing, of a wrong type or out of its limits.
    pub fn read(json: &str) -> (Written, Vec<Problem>) {
        let mut reading = Reading::default();
        match serde_json::from_str(json) {
            Ok(Node::Table(pairs)) => reading.table("", pairs),
            Ok(Node::Value(other)) => {
                let message = format!("{}; expected a JSON object", seen(&other));
                return (Written(Map::new()), vec![Problem::new("", message)]);
            }
            Err(error) => {
                let problem = Problem::new("", format!("not JSON: {error}"));
                return (Written(Map::new()), vec![problem]);
            }
        }
        let Reading { values, mut problems, .. } = reading;
        for field in fields().filter(|f| matches!(f.absent, Absent::Required)) {
            let wrong = problems.iter().any(|p| p.field == field.name);
            if !values.contains_key(field.name) && !wrong {
                problems.push(Problem::new(field.name, "missing, and there is no default"));
            }
        }
        (Written(values), problems)
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

    /// Whether a flag is set, by what is written or by default.
    pub fn flag(&self, name: &str) -> bool {
        self.flag_if_written(name).unwrap_or(matches!(field(name).absent, Absent::True))
    }

    /// What a flag is set to, where it is written at all.
    pub fn flag_if_written(&self, name: &str) -> Option<bool> {
        self.0.get(name).and_then(Value::as_bool)
    }

    /// Whether the field is written, and rightly so.
    pub fn is_written(&self, name: &str) -> bool {
        self.0.contains_key(field(name).name)
    }

    /// A table of texts, by name; empty where it is not written.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.0.get(name).and_then(Value::as_object).into_iter().flatten();
        texts.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }
}

/// What was understood so far, and what was not.
#[derive(Default)]
struct Reading {
    values: Map<String, Value>,
    problems: Vec<Problem>,
    /// The fields met so far: what each is called, and as what it was written.
    seen: Vec<(String, String)>,
}

impl Reading {
    /// Reads a table whose fields begin with `prefix`, which is empty or ends in a dot.
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

    /// A name of a table of strings may be written once.
    fn twice_in(&mut self, path: &str, pairs: &[(String, Node)]) {
        let is_texts = known(path).is_ok_and(|field| matches!(field.kind, Kind::Texts { .. }));
        for (at, (name, _)) in pairs.iter().enumerate().filter(|_| is_texts) {
            if pairs[..at].iter().any(|(before, _)| before == name) {
                let message = format!("given twice: `{name}` is in the table already");
                self.problems.push(Problem::new(path, message));
            }
        }
    }

    /// `path` may be written once, under whatever name.
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
    found.expect("only names that stand in the table are asked for; a test asks for all of them")
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
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::HEADER_BYTES_MAX;

    #[test]
    fn a_number_without_a_fraction_is_whole_however_it_is_written() {
        for (json, part_bytes) in [
            (r#"{"bucket": "b", "part_bytes": 8388608}"#, Some(8_388_608)),
            (r#"{"bucket": "b", "part_bytes": 8388608.0}"#, Some(8_388_608)),
            (r#"{"bucket": "b", "part_bytes": 1e9}"#, Some(1_000_000_000)),
            (r#"{"bucket": "b", "part_bytes": 8388608.5}"#, None),
            (r#"{"bucket": "b", "part_bytes": 1e300}"#, None),
            (r#"{"bucket": "b", "part_bytes": -1.0}"#, None),
        ] {
            let (written, problems) = Written::read(json);
            let fields: Vec<_> = problems.iter().map(|p| p.field.as_str()).collect();
            match part_bytes {
                Some(_) => assert_eq!(fields, [""; 0], "{json}"),
                None => assert_eq!(fields, ["part_bytes"], "{json}"),
            }
            assert_eq!(written.number("part_bytes"), part_bytes.or(Some(8 << 20)), "{json}");
        }
    }

    #[test]
    fn a_field_that_is_given_twice_is_refused_under_whatever_names() {
        for json in [
            r#"{"bucket": "b", "tags": {"t": "1", "t": "2"}}"#,
            r#"{"bucket": "a", "bucket": "b"}"#,
            r#"{"bucket": 1, "bucket": "b"}"#,
            r#"{"bucket": "b", "region": "r", "aws_region": "r"}"#,
        ] {
            let (_, problems) = Written::read(json);
            let twice = |p: &Problem| p.message.starts_with("given twice");
            assert_eq!(problems.iter().filter(|p| twice(p)).count(), 1, "{json}: {problems:?}");
        }
        let (_, problems) = Written::read(r#"{"bucket": "b", "aws_region": "r", "region": "r"}"#);
        let wanted = Problem::new("region", "given twice: `aws_region` is the same field");
        assert_eq!(problems, [wanted]);
    }

    #[test]
    fn fields_may_stand_in_a_table() {
        let json = r#"{"bucket": "b", "rotate": {"events": 7, "age_ms": 5e3}}"#;
        let (written, problems) = Written::read(json);
        assert_eq!(problems, []);
        let numbers = ["rotate.events", "rotate.age_ms", "rotate.idle_ms"];
        assert_eq!(numbers.map(|name| written.number(name)), [Some(7), Some(5_000), None]);
        let (_, problems) = Written::read(r#"{"bucket": "b", "rotate": {}}"#);
        assert_eq!(problems, [], "an empty table says nothing");
    }

    #[test]
    fn what_is_wrong_with_a_table_is_said_of_its_field() {
        let cases = [
            (r#"{"rotate": {"event": 1}}"#, "rotate.event", "did you mean `rotate.events`?"),
            (r#"{"rotate": {"nonsense": 1}}"#, "rotate.nonsense", "unknown field; the fields are"),
            (r#"{"rotat": {"events": 1}}"#, "rotat", "did you mean `rotate`?"),
            (r#"{"rotate_events": 1}"#, "rotate_events", "did you mean `rotate.events`?"),
            (r#"{"rotate": {"events": {}}}"#, "rotate.events", "a table; expected a whole number"),
            (
                r#"{"rotate": {"events": 0}}"#,
                "rotate.events",
                "the number 0; expected a whole number",
            ),
            (r#"{"rotate": 7}"#, "rotate", "the number 7; expected a table"),
            (r#"{"rotate": [{"events": 1}]}"#, "rotate", "a list; expected a table"),
            (r#"{"rotate": null}"#, "rotate", "null; expected a table"),
            (r#"{"rotate.events": 1}"#, "rotate.events", "write what stands before it as a table"),
            (
                r#"{"rotate": {"events": 1, "events": 1}}"#,
                "rotate.events",
                "given twice: `rotate.events` is the same field",
            ),
            (
                r#"{"rotate": {"events": 1}, "rotate": {"age_ms": 1}}"#,
                "rotate",
                "given twice: `rotate` is the same field",
            ),
        ];
        for (json, field, said) in cases {
            let with_bucket = json.replacen('{', r#"{"bucket": "b", "#, 1);
            let (_, problems) = Written::read(&with_bucket);
            let [problem] = &problems[..] else { panic!("{json}: {problems:?}") };
            assert_eq!(problem.field, field, "{json}");
            assert!(problem.message.contains(said), "{json}: {}", problem.message);
        }
    }

    #[test]
    fn a_header_holds_printable_ascii_and_says_where_it_is_not() {
        let long = "x".repeat(HEADER_BYTES_MAX);
        for good in ["text/plain; charset=utf-8", "a  b", "~", &long] {
            assert_eq!(refused("content_type", json!(good)), None, "{good}");
        }
        for (bad, message) in [
            (
                json!("a\r\nx-amz-acl: public-read"),
                "character 2 is U+000D; expected printable ASCII",
            ),
            (json!("no\ttab"), "character 3 is U+0009"),
            (json!("na\u{ef}ve"), "character 3 is U+00EF"),
            (json!(""), "an empty string"),
            (json!(" a"), "a blank at its beginning or end"),
            (json!("a "), "a blank at its beginning or end"),
            (json!(long + "x"), "a string of 1025 characters; the limit is 1024"),
            (json!(7), "the number 7; expected a string"),
        ] {
            let said = refused("content_type", bad.clone()).expect("it is refused");
            assert!(said.contains(message), "{bad}: {said}");
        }
    }

    #[test]
    fn a_table_of_texts_has_texts_and_not_too_many() {
        let tags = |count: usize| (0..count).map(|n| (n.to_string(), json!("v"))).collect();
        assert_eq!(refused("tags", Value::Object(tags(10))), None);
        let many = refused("tags", Value::Object(tags(11)));
        assert_eq!(many.as_deref(), Some("a table of 11; the limit is 10"));
        let number = refused("tags", json!({"a": "1", "b": 2}));
        assert_eq!(number.as_deref(), Some("the number 2 as `b`; expected a string"));
        let list = refused("tags", json!(["a"]));
        assert_eq!(list.as_deref(), Some("a list; expected a table of strings"));
    }

    #[test]
    fn a_secret_is_not_shown() {
        for value in [json!(["s3cr3t"]), json!({"s3cr3t": "s3cr3t"}), json!(53_017)] {
            let said = refused("customer_key", value).expect("it is refused");
            assert_eq!(said, "no string, or an empty one");
        }
        let (written, _) = Written::read(r#"{"bucket": "b", "customer_key": "s3cr3t"}"#);
        assert_eq!(written.text("customer_key"), Some("s3cr3t"));
        assert_eq!(format!("{written:?}"), r#"{"bucket", "customer_key"}"#);
    }

    /// What is said of that field with that value.
    fn refused(field: &str, value: Value) -> Option<String> {
        let (_, problems) = Written::read(&json!({"bucket": "b", field: value}).to_string());
        assert!(problems.iter().all(|problem| problem.field == field), "{problems:?}");
        problems.into_iter().next().map(|problem| problem.message)
    }
}
