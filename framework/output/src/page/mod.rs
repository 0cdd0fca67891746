//! Self-contained HTML pages of data that a script shows.
//!
//! A page contains its data as JSON. Its script builds all elements from text, never from markup,
//! so that the output of a hostile plugin stays text. A policy in the page allows only its own
//! style and script, and no requests.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("page.html");
/// Colours, filter and details, in light and dark.
const STYLE: &str = include_str!("base.css");
/// How elements and details are made.
const SCRIPT: &str = include_str!("elements.js");

/// The parts in which one kind of page differs from another. They are trusted: text from outside
/// belongs to the data.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The title until the script sets another.
    pub title: &'static str,
    /// The contents of the body, above the details.
    pub body: &'static str,
    /// The style, after that of all pages.
    pub style: &'static str,
    /// The scripts in order. The data is in `data`; functions that make elements precede them.
    pub scripts: &'static [&'static str],
}

impl Page {
    /// Returns the HTML document of the page with this data.
    pub fn html(&self, data: &Value) -> String {
        let style = [STYLE, self.style].concat();
        let script = [&[SCRIPT], self.scripts].concat().concat();
        // In this order, since only the last part contains text from outside.
        PAGE.replace("{title}", self.title)
            .replace("{body}", self.body.trim_end())
            .replace("{policy}", &policy(&style, &script))
            .replace("{style}", &style)
            .replace("{script}", &script)
            .replace("{data}", &escaped(data))
    }
}

/// Returns a policy that allows only the page's own style and script, by their hashes.
fn policy(style: &str, script: &str) -> String {
    let hash = |text: &str| format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    format!(
        "default-src 'none'; base-uri 'none'; form-action 'none'; style-src {}; script-src {}",
        hash(style),
        hash(script)
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
