//! Rules in the format of iptables-save.

use std::borrow::Cow;

use super::packet::{Known, Packet, is_in};
use super::walk::{Action, Base, Rule};
use crate::backend::iptables::split_words;

/// The matches whose options [`option`] understands, or that concern no single packet.
const MODULES: [&str; 10] = [
    "comment",
    "tcp",
    "udp",
    "sctp",
    "multiport",
    "conntrack",
    "state",
    "addrtype",
    "limit",
    "mark",
];

/// Targets after which a packet continues with the next rule.
const CONTINUING: [&str; 20] = [
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
];

/// The listing of one program.
#[derive(Debug)]
pub(in crate::cli) struct Listing {
    /// The program that changes these rules, such as `iptables-legacy`.
    pub(in crate::cli) program: String,
    pub(in crate::cli) text: String,
}

impl Listing {
    /// Reports whether it contains a table.
    pub(super) fn has(&self, table: &str) -> bool {
        self.text.lines().any(|line| line.strip_prefix('*') == Some(table))
    }

    /// Returns a built-in chain, if the table exists.
    pub(super) fn base(&self, table: &str, chain: &str, priority: i32) -> Option<Base> {
        let prefix = format!(":{chain} ");
        let policy = self.lines(table).find_map(|line| line.strip_prefix(&prefix))?;
        Some(Base {
            chain: chain.to_owned(),
            drops_by_policy: policy.starts_with("DROP"),
            priority,
            text: format!("chain {chain} (`{} -t {table} -S {chain}`)", self.program),
        })
    }

    /// Returns the rules of a table, with the packet's answers. Those with `tag` are the mapping's.
    pub(super) fn rules(&self, table: &str, packet: &Packet, tag: &str) -> Vec<Rule> {
        let lines = || self.lines(table);
        let user_chains: Vec<&str> = lines()
            .filter_map(|line| line.strip_prefix(':')?.split_once(" -"))
            .map(|(chain, _)| chain)
            .collect();
        let rule = |line: &str| {
            let (chain, spec) = line.strip_prefix("-A ")?.split_once(' ').unwrap_or_default();
            let text = format!("`{} -t {table} -A {chain} {spec}`", self.program);
            let is_own = spec.contains(tag);
            let (applies, action) = match split_words(spec) {
                Some(words) => {
                    let (applies, end) = applies(&words, packet);
                    (applies, action(&words[end..], &user_chains, is_own))
                }
                None => (None, Action::Unknown),
            };
            // The question is whether another rule comes first, for a client that the mapping is
            // meant for. Other steps show for whom it is.
            let applies = match action {
                Action::Return if is_own => applies.or(Some(false)),
                _ if is_own => applies.or(Some(true)),
                _ => applies,
            };
            Some(Rule { chain: chain.to_owned(), applies, action, text })
        };
        lines().filter_map(rule).collect()
    }

    fn lines(&self, table: &str) -> impl Iterator<Item = &str> {
        let mut lines = self.text.lines();
        let _ = lines.find(|line| line.strip_prefix('*') == Some(table));
        lines.take_while(|line| !line.starts_with("COMMIT"))
    }
}

/// Returns whether the matches hold, and where the target begins.
fn applies(words: &[Cow<'_, str>], packet: &Packet) -> (Known, usize) {
    let (mut all, mut negated, mut at) = (Some(true), false, 0);
    while let Some(word) = words.get(at).filter(|word| !matches!(&***word, "-j" | "-g")) {
        at += 1;
        if word == "!" {
            negated = true;
            continue;
        }
        let is_argument = |word: &&Cow<'_, str>| !word.starts_with('-') && *word != "!";
        let count = match &**word {
            "--comment" => 1,
            _ => words[at..].iter().take_while(is_argument).count(),
        };
        let arguments = words.get(at..at + count).unwrap_or_default();
        let holds = option(word, arguments, packet).map(|holds| holds != negated);
        all = and(all, holds);
        (negated, at) = (false, at + count);
    }
    (all, at.min(words.len()))
}

/// Returns whether two things hold.
pub(super) fn and(one: Known, other: Known) -> Known {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), other) => other,
        (None, _) => None,
    }
}

fn option(name: &str, arguments: &[Cow<'_, str>], packet: &Packet) -> Known {
    let first = arguments.first().map(|word| &**word).unwrap_or_default();
    match name {
        // An unknown client is outside, where no loopback address is.
        "-s" if packet.source.is_none() && is_loopback(first) => Some(false),
        "-s" => is_in(packet.source, first),
        "-d" => is_in(packet.destination, first),
        "-i" => packet.input.is(first),
        "-o" => packet.output.is(first),
        "-p" => {
            let number = packet.protocol_number().to_string();
            Some(first == packet.protocol.as_str() || first == number || first == "all")
        }
        "-m" => MODULES.contains(&first).then_some(true),
        "--comment" => Some(true),
        "-f" => Some(false),
        "--dport" | "--dports" => has_port(first, packet.port),
        "--ctorigdstport" => has_port(first, packet.host_port),
        "--ctdir" => Some(first == "ORIGINAL"),
        "--ctstate" | "--state" => state(first, packet),
        "--dst-type" if first == "LOCAL" => Some(!packet.is_forwarded),
        "--dst-type" if first == "UNICAST" => Some(packet.is_forwarded),
        "--src-type" if first == "LOCAL" => Some(packet.is_of_this_host()),
        "--tcp-flags" => {
            let new = ["FIN,SYN,RST,ACK", "SYN"];
            (arguments.iter().map(|word| &**word).eq(new)).then_some(true)
        }
        _ => None,
    }
}

fn is_loopback(subnet: &str) -> bool {
    subnet.starts_with("127.") || subnet == "::1" || subnet == "::1/128"
}

/// The packet is the first of its connection.
fn state(states: &str, packet: &Packet) -> Known {
    let has = |state| states.split(',').any(|one| one == state);
    match has("NEW") || (has("DNAT") && packet.is_forwarded) {
        true => Some(true),
        false if has("SNAT") => None,
        false => Some(false),
    }
}

/// Parses `80,443,1000:2000`.
fn has_port(ports: &str, port: Option<u16>) -> Known {
    let port = port?;
    let includes = |range: &str| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        Some((first.parse::<u16>().ok()?..=last.parse().ok()?).contains(&port))
    };
    ports.split(',').map(includes).try_fold(false, |found, one| Some(found || one?))
}

fn action(target: &[Cow<'_, str>], user_chains: &[&str], is_own: bool) -> Action {
    let [option, name, ..] = target else { return Action::Continue };
    match &**name {
        "ACCEPT" => Action::Accept,
        "DROP" | "REJECT" => Action::Drop,
        "RETURN" => Action::Return,
        "DNAT" | "REDIRECT" | "NETMAP" | "TPROXY" => Action::Translate { own: is_own },
        name if user_chains.contains(&name) && option == "-g" => Action::Goto(name.to_owned()),
        name if user_chains.contains(&name) => Action::Jump(name.to_owned()),
        name if CONTINUING.contains(&name) => Action::Continue,
        _ => Action::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::explain::packet::Interface;
    use crate::family::Family;
    use crate::mappings::Protocol;

    fn packet(source: Option<&str>) -> Packet {
        Packet {
            family: Family::V4,
            protocol: Protocol::Tcp,
            source: source.map(|address| address.parse().unwrap()),
            destination: Some([10, 0, 0, 2].into()),
            port: Some(80),
            host_port: Some(8080),
            input: Interface(None),
            output: Interface(Some("br0".to_owned())),
            is_forwarded: true,
        }
    }

    fn holds(spec: &str, packet: &Packet) -> Known {
        applies(&split_words(spec).unwrap(), packet).0
    }

    #[test]
    fn matches_hold_or_not_or_are_unknown() {
        let from = packet(Some("203.0.113.9"));
        for spec in [
            "-s 203.0.113.0/24 -d 10.0.0.2/32 -j X",
            "! -s 10.0.0.0/8 -o br+ -p tcp -m tcp --dport 79:81",
            "-p tcp -m multiport --dports 22,80",
            "-m conntrack --ctstate RELATED,NEW -m comment --comment \"-j DROP ! -s\"",
            "-m conntrack --ctstate DNAT --ctdir ORIGINAL",
            "! -i docker0 -m conntrack --ctorigdstport 8080",
            "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN",
        ] {
            assert_eq!(holds(spec, &from), Some(true), "{spec}");
        }
        for spec in [
            "-s 10.0.0.0/8 -m quota --quota 1",
            "-i docker0",
            "-p udp -m udp --dport 80",
            "-p tcp -m multiport ! --dports 22,80",
            "-m state --state ESTABLISHED",
            "-m addrtype --dst-type LOCAL",
        ] {
            assert_eq!(holds(spec, &from), Some(false), "{spec}");
        }
        for spec in ["-m set --match-set good src", "-i eth0", "-m mark --mark 0x1", "-m rpfilter"]
        {
            assert_eq!(holds(spec, &from), None, "{spec}");
        }
        assert_eq!(holds("-s 203.0.113.0/24", &packet(None)), None, "any client");
    }

    #[test]
    fn own_rules_apply_to_some_client_and_their_exceptions_to_another() {
        let text = "*nat\n:PREROUTING ACCEPT [0:0]\n\
                    -A PREROUTING -i eth0 -m comment --comment tag -j RETURN\n\
                    -A PREROUTING ! -i br0 -m comment --comment tag -j DNAT --to-destination x\n\
                    -A PREROUTING -s 10.0.0.0/8 -m comment --comment tag -j DNAT --to x\n\
                    -A PREROUTING ! -i br0 -j DNAT --to-destination y\nCOMMIT\n";
        let listing = Listing { program: "iptables-nft".to_owned(), text: text.to_owned() };
        let applies = |source| {
            let rules = listing.rules("nat", &packet(source), "tag");
            rules.iter().map(|rule| rule.applies).collect::<Vec<_>>()
        };
        assert_eq!(applies(None), [Some(false), Some(true), Some(true), None]);
        let another = applies(Some("203.0.113.9"));
        assert_eq!(another, [Some(false), Some(true), Some(false), None], "known to differ");
    }

    #[test]
    fn a_listing_is_read_table_by_table_and_broken_lines_are_unclear() {
        let text = "*filter\n:FORWARD DROP [0:0]\n:SUB - [0:0]\n-A FORWARD -g SUB\n\
                    -A SUB -m comment --comment \"open\n-A SUB -j NFQUEUE\nCOMMIT\n\
                    *nat\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DNAT --to-destination x\n";
        let listing = Listing { program: "iptables-nft".to_owned(), text: text.to_owned() };
        let from = packet(None);
        let rules = listing.rules("filter", &from, "tag");
        let actions: Vec<_> = rules.iter().map(|rule| rule.action.clone()).collect();
        assert_eq!(actions, [Action::Goto("SUB".to_owned()), Action::Unknown, Action::Unknown]);
        assert!(listing.base("filter", "FORWARD", 0).unwrap().drops_by_policy);
        assert!(listing.base("nat", "FORWARD", 0).is_none());
        let nat = listing.rules("nat", &from, "tag");
        assert_eq!(nat[0].action, Action::Translate { own: false });
    }
}
