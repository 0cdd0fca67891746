//! Several reports side by side: plugins × requirements.

mod markdown;
mod text;

use super::document::{CaseReport, Document};
use crate::spec::requirements;

pub use markdown::matrix_markdown;
pub use text::matrix_text;

/// The table that all formats show.
pub(super) struct Matrix<'d> {
    pub(super) columns: Vec<Column<'d>>,
    /// The ids of all cases, in the order of the specification.
    pub(super) ids: Vec<&'d str>,
}

/// The report of a plugin.
pub(super) struct Column<'d> {
    /// The plugin's name, with the profile if the name is not unique, and then a number.
    pub(super) label: String,
    pub(super) document: &'d Document,
}

impl<'d> Matrix<'d> {
    pub(super) fn new(documents: &'d [Document]) -> Self {
        let labels = labels(documents);
        let columns = labels.into_iter().zip(documents);
        Self {
            columns: columns.map(|(label, document)| Column { label, document }).collect(),
            ids: ids(documents),
        }
    }

    /// Returns the ids by area.
    pub(super) fn areas(&self) -> impl Iterator<Item = (&'d str, &[&'d str])> {
        let same = |a: &&str, b: &&str| area(a) == area(b);
        self.ids.chunk_by(same).map(|ids| (area(ids[0]), ids))
    }
}

impl Column<'_> {
    /// Returns the case, if it applies to this plugin.
    pub(super) fn case(&self, id: &str) -> Option<&CaseReport> {
        self.document.cases.iter().find(|case| case.id == id)
    }

    /// Returns the sign of the verdict.
    pub(super) fn sign(&self, id: &str) -> char {
        self.case(id).map_or(' ', |case| case.verdict.sign())
    }
}

fn area(id: &str) -> &str {
    id.split('.').next().unwrap_or(id)
}

/// Returns the ids in the order of the catalogue; ids that this version does not know are last in
/// their area.
fn ids(documents: &[Document]) -> Vec<&str> {
    let order: Vec<&str> = requirements::all().map(|requirement| requirement.id).collect();
    let position = |id: &str| order.iter().position(|known| *known == id);
    let area_ends = |id: &str| order.iter().rposition(|known| area(known) == area(id));
    let last = |id: &str| (area_ends(id).unwrap_or(order.len()), 1);
    let mut ids: Vec<&str> = Vec::new();
    for case in documents.iter().flat_map(|document| &document.cases) {
        if !ids.contains(&case.id.as_str()) {
            ids.push(&case.id);
        }
    }
    ids.sort_by_key(|id| {
        (position(id).map_or_else(|| last(id), |position| (position, 0)), area(id))
    });
    ids
}

fn labels(documents: &[Document]) -> Vec<String> {
    let name = |document: &Document| document.subject.name.clone();
    let with = |document: &Document| format!("{} ({})", name(document), document.subject.profile);
    let short = documents.iter().map(|document| {
        let twice = documents.iter().filter(|other| name(other) == name(document)).count() > 1;
        if twice { with(document) } else { name(document) }
    });
    let mut labels: Vec<String> = Vec::new();
    for label in short {
        let same = |known: &&String| **known == label || known.starts_with(&format!("{label} #"));
        match labels.iter().filter(same).count() {
            0 => labels.push(label),
            taken => labels.push(format!("{label} #{}", taken + 1)),
        }
    }
    labels
}
