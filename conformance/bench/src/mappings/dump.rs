//! All rules and elements of a host, as iptables and nft list them.

use std::collections::BTreeMap;
use std::process::Stdio;

use cni_test_kit::Netns;
use serde_json::Value;

use crate::outcome::Outcome;

const SAVES: [&str; 2] = ["iptables-nft-save", "iptables-legacy-save"];
/// The tables of iptables-nft, which `nft` can't restore.
const OF_IPTABLES: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];

/// A table of an iptables variant: the tool, and the name of the table.
pub(super) type Table = (&'static str, String);

/// The rules and elements of a host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dump {
    /// The lines of each table: `:CHAIN POLICY` without counters, `-A …`.
    pub(super) xtables: BTreeMap<Table, Vec<String>>,
    /// The objects of nftables, without handles.
    pub(super) nft: Vec<Value>,
}

impl Dump {
    pub(crate) fn take(host: &Netns) -> Outcome<Self> {
        let mut xtables = BTreeMap::new();
        for tool in SAVES {
            xtables.extend(tables(tool, &output(host, &[tool])?));
        }
        let list: Value = json(&output(host, &["nft", "-j", "list", "tables"])?)?;
        let mut nft = Vec::new();
        for table in list["nftables"].as_array().into_iter().flatten() {
            let (family, name) = (&table["table"]["family"], &table["table"]["name"]);
            let (Some(family), Some(name)) = (family.as_str(), name.as_str()) else { continue };
            if matches!(family, "ip" | "ip6") && OF_IPTABLES.contains(&name) {
                continue;
            }
            let listed = json(&output(host, &["nft", "-j", "list", "table", family, name])?)?;
            nft.extend(listed["nftables"].as_array().into_iter().flatten().map(without_handle));
        }
        Ok(Self { xtables, nft })
    }

    /// Counts each number that can be a port.
    pub(crate) fn count(&self) -> BTreeMap<u16, usize> {
        let mut counted = BTreeMap::new();
        let lines = self.xtables.values().flatten().cloned();
        for text in lines.chain(self.nft.iter().map(Value::to_string)) {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric());
            for port in words.filter_map(|word| word.parse().ok()) {
                *counted.entry(port).or_default() += 1;
            }
        }
        counted
    }

    /// Counts the duplicate lines of iptables.
    pub(crate) fn repeated(&self) -> usize {
        let mut repeated = 0;
        for lines in self.xtables.values() {
            let mut lines: Vec<&String> = lines.iter().collect();
            let all = lines.len();
            lines.sort_unstable();
            lines.dedup();
            repeated += all - lines.len();
        }
        repeated
    }
}

/// Reads the tables in the output of iptables-save.
fn tables(tool: &'static str, text: &str) -> BTreeMap<Table, Vec<String>> {
    let mut tables: BTreeMap<Table, Vec<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        match line.as_bytes().first() {
            Some(b'*') => line[1..].clone_into(&mut current),
            Some(b':') => {
                let chain = line.rsplit_once(" [").map_or(line, |(chain, _)| chain);
                tables.entry((tool, current.clone())).or_default().push(chain.to_owned());
            }
            Some(b'-') => {
                tables.entry((tool, current.clone())).or_default().push(line.to_owned());
            }
            _ => {}
        }
    }
    tables
}

/// Returns an object `{"KIND": {…}}` without its handle.
fn without_handle(object: &Value) -> Value {
    let mut object = object.clone();
    for inner in object.as_object_mut().into_iter().flat_map(|object| object.values_mut()) {
        inner.as_object_mut().map(|inner| inner.remove("handle"));
    }
    object
}

/// Returns the output of a program on the host.
pub(super) fn output(host: &Netns, words: &[&str]) -> Outcome<String> {
    let output = host.command(words[0]).args(&words[1..]).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{}: {error}", words[0]))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!("{}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim()))
}

fn json(text: &str) -> Outcome<Value> {
    serde_json::from_str(text).map_err(|error| format!("nft -j: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAVED: &str = "# Generated\n*nat\n:PREROUTING ACCEPT [7:9]\n:X - [0:0]\n\
        -A X -p tcp --dport 9000 -j DNAT --to-destination 10.0.0.1:80\n\
        -A X -j RETURN\n-A X -j RETURN\nCOMMIT\n";

    fn dump() -> Dump {
        let nft = vec![serde_json::json!({"map": {"elem": [[{"concat": ["tcp", 9000]}, 80]]}})];
        Dump { xtables: tables("iptables-nft-save", SAVED), nft }
    }

    #[test]
    fn tables_are_read_without_counters() {
        let lines = &dump().xtables[&("iptables-nft-save", "nat".to_owned())];
        assert_eq!(lines[0], ":PREROUTING ACCEPT");
        assert_eq!(lines.len(), 5);
    }

    #[test]
    fn ports_are_counted_in_rules_and_elements() {
        assert_eq!(dump().count()[&9000], 2);
        assert_eq!(dump().count()[&80], 2);
    }

    #[test]
    fn duplicate_rules_are_counted() {
        assert_eq!(dump().repeated(), 1);
    }

    #[test]
    fn handles_are_left_out() {
        let rule = serde_json::json!({"rule": {"handle": 20001, "expr": []}});
        assert_eq!(without_handle(&rule), serde_json::json!({"rule": {"expr": []}}));
    }
}
