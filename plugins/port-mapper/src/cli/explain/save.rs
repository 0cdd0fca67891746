//! Rules in the format of iptables-save.

use std::borrow::Cow;

use cni_netlink::nftables::Hook;

use super::matches::{applies, differs};
use super::origin::Origin;
use super::packet::{Interface, Packet};
use super::walk::{Action, Rule, Source};
use crate::backend::iptables::split_words;

/// Targets after which a packet continues with the next rule.
const CONTINUING: [&str; 22] = [
    "LOG",
    "NFLOG",
    "ULOG",
    "MARK",
    "CONNMARK",
    "TRACE",
    "TCPMSS",
    "CT",
    "NOTRACK",
    "AUDIT",
    "SECMARK",
    "CONNSECMARK",
    "CLASSIFY",
    "CHECKSUM",
    "TTL",
    "HL",
    "DSCP",
    "TOS",
    "SET",
    "LED",
    "TEE",
    "ECN",
];

/// The chains at hooks, with the tables that have them and the priority in each.
const CHAINS: [(Hook, &str, &[(&str, i32)]); 5] = [
    (Hook::Prerouting, "PREROUTING", &[("raw", -300), ("mangle", -150), ("nat", -100)]),
    (Hook::Input, "INPUT", &[("mangle", -150), ("filter", 0), ("security", 50), ("nat", 100)]),
    (Hook::Forward, "FORWARD", &[("mangle", -150), ("filter", 0), ("security", 50)]),
    (
        Hook::Output,
        "OUTPUT",
        &[("raw", -300), ("mangle", -150), ("nat", -100), ("filter", 0), ("security", 50)],
    ),
    (Hook::Postrouting, "POSTROUTING", &[("mangle", -150), ("nat", 100)]),
];

/// Returns the chains of iptables at a hook: the table, the chain and its priority.
pub(super) fn chains_at(hook: Hook) -> impl Iterator<Item = (&'static str, &'static str, i32)> {
    let at_hook = CHAINS.into_iter().filter(move |(its, ..)| *its == hook);
    at_hook.flat_map(|(_, chain, tables)| {
        tables.iter().map(move |(table, priority)| (*table, chain, *priority))
    })
}

/// The listing of one program.
#[derive(Debug, Default)]
pub(in crate::cli) struct Listing {
    /// The program that changes these rules, such as `iptables-legacy`.
    pub(in crate::cli) program: String,
    pub(in crate::cli) text: String,
    /// The tables that the kernel does not execute.
    pub(in crate::cli) dormant: Vec<String>,
}

impl Listing {
    /// Reports whether it contains a table.
    pub(super) fn has(&self, table: &str) -> bool {
        self.text.lines().any(|line| line.strip_prefix('*') == Some(table))
    }

    /// Reports whether a table contains a chain.
    pub(super) fn has_chain(&self, table: &str, chain: &str) -> bool {
        self.policy(table, chain).is_some()
    }

    /// Returns what follows the name of a chain: for a built-in chain its policy.
    pub(super) fn policy(&self, table: &str, chain: &str) -> Option<&str> {
        let mut chains =
            self.lines(table).map_while(|line| line.strip_prefix(':')?.split_once(' '));
        chains.find(|(name, _)| *name == chain).map(|(_, policy)| policy)
    }

    /// Reports whether a table contains rules with a tag.
    pub(super) fn has_tag(&self, table: &str, tag: &str) -> bool {
        self.lines(table).any(|line| line.contains(tag))
    }

    /// Reports whether a chain contains rules with a tag.
    pub(super) fn has_tag_in(&self, table: &str, chain: &str, tag: &str) -> bool {
        let in_chain = |line: &str| {
            let rest = line.strip_prefix("-A ").and_then(|rest| rest.strip_prefix(chain));
            rest.is_some_and(|rest| rest.starts_with(' ') && rest.contains(tag))
        };
        self.lines(table).any(in_chain)
    }

    /// Returns the rules of a chain that may apply to the packet. Those with `tag` are the
    /// mapping's.
    pub(super) fn rules<'a>(
        &'a self,
        table: &'a str,
        chain: &str,
        packet: &Packet,
        tag: Option<&str>,
    ) -> Vec<Rule<'a>> {
        let rule = |(index, rest): (usize, &'a str)| {
            let (chain, spec) = rest.split_once(' ').unwrap_or((rest, ""));
            let (program, number) = (&*self.program, index + 1);
            let origin = Origin::Line { program, table, chain, spec, number };
            let is_own = tag.is_some_and(|tag| spec.contains(tag));
            self.rule(table, origin, spec, packet, is_own)
        };
        let of_chain = |line: &'a str| {
            let rest = line.strip_prefix("-A ")?;
            (rest.split(' ').next() == Some(chain)).then_some(rest)
        };
        self.lines(table).filter_map(of_chain).enumerate().filter_map(rule).collect()
    }

    fn rule<'a>(
        &self,
        table: &str,
        origin: Origin<'a>,
        spec: &str,
        packet: &Packet,
        is_own: bool,
    ) -> Option<Rule<'a>> {
        // The question is whether another rule comes first, for a client that the mapping is meant
        // for. Other steps show for whom it is.
        let anybody = || {
            let mut packet = packet.clone();
            (packet.source.address, packet.input) = (None, Interface(None));
            packet
        };
        let owners = is_own.then(anybody);
        let packet = owners.as_ref().unwrap_or(packet);
        if differs(spec, packet) {
            return None;
        }
        let Some(words) = split_words(spec) else {
            return Some(Rule { applies: None, action: Action::Unknown, origin });
        };
        let (applies, end) = applies(&words, packet);
        let is_chain = |name: &str| self.has_chain(table, name);
        let action = action(&words[end..], is_chain, is_own);
        let applies = match action {
            Action::Return if is_own => applies.or(Some(false)),
            Action::Translate { .. } if is_own => applies.or(Some(true)),
            _ => applies,
        };
        (applies != Some(false)).then_some(Rule { applies, action, origin })
    }

    fn lines(&self, table: &str) -> impl Iterator<Item = &str> {
        let mut lines = self.text.lines();
        let _ = lines.find(|line| line.strip_prefix('*') == Some(table));
        lines.take_while(|line| !line.starts_with("COMMIT"))
    }
}

fn action(target: &[Cow<'_, str>], is_chain: impl Fn(&str) -> bool, is_own: bool) -> Action {
    let [option, name, rest @ ..] = target else { return Action::Continue };
    let has = |word: &str| rest.iter().any(|one| *one == word);
    match &**name {
        "ACCEPT" => Action::Accept,
        "DROP" | "REJECT" => Action::Drop,
        "RETURN" => Action::Return,
        "DNAT" | "REDIRECT" | "NETMAP" | "TPROXY" => Action::Translate { own: is_own },
        "MASQUERADE" => Action::Rewrite(Source::Interface),
        "SNAT" => Action::Rewrite(source(rest)),
        "NOTRACK" => Action::Untrack,
        "CT" if has("--notrack") => Action::Untrack,
        name if CONTINUING.contains(&name) => Action::Continue,
        name if !is_chain(name) => Action::Unknown,
        name if option == "-g" => Action::Goto(name.to_owned()),
        name => Action::Jump(name.to_owned()),
    }
}

/// Returns the address of `--to-source ADDRESS[:PORTS]`.
fn source(words: &[Cow<'_, str>]) -> Source {
    let to = words.iter().skip_while(|word| *word != "--to-source").nth(1);
    let address = |to: &Cow<'_, str>| {
        let of_six = to.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(one, _)| one);
        let of_four = to.split_once(':').filter(|(one, _)| !one.is_empty() && one.contains('.'));
        of_six.or(of_four.map(|(one, _)| one)).unwrap_or(to).parse().ok()
    };
    to.and_then(address).map_or(Source::Unknown, Source::One)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::explain::packet::samples::{before_translation, forwarded};

    fn listing(text: &str) -> Listing {
        Listing { program: "iptables-nft".to_owned(), text: text.to_owned(), ..Listing::default() }
    }

    #[test]
    fn own_rules_apply_to_some_client_and_their_exceptions_to_another() {
        let text = "*nat\n:PREROUTING ACCEPT [0:0]\n\
                    -A PREROUTING -i eth0 -m comment --comment tag -j RETURN\n\
                    -A PREROUTING ! -i br0 -m comment --comment tag -j DNAT --to-destination x\n\
                    -A PREROUTING -s 10.0.0.0/8 -m comment --comment tag -j DNAT --to x\n\
                    -A PREROUTING ! -i br0 -j DNAT --to-destination y\nCOMMIT\n";
        let listing = listing(text);
        for source in [None, Some("203.0.113.9")] {
            let packet = before_translation(source);
            let rules = listing.rules("nat", "PREROUTING", &packet, Some("tag"));
            let found: Vec<_> = rules.iter().map(|rule| (rule.applies, &rule.action)).collect();
            let own = Action::Translate { own: true };
            let other = Action::Translate { own: false };
            assert_eq!(found, [(Some(true), &own), (Some(true), &own), (None, &other)]);
        }
    }

    #[test]
    fn a_listing_is_read_table_by_table_and_broken_lines_are_unclear() {
        let text = "*filter\n:FORWARD DROP [0:0]\n:SUB - [0:0]\n-A FORWARD -g SUB\n\
                    -A SUB -m comment --comment \"open\n-A SUB -j NFQUEUE\nCOMMIT\n\
                    *nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DNAT --to-destination x\n";
        let (listing, from) = (listing(text), forwarded(None));
        let actions = |table, chain| {
            let rules = listing.rules(table, chain, &from, None);
            rules.into_iter().map(|rule| rule.action).collect::<Vec<_>>()
        };
        assert_eq!(actions("filter", "FORWARD"), [Action::Goto("SUB".to_owned())]);
        assert_eq!(actions("filter", "SUB"), [Action::Unknown, Action::Unknown]);
        assert_eq!(listing.policy("filter", "FORWARD"), Some("DROP [0:0]"));
        assert_eq!(listing.policy("nat", "FORWARD"), None);
        assert_eq!(actions("nat", "PREROUTING"), [Action::Translate { own: false }]);
    }

    #[test]
    fn targets_that_rewrite_the_source_or_avoid_connection_tracking_are_known() {
        let text = "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -j MASQUERADE\n\
                    -A POSTROUTING -j SNAT --to-source 192.0.2.7:1-2\n\
                    -A POSTROUTING -j SNAT --to-source 192.0.2.7-192.0.2.9\n\
                    -A POSTROUTING -j SNAT --to-source [2001:db8::7]:1\n\
                    -A POSTROUTING -j CT --notrack\n-A POSTROUTING -j CT --zone 1\n";
        let listing = listing(text);
        let rules = listing.rules("nat", "POSTROUTING", &forwarded(None), None);
        let actions: Vec<_> = rules.into_iter().map(|rule| rule.action).collect();
        let to = |address: &str| Action::Rewrite(Source::One(address.parse().unwrap()));
        assert_eq!(
            actions,
            [
                Action::Rewrite(Source::Interface),
                to("192.0.2.7"),
                Action::Rewrite(Source::Unknown),
                to("2001:db8::7"),
                Action::Untrack,
                Action::Continue,
            ]
        );
    }
}
