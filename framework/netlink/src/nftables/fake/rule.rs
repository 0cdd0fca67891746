//! Validates a rule: what it refers to must exist and have the right types.

use crate::error::errno;
use crate::nftables::chain::Rule;
use crate::nftables::data::{DataType, Verdict};
use crate::nftables::fake::contents::{Contents, target};
use crate::nftables::fake::refusal::{ENODATA, ExplainedRefusal};
use crate::nftables::set::{Set, ValueType};
use crate::nftables::statement::{Selector, SetRef, Statement};
use crate::nftables::table::Family;
use crate::nftables::wire::values;

impl Contents {
    pub(super) fn check_rule(&self, rule: &Rule) -> Result<(), ExplainedRefusal> {
        rule.statements.iter().try_for_each(|statement| match statement {
            Statement::InSet { left, set: SetRef::Named(set), .. } => {
                self.lookup(left, set).map(drop)
            }
            Statement::VerdictMap { left, map } => match self.lookup(left, map)?.value {
                ValueType::Verdict => Ok(()),
                _ => {
                    Err(ExplainedRefusal::new(errno::EINVAL, format!("{map} is not a verdict map")))
                }
            },
            Statement::Dnat { family, left, map, with_port } => {
                let value = &self.lookup(left, map)?.value;
                self.check_dnat(*family, value, *with_port)
            }
            Statement::Verdict(verdict) => self.check_verdict(verdict),
            _ => Ok(()),
        })
    }

    /// Validates a verdict. A base chain can't be a target.
    pub(super) fn check_verdict(&self, verdict: &Verdict) -> Result<(), ExplainedRefusal> {
        let Some(name) = target(verdict) else { return Ok(()) };
        let stored =
            self.chains.get(name).ok_or_else(|| ExplainedRefusal::absent("chain", name))?;
        if stored.chain.base.is_some() {
            let advice = format!("{name} is a base chain, which can't be a target");
            return Err(ExplainedRefusal::new(errno::EOPNOTSUPP, advice));
        }
        Ok(())
    }

    /// Returns the set in which a key is looked up, if its keys have the same types.
    fn lookup(&self, left: &[Selector], name: &str) -> Result<&Set, ExplainedRefusal> {
        let stored =
            self.sets.get(name).ok_or_else(|| ExplainedRefusal::absent("set or map", name))?;
        let types: Vec<DataType> = left.iter().map(|selector| selector.data_type()).collect();
        if types != stored.set.key {
            // The kernel checks only that the key is long enough.
            let is_short = values::length(&types) < values::length(&stored.set.key);
            let errno = if is_short { ENODATA } else { errno::EINVAL };
            return Err(ExplainedRefusal::new(
                errno,
                format!("the keys of {name} have other types"),
            ));
        }
        Ok(&stored.set)
    }

    fn check_dnat(
        &self,
        family: Family,
        value: &ValueType,
        with_port: bool,
    ) -> Result<(), ExplainedRefusal> {
        let ValueType::Data(value) = value else {
            return Err(ExplainedRefusal::new(errno::EINVAL, "the map has no data"));
        };
        if self.family != Family::Inet && self.family != family {
            return Err(ExplainedRefusal::new(
                errno::EOPNOTSUPP,
                "packets of this family don't traverse the table",
            ));
        }
        let address = if family == Family::Ip6 { DataType::Ipv6Addr } else { DataType::Ipv4Addr };
        let needed = [address, DataType::InetService];
        let needed = if with_port { &needed[..] } else { &needed[..1] };
        if !value.starts_with(needed) {
            return Err(ExplainedRefusal::new(ENODATA, "the map's values have other types"));
        }
        Ok(())
    }
}
