//! The fake ruleset and the kernel give the same results.

use cni_netlink::nftables::{
    DataType, Element, FakeRuleset, Field, InstalledRule, Kernel, Key, Operation, Ruleset, Set,
    Transaction, ValueType,
};
use cni_netlink::{Error, errno};

use crate::host::inside;
use crate::ruleset::{chains, dnat4, everything, intervals, set, sets, table, target4, tcp};

/// The content of the table, without what is unspecified.
#[derive(Debug, PartialEq)]
struct Content {
    objects: Option<u32>,
    chains: Vec<String>,
    rules: Vec<String>,
    elements: Vec<String>,
}

fn content(ruleset: &mut impl Ruleset) -> Content {
    let table = table();
    let rule =
        |rule: InstalledRule| format!("{} {:?} {:?}", rule.chain, rule.expressions, rule.comment);
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    let mut elements = Vec::new();
    for (set, _) in sets() {
        elements.extend(ruleset.elements(&table, &set).expect("listed"));
    }
    // The kernel lists the chains in unspecified order.
    let mut rules = ruleset.rules(&table).expect("listed");
    rules.sort_by(|one, other| one.chain.cmp(&other.chain));
    Content {
        objects: ruleset.table(&table).expect("looked up").map(|info| info.objects),
        chains: sorted(
            ruleset
                .chains(&table)
                .expect("listed")
                .iter()
                .map(|chain| format!("{chain:?}"))
                .collect(),
        ),
        rules: rules.into_iter().map(rule).collect(),
        elements: sorted(elements.iter().map(|element| format!("{element:?}")).collect()),
    }
}

fn both() -> (Kernel, FakeRuleset) {
    (Kernel::open().expect("a socket"), FakeRuleset::default())
}

/// Commits to both, and asserts that the results and the content are the same.
fn commit_to_both(both: &mut (Kernel, FakeRuleset), transaction: &Transaction) -> Option<i32> {
    let error_number =
        |result: Result<(), Error>| result.err().map(|error| error.errno().expect("a number"));
    let kernel = error_number(both.0.commit(transaction, None));
    let fake = error_number(both.1.commit(transaction, None));
    assert_eq!(kernel, fake, "of\n{transaction}");
    let (there, faked) = (content(&mut both.0), content(&mut both.1));
    assert_eq!(there, faked, "after\n{transaction}");
    kernel
}

#[test]
fn they_have_the_same_content() {
    inside(|| {
        let mut both = both();
        assert_eq!(commit_to_both(&mut both, &everything()), None);
        // Without rules, which would be added twice.
        let mut again = Transaction::new(table());
        let is_rule = |operation: &&Operation| {
            matches!(operation, Operation::AddRule(_) | Operation::InsertRule(_))
        };
        for operation in everything().operations().iter().filter(|operation| !is_rule(operation)) {
            again.push(operation.clone());
        }
        assert_eq!(commit_to_both(&mut both, &again), None, "everything exists");
    });
}

#[test]
fn they_find_the_same_elements() {
    inside(|| {
        let mut both = both();
        commit_to_both(&mut both, &everything());
        let (table, sets) = (table(), sets());
        let mut keys: Vec<(&Set, Key)> = Vec::new();
        for (set, elements) in &sets {
            for (key, ..) in elements {
                keys.push((set, key.clone()));
                if let Key::Range(ends) = key {
                    let first = ends.iter().map(|(first, _)| first.clone()).collect();
                    let last = ends.iter().map(|(_, last)| last.clone()).collect();
                    keys.extend([(set, Key::One(first)), (set, Key::One(last))]);
                }
            }
        }
        keys.extend(
            sets.iter().filter(|(set, _)| set.name == "dnat4").map(|(set, _)| (set, tcp(9))),
        );
        let there: Vec<Option<Element>> = both.0.find(&table, &keys).expect("found");
        assert_eq!(there, both.1.find(&table, &keys).expect("found"));
        assert_eq!(there.iter().filter(|element| element.is_none()).count(), 1);
    });
}

#[test]
fn they_refuse_the_same_transactions() {
    inside(|| {
        let mut both = both();
        commit_to_both(&mut both, &everything());
        let mut refused = |errno: i32, change: &dyn Fn(&mut Transaction)| {
            let mut transaction = Transaction::new(table());
            change(&mut transaction);
            assert_eq!(commit_to_both(&mut both, &transaction), Some(errno), "{transaction}");
        };
        refused(errno::EEXIST, &|transaction| {
            transaction.add_element(&dnat4(), tcp(8080), target4("10.9.9.9", 1), None);
        });
        refused(errno::ENOENT, &|transaction| {
            transaction.delete_element(&dnat4(), tcp(9));
        });
        let cidr4 = intervals(set("cidr4", &[DataType::Ipv4Addr], ValueType::None));
        let prefix = |address: &str, length| {
            let ends = Field::prefix(address.parse().expect("an address"), length);
            Key::Range(vec![ends.expect("a prefix")])
        };
        // Inside of an interval, around one, and only a part of one.
        for overlapping in [prefix("10.0.0.128", 25), prefix("10.0.0.0", 16)] {
            refused(errno::EEXIST, &|transaction| {
                let free = prefix("172.16.0.0", 12);
                transaction.add_element(&cidr4, free, None, None);
                transaction.add_element(&cidr4, overlapping.clone(), None, None);
            });
        }
        refused(errno::ENOENT, &|transaction| {
            transaction.delete_element(&cidr4, prefix("10.0.0.0", 25));
        });
        refused(errno::EBUSY, &|transaction| {
            transaction.delete_chain("hostports");
        });
        refused(errno::EBUSY, &|transaction| {
            transaction.delete_set("links");
        });
        refused(errno::ENOENT, &|transaction| {
            transaction.flush_chain("none");
        });
        refused(errno::ENOENT, &|transaction| {
            transaction.delete_rule("guard", 1);
        });
    });
}

#[test]
fn they_delete_the_same_objects() {
    inside(|| {
        let mut both = both();
        commit_to_both(&mut both, &everything());
        let mut delete = Transaction::new(table());
        chains().iter().for_each(|chain| {
            delete.flush_chain(&chain.name);
        });
        delete.delete_set("links").delete_set("at");
        let (set, elements) = sets().remove(0);
        delete.delete_element(&set, elements[0].0.clone());
        for (set, elements) in sets().iter().filter(|(set, _)| set.name.starts_with("cidr")) {
            delete.delete_element(set, elements[0].0.clone());
        }
        assert_eq!(commit_to_both(&mut both, &delete), None);
        let mut all = Transaction::new(table());
        all.delete_table();
        assert_eq!(commit_to_both(&mut both, &all), None);
        assert_eq!(commit_to_both(&mut both, &all), Some(errno::ENOENT));
    });
}
