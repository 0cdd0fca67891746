//! Follows a packet through the rules of a firewall, of whichever form.
//!
//! A match that is not understood, or that asks for what is unknown of the packet, may hold or not.
//! The fate of the packet is certain only if it is the same either way.

use super::packet::Known;

/// A rule, with the packet's answer to its matches.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Rule {
    pub(super) chain: String,
    pub(super) applies: Known,
    pub(super) action: Action,
    /// What it is called in a message.
    pub(super) text: String,
}

impl Rule {
    /// Reports whether it is the mapping's own.
    pub(super) fn is_own(&self) -> bool {
        self.action == Action::Translate { own: true }
    }
}

/// What a rule does with a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The packet continues with the next rule.
    Continue,
    Accept,
    Drop,
    Return,
    Jump(String),
    Goto(String),
    /// The destination is translated: whether by the rule of the mapping itself.
    Translate {
        own: bool,
    },
    /// It is not known what the rule does.
    Unknown,
}

/// A chain at a hook.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Base {
    pub(super) chain: String,
    pub(super) drops_by_policy: bool,
    pub(super) priority: i32,
    /// What it is called in a message: `chain FORWARD of iptables-nft`.
    pub(super) text: String,
}

/// What becomes of a packet at a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Fate {
    /// It passes; the rule that ended its way, if one did.
    Accepted(Option<String>),
    /// A rule or a policy drops it.
    Dropped(String),
    Translated {
        own: bool,
        by: String,
    },
    /// This rule decides, and it is unknown whether it applies.
    Unclear(String),
}

/// The chains that are entered one from another. The kernel allows 16.
const DEEPEST: u8 = 32;

/// Follows a packet through a chain at a hook.
pub(in crate::cli) fn fate(base: &Base, rules: &[Rule]) -> Fate {
    let Base { drops_by_policy, .. } = *base;
    let mut walk = Walk { rules, drops_by_policy, certain: None, possible: Vec::new() };
    walk.chain(&base.chain, true, 0);
    let policy = || match drops_by_policy {
        true => Fate::Dropped(format!("the policy of {} is DROP", base.text)),
        false => Fate::Accepted(None),
    };
    let certain = walk.certain.unwrap_or_else(policy);
    let differs = |other: &Fate| std::mem::discriminant(other) != std::mem::discriminant(&certain);
    match walk.possible.into_iter().find(differs) {
        Some(
            Fate::Accepted(Some(by))
            | Fate::Dropped(by)
            | Fate::Translated { by, .. }
            | Fate::Unclear(by),
        ) => Fate::Unclear(by),
        _ => certain,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Continues,
    Ends,
}

struct Walk<'a> {
    rules: &'a [Rule],
    drops_by_policy: bool,
    certain: Option<Fate>,
    /// What rules decide that may apply.
    possible: Vec<Fate>,
}

impl Walk<'_> {
    /// Follows a chain that the packet enters for certain, or only perhaps. It continues after the
    /// chain if it may have left it by a rule that may apply.
    fn chain(&mut self, name: &str, mut is_certain: bool, depth: u8) -> Flow {
        let rules = self.rules;
        let mut may_leave = false;
        for rule in rules {
            if rule.chain != name || rule.applies == Some(false) {
                continue;
            }
            let applies = rule.applies == Some(true);
            let is_decided = is_certain && applies;
            let flow = match &rule.action {
                Action::Continue => Flow::Continues,
                Action::Return if depth == 0 => self.end(rule, is_decided),
                Action::Return if applies => return Flow::Continues,
                Action::Return => {
                    (is_certain, may_leave) = (false, true);
                    Flow::Continues
                }
                Action::Jump(_) | Action::Goto(_) if depth == DEEPEST => self.end(rule, is_decided),
                Action::Jump(to) => self.chain(to, is_decided, depth + 1),
                Action::Goto(to) => {
                    let flow = self.chain(to, is_decided, depth + 1);
                    if flow == Flow::Continues {
                        if applies {
                            return flow;
                        }
                        (is_certain, may_leave) = (false, true);
                    }
                    flow
                }
                _ => self.end(rule, is_decided),
            };
            if flow == Flow::Ends && applies {
                return if may_leave { Flow::Continues } else { Flow::Ends };
            }
        }
        Flow::Continues
    }

    /// Notes what a rule decides, for certain or perhaps.
    fn end(&mut self, rule: &Rule, is_decided: bool) -> Flow {
        let by = rule.text.clone();
        let fate = match rule.action {
            // From the chain at the hook itself, a packet returns to the policy.
            Action::Return if self.drops_by_policy => Fate::Dropped(by),
            Action::Accept | Action::Return => Fate::Accepted(Some(by)),
            Action::Drop => Fate::Dropped(by),
            Action::Translate { own } => Fate::Translated { own, by },
            _ => Fate::Unclear(by),
        };
        if is_decided {
            self.certain = Some(fate);
        } else {
            self.possible.push(fate);
        }
        Flow::Ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(chain: &str, applies: Known, action: Action, text: &str) -> Rule {
        Rule { chain: chain.to_owned(), applies, action, text: text.to_owned() }
    }

    fn walked(drops_by_policy: bool, rules: &[Rule]) -> Fate {
        let base = Base {
            chain: "F".to_owned(),
            drops_by_policy,
            priority: 0,
            text: "chain F".to_owned(),
        };
        fate(&base, rules)
    }

    fn policy() -> Fate {
        Fate::Dropped("the policy of chain F is DROP".to_owned())
    }

    fn jump(applies: Known, to: &str) -> Rule {
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
        assert_eq!(walked(true, &rules), Fate::Accepted(Some("yes".to_owned())));
        assert_eq!(walked(false, &rules[..2]), Fate::Accepted(None));
        assert!(matches!(walked(true, &rules[..2]), Fate::Dropped(_)));
    }

    #[test]
    fn a_rule_that_may_apply_is_named_only_if_it_makes_a_difference() {
        let rules =
            [rule("F", None, Action::Drop, "maybe"), rule("F", Some(true), Action::Drop, "surely")];
        assert_eq!(walked(false, &rules), Fate::Dropped("surely".to_owned()));
        assert_eq!(walked(false, &rules[..1]), Fate::Unclear("maybe".to_owned()));
        assert_eq!(
            walked(true, &rules[..1]),
            Fate::Dropped("the policy of chain F is DROP".into())
        );
        let unknown = [rule("F", Some(true), Action::Unknown, "queue")];
        assert_eq!(walked(true, &unknown), Fate::Unclear("queue".to_owned()));
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
        assert_eq!(jumped, Fate::Accepted(Some("after".to_owned())));
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
        assert_eq!(walked(false, &rules), Fate::Unclear("inside".to_owned()));
        let skipped = [
            jump(Some(true), "S"),
            rule("S", None, Action::Return, "maybe"),
            rule("S", Some(true), Action::Drop, "unless returned"),
        ];
        assert_eq!(walked(false, &skipped), Fate::Unclear("unless returned".to_owned()));
    }

    #[test]
    fn what_follows_a_chain_that_the_packet_may_have_left_is_followed() {
        let returned = [
            jump(Some(true), "S"),
            rule("F", Some(true), Action::Drop, "after"),
            rule("S", None, Action::Return, "maybe"),
            rule("S", Some(true), Action::Accept, "else"),
        ];
        assert_eq!(walked(false, &returned), Fate::Unclear("else".to_owned()));
        let let_in = [
            jump(Some(true), "S"),
            rule("F", Some(true), Action::Accept, "after"),
            rule("S", None, Action::Return, "maybe"),
            rule("S", Some(true), Action::Drop, "else"),
        ];
        assert_eq!(walked(true, &let_in), Fate::Unclear("else".to_owned()));
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
        assert_eq!(walked(false, &gone), Fate::Unclear("else".to_owned()));
        let ends = [&gone[..4], &[rule("T", Some(true), Action::Accept, "there")]].concat();
        assert_eq!(walked(false, &ends), Fate::Accepted(Some("else".to_owned())));
    }

    #[test]
    fn a_return_from_the_first_chain_leads_to_the_policy() {
        let rules = [rule("F", Some(true), Action::Return, "return")];
        assert_eq!(walked(true, &rules), Fate::Dropped("return".to_owned()));
        assert_eq!(walked(false, &rules), Fate::Accepted(Some("return".to_owned())));
    }

    #[test]
    fn a_loop_of_chains_ends_and_is_unclear() {
        let rules = [jump(Some(true), "F")];
        assert_eq!(walked(false, &rules), Fate::Unclear("jump".to_owned()));
    }
}
