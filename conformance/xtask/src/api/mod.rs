//! `cargo xtask api`: the public items of the published crates, one a line, in a file of each
//! crate, so that a change of the API is visible in a diff.
//!
//! The items are read from rustdoc's pages, which stable Rust makes and `cargo xtask test` checks
//! anyway. Another version of Rust may print some of them differently.

mod page;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::ArgMatches;

use crate::package_crates::{PublicCrate, public_crates};
use crate::run::{Outcome, cargo, run, target_directory};

/// The file of a crate, next to its manifest.
const FILE: &str = "api.txt";

/// The number of lines about one crate in a message.
const SHOWN: usize = 40;

/// Makes the documentation, and compares it with the files or writes them.
pub(crate) fn api(arguments: &ArgMatches) -> Outcome {
    run(&mut documentation())?;
    if arguments.get_flag("update") { update() } else { check() }
}

/// Returns the command that makes the documentation of all crates, and refuses faults in it.
pub(crate) fn documentation() -> std::process::Command {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--all-features", "--quiet"]);
    doc.env("RUSTDOCFLAGS", "--deny warnings");
    doc
}

/// Compares the files with the documentation, which must exist.
///
/// # Errors
/// The lines that a file lacks or has too many.
pub(crate) fn check() -> Outcome {
    let mut problems = Vec::new();
    for (path, items) in listings()? {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let listed: BTreeSet<String> = text.lines().map(str::to_owned).collect();
        let added = items.difference(&listed).map(|line| format!("  + {line}"));
        let removed = listed.difference(&items).map(|line| format!("  - {line}"));
        let changes: Vec<String> = added.chain(removed).take(SHOWN).collect();
        if !changes.is_empty() {
            problems.push(format!("{} is out of date:\n{}", path.display(), changes.join("\n")));
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    problems.push(
        "Is the change of the API intended? If so, write the files with \
         `cargo xtask api --update`, and name the change in framework/CHANGELOG.md"
            .to_owned(),
    );
    Err(problems.join("\n"))
}

fn update() -> Outcome {
    for (path, items) in listings()? {
        let text: String = items.iter().map(|item| format!("{item}\n")).collect();
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Returns the path of each file, and the lines that it should have.
fn listings() -> Outcome<Vec<(PathBuf, BTreeSet<String>)>> {
    let pages = target_directory()?.join("doc");
    let listing = |krate: &PublicCrate| {
        let name = krate.name.replace('-', "_");
        Ok((krate.directory.join(FILE), items(&pages.join(&name), &name)?))
    };
    public_crates()?.iter().map(listing).collect()
}

/// Returns the items of a crate, from the pages in a directory.
fn items(directory: &Path, krate: &str) -> Outcome<BTreeSet<String>> {
    // Pages of items that no longer exist remain, so only those in the list are read.
    let all = read(&directory.join("all.html"))?;
    let mut items = BTreeSet::new();
    for page in page::listed(&all) {
        let text = read(&directory.join(&page))?;
        items.extend(page::items(&page::path(krate, &page), &text));
    }
    if items.is_empty() {
        return Err(format!("no items were found in {}", directory.display()));
    }
    Ok(items)
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
