//! Lists links, addresses, routes and firewall rules.
//!
//! Tests take many snapshots, and most are equal to an earlier one. Starting `ip` or `nft` is
//! expensive, so the kernel is first asked over netlink whether anything has changed.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cni_netlink::nftables::{Generation, Kernel, Ruleset};

use crate::sandbox::netns::Netns;
use crate::snapshot::kernel_state::kernel_state;

/// Lists links, addresses, routes and policy rules, one per line.
const IP: &str = "ip -oneline -batch - <<END
link show
address show
route show table all
rule show
END
ip -oneline -6 rule show 2>/dev/null || true
";

/// Lists the nftables ruleset, and iptables' nft variant's view of it. A tool that is not installed
/// has no rules.
const NFT: &str = "
tables='table ip table ip6 '
if command -v nft >/dev/null && ruleset=$(nft --stateless list ruleset 2>/dev/null); then
    tables=$ruleset
    echo '== nft'
    printf '%s\\n' \"$ruleset\"
fi
for family in ip ip6; do
    case $tables in *\"table $family \"*)
        echo \"== ${family}tables-nft\"
        ! command -v ${family}tables-nft-save >/dev/null || ${family}tables-nft-save 2>/dev/null || true
    esac
done
";

/// Lists the rules of iptables' legacy variant, for the families that have tables.
const LEGACY: &str = "
for family in ip ip6; do
    tables=/proc/net/${family}_tables_names
    if [ -r $tables ] && read -r table <$tables; then
        echo \"== ${family}tables-legacy\"
        ! command -v ${family}tables-legacy-save >/dev/null || ${family}tables-legacy-save 2>/dev/null || true
    fi
done
";

/// How many outputs are kept. Each has a few kilobytes.
const REMEMBERED: usize = 4096;

/// The output of `ip` for each state of a kernel. It depends on nothing else, on any host.
static PRINTED: LazyLock<Mutex<HashMap<Vec<u8>, Arc<str>>>> = LazyLock::new(Mutex::default);

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

/// Returns the output of [`IP`].
pub(super) fn ip(netns: &Netns) -> Arc<str> {
    let state = || netns.within_network(kernel_state).flatten();
    let before = state();
    if let Some(printed) = before.as_ref().and_then(|state| lock(&PRINTED).get(state).cloned()) {
        return printed;
    }
    let printed: Arc<str> = netns.sh(IP).into();
    // The state may have changed in between, such as the carrier of a link.
    if let Some(state) = state().filter(|after| Some(after) == before.as_ref()) {
        let mut remembered = lock(&PRINTED);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(state, printed.clone());
    }
    printed
}

/// Returns all firewall rules, in sections.
pub(super) fn rules(netns: &Netns) -> Vec<Arc<str>> {
    let legacy = has_legacy_tables(netns).then(|| netns.sh(LEGACY).into());
    legacy.into_iter().chain(nft(netns)).collect()
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
    let printed: Arc<str> = netns.sh(NFT).into();
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

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
