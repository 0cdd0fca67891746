//! Rules of nf_tables, as expressions.

use cni_netlink::nftables::{RawExpression, SetRef, Verdict};

use super::*;
use crate::cli::explain::bytecode::Contents;
use crate::cli::explain::packet::samples::{answer, forwarded};
use crate::cli::explain::packet::{Flow, Interface};

const DROP: Expression = Expression::Verdict(Verdict::Drop);

fn run(packet: &Packet, expressions: &[Expression]) -> Known {
    let expressions = [expressions, &[DROP]].concat();
    let cases = Machine::new(packet, TableFamily::Inet).run(&expressions, &Vec::new());
    let [(applies, action)] = cases.as_slice() else { panic!("{cases:?}") };
    assert!(*action == Action::Drop || *applies == Some(false), "{action:?}");
    *applies
}

fn compare(op: u32, value: &[u8]) -> Expression {
    Expression::Compare { register: 1, op, value: value.to_vec() }
}

#[test]
fn a_rule_with_an_object_may_apply_or_not() {
    let raw = |name: &str| Expression::Raw(RawExpression::new(name, |_| {}));
    let other = |name: &str| run(&forwarded(None), &[raw(name)]);
    assert_eq!(other("counter"), Some(true));
    assert_eq!(other("objref"), None, "it may be a quota");
}

#[test]
fn the_state_of_a_connection_is_that_of_the_stage_and_invalid_before_it_is_tracked() {
    let (first, answer) = (forwarded(None), answer("203.0.113.9"));
    let untracked = Packet { flow: None, ..first.clone() };
    for (packet, state) in [(&first, 8_u32), (&answer, 2), (&untracked, 1)] {
        let load = Expression::Ct { key: 0, direction: None, register: 1 };
        let mask = Expression::Mask { register: 1, mask: state.to_ne_bytes().to_vec() };
        assert_eq!(run(packet, &[load, mask, compare(1, &[0; 4])]), Some(true), "{state}");
    }
    let port = Expression::Ct { key: 12, direction: Some(0), register: 1 };
    let port = [port, compare(0, &8080_u16.to_be_bytes())];
    assert_eq!(run(&answer, &port), Some(true));
    assert_eq!(run(&untracked, &port), Some(false), "it has no connection");
}

#[test]
fn bits_of_the_status_and_flags_of_tcp_are_known_one_by_one() {
    let (first, answer) = (forwarded(None), answer("203.0.113.9"));
    let status = |packet: &Packet, bits: u32| {
        let load = Expression::Ct { key: 2, direction: None, register: 1 };
        let mask = Expression::Mask { register: 1, mask: bits.to_ne_bytes().to_vec() };
        run(packet, &[load, mask, compare(1, &[0; 4])])
    };
    assert_eq!((status(&first, 0x20), status(&answer, 0x20)), (Some(true), Some(true)), "dnat");
    assert_eq!((status(&first, 0x02), status(&answer, 0x02)), (Some(false), Some(true)));
    assert_eq!(status(&first, 0x04), None, "assured");
    let flow = Flow { is_rewritten: None, ..answer.flow.unwrap() };
    assert_eq!(status(&Packet { flow: Some(flow), ..answer.clone() }, 0x10), None);
    let flags = |packet: &Packet, mask: u8, value: u8| {
        let load = Expression::Payload { base: 2, offset: 13, length: 1, register: 1 };
        run(
            packet,
            &[load, Expression::Mask { register: 1, mask: vec![mask] }, compare(0, &[value])],
        )
    };
    assert_eq!(flags(&first, 0x17, 0x02), Some(true), "SYN");
    assert_eq!(flags(&answer, 0x17, 0x02), Some(false), "SYN, ACK");
    assert_eq!(flags(&answer, 0xff, 0x12), None, "it may have others");
    assert_eq!(flags(&answer, 0xff, 0x02), Some(false), "it has ACK");
}

#[test]
fn the_loopback_interface_is_known_by_its_index() {
    let index = |name: Option<&str>| {
        let input = Interface(name.map(str::to_owned));
        let packet = Packet { input, ..forwarded(None) };
        let load = |register| Expression::Meta { key: 4, register };
        let lo = compare(0, &1_u32.to_ne_bytes());
        assert_eq!(
            run(&packet, &[load(1), compare(0, &7_u32.to_ne_bytes())]),
            match name {
                Some("lo") => Some(false),
                _ => None,
            }
        );
        run(&packet, &[load(1), lo])
    };
    assert_eq!(index(Some("lo")), Some(true));
    assert_eq!(index(Some("eth0")), Some(false));
    assert_eq!(index(None), Some(false));
}

#[test]
fn a_rule_that_looks_up_a_key_applies_only_if_the_map_has_it() {
    let lookup = Expression::Lookup {
        set: SetRef::Named("m".to_owned()),
        register: 1,
        to: Some(1),
        inverted: false,
    };
    let nat = Expression::Nat { kind: 1, family: 2, address: 1, port: None };
    let packet = forwarded(None);
    for has_key in [true, false] {
        let sets = vec![("m".to_owned(), Contents::Known(has_key))];
        let cases =
            Machine::new(&packet, TableFamily::Inet).run(&[lookup.clone(), nat.clone()], &sets);
        assert_eq!(cases[0].0, Some(has_key));
    }
}

#[test]
fn the_address_to_which_a_rule_rewrites_the_source_is_known() {
    let packet = forwarded(None);
    let immediate = Expression::Immediate { register: 1, value: vec![192, 0, 2, 7] };
    let snat = Expression::Nat { kind: 0, family: 2, address: 1, port: None };
    let cases = Machine::new(&packet, TableFamily::Ip).run(&[immediate, snat], &Vec::new());
    assert_eq!(cases, [(Some(true), Action::Rewrite(Source::One([192, 0, 2, 7].into())))]);
}

#[test]
fn a_port_that_the_client_has_chosen_is_none_that_rules_name() {
    let answer = answer("203.0.113.9");
    let load = || Expression::Payload { base: 2, offset: 2, length: 2, register: 1 };
    let port = |op, port: u16| compare(op, &port.to_be_bytes());
    assert_eq!(run(&answer, &[load(), port(0, 8080)]), Some(false));
    assert_eq!(run(&answer, &[load(), port(5, 100), port(3, 200)]), Some(false), "a range");
    assert_eq!(run(&answer, &[load(), port(5, 1024)]), Some(true));
    assert_eq!(run(&answer, &[load(), port(0, 40000)]), None);
}

#[test]
fn an_address_that_is_not_known_is_no_loopback_address() {
    let load = || Expression::Payload { base: 1, offset: 12, length: 1, register: 1 };
    assert_eq!(run(&forwarded(None), &[load(), compare(0, &[127])]), Some(false));
    assert_eq!(run(&forwarded(None), &[load(), compare(0, &[10])]), None);
}
