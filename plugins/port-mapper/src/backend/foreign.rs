//! Recognises tables of iptables-nft that `nft` has filled: no program of iptables can use them.

use cni_netlink::nftables::{BaseChain, ChainType, Hook, Kernel, RuleView, Ruleset, Table};

use super::detect::{nat_tables, raw_table};
use super::iptables::{Iptables, Variant};
use crate::error::Error;
use crate::family::Family;

/// The expressions of which iptables' rules consist.
#[rustfmt::skip]
const EXPRESSIONS: [&[u8]; 12] = [
    b"match", b"target", b"payload", b"meta", b"cmp", b"bitwise", b"counter", b"immediate",
    b"lookup", b"limit", b"log", b"range",
];

/// A reason why iptables-nft may not be able to use a table.
pub(super) enum Suspicion {
    /// The table of this family has rules or chains that iptables does not make. Which of them a
    /// version of the program can ignore, only the program knows.
    Contents(Family),
    /// A chain has the name of one of iptables', but another hook or priority: the kernel refuses
    /// iptables' own.
    Chain(Table, &'static str),
}

/// A chain at a hook that iptables has in a table.
struct BuiltIn {
    name: &'static str,
    base: BaseChain,
}

/// Returns what makes it doubtful whether iptables-nft can use its tables.
///
/// Every ADD with the default backend asks, so it reads only the chains at the hooks. What is
/// overlooked makes the program fail.
pub(super) fn suspicions(kernel: &mut Kernel) -> Result<Vec<Suspicion>, Error> {
    let [four, six] = nat_tables();
    let nat = |name, hook, priority| BuiltIn {
        name,
        base: BaseChain::new(ChainType::Nat, hook, priority),
    };
    let nat = [
        nat("PREROUTING", Hook::Prerouting, -100),
        nat("OUTPUT", Hook::Output, -100),
        nat("POSTROUTING", Hook::Postrouting, 100),
    ];
    let guarded = BaseChain::new(ChainType::Filter, Hook::Prerouting, -300);
    let raw = [BuiltIn { name: "PREROUTING", base: guarded }];
    let tables: [(Family, Table, &[BuiltIn]); 3] =
        [(Family::V4, four, &nat), (Family::V4, raw_table(), &raw), (Family::V6, six, &nat)];
    let mut found = Vec::new();
    for (family, table, chains) in tables {
        if kernel.table(&table)?.is_some() {
            found.extend(suspicion(kernel, family, table, chains)?);
        }
    }
    Ok(found)
}

fn suspicion(
    kernel: &mut Kernel,
    family: Family,
    table: Table,
    chains: &[BuiltIn],
) -> Result<Option<Suspicion>, Error> {
    let mut is_used_by_iptables = false;
    for BuiltIn { name, base } in chains {
        let Some(chain) = kernel.chain(&table, name)? else { continue };
        is_used_by_iptables = true;
        let is_same = |other: BaseChain| {
            (other.kind, other.hook, other.priority) == (base.kind, base.hook, base.priority)
        };
        if !chain.base.is_some_and(is_same) {
            return Ok(Some(Suspicion::Chain(table, name)));
        }
        if !kernel.scan_rules(&table, Some(name), native_expression)?.is_empty() {
            return Ok(Some(Suspicion::Contents(family)));
        }
    }
    // A table that only `nft` uses. Some versions ignore its chains, others refuse the table.
    Ok((!is_used_by_iptables).then_some(Suspicion::Contents(family)))
}

/// Returns `Some` if the rule has an expression that iptables does not use.
fn native_expression(rule: &RuleView<'_>) -> Option<()> {
    rule.expressions().find(|expression| !EXPRESSIONS.contains(&expression.name())).map(drop)
}

/// Verifies with the program what was suspected.
///
/// # Errors
///
/// [`Error::Unfit`]: the program can't use a table, and the message names the key that helps.
pub(super) async fn verify(iptables: &Iptables, suspicions: Vec<Suspicion>) -> Result<(), Error> {
    for suspicion in suspicions {
        match suspicion {
            Suspicion::Contents(family) => {
                // Another failure has other reasons, which an ADD will report.
                if let Err(unfit @ Error::Unfit { .. }) = iptables.try_listing(family).await {
                    return Err(unfit);
                }
            }
            Suspicion::Chain(table, chain) => {
                let why = format!(
                    "chain {chain} of table {table} was made by nft, with another hook or priority \
                     than iptables needs; set \"backend\": \"nftables\", or rename that chain"
                );
                return Err(Error::Unfit { program: "iptables-nft".into(), why });
            }
        }
    }
    Ok(())
}

/// Checks that a variant can use its tables: for STATUS and `doctor`.
///
/// # Errors
///
/// As [`verify`].
pub(super) async fn check(iptables: &Iptables) -> Result<(), Error> {
    if iptables.variant() == Variant::Legacy {
        return Ok(());
    }
    // If the kernel can't be asked, the program reports why.
    let suspicions = Kernel::open().map(|mut kernel| suspicions(&mut kernel));
    match suspicions {
        Ok(Ok(suspicions)) => verify(iptables, suspicions).await,
        _ => Ok(()),
    }
}
