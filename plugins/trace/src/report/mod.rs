//! The HTML page of recordings: the calls by container, and what is behind each.

mod read;

use cni_output::Page;
use cni_wrapper::About;
use serde_json::json;

pub(crate) use read::Recordings;

const PAGE: Page = Page {
    title: "Calls of CNI plugins",
    body: include_str!("page.html"),
    style: include_str!("page.css"),
    scripts: &[
        include_str!("calls.js"),
        include_str!("timeline.js"),
        include_str!("details.js"),
        include_str!("page.js"),
    ],
};

/// Returns the page.
pub(crate) fn html(about: &About, recordings: &Recordings) -> String {
    PAGE.html(&json!({
        "by": format!("{} {}", about.name, about.version),
        "notes": recordings.notes(usize::MAX),
        "files": recordings.files,
        "calls": recordings.calls,
    }))
}
