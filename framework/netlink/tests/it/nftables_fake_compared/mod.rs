//! The kernel and the fake ruleset agree: random transactions over few names have the same result
//! and the same effect.

mod random;

use cni_netlink::nftables::{
    Chain, ChainInfo, Element, FakeRuleset, Hook, Kernel, Key, Operation, Rule, Ruleset, Statement,
    TableInfo, Transaction,
};
use cni_netlink::{Error, errno};

use crate::host::{inside, run};
use crate::nftables_fake::{goto, nat, ports, range, ranges, table, tcp, usual, vmap};
use random::{Random, sets};

const TRANSACTIONS: usize = 600;

/// Returns the operations with this ruleset's handles. Their handles are the indexes of rules in
/// their chain.
fn with_handles(operations: &[Operation], ruleset: &mut impl Ruleset) -> Transaction {
    let rules = ruleset.rules(&table()).expect("read");
    let mut transaction = Transaction::new(table());
    for operation in operations {
        let mut operation = operation.clone();
        if let Operation::DeleteRule { chain, handle } = &mut operation {
            let number = usize::try_from(*handle).expect("small");
            let rule = rules.iter().filter(|rule| rule.chain == *chain).nth(number);
            *handle = rule.map_or(9_999_999, |rule| rule.handle);
        }
        transaction.push(operation);
    }
    transaction
}

/// The readable state of a ruleset.
#[derive(Debug, PartialEq)]
struct Seen {
    table: Option<TableInfo>,
    chains: Vec<ChainInfo>,
    rules: Vec<String>,
    elements: Vec<Vec<String>>,
    found: Vec<Option<String>>,
}

fn see(ruleset: &mut impl Ruleset) -> Result<Seen, Error> {
    let table = table();
    let rules = ruleset.rules(&table)?.into_iter();
    let rules =
        rules.map(|rule| format!("{} {:?} {:?}", rule.chain, rule.expressions, rule.comment));
    let mut elements = Vec::new();
    for set in sets() {
        elements.push(sorted(ruleset.elements(&table, &set)?));
    }
    let ranges = ranges();
    let points = (0..144u8).map(|at| range((at / 12, at / 12), (u16::from(at % 12), 0)));
    let points = points.map(|point| match point {
        Key::Range(fields) => (&ranges, Key::One(vec![fields[0].0.clone(), fields[1].0.clone()])),
        one @ Key::One(_) => (&ranges, one),
    });
    let found = ruleset.find(&table, &points.collect::<Vec<_>>())?;
    let found = found.into_iter().map(|one| one.map(shown)).collect();
    Ok(Seen {
        table: ruleset.table(&table)?,
        chains: ruleset.chains(&table)?,
        rules: rules.collect(),
        elements,
        found,
    })
}

fn sorted(elements: Vec<Element>) -> Vec<String> {
    let mut lines: Vec<String> = elements.into_iter().map(shown).collect();
    lines.sort_unstable();
    lines
}

/// Displays an element as an interval, since the kernel does not report whether another program
/// created a set with intervals.
fn shown(mut element: Element) -> String {
    element.key = element.key.into_range();
    format!("{element:?}")
}

/// Commits. Returns whether that incremented the generation, or the refusal.
fn outcome(ruleset: &mut impl Ruleset, operations: &[Operation]) -> Result<bool, String> {
    let transaction = with_handles(operations, ruleset);
    let before = ruleset.generation().expect("read");
    let done = ruleset.commit(&transaction, Some(before));
    let is_incremented = before != ruleset.generation().expect("read");
    done.map(|()| is_incremented).map_err(|error| {
        assert!(!is_incremented, "a refused transaction changed something: {error}");
        let number = error.errno();
        // If several elements create an invalid path, the order of the kernel's hash table decides
        // which one is reported.
        if matches!(number, Some(errno::EMLINK | errno::EOPNOTSUPP)) {
            return format!("{}: invalid path", error.operation);
        }
        let object = error.object.split(" handle ").next().unwrap_or_default();
        format!("{} {object}: {number:?}", error.operation)
    })
}

#[test]
fn the_kernel_and_the_fake_agree() {
    inside(|| {
        let mut random = Random(0x5eed_2026_1124);
        let (mut fake, mut kernel) = (FakeRuleset::default(), Kernel::open().expect("a socket"));
        let mut done = 0;
        for number in 0..TRANSACTIONS {
            let operations = random.operations(fake == FakeRuleset::default());
            let transaction = with_handles(&operations, &mut fake);
            let before = fake.to_string();
            let real = outcome(&mut kernel, &operations);
            done += usize::from(real.is_ok());
            let faked = outcome(&mut fake, &operations);
            assert_eq!(faked, real, "of transaction {number}\n{transaction}on\n{before}");
            let (faked, real) = (see(&mut fake).expect("read"), see(&mut kernel).expect("read"));
            assert_eq!(faked, real, "after transaction {number}\n{transaction}on\n{before}");
        }
        assert!(done > TRANSACTIONS / 8, "only {done} were not refused");
    });
}

#[test]
fn nft_reads_the_displayed_text() {
    inside(|| {
        let mut fake = usual();
        let mut transaction = Transaction::new(table());
        transaction.add_chain(Chain::base("post", nat(Hook::Postrouting, 100)));
        transaction.add_element(&ports(), tcp(80), goto("a"), Some("web".to_owned()));
        transaction.add_element(&ports(), tcp(81), goto("b"), None);
        transaction.add_element(&ranges(), range((4, 9), (1, 99)), goto("b"), None);
        transaction.add_rule(Rule::new("pre", [vmap("ports")]));
        let rule = Rule::new("post", [Statement::CtStatusDnat, Statement::Masquerade]);
        transaction.add_rule(rule.with_comment("hairpin"));
        fake.commit(&transaction, None).expect("committed");
        std::fs::write("/run/ruleset", fake.to_string()).expect("written");
        run("nft -f /run/ruleset");
        let mut kernel = Kernel::open().expect("a socket");
        let (mut faked, mut real) =
            (see(&mut fake).expect("read"), see(&mut kernel).expect("read"));
        for seen in [&mut faked, &mut real] {
            seen.chains.sort_by(|a, b| a.name.cmp(&b.name));
            seen.rules.sort_unstable();
        }
        assert_eq!(faked, real);
    });
}
