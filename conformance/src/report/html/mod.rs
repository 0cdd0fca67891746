//! The HTML page: plugins × requirements, and the details of each verdict.

use cni_output::Page;
use serde_json::{Value, json};

use super::document::Document;
use super::matrix::Matrix;
use crate::verdict::Verdict;

const PAGE: Page = Page {
    title: "CNI conformance",
    body: include_str!("page.html"),
    style: include_str!("page.css"),
    scripts: &[include_str!("table.js"), include_str!("details.js"), include_str!("page.js")],
};

/// Returns the page: the versions of one report side by side, or the plugins of several.
pub fn html(documents: &[Document]) -> String {
    PAGE.html(&data(documents))
}

fn data(documents: &[Document]) -> Value {
    let matrix = Matrix::new(documents);
    let labels: Vec<_> = matrix.columns.iter().map(|column| &column.label).collect();
    let signs = Verdict::ALL
        .map(|verdict| (verdict.as_str().to_owned(), verdict.sign().to_string().into()));
    json!({
        "labels": labels,
        "ids": matrix.ids,
        "signs": signs.into_iter().collect::<serde_json::Map<String, Value>>(),
        "reports": documents,
    })
}
