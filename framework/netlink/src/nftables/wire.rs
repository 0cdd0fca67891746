//! The numbers of the kernel's header, and those of nft's that it does not look at.

use super::Table;
use crate::attribute::Body;

/// nf_tables among netfilter's subsystems.
const SUBSYSTEM: u16 = 10;

/// Types of messages.
pub(super) mod message {
    use super::SUBSYSTEM;

    pub(in super::super) const BATCH_BEGIN: u16 = 0x10;
    pub(in super::super) const BATCH_END: u16 = 0x11;
    pub(in super::super) const NEW_TABLE: u16 = SUBSYSTEM << 8;
    pub(in super::super) const GET_TABLE: u16 = SUBSYSTEM << 8 | 1;
    pub(in super::super) const DELETE_TABLE: u16 = SUBSYSTEM << 8 | 2;
    pub(in super::super) const NEW_CHAIN: u16 = SUBSYSTEM << 8 | 3;
    pub(in super::super) const GET_CHAIN: u16 = SUBSYSTEM << 8 | 4;
    pub(in super::super) const DELETE_CHAIN: u16 = SUBSYSTEM << 8 | 5;
    pub(in super::super) const NEW_RULE: u16 = SUBSYSTEM << 8 | 6;
    pub(in super::super) const GET_RULE: u16 = SUBSYSTEM << 8 | 7;
    pub(in super::super) const DELETE_RULE: u16 = SUBSYSTEM << 8 | 8;
    pub(in super::super) const NEW_SET: u16 = SUBSYSTEM << 8 | 9;
    pub(in super::super) const DELETE_SET: u16 = SUBSYSTEM << 8 | 11;
    pub(in super::super) const NEW_ELEMENT: u16 = SUBSYSTEM << 8 | 12;
    pub(in super::super) const GET_ELEMENT: u16 = SUBSYSTEM << 8 | 13;
    pub(in super::super) const DELETE_ELEMENT: u16 = SUBSYSTEM << 8 | 14;
    pub(in super::super) const GET_GENERATION: u16 = SUBSYSTEM << 8 | 16;
}

/// Flags of messages that make something.
pub(super) mod flag {
    pub(in super::super) const CREATE: u16 = 0x400;
    pub(in super::super) const APPEND: u16 = 0x800;
}

pub(super) mod generation {
    /// In an answer, and in a batch's beginning.
    pub(in super::super) const ID: u16 = 1;
}

pub(super) mod table {
    pub(in super::super) const NAME: u16 = 1;
    pub(in super::super) const FLAGS: u16 = 2;
    pub(in super::super) const USE: u16 = 3;
    pub(in super::super) const USERDATA: u16 = 6;
}

pub(super) mod chain {
    pub(in super::super) const TABLE: u16 = 1;
    pub(in super::super) const NAME: u16 = 3;
    pub(in super::super) const HOOK: u16 = 4;
    pub(in super::super) const POLICY: u16 = 5;
    pub(in super::super) const USE: u16 = 6;
    pub(in super::super) const TYPE: u16 = 7;
    pub(in super::super) const USERDATA: u16 = 12;
    pub(in super::super) const HOOK_NUMBER: u16 = 1;
    pub(in super::super) const HOOK_PRIORITY: u16 = 2;
}

pub(super) mod rule {
    pub(in super::super) const TABLE: u16 = 1;
    pub(in super::super) const CHAIN: u16 = 2;
    pub(in super::super) const HANDLE: u16 = 3;
    pub(in super::super) const EXPRESSIONS: u16 = 4;
    pub(in super::super) const USERDATA: u16 = 7;
}

pub(super) mod set {
    pub(in super::super) const NAME: u16 = 2;
    pub(in super::super) const FLAGS: u16 = 3;
    pub(in super::super) const KEY_TYPE: u16 = 4;
    pub(in super::super) const KEY_LENGTH: u16 = 5;
    pub(in super::super) const DATA_TYPE: u16 = 6;
    pub(in super::super) const DATA_LENGTH: u16 = 7;
    pub(in super::super) const DESCRIPTION: u16 = 9;
    pub(in super::super) const ID: u16 = 10;
    pub(in super::super) const USERDATA: u16 = 13;

    pub(in super::super) const DESCRIPTION_SIZE: u16 = 1;
    pub(in super::super) const DESCRIPTION_FIELDS: u16 = 2;
    pub(in super::super) const FIELD_LENGTH: u16 = 1;

    pub(in super::super) const ANONYMOUS: u32 = 1;
    pub(in super::super) const CONSTANT: u32 = 2;
    pub(in super::super) const INTERVAL: u32 = 4;
    pub(in super::super) const MAP: u32 = 8;
    pub(in super::super) const CONCATENATION: u32 = 0x80;

    /// The data type of a verdict map.
    pub(in super::super) const VERDICT: u32 = 0xffff_ff00;
    /// Under which name the kernel chooses one for an anonymous set.
    pub(in super::super) const ANONYMOUS_NAME: &str = "__set%d";
    /// How the chosen name begins.
    pub(in super::super) const ANONYMOUS_PREFIX: &str = "__set";
}

pub(super) mod element {
    pub(in super::super) const SET: u16 = 2;
    pub(in super::super) const ELEMENTS: u16 = 3;
    pub(in super::super) const SET_ID: u16 = 4;

    pub(in super::super) const KEY: u16 = 1;
    pub(in super::super) const DATA: u16 = 2;
    pub(in super::super) const FLAGS: u16 = 3;
    pub(in super::super) const USERDATA: u16 = 6;
    pub(in super::super) const KEY_END: u16 = 10;

    /// Flag: stands for every key that has no element.
    pub(in super::super) const CATCH_ALL: u32 = 2;
}

/// What a rule consists of: attributes of each kind of step.
pub(super) mod expression {
    pub(in super::super) const NAME: u16 = 1;
    pub(in super::super) const DATA: u16 = 2;

    pub(in super::super) const META_TO: u16 = 1;
    pub(in super::super) const META_KEY: u16 = 2;
    pub(in super::super) const PAYLOAD_TO: u16 = 1;
    pub(in super::super) const PAYLOAD_BASE: u16 = 2;
    pub(in super::super) const PAYLOAD_OFFSET: u16 = 3;
    pub(in super::super) const PAYLOAD_LENGTH: u16 = 4;
    pub(in super::super) const CT_TO: u16 = 1;
    pub(in super::super) const CT_KEY: u16 = 2;
    pub(in super::super) const CT_DIRECTION: u16 = 3;
    pub(in super::super) const FIB_TO: u16 = 1;
    pub(in super::super) const FIB_RESULT: u16 = 2;
    pub(in super::super) const FIB_FLAGS: u16 = 3;
    pub(in super::super) const MASK_FROM: u16 = 1;
    pub(in super::super) const MASK_TO: u16 = 2;
    pub(in super::super) const MASK_LENGTH: u16 = 3;
    pub(in super::super) const MASK_AND: u16 = 4;
    pub(in super::super) const MASK_XOR: u16 = 5;
    pub(in super::super) const MASK_OPERATION: u16 = 6;
    pub(in super::super) const COMPARE_FROM: u16 = 1;
    pub(in super::super) const COMPARE_OP: u16 = 2;
    pub(in super::super) const COMPARE_DATA: u16 = 3;
    pub(in super::super) const LOOKUP_SET: u16 = 1;
    pub(in super::super) const LOOKUP_FROM: u16 = 2;
    pub(in super::super) const LOOKUP_TO: u16 = 3;
    pub(in super::super) const LOOKUP_SET_ID: u16 = 4;
    pub(in super::super) const LOOKUP_FLAGS: u16 = 5;
    pub(in super::super) const LOOKUP_INVERTED: u32 = 1;
    pub(in super::super) const IMMEDIATE_TO: u16 = 1;
    pub(in super::super) const IMMEDIATE_DATA: u16 = 2;
    pub(in super::super) const NAT_TYPE: u16 = 1;
    pub(in super::super) const NAT_FAMILY: u16 = 2;
    pub(in super::super) const NAT_ADDRESS: u16 = 3;
    pub(in super::super) const NAT_ADDRESS_MAX: u16 = 4;
    pub(in super::super) const NAT_PORT: u16 = 5;
    pub(in super::super) const NAT_PORT_MAX: u16 = 6;
    pub(in super::super) const NAT_FLAGS: u16 = 7;
    /// Flags that only say which registers are given.
    pub(in super::super) const NAT_GIVEN: u32 = 3;
    pub(in super::super) const BYTE_ORDER_FROM: u16 = 1;
    pub(in super::super) const BYTE_ORDER_TO: u16 = 2;
    pub(in super::super) const BYTE_ORDER_LENGTH: u16 = 4;
}

pub(super) mod data {
    pub(in super::super) const VALUE: u16 = 1;
    pub(in super::super) const VERDICT: u16 = 2;
    pub(in super::super) const VERDICT_CODE: u16 = 1;
    pub(in super::super) const VERDICT_CHAIN: u16 = 2;
}

pub(super) mod verdict {
    pub(in super::super) const DROP: i32 = 0;
    pub(in super::super) const ACCEPT: i32 = 1;
    pub(in super::super) const JUMP: i32 = -3;
    pub(in super::super) const GOTO: i32 = -4;
    pub(in super::super) const RETURN: i32 = -5;
}

/// Items of any list.
pub(super) const ITEM: u16 = 1;

/// What nft keeps in userdata: types of its entries.
pub(super) mod userdata {
    pub(in super::super) const COMMENT: u8 = 0;
    pub(in super::super) const SET_KEY_ORDER: u8 = 0;
    pub(in super::super) const SET_DATA_ORDER: u8 = 1;
    pub(in super::super) const SET_COMMENT: u8 = 7;
}

/// In what byte order nft keeps a type.
pub(super) mod order {
    pub(in super::super) const CONCATENATION: u32 = 0;
    pub(in super::super) const HOST: u32 = 1;
    pub(in super::super) const NETWORK: u32 = 2;
}

/// The number of IPv4 among families.
pub(super) const IPV4: u8 = 2;
/// The number of IPv6 among families.
pub(super) const IPV6: u8 = 10;

/// The length of a link's name, its NUL included.
pub(super) const IFNAME: usize = 16;

/// What every message begins with.
pub(super) fn header(table: &Table) -> [u8; 4] {
    [table.family.number(), 0, 0, 0]
}

/// The beginning of a message about a table's objects, whose first attribute is the table's name.
pub(super) fn begin(body: &mut Body<'_>, table: &Table) {
    body.raw(&header(table));
    body.text(1, &table.name);
}
