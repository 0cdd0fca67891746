//! The names that a plugin can have.

use crate::run::Outcome;

/// Rust's keywords, of all editions, and those that are reserved.
const KEYWORDS: &str = "abstract as async await become box break const continue crate do dyn else \
    enum extern false final fn for gen if impl in let loop macro match mod move mut override priv \
    pub ref return self static struct super trait true try type typeof union unsafe unsized use \
    virtual where while yield";

/// Crates of the compiler, and directories that cargo creates next to a program.
const RESERVED: &str =
    "std core alloc proc-macro test build deps examples incremental debug release";

/// The crates that the new plugin depends on.
const DEPENDENCIES: &str = "cni-wrapper cni-test-kit cni-conformance cni-protocol cni-netlink \
    cni-plugin async-std log serde serde-json thiserror";

/// Plugins that exist: those of containernetworking, others that are installed in the same
/// directory, and those of this project.
const PLUGINS: &str = "bandwidth bridge dhcp dummy firewall host-device host-local ipvlan loopback \
    macvlan portmap ptp sbr static tap tuning vlan vrf \
    aws-cni azure-vnet calico calico-ipam cilium-cni cnitool flannel genie istio-cni kindnet \
    linkerd-cni multus sriov weave-net weave-ipam \
    cni-guard cni-label-policy cni-trace mesos-cni-port-mapper";

const LISTS: [(&str, &str); 4] = [
    (KEYWORDS, "a keyword of Rust"),
    (RESERVED, "reserved by the compiler or by cargo"),
    (DEPENDENCIES, "a crate that the plugin depends on"),
    (PLUGINS, "a CNI plugin that exists, and both would be installed in the same directory"),
];

/// Checks a name, which becomes that of a crate, a program and a CNI plugin's `type`.
pub(super) fn check(name: &str) -> Outcome {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(plain) {
        return Err(format!(
            "{name:?} is not a plugin's name: use lower-case letters, digits and '-', and start \
             with a letter"
        ));
    }
    let list = LISTS.iter().find(|(list, _)| list.split(' ').any(|taken| taken == name));
    if let Some((_, reason)) = list {
        return Err(format!("the name {name} is {reason}: choose another one"));
    }
    let own_type = of_type(name);
    if names_in_template().any(|used| used == own_type) {
        return Err(format!(
            "the plugin's type would be called {own_type}, as another one in the template: choose \
             another name, such as my-{name}"
        ));
    }
    Ok(())
}

/// Returns the identifiers in the source file that defines the plugin's type.
fn names_in_template() -> impl Iterator<Item = &'static str> {
    let source = include_str!("../../template/src/main.rs");
    source.split(|c: char| !c.is_alphanumeric() && c != '_')
}

/// `label-policy` → `LabelPolicy`.
pub(super) fn of_type(name: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str())
    };
    name.split('-').filter_map(capital).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_not_valid_for_crates_or_files_are_refused() {
        for bad in ["", "1st", "Upper", "a_b", "a/b", "../x", "-a", "a b"] {
            assert!(check(bad).is_err(), "{bad}");
        }
        check("demo-wrapper2").unwrap();
        assert_eq!(of_type("demo-wrapper2"), "DemoWrapper2");
    }

    #[test]
    fn names_with_which_the_crate_would_not_compile_are_refused() {
        for bad in ["self", "crate", "async", "gen", "std", "test", "deps", "log", "serde-json"] {
            assert!(check(bad).is_err(), "{bad}");
        }
        // Types that the template defines or imports.
        for bad in ["config", "call", "middleware", "attachment-store", "vec", "ok", "error"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_plugins_that_exist_are_refused() {
        for bad in ["bridge", "portmap", "host-local", "cni-guard", "mesos-cni-port-mapper"] {
            assert!(check(bad).unwrap_err().contains("exists"), "{bad}");
        }
    }
}
