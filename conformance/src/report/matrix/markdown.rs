//! The matrix in Markdown, for a page of a repository.

use std::fmt::Write;

use super::{Column, Matrix};
use crate::report::document::Document;
use crate::report::markdown::prose;
use crate::verdict::Verdict;

/// Returns the totals of each plugin, and below them a table for each area.
pub fn matrix_markdown(documents: &[Document]) -> String {
    let matrix = Matrix::new(documents);
    let mut text = "# CNI conformance\n\n".to_owned();
    text.push_str(&totals(&matrix.columns));
    for (area, ids) in matrix.areas() {
        let labels: Vec<_> = matrix.columns.iter().map(|column| prose(&column.label)).collect();
        let _ = write!(text, "\n## {area}\n\n| | {} |\n|---|", labels.join(" | "));
        text.push_str(&":---:|".repeat(labels.len()));
        text.push('\n');
        for id in ids {
            let signs: Vec<_> =
                matrix.columns.iter().map(|column| column.sign(id).to_string()).collect();
            let _ = writeln!(text, "| `{id}` | {} |", signs.join(" | "));
        }
    }
    text
}

fn totals(columns: &[Column]) -> String {
    let names = Verdict::ALL.map(|verdict| format!("{} {verdict}", verdict.sign())).join(" | ");
    let lines = "---:|".repeat(Verdict::ALL.len());
    let mut text = format!("| plugin | profile | spec | {names} |\n|---|---|---|{lines}\n");
    for column in columns {
        let document = column.document;
        let counts = Verdict::ALL.map(|verdict| document.count(verdict).to_string()).join(" | ");
        let _ = writeln!(
            text,
            "| {} | {} | {} | {counts} |",
            prose(&column.label),
            document.subject.profile,
            document.versions.join(", "),
        );
    }
    text
}
