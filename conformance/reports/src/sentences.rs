//! `cargo xtask sentences`: compares the table of sentences with the texts of the specification.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cni_conformance::spec::sentence::{self, Sentence};
use cni_conformance::spec::text::{self, Found};

use crate::outcome::Outcome;
use crate::subjects::root;

const TABLE: &str = "conformance/src/spec/sentences.tsv";
const USAGE: &str = "usage: cargo xtask sentences --texts DIR [--update]";

/// Compares the table with the texts in a directory, or writes lines and hashes again.
pub(crate) fn sentences(args: &[String]) -> Outcome {
    let (directory, update) = match args {
        [texts, directory] if texts == "--texts" => (directory, false),
        [texts, directory, update] if texts == "--texts" && update == "--update" => {
            (directory, true)
        }
        _ => return Err(USAGE.to_owned()),
    };
    let path = root().join(TABLE);
    let table =
        fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let table = &sentence::read(&table)?;
    let mut texts = BTreeMap::new();
    for version in versions(table) {
        texts.insert(version, read(Path::new(directory), version)?);
    }
    if update {
        let rows = table.iter().map(|row| format!("{}\n", at(&texts[row.text.as_str()], row)));
        let written = fs::write(&path, rows.collect::<String>());
        return written.map_err(|error| format!("{}: {error}", path.display()));
    }
    let problem = |row: &Sentence| text::problem(&texts[row.text.as_str()], row);
    let problems: Vec<String> = table.iter().filter_map(problem).collect();
    if problems.is_empty() {
        println!("{} sentences of {} texts", table.len(), versions(table).len());
        return Ok(());
    }
    Err(format!(
        "the table and the texts differ:\n  {}\nIf the demands are still right, write lines and \
         hashes again with --update",
        problems.join("\n  ")
    ))
}

/// Returns the versions of the texts, in the order of the table.
fn versions(table: &[Sentence]) -> Vec<&str> {
    let mut versions = Vec::new();
    for row in table {
        if !versions.contains(&row.text.as_str()) {
            versions.push(&row.text);
        }
    }
    versions
}

fn read(directory: &Path, version: &str) -> Outcome<Vec<Found>> {
    let name = match version {
        "head" => "HEAD.md".to_owned(),
        version => format!("spec-v{version}.md"),
    };
    let path = directory.join(name);
    let text = fs::read_to_string(&path);
    let text = text.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text::sentences(&text))
}

/// Returns the row with the line and hash of its sentence.
fn at(found: &[Found], row: &Sentence) -> Sentence {
    let mut row = row.clone();
    if let Some(found) = text::locate(found, &row) {
        row.line = found.line;
        row.hash = found.hash();
    }
    row
}
