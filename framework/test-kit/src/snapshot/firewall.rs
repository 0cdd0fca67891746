//! Looks at a netns. Tests take many snapshots and most of them show what an earlier one showed, so the
//! kernel is asked over netlink whether there is anything new before a program such as `ip` is started.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cni_netlink::nftables::{Generation, Kernel, Ruleset};

use crate::sandbox::netns::Netns;
use crate::snapshot::kernel_state::kernel_state;

/// Links, addresses, routes and rules, a line each.
const IP: &str = "ip -oneline -batch - <<END
link show
address show
route show table all
rule show
END
ip -oneline -6 rule show 2>/dev/null || true
";

/// The nftables ruleset, and what iptables' nft variant sees of it. A tool that is not installed has
/// left nothing to see.
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

/// Rules of iptables' legacy variant, for the families that have tables.
const LEGACY: &str = "
for family in ip ip6; do
    tables=/proc/net/${family}_tables_names
    if [ -r $tables ] && read -r table <$tables; then
        echo \"== ${family}tables-legacy\"
        ! command -v ${family}tables-legacy-save >/dev/null || ${family}tables-legacy-save 2>/dev/null || true
    fi
done
";

/// More answers than this are not remembered: each has a few kilobytes.
const REMEMBERED: usize = 4096;

/// What `ip` printed for each state of a kernel. It depends on nothing else, whatever the host.
static PRINTED: LazyLock<Mutex<HashMap<Vec<u8>, Arc<str>>>> = LazyLock::new(Mutex::default);

/// Whether a netns may have firewall rules.
pub(crate) fn has_rules(netns: &Netns) -> bool {
    has_legacy_tables(netns) || nft(netns).is_some_and(|printed| shows_rules(&printed))
}

/// Removes all firewall rules but those of iptables' legacy variant; whether none are left.
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

/// Whether there is anything in what was printed but headings.
fn shows_rules(printed: &str) -> bool {
    printed.lines().any(|line| !line.is_empty() && !line.starts_with("== "))
}

/// What [`IP`] prints here.
pub(super) fn ip(netns: &Netns) -> Arc<str> {
    let state = || netns.within_network(kernel_state).flatten();
    let before = state();
    if let Some(printed) = before.as_ref().and_then(|state| lock(&PRINTED).get(state).cloned()) {
        return printed;
    }
    let printed: Arc<str> = netns.sh(IP).into();
    // The kernel may have changed something in between, such as the carrier of a link.
    if let Some(state) = state().filter(|after| Some(after) == before.as_ref()) {
        let mut remembered = lock(&PRINTED);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(state, printed.clone());
    }
    printed
}

/// All firewall rules here, in sections.
pub(super) fn rules(netns: &Netns) -> Vec<Arc<str>> {
    let legacy = has_legacy_tables(netns).then(|| netns.sh(LEGACY).into());
    legacy.into_iter().chain(nft(netns)).collect()
}

/// Whether iptables' legacy variant was used here: the kernel names the tables that were asked for.
fn has_legacy_tables(netns: &Netns) -> bool {
    let has_some = |family: &&str| {
        // On the host, /proc does not show a thread of this process.
        let names = format!("/proc/thread-self/net/{family}_tables_names");
        fs::read_to_string(names).is_ok_and(|names| !names.trim().is_empty())
    };
    netns.within_network(|| ["ip", "ip6"].iter().any(has_some)).unwrap_or(true)
}

/// What [`NFT`] prints here. Each transaction that is committed raises the generation.
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

/// `None` if the kernel does not say.
fn generation(netns: &Netns) -> Option<Generation> {
    let ask = || Kernel::open().and_then(|mut kernel| kernel.generation());
    netns.within_network(ask)?.ok()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
