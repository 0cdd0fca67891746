//! The behaviour of all backends: each test is a function of the backend's name, and runs on each
//! of them.
//!
//! The tests need root or user namespaces, iptables in both variants, nft to inspect rules, and
//! Debian's containernetworking-plugins.

/// Defines a test of each function for each variant of iptables.
macro_rules! on_both_iptables {
    ($($name:ident),+ $(,)?) => {
        mod iptables {
            mod nft {
                $(#[test] fn $name() { super::super::$name("iptables-nft") })+
            }
            mod legacy {
                $(#[test] fn $name() { super::super::$name("iptables-legacy") })+
            }
        }
    };
}

mod checks;
mod companions;
mod conflicts;
mod external_changes;
mod kinds;
mod liveness;
mod long_names;
mod lost;
mod nft;
mod not_ours;
mod old_iptables;
mod owners;
mod reach;
mod state;
mod testbed;
mod variants;
mod verbs;
