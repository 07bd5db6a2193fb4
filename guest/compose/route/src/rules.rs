//! The rules: as they are written, and what they say of an event.

use memchr::memmem;
use serde_json::Value;
use spillway_fields::{Fields, Problem, bounded, shown};

use crate::template::Template;

/// What happens to an event.
pub(crate) enum Verdict {
    Pass,
    Drop,
    Reject(String),
    /// It goes on with this key.
    SetKey(String),
}

/// The rules, in their order.
pub(crate) struct Rules {
    rules: Vec<Rule>,
    default: Action,
}

struct Rule {
    conditions: Vec<Condition>,
    action: Action,
}

/// All conditions of a rule must hold.
enum Condition {
    Key(String),
    KeyPrefix(String),
    KeyGlob(String),
    Contains(Box<memmem::Finder<'static>>),
    /// The field at this JSON pointer is there, or not.
    Exists(String, bool),
    /// The field at this JSON pointer has this value.
    Equals(String, Value),
}

enum Action {
    Pass,
    Drop,
    Reject(String),
    SetKey(Template),
}

impl Rules {
    /// Reads the configuration.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub(crate) fn parse(json: &str) -> Result<Rules, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut fields = Fields::read(json, "", &["rules", "default", "reason"], &mut problems);
        let written = fields.take::<Vec<Value>>("rules", "a list of rules", &mut problems);
        let written = written.unwrap_or_default().into_iter().enumerate();
        let rules = written
            .map(|(index, rule)| {
                Rule::parse(&rule.to_string(), &format!("rules[{index}]"), &mut problems)
            })
            .collect();
        let action =
            fields.take::<String>("default", ACTIONS[..3].join(", ").as_str(), &mut problems);
        let action = action.unwrap_or_else(|| "pass".to_owned());
        let default = action_of(&action, "default", &ACTIONS[..3], &mut fields, &mut problems);
        if problems.is_empty() { Ok(Rules { rules, default }) } else { Err(problems) }
    }

    /// What happens to an event. Its payload is parsed only where a rule asks for a field of it.
    pub(crate) fn judge(&self, key: &str, payload: &[u8]) -> Verdict {
        let mut event = Event { key, payload, json: None };
        let rule = self.rules.iter().find(|rule| rule.conditions.iter().all(|c| event.meets(c)));
        match rule.map_or(&self.default, |rule| &rule.action) {
            Action::Pass => Verdict::Pass,
            Action::Drop => Verdict::Drop,
            Action::Reject(reason) => Verdict::Reject(reason.clone()),
            Action::SetKey(template) => match template.expand(key, |pointer| event.text(pointer)) {
                Ok(key) if key == event.key => Verdict::Pass,
                Ok(key) if key.is_empty() => Verdict::Reject("the new key is empty".to_owned()),
                Ok(key) => Verdict::SetKey(key),
                Err(reason) => Verdict::Reject(bounded(reason)),
            },
        }
    }
}

impl Rule {
    fn parse(json: &str, place: &str, problems: &mut Vec<Problem>) -> Rule {
        let before = problems.len();
        let mut fields = Fields::read(json, place, FIELDS, problems);
        let mut conditions = Vec::new();
        let mut text = |fields: &mut Fields<'_>, name, make: fn(String) -> Condition| {
            conditions.extend(fields.take::<String>(name, "a string", problems).map(make));
        };
        text(&mut fields, "key", Condition::Key);
        text(&mut fields, "key_prefix", Condition::KeyPrefix);
        text(&mut fields, "key_glob", Condition::KeyGlob);
        text(&mut fields, "contains", |text| {
            Condition::Contains(Box::new(memmem::Finder::new(text.as_bytes()).into_owned()))
        });
        let exists = fields.take::<bool>("exists", "true or false", problems);
        let equals = fields.take::<Value>("equals", "a JSON value", problems);
        let field = fields.take::<String>("field", "a JSON pointer such as \"/level\"", problems);
        match field {
            Some(pointer) if !is_pointer(&pointer) => {
                let seen = shown(&pointer);
                let message = format!("expected a JSON pointer such as \"/level\", not {seen:?}");
                problems.push(Problem::new(fields.name("field"), message));
            }
            Some(pointer) => {
                if let Some(value) = equals {
                    conditions.push(Condition::Equals(pointer.clone(), value));
                }
                if exists.is_some() || !matches!(conditions.last(), Some(Condition::Equals(..))) {
                    conditions.push(Condition::Exists(pointer, exists.unwrap_or(true)));
                }
            }
            None => {
                for (name, is_there) in [("equals", equals.is_some()), ("exists", exists.is_some())]
                {
                    if is_there {
                        let message = "needs `field`, a JSON pointer such as \"/level\"";
                        problems.push(Problem::new(fields.name(name), message));
                    }
                }
            }
        }
        let action = fields.take::<String>("action", "a string", problems);
        let action = action.unwrap_or_else(|| {
            // Of what is no object, or has a wrong action, enough was said.
            let is_told = |p: &Problem| p.field == fields.name("action") || p.field == place;
            if !problems[before..].iter().any(is_told) {
                let message = format!("missing; expected one of {}", ACTIONS.join(", "));
                problems.push(Problem::new(fields.name("action"), message));
            }
            "pass".to_owned()
        });
        let name = fields.name("action");
        let action = action_of(&action, &name, ACTIONS, &mut fields, problems);
        Rule { conditions, action }
    }
}

/// An action with what it needs beside it; what it does not need is a mistake.
fn action_of(
    action: &str,
    name: &str,
    allowed: &[&str],
    fields: &mut Fields<'_>,
    problems: &mut Vec<Problem>,
) -> Action {
    let reason = fields.take::<String>("reason", "a string", problems);
    let template = fields.take::<String>("template", "a string", problems);
    if reason.is_some() && action != "reject" {
        problems.push(Problem::new(fields.name("reason"), "only with the action `reject`"));
    }
    if template.is_some() && action != "set_key" {
        problems.push(Problem::new(fields.name("template"), "only with the action `set_key`"));
    }
    match action {
        "pass" => Action::Pass,
        "drop" => Action::Drop,
        "reject" => {
            let by = name.strip_suffix(".action").unwrap_or(name);
            Action::Reject(bounded(reason.unwrap_or_else(|| format!("rejected by `{by}`"))))
        }
        "set_key" if allowed.contains(&"set_key") => {
            let Some(template) = template else {
                let message = "missing; expected a key such as \"{/service}/{key}\"";
                problems.push(Problem::new(fields.name("template"), message));
                return Action::Pass;
            };
            Template::parse(&template).map(Action::SetKey).unwrap_or_else(|message| {
                problems.push(Problem::new(fields.name("template"), message));
                Action::Pass
            })
        }
        other => {
            let message = format!("expected one of {}, not {:?}", allowed.join(", "), shown(other));
            problems.push(Problem::new(name, message));
            Action::Pass
        }
    }
}

/// An event that rules are compared with.
struct Event<'a> {
    key: &'a str,
    payload: &'a [u8],
    /// The payload as JSON, once it was asked for; null where it is none.
    json: Option<Value>,
}

impl Event<'_> {
    fn meets(&mut self, condition: &Condition) -> bool {
        match condition {
            Condition::Key(key) => self.key == key,
            Condition::KeyPrefix(prefix) => self.key.starts_with(prefix),
            Condition::KeyGlob(glob) => matches_glob(glob.as_bytes(), self.key.as_bytes()),
            Condition::Contains(text) => text.find(self.payload).is_some(),
            Condition::Exists(pointer, exists) => self.field(pointer).is_some() == *exists,
            Condition::Equals(pointer, value) => self.field(pointer) == Some(value),
        }
    }

    /// The field at a JSON pointer (RFC 6901).
    fn field(&mut self, pointer: &str) -> Option<&Value> {
        let parse = || serde_json::from_slice(self.payload).unwrap_or_default();
        self.json.get_or_insert_with(parse).pointer(pointer)
    }

    /// A field as a part of a key.
    fn text(&mut self, pointer: &str) -> Result<String, String> {
        match self.field(pointer) {
            Some(Value::String(text)) => Ok(text.clone()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => Ok(value.to_string()),
            Some(_) => Err(format!("the field {pointer} is no string, number or boolean")),
            None => Err(format!("the event has no field {pointer}")),
        }
    }
}

pub(crate) fn is_pointer(text: &str) -> bool {
    text.is_empty() || text.starts_with('/')
}

/// Whether `text` matches: `*` is any characters, `/` among them, and `?` is any byte.
fn matches_glob(glob: &[u8], text: &[u8]) -> bool {
    // Where the last `*` stands, and how far the text was that it stood for.
    let (mut star, mut at, mut upto) = (None, 0, 0);
    while upto < text.len() {
        match glob.get(at) {
            Some(b'*') => (star, at) = (Some((at, upto)), at + 1),
            Some(byte) if *byte == b'?' || *byte == text[upto] => (at, upto) = (at + 1, upto + 1),
            _ => {
                let Some((begun, from)) = star else { return false };
                (star, at, upto) = (Some((begun, from + 1)), begun + 1, from + 1);
            }
        }
    }
    glob[at..].iter().all(|byte| *byte == b'*')
}

const ACTIONS: &[&str] = &["pass", "drop", "reject", "set_key"];
const FIELDS: &[&str] = &[
    "key",
    "key_prefix",
    "key_glob",
    "contains",
    "field",
    "equals",
    "exists",
    "action",
    "reason",
    "template",
];
