//! Reports for people and for machines, all made from one [`Document`].

mod badge;
mod baseline;
mod build;
mod diff;
pub mod document;
mod explain;
mod file;
mod html;
mod identity;
mod junit;
mod markdown;
mod matrix;
mod tap;
mod text;
mod visible;

pub use badge::badge;
pub use build::{Exchanges, ReportContext};
pub use diff::Difference;
pub use document::Document;
pub use explain::explain;
pub use html::html;
pub use identity::about;
pub use junit::junit;
pub use markdown::markdown;
pub use matrix::{matrix_markdown, matrix_text};
pub use tap::tap;
pub use text::{findings, text};
