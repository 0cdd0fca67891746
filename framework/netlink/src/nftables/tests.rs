//! Tests of the codec: constants agree with the kernel and nft, captured replies are decoded, and
//! invalid bytes never cause a panic.

use super::bytecode::selector;
use super::wire::{decode, uapi, values};
use super::*;
use crate::message::{HEADER, Messages};

/// Replies of Linux 6.18 about a table created by nft, one per line in hexadecimal: the generation,
/// the table, its chains, rules with all supported and some unsupported statements, elements of six
/// sets, and an error.
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

fn sets_of_all_kinds() -> [Set; 4] {
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

/// Decodes the messages in `bytes` as every type of object. Returns the number of decoded objects.
fn decode_as_every_type(bytes: &[u8]) -> usize {
    let sets = sets_of_all_kinds();
    let messages = Messages::new(bytes).flatten();
    messages
        .map(|message| {
            let _ = message.refusal();
            decode_payload(message.payload, &sets)
        })
        .sum()
}

fn decode_payload(payload: &[u8], sets: &[Set]) -> usize {
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
fn captured_replies_are_decoded() {
    let captured = captured();
    let mut rules = Vec::new();
    let mut chains = 0;
    let mut elements = Vec::new();
    for message in captured.iter().flat_map(|bytes| Messages::new(bytes)) {
        let message = message.expect("complete");
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
                for set in sets_of_all_kinds() {
                    elements.extend(
                        decode::element::elements(message.payload, &set).unwrap_or_default(),
                    );
                }
            }
            _ => {}
        }
    }
    assert_eq!(chains, 9);
    let assert_rule =
        |text: &str| assert!(rules.iter().any(|rule| rule == text), "no {text} in {rules:#?}");
    assert_rule("prerouting fib daddr type local jump hostports");
    assert_rule("postrouting ct status dnat ip saddr . ip daddr @pairs masquerade");
    assert_rule("CNI-all dnat ip to ip daddr . meta l4proto . th dport map @range-dnat4");
    assert_rule("guard ip daddr 127.0.0.0/8 iifname != \"lo\" drop comment \"spoofed\"");
    assert_rule("guard [limit] [counter] [log] [immediate] [meta]");
    let displayed: Vec<String> = elements.iter().map(Element::to_string).collect();
    for expected in [
        "tcp . 8080 comment \"web\" : 10.0.0.2 . 80",
        "0.0.0.0/0 . tcp . 7000-7009 comment \"many\" : 10.0.0.2",
        "tcp . 8080 comment \"container_id: c1\" : goto near/10.0.0.0/24",
        "\"eth0\" comment \"uplink\"",
    ] {
        assert!(displayed.iter().any(|text| text == expected), "no {expected} in {displayed:#?}");
    }
}

#[test]
fn truncated_replies_and_replies_with_a_changed_byte_cause_no_panic() {
    let sets = sets_of_all_kinds();
    let mut read = 0;
    for message in captured() {
        for end in HEADER..message.len() {
            decode_payload(&message[HEADER..end], &sets);
        }
        for at in 0..message.len() {
            let mut bytes = message.clone();
            for value in
                [0, 1, 3, 4, 5, 8, 0x40, 0x7f, 0x80, 0xff, message[at] ^ 1, message[at] ^ 4]
            {
                bytes[at] = value;
                read += decode_as_every_type(&bytes);
            }
        }
    }
    assert!(read > 100_000, "only {read} objects were decoded");
}

#[test]
fn replies_with_random_changes_cause_no_panic() {
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
        read += decode_as_every_type(&bytes);
    }
    assert!(read > 10_000, "only {read} objects were decoded");
}

fn bytes_of(fields: &[Field]) -> Vec<u8> {
    let mut bytes = Vec::new();
    values::append(&mut bytes, fields.iter());
    bytes
}

#[test]
fn keys_and_values_are_encoded_as_the_kernel_expects() {
    let (tcp, port) = (Field::Proto(6), Field::Port);
    let v4 = |text: &str| Field::Ipv4(text.parse().expect("an address"));
    assert_eq!(bytes_of(&[tcp.clone(), port(8080)]), [6, 0, 0, 0, 0x1f, 0x90, 0, 0]);
    assert_eq!(bytes_of(&[v4("10.1.2.3"), port(80)]), [10, 1, 2, 3, 0, 80, 0, 0]);
    assert_eq!((bytes_of(&[tcp]), bytes_of(&[port(80)])), (vec![6], vec![0, 80]));
    let link = bytes_of(&[Field::Ifname("lo".to_owned())]);
    assert_eq!((link.len(), &link[..3]), (16, &b"lo\0"[..]));
}

#[test]
fn data_types_have_the_numbers_and_lengths_of_nft() {
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
            (values::type_number(types), values::length(types)),
            (number, length),
            "{types:?}"
        );
    }
}

#[test]
fn registers_have_the_numbers_that_the_kernel_uses_in_listings() {
    let names: Vec<u32> = (0..8).map(selector::register).collect();
    assert_eq!(names, [1, 9, 10, 11, 2, 13, 14, 15]);
}

fn expressions(statements: &[Statement]) -> Vec<String> {
    let rule = Rule::new("c", statements);
    rule.expressions(Family::Inet).iter().map(|expression| format!("{expression:?}")).collect()
}

#[test]
fn a_family_is_matched_once_and_only_if_needed() {
    let address = |left| Statement::Match {
        left,
        op: Op::Eq,
        right: Field::Ipv4([10, 0, 0, 1].into()).into(),
    };
    let both = [address(Selector::IpSaddr), address(Selector::IpDaddr)];
    // The key of `meta nfproto` is 15.
    let family_matches =
        |texts: &[String]| texts.iter().filter(|text| text.contains("key: 15")).count();
    assert_eq!(family_matches(&expressions(&both)), 1);
    let explicit = [Statement::family(Family::Ip), address(Selector::IpSaddr)];
    assert_eq!(family_matches(&expressions(&explicit)), 1);
    assert_eq!(family_matches(&expressions(&[address(Selector::CtOriginalIpDaddr)])), 0);
    assert_eq!(Rule::new("c", both).expressions(Family::Ip).len(), 4);
}

#[test]
fn the_port_is_in_the_register_after_the_address() {
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
