//! Runs tests on every backend.

/// Defines a test of each function for each backend, with these attributes. The function gets the
/// name of the backend.
macro_rules! on_every_backend {
    ($($(#[$attribute:meta])* $name:ident),+ $(,)?) => {
        mod iptables_nft {
            $($(#[$attribute])* #[test] fn $name() { super::$name("iptables-nft") })+
        }
        mod iptables_legacy {
            $($(#[$attribute])* #[test] fn $name() { super::$name("iptables-legacy") })+
        }
        mod nftables {
            $($(#[$attribute])* #[test] fn $name() { super::$name("nftables") })+
        }
    };
}

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
