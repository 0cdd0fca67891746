//! The matches of iptables, and whether they hold for a packet.

use std::borrow::Cow;

use super::packet::{End, Known, Packet, Port, Stage, and, is_in};

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

/// Returns whether the matches hold, and where the target begins.
pub(super) fn applies(words: &[Cow<'_, str>], packet: &Packet) -> (Known, usize) {
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

/// Reports whether a rule does not apply, from the options before its first match. Most rules of a
/// large table differ in them.
pub(super) fn differs(spec: &str, packet: &Packet) -> bool {
    let mut words = spec.split(' ').take_while(|word| !matches!(*word, "-m" | "-j" | "-g"));
    let mut negated = false;
    while let Some(word) = words.next() {
        if word == "!" {
            negated = true;
            continue;
        }
        let Some(argument) = words.next().filter(|_| word != "-f") else { return false };
        if option(word, &[argument.into()], packet).is_some_and(|holds| holds == negated) {
            return true;
        }
        negated = false;
    }
    false
}

fn option(name: &str, arguments: &[Cow<'_, str>], packet: &Packet) -> Known {
    let first = arguments.first().map(|word| &**word).unwrap_or_default();
    let Packet { source, destination, .. } = packet;
    match name {
        "-s" => has_address(source, first),
        "-d" => has_address(destination, first),
        "-i" => packet.input.is(first),
        "-o" => packet.output.is(first),
        "-p" => {
            let number = packet.protocol_number().to_string();
            Some(first == packet.protocol.as_str() || first == number || first == "all")
        }
        "-m" => MODULES.contains(&first).then_some(true),
        "--comment" => Some(true),
        "-f" => Some(false),
        "--sport" | "--sports" => has_port(first, source.port),
        "--dport" | "--dports" => has_port(first, destination.port),
        "--ports" => or(has_port(first, source.port), has_port(first, destination.port)),
        "--ctstate" | "--state" => state(first, packet),
        name if name.starts_with("--ct") => tracked(name, first, packet),
        "--dst-type" => is_of_type(destination, first),
        "--src-type" => is_of_type(source, first),
        "--tcp-flags" => match arguments {
            [mask, flags] => has_flags(mask, flags, packet.stage),
            _ => None,
        },
        _ => None,
    }
}

/// Returns whether an end is in a subnet. One of which nothing is known is no loopback address:
/// those never leave the host.
fn has_address(end: &End, subnet: &str) -> Known {
    let is_loopback = subnet.starts_with("127.") || subnet == "::1" || subnet == "::1/128";
    match end.address {
        None if is_loopback => Some(false),
        address => is_in(address, subnet),
    }
}

fn is_of_type(end: &End, kind: &str) -> Known {
    match kind {
        "LOCAL" => end.is_local,
        "UNICAST" => end.is_local.map(|is_local| !is_local),
        _ => None,
    }
}

/// Returns whether the connection has one of these states.
fn state(states: &str, packet: &Packet) -> Known {
    let has = |state| states.split(',').any(|one| one == state);
    let Some(flow) = packet.flow else { return Some(has("INVALID")) };
    let own = if packet.stage == Stage::First { "NEW" } else { "ESTABLISHED" };
    match flow.is_rewritten {
        _ if has(own) || (has("DNAT") && flow.is_translated) => Some(true),
        is_rewritten if has("SNAT") => is_rewritten,
        _ => Some(false),
    }
}

/// Returns whether another option about the connection holds.
fn tracked(name: &str, value: &str, packet: &Packet) -> Known {
    let Some(flow) = packet.flow else { return Some(false) };
    let [source, destination] = flow.original;
    match name {
        "--ctorigsrc" => is_in(source.address, value),
        "--ctorigdst" => is_in(destination.address, value),
        "--ctorigsrcport" => has_port(value, source.port),
        "--ctorigdstport" => has_port(value, destination.port),
        "--ctdir" => Some((value == "REPLY") == (packet.stage == Stage::Answer)),
        _ => None,
    }
}

/// Returns whether a packet of TCP has exactly these flags among those of the mask.
fn has_flags(mask: &str, flags: &str, stage: Stage) -> Known {
    const NAMES: [(&str, u8); 4] = [("FIN", 1), ("SYN", 2), ("RST", 4), ("ACK", 16)];
    let bits = |list: &str| {
        let bit = |name| NAMES.iter().find(|(known, _)| *known == name).map(|(_, bit)| *bit);
        let mut of_list = list.split(',').filter(|name| *name != "NONE").map(bit);
        of_list.try_fold(0, |bits, bit| Some(bits | bit?))
    };
    Some(stage.flags() & bits(mask)? == bits(flags)?)
}

/// Parses `80,443,1000:2000`, and returns whether the port is one of them.
fn has_port(ports: &str, port: Port) -> Known {
    let includes = |range: &str| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        port.is_in(&(first.parse().ok()?..=last.parse().ok()?))
    };
    ports.split(',').map(includes).fold(Some(false), or)
}

/// Returns whether one of two things holds.
fn or(one: Known, other: Known) -> Known {
    and(one.map(|one| !one), other.map(|other| !other)).map(|neither| !neither)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::iptables::split_words;
    use crate::cli::explain::packet::samples::{answer, forwarded};

    fn holds(spec: &str, packet: &Packet) -> Known {
        let holds = applies(&split_words(spec).unwrap(), packet).0;
        assert!(!differs(spec, packet) || holds == Some(false), "{spec}");
        holds
    }

    #[test]
    fn matches_hold_or_not_or_are_unknown() {
        let from = forwarded(Some("203.0.113.9"));
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
            "-p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK",
        ] {
            assert_eq!(holds(spec, &from), Some(false), "{spec}");
        }
        for spec in ["-m set --match-set good src", "-i eth0", "-m mark --mark 0x1", "-m rpfilter"]
        {
            assert_eq!(holds(spec, &from), None, "{spec}");
        }
        assert_eq!(holds("-s 203.0.113.0/24", &forwarded(None)), None, "any client");
    }

    #[test]
    fn answers_are_established_and_come_from_the_container() {
        let answer = answer("203.0.113.9");
        for spec in [
            "-m conntrack --ctstate RELATED,ESTABLISHED",
            "-m conntrack --ctstate DNAT",
            "-m conntrack --ctdir REPLY --ctorigsrc 203.0.113.9 --ctorigdstport 8080",
            "-s 10.0.0.2/32 -d 203.0.113.9/32 -i br0 -p tcp -m tcp --sport 80",
            "-p tcp -m multiport --ports 80",
            "-p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN",
        ] {
            assert_eq!(holds(spec, &answer), Some(true), "{spec}");
        }
        for spec in [
            "-m conntrack --ctstate NEW,INVALID",
            "-m conntrack ! --ctstate ESTABLISHED",
            "-m conntrack --ctdir ORIGINAL",
            "-m addrtype --dst-type LOCAL",
        ] {
            assert_eq!(holds(spec, &answer), Some(false), "{spec}");
        }
        let to_client = |ports: &str| holds(&format!("-p tcp -m tcp --dport {ports}"), &answer);
        assert_eq!(to_client("80"), Some(false), "no system chooses it for a client");
        assert_eq!(to_client("1024:65535"), Some(true));
        assert_eq!(to_client("40000"), None);
        let untracked = Packet { flow: None, ..answer };
        assert_eq!(holds("-m conntrack --ctstate INVALID", &untracked), Some(true));
        assert_eq!(holds("-m conntrack --ctstate ESTABLISHED", &untracked), Some(false));
    }
}
