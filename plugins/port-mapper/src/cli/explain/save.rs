//! Rules in the format of iptables-save.

use std::borrow::Cow;

use super::listing::Listing;
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

impl Listing {
    /// Returns the rules of a chain that may apply to the packet. Those with `tag` are the
    /// mapping's.
    pub(super) fn rules<'a>(
        &'a self,
        table: &'a str,
        chain: &str,
        packet: &Packet,
        tag: Option<&str>,
    ) -> Vec<Rule<'a>> {
        let Some(chain) = self.name(table, chain) else { return Vec::new() };
        let rule = |(index, spec): (usize, &'a str)| {
            let (program, number) = (&*self.program, index + 1);
            let origin = Origin::Line { program, table, chain, spec, number };
            let is_own = tag.is_some_and(|tag| spec.contains(tag));
            self.rule(table, origin, spec, packet, is_own)
        };
        self.specs(table, chain).enumerate().filter_map(rule).collect()
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
        Listing::new("iptables-nft", text)
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
