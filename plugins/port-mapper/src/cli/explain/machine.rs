//! Executes the expressions of a rule of nf_tables for a packet of which not every bit is known.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv6Addr};

use cni_netlink::nftables::{Expression, Family as TableFamily};

use super::bytecode::Sets;
use super::fields::{self, Byte, known, unknown};
use super::packet::{Known, Packet, and, is_of_other_network};
use super::walk::{Action, Source};

/// Expressions that neither end a rule nor change a register that another one compares.
const WITHOUT_EFFECT: [&str; 7] =
    ["counter", "log", "immediate", "last", "meta", "ct", "flow_offload"];

/// The bytes of all registers.
const SIZE: usize = 64;

/// What an unknown value is not.
#[derive(Clone, Copy)]
enum Unlike {
    /// The loopback interface, or that of another program's network.
    Interface,
    /// A loopback address.
    Address,
}

/// The registers, while one rule is executed.
pub(super) struct Machine<'a> {
    packet: &'a Packet,
    family: TableFamily,
    registers: [Byte; SIZE],
    /// Where something was loaded of which only that is known what it is not.
    unlike: Option<(usize, Unlike)>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(packet: &'a Packet, family: TableFamily) -> Self {
        Self { packet, family, registers: [Byte::UNKNOWN; SIZE], unlike: None }
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
                load @ (Expression::Immediate { .. }
                | Expression::Meta { .. }
                | Expression::Payload { .. }
                | Expression::Ct { .. }
                | Expression::Fib { .. }
                | Expression::Mask { .. }) => self.load(load),
                other => match self.other(other.name()) {
                    Ok(holds) => holds,
                    Err(action) => return vec![(all, action)],
                },
            };
            all = and(all, holds);
            if all == Some(false) {
                break;
            }
        }
        vec![(all, Action::Continue)]
    }

    /// Executes an expression of which only the name matters. One that ends the rule is an error.
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
                let value = fields::payload(self.packet, self.family, *base, offset, length);
                let is_unknown = fields::is_address(self.packet, *base, offset)
                    && value.iter().all(|byte| byte.is_unknown());
                let unlike = is_unknown.then_some((at(*register), Unlike::Address));
                self.unlike = unlike.or(self.unlike);
                (*register, Some(value))
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
        self.unlike = value[0].is_unknown().then_some((register, Unlike::Interface));
        self.store(register, &value);
    }

    /// Reports whether a value is not that of a register of which little is known.
    fn is_unlike(&self, register: usize, value: &[u8]) -> bool {
        match self.unlike {
            Some((at, Unlike::Interface)) if at == register => {
                let name = String::from_utf8_lossy(value);
                value == 1_u32.to_ne_bytes() || is_of_other_network(name.trim_end_matches('\0'))
            }
            Some((at, Unlike::Address)) if at == register => match value {
                [127, ..] => true,
                _ => value == Ipv6Addr::LOCALHOST.octets(),
            },
            _ => false,
        }
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

    /// Returns the least and the greatest value that a register may have.
    pub(super) fn limits(&self, register: usize, length: usize) -> Option<[Vec<u8>; 2]> {
        let bytes = self.registers.get(register..register + length)?;
        Some([0, 1].map(|limit| bytes.iter().map(|byte| byte.limits()[limit]).collect()))
    }

    /// Reports whether a register may have this value.
    pub(super) fn may_be(&self, register: usize, value: &[u8]) -> bool {
        let bytes = self.registers.iter().skip(register);
        bytes.zip(value).all(|(byte, value)| byte.may_be(*value))
            && !self.is_unlike(register, value)
    }

    fn compare(&self, register: usize, op: u32, value: &[u8]) -> Known {
        let [least, greatest] = self.limits(register, value.len())?;
        let (least, greatest) = (least.as_slice().cmp(value), greatest.as_slice().cmp(value));
        let order = match op {
            _ if least == greatest => least,
            0 | 1 if !self.may_be(register, value) => Ordering::Less,
            _ => return None,
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
}

/// Returns where a register begins: four of 16 bytes, or sixteen of 4 bytes in the same place.
pub(super) fn at(register: u32) -> usize {
    let register = register as usize;
    let start = if register >= 8 { (register - 8) * 4 } else { register.saturating_sub(1) * 16 };
    start.min(SIZE)
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
