//! The component asks for what its world says, and for nothing else.

use std::collections::BTreeSet;

use spillway::sink::CONTRACT;

use super::setup::sink;

#[test]
fn it_imports_what_its_world_names_and_nothing_else() {
    let imports: BTreeSet<&str> = sink().imports().iter().map(|name| unversioned(name)).collect();
    let named = named();
    assert_eq!(named.len(), 9, "{named:?}");
    assert_eq!(imports, named.iter().map(String::as_str).collect());
}

#[test]
fn it_exports_the_contract_and_nothing_else() {
    assert_eq!(sink().exports(), [CONTRACT]);
}

/// The interfaces in the world's documentation, one in each pair of backquotes at the head of a
/// list item, and its own imports.
fn named() -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for line in WORLD.lines().map(str::trim) {
        if let Some(item) = line.strip_prefix("/// - ") {
            let names = item.split("`: ").next().unwrap_or_default();
            named.extend(names.split('`').filter(|name| name.contains('/')).map(str::to_owned));
        }
        if let Some(import) = line.strip_prefix("import ") {
            named.insert(format!("spillway:sink/{}", import.trim_end_matches(';')));
        }
    }
    named
}

fn unversioned(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

const WORLD: &str = include_str!("../../../wit/world.wit");
