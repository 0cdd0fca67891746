//! What the published crates are, as far as that is seen without packaging them.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use crate::readme::root;

/// The crates of a plugin: those of cni-wrapper, and itself.
const MOST_CRATES: usize = 60;

fn cargo(args: &[&str]) -> String {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(args).current_dir(root()).output().expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn packages(args: &[&str]) -> Vec<Value> {
    let text = cargo(&[&["metadata", "--format-version", "1"], args].concat());
    let metadata: Value = serde_json::from_str(&text).expect("JSON");
    metadata["packages"].as_array().expect("a list").clone()
}

/// The crates that are published, and their directories.
fn published() -> Vec<(Value, PathBuf)> {
    let published = packages(&["--no-deps"]).into_iter().filter(|krate| krate["publish"].is_null());
    let directory = |krate: &Value| {
        let manifest = Path::new(krate["manifest_path"].as_str().expect("a path"));
        manifest.parent().expect("a directory").to_owned()
    };
    published.map(|krate| (krate.clone(), directory(&krate))).collect()
}

#[test]
fn a_minimal_plugin_has_at_most_sixty_crates() {
    let tree =
        cargo(&["tree", "--package", "cni-wrapper", "--edges", "normal", "--prefix", "none"]);
    let name = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let crates: BTreeSet<String> = tree.lines().filter(|line| !line.is_empty()).map(name).collect();
    assert!(crates.len() < MOST_CRATES, "{} crates: {crates:?}", crates.len());
    assert!(crates.iter().any(|one| one.starts_with("async-std ")), "{crates:?}");
}

#[test]
fn every_published_crate_has_what_a_registry_shows() {
    let crates = published();
    let names: Vec<&str> = crates.iter().filter_map(|(krate, _)| krate["name"].as_str()).collect();
    assert_eq!(names.len(), 7, "{names:?}");
    for (krate, directory) in &crates {
        let name = krate["name"].as_str().expect("a name");
        for key in ["description", "documentation", "license", "readme", "rust_version"] {
            assert!(krate[key].is_string(), "{name} has no {key}");
        }
        for key in ["keywords", "categories"] {
            let count = krate[key].as_array().map_or(0, Vec::len);
            assert!((1..=5).contains(&count), "{name} has {count} {key}");
        }
        let licence = fs::read_to_string(directory.join("LICENSE")).expect("a licence");
        assert!(licence.contains("Apache License"), "{name}");
        assert!(krate["metadata"]["docs"]["rs"].is_object(), "{name} has no settings of docs.rs");
    }
}

#[test]
fn no_dependency_needs_a_newer_rust_than_the_workspace() {
    let number = |version: &str| {
        let mut parts = version.split('.').map(|part| part.parse::<u32>().expect("a number"));
        (parts.next(), parts.next())
    };
    let own = number(env!("CARGO_PKG_RUST_VERSION"));
    for krate in packages(&["--all-features", "--filter-platform", "x86_64-unknown-linux-gnu"]) {
        if let Some(version) = krate["rust_version"].as_str() {
            assert!(number(version) <= own, "{} needs Rust {version}", krate["name"]);
        }
    }
}

#[test]
fn links_on_the_pages_of_a_package_stay_inside_it() {
    let mut count = 0;
    for (_, directory) in published() {
        let docs = fs::read_dir(directory.join("docs")).into_iter().flatten().flatten();
        let pages = docs.map(|entry| entry.path()).chain([directory.join("README.md")]);
        for page in pages.filter(|page| page.extension().is_some_and(|kind| kind == "md")) {
            let text = fs::read_to_string(&page).expect("a page");
            for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = link.split('#').next().unwrap_or_default();
                if target.is_empty() || target.contains("://") {
                    continue;
                }
                let from = page.parent().expect("a directory").strip_prefix(&directory);
                let inside = depth(&from.expect("inside").join(target)).is_some();
                assert!(inside, "{} links to {target}, outside of its package", page.display());
                count += 1;
            }
        }
    }
    assert!(count > 10, "only {count} links were found");
}

/// Returns how deep a path leads; `None` if it leads out of its directory on the way.
fn depth(path: &Path) -> Option<usize> {
    path.components().try_fold(0_usize, |depth, component| match component {
        Component::ParentDir => depth.checked_sub(1),
        Component::Normal(_) => Some(depth + 1),
        _ => Some(depth),
    })
}
