//! Follows a packet through the rules of a firewall, of whichever form.
//!
//! A match that is not understood, or that asks for what is unknown of the packet, may hold or not.
//! The fate of the packet is certain only if it is the same either way.

use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;

use super::origin::Origin;
use super::packet::Known;

/// A rule, with the packet's answer to its matches.
#[derive(Clone, Debug)]
pub(super) struct Rule<'a> {
    pub(super) applies: Known,
    pub(super) action: Action,
    pub(super) origin: Origin<'a>,
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
    /// The source is rewritten.
    Rewrite(Source),
    /// Connection tracking does not see the packet, so it is not translated.
    Untrack,
    /// It is not known what the rule does.
    Unknown,
}

/// The source after it was rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// An address of the output interface.
    Interface,
    One(IpAddr),
    Unknown,
}

/// What becomes of a packet at a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate<'a> {
    /// It passes; the rule that ended its way, if one did.
    Accepted(Option<Origin<'a>>),
    /// A rule drops it, or the chain's policy.
    Dropped(Option<Origin<'a>>),
    Untracked(Origin<'a>),
    Translated {
        own: bool,
        by: Origin<'a>,
    },
    Rewritten {
        to: Source,
        by: Origin<'a>,
    },
    /// This rule decides, and it is unknown whether it applies.
    Unclear(Origin<'a>),
}

/// What becomes of a packet, and the rules by which it left other chains than the first.
#[derive(Debug)]
pub(super) struct Outcome<'a> {
    /// What becomes of it unless a rule applies of which that is unknown.
    certain: Fate<'a>,
    /// What rules decide that may apply.
    possible: Vec<Fate<'a>>,
    pub(super) returns: Vec<Origin<'a>>,
}

impl<'a> Outcome<'a> {
    /// Returns what becomes of the packet, if that is certain as far as `are_alike` distinguishes.
    pub(super) fn fate(self, are_alike: impl Fn(&Fate<'a>, &Fate<'a>) -> bool) -> Fate<'a> {
        let Self { certain, possible, .. } = self;
        let doubt = possible.into_iter().find(|other| !are_alike(other, &certain));
        doubt.and_then(Fate::by).map_or(certain, Fate::Unclear)
    }
}

/// The chains that are entered one from another. The kernel allows 16.
const DEEPEST: u8 = 32;

/// Follows a packet through a chain at a hook. `rules_of` returns the rules of a chain.
pub(super) fn follow<'a>(
    base: &str,
    drops_by_policy: bool,
    rules_of: &dyn Fn(&str) -> Vec<Rule<'a>>,
) -> Outcome<'a> {
    let mut walk = Walk {
        rules_of,
        known: HashMap::new(),
        drops_by_policy,
        certain: None,
        possible: Vec::new(),
        returns: Vec::new(),
    };
    walk.chain(base, true, 0);
    let policy = if drops_by_policy { Fate::Dropped(None) } else { Fate::Accepted(None) };
    Outcome {
        certain: walk.certain.unwrap_or(policy),
        possible: walk.possible,
        returns: walk.returns,
    }
}

impl<'a> Fate<'a> {
    /// Reports whether the same happens to the packet, whichever rule decides it.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Translated { own, .. }, Self::Translated { own: other, .. }) => own == other,
            (Self::Rewritten { to, .. }, Self::Rewritten { to: other, .. }) => to == other,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    /// Returns the rule that decides it, unless a policy does.
    pub(super) fn by(self) -> Option<Origin<'a>> {
        match self {
            Self::Accepted(by) | Self::Dropped(by) => by,
            Self::Untracked(by)
            | Self::Translated { by, .. }
            | Self::Rewritten { by, .. }
            | Self::Unclear(by) => Some(by),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Continues,
    Ends,
}

struct Walk<'a, 'f> {
    rules_of: &'f dyn Fn(&str) -> Vec<Rule<'a>>,
    known: HashMap<String, Rc<[Rule<'a>]>>,
    drops_by_policy: bool,
    certain: Option<Fate<'a>>,
    /// What rules decide that may apply.
    possible: Vec<Fate<'a>>,
    returns: Vec<Origin<'a>>,
}

impl<'a> Walk<'a, '_> {
    fn rules(&mut self, chain: &str) -> Rc<[Rule<'a>]> {
        match self.known.get(chain) {
            Some(rules) => rules.clone(),
            None => {
                let rules: Rc<[Rule<'a>]> = (self.rules_of)(chain).into();
                self.known.insert(chain.to_owned(), rules.clone());
                rules
            }
        }
    }

    /// Follows a chain that the packet enters for certain, or only perhaps. It continues after the
    /// chain if it may have left it by a rule that may apply.
    fn chain(&mut self, name: &str, mut is_certain: bool, depth: u8) -> Flow {
        let mut may_leave = false;
        for rule in &*self.rules(name) {
            if rule.applies == Some(false) {
                continue;
            }
            let applies = rule.applies == Some(true);
            let is_decided = is_certain && applies;
            let flow = match &rule.action {
                Action::Continue => Flow::Continues,
                Action::Return if depth == 0 => self.end(rule, is_decided),
                Action::Return if applies => {
                    self.returns.push(rule.origin);
                    return Flow::Continues;
                }
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
                            self.returns.push(rule.origin);
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
    fn end(&mut self, rule: &Rule<'a>, is_decided: bool) -> Flow {
        let by = rule.origin;
        let fate = match rule.action {
            // From the chain at the hook itself, a packet returns to the policy.
            Action::Return if self.drops_by_policy => Fate::Dropped(Some(by)),
            Action::Accept | Action::Return => Fate::Accepted(Some(by)),
            Action::Drop => Fate::Dropped(Some(by)),
            Action::Translate { own } => Fate::Translated { own, by },
            Action::Rewrite(to) => Fate::Rewritten { to, by },
            Action::Untrack => Fate::Untracked(by),
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
#[path = "walk_tests.rs"]
mod tests;
