//! Who may know whom. DESIGN's table, held against what cargo says of the workspace.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::env::consts::ARCH;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use praxiscope_tests::files;

/// Each crate, and the crates of the workspace that it may name, for building or testing.
const ARROWS: [(&str, &[&str]); 7] = [
    ("praxiscope-kernels", &[]),
    ("praxiscope-runtime", &["praxiscope-kernels"]),
    ("praxiscope-models", &["praxiscope-runtime"]),
    (
        "praxiscope-tools",
        &["praxiscope-models", "praxiscope-runtime"],
    ),
    ("praxiscope", &["praxiscope-runtime"]),
    ("v4l2-sys-mit", &[]),
    (
        "praxiscope-tests",
        &[
            "praxiscope",
            "praxiscope-models",
            "praxiscope-runtime",
            "praxiscope-tools",
        ],
    ),
];

/// Crates, and what none of their dependencies may be or begin with, however far away.
const OUT_OF_REACH: [(&str, &[&str]); 4] = [
    ("praxiscope-kernels", &["tract", "praxiscope"]),
    (
        "praxiscope-runtime",
        &[
            "tract-onnx",
            "praxiscope-models",
            "praxiscope-tools",
            "prost",
            "ort",
        ],
    ),
    (
        "praxiscope",
        &[
            "tract-onnx",
            "praxiscope-models",
            "praxiscope-tools",
            "prost",
            "protobuf",
            "ort",
        ],
    ),
    (
        "praxiscope-models",
        &["tract-onnx", "praxiscope-tools", "prost", "ort"],
    ),
];

/// Crates outside `runtime`, `models` and `tools` get no hold of tract's internals.
const WITHOUT_TRACT_OF_THEIR_OWN: [&str; 2] = ["praxiscope", "praxiscope-kernels"];

#[test]
fn no_crate_names_one_that_it_may_not_know() {
    let metadata = metadata();
    let members: HashSet<&str> = names(&metadata.workspace_packages());
    let known: HashMap<&str, &[&str]> = ARROWS.into_iter().collect();
    for package in metadata.workspace_packages() {
        let allowed = known.get(package.name.as_str());
        let allowed = allowed.unwrap_or_else(|| panic!("{} has no place here yet", package.name));
        let named = package.dependencies.iter().map(|d| d.name.as_str());
        for name in named.filter(|name| members.contains(name)) {
            assert!(
                allowed.contains(&name) || name == "v4l2-sys-mit",
                "{} must not depend on {name}",
                package.name
            );
        }
    }
}

#[test]
fn what_must_stay_out_of_reach_is() {
    let metadata = metadata();
    for (from, forbidden) in OUT_OF_REACH {
        for reached in reach(&metadata, from) {
            // `prost` stands for `prost-derive` too.
            let family = |name: &str| {
                let rest = reached.strip_prefix(name);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            };
            let found = forbidden.iter().any(|name| family(name));
            assert!(!found, "{from} reaches {reached}");
        }
    }
}

#[test]
fn tract_is_named_only_where_its_internals_belong() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        if WITHOUT_TRACT_OF_THEIR_OWN.contains(&package.name.as_str()) {
            let tract = package
                .dependencies
                .iter()
                .find(|d| d.name.starts_with("tract"));
            assert!(
                tract.is_none(),
                "{} names {}",
                package.name,
                tract.unwrap().name
            );
        }
    }
}

#[test]
fn reach_follows_dependencies_of_dependencies() {
    let metadata = metadata();
    let tools = reach(&metadata, "praxiscope-tools");
    for name in ["tract-onnx", "prost", "praxiscope-kernels", "ort"] {
        assert!(tools.contains(name), "{name} is not among {tools:?}");
    }
}

fn metadata() -> Metadata {
    let mut command = MetadataCommand::new();
    command.manifest_path(files::root().join("Cargo.toml"));
    // For other systems cargo would fetch crates that are never built here.
    let platform = format!("{ARCH}-unknown-linux-gnu");
    command.other_options(["--locked", "--filter-platform", &platform].map(String::from));
    command.exec().expect("cargo metadata answers")
}

/// The names of all that is built into `from`, itself aside: tests' own needs do not count.
fn reach(metadata: &Metadata, from: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().expect("a resolved workspace");
    let nodes: HashMap<&PackageId, _> = resolve.nodes.iter().map(|n| (&n.id, n)).collect();
    let packages = metadata.workspace_packages();
    let start = packages
        .iter()
        .find(|package| package.name.as_str() == from);
    let mut left = vec![&start.unwrap_or_else(|| panic!("{from} is there")).id];
    let mut seen = HashSet::new();
    let mut names = BTreeSet::new();
    while let Some(id) = left.pop() {
        let built_in = nodes[id].deps.iter().filter(|dependency| {
            dependency
                .dep_kinds
                .iter()
                .any(|kind| kind.kind != DependencyKind::Development)
        });
        for dependency in built_in.filter(|dependency| seen.insert(&dependency.pkg)) {
            names.insert(metadata[&dependency.pkg].name.to_string());
            left.push(&dependency.pkg);
        }
    }
    names
}

fn names<'a>(packages: &[&'a Package]) -> HashSet<&'a str> {
    packages
        .iter()
        .map(|package| package.name.as_str())
        .collect()
}
