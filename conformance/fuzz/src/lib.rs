//! What must hold for any bytes whatever that come from outside: a property a file, each a function that panics where it does not hold.
//!
//! `cargo xtask fuzz` looks for bytes that break one; `tests/replay.rs` tries the corpus in every run of the tests.

mod error;
mod iptables;
mod netlink;
mod request;
mod result;
mod settings;
mod state;

/// A property of all bytes.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    /// Its name: that of its file, of its corpus, and of its target.
    pub name: &'static str,
    /// Panics where it does not hold.
    pub holds: fn(&[u8]),
}

const fn property(name: &'static str, holds: fn(&[u8])) -> Property {
    Property { name, holds }
}

/// All of them.
pub const ALL: [Property; 7] = [
    property("error", error::holds),
    property("iptables", iptables::holds),
    property("netlink", netlink::holds),
    property("request", request::holds),
    property("result", result::holds),
    property("settings", settings::holds),
    property("state", state::holds),
];
