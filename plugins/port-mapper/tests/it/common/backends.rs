//! One table of tests for all backends.

/// Makes a test of each function for each backend, whose name it is given.
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
