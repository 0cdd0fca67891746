//! `cargo xtask new-plugin NAME`: creates a wrapper to start from, which compiles, has tests and
//! conforms to the specification.

mod manifest;
mod name;
mod workspace;

use std::fs;
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use crate::run::{Outcome, root};
use cni_output::outln;
use manifest::Toolkit;
use workspace::Workspace;

/// The path of each file in the new crate, and its text.
const FILES: [(&str, &str); 4] = [
    ("README.md", include_str!("../../template/README.md.in")),
    ("src/main.rs", include_str!("../../template/src/main.rs")),
    ("tests/calls.rs", include_str!("../../template/tests/calls.rs")),
    ("tests/traffic.rs", include_str!("../../template/tests/traffic.rs")),
];

/// What only a plugin of this workspace has. Its test uses the harness as a library, which is
/// compiled here anyway.
const MEMBER: [(&str, &str); 1] =
    [("tests/conformance.rs", include_str!("../../template/tests/conformance.rs"))];

/// What only a crate outside of this workspace has. Its test runs the program `cni-conformance`,
/// so that the first test of a plugin does not have to compile the harness.
const ALONE: [(&str, &str); 3] = [
    ("tests/conformance.rs", include_str!("../../template/alone/conformance.rs")),
    ("rustfmt.toml", include_str!("../../../../rustfmt.toml")),
    (".gitignore", "/target\n"),
];

/// What a repository has once, not each member of a workspace.
const CI: (&str, &str) = (".github/workflows/ci.yml", include_str!("../../template/alone/ci.yml"));

/// The names in the template that are replaced: the program's and the type's.
const NAME: &str = "new-plugin";
const TYPE: &str = "NewPlugin";

/// Creates `plugins/NAME` in this workspace, or a separate crate in the directory `--at`.
pub(crate) fn new_plugin(arguments: &ArgMatches) -> Outcome {
    let name = arguments.get_one::<String>("name").map_or("", String::as_str);
    name::check(name)?;
    match arguments.get_one::<String>("at") {
        Some(at) => alone(name, Path::new(at), &Toolkit::read(arguments)),
        None => member(name),
    }
}

/// Creates a separate crate that depends on the published versions of the toolkit.
pub(crate) fn from_published_crates(name: &str, at: &Path) -> Outcome {
    alone(name, at, &Toolkit::Published)
}

fn member(name: &str) -> Outcome {
    let at = vacant(&root().join("plugins").join(name))?;
    write(&at.join("Cargo.toml"), &named(manifest::MEMBER, name))?;
    write_all(&at, FILES.into_iter().chain(MEMBER), name)?;
    workspace::join_this(name)?;
    outln!(
        "created {}; test it with: cargo test --package {name} --features host-tests",
        at.display()
    );
    Ok(())
}

fn alone(name: &str, at: &Path, toolkit: &Toolkit) -> Outcome {
    let at = std::path::absolute(at).map_err(|error| format!("{}: {error}", at.display()))?;
    let at = vacant(&at)?;
    if at.starts_with(root()) {
        return Err(format!("{} is in this checkout: leave out --at", at.display()));
    }
    let around = Workspace::around(&at);
    write(&at.join("Cargo.toml"), &named(&manifest::alone(toolkit, around.as_ref()), name))?;
    write_all(&at, FILES.into_iter().chain(ALONE), name)?;
    match &around {
        Some(workspace) => workspace.add(&at)?,
        None => write_all(&at, [CI], name)?,
    }
    outln!(
        "created {}\n\
         test it there with:  cargo test\n\
         as root, with Debian's containernetworking-plugins and with the harness\n\
         (cargo install cni-conformance --bin cni-conformance):\n\
         \x20                    cargo test --features host-tests",
        at.display()
    );
    Ok(())
}

fn vacant(at: &Path) -> Outcome<PathBuf> {
    if at.exists() {
        return Err(format!("{} exists already", at.display()));
    }
    Ok(at.to_owned())
}

fn write_all<'a>(
    at: &Path,
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
    name: &str,
) -> Outcome {
    files.into_iter().try_for_each(|(file, text)| write(&at.join(file), &named(text, name)))
}

fn named(text: &str, name: &str) -> String {
    text.replace(NAME, name).replace(TYPE, &name::of_type(name))
}

fn write(path: &Path, text: &str) -> Outcome {
    let directory = path.parent().unwrap_or(path);
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(path, text))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}
