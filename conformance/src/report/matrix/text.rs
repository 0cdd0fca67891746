//! The matrix as text, for a terminal.

use std::fmt::Write;

use super::Matrix;
use crate::report::document::Document;
use crate::report::visible::visible;

/// Returns the matrix, with a column for each report and a line for each requirement.
pub fn matrix_text(documents: &[Document]) -> String {
    let matrix = Matrix::new(documents);
    let width = matrix.ids.iter().map(|id| id.len()).max().unwrap_or_default() + 2;
    let mut text = String::new();
    for (index, column) in matrix.columns.iter().enumerate() {
        let (number, totals) = (index + 1, column.document.totals());
        let profile = column.document.subject.profile;
        let _ = writeln!(text, "{number:>3}  {} · {profile} · {totals}", column.label);
    }
    let numbers: String = (1..=documents.len()).map(|number| format!("{number:>3}")).collect();
    let _ = writeln!(text, "\n{:width$}{numbers}", "");
    for (area, ids) in matrix.areas() {
        let _ = writeln!(text, "{area}");
        for id in ids {
            let signs: String =
                matrix.columns.iter().map(|column| format!("  {}", column.sign(id))).collect();
            let _ = writeln!(text, "{:width$}{}", format!("  {id}"), signs.trim_end());
        }
    }
    visible(&text)
}
