//! Properties that hold for any input from outside. Each has a file with a function that panics if
//! the property does not hold.
//!
//! `cargo xtask fuzz` searches for input that breaks a property; `tests/replay.rs` tries the corpus
//! in every test run.

mod error;
mod iptables;
mod netlink;
mod request;
mod result;
mod settings;
mod state;

/// A property of any input.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// The name of the property, its file and its corpus.
    pub name: &'static str,
    /// Panics if the property does not hold for this input.
    pub holds: fn(&[u8]),
}

const fn property(name: &'static str, holds: fn(&[u8])) -> Property {
    Property { name, holds }
}

/// All properties.
pub const ALL: [Property; 7] = [
    property("error", error::holds),
    property("iptables", iptables::holds),
    property("netlink", netlink::holds),
    property("request", request::holds),
    property("result", result::holds),
    property("settings", settings::holds),
    property("state", state::holds),
];
