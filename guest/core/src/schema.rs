//! The JSON Schema of the configuration, from the same table that it is read by.

use serde_json::{Value, json};

use crate::config::{Absent, FIELDS, Field, Kind};

/// The schema, draft 2020-12, as JSON text.
pub fn schema() -> String {
    let mut properties = serde_json::Map::new();
    for field in FIELDS {
        properties.insert(field.name.to_owned(), property(field, field.doc.to_owned()));
        for alias in field.aliases {
            let doc = format!("Another spelling of `{}`.", field.name);
            properties.insert((*alias).to_owned(), property(field, doc));
        }
    }
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Spillway S3 sink",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
        "allOf": required(),
    });
    schema.to_string()
}

/// A required field may come under any of its names.
fn required() -> Vec<Value> {
    let required = FIELDS.iter().filter(|f| matches!(f.absent, Absent::Required));
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
    };
    property["description"] = match &field.absent {
        Absent::Derived(rule) => format!("{doc} Default: {rule}.").into(),
        _ => doc.into(),
    };
    match &field.absent {
        Absent::Text(text) => property["default"] = (*text).into(),
        Absent::Number(number) => property["default"] = (*number).into(),
        Absent::False => property["default"] = false.into(),
        Absent::Required | Absent::Derived(_) => {}
    }
    property
}
