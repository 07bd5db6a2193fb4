//! What the JSON Schema of the configuration says, by a validator that is not ours.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

/// Whether the schema allows this configuration.
pub fn allows(configuration: &Value) -> bool {
    VALIDATOR.is_valid(configuration)
}

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    let schema = spillway_core::schema();
    let schema = serde_json::from_str(&schema).expect("the schema is JSON");
    assert!(jsonschema::meta::is_valid(&schema), "the schema is none: {schema}");
    jsonschema::draft202012::new(&schema).expect("the schema is a schema")
});
