//! Reports, for people and for machines.

mod group;
mod json;
mod text;

pub use json::json;
pub use text::{explain, text};
