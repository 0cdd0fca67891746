//! The fake ruleset and the kernel agree on random changes: on the refusal, or on the content.

use std::collections::BTreeMap;

use cni_netlink::nftables::{
    Chain, DataType, FakeRuleset, Hook, InstalledRule, Kernel, Key, Rule, Ruleset, Selector, Set,
    SetRef, Statement, Transaction, Value, ValueType, Verdict,
};
use cni_netlink::{Error, errno};

use crate::host::inside;
use crate::ruleset::{dnat4, ifname, nat, set, table, target4, tcp};

fn random(mut state: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 20).expect("64 bits") % below
    }
}

// Few names, so that changes often conflict.

fn chain(number: usize) -> String {
    ["a", "b", "c", "base"][number % 4].to_owned()
}

fn links() -> Set {
    set("links", &[DataType::Ifname], ValueType::None)
}

fn ports() -> Set {
    set("ports4", &[DataType::InetProto, DataType::InetService], ValueType::Verdict)
}

fn verdict(kind: usize, to: usize) -> Verdict {
    match kind {
        0 => Verdict::Drop,
        1 => Verdict::Goto(chain(to)),
        _ => Verdict::Jump(chain(to)),
    }
}

fn change(
    random: &mut impl FnMut(usize) -> usize,
    transaction: &mut Transaction,
    rules: &[InstalledRule],
) {
    let (x, y, z) = (random(4), random(4), random(4));
    match random(20) {
        0 if x + y == 0 => transaction.delete_table(),
        0 | 1 => transaction.add_table(),
        2 | 3 if x == 3 => transaction.add_chain(nat("base", Hook::Prerouting, -100)),
        2 | 3 => transaction.add_chain(Chain::regular(chain(x))),
        4 => transaction.delete_chain(chain(x)),
        5 => transaction.flush_chain(chain(x)),
        6..=9 => transaction.add_rule(rule(x, y, z)),
        10 => transaction.insert_rule(rule(x, y, z)),
        11 => match rules.get(random(rules.len().max(1))) {
            Some(rule) => transaction.delete_rule(&rule.chain, rule.handle),
            None => transaction.delete_rule("a", 999),
        },
        12 | 13 => transaction.add_set(&[links(), ports(), dnat4(), dnat4()][x]),
        14 => transaction.delete_set(["links", "ports4", "dnat4", "none"][x]),
        _ => element(random(5), transaction, [x, y, z]),
    };
}

fn rule(x: usize, y: usize, z: usize) -> Rule {
    let left = vec![Selector::Iifname];
    let own = SetRef::Anonymous(vec![ifname("a"), ifname("b")]);
    let named = SetRef::Named("links".to_owned());
    let statement = match y {
        0 => Statement::FibDaddrLocal,
        1 => Statement::InSet { left, negated: z == 1, set: named },
        2 => Statement::InSet { left, negated: false, set: own },
        _ => Statement::VerdictMap {
            left: vec![Selector::L4Proto, Selector::ThDport],
            map: "ports4".to_owned(),
        },
    };
    match y {
        3 => Rule::new(chain(x), [statement]),
        _ => Rule::new(chain(x), [statement, Statement::Verdict(verdict(y, z))]),
    }
}

fn element(kind: usize, transaction: &mut Transaction, [x, y, z]: [usize; 3]) -> &mut Transaction {
    let number = |x: usize| u16::try_from(x).expect("small") + 1;
    let comment = (z == 0).then(|| "c".to_owned());
    match kind {
        0 => transaction.add_element(
            &ports(),
            tcp(number(x)),
            Some(Value::Verdict(verdict(y, z))),
            comment,
        ),
        1 => transaction.delete_element(&ports(), tcp(number(x))),
        2 => transaction.add_element(
            &dnat4(),
            tcp(number(x)),
            target4("10.0.0.1", number(y / 2)),
            comment,
        ),
        3 => transaction.delete_element(&dnat4(), tcp(number(x))),
        _ => transaction.add_element(&links(), Key::One(vec![ifname(&chain(x))]), None, comment),
    }
}

/// Returns the rules, sorted by chain.
fn rules(ruleset: &mut impl Ruleset) -> Vec<InstalledRule> {
    let mut rules = ruleset.rules(&table()).expect("listed");
    rules.sort_by(|one, other| one.chain.cmp(&other.chain));
    rules
}

/// Returns the content in sorted order, without handles.
fn content(ruleset: &mut impl Ruleset) -> Vec<String> {
    let mut all = vec![format!("{:?}", ruleset.table(&table()).expect("looked up"))];
    all.extend(ruleset.chains(&table()).expect("listed").iter().map(|chain| format!("{chain:?}")));
    for set in [links(), ports(), dnat4()] {
        let elements = ruleset.elements(&table(), &set).expect("listed");
        all.extend(elements.iter().map(|element| format!("{element:?}")));
    }
    all.sort();
    all.extend(rules(ruleset).iter().map(ToString::to_string));
    all
}

fn error_number(result: Result<(), Error>) -> Option<i32> {
    result.err().map(|error| error.errno().expect("a number"))
}

/// Compares the two. Returns how often the kernel gave which result.
fn compared(seed: u64, rounds: usize) -> BTreeMap<Option<i32>, u32> {
    let (mut kernel, mut fake) = (Kernel::open().expect("a socket"), FakeRuleset::default());
    let (mut random, mut met) = (random(seed), BTreeMap::new());
    for _ in 0..rounds {
        let (there, faked) = (rules(&mut kernel), rules(&mut fake));
        let both = there.into_iter().zip(faked).filter(|(one, other)| one == other);
        let both: Vec<InstalledRule> = both.map(|(one, _)| one).collect();
        let mut transaction = Transaction::new(table());
        (0..=random(3)).for_each(|_| change(&mut random, &mut transaction, &both));
        let answer = error_number(kernel.commit(&transaction, None));
        assert_eq!(answer, error_number(fake.commit(&transaction, None)), "of\n{transaction}");
        assert_eq!(content(&mut kernel), content(&mut fake), "after\n{transaction}");
        *met.entry(answer).or_default() += 1;
    }
    met
}

#[test]
fn they_agree_on_random_changes() {
    inside(|| {
        let met = compared(0x1234_5678_9abc_def1, 500);
        for answer in [None, Some(errno::ENOENT), Some(errno::EEXIST), Some(errno::EBUSY)] {
            assert!(met.get(&answer).is_some_and(|times| *times >= 3), "{met:?}");
        }
    });
}
