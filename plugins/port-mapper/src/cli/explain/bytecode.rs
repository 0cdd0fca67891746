//! Rules of nf_tables: executes their expressions for a packet of which not every byte is known.

use cni_netlink::nftables::{
    ChainInfo, Expression, InstalledRule, Policy, RawElement, SetRef, Table, Verdict,
};

use super::packet::{Known, Packet, is_of_other_network};
use super::save::and;
use super::walk::{Action, Base, Rule};
use crate::family::Family;

/// Expressions that neither end a rule nor change a register that another one compares.
const WITHOUT_EFFECT: [&str; 8] =
    ["counter", "log", "notrack", "immediate", "last", "meta", "ct", "flow_offload"];

/// The elements of sets, by their names.
pub(super) type Sets = Vec<(String, Vec<RawElement>)>;

/// A table of nf_tables.
#[derive(Debug)]
pub(in crate::cli) struct NftTable {
    pub(super) table: Table,
    pub(super) chains: Vec<ChainInfo>,
    pub(super) rules: Vec<InstalledRule>,
    /// The elements of the sets that its rules name.
    pub(super) sets: Sets,
}

impl NftTable {
    /// Returns the name of a set to which an expression refers.
    pub(super) fn set_of(expression: &Expression) -> Option<&str> {
        match expression {
            Expression::Lookup { set: SetRef::Named(name), .. } => Some(name),
            _ => None,
        }
    }

    /// Returns a chain at a hook.
    pub(super) fn base(&self, chain: &ChainInfo) -> Option<Base> {
        let base = chain.base?;
        Some(Base {
            chain: chain.name.clone(),
            drops_by_policy: base.policy == Policy::Drop,
            priority: base.priority,
            text: format!("chain {0} (`nft list chain {1} {0}`)", chain.name, self.table),
        })
    }

    /// Returns the rules, with the packet's answers.
    pub(super) fn rules(&self, packet: &Packet) -> Vec<Rule> {
        let mut rules = Vec::new();
        for rule in &self.rules {
            let text = format!(
                "the rule with handle {} (`nft -a list chain {} {}`)",
                rule.handle, self.table, rule.chain
            );
            let mut machine = Machine { packet, registers: [None; SIZE], interface: None };
            for (applies, action) in machine.run(&rule.expressions, &self.sets) {
                let (chain, text) = (rule.chain.clone(), text.clone());
                rules.push(Rule { chain, applies, action, text });
            }
        }
        rules
    }
}

/// The bytes of all registers.
const SIZE: usize = 64;

struct Machine<'a> {
    packet: &'a Packet,
    registers: [Option<u8>; SIZE],
    /// Where the name of an unknown interface was loaded.
    interface: Option<usize>,
}

impl Machine<'_> {
    /// Returns what the rule does, once for each case that it distinguishes.
    fn run(
        &mut self,
        expressions: &[Expression],
        sets: &[(String, Vec<RawElement>)],
    ) -> Vec<(Known, Action)> {
        let mut all = Some(true);
        for expression in expressions {
            let holds = match expression {
                Expression::Verdict(verdict) => return vec![(all, Action::of(verdict))],
                Expression::Nat { kind: 1, .. } => {
                    return vec![(all, Action::Translate { own: false })];
                }
                Expression::Nat { .. } | Expression::Masquerade => {
                    return vec![(all, Action::Accept)];
                }
                Expression::Lookup { set, register, to: Some(0), .. } => {
                    return self.verdicts(all, set, *register, sets);
                }
                Expression::Lookup { set, register, to: None, inverted } => {
                    self.is_in_set(set, *register, sets).map(|found| found != *inverted)
                }
                Expression::Compare { register, op, value } => {
                    self.compare(at(*register), *op, value)
                }
                load @ (Expression::Meta { .. }
                | Expression::Payload { .. }
                | Expression::Ct { .. }
                | Expression::Fib { .. }
                | Expression::Mask { .. }
                | Expression::Lookup { .. }) => {
                    self.load(load);
                    Some(true)
                }
                other => match self.other(other.name()) {
                    Ok(holds) => holds,
                    Err(action) => return vec![(all, action)],
                },
            };
            all = and(all, holds);
        }
        vec![(all, Action::Continue)]
    }

    /// Executes an expression of which only the name matters. One that ends the rule is an error.
    fn other(&mut self, name: &str) -> Result<Known, Action> {
        match name {
            "reject" => Err(Action::Drop),
            "nat" | "redir" | "tproxy" => Err(Action::Translate { own: false }),
            "target" | "queue" | "synproxy" | "fwd" => Err(Action::Unknown),
            // A named counter, which always holds, or a quota or limit, which may not.
            "objref" => Ok(None),
            name if WITHOUT_EFFECT.contains(&name) => Ok(Some(true)),
            _ => {
                self.registers = [None; SIZE];
                Ok(None)
            }
        }
    }

    fn load(&mut self, expression: &Expression) {
        match expression {
            Expression::Meta { key, register } => self.meta(*key, at(*register)),
            Expression::Payload { base, offset, length, register } => {
                let (offset, length) = (*offset as usize, *length as usize);
                let header =
                    if *base == 1 { self.network_header() } else { self.transport_header() };
                let value: Vec<_> =
                    (offset..offset + length).map(|at| header.get(at).copied().flatten()).collect();
                self.store(at(*register), &value);
            }
            Expression::Ct { key, direction, register } => {
                let value = self.conntrack(*key, *direction);
                self.store(at(*register), &value);
            }
            Expression::Fib { result, flags, register } => {
                const ADDRESS_TYPE: u32 = 3;
                const DESTINATION: u32 = 2;
                let (local, unicast) = (2, 1);
                let kind: u32 = if self.packet.is_forwarded { unicast } else { local };
                let is_known = *result == ADDRESS_TYPE && flags & DESTINATION != 0;
                let value = is_known.then(|| known(&kind.to_ne_bytes()));
                self.store(at(*register), &value.unwrap_or(vec![None; 4]));
            }
            Expression::Mask { register, mask } => {
                let bytes = self.registers.iter_mut().skip(at(*register));
                for (byte, mask) in bytes.zip(mask) {
                    *byte = if *mask == 0 { Some(0) } else { byte.map(|byte| byte & mask) };
                }
            }
            Expression::Lookup { to: Some(to), .. } => self.store(at(*to), &[None; 16]),
            _ => {}
        }
    }

    fn meta(&mut self, key: u32, register: usize) {
        let number = |number: u16| known(&number.to_be_bytes());
        let ip = self.packet.family == Family::V4;
        let value = match key {
            1 => number(if ip { 0x0800 } else { 0x86dd }),
            6 | 7 => {
                let interface = if key == 6 { &self.packet.input.0 } else { &self.packet.output.0 };
                self.interface = interface.is_none().then_some(register);
                let mut name = interface.clone().unwrap_or_default().into_bytes();
                name.resize(16, 0);
                if interface.is_some() { known(&name) } else { vec![None; 16] }
            }
            15 => known(&[if ip { 2 } else { 10 }]),
            16 => known(&[self.packet.protocol_number()]),
            _ => vec![None; 16],
        };
        self.store(register, &value);
    }

    fn network_header(&self) -> [Option<u8>; 40] {
        let Packet { source, destination, .. } = self.packet;
        let mut header = [None; 40];
        let (protocol, addresses) =
            if self.packet.family == Family::V4 { (9, [12, 16]) } else { (6, [8, 24]) };
        header[protocol] = Some(self.packet.protocol_number());
        for (at, address) in addresses.into_iter().zip([source, destination]) {
            let bytes = match address {
                Some(std::net::IpAddr::V4(address)) => address.octets().to_vec(),
                Some(std::net::IpAddr::V6(address)) => address.octets().to_vec(),
                None => continue,
            };
            for (byte, value) in header.iter_mut().skip(at).zip(bytes) {
                *byte = Some(value);
            }
        }
        header
    }

    fn transport_header(&self) -> [Option<u8>; 40] {
        let mut header = [None; 40];
        if let Some(port) = self.packet.port {
            let [high, low] = port.to_be_bytes();
            (header[2], header[3]) = (Some(high), Some(low));
        }
        header
    }

    fn conntrack(&self, key: u32, direction: Option<u8>) -> Vec<Option<u8>> {
        const NEW: u32 = 8;
        const TRANSLATED: u32 = 0x20;
        match (key, direction) {
            (0, _) => known(&NEW.to_ne_bytes()),
            (1, _) => known(&[0]),
            // The other bits are not all known.
            (2, _) => {
                let status = if self.packet.is_forwarded { TRANSLATED } else { 0 };
                let is_known = 0xff_u32.to_ne_bytes();
                let bytes = status.to_ne_bytes().into_iter().zip(is_known);
                bytes.map(|(byte, is_known)| (is_known != 0).then_some(byte)).collect()
            }
            (12, Some(0)) => match self.packet.host_port {
                Some(port) => known(&port.to_be_bytes()),
                None => vec![None; 2],
            },
            _ => vec![None; 16],
        }
    }

    /// Writes a value and fills its last word, as the kernel does.
    fn store(&mut self, register: usize, value: &[Option<u8>]) {
        let end = value.len().next_multiple_of(4);
        let value = value.iter().copied().chain(std::iter::repeat(Some(0)));
        for (byte, value) in self.registers.iter_mut().skip(register).zip(value.take(end)) {
            *byte = value;
        }
    }

    fn read(&self, register: usize, length: usize) -> Option<Vec<u8>> {
        self.registers.get(register..register + length)?.iter().copied().collect()
    }

    fn compare(&self, register: usize, op: u32, value: &[u8]) -> Known {
        let name = String::from_utf8_lossy(value);
        let is_other =
            self.interface == Some(register) && is_of_other_network(name.trim_end_matches('\0'));
        let order = match self.read(register, value.len()) {
            Some(bytes) => bytes.as_slice().cmp(value),
            None if is_other => std::cmp::Ordering::Less,
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

    fn is_in_set(&self, set: &SetRef, register: u32, sets: &[(String, Vec<RawElement>)]) -> Known {
        let found = self.find(elements_of(set, sets)?, at(register))?;
        Some(found.is_some())
    }

    /// Returns the cases of a verdict map. All of them are possible if the key is unknown.
    fn verdicts(
        &self,
        all: Known,
        set: &SetRef,
        register: u32,
        sets: &[(String, Vec<RawElement>)],
    ) -> Vec<(Known, Action)> {
        let Some(elements) = elements_of(set, sets) else {
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

impl Action {
    fn of(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Accept => Self::Accept,
            Verdict::Drop => Self::Drop,
            Verdict::Return => Self::Return,
            Verdict::Jump(chain) => Self::Jump(chain.clone()),
            Verdict::Goto(chain) => Self::Goto(chain.clone()),
            _ => Self::Unknown,
        }
    }
}

fn elements_of<'s>(
    set: &SetRef,
    sets: &'s [(String, Vec<RawElement>)],
) -> Option<&'s [RawElement]> {
    let SetRef::Named(name) = set else { return None };
    sets.iter().find(|(known, _)| known == name).map(|(_, elements)| elements.as_slice())
}

fn known(bytes: &[u8]) -> Vec<Option<u8>> {
    bytes.iter().copied().map(Some).collect()
}

/// Returns where a register begins: four of 16 bytes, or sixteen of 4 bytes in the same place.
fn at(register: u32) -> usize {
    let register = register as usize;
    let start = if register >= 8 { (register - 8) * 4 } else { register.saturating_sub(1) * 16 };
    start.min(SIZE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::explain::packet::Interface;
    use crate::mappings::Protocol;
    use cni_netlink::nftables::RawExpression;

    #[test]
    fn a_rule_with_an_object_may_apply_or_not() {
        let packet = Packet {
            family: Family::V4,
            protocol: Protocol::Tcp,
            source: None,
            destination: None,
            port: Some(80),
            host_port: Some(8080),
            input: Interface(None),
            output: Interface(None),
            is_forwarded: true,
        };
        let run = |name: &str| {
            let mut machine = Machine { packet: &packet, registers: [None; SIZE], interface: None };
            let drop = Expression::Verdict(Verdict::Drop);
            let named = Expression::Raw(RawExpression::new(name, |_| {}));
            machine.run(&[named, drop], &[])
        };
        assert_eq!(run("counter"), [(Some(true), Action::Drop)]);
        assert_eq!(run("objref"), [(None, Action::Drop)], "it may be a quota");
    }
}
