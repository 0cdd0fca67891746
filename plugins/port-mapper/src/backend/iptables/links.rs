//! Which variant a program is, judged by its names, without running it.
//!
//! The programs of a variant are links to one executable, often through an alternative:
//! `iptables -> /etc/alternatives/iptables -> iptables-nft -> xtables-nft-multi`.

use std::fs;
use std::path::{Path, PathBuf};

use super::programs::{Variant, parse_version};

/// The number of links that the kernel follows, too.
const MAX_LINKS: usize = 40;
/// The first version that has a variant for nf_tables under the name `iptables`.
const FIRST_WITH_VARIANTS: [u32; 3] = [1, 8, 0];

/// Returns the variant of the program at a path: that of the first of its links whose name has one.
///
/// Returns `None` if no name does, as for a script or a static executable.
pub(super) fn variant(path: &Path) -> Option<Variant> {
    let mut path: PathBuf = path.to_owned();
    for _ in 0..MAX_LINKS {
        if let Some(variant) = path.file_name()?.to_str().and_then(variant_of_name) {
            return Some(variant);
        }
        path = path.parent()?.join(fs::read_link(&path).ok()?);
    }
    None
}

fn variant_of_name(name: &str) -> Option<Variant> {
    let mut parts = name.split('-');
    let first = parts.next()?;
    if !["xtables", "iptables", "ip6tables"].contains(&first) {
        return None;
    }
    // The executable of 1.4.11 to 1.6 is called xtables-multi.
    let is_old = parts.clone().eq(["multi"]);
    parts.find_map(|part| match part {
        // The name of the variant for nf_tables before 1.8.
        "nft" | "compat" => Some(Variant::Nft),
        "legacy" => Some(Variant::Legacy),
        _ => is_old.then_some(Variant::Legacy),
    })
}

/// Returns the variant that a program's own version contains: `iptables v1.8.9 (nf_tables)`.
pub(super) fn variant_of_version(version: &str) -> Option<Variant> {
    if version.contains("(nf_tables)") {
        return Some(Variant::Nft);
    }
    let is_old = || parse_version(version).is_some_and(|numbers| numbers < FIRST_WITH_VARIANTS);
    (version.contains("(legacy)") || is_old()).then_some(Variant::Legacy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_every_distribution_tell_the_variant() {
        for (name, variant) in [
            ("xtables-nft-multi", Some(Variant::Nft)),
            ("ip6tables-nft-restore", Some(Variant::Nft)),
            ("xtables-compat-multi", Some(Variant::Nft)),
            ("xtables-legacy-multi", Some(Variant::Legacy)),
            ("iptables-legacy", Some(Variant::Legacy)),
            ("xtables-multi", Some(Variant::Legacy)),
            ("iptables-multi", Some(Variant::Legacy)),
            ("iptables", None),
            ("iptables-save", None),
            ("ip6tables-restore", None),
            ("iptables-wrapper", None),
            ("busybox-nft", None),
            ("nft", None),
        ] {
            assert_eq!(variant_of_name(name), variant, "{name}");
        }
    }

    #[test]
    fn the_version_tells_the_variant_and_before_1_8_there_is_only_legacy() {
        let of = variant_of_version;
        assert_eq!(of("iptables v1.8.9 (nf_tables)"), Some(Variant::Nft));
        assert_eq!(of("iptables v1.8.9 (legacy)"), Some(Variant::Legacy));
        assert_eq!(of("iptables v1.6.1"), Some(Variant::Legacy));
        assert_eq!(of("iptables v1.8.0"), None);
        assert_eq!(of("out of luck"), None);
    }
}
