//! Executes the expressions of a rule of nf_tables for a packet of which not every bit is known.

use std::net::IpAddr;

use cni_netlink::nftables::{Expression, Family as TableFamily, RawElement, SetRef};

use super::bytecode::{Contents, Sets};
use super::fields::{self, Byte, known, unknown};
use super::packet::{Known, Packet, and, is_of_other_network};
use super::walk::{Action, Source};

/// Expressions that neither end a rule nor change a register that another one compares.
const WITHOUT_EFFECT: [&str; 7] =
    ["counter", "log", "immediate", "last", "meta", "ct", "flow_offload"];

/// The bytes of all registers.
const SIZE: usize = 64;

/// The registers, while one rule is executed.
pub(super) struct Machine<'a> {
    packet: &'a Packet,
    family: TableFamily,
    registers: [Byte; SIZE],
    /// Where something about an interface was loaded of which only that is known which it is not.
    interface: Option<usize>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(packet: &'a Packet, family: TableFamily) -> Self {
        Self { packet, family, registers: [Byte::UNKNOWN; SIZE], interface: None }
    }

    /// Returns what the rule does, once for each case that it distinguishes.
    pub(super) fn run(&mut self, expressions: &[Expression], sets: &Sets) -> Vec<(Known, Action)> {
        let mut all = Some(true);
        for expression in expressions {
            let holds = match expression {
                Expression::Verdict(verdict) => return vec![(all, Action::of(verdict))],
                Expression::Nat { kind: 1, .. } => {
                    return vec![(all, Action::Translate { own: false })];
                }
                Expression::Nat { address, .. } => return vec![(all, self.rewrite(*address))],
                Expression::Masquerade => return vec![(all, Action::Rewrite(Source::Interface))],
                Expression::Lookup { set, register, to: Some(0), .. } => {
                    return self.verdicts(all, set, *register, sets);
                }
                Expression::Lookup { set, register, to, inverted } => {
                    let found = self.is_in_set(set, *register, sets);
                    if let Some(to) = to {
                        self.store(at(*to), &unknown(16));
                    }
                    found.map(|found| found != *inverted)
                }
                Expression::Compare { register, op, value } => {
                    self.compare(at(*register), *op, value)
                }
                Expression::Other(name) => match self.other(name) {
                    Ok(holds) => holds,
                    Err(action) => return vec![(all, action)],
                },
                load => self.load(load),
            };
            all = and(all, holds);
            if all == Some(false) {
                break;
            }
        }
        vec![(all, Action::Continue)]
    }

    /// Executes an expression of which only the name is known. One that ends the rule is an error.
    fn other(&mut self, name: &str) -> Result<Known, Action> {
        match name {
            "reject" => Err(Action::Drop),
            "notrack" => Err(Action::Untrack),
            "masq" => Err(Action::Rewrite(Source::Interface)),
            "nat" | "redir" | "tproxy" => Err(Action::Translate { own: false }),
            "target" | "queue" | "synproxy" | "fwd" => Err(Action::Unknown),
            // A named counter, which always holds, or a quota or limit, which may not.
            "objref" => Ok(None),
            name if WITHOUT_EFFECT.contains(&name) => Ok(Some(true)),
            _ => {
                self.registers = [Byte::UNKNOWN; SIZE];
                Ok(None)
            }
        }
    }

    /// Loads a value into a register. The rule does not apply if the packet has no such value.
    fn load(&mut self, expression: &Expression) -> Known {
        let (register, value) = match expression {
            Expression::Immediate { register, value } => (*register, Some(known(value))),
            Expression::Meta { key: key @ 4..=7, register } => {
                self.interface(*key, at(*register));
                return Some(true);
            }
            Expression::Meta { key, register } => (*register, fields::meta(self.packet, *key)),
            Expression::Payload { base, offset, length, register } => {
                let (offset, length) = (*offset as usize, *length as usize);
                (*register, fields::payload(self.packet, self.family, *base, offset, length))
            }
            Expression::Ct { key, direction, register } => {
                (*register, fields::conntrack(self.packet, *key, *direction))
            }
            Expression::Fib { result, flags, register } => {
                (*register, fields::fib(self.packet, *result, *flags))
            }
            Expression::Mask { register, mask } => {
                let bytes = self.registers.iter_mut().skip(at(*register));
                bytes.zip(mask).for_each(|(byte, mask)| *byte = byte.masked(*mask));
                return Some(true);
            }
            _ => return None,
        };
        let Some(value) = value else { return Some(false) };
        self.store(at(register), &value);
        Some(true)
    }

    /// Loads an interface: its index (4 and 5) or its name.
    fn interface(&mut self, key: u32, register: usize) {
        const LOOPBACK: u32 = 1;
        let Packet { input, output, .. } = self.packet;
        let name = if matches!(key, 4 | 6) { &input.0 } else { &output.0 };
        let value = match (name, key) {
            (Some(name), 4 | 5) if name == "lo" => known(&LOOPBACK.to_ne_bytes()),
            (_, 4 | 5) => unknown(4),
            (Some(name), _) => {
                let mut name = name.clone().into_bytes();
                name.resize(16, 0);
                known(&name)
            }
            (None, _) => unknown(16),
        };
        self.interface = value[0].is_unknown().then_some(register);
        self.store(register, &value);
    }

    /// Reports whether an interface of which little is known is not the one of a value.
    fn is_other_interface(&self, register: usize, value: &[u8]) -> bool {
        let name = String::from_utf8_lossy(value);
        self.interface == Some(register)
            && (value == 1_u32.to_ne_bytes() || is_of_other_network(name.trim_end_matches('\0')))
    }

    /// Writes a value and fills its last word, as the kernel does.
    fn store(&mut self, register: usize, value: &[Byte]) {
        let end = value.len().next_multiple_of(4);
        let value = value.iter().copied().chain(std::iter::repeat(Byte::known(0)));
        for (byte, value) in self.registers.iter_mut().skip(register).zip(value.take(end)) {
            *byte = value;
        }
    }

    fn read(&self, register: usize, length: usize) -> Option<Vec<u8>> {
        let bytes = self.registers.get(register..register + length)?;
        bytes.iter().map(|byte| byte.value()).collect()
    }

    fn compare(&self, register: usize, op: u32, value: &[u8]) -> Known {
        let bytes = self.registers.get(register..register + value.len())?;
        let differs = bytes.iter().zip(value).any(|(byte, value)| byte.differs_from(*value))
            || self.is_other_interface(register, value);
        let order = match self.read(register, value.len()) {
            Some(bytes) => bytes.as_slice().cmp(value),
            None if differs && op < 2 => std::cmp::Ordering::Less,
            None => return None,
        };
        Some(match op {
            0 => order.is_eq(),
            1 => order.is_ne(),
            2 => order.is_lt(),
            3 => order.is_le(),
            4 => order.is_gt(),
            _ => order.is_ge(),
        })
    }

    /// Returns the address to which the source is rewritten.
    fn rewrite(&self, register: u32) -> Action {
        let address: Option<IpAddr> = match self.packet.family {
            crate::family::Family::V4 => self
                .read(at(register), 4)
                .and_then(|bytes| <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from)),
            crate::family::Family::V6 => self
                .read(at(register), 16)
                .and_then(|bytes| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)),
        };
        Action::Rewrite(address.map_or(Source::Unknown, Source::One))
    }

    fn is_in_set(&self, set: &SetRef, register: u32, sets: &Sets) -> Known {
        match contents_of(set, sets)? {
            Contents::Known(is_in) => Some(*is_in),
            Contents::Elements(elements) => Some(self.find(elements, at(register))?.is_some()),
        }
    }

    /// Returns the cases of a verdict map. All of them are possible if the key is unknown.
    fn verdicts(
        &self,
        all: Known,
        set: &SetRef,
        register: u32,
        sets: &Sets,
    ) -> Vec<(Known, Action)> {
        let Some(Contents::Elements(elements)) = contents_of(set, sets) else {
            return vec![(None, Action::Unknown)];
        };
        let action = |element: &RawElement| match &element.verdict {
            Some(verdict) => Action::of(verdict),
            // `continue`, or the end of an interval.
            None => Action::Continue,
        };
        match self.find(elements, at(register)) {
            Some(Some(element)) => vec![(all, action(element))],
            Some(None) => vec![(Some(false), Action::Continue)],
            None => elements.iter().map(|element| (and(all, None), action(element))).collect(),
        }
    }

    /// Finds the element of a register; `None` if the register or the set is not understood.
    fn find<'e>(
        &self,
        elements: &'e [RawElement],
        register: usize,
    ) -> Option<Option<&'e RawElement>> {
        let length = elements.iter().find_map(|element| Some(element.key.as_ref()?.len()));
        let rest = elements.iter().find(|element| element.key.is_none());
        let Some(length) = length else { return Some(rest) };
        let value = self.read(register, length)?;
        if elements.iter().any(|element| element.key_end.is_some()) {
            return None;
        }
        let is_interval = elements.iter().any(|element| element.ends_interval);
        let below = elements.iter().filter(|element| {
            element.key.as_ref().is_some_and(|key| match is_interval {
                true => *key <= value,
                false => *key == value,
            })
        });
        // Where one interval ends, the next one may begin.
        let nearest = below.max_by_key(|element| (&element.key, !element.ends_interval));
        Some(nearest.filter(|element| !element.ends_interval).or(rest))
    }
}

fn contents_of<'s>(set: &SetRef, sets: &'s Sets) -> Option<&'s Contents> {
    let SetRef::Named(name) = set else { return None };
    sets.iter().find(|(known, _)| known == name).map(|(_, contents)| contents)
}

/// Returns where a register begins: four of 16 bytes, or sixteen of 4 bytes in the same place.
fn at(register: u32) -> usize {
    let register = register as usize;
    let start = if register >= 8 { (register - 8) * 4 } else { register.saturating_sub(1) * 16 };
    start.min(SIZE)
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
