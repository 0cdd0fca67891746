//! Copies the template in iptables, with one `iptables-restore` for each variant.

use std::collections::BTreeMap;

use super::dump::{Dump, Table, output};
use super::{Attachment, filled};
use crate::fixture::Fixture;
use crate::outcome::Outcome;

pub(super) fn fill(
    fixture: &Fixture,
    before: &Dump,
    after: &Dump,
    copies: &[Attachment],
) -> Outcome {
    for (tool, text) in restores(&before.xtables, &after.xtables, copies) {
        fixture.host.write("/run/bench-restore", &text);
        let tool = tool.replace("-save", "-restore");
        output(&fixture.host, &["sh", "-c", &format!("{tool} --noflush </run/bench-restore")])?;
    }
    Ok(())
}

/// Returns the input of `iptables-restore --noflush`, by the name of the tool that listed the
/// rules.
fn restores(
    before: &BTreeMap<Table, Vec<String>>,
    after: &BTreeMap<Table, Vec<String>>,
    copies: &[Attachment],
) -> BTreeMap<&'static str, String> {
    let mut restores: BTreeMap<&str, String> = BTreeMap::new();
    if copies.is_empty() {
        return restores;
    }
    for ((tool, table), lines) in after {
        let old = before.get(&(*tool, table.clone())).map_or(&[][..], Vec::as_slice);
        let template = added(old, lines);
        if !template.is_empty() {
            let text = restores.entry(tool).or_default();
            text.push_str(&format!("*{table}\n{}COMMIT\n", repeated(&template, copies)));
        }
    }
    restores
}

/// Returns the added lines; each old line matches one equal new line.
fn added(old: &[String], new: &[String]) -> Vec<String> {
    let mut old: Vec<&String> = old.iter().collect();
    let mut added = Vec::new();
    for line in new {
        match old.iter().position(|other| *other == line) {
            Some(index) => drop(old.swap_remove(index)),
            None => added.push(line.clone()),
        }
    }
    added
}

/// Returns the copies: all chains first, since iptables-restore requires them before their use.
fn repeated(template: &[String], copies: &[Attachment]) -> String {
    let (chains, rules): (Vec<_>, Vec<_>) = template.iter().partition(|line| line.starts_with(':'));
    let names: Vec<&str> =
        chains.iter().filter_map(|line| line[1..].split_whitespace().next()).collect();
    let mut text = String::new();
    for lines in [&chains, &rules] {
        for (index, copy) in copies.iter().enumerate() {
            for line in lines {
                let line = names
                    .iter()
                    .fold((*line).clone(), |line, name| line.replace(name, &renamed(name, index)));
                text.push_str(&filled(&line, copy));
                if line.starts_with(':') {
                    text.push_str(" [0:0]");
                }
                text.push('\n');
            }
        }
    }
    text
}

/// Returns the name of a copied chain: that of the template, with a number at the end.
fn renamed(name: &str, index: usize) -> String {
    let kept = name.len().saturating_sub(7);
    format!("{}{index:07x}", name.get(..kept).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mappings::{copy, template};

    fn table(lines: &[&str]) -> BTreeMap<Table, Vec<String>> {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        BTreeMap::from([(("iptables-nft-save", "nat".to_owned()), lines)])
    }

    #[test]
    fn only_what_the_template_added_is_copied() {
        let rule = format!("-A SHARED --dport {} -j DN-0123456789", template().port);
        let before = table(&[":SHARED -", "-A SHARED -j X"]);
        let after = table(&[":SHARED -", ":DN-0123456789 -", "-A SHARED -j X", &rule]);
        let copies: Vec<Attachment> = (1..3).map(copy).collect();
        let expected = "*nat\n:DN-0120000000 - [0:0]\n:DN-0120000001 - [0:0]\n\
            -A SHARED --dport 20001 -j DN-0120000000\n\
            -A SHARED --dport 20002 -j DN-0120000001\nCOMMIT\n";
        let restores = restores(&before, &after, &copies);
        assert_eq!(restores.get("iptables-nft-save").map(String::as_str), Some(expected));
    }

    #[test]
    fn a_second_equal_line_is_new() {
        let twice = ["a".to_owned(), "b".to_owned(), "a".to_owned()];
        assert_eq!(added(&twice[..2], &twice), ["a"]);
    }

    #[test]
    fn without_copies_nothing_is_restored() {
        assert!(restores(&table(&[]), &table(&["-A X"]), &[]).is_empty());
    }
}
