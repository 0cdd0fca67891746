//! Finds the tests that need root, which `--unprivileged` leaves out.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::run::{Outcome, metadata};

const FEATURE: &str = "host-tests";
const CONDITION: &str = "#[cfg(feature = \"host-tests\")]";

/// Returns the tests behind the feature `host-tests`, as `PACKAGE::TARGET` or `PACKAGE::MODULE`.
pub(super) fn names() -> Outcome<Vec<String>> {
    let metadata = metadata()?;
    let mut names = Vec::new();
    for package in array(&metadata["packages"]) {
        let package_name = package["name"].as_str().unwrap_or_default();
        let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
        let directory = manifest.parent().unwrap_or(manifest);
        let targets = array(&package["targets"]).iter().filter(|target| is_whole(target));
        let targets = targets.filter_map(|target| target["name"].as_str().map(str::to_owned));
        let modules = ["src", "tests"].map(|name| modules_in(&directory.join(name)));
        let all = targets.chain(modules.into_iter().flatten());
        names.extend(all.map(|name| format!("{package_name}::{name}")));
    }
    Ok(names)
}

fn is_whole(target: &Value) -> bool {
    target["required-features"] == json!([FEATURE])
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns the modules below a directory that have tests and need the feature.
fn modules_in(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for file in sources(directory) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let path = module_path(file.strip_prefix(directory).unwrap_or(&file));
        for item in items(&text) {
            if has_tests(&file, item) {
                let parts = path.iter().map(String::as_str).chain([item]);
                found.push(parts.collect::<Vec<_>>().join("::"));
            }
        }
    }
    found.sort();
    found
}

/// Returns the names of modules and functions that have the condition.
fn items(source: &str) -> Vec<&str> {
    let mut lines = source.lines().map(str::trim);
    let mut items = Vec::new();
    while lines.any(|line| line == CONDITION) {
        let item = lines.find(|line| !line.starts_with('#')).unwrap_or_default();
        let name = item.split_once("mod ").or(item.split_once("fn ")).map_or("", |(_, name)| name);
        items.extend(name.split([';', '(', ' ']).next().filter(|name| !name.is_empty()));
    }
    items
}

/// Returns the module path of a source file: `it/readme/mod.rs` is `readme`.
fn module_path(file: &Path) -> Vec<String> {
    let file = file.with_extension("");
    let parts = file.iter().map(|part| part.to_string_lossy().into_owned());
    parts.filter(|part| !["it", "main", "mod", "lib"].contains(&part.as_str())).collect()
}

/// Returns whether a module that this file declares has a test. Inline modules and functions count
/// as tests.
fn has_tests(file: &Path, module: &str) -> bool {
    let directory = file.parent().unwrap_or(file);
    let stem = file.file_stem().unwrap_or_default();
    let mut files = Vec::new();
    for directory in [directory.to_owned(), directory.join(stem)] {
        files.push(directory.join(module).with_extension("rs"));
        files.extend(sources(&directory.join(module)));
    }
    files.retain(|file| file.exists());
    let tests =
        |file: &PathBuf| fs::read_to_string(file).is_ok_and(|text| text.contains("#[test]"));
    files.is_empty() || files.iter().any(tests)
}

/// Returns all Rust files below a directory; none if it does not exist.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_and_functions_behind_the_feature_are_found() {
        let source = "\
//! Tests.
mod always;
#[cfg(feature = \"host-tests\")]
mod traffic;
#[cfg(feature = \"other\")]
mod other;
#[cfg(feature = \"host-tests\")]
#[test]
fn alone() {}
    #[cfg(feature = \"host-tests\")]
    pub(crate) mod inner {
";
        assert_eq!(items(source), ["traffic", "alone", "inner"]);
        assert!(items("mod a;\n").is_empty());
    }

    #[test]
    fn files_have_module_paths() {
        let path = |file: &str| module_path(Path::new(file)).join("::");
        assert_eq!(path("it/main.rs"), "");
        assert_eq!(path("it/readme/mod.rs"), "readme");
        assert_eq!(path("behaviour/main.rs"), "behaviour");
        assert_eq!(path("backend/nft.rs"), "backend::nft");
    }

    #[test]
    fn nested_modules_of_this_workspace_are_found_and_helpers_are_not() {
        let names = names().unwrap();
        let has = |name: &str| names.iter().any(|other| other == name);
        assert!(has("cni-dist::package") && has("xtask::readme::commands"), "{names:?}");
        assert!(!has("cni-dist::programs") && !has("xtask::readme::fixture"), "{names:?}");
    }
}
