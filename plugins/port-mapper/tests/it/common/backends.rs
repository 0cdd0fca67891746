//! Runs tests on every backend.

/// Defines a test of each function for each backend. The function gets the name of the backend.
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
