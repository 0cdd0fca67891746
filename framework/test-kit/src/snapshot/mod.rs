//! A picture of a host's network and files, to compare before and after.

pub(crate) mod files;
pub(crate) mod firewall;
mod ip_output;
pub(crate) mod kernel_state;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::sandbox::netns::Netns;

/// Links, addresses, routes, policy rules, iptables rules (both variants, IPv4 and IPv6), the
/// nftables ruleset, settings that plugins change (route_localnet and ip_forward; for a host also forwarding, proxy_arp, rp_filter and the like of each link, and hairpin mode), and for a host also its files below `/run`,
/// `/var/lib/cni` and, if it has its own, `/tmp`.
///
/// Made to compare: no counters, indexes, times or carrier states, no link-local addresses, no
/// `/run/netns` and `/run/xtables.lock`, and none of the tables that iptables leaves behind with nothing in
/// them. Two things that are not leftovers do show: the reference `bridge` keeps its bridge, and
/// `host-local` its directory, its lock and its last address. Take the first picture after one ADD and DEL, or
/// use [`Snapshot::without`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    sections: BTreeMap<String, Vec<String>>,
}

impl Netns {
    /// Links, addresses, routes and rules here; for a host also its files. See [`Snapshot`].
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
                "nft" => *lines = without_empty_chains(lines),
                _ => lines.sort(),
            }
        }
        sections.retain(|_, lines| !lines.is_empty());
        Self { sections }
    }

    /// The lines of one section: `links`, `addresses`, `routes`, `rules`, `settings`, `iptables-nft`,
    /// `iptables-legacy`, `ip6tables-nft`, `ip6tables-legacy`, `nft`, `files`.
    pub fn section(&self, name: &str) -> &[String] {
        self.sections.get(name).map_or(&[], Vec::as_slice)
    }

    /// The same picture without the lines that contain `text`.
    pub fn without(mut self, text: &str) -> Self {
        for lines in self.sections.values_mut() {
            lines.retain(|line| !line.contains(text));
        }
        self.sections.retain(|_, lines| !lines.is_empty());
        self
    }

    /// What `later` has more (`+`) and less (`-`) than this picture, a line each; empty when they are the same.
    pub fn difference(&self, later: &Self) -> String {
        let (before, after) = (self.lines(), later.lines());
        let mut text = String::new();
        for (sign, these, those) in [("-", &before, &after), ("+", &after, &before)] {
            let mut those = those.clone();
            for line in these {
                // Each line stands for one other: a rule that is there twice now is a difference.
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

    /// Checks that `later` is the same picture.
    ///
    /// # Panics
    /// When it is not; the message holds the difference.
    #[track_caller]
    pub fn assert_same(&self, later: &Self) {
        let difference = self.difference(later);
        assert!(difference.is_empty(), "the host is not as it was:\n{difference}");
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

/// What `ip` prints. The kernel adds the `local` route of an IPv6 address a moment after the address:
/// a look that falls in between is taken again.
fn settled(netns: &Netns) -> std::sync::Arc<str> {
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        let seen = firewall::ip(netns);
        if ip_output::is_settled(&seen) || Instant::now() > deadline {
            return seen;
        }
    }
}

/// Without the counters of a chain's policy and without states that come and go by themselves.
fn tidy(line: &str) -> String {
    let line = match line.strip_prefix(':').and_then(|_| line.rsplit_once(" [")) {
        Some((chain, _)) => chain,
        None => line,
    };
    let passing = |word: &&str| !matches!(*word, "linkdown" | "dead");
    if line.starts_with(['-', ':', '*']) || line.starts_with('\t') {
        return line.trim_end().to_owned();
    }
    line.split(' ').filter(passing).collect::<Vec<_>>().join(" ").trim_end().to_owned()
}

/// iptables makes a table's builtin chains when it first looks at it: not a trace of anything.
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

/// The same for the ruleset as `nft` shows it: base chains of iptables' own tables without a rule.
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
