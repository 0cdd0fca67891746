//! `cargo xtask new-plugin NAME`: creates a wrapper to start from, which compiles, has tests and
//! conforms to the specification.

use std::fs;
use std::path::{Path, PathBuf};

use cni_output::outln;

use clap::ArgMatches;

use crate::run::{Outcome, root};

/// The path of each file in the new crate, and its text.
const FILES: [(&str, &str); 6] = [
    ("Cargo.toml", include_str!("../template/Cargo.toml.in")),
    ("README.md", include_str!("../template/README.md.in")),
    ("src/main.rs", include_str!("../template/src/main.rs")),
    ("tests/calls.rs", include_str!("../template/tests/calls.rs")),
    ("tests/conformance.rs", include_str!("../template/tests/conformance.rs")),
    ("tests/traffic.rs", include_str!("../template/tests/traffic.rs")),
];

/// The names in the template that are replaced: the program's and the type's.
const NAME: &str = "new-plugin";
const TYPE: &str = "NewPlugin";

/// The toolkit's crates that a plugin uses.
const CRATES: [(&str, &str); 3] = [
    ("cni-wrapper", "framework/wrapper"),
    ("cni-conformance", "conformance"),
    ("cni-test-kit", "framework/test-kit"),
];

/// Creates `plugins/NAME` in this workspace, or a separate crate in the directory `--at`.
pub(crate) fn new_plugin(arguments: &ArgMatches) -> Outcome {
    let name = arguments.get_one::<String>("name").map_or("", String::as_str);
    let directory = arguments.get_one::<String>("at").map(PathBuf::from);
    check_name(name)?;
    let at = directory.clone().unwrap_or_else(|| root().join("plugins").join(name));
    if at.exists() {
        return Err(format!("{} exists already", at.display()));
    }
    for (file, text) in FILES {
        let text = match file {
            "Cargo.toml" if directory.is_some() => standalone(text),
            _ => text.to_owned(),
        };
        write(&at.join(file), &named(&text, name))?;
    }
    let next = if directory.is_some() {
        write(&at.join("rustfmt.toml"), include_str!("../../../rustfmt.toml"))?;
        "cargo test --features host-tests".to_owned()
    } else {
        join_workspace(name)?;
        format!("cargo test --package {name} --features host-tests")
    };
    outln!("created {}; test it with: {next}", at.display());
    Ok(())
}

/// Checks a name, which becomes that of a crate, a program and a CNI plugin's `type`.
fn check_name(name: &str) -> Outcome {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain) {
        return Ok(());
    }
    Err(format!(
        "{name:?} is not a plugin's name: use lower-case letters, digits and '-', and start with a \
         letter"
    ))
}

fn named(text: &str, name: &str) -> String {
    text.replace(NAME, name).replace(TYPE, &type_name(name))
}

/// `label-policy` → `LabelPolicy`.
fn type_name(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    name.split('-').filter_map(capital).collect()
}

/// Returns the manifest of a crate outside of this workspace, with the paths of the toolkit's
/// crates.
fn standalone(manifest: &str) -> String {
    let mut manifest = manifest.to_owned();
    for (krate, path) in CRATES {
        let path = root().join(path);
        let by_path = format!("{krate} = {{ path = {path:?} }}");
        manifest = manifest.replace(&format!("{krate}.workspace = true"), &by_path);
    }
    manifest + "\n[workspace]\n"
}

fn join_workspace(name: &str) -> Outcome {
    let path = root().join("Cargo.toml");
    let manifest = fs::read_to_string(&path).map_err(|error| format!("Cargo.toml: {error}"))?;
    let before = "    \"conformance\",\n";
    let member = format!("    \"plugins/{name}\",\n{before}");
    write(&path, &manifest.replacen(before, &member, 1))
}

fn write(path: &Path, text: &str) -> Outcome {
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_valid_for_crates_or_files_are_refused() {
        for bad in ["", "1st", "Upper", "a_b", "a/b", "../x", "-a", "a b"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
        check_name("demo-wrapper2").unwrap();
        assert_eq!(type_name("demo-wrapper2"), "DemoWrapper2");
    }
}
