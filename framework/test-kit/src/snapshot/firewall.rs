//! Lists the firewall rules, and removes them.
//!
//! Starting `nft` is expensive, so the kernel is first asked over netlink whether the ruleset has
//! changed since the last listing.

use std::fs;
use std::sync::Arc;

use cni_netlink::nftables::{Generation, Kernel, Ruleset};

use crate::sandbox::netns::Netns;

/// `save` runs a tool. One that is not installed has no rules; one that fails adds a line to a
/// section of its own, so that a failed listing differs from an empty one.
const FUNCTIONS: &str = "
failed() { echo '== failures'; echo \"$1: exit status $2\"; }
save() { ! command -v $1 >/dev/null || $1 2>/dev/null || failed $1 $?; }
";

/// Lists the nftables ruleset, and iptables' nft variant's view of it.
const NFT: &str = "
tables='table ip table ip6 '
if command -v nft >/dev/null; then
    if ruleset=$(nft --stateless list ruleset 2>/dev/null); then
        tables=$ruleset
        echo '== nft'
        printf '%s\\n' \"$ruleset\"
    else
        failed nft $?
    fi
fi
for family in ip ip6; do
    case $tables in *\"table $family \"*)
        echo \"== ${family}tables-nft\"
        save ${family}tables-nft-save
    esac
done
";

/// Lists the rules of iptables' legacy variant, for the families that have tables.
const LEGACY: &str = "
for family in ip ip6; do
    tables=/proc/net/${family}_tables_names
    if [ -r $tables ] && read -r table <$tables; then
        echo \"== ${family}tables-legacy\"
        save ${family}tables-legacy-save
    fi
done
";

/// Reports whether a namespace may have firewall rules.
pub(crate) fn has_rules(netns: &Netns) -> bool {
    has_legacy_tables(netns) || nft(netns).is_some_and(|printed| shows_rules(&printed))
}

/// Removes all firewall rules except those of iptables' legacy variant, and reports whether none
/// are left.
pub(crate) fn clear_rules(netns: &Netns) -> bool {
    if has_legacy_tables(netns) {
        return false;
    }
    if generation(netns) == Some(Generation::FIRST) {
        return true;
    }
    let seen = netns.sandbox.rules.get(&netns.name);
    if seen.is_some_and(|(at, printed)| generation(netns) == Some(at) && !shows_rules(&printed)) {
        return true;
    }
    let flush = || Kernel::open().and_then(|mut kernel| kernel.flush()).is_ok();
    if netns.within_network(flush) != Some(true) {
        return false;
    }
    if let Some(generation) = generation(netns) {
        netns.sandbox.rules.insert(&netns.name, generation, "".into());
    }
    true
}

/// Reports whether a listing contains anything except headings.
fn shows_rules(printed: &str) -> bool {
    printed.lines().any(|line| !line.is_empty() && !line.starts_with("== "))
}

/// Returns all firewall rules, in sections.
pub(super) fn rules(netns: &Netns) -> Vec<Arc<str>> {
    let legacy = has_legacy_tables(netns).then(|| script(netns, LEGACY).into());
    legacy.into_iter().chain(nft(netns)).collect()
}

fn script(netns: &Netns, text: &str) -> String {
    netns.sh(&format!("{FUNCTIONS}{text}"))
}

/// Reports whether iptables' legacy variant was used: the kernel lists the tables that were
/// requested.
fn has_legacy_tables(netns: &Netns) -> bool {
    let has_some = |family: &&str| {
        // The sandbox's /proc does not show a thread of this process, the machine's does.
        let names = format!("/proc/thread-self/net/{family}_tables_names");
        fs::read_to_string(names).is_ok_and(|names| !names.trim().is_empty())
    };
    netns.within_network(|| ["ip", "ip6"].iter().any(has_some)).unwrap_or(true)
}

/// Returns the output of [`NFT`]. Each committed transaction increments the generation.
fn nft(netns: &Netns) -> Option<Arc<str>> {
    let before = generation(netns);
    if before == Some(Generation::FIRST) {
        return None;
    }
    let seen = netns.sandbox.rules.get(&netns.name);
    if let Some((generation, printed)) = seen
        && before == Some(generation)
    {
        return Some(printed);
    }
    let printed: Arc<str> = script(netns, NFT).into();
    if let Some(generation) = generation(netns).filter(|after| before.as_ref() == Some(after)) {
        netns.sandbox.rules.insert(&netns.name, generation, printed.clone());
    }
    Some(printed)
}

/// Returns the generation of nf_tables, or `None` if the kernel does not report it.
fn generation(netns: &Netns) -> Option<Generation> {
    let ask = || Kernel::open().and_then(|mut kernel| kernel.generation());
    netns.within_network(ask)?.ok()
}
