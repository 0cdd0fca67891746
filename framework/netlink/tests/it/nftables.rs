//! Transactions in the kernel, compared with nft's listing.

use std::collections::{HashMap, VecDeque};
use std::fs;

use cni_netlink::nftables::{
    Expression, Hook, Kernel, Limit, Op, Operand, Rule, Ruleset, SetRef, Statement, Table,
    TimeUnit, Verdict,
};
use serde_json::Value;

use crate::host::{inside, run};
use crate::ruleset::{self, chains, everything, rules, sets, table};

fn kernel() -> Kernel {
    Kernel::open().expect("a socket")
}

/// Returns nft's listing, without what differs between equal rulesets.
fn listed() -> Vec<Value> {
    let json: Value = serde_json::from_str(&run("nft -j list ruleset")).expect("JSON");
    let mut objects = json["nftables"].as_array().expect("a list").clone();
    objects.retain(|object| object.get("metainfo").is_none());
    objects.iter_mut().for_each(make_comparable);
    objects
}

/// Removes handles and sorts the elements of sets.
fn make_comparable(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.remove("handle");
            if let Some(Value::Array(elements)) = fields.get_mut("elem") {
                elements.sort_by_key(Value::to_string);
            }
            fields.values_mut().for_each(make_comparable);
        }
        Value::Array(values) => values.iter_mut().for_each(make_comparable),
        _ => {}
    }
}

/// Returns the listing of the ruleset that nft creates from a text.
fn created_by_nft(text: &str) -> Vec<Value> {
    fs::write("/run/ruleset.nft", text).expect("written");
    run("nft -f /run/ruleset.nft");
    let made = listed();
    run("nft flush ruleset");
    made
}

#[test]
fn the_kernel_and_nft_create_the_same_ruleset() {
    inside(|| {
        let all = everything();
        let expected = created_by_nft(&all.to_string());
        kernel().commit(&all, None).expect("committed");
        let made = listed();
        let difference = expected.iter().zip(&made).find(|(one, other)| one != other);
        assert_eq!(difference, None);
        assert_eq!(expected, made);
        let text = run("nft list ruleset");
        assert_eq!(
            created_by_nft(&format!("flush ruleset\n{text}")),
            expected,
            "nft reads its own list"
        );
    });
}

/// Asserts that the rules of the table are the requested ones, in the same order.
fn assert_rules(kernel: &mut Kernel) {
    let (table, mut found) = (table(), HashMap::<String, VecDeque<_>>::new());
    for rule in kernel.rules(&table).expect("listed") {
        found.entry(rule.chain.clone()).or_default().push_back(rule);
    }
    for rule in rules() {
        let installed = found.get_mut(&rule.chain).and_then(VecDeque::pop_front).expect("a rule");
        assert!(installed.is_equivalent_to(&rule, table.family), "{rule}\n{installed:?}");
    }
    let left: Vec<_> = found.into_values().flatten().map(|rule| rule.to_string()).collect();
    assert_eq!(left, ["in accept"], "the inserted rule");
}

#[test]
fn rules_are_listed_as_they_were_added() {
    inside(|| {
        let mut kernel = kernel();
        kernel.commit(&everything(), None).expect("committed");
        assert_rules(&mut kernel);
        let mut other = rules().remove(0).with_comment("x");
        let installed = kernel.rules(&table()).expect("listed");
        let is_installed =
            |rule: &Rule| installed.iter().any(|one| one.is_equivalent_to(rule, table().family));
        assert!(!is_installed(&other), "another comment");
        other.comment = None;
        assert!(is_installed(&other));
        other.statements.pop();
        assert!(!is_installed(&other), "fewer statements");
    });
}

#[test]
fn rules_that_nft_created_from_the_text_are_the_same() {
    inside(|| {
        fs::write("/run/ruleset.nft", everything().to_string()).expect("written");
        run("nft -f /run/ruleset.nft");
        assert_rules(&mut kernel());
    });
}

#[test]
fn listed_rules_are_displayed_in_nfts_syntax_and_unknown_ones_by_their_expressions() {
    inside(|| {
        let mut kernel = kernel();
        kernel.commit(&everything(), None).expect("committed");
        let shown: Vec<String> =
            kernel.rules(&table()).expect("listed").iter().map(ToString::to_string).collect();
        let is_raw = |rule: &Rule| matches!(rule.statements[0], Statement::Raw { .. });
        assert!(shown.contains(&"through [quota] [immediate]".to_owned()), "without its text");
        for rule in rules().iter().filter(|rule| !is_raw(rule)) {
            let (first, last) = (rule.to_string(), plain(rule).to_string());
            assert!(shown.contains(&first) || shown.contains(&last), "{first}\n{shown:#?}");
        }
        run("nft add table inet other-tools");
        run("nft add chain inet other-tools c");
        run("nft add rule inet other-tools c quota 1 mbytes accept");
        run("nft add rule inet other-tools c counter packets 3 bytes 90 limit rate 1/hour accept");
        run("nft add rule inet other-tools c iifname lo meta mark set 1 comment late");
        let others = kernel.rules(&Table::inet("other-tools")).expect("listed");
        let shown: Vec<String> = others.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "c [quota] [immediate]",
                "c counter limit rate 1/hour burst 5 packets accept",
                "c [meta] [cmp] [immediate] [meta] comment \"late\"",
            ]
        );
        assert!(matches!(&others[0].expressions[0], Expression::Raw(raw) if raw.name == "quota"));
        let counted = Expression::Counter { packets: 3, bytes: 90 };
        assert_eq!(others[1].expressions[0], counted);
        let own = Rule::new(
            "c",
            [
                Statement::Counter,
                Statement::Limit(Limit::new(1, TimeUnit::Hour)),
                Statement::Verdict(Verdict::Accept),
            ],
        );
        assert!(others[1].is_equivalent_to(&own, table().family), "whatever was counted");
    });
}

/// Returns the rule in nft's normal form: a single value is compared, sets are sorted, and a prefix
/// of full length is an address.
fn plain(rule: &Rule) -> Rule {
    let mut rule = rule.clone();
    for statement in &mut rule.statements {
        match statement {
            Statement::InSet { left, negated, set: SetRef::Anonymous(fields) } => {
                fields.sort();
                fields.dedup();
                if let [one] = &fields[..] {
                    let op = if *negated { Op::Ne } else { Op::Eq };
                    *statement = Statement::Match { left: left[0], op, right: one.clone().into() };
                }
            }
            Statement::Match { right, .. } => match right {
                Operand::Prefix(field, 32) => *right = field.clone().into(),
                Operand::Prefix(field, 13) => *field = ruleset::v4("10.8.0.0"),
                Operand::Prefix(field, 29) => *field = ruleset::v6("fd00::"),
                _ => {}
            },
            _ => {}
        }
    }
    rule
}

#[test]
fn elements_are_listed_and_found_as_they_were_added() {
    inside(|| {
        let mut kernel = kernel();
        kernel.commit(&everything(), None).expect("committed");
        let (table, sets) = (table(), sets());
        let mut keys = Vec::new();
        let mut expected = Vec::new();
        for (set, elements) in &sets {
            let listed = kernel.elements(&table, set).expect("listed");
            assert_eq!(listed.len(), elements.len(), "{}", set.name);
            for (key, value, comment) in elements {
                let element = listed.iter().find(|one| one.key == *key).expect("the key");
                assert_eq!((&element.value, element.comment.as_deref()), (value, *comment));
                assert_eq!(element.set, set.name);
                keys.push((set, key.clone()));
                expected.push(Some(element.clone()));
            }
        }
        assert_eq!(kernel.find(&table, &keys).expect("found"), expected);
    });
}

#[test]
fn chains_and_tables_are_listed_as_they_were_added() {
    inside(|| {
        let (mut kernel, table) = (kernel(), table());
        assert_eq!(kernel.table(&table).expect("looked up"), None);
        assert_eq!(kernel.chains(&table).expect("looked up"), []);
        assert_eq!(kernel.rules(&table).expect("looked up"), []);
        kernel.commit(&everything(), None).expect("committed");
        run("nft add table ip port-mapper");
        run("nft add table inet other");
        run("nft add chain inet other prerouting \
             { type filter hook ingress device lo priority 0; }");
        let listed = kernel.chains(&table).expect("listed");
        assert_eq!(listed.len(), chains().len(), "only chains of this table");
        for chain in chains() {
            let info = kernel.chain(&table, &chain.name).expect("looked up").expect("it exists");
            assert!(listed.contains(&info));
            assert_eq!(
                (&info.name, info.base, &info.comment),
                (&chain.name, chain.base, &chain.comment)
            );
        }
        let references = |name| listed.iter().find(|one| one.name == name).expect("it").references;
        // Its own rules, and two rules that jump to it.
        assert_eq!(references("hostports"), 8 + 2);
        assert_eq!(references("near/10.0.0.0/24"), 1, "an element that jumps to it");
        assert_eq!(kernel.chain(&table, "none").expect("looked up"), None);
        let info = kernel.table(&table).expect("looked up").expect("it exists");
        assert_eq!(info.comment.as_deref(), Some("one of everything"));
        assert_eq!(info.objects as usize, chains().len() + sets().len());
        let others = kernel.chains(&Table::inet("other")).expect("listed");
        let hook = others[0].base.map(|base| base.hook);
        assert_eq!((others.len(), hook), (1, Some(Hook::Ingress)));
    });
}
