//! `matrix`.

use cni_conformance::report::{self, Document};

use super::CONFORMS;
use super::arguments::MatrixArguments;
use super::targets::Kind;

/// Puts JSON reports side by side.
pub(super) fn matrix(arguments: &MatrixArguments) -> Result<u8, String> {
    arguments.targets.check()?;
    let read: Result<Vec<_>, _> = arguments.files.iter().map(|file| Document::read(file)).collect();
    let documents = read?;
    if arguments.targets.is_empty() {
        print!("{}", report::matrix_text(&documents));
    }
    arguments.targets.write(&|kind| match kind {
        Kind::Markdown => report::matrix_markdown(&documents),
        Kind::Html => report::html(&documents),
        _ => report::matrix_text(&documents),
    })?;
    Ok(CONFORMS)
}
