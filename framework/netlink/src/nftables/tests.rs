//! The codec: bytes of the kernel's header and of its real answers; no bytes whatever make it panic.

use super::bytecode::selector;
use super::wire::{bytes, decode, uapi};
use super::*;
use crate::message::{HEADER, Messages};

/// Answers of Linux 6.18 about a table that nft made, one a line: the generation, the table, its chains, rules with each
/// sequence of steps, elements of six sets, and an error.
const CAPTURED: &str = include_str!("tests/captured.hex");

fn captured() -> Vec<Vec<u8>> {
    let byte = |pair: &[u8]| {
        let text = std::str::from_utf8(pair).expect("hexadecimal");
        u8::from_str_radix(text, 16).expect("hexadecimal")
    };
    CAPTURED.lines().map(|line| line.as_bytes().chunks(2).map(byte).collect()).collect()
}

fn set(name: &str, key: &[DataType], value: ValueType, interval: bool) -> Set {
    Set { name: name.to_owned(), key: key.to_vec(), value, interval, comment: None }
}

fn a_set_of_each_sort() -> [Set; 4] {
    let port = [DataType::InetProto, DataType::InetService];
    let host = [DataType::Ipv4Addr, DataType::InetProto, DataType::InetService];
    let target = ValueType::Data(vec![DataType::Ipv4Addr, DataType::InetService]);
    [
        set("dnat4", &port, target, false),
        set("range-dnat4", &host, ValueType::Data(vec![DataType::Ipv4Addr]), true),
        set("ports4", &port, ValueType::Verdict, false),
        set("links", &[DataType::Ifname], ValueType::None, false),
    ]
}

/// Reads bytes in every way there is. Returns how many objects were read.
fn read_everything(bytes: &[u8]) -> usize {
    let sets = a_set_of_each_sort();
    let messages = Messages::new(bytes).flatten();
    messages
        .map(|message| {
            let _ = message.refusal();
            read_payload(message.payload, &sets)
        })
        .sum()
}

fn read_payload(payload: &[u8], sets: &[Set]) -> usize {
    let _ = decode::generation(payload);
    let _ = decode::table_info(payload);
    let chain = matches!(decode::chain_info(payload, "port-mapper"), Ok(Some(_)));
    let rule = decode::installed_rule(payload, "port-mapper").ok().flatten();
    let rule = rule.is_some_and(|rule| !rule.to_string().is_empty());
    let elements =
        sets.iter().flat_map(|set| decode::element::elements(payload, set).unwrap_or_default());
    let elements = elements.filter(|element| !element.to_string().is_empty()).count();
    usize::from(chain) + usize::from(rule) + elements
}

#[test]
fn what_the_kernel_said_is_understood() {
    let captured = captured();
    let mut rules = Vec::new();
    let mut chains = 0;
    let mut elements = Vec::new();
    for message in captured.iter().flat_map(|bytes| Messages::new(bytes)) {
        let message = message.expect("whole");
        match message.kind {
            uapi::message::NEW_CHAIN => {
                let read = decode::chain_info(message.payload, "port-mapper").expect("a chain");
                chains += usize::from(read.is_some());
            }
            uapi::message::NEW_RULE => {
                let rule = decode::installed_rule(message.payload, "port-mapper").expect("a rule");
                rules.push(rule.expect("of the table").to_string());
            }
            uapi::message::NEW_ELEMENT => {
                for set in a_set_of_each_sort() {
                    elements.extend(
                        decode::element::elements(message.payload, &set).unwrap_or_default(),
                    );
                }
            }
            _ => {}
        }
    }
    assert_eq!(chains, 9);
    let said = |text: &str| assert!(rules.iter().any(|rule| rule == text), "{text} in {rules:#?}");
    said("prerouting fib daddr type local jump hostports");
    said("postrouting ct status dnat ip saddr . ip daddr @pairs masquerade");
    said("CNI-all dnat ip to ip daddr . meta l4proto . th dport map @range-dnat4");
    said("guard ip daddr 127.0.0.0/8 iifname != \"lo\" drop comment \"spoofed\"");
    said("guard [limit] [counter] [log] [immediate] [meta]");
    let shown: Vec<String> = elements.iter().map(Element::to_string).collect();
    for expected in [
        "tcp . 8080 comment \"web\" : 10.0.0.2 . 80",
        "0.0.0.0/0 . tcp . 7000-7009 comment \"many\" : 10.0.0.2",
        "tcp . 8080 comment \"container_id: c1\" : goto near/10.0.0.0/24",
        "\"eth0\" comment \"uplink\"",
    ] {
        assert!(shown.iter().any(|one| one == expected), "{expected} in {shown:#?}");
    }
}

#[test]
fn every_cut_and_every_changed_byte_is_survived() {
    let sets = a_set_of_each_sort();
    let mut read = 0;
    for message in captured() {
        for end in HEADER..message.len() {
            read_payload(&message[HEADER..end], &sets);
        }
        for at in 0..message.len() {
            let mut bytes = message.clone();
            for value in
                [0, 1, 3, 4, 5, 8, 0x40, 0x7f, 0x80, 0xff, message[at] ^ 1, message[at] ^ 4]
            {
                bytes[at] = value;
                read += read_everything(&bytes);
            }
        }
    }
    assert!(read > 100_000, "only {read} objects were read");
}

#[test]
fn answers_with_random_changes_are_survived() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % (1 << 30)).expect("small")
    };
    let (messages, mut read) = (captured(), 0);
    for _ in 0..30_000 {
        let mut bytes = messages[random() % messages.len()].clone();
        for _ in 0..=random() % 4 {
            let at = random() % bytes.len();
            bytes[at] = if random() % 2 == 0 { (random() % 24) as u8 } else { random() as u8 };
        }
        read += read_everything(&bytes);
    }
    assert!(read > 10_000, "only {read} objects were read");
}

fn bytes_of(fields: &[Field]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes::append(&mut bytes, fields.iter());
    bytes
}

#[test]
fn keys_and_values_have_the_bytes_of_the_kernel() {
    let (tcp, port) = (Field::Proto(6), Field::Port);
    let v4 = |text: &str| Field::Ipv4(text.parse().expect("an address"));
    assert_eq!(bytes_of(&[tcp.clone(), port(8080)]), [6, 0, 0, 0, 0x1f, 0x90, 0, 0]);
    assert_eq!(bytes_of(&[v4("10.1.2.3"), port(80)]), [10, 1, 2, 3, 0, 80, 0, 0]);
    assert_eq!((bytes_of(&[tcp]), bytes_of(&[port(80)])), (vec![6], vec![0, 80]));
    let link = bytes_of(&[Field::Ifname("lo".to_owned())]);
    assert_eq!((link.len(), &link[..3]), (16, &b"lo\0"[..]));
}

#[test]
fn types_have_the_numbers_and_lengths_of_nft() {
    use DataType::{Ifname, InetProto, InetService, Ipv4Addr, Ipv6Addr};
    for (types, number, length) in [
        (&[InetProto, InetService][..], 0x30d, 8),
        (&[Ipv4Addr, InetProto, InetService], 0x730d, 12),
        (&[Ipv6Addr, InetProto, InetService], 0x830d, 24),
        (&[Ipv4Addr, InetService], 0x1cd, 8),
        (&[Ipv6Addr, InetService], 0x20d, 20),
        (&[Ipv4Addr, Ipv4Addr], 0x1c7, 8),
        (&[Ifname, Ipv4Addr], 0xa47, 20),
        (&[Ipv6Addr], 8, 16),
        (&[InetService], 13, 2),
    ] {
        assert_eq!(
            (bytes::type_number(types), bytes::length(types)),
            (number, length),
            "{types:?}"
        );
    }
}

#[test]
fn registers_have_the_names_that_the_kernel_gives_them() {
    let names: Vec<u32> = (0..8).map(selector::register).collect();
    assert_eq!(names, [1, 9, 10, 11, 2, 13, 14, 15]);
}

fn names(statements: &[Statement]) -> Vec<String> {
    let rule = Rule::new("c", statements);
    rule.expressions(Family::Inet).iter().map(|step| format!("{step:?}")).collect()
}

#[test]
fn a_family_is_tested_once_and_only_where_it_is_needed() {
    let address = |left| Statement::Match {
        left,
        op: Op::Eq,
        right: Field::Ipv4([10, 0, 0, 1].into()).into(),
    };
    let both = [address(Selector::IpSaddr), address(Selector::IpDaddr)];
    let tests = |steps: &[String]| steps.iter().filter(|step| step.contains("key: 15")).count();
    assert_eq!(tests(&names(&both)), 1);
    let said = [Statement::family(Family::Ip), address(Selector::IpSaddr)];
    assert_eq!(tests(&names(&said)), 1);
    assert_eq!(tests(&names(&[address(Selector::CtOriginalIpDaddr)])), 0);
    assert_eq!(Rule::new("c", both).expressions(Family::Ip).len(), 4);
}

#[test]
fn an_address_and_a_port_lie_one_behind_the_other() {
    let dnat = |family, with_port| {
        let left = vec![Selector::L4Proto, Selector::ThDport];
        let statement = Statement::Dnat { family, left, map: "m".to_owned(), with_port };
        Rule::new("c", [statement]).expressions(Family::Inet).pop()
    };
    let nat = |family, port| Some(Expression::Nat { kind: 1, family, address: 1, port });
    assert_eq!(dnat(Family::Ip, true), nat(2, Some(9)));
    assert_eq!(dnat(Family::Ip6, true), nat(10, Some(2)));
    assert_eq!(dnat(Family::Ip6, false), nat(10, None));
}
