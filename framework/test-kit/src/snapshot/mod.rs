//! Snapshots of a host's network and files, to compare before and after.

pub(crate) mod files;
pub(crate) mod firewall;
mod ip;
mod ip_output;
pub(crate) mod kernel_state;
mod nft_elements;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::sandbox::netns::Netns;

/// The state of a network namespace, and for a host also its files.
///
/// A snapshot contains links, addresses, routes, policy rules, iptables rules (both variants, IPv4
/// and IPv6), the nftables ruleset, and the sysctls that plugins change: `route_localnet` and
/// `ip_forward`. A host's snapshot also contains `forwarding`, `proxy_arp`, `rp_filter` and similar
/// sysctls of each link, hairpin mode, and the files below `/run`, `/var/lib/cni` and a private
/// `/tmp`.
///
/// Snapshots are meant to be compared. They leave out counters, indexes, times and carrier states,
/// link-local addresses, `/run/netns`, `/run/xtables.lock`, and the empty tables that iptables
/// creates. They do show what the reference plugins keep on purpose: `bridge` its bridge, and
/// `host-local` its directory, its lock and its last address. Take the first snapshot after one ADD
/// and DEL, or use [`Snapshot::without`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    sections: BTreeMap<String, Vec<String>>,
}

impl Netns {
    /// Takes a [`Snapshot`] of this namespace, and for a host also of its files.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::take(self)
    }
}

impl Snapshot {
    fn take(netns: &Netns) -> Self {
        let mut sections = BTreeMap::<String, Vec<String>>::new();
        let mut add = |section: &str, line: &str| {
            sections.entry(section.to_owned()).or_default().push(tidy(line));
        };
        for (section, line) in settled(netns).lines().filter_map(ip_output::read) {
            add(section, &line);
        }
        for rules in firewall::rules(netns) {
            let mut section = "";
            for line in rules.lines() {
                match line.strip_prefix("== ") {
                    Some(name) => section = name,
                    None => add(section, line),
                }
            }
        }
        files::settings(netns).iter().for_each(|line| add("settings", line));
        files::files(netns).iter().for_each(|line| add("files", line));
        for (name, lines) in &mut sections {
            match name.as_str() {
                name if name.starts_with("iptables") || name.starts_with("ip6tables") => {
                    *lines = without_empty_tables(lines);
                }
                "nft" => {
                    *lines = without_empty_chains(&nft_elements::one_on_each_line(lines));
                }
                _ => lines.sort(),
            }
        }
        sections.retain(|_, lines| !lines.is_empty());
        Self { sections }
    }

    /// Returns the lines of one section: `links`, `addresses`, `routes`, `rules`, `settings`,
    /// `iptables-nft`, `iptables-legacy`, `ip6tables-nft`, `ip6tables-legacy`, `nft`, `files`, and
    /// `failures`: the tools that could not list firewall rules.
    pub fn section(&self, name: &str) -> &[String] {
        self.sections.get(name).map_or(&[], Vec::as_slice)
    }

    /// Removes the lines that contain `text`.
    pub fn without(mut self, text: &str) -> Self {
        for lines in self.sections.values_mut() {
            lines.retain(|line| !line.contains(text));
        }
        self.sections.retain(|_, lines| !lines.is_empty());
        self
    }

    /// Returns the lines that only `later` has (`+`) and those that only `self` has (`-`); empty if
    /// the snapshots are equal.
    pub fn difference(&self, later: &Self) -> String {
        let (before, after) = (self.lines(), later.lines());
        let mut text = String::new();
        for (sign, these, those) in [("-", &before, &after), ("+", &after, &before)] {
            let mut those = those.clone();
            for line in these {
                // Each line matches one other: a rule that now exists twice is a difference.
                match those.iter().position(|other| other == line) {
                    Some(at) => drop(those.swap_remove(at)),
                    None => text.push_str(&format!("{sign} {line}\n")),
                }
            }
        }
        if text.is_empty() && self != later {
            text.push_str(&format!("the same lines in another order:\n{later}"));
        }
        text
    }

    /// Asserts that `later` is equal.
    ///
    /// # Panics
    /// If it is not; the message contains the difference.
    #[track_caller]
    pub fn assert_same(&self, later: &Self) {
        let difference = self.difference(later);
        assert!(difference.is_empty(), "the host has changed:\n{difference}");
    }

    fn lines(&self) -> Vec<String> {
        let of = |(name, lines): (&String, &Vec<String>)| {
            lines.iter().map(|line| format!("{name}: {line}")).collect::<Vec<_>>()
        };
        self.sections.iter().flat_map(of).collect()
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines().iter().try_for_each(|line| writeln!(formatter, "{line}"))
    }
}

/// Returns the output of `ip`, read again while the `local` route of an IPv6 address is missing:
/// the kernel adds it shortly after the address.
fn settled(netns: &Netns) -> std::sync::Arc<str> {
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        let seen = ip::ip(netns);
        if ip_output::is_settled(&seen) || Instant::now() > deadline {
            return seen;
        }
    }
}

/// Removes the counters of a chain's policy, and link states that change on their own.
fn tidy(line: &str) -> String {
    let line = match line.strip_prefix(':').and_then(|_| line.rsplit_once(" [")) {
        Some((chain, _)) => chain,
        None => line,
    };
    let is_lasting = |word: &&str| !matches!(*word, "linkdown" | "dead");
    if line.starts_with(['-', ':', '*']) || line.starts_with('\t') {
        return line.trim_end().to_owned();
    }
    line.split(' ').filter(is_lasting).collect::<Vec<_>>().join(" ").trim_end().to_owned()
}

/// Removes tables without rules: iptables creates a table's builtin chains when it first lists it.
fn without_empty_tables(lines: &[String]) -> Vec<String> {
    let lines: Vec<_> = lines.iter().filter(|line| !line.starts_with('#')).cloned().collect();
    let tables = lines.split_inclusive(|line| line == "COMMIT");
    let untouched = |line: &String| {
        line.starts_with('*')
            || line == "COMMIT"
            || (line.starts_with(':') && line.ends_with(" ACCEPT"))
    };
    tables.filter(|table| !table.iter().all(untouched)).flatten().cloned().collect()
}

/// Removes the base chains of iptables' own tables that have no rules, from `nft`'s listing.
fn without_empty_chains(lines: &[String]) -> Vec<String> {
    let lines: Vec<_> = lines.iter().filter(|line| !line.trim_start().starts_with('#')).collect();
    let mut kept = Vec::new();
    for table in lines.split_inclusive(|line| line.as_str() == "}") {
        let [head, body @ .., end] = table else { continue };
        let words: Vec<_> = head.split(' ').collect();
        let of_iptables = matches!(
            words.as_slice(),
            ["table", "ip" | "ip6", "filter" | "nat" | "mangle" | "raw" | "security", "{"]
        );
        let chains = body.split_inclusive(|line| line.as_str() == "\t}");
        let chains = chains.filter(|chain| !(of_iptables && is_untouched(chain)));
        let rest: Vec<String> = chains.flatten().map(|line| (*line).clone()).collect();
        let empty = rest.iter().all(|line| line.is_empty());
        if !(of_iptables && empty) {
            kept.push((*head).clone());
            kept.extend(rest);
            kept.push((*end).clone());
        }
    }
    kept
}

fn is_untouched(chain: &[&String]) -> bool {
    let mut lines = chain.iter().map(|line| line.trim()).filter(|line| !line.is_empty());
    let is_chain = lines.next().is_some_and(|line| line.starts_with("chain "));
    let is_base = lines
        .next()
        .is_some_and(|line| line.starts_with("type ") && line.ends_with("policy accept;"));
    is_chain && is_base && lines.next() == Some("}")
}
