//! Nothing is lost and nothing stays behind when something dies in the middle.
//!
//! `cargo xtask test` tries a part of the places, spread evenly; `cargo xtask faults` (PORT_MAPPER_FAULTS=all) tries them all. What they
//! found stands in RELIABILITY.md.
#![allow(clippy::print_stdout, reason = "figures for RELIABILITY.md")]

/// Makes a test of each function for each backend.
macro_rules! on_every_backend {
    ($($name:ident),+ $(,)?) => {
        mod iptables_nft {
            $(#[test] fn $name() { super::$name("iptables-nft") })+
        }
        mod iptables_legacy {
            $(#[test] fn $name() { super::$name("iptables-legacy") })+
        }
        mod nftables {
            $(#[test] fn $name() { super::$name("nftables") })+
        }
    };
}

#[path = "../common/mod.rs"]
mod common;
mod killed;
mod places;
mod refused;
mod scene;
