//! What a rule refers to must be there, and fit.

use crate::error::errno;
use crate::nftables::data::{DataType, Verdict};
use crate::nftables::fake::contents::{Contents, target};
use crate::nftables::fake::refused::{ENODATA, Refused};
use crate::nftables::rule::Rule;
use crate::nftables::set::{Set, ValueType};
use crate::nftables::statement::{Selector, SetRef, Statement};
use crate::nftables::table::Family;
use crate::nftables::wire::bytes;

impl Contents {
    pub(super) fn check_rule(&self, rule: &Rule) -> Result<(), Refused> {
        rule.statements.iter().try_for_each(|statement| match statement {
            Statement::InSet { left, set: SetRef::Named(set), .. } => {
                self.looked_up(left, set).map(drop)
            }
            Statement::VerdictMap { left, map } => match self.looked_up(left, map)?.value {
                ValueType::Verdict => Ok(()),
                _ => Err(Refused::new(errno::EINVAL, format!("{map} is no map of verdicts"))),
            },
            Statement::Dnat { family, left, map, with_port } => {
                let value = &self.looked_up(left, map)?.value;
                self.check_dnat(*family, value, *with_port)
            }
            Statement::Verdict(verdict) => self.check_verdict(verdict),
            _ => Ok(()),
        })
    }

    /// A chain that packets enter by themselves can't be led to.
    pub(super) fn check_verdict(&self, verdict: &Verdict) -> Result<(), Refused> {
        let Some(name) = target(verdict) else { return Ok(()) };
        let held = self.chains.get(name).ok_or_else(|| Refused::absent("chain", name))?;
        if held.chain.base.is_some() {
            let advice = format!("{name} is a base chain: nothing may lead there");
            return Err(Refused::new(errno::EOPNOTSUPP, advice));
        }
        Ok(())
    }

    /// The set in which something is looked up.
    fn looked_up(&self, left: &[Selector], name: &str) -> Result<&Set, Refused> {
        let held = self.sets.get(name).ok_or_else(|| Refused::absent("set or map", name))?;
        let types: Vec<DataType> = left.iter().map(|selector| selector.data_type()).collect();
        if types != held.set.key {
            // Of a key that is long enough the kernel would not know.
            let is_short = bytes::length(&types) < bytes::length(&held.set.key);
            let errno = if is_short { ENODATA } else { errno::EINVAL };
            return Err(Refused::new(errno, format!("the keys of {name} are of other types")));
        }
        Ok(&held.set)
    }

    fn check_dnat(
        &self,
        family: Family,
        value: &ValueType,
        with_port: bool,
    ) -> Result<(), Refused> {
        let ValueType::Data(value) = value else {
            return Err(Refused::new(errno::EINVAL, "its map has no data"));
        };
        if self.family != Family::Inet && self.family != family {
            return Err(Refused::new(errno::EOPNOTSUPP, "its table sees no such packets"));
        }
        let address = if family == Family::Ip6 { DataType::Ipv6Addr } else { DataType::Ipv4Addr };
        let needed = [address, DataType::InetService];
        let needed = if with_port { &needed[..] } else { &needed[..1] };
        if !value.starts_with(needed) {
            return Err(Refused::new(ENODATA, "its map's values are of other types"));
        }
        Ok(())
    }
}
