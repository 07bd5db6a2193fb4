//! `[[transform]]` of a flow: as written, and as meant.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use spillway::problem::Problem;
use toml::{Table, Value};

use super::{LimitSettings, date_as_text, sections};

/// One `[[transform]]` as written.
#[derive(Default, Deserialize)]
#[serde(default)]
struct TransformConfig {
    component: Option<PathBuf>,
    #[serde(flatten)]
    limits: LimitSettings,
    config: serde_json::Map<String, serde_json::Value>,
}

/// One `[[transform]]` as meant.
#[derive(Clone)]
pub struct TransformSettings {
    /// The component's file.
    pub component: PathBuf,
    /// What it may use up.
    pub limits: LimitSettings,
    /// What it is configured with.
    pub config: serde_json::Map<String, serde_json::Value>,
}

/// Shows the names of the component's fields only, as of a sink.
impl fmt::Debug for TransformSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TransformSettings { component, limits, config } = self;
        f.debug_struct("TransformSettings")
            .field("component", component)
            .field("limits", limits)
            .field("config", &config.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// Takes the transforms out of a flow, in their order.
pub(super) fn take(table: &mut Table, problems: &mut Vec<Problem>) -> Vec<TransformSettings> {
    let written = match table.remove("transform") {
        None => return Vec::new(),
        Some(Value::Array(written)) => written,
        Some(other) => {
            let message =
                format!("is a {}; write [[transform]], twice bracketed", other.type_str());
            problems.push(Problem::new("transform", message));
            return Vec::new();
        }
    };
    let each = written.into_iter().enumerate();
    each.filter_map(|(index, value)| one(value, &format!("transform[{index}]"), problems)).collect()
}

fn one(value: Value, place: &str, problems: &mut Vec<Problem>) -> Option<TransformSettings> {
    let Value::Table(mut table) = value else {
        let message = format!("is a {}, expected a table", value.type_str());
        problems.push(Problem::new(place, message));
        return None;
    };
    let config = table.get_mut("config").and_then(Value::as_table_mut);
    config.into_iter().flatten().for_each(|(_, value)| date_as_text(value));
    let read = sections::read::<TransformConfig>(table, place, TRANSFORM, problems)?;
    let TransformConfig { component, limits, config } = read;
    let Some(component) = component.filter(|path| !path.as_os_str().is_empty()) else {
        let message = "is missing, expected the path of a component that is a transform";
        problems.push(Problem::new(format!("{place}.component"), message));
        return None;
    };
    Some(TransformSettings { component, limits, config })
}

pub(super) const TRANSFORM: &[&str] = &[
    "component",
    "memory_bytes_max",
    "compile_max",
    "compute_max",
    "prompt_call_max",
    "resources_max",
    "config",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_keep_their_order() {
        let (transforms, problems) = parse(
            "[[transform]]\ncomponent = 'a.wasm'\n[transform.config]\nfrom = 2026-05-01\n\
             [[transform]]\ncomponent = 'b.wasm'\nmemory_bytes_max = 1",
        );
        assert_eq!(problems, [] as [String; 0]);
        let paths: Vec<_> = transforms.iter().map(|t| t.component.to_str().unwrap()).collect();
        assert_eq!(paths, ["a.wasm", "b.wasm"]);
        assert_eq!(transforms[0].config["from"], "2026-05-01");
        assert_eq!(transforms[1].limits.limits("", 2).memory_bytes_max, 1);
        assert_eq!(transforms[0].limits.limits("", 2).memory_bytes_max, 2);
    }

    #[test]
    fn each_mistake_is_told_with_its_place() {
        let flow = "[[transform]]\ncomponent = 'a'\n[[transform]]\ncomponet = 'b'\nconfig = 1";
        let (transforms, problems) = parse(flow);
        assert_eq!(transforms.len(), 1);
        let wanted = [
            "transform[1].componet: unknown field; did you mean `component`?",
            "transform[1].config: invalid type: integer `1`, expected a map",
        ];
        assert_eq!(problems, wanted);
        let (_, problems) = parse("[[transform]]\n[transform.config]\na = 1");
        let wanted = "transform[0].component: is missing, expected the path of a component that is \
                      a transform";
        assert_eq!(problems, [wanted]);
        for (flow, said) in [
            ("[transform]\ncomponent = 'a'", "transform: is a table; write [[transform]]"),
            ("transform = ['a']", "transform[0]: is a string, expected a table"),
        ] {
            let (_, problems) = parse(flow);
            assert!(problems[0].starts_with(said), "{problems:?}");
        }
    }

    #[test]
    fn no_value_of_the_component_is_shown() {
        let (transforms, _) = parse("[[transform]]\ncomponent = 'a'\nconfig = { key = 's3cr3t' }");
        let shown = format!("{transforms:?}");
        assert!(shown.contains("\"key\"") && !shown.contains("s3cr3t"), "{shown}");
    }

    fn parse(text: &str) -> (Vec<TransformSettings>, Vec<String>) {
        let mut problems = Vec::new();
        let transforms = take(&mut text.parse().unwrap(), &mut problems);
        (transforms, problems.iter().map(Problem::to_string).collect())
    }
}
