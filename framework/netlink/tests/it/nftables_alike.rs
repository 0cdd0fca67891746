//! The fake and the kernel answer the same.

use cni_netlink::nftables::{
    Element, FakeRuleset, InstalledRule, Kernel, Key, Operation, Ruleset, Set, Transaction,
};
use cni_netlink::{Error, errno};

use crate::host::inside;
use crate::ruleset::{chains, dnat4, everything, sets, table, target4, tcp};

/// What is in the table, without what differs by chance.
#[derive(Debug, PartialEq)]
struct Picture {
    objects: Option<u32>,
    chains: Vec<String>,
    rules: Vec<String>,
    elements: Vec<String>,
}

fn picture(of: &mut impl Ruleset) -> Picture {
    let table = table();
    let rule =
        |rule: InstalledRule| format!("{} {:?} {:?}", rule.chain, rule.expressions, rule.comment);
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    let mut elements = Vec::new();
    for (set, _) in sets() {
        elements.extend(of.elements(&table, &set).expect("listed"));
    }
    // The kernel goes through the chains in an order of its own.
    let mut rules = of.rules(&table).expect("listed");
    rules.sort_by(|one, other| one.chain.cmp(&other.chain));
    Picture {
        objects: of.table(&table).expect("asked").map(|info| info.objects),
        chains: sorted(
            of.chains(&table).expect("listed").iter().map(|it| format!("{it:?}")).collect(),
        ),
        rules: rules.into_iter().map(rule).collect(),
        elements: sorted(elements.iter().map(|it| format!("{it:?}")).collect()),
    }
}

fn both() -> (Kernel, FakeRuleset) {
    (Kernel::open().expect("a socket"), FakeRuleset::default())
}

/// Commits to both; both answer the same, and have the same then.
fn agree(both: &mut (Kernel, FakeRuleset), transaction: &Transaction) -> Option<i32> {
    let told =
        |result: Result<(), Error>| result.err().map(|error| error.errno().expect("a number"));
    let kernel = told(both.0.commit(transaction, None));
    let fake = told(both.1.commit(transaction, None));
    assert_eq!(kernel, fake, "of\n{transaction}");
    let (there, faked) = (picture(&mut both.0), picture(&mut both.1));
    assert_eq!(there, faked, "after\n{transaction}");
    kernel
}

#[test]
fn of_everything_they_have_the_same_picture() {
    inside(|| {
        let mut both = both();
        assert_eq!(agree(&mut both, &everything()), None);
        // Rules would be there twice.
        let mut again = Transaction::on(table());
        let is_rule =
            |it: &&Operation| matches!(it, Operation::AddRule(_) | Operation::InsertRule(_));
        for operation in everything().operations().iter().filter(|it| !is_rule(it)) {
            again.push(operation.clone());
        }
        assert_eq!(agree(&mut both, &again), None, "nothing is new");
    });
}

#[test]
fn they_find_the_same() {
    inside(|| {
        let mut both = both();
        agree(&mut both, &everything());
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
        assert_eq!(there.iter().filter(|it| it.is_none()).count(), 1);
    });
}

#[test]
fn they_refuse_the_same() {
    inside(|| {
        let mut both = both();
        agree(&mut both, &everything());
        let mut refused = |errno: i32, change: &dyn Fn(&mut Transaction)| {
            let mut transaction = Transaction::on(table());
            change(&mut transaction);
            assert_eq!(agree(&mut both, &transaction), Some(errno), "{transaction}");
        };
        refused(errno::EEXIST, &|it| {
            it.add_element(&dnat4(), tcp(8080), target4("10.9.9.9", 1), None);
        });
        refused(errno::ENOENT, &|it| {
            it.delete_element(&dnat4(), tcp(9));
        });
        refused(errno::EBUSY, &|it| {
            it.delete_chain("hostports");
        });
        refused(errno::EBUSY, &|it| {
            it.delete_set("links");
        });
        refused(errno::ENOENT, &|it| {
            it.flush_chain("none");
        });
        refused(errno::ENOENT, &|it| {
            it.delete_rule("guard", 1);
        });
    });
}

#[test]
fn they_delete_the_same() {
    inside(|| {
        let mut both = both();
        agree(&mut both, &everything());
        let mut delete = Transaction::on(table());
        chains().iter().for_each(|chain| {
            delete.flush_chain(&chain.name);
        });
        delete.delete_set("links").delete_set("at");
        let (set, elements) = sets().remove(0);
        delete.delete_element(&set, elements[0].0.clone());
        assert_eq!(agree(&mut both, &delete), None);
        let mut all = Transaction::on(table());
        all.delete_table();
        assert_eq!(agree(&mut both, &all), None);
        assert_eq!(agree(&mut both, &all), Some(errno::ENOENT));
    });
}
