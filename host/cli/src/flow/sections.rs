//! The tables of a flow, and which fields they may have.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use spillway::problem::Problem;
use toml::{Table, Value};

/// The tables of a flow, by name.
pub(super) struct Sections(BTreeMap<String, Table>);

impl Sections {
    pub(super) fn split(table: Table, problems: &mut Vec<Problem>) -> Sections {
        let mut sections = BTreeMap::new();
        for (name, value) in table {
            match value {
                Value::Table(section) if SECTIONS.contains(&name.as_str()) => {
                    sections.insert(name, section);
                }
                _ if SECTIONS.contains(&name.as_str()) => {
                    let message = format!("is {}, expected a table", value.type_str());
                    problems.push(Problem::new(name, message));
                }
                _ => problems.push(unknown(&name, &name, &[SECTIONS, &["transform"]].concat())),
            }
        }
        Sections(sections)
    }

    pub(super) fn has(&self, section: &str) -> bool {
        self.0.contains_key(section)
    }

    /// Takes one table out, without the fields that do not belong there: each of them is a problem.
    pub(super) fn take<T: DeserializeOwned>(
        &mut self,
        section: &str,
        fields: &[&str],
        problems: &mut Vec<Problem>,
    ) -> Option<T> {
        let table = self.0.remove(section).unwrap_or_default();
        read(table, section, fields, problems)
    }
}

/// The fields of one table, without those that do not belong there: each of them is a problem.
pub(super) fn read<T: DeserializeOwned>(
    mut table: Table,
    section: &str,
    fields: &[&str],
    problems: &mut Vec<Problem>,
) -> Option<T> {
    table.retain(|name, _| {
        let known = fields.contains(&name);
        if !known {
            problems.push(unknown(&format!("{section}.{name}"), name, fields));
        }
        known
    });
    let mut whole = true;
    let mut good = Table::new();
    // One more at a time, so that each field is named that is wrong: by itself, or as another name
    // of one before it.
    for (name, value) in table {
        good.insert(name.clone(), value);
        let Err(error) = T::deserialize(good.clone()) else { continue };
        let message = error.message().trim().to_owned();
        problems.push(Problem::new(format!("{section}.{name}"), message));
        good.remove(&name);
        whole = false;
    }
    // What stands beside a wrong field of the sink is looked at all the same: fields of the others
    // need each other.
    if whole || section == "sink" { T::deserialize(good).ok() } else { None }
}

fn unknown(field: &str, name: &str, names: &[&str]) -> Problem {
    let near = names.iter().map(|n| (strsim::damerau_levenshtein(name, n), n));
    let near = near.filter(|(distance, n)| *distance <= 1 + n.len() / 4);
    let message = match near.min_by_key(|(distance, _)| *distance) {
        Some((_, near)) => format!("unknown field; did you mean `{near}`?"),
        None => format!("unknown field; there are {}", names.join(", ")),
    };
    Problem::new(field, message)
}

const SECTIONS: &[&str] = &["source", "map", "sink", "credentials", "checkpoint", "run"];
