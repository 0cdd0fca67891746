//! What every backend does alike: one table of tests, each a function of the backend's name, run on each of them.
//!
//! Needs root or user namespaces, iptables in both variants, nft to look with, and Debian's containernetworking-plugins.

/// Makes a test of each function for each variant of iptables.
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
mod kinds;
mod meddled;
mod nft;
mod old_iptables;
mod owners;
mod reach;
mod state;
mod verbs;
mod world;
