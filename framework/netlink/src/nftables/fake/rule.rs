//! Validates a rule: what it refers to must exist and have the right types.

use crate::error::errno;
use crate::nftables::chain::Rule;
use crate::nftables::data::{DataType, Verdict};
use crate::nftables::fake::contents::{Contents, target};
use crate::nftables::fake::refusal::{ENODATA, Refused};
use crate::nftables::set::{Set, ValueType};
use crate::nftables::statement::{Selector, SetRef, Statement};
use crate::nftables::table::Family;
use crate::nftables::wire::values;

impl Contents {
    pub(super) fn check_rule(&self, rule: &Rule) -> Result<(), Refused> {
        rule.statements.iter().try_for_each(|statement| match statement {
            Statement::InSet { left, set: SetRef::Named(set), .. } => {
                self.looked_up(left, set).map(drop)
            }
            Statement::VerdictMap { left, map } => match self.looked_up(left, map)?.value {
                ValueType::Verdict => Ok(()),
                _ => Err(Refused::new(errno::EINVAL, format!("{map} is not a verdict map"))),
            },
            Statement::Dnat { family, left, map, with_port } => {
                let value = &self.looked_up(left, map)?.value;
                self.check_dnat(*family, value, *with_port)
            }
            Statement::Verdict(verdict) => self.check_verdict(verdict),
            _ => Ok(()),
        })
    }

    /// Validates a verdict. A base chain can't be a target.
    pub(super) fn check_verdict(&self, verdict: &Verdict) -> Result<(), Refused> {
        let Some(name) = target(verdict) else { return Ok(()) };
        let held = self.chains.get(name).ok_or_else(|| Refused::absent("chain", name))?;
        if held.chain.base.is_some() {
            let advice = format!("{name} is a base chain, which can't be a target");
            return Err(Refused::new(errno::EOPNOTSUPP, advice));
        }
        Ok(())
    }

    /// Returns the set of a lookup.
    fn looked_up(&self, left: &[Selector], name: &str) -> Result<&Set, Refused> {
        let held = self.sets.get(name).ok_or_else(|| Refused::absent("set or map", name))?;
        let types: Vec<DataType> = left.iter().map(|selector| selector.data_type()).collect();
        if types != held.set.key {
            // The kernel checks only that the key is long enough.
            let is_short = values::length(&types) < values::length(&held.set.key);
            let errno = if is_short { ENODATA } else { errno::EINVAL };
            return Err(Refused::new(errno, format!("the keys of {name} have other types")));
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
            return Err(Refused::new(errno::EINVAL, "the map has no data"));
        };
        if self.family != Family::Inet && self.family != family {
            return Err(Refused::new(
                errno::EOPNOTSUPP,
                "packets of this family don't traverse the table",
            ));
        }
        let address = if family == Family::Ip6 { DataType::Ipv6Addr } else { DataType::Ipv4Addr };
        let needed = [address, DataType::InetService];
        let needed = if with_port { &needed[..] } else { &needed[..1] };
        if !value.starts_with(needed) {
            return Err(Refused::new(ENODATA, "the map's values have other types"));
        }
        Ok(())
    }
}
