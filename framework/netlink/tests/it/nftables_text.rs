//! Transactions in nft's syntax. `nftables.rs` tests that nft accepts it.

use cni_netlink::nftables::{Family, Field, Key, Operation, Set, Table, Transaction};

use crate::ruleset::{dnat4, everything, intervals, set, table, tcp, v4, v6};

#[test]
fn every_object_is_displayed_in_nfts_syntax() {
    let expected = include_str!("ruleset/everything.nft");
    for (line, expected) in everything().to_string().lines().zip(expected.lines()) {
        assert_eq!(line, expected);
    }
    assert_eq!(everything().to_string(), expected);
}

#[test]
fn every_verb_is_displayed_in_nfts_syntax() {
    let mut all = Transaction::new(Table::new(Family::Ip6, "t"));
    all.delete_table().add_table().delete_chain("c").flush_chain("c").delete_rule("c", 7);
    all.delete_set("s").delete_element(&dnat4(), tcp(80));
    assert_eq!(
        all.to_string(),
        "delete table ip6 t\nadd table ip6 t\ndelete chain ip6 t c\nflush chain ip6 t c\n\
         delete rule ip6 t c handle 7\ndelete set ip6 t s\n\
         delete element ip6 t dnat4 { tcp . 80 }\n"
    );
}

#[test]
fn intervals_are_displayed_in_their_shortest_form() {
    let shown = |first: Field, last: Field| Key::Range(vec![(first, last)]).to_string();
    assert_eq!(shown(v4("10.0.0.0"), v4("10.0.0.255")), "10.0.0.0/24");
    assert_eq!(shown(v4("10.0.0.0"), v4("10.0.1.255")), "10.0.0.0/23");
    assert_eq!(shown(v4("10.0.0.1"), v4("10.0.0.255")), "10.0.0.1-10.0.0.255");
    assert_eq!(shown(v4("10.0.1.0"), v4("10.0.2.255")), "10.0.1.0-10.0.2.255");
    assert_eq!(shown(v4("0.0.0.0"), v4("255.255.255.255")), "0.0.0.0/0");
    assert_eq!(shown(v4("10.0.0.1"), v4("10.0.0.1")), "10.0.0.1");
    let last = v6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    assert_eq!(shown(v6("::"), last.clone()), "::/0");
    assert_eq!(shown(v6("::1"), last.clone()), format!("::1-{last}"));
    assert_eq!(shown(v6("fd00::"), v6("fd00::ffff")), "fd00::/112");
    assert_eq!(shown(Field::Port(0), Field::Port(65535)), "0-65535");
}

#[test]
fn a_point_in_a_set_with_intervals_is_an_interval() {
    let ranges = intervals(dnat4());
    let mut transaction = Transaction::new(table());
    transaction.add_element(&ranges, tcp(80), None, None).delete_element(&ranges, tcp(80));
    for operation in transaction.operations() {
        let (Operation::AddElement(element) | Operation::DeleteElement(element)) = operation else {
            panic!("another operation")
        };
        assert_eq!(element.key, tcp(80).into_range());
        assert_eq!(element.key.to_string(), "tcp . 80");
    }
}

#[test]
fn an_operation_is_displayed_like_its_line() {
    let transaction = everything();
    let lines: Vec<String> =
        transaction.operations().iter().map(|one| transaction.show(one)).collect();
    assert_eq!(lines.join("\n") + "\n", transaction.to_string());
    assert_eq!(transaction.operations()[0].verb(), "add");
    let plain: Set = set("s", &[], cni_netlink::nftables::ValueType::None);
    assert_eq!((plain.noun(), dnat4().noun()), ("set", "map"));
}
