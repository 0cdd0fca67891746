//! Recognises a table of iptables-nft that `nft` has filled: no program of iptables can use it.

use cni_netlink::nftables::{BaseChain, ChainType, Hook, Kernel, RuleView, Ruleset, Table};

use super::detect::{nat_tables, raw_table};
use crate::error::Error;
use crate::family::Family;

/// The chains that iptables has in these tables.
const BUILT_IN: [&str; 4] = ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"];
/// The expressions of which iptables' rules consist.
const EXPRESSIONS: [&[u8]; 12] = [
    b"match",
    b"target",
    b"payload",
    b"meta",
    b"cmp",
    b"bitwise",
    b"counter",
    b"immediate",
    b"lookup",
    b"limit",
    b"log",
    b"range",
];

/// Returns the families whose tables seem to be filled by `nft`.
///
/// Every ADD with the default backend asks, so it reads only the chains at the hooks. What is
/// suspected here is verified by the program itself; what is overlooked makes the program fail.
pub(super) fn suspected(kernel: &mut Kernel) -> Result<Vec<Family>, Error> {
    let [four, six] = nat_tables();
    let nat = BaseChain::new(ChainType::Nat, Hook::Prerouting, -100);
    let raw = BaseChain::new(ChainType::Filter, Hook::Prerouting, -300);
    let mut families = Vec::new();
    for (family, table, first) in
        [(Family::V4, four, nat), (Family::V4, raw_table(), raw), (Family::V6, six, nat)]
    {
        if !families.contains(&family) && is_foreign(kernel, &table, first)? {
            families.push(family);
        }
    }
    Ok(families)
}

fn is_foreign(kernel: &mut Kernel, table: &Table, first: BaseChain) -> Result<bool, Error> {
    if kernel.table(table)?.is_none() {
        return Ok(false);
    }
    match kernel.chain(table, BUILT_IN[0])? {
        Some(chain) => {
            let is_same = |base: BaseChain| {
                (base.kind, base.hook, base.priority) == (first.kind, first.hook, first.priority)
            };
            if !chain.base.is_some_and(is_same) {
                return Ok(true);
            }
        }
        // Either iptables has used other chains of the table only, or it is not iptables'.
        None => {
            let chains = kernel.chains(table)?;
            let is_own = |name: &str| BUILT_IN.contains(&name);
            if chains.iter().any(|chain| chain.base.is_some() && !is_own(&chain.name)) {
                return Ok(true);
            }
        }
    }
    for chain in BUILT_IN {
        if !kernel.scan_rules(table, Some(chain), native_expression)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns `Some` if the rule has an expression that iptables does not use.
fn native_expression(rule: &RuleView<'_>) -> Option<()> {
    rule.expressions().find(|expression| !EXPRESSIONS.contains(&expression.name())).map(drop)
}
