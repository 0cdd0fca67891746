//! The attributes of an object by their type.

use crate::attribute::{Attribute, Attributes};
use crate::error::Malformed;
use crate::message::split;
use crate::nftables::wire::uapi::userdata;

/// The attributes of a list by their type: the last one of each type below `N`.
pub(super) struct AttributeTable<'a, const N: usize>([Option<Attribute<'a>>; N]);

impl<'a, const N: usize> AttributeTable<'a, N> {
    pub(super) fn of(list: Attributes<'a>) -> Result<Self, Malformed> {
        let mut table = [None; N];
        for attribute in list {
            let attribute = attribute?;
            if let Some(place) = table.get_mut(usize::from(attribute.kind)) {
                *place = Some(attribute);
            }
        }
        Ok(Self(table))
    }

    /// Reads the attributes of a message with a netfilter header.
    pub(super) fn of_payload(payload: &'a [u8]) -> Result<Self, Malformed> {
        split::<4>(payload).and_then(|(_, attributes)| Self::of(attributes))
    }

    pub(super) fn get(&self, kind: u16) -> Option<Attribute<'a>> {
        self.0.get(usize::from(kind)).copied().flatten()
    }

    /// Returns a number in network byte order.
    pub(super) fn number(&self, kind: u16) -> Result<Option<u32>, Malformed> {
        self.get(kind).map(|attribute| attribute.u32_be()).transpose()
    }

    /// Returns a required number.
    pub(super) fn required(&self, kind: u16) -> Result<u32, Malformed> {
        self.number(kind)?.ok_or(Malformed("a number is missing"))
    }

    pub(super) fn text(&self, kind: u16) -> Option<String> {
        self.get(kind).map(|attribute| text(attribute.text()))
    }

    pub(super) fn is(&self, kind: u16, value: &str) -> bool {
        self.get(kind).is_some_and(|attribute| attribute.text() == value.as_bytes())
    }

    /// Returns the comment in nft's userdata.
    pub(super) fn comment(&self, kind: u16) -> Option<String> {
        comment(self.get(kind)?.payload).map(text)
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Reads nft's comment from userdata, without its NUL. Other tools store other data here, which is
/// not an error.
pub(super) fn comment(mut bytes: &[u8]) -> Option<&[u8]> {
    while let [kind, length, rest @ ..] = bytes {
        let value = rest.get(..usize::from(*length))?;
        if *kind == userdata::COMMENT {
            return value.split(|byte| *byte == 0).next();
        }
        bytes = &rest[value.len()..];
    }
    None
}
