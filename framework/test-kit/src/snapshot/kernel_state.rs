//! Links, addresses, routes, policy rules and the like as bytes to compare, without counters, times
//! and other values that change on their own.

use cni_netlink::attribute::{Attributes, Body};
use cni_netlink::message::Message;
use cni_netlink::socket::{Socket, Subsystem};
use cni_netlink::{Cause, Malformed};

/// A list of rtnetlink.
struct List {
    /// The type of the request.
    request: u16,
    /// The length of the header of its messages.
    header: usize,
    /// Selects the attributes to compare.
    is_compared: fn(u16) -> bool,
    /// Selects the messages to compare, by their headers.
    is_lasting: fn(&[u8]) -> bool,
}

const LISTS: [List; 6] = [
    // Links: IFLA_IFNAME, IFLA_MTU and IFLA_MASTER. The others change with traffic or timers.
    List {
        request: 18,
        header: 16,
        is_compared: |kind| matches!(kind, 3 | 4 | 10),
        is_lasting: all,
    },
    // Addresses without IFA_CACHEINFO.
    List { request: 22, header: 8, is_compared: |kind| kind != 6, is_lasting: all },
    // Routes without RTA_CACHEINFO and RTA_EXPIRES.
    List { request: 26, header: 12, is_compared: |kind| !matches!(kind, 12 | 23), is_lasting: all },
    // Policy rules.
    List { request: 34, header: 12, is_compared: |_| true, is_lasting: all },
    // Queueing disciplines: TCA_KIND.
    List { request: 38, header: 20, is_compared: |kind| kind == 1, is_lasting: all },
    // Permanent neighbours (NUD_PERMANENT): NDA_DST and NDA_LLADDR.
    List {
        request: 30,
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
pub(crate) fn kernel_state() -> Option<Vec<u8>> {
    let mut socket = Socket::open(Subsystem::Route).ok()?;
    let mut state = Vec::new();
    for list in &LISTS {
        state.extend(list.request.to_ne_bytes());
        for message in dump(&mut socket, list).ok()? {
            state.extend(message);
        }
    }
    Some(state)
}

fn dump(socket: &mut Socket, list: &List) -> Result<Vec<Vec<u8>>, Cause> {
    // A header of zeros asks for all families.
    let fill = |body: &mut Body<'_>| body.raw(&[0; 20][..list.header]);
    socket.list(list.request, fill, |message| reduced(list, message))
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
