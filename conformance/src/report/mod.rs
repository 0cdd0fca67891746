//! Reports, for people and for machines. All are made from one [`Document`].

mod diff;
pub mod document;
mod explain;
mod file;
mod html;
mod identity;
mod junit;
mod made;
mod markdown;
mod matrix;
mod text;
mod visible;

pub use diff::Difference;
pub use document::Document;
pub use explain::explain;
pub use html::html;
pub use identity::about;
pub use junit::junit;
pub use made::{Exchanges, Telling};
pub use markdown::markdown;
pub use matrix::{matrix_markdown, matrix_text};
pub use text::{findings, text};
