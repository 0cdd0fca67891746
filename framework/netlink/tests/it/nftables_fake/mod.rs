//! The fake does with each operation what the kernel does; `nftables_fake_compared` compares them.

mod planned;
mod refusals;

use std::net::Ipv4Addr;

use cni_netlink::Error;
use cni_netlink::nftables::{
    BaseChain, Chain, ChainType, DataType, FakeRuleset, Field, Hook, Key, Rule, Ruleset, Selector,
    Set, SetRef, Statement, Table, Transaction, Value, ValueType, Verdict,
};

pub(crate) fn table() -> Table {
    Table::inet("t")
}

/// Returns a transaction on the table.
fn change(fill: impl FnOnce(&mut Transaction) -> &mut Transaction) -> Transaction {
    let mut transaction = Transaction::new(table());
    fill(&mut transaction);
    transaction
}

fn commit(
    fake: &mut FakeRuleset,
    fill: impl FnOnce(&mut Transaction) -> &mut Transaction,
) -> Result<(), Error> {
    fake.commit(&change(fill), None)
}

pub(crate) fn nat(hook: Hook, priority: i32) -> BaseChain {
    BaseChain::new(ChainType::Nat, hook, priority)
}

pub(crate) fn set(name: &str, key: &[DataType], value: ValueType) -> Set {
    Set::new(name, key, value)
}

/// Ports to chains.
pub(crate) fn ports() -> Set {
    set("ports", &[DataType::InetProto, DataType::InetService], ValueType::Verdict)
}

/// Addresses and ranges of ports to chains.
pub(crate) fn ranges() -> Set {
    let key = [DataType::Ipv4Addr, DataType::InetService];
    set("ranges", &key, ValueType::Verdict).with_intervals()
}

pub(crate) fn tcp(port: u16) -> Key {
    Key::One(vec![Field::Proto(6), Field::Port(port)])
}

/// Returns an interval of addresses 10.0.0.x and ports.
pub(crate) fn range(addresses: (u8, u8), ports: (u16, u16)) -> Key {
    let address = |last| Field::Ipv4(Ipv4Addr::new(10, 0, 0, last));
    Key::Range(vec![
        (address(addresses.0), address(addresses.1)),
        (Field::Port(ports.0), Field::Port(ports.1)),
    ])
}

pub(crate) fn goto(chain: &str) -> Option<Value> {
    Some(Value::Verdict(Verdict::Goto(chain.to_owned())))
}

fn jump(chain: &str) -> Statement {
    Statement::Verdict(Verdict::Jump(chain.to_owned()))
}

pub(crate) fn vmap(map: &str) -> Statement {
    Statement::VerdictMap { left: vec![Selector::L4Proto, Selector::ThDport], map: map.to_owned() }
}

/// Returns a ruleset with a base chain `pre`, chains `a` and `b`, and the maps.
pub(crate) fn usual() -> FakeRuleset {
    let mut fake = FakeRuleset::default();
    commit(&mut fake, |transaction| {
        transaction.add_table().add_chain(Chain::base("pre", nat(Hook::Prerouting, -100)));
        transaction.add_chain(Chain::regular("a")).add_chain(Chain::regular("b"));
        transaction.add_set(&ports()).add_set(&ranges())
    })
    .expect("a table");
    fake
}

fn references(fake: &mut FakeRuleset, chain: &str) -> u32 {
    fake.chain(&table(), chain).expect("read").expect("a chain").references
}

#[test]
fn it_is_displayed_like_nfts_listing_and_sorted() {
    let mut fake = usual();
    commit(&mut fake, |transaction| {
        transaction.add_element(&ports(), tcp(81), goto("b"), None);
        transaction.add_element(&ports(), tcp(80), goto("a"), Some("web".to_owned()));
        transaction.delete_set("ranges").add_rule(Rule::new("pre", [vmap("ports")]));
        let links = vec![Field::Ifname("y".to_owned()), Field::Ifname("x".to_owned())];
        let set = SetRef::Anonymous(links);
        let excluded = Statement::InSet { left: vec![Selector::Iifname], negated: false, set };
        let mut rule = Rule::new("pre", [excluded, Statement::Verdict(Verdict::Return)]);
        rule.comment = Some("not these".to_owned());
        transaction.insert_rule(rule)
    })
    .expect("committed");
    let expected = r#"table inet t {
	map ports {
		type inet_proto . inet_service : verdict
		elements = { tcp . 80 comment "web" : goto a,
			     tcp . 81 : goto b }
	}
	chain a {
	}
	chain b {
	}
	chain pre {
		type nat hook prerouting priority -100; policy accept;
		iifname { "y", "x" } return comment "not these"
		meta l4proto . th dport vmap @ports
	}
}
"#;
    assert_eq!(fake.to_string(), expected);
}

#[test]
fn references_count_a_chains_rules_and_all_jumps_to_it() {
    let mut fake = usual();
    commit(&mut fake, |transaction| {
        transaction.add_rule(Rule::new("a", [])).add_rule(Rule::new("pre", [jump("a")]));
        transaction.add_element(&ports(), tcp(80), goto("a"), None)
    })
    .expect("committed");
    assert_eq!((references(&mut fake, "a"), references(&mut fake, "pre")), (3, 1));
    commit(&mut fake, |transaction| {
        transaction.delete_element(&ports(), tcp(80)).flush_chain("pre").flush_chain("a")
    })
    .expect("committed");
    assert_eq!((references(&mut fake, "a"), references(&mut fake, "pre")), (0, 0));
}

#[test]
fn objects_are_chains_and_named_sets_but_not_anonymous_sets() {
    let mut fake = usual();
    let set = SetRef::Anonymous(vec![Field::Proto(6), Field::Proto(17)]);
    let own = Statement::InSet { left: vec![Selector::L4Proto], negated: false, set };
    commit(&mut fake, |transaction| transaction.add_rule(Rule::new("a", [own])))
        .expect("committed");
    assert_eq!(fake.table(&table()).expect("read").expect("a table").objects, 5);
}

#[test]
fn the_generation_increases_with_every_change() {
    let mut fake = usual();
    let mut increments = |fill: fn(&mut Transaction) -> &mut Transaction| {
        let before = fake.generation().expect("read");
        commit(&mut fake, fill).expect("committed");
        before != fake.generation().expect("read")
    };
    assert!(increments(|transaction| transaction.add_element(&ports(), tcp(80), goto("a"), None)));
    assert!(
        !increments(|transaction| transaction.add_element(&ports(), tcp(80), goto("a"), None)),
        "it exists"
    );
    assert!(
        !increments(|transaction| transaction.add_table().flush_chain("a")),
        "nothing to add or to flush"
    );
    assert!(
        increments(|transaction| transaction.add_chain(Chain::regular("a"))),
        "the kernel counts adding a chain"
    );
    assert!(!increments(|transaction| transaction), "no operations");
}

#[test]
fn rules_are_ordered_and_deleted_by_handle() {
    let mut fake = usual();
    let rule = |comment: &str| Rule::new("a", []).with_comment(comment);
    commit(&mut fake, |transaction| {
        transaction.add_rule(rule("2")).add_rule(rule("3")).insert_rule(rule("1"));
        transaction.add_rule(Rule::new("b", []).with_comment("4"))
    })
    .expect("committed");
    let listed = |fake: &mut FakeRuleset| {
        let rules = fake.rules(&table()).expect("read").into_iter();
        rules.map(|rule| (rule.comment.unwrap_or_default(), rule.handle)).collect::<Vec<_>>()
    };
    let comments = |rules: &[(String, u64)]| {
        rules.iter().map(|(comment, _)| comment.as_str()).collect::<Vec<_>>().concat()
    };
    let before = listed(&mut fake);
    assert_eq!(comments(&before), "1234");
    commit(&mut fake, |transaction| transaction.delete_rule("a", before[1].1)).expect("committed");
    assert_eq!(comments(&listed(&mut fake)), "134");
    let again = commit(&mut fake, |transaction| transaction.delete_rule("a", before[1].1));
    assert_eq!(again.expect_err("deleted").errno(), Some(2));
}

#[test]
fn adding_an_element_again_keeps_its_comment() {
    let mut fake = usual();
    for comment in ["old", "new"] {
        let comment = Some(comment.to_owned());
        commit(&mut fake, |transaction| {
            transaction.add_element(&ports(), tcp(80), goto("a"), comment)
        })
        .expect("committed");
    }
    let elements = fake.elements(&table(), &ports()).expect("read");
    assert_eq!(elements.len(), 1);
    assert_eq!(elements[0].comment.as_deref(), Some("old"));
}

#[test]
fn a_point_finds_its_interval_and_an_interval_only_itself() {
    let mut fake = usual();
    let whole = range((1, 9), (100, 200));
    commit(&mut fake, |transaction| {
        transaction.add_element(&ranges(), whole.clone(), goto("a"), None)
    })
    .expect("committed");
    let Key::Range(inside) = range((5, 5), (150, 150)) else { unreachable!("a range") };
    let point = Key::One(inside.into_iter().map(|(first, _)| first).collect());
    let (set, absent) = (ranges(), set("absent", &[DataType::InetProto], ValueType::None));
    let keys = [
        (&set, point),
        (&set, whole.clone()),
        (&set, range((1, 9), (100, 199))),
        (&absent, Key::One(vec![Field::Proto(6)])),
    ];
    let found = fake.find(&table(), &keys).expect("read");
    let found: Vec<_> =
        found.into_iter().map(|element| element.map(|element| element.key)).collect();
    assert_eq!(found, [Some(whole.clone()), Some(whole), None, None]);
}

#[test]
fn tables_of_different_families_are_independent() {
    let mut fake = usual();
    let other = Table::new(cni_netlink::nftables::Family::Ip6, "t");
    let mut transaction = Transaction::new(other.clone());
    transaction.add_table().add_chain(Chain::regular("a"));
    fake.commit(&transaction, None).expect("committed");
    commit(&mut fake, |transaction| transaction.delete_table()).expect("committed");
    assert_eq!(fake.table(&table()).expect("read"), None);
    assert_eq!(fake.chains(&other).expect("read").len(), 1);
}

#[test]
fn clones_are_equal_until_one_changes() {
    let mut fake = usual();
    let before = fake.clone();
    commit(&mut fake, |transaction| transaction.add_chain(Chain::regular("c"))).expect("committed");
    assert_ne!(fake, before);
    commit(&mut fake, |transaction| transaction.delete_chain("c")).expect("committed");
    assert_eq!(fake, before, "the generation is ignored");
}
