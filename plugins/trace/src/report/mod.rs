//! A self-contained HTML page of recordings: the calls by container, and what is behind each.
//!
//! It contains the calls as JSON. The script builds all elements from text, never from markup, so
//! that the output of a hostile plugin stays text. A policy in the page allows only this style and
//! this script, and no requests. Style and elements are those of the page of `cni-conformance`.

mod read;

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cni_wrapper::About;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) use read::Recordings;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = concat!(
    include_str!("../../../../conformance/src/report/html/base.css"),
    include_str!("page.css"),
);
/// The parts in order: how elements are made, the calls, the timeline, the details, and the start.
const SCRIPT: &str = concat!(
    include_str!("../../../../conformance/src/report/html/elements.js"),
    include_str!("calls.js"),
    include_str!("timeline.js"),
    include_str!("details.js"),
    include_str!("page.js"),
);

/// Returns the page.
pub(crate) fn html(about: &About, recordings: &Recordings) -> String {
    let data = json!({
        "by": format!("{} {}", about.name, about.version),
        "notes": recordings.notes(usize::MAX),
        "files": recordings.files,
        "calls": recordings.calls,
    });
    // In this order, since only the last part contains text from outside.
    PAGE.replace("{policy}", &policy())
        .replace("{style}", STYLE)
        .replace("{script}", SCRIPT)
        .replace("{data}", &escaped(&data))
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
