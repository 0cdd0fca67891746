//! The constants of the kernel's header, and of nft's userdata, which the kernel does not
//! interpret.

/// The number of nf_tables among the netfilter subsystems.
const SUBSYSTEM: u16 = 10;

/// Message types.
pub(in crate::nftables) mod message {
    use super::SUBSYSTEM;

    pub(in crate::nftables) const BATCH_BEGIN: u16 = 0x10;
    pub(in crate::nftables) const BATCH_END: u16 = 0x11;
    pub(in crate::nftables) const NEW_TABLE: u16 = SUBSYSTEM << 8;
    pub(in crate::nftables) const GET_TABLE: u16 = SUBSYSTEM << 8 | 1;
    pub(in crate::nftables) const DELETE_TABLE: u16 = SUBSYSTEM << 8 | 2;
    pub(in crate::nftables) const NEW_CHAIN: u16 = SUBSYSTEM << 8 | 3;
    pub(in crate::nftables) const GET_CHAIN: u16 = SUBSYSTEM << 8 | 4;
    pub(in crate::nftables) const DELETE_CHAIN: u16 = SUBSYSTEM << 8 | 5;
    pub(in crate::nftables) const NEW_RULE: u16 = SUBSYSTEM << 8 | 6;
    pub(in crate::nftables) const GET_RULE: u16 = SUBSYSTEM << 8 | 7;
    pub(in crate::nftables) const DELETE_RULE: u16 = SUBSYSTEM << 8 | 8;
    pub(in crate::nftables) const NEW_SET: u16 = SUBSYSTEM << 8 | 9;
    pub(in crate::nftables) const DELETE_SET: u16 = SUBSYSTEM << 8 | 11;
    pub(in crate::nftables) const NEW_ELEMENT: u16 = SUBSYSTEM << 8 | 12;
    pub(in crate::nftables) const GET_ELEMENT: u16 = SUBSYSTEM << 8 | 13;
    pub(in crate::nftables) const DELETE_ELEMENT: u16 = SUBSYSTEM << 8 | 14;
    pub(in crate::nftables) const GET_GENERATION: u16 = SUBSYSTEM << 8 | 16;
}

/// Flags of messages that create objects.
pub(in crate::nftables) mod flag {
    pub(in crate::nftables) const CREATE: u16 = 0x400;
    pub(in crate::nftables) const APPEND: u16 = 0x800;
}

pub(in crate::nftables) mod generation {
    /// The generation, in a reply and at the beginning of a batch.
    pub(in crate::nftables) const ID: u16 = 1;
}

pub(in crate::nftables) mod table {
    pub(in crate::nftables) const NAME: u16 = 1;
    pub(in crate::nftables) const FLAGS: u16 = 2;
    pub(in crate::nftables) const USE: u16 = 3;
    pub(in crate::nftables) const USERDATA: u16 = 6;
    /// A flag: the kernel executes none of its chains.
    pub(in crate::nftables) const DORMANT: u32 = 1;
}

pub(in crate::nftables) mod chain {
    pub(in crate::nftables) const TABLE: u16 = 1;
    pub(in crate::nftables) const NAME: u16 = 3;
    pub(in crate::nftables) const HOOK: u16 = 4;
    pub(in crate::nftables) const POLICY: u16 = 5;
    pub(in crate::nftables) const USE: u16 = 6;
    pub(in crate::nftables) const TYPE: u16 = 7;
    pub(in crate::nftables) const USERDATA: u16 = 12;
    pub(in crate::nftables) const HOOK_NUMBER: u16 = 1;
    pub(in crate::nftables) const HOOK_PRIORITY: u16 = 2;
    pub(in crate::nftables) const HOOK_DEVICE: u16 = 3;
    pub(in crate::nftables) const HOOK_DEVICES: u16 = 4;
}

pub(in crate::nftables) mod rule {
    pub(in crate::nftables) const TABLE: u16 = 1;
    pub(in crate::nftables) const CHAIN: u16 = 2;
    pub(in crate::nftables) const HANDLE: u16 = 3;
    pub(in crate::nftables) const EXPRESSIONS: u16 = 4;
    pub(in crate::nftables) const USERDATA: u16 = 7;
}

pub(in crate::nftables) mod set {
    pub(in crate::nftables) const NAME: u16 = 2;
    pub(in crate::nftables) const FLAGS: u16 = 3;
    pub(in crate::nftables) const KEY_TYPE: u16 = 4;
    pub(in crate::nftables) const KEY_LENGTH: u16 = 5;
    pub(in crate::nftables) const DATA_TYPE: u16 = 6;
    pub(in crate::nftables) const DATA_LENGTH: u16 = 7;
    pub(in crate::nftables) const DESCRIPTION: u16 = 9;
    pub(in crate::nftables) const ID: u16 = 10;
    pub(in crate::nftables) const USERDATA: u16 = 13;

    pub(in crate::nftables) const DESCRIPTION_SIZE: u16 = 1;
    pub(in crate::nftables) const DESCRIPTION_FIELDS: u16 = 2;
    pub(in crate::nftables) const FIELD_LENGTH: u16 = 1;

    pub(in crate::nftables) const ANONYMOUS: u32 = 1;
    pub(in crate::nftables) const CONSTANT: u32 = 2;
    pub(in crate::nftables) const INTERVAL: u32 = 4;
    pub(in crate::nftables) const MAP: u32 = 8;
    pub(in crate::nftables) const CONCATENATION: u32 = 0x80;

    /// The data type of a verdict map.
    pub(in crate::nftables) const VERDICT: u32 = 0xffff_ff00;
    /// The pattern from which the kernel generates the name of an anonymous set.
    pub(in crate::nftables) const ANONYMOUS_NAME: &str = "__set%d";
    /// The prefix of the generated name.
    pub(in crate::nftables) const ANONYMOUS_PREFIX: &str = "__set";
}

pub(in crate::nftables) mod element {
    pub(in crate::nftables) const SET: u16 = 2;
    pub(in crate::nftables) const ELEMENTS: u16 = 3;
    pub(in crate::nftables) const SET_ID: u16 = 4;

    pub(in crate::nftables) const KEY: u16 = 1;
    pub(in crate::nftables) const DATA: u16 = 2;
    pub(in crate::nftables) const FLAGS: u16 = 3;
    pub(in crate::nftables) const USERDATA: u16 = 6;
    pub(in crate::nftables) const KEY_END: u16 = 10;

    /// A flag: the interval of the next lower key ends before this one.
    pub(in crate::nftables) const INTERVAL_END: u32 = 1;
    /// A flag: the element matches every key without an element.
    pub(in crate::nftables) const CATCH_ALL: u32 = 2;
}

/// The attributes of each type of expression.
pub(in crate::nftables) mod expression {
    pub(in crate::nftables) const NAME: u16 = 1;
    pub(in crate::nftables) const DATA: u16 = 2;

    /// Of the expression `match`, which wraps a match of xtables.
    pub(in crate::nftables) const MATCH_NAME: u16 = 1;
    pub(in crate::nftables) const MATCH_INFO: u16 = 3;
    pub(in crate::nftables) const META_TO: u16 = 1;
    pub(in crate::nftables) const META_KEY: u16 = 2;
    pub(in crate::nftables) const PAYLOAD_TO: u16 = 1;
    pub(in crate::nftables) const PAYLOAD_BASE: u16 = 2;
    pub(in crate::nftables) const PAYLOAD_OFFSET: u16 = 3;
    pub(in crate::nftables) const PAYLOAD_LENGTH: u16 = 4;
    pub(in crate::nftables) const CT_TO: u16 = 1;
    pub(in crate::nftables) const CT_KEY: u16 = 2;
    pub(in crate::nftables) const CT_DIRECTION: u16 = 3;
    pub(in crate::nftables) const FIB_TO: u16 = 1;
    pub(in crate::nftables) const FIB_RESULT: u16 = 2;
    pub(in crate::nftables) const FIB_FLAGS: u16 = 3;
    pub(in crate::nftables) const MASK_FROM: u16 = 1;
    pub(in crate::nftables) const MASK_TO: u16 = 2;
    pub(in crate::nftables) const MASK_LENGTH: u16 = 3;
    pub(in crate::nftables) const MASK_AND: u16 = 4;
    pub(in crate::nftables) const MASK_XOR: u16 = 5;
    pub(in crate::nftables) const MASK_OPERATION: u16 = 6;
    pub(in crate::nftables) const COMPARE_FROM: u16 = 1;
    pub(in crate::nftables) const COMPARE_OP: u16 = 2;
    pub(in crate::nftables) const COMPARE_DATA: u16 = 3;
    pub(in crate::nftables) const LOOKUP_SET: u16 = 1;
    pub(in crate::nftables) const LOOKUP_FROM: u16 = 2;
    pub(in crate::nftables) const LOOKUP_TO: u16 = 3;
    pub(in crate::nftables) const LOOKUP_SET_ID: u16 = 4;
    pub(in crate::nftables) const LOOKUP_FLAGS: u16 = 5;
    pub(in crate::nftables) const LOOKUP_INVERTED: u32 = 1;
    pub(in crate::nftables) const IMMEDIATE_TO: u16 = 1;
    pub(in crate::nftables) const IMMEDIATE_DATA: u16 = 2;
    pub(in crate::nftables) const NAT_TYPE: u16 = 1;
    pub(in crate::nftables) const NAT_FAMILY: u16 = 2;
    pub(in crate::nftables) const NAT_ADDRESS: u16 = 3;
    pub(in crate::nftables) const NAT_ADDRESS_MAX: u16 = 4;
    pub(in crate::nftables) const NAT_PORT: u16 = 5;
    pub(in crate::nftables) const NAT_PORT_MAX: u16 = 6;
    pub(in crate::nftables) const NAT_FLAGS: u16 = 7;
    /// The flags that only specify which registers are used.
    pub(in crate::nftables) const NAT_REGISTER_FLAGS: u32 = 3;
    pub(in crate::nftables) const COUNTER_BYTES: u16 = 1;
    pub(in crate::nftables) const COUNTER_PACKETS: u16 = 2;
    pub(in crate::nftables) const LIMIT_RATE: u16 = 1;
    pub(in crate::nftables) const LIMIT_UNIT: u16 = 2;
    pub(in crate::nftables) const LIMIT_BURST: u16 = 3;
    pub(in crate::nftables) const LIMIT_TYPE: u16 = 4;
    pub(in crate::nftables) const LIMIT_FLAGS: u16 = 5;
    pub(in crate::nftables) const LOG_GROUP: u16 = 1;
    pub(in crate::nftables) const LOG_PREFIX: u16 = 2;
    /// How much of each packet is sent, and how many are sent at once.
    pub(in crate::nftables) const LOG_SNAPLEN: u16 = 3;
    pub(in crate::nftables) const LOG_THRESHOLD: u16 = 4;
    pub(in crate::nftables) const LOG_LEVEL: u16 = 5;
    pub(in crate::nftables) const LOG_FLAGS: u16 = 6;
    pub(in crate::nftables) const REJECT_TYPE: u16 = 1;
    pub(in crate::nftables) const REJECT_CODE: u16 = 2;
    pub(in crate::nftables) const BYTE_ORDER_FROM: u16 = 1;
    pub(in crate::nftables) const BYTE_ORDER_TO: u16 = 2;
    pub(in crate::nftables) const BYTE_ORDER_LENGTH: u16 = 4;
}

pub(in crate::nftables) mod data {
    pub(in crate::nftables) const VALUE: u16 = 1;
    pub(in crate::nftables) const VERDICT: u16 = 2;
    pub(in crate::nftables) const VERDICT_CODE: u16 = 1;
    pub(in crate::nftables) const VERDICT_CHAIN: u16 = 2;
}

pub(in crate::nftables) mod verdict {
    pub(in crate::nftables) const DROP: i32 = 0;
    pub(in crate::nftables) const ACCEPT: i32 = 1;
    pub(in crate::nftables) const JUMP: i32 = -3;
    pub(in crate::nftables) const GOTO: i32 = -4;
    pub(in crate::nftables) const RETURN: i32 = -5;
}

/// The type of list items.
pub(in crate::nftables) const ITEM: u16 = 1;

/// The types of nft's entries in userdata.
pub(in crate::nftables) mod userdata {
    pub(in crate::nftables) const COMMENT: u8 = 0;
    pub(in crate::nftables) const SET_KEY_ORDER: u8 = 0;
    pub(in crate::nftables) const SET_DATA_ORDER: u8 = 1;
    pub(in crate::nftables) const SET_COMMENT: u8 = 7;
}

/// The byte orders of nft's data types.
pub(in crate::nftables) mod order {
    pub(in crate::nftables) const CONCATENATION: u32 = 0;
    pub(in crate::nftables) const HOST: u32 = 1;
    pub(in crate::nftables) const NETWORK: u32 = 2;
}

/// The family number of IPv4.
pub(in crate::nftables) const IPV4: u8 = 2;
/// The family number of IPv6.
pub(in crate::nftables) const IPV6: u8 = 10;
/// The family number of bridges.
pub(in crate::nftables) const BRIDGE: u8 = 7;
/// The family number of devices.
pub(in crate::nftables) const NETDEV: u8 = 5;

/// The length of a link's name, including its NUL.
pub(in crate::nftables) const IFNAME: usize = 16;
