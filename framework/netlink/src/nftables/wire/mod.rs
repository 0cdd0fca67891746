//! The netlink representation of nf_tables objects.

pub(super) mod decode;
pub(super) mod encode;
pub(super) mod uapi;
pub(super) mod values;
