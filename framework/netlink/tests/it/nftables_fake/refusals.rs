//! Refusals and their error numbers. A refused transaction has no effect.

use cni_netlink::errno::{EBUSY, EEXIST, EINVAL, EMLINK, ENOENT, EOPNOTSUPP};
use cni_netlink::nftables::{
    BaseChain, Chain, ChainType, DataType, FakeRuleset, Family, Field, Hook, Key, Operation, Rule,
    Ruleset, Selector, Set, Statement, Transaction, Value, ValueType,
};

use super::{change, commit, goto, jump, nat, ports, range, ranges, set, tcp, usual, vmap};

const ENODATA: i32 = 61;
const ERANGE: i32 = 34;

/// Returns the error number of a refused transaction, and asserts that it had no effect.
#[track_caller]
fn refused(
    fake: &mut FakeRuleset,
    fill: impl FnOnce(&mut Transaction) -> &mut Transaction,
) -> Option<i32> {
    let before = fake.clone();
    let generation = fake.generation().expect("read");
    let error = commit(fake, |transaction| {
        transaction.add_chain(Chain::regular("undone"));
        fill(transaction)
    })
    .expect_err("refused");
    assert_eq!((&*fake, fake.clone().generation().expect("read")), (&before, generation));
    error.errno()
}

fn rule(chain: &str, statement: Statement) -> Rule {
    Rule::new(chain, [statement])
}

fn dnat(family: Family, map: &str) -> Statement {
    let left = vec![Selector::L4Proto, Selector::ThDport];
    Statement::Dnat { family, left, map: map.to_owned(), with_port: true }
}

/// Returns a map of ports to addresses and ports.
fn targets() -> Set {
    let value = ValueType::Data(vec![DataType::Ipv4Addr, DataType::InetService]);
    Set::new("targets", ports().key, value)
}

/// Adds an element with a goto to a chain.
fn lead<'a>(transaction: &'a mut Transaction, to: &str) -> &'a mut Transaction {
    transaction.add_element(&ports(), tcp(80), goto(to), None)
}

/// Adds an interval with a goto to a chain.
fn cover(transaction: &mut Transaction, key: Key) -> &mut Transaction {
    transaction.add_element(&ranges(), key, goto("a"), None)
}

/// Adds chains that each jump to the next one, and a jump from the base chain to the first.
fn line(transaction: &mut Transaction, last: u32) -> &mut Transaction {
    for at in 1..=last {
        transaction.add_chain(Chain::regular(format!("c{at}")));
    }
    for at in 1..last {
        transaction.add_rule(rule(&format!("c{at}"), jump(&format!("c{}", at + 1))));
    }
    transaction.add_rule(rule("pre", jump("c1")))
}

#[test]
fn errors_are_displayed_like_the_kernels() {
    let error = commit(&mut usual(), |transaction| {
        transaction.add_element(&ports(), tcp(80), goto("z"), None)
    });
    assert_eq!(
        error.expect_err("refused").to_string(),
        "cannot add element inet t ports { tcp . 80 }: No such file or directory (os error 2); \
         chain z does not exist"
    );
}

#[test]
fn changes_to_a_missing_table_are_refused() {
    let absent =
        FakeRuleset::default().commit(&change(|transaction| transaction.delete_table()), None);
    assert_eq!(absent.expect_err("no table").errno(), Some(ENOENT));
    let absent =
        FakeRuleset::default().commit(&change(|transaction| transaction.add_set(&ports())), None);
    assert_eq!(absent.expect_err("no table").errno(), Some(ENOENT));
}

#[test]
fn deleting_or_adding_to_missing_objects_is_refused() {
    let absent = set("absent", &[DataType::InetProto, DataType::InetService], ValueType::None);
    let mut fake = usual();
    let mut is_absent = |fill: &dyn Fn(&mut Transaction) -> &mut Transaction| {
        refused(&mut fake, fill) == Some(ENOENT)
    };
    assert!(is_absent(&|transaction| transaction.delete_chain("z")));
    assert!(is_absent(&|transaction| transaction.flush_chain("z")));
    assert!(is_absent(&|transaction| transaction.add_rule(Rule::new("z", []))));
    assert!(is_absent(&|transaction| transaction.delete_rule("a", 99)));
    assert!(is_absent(&|transaction| transaction.delete_set("z")));
    assert!(is_absent(&|transaction| transaction.delete_element(&ports(), tcp(80))));
    assert!(is_absent(&|transaction| transaction.add_element(&absent, tcp(80), None, None)));
}

#[test]
fn the_target_of_a_rule_or_an_element_must_exist() {
    let mut fake = usual();
    assert_eq!(
        refused(&mut fake, |transaction| transaction.add_rule(rule("a", jump("z")))),
        Some(ENOENT)
    );
    assert_eq!(
        refused(&mut fake, |transaction| transaction.add_rule(rule("a", vmap("z")))),
        Some(ENOENT)
    );
    assert_eq!(refused(&mut fake, |transaction| lead(transaction, "z")), Some(ENOENT));
    assert_eq!(
        refused(&mut fake, |transaction| lead(transaction, "pre")),
        Some(EOPNOTSUPP),
        "a base chain"
    );
}

#[test]
fn a_key_has_one_value() {
    let mut fake = usual();
    commit(&mut fake, |transaction| lead(transaction, "a")).expect("committed");
    assert_eq!(refused(&mut fake, |transaction| lead(transaction, "b")), Some(EEXIST));
    commit(&mut fake, |transaction| {
        transaction.delete_element(&ports(), tcp(80));
        lead(transaction, "b")
    })
    .expect("the old element is deleted first");
}

#[test]
fn referenced_objects_are_busy() {
    let mut fake = usual();
    commit(&mut fake, |transaction| {
        transaction.add_rule(rule("pre", vmap("ports"))).add_rule(rule("pre", jump("a")));
        transaction.add_element(&ports(), tcp(80), goto("b"), None)
    })
    .expect("committed");
    assert_eq!(
        refused(&mut fake, |transaction| transaction.delete_chain("a")),
        Some(EBUSY),
        "a rule"
    );
    assert_eq!(
        refused(&mut fake, |transaction| transaction.delete_chain("b")),
        Some(EBUSY),
        "an element"
    );
    assert_eq!(
        refused(&mut fake, |transaction| transaction.delete_set("ports")),
        Some(EBUSY),
        "a rule"
    );
    commit(&mut fake, |transaction| {
        transaction.flush_chain("pre").delete_set("ports").delete_chain("a").delete_chain("b")
    })
    .expect("in the right order");
}

#[test]
fn a_chain_or_a_set_is_not_added_again_with_another_definition() {
    let mut fake = usual();
    let mut again =
        |base| refused(&mut fake, |transaction| transaction.add_chain(Chain::base("pre", base)));
    assert_eq!(again(nat(Hook::Prerouting, -99)), Some(EOPNOTSUPP));
    assert_eq!(again(nat(Hook::Output, -100)), Some(EOPNOTSUPP));
    assert_eq!(again(BaseChain::new(ChainType::Filter, Hook::Prerouting, -100)), Some(EEXIST));
    let other = Set::new(ports().name, ports().key, ValueType::None);
    assert_eq!(refused(&mut fake, |transaction| transaction.add_set(&other)), Some(EEXIST));
    let late = Chain::base("late", nat(Hook::Forward, 0));
    assert_eq!(refused(&mut fake, |transaction| transaction.add_chain(late)), Some(EOPNOTSUPP));
}

#[test]
fn intervals_that_begin_or_end_in_another_are_refused() {
    let mut fake = usual();
    commit(&mut fake, |transaction| cover(transaction, range((10, 20), (100, 200))))
        .expect("committed");
    for (addresses, ports) in [((12, 30), (150, 300)), ((1, 12), (50, 150)), ((11, 12), (110, 120))]
    {
        assert_eq!(
            refused(&mut fake, |transaction| cover(transaction, range(addresses, ports))),
            Some(EEXIST)
        );
    }
    assert_eq!(
        refused(&mut fake, |transaction| cover(transaction, range((40, 30), (1, 2)))),
        Some(EINVAL)
    );
    commit(&mut fake, |transaction| cover(transaction, range((10, 20), (201, 300))))
        .expect("next to it");
    commit(&mut fake, |transaction| cover(transaction, range((0, 255), (1, 999))))
        .expect("around it: not detected");
}

#[test]
fn keys_and_values_must_have_the_types_of_their_set() {
    let mut fake = usual();
    let data = Some(Value::Data(vec![Field::Port(1)]));
    let mut add = |key: Key, value: Option<Value>| {
        refused(&mut fake, |transaction| transaction.add_element(&ports(), key, value, None))
    };
    assert_eq!(add(Key::One(vec![Field::Port(1)]), goto("a")), Some(EINVAL));
    assert_eq!(add(tcp(1).into_range(), goto("a")), Some(EINVAL));
    assert_eq!(add(tcp(1), data), Some(EINVAL));
    assert_eq!(add(tcp(1), None), Some(EINVAL));
}

#[test]
fn a_rule_must_match_the_types_of_its_sets() {
    let mut fake = usual();
    commit(&mut fake, |transaction| transaction.add_set(&targets())).expect("committed");
    let mut add =
        |statement| refused(&mut fake, |transaction| transaction.add_rule(rule("pre", statement)));
    assert_eq!(add(vmap("targets")), Some(EINVAL));
    assert_eq!(add(dnat(Family::Ip, "ports")), Some(EINVAL));
    assert_eq!(add(dnat(Family::Ip6, "targets")), Some(ENODATA));
    let short = Statement::VerdictMap { left: vec![Selector::L4Proto], map: "ports".to_owned() };
    assert_eq!(add(short), Some(ENODATA));
}

#[test]
fn addresses_are_translated_only_on_allowed_paths() {
    let mut fake = usual();
    let filter = BaseChain::new(ChainType::Filter, Hook::Input, 0);
    commit(&mut fake, |transaction| {
        transaction.add_set(&targets()).add_chain(Chain::base("filter", filter));
        transaction.add_rule(rule("pre", dnat(Family::Ip, "targets")));
        transaction.add_rule(rule("a", dnat(Family::Ip, "targets")));
        transaction.add_rule(rule("filter", vmap("ports")))
    })
    .expect("committed");
    let masquerade = rule("pre", Statement::Masquerade);
    assert_eq!(
        refused(&mut fake, |transaction| transaction.add_rule(masquerade)),
        Some(EOPNOTSUPP)
    );
    assert_eq!(refused(&mut fake, |transaction| lead(transaction, "a")), Some(EOPNOTSUPP));
}

#[test]
fn jumps_form_no_loops_and_are_not_too_deep() {
    let mut fake = usual();
    commit(&mut fake, |transaction| transaction.add_rule(rule("a", jump("a"))))
        .expect("the chain is unreachable");
    assert_eq!(
        refused(&mut fake, |transaction| transaction.add_rule(rule("pre", jump("a")))),
        Some(EMLINK)
    );
    assert_eq!(refused(&mut fake, |transaction| line(transaction, 16)), Some(EMLINK));
    commit(&mut fake, |transaction| line(transaction, 15)).expect("15 below a base chain");
}

#[test]
fn names_and_comments_that_are_too_long_are_refused() {
    let mut fake = usual();
    let long = Some("x".repeat(129));
    let mut commented = |comment| {
        commit(&mut fake, |transaction| transaction.push(Operation::AddTable { comment })).is_ok()
    };
    assert!(commented(Some("x".repeat(128))) && !commented(long));
    let name = Chain::regular("x".repeat(256));
    assert_eq!(refused(&mut fake, |transaction| transaction.add_chain(name)), Some(ERANGE));
}
