//! The component asks for what its world says, and for nothing else.

use std::collections::BTreeSet;

use spillway::component::{CONTRACT, Component};
use wit_parser::{Resolve, UnresolvedPackageGroup, WorldId};

use super::setup::sink;
use crate::support::root;

/// What `wac targets` proves: whoever offers what the world names can run the component, and finds
/// in it what the world promises.
#[test]
fn it_targets_its_world() {
    let (resolve, world) = world();
    wit_component::targets(&resolve, world, Component::embedded()).unwrap();
}

#[test]
fn it_imports_all_that_its_world_names() {
    let (resolve, world) = world();
    let imports = resolve.worlds[world].imports.keys().map(|key| resolve.name_world_key(key));
    let named: BTreeSet<String> = imports.collect();
    assert_eq!(named.len(), 10, "{named:?}");
    assert_eq!(sink().imports().iter().cloned().collect::<BTreeSet<_>>(), named);
}

#[test]
fn it_exports_the_contract_and_nothing_else() {
    assert_eq!(sink().exports(), [CONTRACT]);
}

/// The package that names no store is whole without the other.
#[test]
fn the_contract_depends_on_no_other_package() {
    let group = UnresolvedPackageGroup::parse_dir(root().join("wit/deps/sink")).unwrap();
    assert_eq!(group.main.foreign_deps.len(), 0, "{:?}", group.main.foreign_deps);
    let sink = Resolve::default().push_group(group);
    assert!(sink.is_ok(), "{sink:?}");
}

fn world() -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("wit")).unwrap();
    let world = resolve.select_world(&[package], Some("s3")).unwrap();
    (resolve, world)
}
