//! Displays a table like `nft list ruleset`, sorted.

use std::fmt::{self, Formatter};

use crate::nftables::data::Key;
use crate::nftables::fake::contents::{Contents, StoredChain, StoredRule, StoredSet};
use crate::nftables::set::Element;
use crate::nftables::table::Table;

pub(super) fn table(f: &mut Formatter<'_>, table: &Table, contents: &Contents) -> fmt::Result {
    writeln!(f, "table {table} {{")?;
    comment(f, "\t", contents.comment.as_deref())?;
    contents.sets.values().try_for_each(|stored| set(f, stored))?;
    contents.chains.values().try_for_each(|stored| chain(f, stored))?;
    writeln!(f, "}}")
}

fn comment(f: &mut Formatter<'_>, indent: &str, comment: Option<&str>) -> fmt::Result {
    comment.map_or(Ok(()), |comment| writeln!(f, "{indent}comment \"{comment}\""))
}

fn chain(f: &mut Formatter<'_>, stored: &StoredChain) -> fmt::Result {
    let chain = &stored.chain;
    writeln!(f, "\tchain {} {{", chain.name)?;
    comment(f, "\t\t", chain.comment.as_deref())?;
    if let Some(base) = &chain.base {
        writeln!(f, "\t\t{base}")?;
    }
    stored.rules.iter().try_for_each(|stored| rule(f, stored))?;
    writeln!(f, "\t}}")
}

fn rule(f: &mut Formatter<'_>, StoredRule { rule, .. }: &StoredRule) -> fmt::Result {
    let comment = rule.comment.as_ref().map(|comment| format!("comment \"{comment}\""));
    let parts: Vec<String> =
        rule.statements.iter().map(ToString::to_string).chain(comment).collect();
    writeln!(f, "\t\t{}", parts.join(" "))
}

fn set(f: &mut Formatter<'_>, stored: &StoredSet) -> fmt::Result {
    let mut set = stored.set.clone();
    let note = set.comment.take();
    writeln!(f, "\t{} {} {{", set.noun(), set.name)?;
    for line in set.to_string().split_terminator(';') {
        writeln!(f, "\t\t{}", line.trim_start())?;
    }
    comment(f, "\t\t", note.as_deref())?;
    elements(f, &stored.elements)?;
    writeln!(f, "\t}}")
}

/// Writes one element per line, so that differences are visible.
fn elements(f: &mut Formatter<'_>, elements: &[Element]) -> fmt::Result {
    if elements.is_empty() {
        return Ok(());
    }
    let mut sorted: Vec<&Element> = elements.iter().collect();
    sorted.sort_by_cached_key(|element| match element.key.clone().into_range() {
        Key::Range(fields) => fields,
        Key::One(_) => Vec::new(),
    });
    let lines: Vec<String> = sorted.into_iter().map(ToString::to_string).collect();
    writeln!(f, "\t\telements = {{ {} }}", lines.join(",\n\t\t\t     "))
}
