//! The JSON Schema of the configuration, made from the table that the parser uses.

use serde_json::{Value, json};

use crate::config::{Absent, Field, HEADER_BYTES_MAX, Kind, fields};

/// The schema, draft 2020-12, as JSON text.
pub fn schema() -> String {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Spillway S3 sink",
        "type": "object",
        "additionalProperties": false,
        "properties": {},
        "allOf": required(),
    });
    for field in fields() {
        *place(&mut schema, field.name) = property(field, field.doc.to_owned());
        for alias in field.aliases {
            let doc = format!("Another spelling of `{}`.", field.name);
            *place(&mut schema, alias) = property(field, doc);
        }
    }
    schema.to_string()
}

/// The place of the property `name` in `object`. A dotted name is in a nested table.
fn place<'a>(object: &'a mut Value, name: &str) -> &'a mut Value {
    let Some((table, rest)) = name.split_once('.') else { return &mut object["properties"][name] };
    let table = &mut object["properties"][table];
    if table.is_null() {
        *table = json!({"type": "object", "additionalProperties": false, "properties": {}});
    }
    place(table, rest)
}

/// A required field may be given under any of its names.
fn required() -> Vec<Value> {
    let required = fields().filter(|f| matches!(f.absent, Absent::Required));
    let names = required.map(|f| f.aliases.iter().copied().chain([f.name]));
    names
        .map(|names| json!({"anyOf": names.map(|n| json!({"required": [n]})).collect::<Vec<_>>()}))
        .collect()
}

fn property(field: &Field, doc: String) -> Value {
    let mut property = match &field.kind {
        Kind::Text => json!({"type": "string", "minLength": 1}),
        Kind::Url => json!({"type": "string", "format": "uri"}),
        Kind::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Choice(words) => json!({"enum": words}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Header => json!({
            "type": "string",
            "maxLength": HEADER_BYTES_MAX,
            "pattern": "^[!-~]([ -~]*[!-~])?$",
        }),
        Kind::Secret => json!({"type": "string", "minLength": 1, "writeOnly": true}),
        Kind::Texts { max } => json!({
            "type": "object",
            "additionalProperties": {"type": "string"},
            "maxProperties": max,
        }),
    };
    property["description"] = match &field.absent {
        Absent::Derived(rule) => format!("{doc} Default: {rule}.").into(),
        _ => doc.into(),
    };
    match &field.absent {
        Absent::Text(text) => property["default"] = (*text).into(),
        Absent::Number(number) => property["default"] = (*number).into(),
        Absent::False => property["default"] = false.into(),
        Absent::True => property["default"] = true.into(),
        Absent::Required | Absent::Derived(_) => {}
    }
    property
}
