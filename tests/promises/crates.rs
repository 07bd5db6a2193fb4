//! A host that embeds the library compiles few crates: a limit on all that it depends on.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::support::root;

#[test]
fn the_library_without_features_needs_few_crates() {
    let tree = Tree::of("spillway");
    let crates = tree.below(&tree.root, None);
    assert!(
        (LIBRARY_CRATES_MIN..=LIBRARY_CRATES_MAX).contains(&crates.len()),
        "{} crates, itself among them; from {LIBRARY_CRATES_MIN} to {LIBRARY_CRATES_MAX} are \
         expected. Each direct dependency brings:\n{}",
        crates.len(),
        tree.by_dependency()
    );
}

/// The packages of a build, by name and version.
struct Tree {
    root: String,
    dependencies: BTreeMap<String, BTreeSet<String>>,
}

impl Tree {
    /// The normal dependencies of a package without its default features, on this machine.
    fn of(package: &str) -> Tree {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo.args(["tree", "--locked", "--offline", "--package", package]);
        cargo.args(["--no-default-features", "--edges", "normal", "--prefix", "depth"]);
        let output = cargo.current_dir(root()).output().expect("cargo starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo tree: {errors}");
        let mut above: Vec<String> = Vec::new();
        let mut dependencies = BTreeMap::<_, BTreeSet<_>>::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let name_at = line.find(|c: char| !c.is_ascii_digit()).expect("a name");
            let depth = line[..name_at].parse().expect("a depth");
            let name: Vec<_> = line[name_at..].split(' ').take(2).collect();
            let name = name.join(" ");
            above.truncate(depth);
            dependencies.entry(name.clone()).or_default();
            if let Some(parent) = above.last() {
                dependencies.entry(parent.clone()).or_default().insert(name.clone());
            }
            above.push(name);
        }
        Tree { root: above.swap_remove(0), dependencies }
    }

    /// A package and all that it depends on, without what only the package `without` brings.
    fn below(&self, package: &str, without: Option<&str>) -> BTreeSet<&str> {
        let (mut found, mut waiting) = (BTreeSet::new(), vec![package]);
        while let Some(package) = waiting.pop() {
            let (name, dependencies) = self.dependencies.get_key_value(package).expect("a package");
            if without != Some(package) && found.insert(name.as_str()) {
                waiting.extend(dependencies.iter().map(String::as_str));
            }
        }
        found
    }

    /// One line for each direct dependency, the most expensive ones first.
    fn by_dependency(&self) -> String {
        let all = self.below(&self.root, None).len();
        let counted = self.dependencies[&self.root].iter().map(|direct| {
            let alone = all - self.below(&self.root, Some(direct)).len();
            (alone, self.below(direct, None).len(), direct)
        });
        let mut counted: Vec<_> = counted.collect();
        counted.sort_unstable_by(|one, other| other.cmp(one));
        let lines = counted.iter().map(|(alone, all, direct)| {
            format!("  {direct}: {all} crates, {alone} of them for it alone\n")
        });
        lines.collect()
    }
}

/// Without the features `aws-chain` and `cache`.
const LIBRARY_CRATES_MAX: usize = 200;
/// Fewer would be none of a host with wasmtime: the tree was not read.
const LIBRARY_CRATES_MIN: usize = 100;
