//! Which tests need root, and so are not run with `--unprivileged`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::run::{Outcome, metadata};

const FEATURE: &str = "host-tests";

/// Everything behind the feature `host-tests`, as `PACKAGE::MODULE` or `PACKAGE::TARGET`.
pub(super) fn names() -> Outcome<Vec<String>> {
    let metadata = metadata()?;
    let mut names = Vec::new();
    for package in array(&metadata["packages"]) {
        let of = package["name"].as_str().unwrap_or_default();
        for target in array(&package["targets"]).iter().filter(|target| is_test(target)) {
            if target["required-features"] == json!([FEATURE]) {
                names.push(format!("{of}::{}", target["name"].as_str().unwrap_or_default()));
                continue;
            }
            let path = Path::new(target["src_path"].as_str().unwrap_or_default());
            let source = fs::read_to_string(path);
            let source = source.map_err(|error| format!("{}: {error}", path.display()))?;
            names.extend(modules(&source).into_iter().map(|module| format!("{of}::{module}")));
        }
    }
    Ok(names)
}

fn is_test(target: &Value) -> bool {
    target["kind"] == json!(["test"])
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The modules of a source file that only the feature compiles.
fn modules(source: &str) -> Vec<&str> {
    let condition = format!("#[cfg(feature = \"{FEATURE}\")]");
    if source.lines().any(|line| line.trim() == condition.replacen('#', "#!", 1)) {
        return vec!["*"]; // the whole file
    }
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter(|pair| pair[0] == condition);
    pairs.filter_map(|pair| pair[1].strip_prefix("mod ")?.strip_suffix(';')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_behind_the_feature_are_found() {
        let source = "\
//! Tests.
mod always;
#[cfg(feature = \"host-tests\")]
mod traffic;
#[cfg(feature = \"other\")]
mod other;
#[cfg(feature = \"host-tests\")]
mod common;
";
        assert_eq!(modules(source), ["traffic", "common"]);
        assert_eq!(modules("#![cfg(feature = \"host-tests\")]\nmod a;\n"), ["*"]);
        assert!(modules("mod a;\n").is_empty());
    }

    #[test]
    fn this_workspace_has_tests_that_need_root() {
        let names = names().unwrap();
        assert!(names.iter().any(|name| name == "cni-dist::package"), "{names:?}");
    }
}
