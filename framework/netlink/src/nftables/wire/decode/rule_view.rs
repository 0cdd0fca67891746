//! A rule that is read in place, without copying or decoding what the reader does not ask for.

use crate::attribute::{Attribute, Attributes};
use crate::error::Malformed;
use crate::nftables::wire::decode::attributes::{AttributeTable, comment};
use crate::nftables::wire::decode::expression::verdict;
use crate::nftables::wire::uapi::{data, expression, rule};
use crate::nftables::{Table, Verdict};

/// An installed rule of any program, as [`Kernel::scan_rules`](crate::nftables::Kernel::scan_rules)
/// passes it to its caller.
///
/// It also shows what iptables' variant for nf_tables creates, which
/// [`InstalledRule`](crate::nftables::InstalledRule) does not: the matches and comments of xtables.
pub struct RuleView<'a> {
    attributes: AttributeTable<'a, 8>,
}

/// An expression of a [`RuleView`].
pub struct ExpressionView<'a> {
    name: &'a [u8],
    data: Attributes<'a>,
}

impl<'a> RuleView<'a> {
    /// Reads a rule. Returns `None` if it is in another table or, if one is given, another chain.
    pub(in crate::nftables) fn read(
        payload: &'a [u8],
        table: &Table,
        chain: Option<&str>,
    ) -> Result<Option<Self>, Malformed> {
        let attributes = AttributeTable::of_payload(payload)?;
        let is_requested = attributes.is(rule::TABLE, &table.name)
            && chain.is_none_or(|chain| attributes.is(rule::CHAIN, chain));
        Ok(is_requested.then_some(Self { attributes }))
    }

    /// Returns the name of its chain.
    pub fn chain(&self) -> &'a [u8] {
        self.attributes.get(rule::CHAIN).map(|name| name.text()).unwrap_or_default()
    }

    /// Returns its handle, which no other rule of the table ever has. See
    /// [`Transaction::delete_rule`](crate::nftables::Transaction::delete_rule).
    pub fn handle(&self) -> Option<u64> {
        self.attributes.get(rule::HANDLE)?.u64_be().ok()
    }

    /// Returns its expressions, in order. A malformed one ends them.
    pub fn expressions(&self) -> impl Iterator<Item = ExpressionView<'a>> + use<'a> {
        let list = self.attributes.get(rule::EXPRESSIONS).map(|list| list.nested());
        list.into_iter().flatten().map_while(|item| ExpressionView::read(item.ok()?))
    }

    /// Returns its comment: nft's, or the first of iptables' match `comment`.
    ///
    /// iptables used nft's form until 1.8.2.
    pub fn comment(&self) -> Option<&'a [u8]> {
        let of_nft = || comment(self.attributes.get(rule::USERDATA)?.payload);
        self.expressions().find_map(|expression| expression.comment()).or_else(of_nft)
    }

    /// Returns the chain that it jumps or goes to.
    pub fn target(&self) -> Option<String> {
        self.expressions().find_map(|expression| expression.target())
    }
}

impl<'a> ExpressionView<'a> {
    fn read(item: Attribute<'a>) -> Option<Self> {
        let item = AttributeTable::<3>::of(item.nested()).ok()?;
        let name = item.get(expression::NAME)?.text();
        let data = item.get(expression::DATA).map_or(Attributes::new(&[]), |data| data.nested());
        Some(Self { name, data })
    }

    /// Returns the kernel's name of the expression, such as `payload`; `match` and `target` are
    /// those of xtables.
    pub fn name(&self) -> &'a [u8] {
        self.name
    }

    /// Returns the name of the xtables match, such as `addrtype`.
    pub fn xtables_match(&self) -> Option<&'a [u8]> {
        let name = self.attribute(expression::MATCH_NAME).filter(|_| self.name == b"match")?;
        Some(name.text())
    }

    /// Returns the data of an xtables match of this name, in the form of its header.
    pub fn xtables_data(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.xtables_match().filter(|its| *its == name)?;
        Some(self.attribute(expression::MATCH_INFO)?.payload)
    }

    /// Returns the value that it compares with.
    pub fn compared(&self) -> Option<&'a [u8]> {
        let data = self.attribute(expression::COMPARE_DATA).filter(|_| self.name == b"cmp")?;
        Some(AttributeTable::<3>::of(data.nested()).ok()?.get(data::VALUE)?.payload)
    }

    fn comment(&self) -> Option<&'a [u8]> {
        self.xtables_data(b"comment")?;
        Some(self.attribute(expression::MATCH_INFO)?.text())
    }

    fn target(&self) -> Option<String> {
        let immediate = self.attribute(expression::IMMEDIATE_DATA);
        let inside = immediate.filter(|_| self.name == b"immediate")?.nested();
        let inside = AttributeTable::<3>::of(inside).ok()?;
        match verdict(inside.get(data::VERDICT)?) {
            Ok(Some(Verdict::Jump(chain) | Verdict::Goto(chain))) => Some(chain),
            _ => None,
        }
    }

    fn attribute(&self, kind: u16) -> Option<Attribute<'a>> {
        self.data.clone().map_while(Result::ok).find(|attribute| attribute.kind == kind)
    }
}
