//! One page of HTML that needs nothing else: plugins × requirements, with everything behind each verdict.
//!
//! The reports lie in it as JSON, and the script builds all that is seen from text, never from markup: what a hostile
//! plugin printed stays text. A policy in the page allows this style and this script only, and no request at all.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::document::Document;
use super::matrix::Matrix;
use crate::verdict::Verdict;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// What elements are made with, the table, what is behind a verdict, and the address, which begins it all.
const SCRIPT: &str = concat!(
    include_str!("words.js"),
    include_str!("table.js"),
    include_str!("story.js"),
    include_str!("page.js"),
);

/// The page: of one report the versions side by side, of several the plugins.
pub fn html(documents: &[Document]) -> String {
    // In this order, since no part but the last holds words from outside.
    PAGE.replace("{policy}", &policy())
        .replace("{style}", STYLE)
        .replace("{script}", SCRIPT)
        .replace("{data}", &harmless(&data(documents)))
}

/// Nothing but the page's own style and script, known by their hashes.
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

/// JSON that neither HTML nor JavaScript can take for anything else.
fn harmless(data: &Value) -> String {
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
