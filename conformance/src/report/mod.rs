//! Reports, for people and for machines. All are made from one [`Document`].

pub mod document;
mod explain;
mod identity;
mod junit;
mod made;
mod markdown;
mod text;

pub use document::Document;
pub use explain::explain;
pub use identity::about;
pub use junit::junit;
pub use made::{Exchanges, Telling};
pub use markdown::markdown;
pub use text::text;
