//! Links, addresses, routes, policy rules and the like as bytes to compare, without counters, times
//! and other values that change on their own.

use std::collections::HashSet;

use cni_netlink::attribute::{Attributes, Body};
use cni_netlink::message::Message;
use cni_netlink::socket::{Socket, Subsystem};
use cni_netlink::{Cause, Malformed};

/// The state of a network namespace.
#[derive(Debug)]
pub(crate) struct KernelState {
    /// Everything that is compared.
    pub(crate) bytes: Vec<u8>,
    /// The indexes of the links.
    pub(crate) links: HashSet<u32>,
}

/// A list of rtnetlink.
struct List {
    /// The type of the request.
    request: u16,
    /// The families to ask for, one after the other. A request for all families would wait for the
    /// lock of rtnetlink, which the kernel holds for milliseconds whenever any host or container
    /// of the machine loses a link. Without it, it lists the addresses and routes of one family.
    families: &'static [u8],
    /// The length of the header of its messages.
    header: usize,
    /// Selects the attributes to compare.
    is_compared: fn(u16) -> bool,
    /// Selects the messages to compare, by their headers.
    is_lasting: fn(&[u8]) -> bool,
}

const GET_LINK: u16 = 18;
/// The number of "any family", AF_UNSPEC.
const ANY: &[u8] = &[0];
/// The numbers of IPv4 and IPv6, AF_INET and AF_INET6.
const IPV4_AND_IPV6: &[u8] = &[2, 10];

const LISTS: [List; 6] = [
    // Links: IFLA_IFNAME, IFLA_MTU and IFLA_MASTER. The others change with traffic or timers.
    List {
        request: GET_LINK,
        families: ANY,
        header: 16,
        is_compared: |kind| matches!(kind, 3 | 4 | 10),
        is_lasting: all,
    },
    // Addresses without IFA_CACHEINFO.
    List {
        request: 22,
        families: IPV4_AND_IPV6,
        header: 8,
        is_compared: |kind| kind != 6,
        is_lasting: all,
    },
    // Routes without RTA_CACHEINFO and RTA_EXPIRES.
    List {
        request: 26,
        families: IPV4_AND_IPV6,
        header: 12,
        is_compared: |kind| !matches!(kind, 12 | 23),
        is_lasting: all,
    },
    // Policy rules.
    List { request: 34, families: ANY, header: 12, is_compared: |_| true, is_lasting: all },
    // Queueing disciplines: TCA_KIND.
    List { request: 38, families: ANY, header: 20, is_compared: |kind| kind == 1, is_lasting: all },
    // Permanent neighbours (NUD_PERMANENT): NDA_DST and NDA_LLADDR.
    List {
        request: 30,
        families: ANY,
        header: 12,
        is_compared: |kind| matches!(kind, 1 | 2),
        is_lasting: |header| header[8] & 0x80 != 0,
    },
];

fn all(_: &[u8]) -> bool {
    true
}

/// Returns the state of this thread's network namespace, or `None` if the kernel refuses to list
/// it.
pub(crate) fn kernel_state() -> Option<KernelState> {
    let mut socket = Socket::open(Subsystem::Route).ok()?;
    let mut state = KernelState { bytes: Vec::new(), links: HashSet::new() };
    for list in &LISTS {
        state.bytes.extend(list.request.to_ne_bytes());
        for family in list.families {
            for message in dump(&mut socket, list, *family).ok()? {
                if list.request == GET_LINK {
                    state.links.extend(index_of_link(&message));
                }
                state.bytes.extend(message);
            }
        }
    }
    Some(state)
}

fn dump(socket: &mut Socket, list: &List, family: u8) -> Result<Vec<Vec<u8>>, Cause> {
    let fill = |body: &mut Body<'_>| {
        let mut header = [0; 20];
        header[0] = family;
        body.raw(&header[..list.header]);
    };
    socket.list(list.request, fill, |message| reduced(list, message))
}

/// Returns the index in a message about a link, which begins with the kernel's `struct ifinfomsg`.
fn index_of_link(message: &[u8]) -> Option<u32> {
    message.get(4..8)?.try_into().ok().map(u32::from_ne_bytes)
}

/// Reduces a message to what is compared.
fn reduced(list: &List, message: Message<'_>) -> Result<Option<Vec<u8>>, Malformed> {
    let header = message.payload.get(..list.header).ok_or(Malformed::new("a short message"))?;
    if !(list.is_lasting)(header) {
        return Ok(None);
    }
    let mut bytes = header.to_vec();
    for attribute in Attributes::new(&message.payload[list.header..]) {
        let attribute = attribute?;
        if (list.is_compared)(attribute.kind) {
            bytes.extend(attribute.kind.to_ne_bytes());
            bytes.extend((attribute.payload.len() as u32).to_ne_bytes());
            bytes.extend(attribute.payload);
        }
    }
    Ok(Some(bytes))
}
