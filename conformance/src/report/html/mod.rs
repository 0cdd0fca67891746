//! A self-contained HTML page: plugins × requirements, and the details of each verdict.
//!
//! It contains the reports as JSON. The script builds all elements from text, never from markup, so
//! that the output of a hostile plugin stays text. A policy in the page allows only this style and
//! this script, and no requests.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::document::Document;
use super::matrix::Matrix;
use crate::verdict::Verdict;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = concat!(include_str!("base.css"), include_str!("page.css"));
/// The parts in order: how elements are made, the table, the details, and the start.
const SCRIPT: &str = concat!(
    include_str!("elements.js"),
    include_str!("table.js"),
    include_str!("details.js"),
    include_str!("page.js"),
);

/// Returns the page: the versions of one report side by side, or the plugins of several.
pub fn html(documents: &[Document]) -> String {
    // In this order, since only the last part contains text from outside.
    PAGE.replace("{policy}", &policy())
        .replace("{style}", STYLE)
        .replace("{script}", SCRIPT)
        .replace("{data}", &escaped(&data(documents)))
}

/// Returns a policy that allows only the page's own style and script, by their hashes.
fn policy() -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; base-uri 'none'; form-action 'none'; style-src {}; script-src {}",
        hash(STYLE),
        hash(SCRIPT)
    )
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

/// Returns JSON in which nothing is special to HTML or JavaScript.
fn escaped(data: &Value) -> String {
    data.to_string().chars().fold(String::new(), |mut text, c| {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
        text
    })
}
