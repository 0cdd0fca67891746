//! The walk through chains, with rules as data.

use super::*;

type TestRule = (&'static str, Known, Action, &'static str);

fn rule(chain: &'static str, applies: Known, action: Action, text: &'static str) -> TestRule {
    (chain, applies, action, text)
}

/// Returns the place of a rule by its text.
fn of(chain: &'static str, spec: &'static str) -> Origin<'static> {
    Origin::Line { program: "iptables-nft", table: "filter", chain, spec, number: 1 }
}

fn outcome(drops_by_policy: bool, rules: &[TestRule]) -> Outcome<'static> {
    let rules_of = |chain: &str| {
        let of_chain = rules.iter().filter(|rule| rule.0 == chain);
        of_chain
            .map(|(chain, applies, action, text)| Rule {
                applies: *applies,
                action: action.clone(),
                origin: of(chain, text),
            })
            .collect()
    };
    follow("F", drops_by_policy, &rules_of)
}

fn walked(drops_by_policy: bool, rules: &[TestRule]) -> Fate<'static> {
    outcome(drops_by_policy, rules).fate(Fate::is_like)
}

fn policy() -> Fate<'static> {
    Fate::Dropped(None)
}

fn jump(applies: Known, to: &str) -> TestRule {
    rule("F", applies, Action::Jump(to.to_owned()), "jump")
}

#[test]
fn the_first_rule_that_applies_decides_and_else_the_policy() {
    let rules = [
        rule("F", Some(false), Action::Drop, "no"),
        rule("F", Some(true), Action::Continue, "log"),
        rule("F", Some(true), Action::Accept, "yes"),
        rule("F", Some(true), Action::Drop, "late"),
    ];
    assert_eq!(walked(true, &rules), Fate::Accepted(Some(of("F", "yes"))));
    assert_eq!(walked(false, &rules[..2]), Fate::Accepted(None));
    assert!(matches!(walked(true, &rules[..2]), Fate::Dropped(_)));
}

#[test]
fn a_rule_that_may_apply_is_named_only_if_it_makes_a_difference() {
    let rules =
        [rule("F", None, Action::Drop, "maybe"), rule("F", Some(true), Action::Drop, "surely")];
    assert_eq!(walked(false, &rules), Fate::Dropped(Some(of("F", "surely"))));
    assert_eq!(walked(false, &rules[..1]), Fate::Unclear(of("F", "maybe")));
    assert_eq!(walked(true, &rules[..1]), policy());
    let unknown = [rule("F", Some(true), Action::Unknown, "queue")];
    assert_eq!(walked(true, &unknown), Fate::Unclear(of("F", "queue")));
}

#[test]
fn a_chain_returns_to_the_one_that_jumped_and_not_to_one_that_went() {
    let to = |action| {
        [
            rule("F", Some(true), action, "to"),
            rule("F", Some(true), Action::Accept, "after"),
            rule("S", Some(true), Action::Return, "return"),
            rule("S", Some(true), Action::Drop, "never"),
        ]
    };
    let jumped = walked(true, &to(Action::Jump("S".to_owned())));
    assert_eq!(jumped, Fate::Accepted(Some(of("F", "after"))));
    assert!(matches!(walked(true, &to(Action::Goto("S".to_owned()))), Fate::Dropped(_)));
}

#[test]
fn in_a_chain_that_is_perhaps_entered_no_rule_decides_for_certain() {
    let rules = [
        jump(None, "S"),
        rule("F", Some(true), Action::Drop, "else"),
        rule("S", Some(true), Action::Accept, "inside"),
        rule("S", Some(true), Action::Drop, "unreachable"),
    ];
    assert_eq!(walked(false, &rules), Fate::Unclear(of("S", "inside")));
    let skipped = [
        jump(Some(true), "S"),
        rule("S", None, Action::Return, "maybe"),
        rule("S", Some(true), Action::Drop, "unless returned"),
    ];
    assert_eq!(walked(false, &skipped), Fate::Unclear(of("S", "unless returned")));
}

#[test]
fn what_follows_a_chain_that_the_packet_may_have_left_is_followed() {
    let returned = [
        jump(Some(true), "S"),
        rule("F", Some(true), Action::Drop, "after"),
        rule("S", None, Action::Return, "maybe"),
        rule("S", Some(true), Action::Accept, "else"),
    ];
    assert_eq!(walked(false, &returned), Fate::Unclear(of("S", "else")));
    let let_in = [
        jump(Some(true), "S"),
        rule("F", Some(true), Action::Accept, "after"),
        rule("S", None, Action::Return, "maybe"),
        rule("S", Some(true), Action::Drop, "else"),
    ];
    assert_eq!(walked(true, &let_in), Fate::Unclear(of("S", "else")));
    assert_eq!(walked(true, &[&let_in[..1], &let_in[2..]].concat()), policy());
}

#[test]
fn a_chain_that_is_perhaps_gone_to_may_return_to_the_one_before() {
    let gone = [
        jump(Some(true), "S"),
        rule("F", Some(true), Action::Drop, "after"),
        rule("S", None, Action::Goto("T".to_owned()), "maybe"),
        rule("S", Some(true), Action::Accept, "else"),
        rule("T", Some(true), Action::Continue, "log"),
    ];
    assert_eq!(walked(false, &gone), Fate::Unclear(of("S", "else")));
    let ends = [&gone[..4], &[rule("T", Some(true), Action::Accept, "there")]].concat();
    assert_eq!(walked(false, &ends), Fate::Accepted(Some(of("S", "else"))));
}

#[test]
fn a_return_from_the_first_chain_leads_to_the_policy() {
    let rules = [rule("F", Some(true), Action::Return, "return")];
    assert_eq!(walked(true, &rules), Fate::Dropped(Some(of("F", "return"))));
    assert_eq!(walked(false, &rules), Fate::Accepted(Some(of("F", "return"))));
}

#[test]
fn a_loop_of_chains_ends_and_is_unclear() {
    let rules = [jump(Some(true), "F")];
    assert_eq!(walked(false, &rules), Fate::Unclear(of("F", "jump")));
}

#[test]
fn a_rule_by_which_the_packet_leaves_a_chain_is_noted() {
    let rules = [
        jump(Some(true), "S"),
        rule("S", Some(false), Action::Return, "other port"),
        rule("S", Some(true), Action::Return, "leaves"),
        rule("S", Some(true), Action::Translate { own: true }, "own"),
    ];
    let outcome = outcome(false, &rules);
    assert_eq!(outcome.returns, [of("S", "leaves")]);
    assert_eq!(outcome.fate(Fate::is_like), Fate::Accepted(None));
}

#[test]
fn another_translation_is_not_like_the_own_one() {
    let rules = [
        rule("F", None, Action::Translate { own: false }, "maybe"),
        rule("F", Some(true), Action::Translate { own: true }, "own"),
    ];
    assert_eq!(walked(false, &rules), Fate::Unclear(of("F", "maybe")));
}

#[test]
fn a_doubt_that_makes_no_difference_to_the_question_is_none() {
    let rules = [
        rule("F", None, Action::Rewrite(Source::Interface), "maybe"),
        rule("F", Some(true), Action::Accept, "else"),
    ];
    let passes = |fate: &Fate<'_>| !matches!(fate, Fate::Dropped(_));
    let are_alike = |one: &Fate<'_>, other: &Fate<'_>| passes(one) == passes(other);
    let fate = outcome(false, &rules).fate(are_alike);
    assert_eq!(fate, Fate::Accepted(Some(of("F", "else"))));
    assert_eq!(walked(false, &rules), Fate::Unclear(of("F", "maybe")));
}
