//! The kernel's answers about links, addresses, routes, rules and what else belongs to links, as bytes to
//! compare: without counters, times and other things that change by themselves.

use cni_netlink::attribute::{Attributes, Body};
use cni_netlink::message::Message;
use cni_netlink::socket::{Socket, Subsystem};
use cni_netlink::{Cause, Malformed};

/// A list that rtnetlink gives: the request, the length of the head of its messages, which attributes
/// count, and which messages, by their heads.
struct List {
    request: u16,
    head: usize,
    counts: fn(u16) -> bool,
    is_lasting: fn(&[u8]) -> bool,
}

const LISTS: [List; 6] = [
    // Links: IFLA_IFNAME, IFLA_MTU and IFLA_MASTER; the others change with traffic or timers.
    List { request: 18, head: 16, counts: |kind| matches!(kind, 3 | 4 | 10), is_lasting: all },
    // Addresses without IFA_CACHEINFO.
    List { request: 22, head: 8, counts: |kind| kind != 6, is_lasting: all },
    // Routes without RTA_CACHEINFO and RTA_EXPIRES.
    List { request: 26, head: 12, counts: |kind| !matches!(kind, 12 | 23), is_lasting: all },
    // Policy rules.
    List { request: 34, head: 12, counts: |_| true, is_lasting: all },
    // Queueing disciplines: TCA_KIND.
    List { request: 38, head: 20, counts: |kind| kind == 1, is_lasting: all },
    // Permanent neighbours (NUD_PERMANENT): NDA_DST and NDA_LLADDR.
    List {
        request: 30,
        head: 12,
        counts: |kind| matches!(kind, 1 | 2),
        is_lasting: |head| head[8] & 0x80 != 0,
    },
];

fn all(_: &[u8]) -> bool {
    true
}

/// The state of the network namespace of this thread; `None` if the kernel does not say.
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
    // All families: the first byte of each kind of head.
    let fill = |body: &mut Body<'_>| body.raw(&[0; 20][..list.head]);
    socket.list(list.request, fill, |message| reduced(list, message))
}

/// A message without what does not count.
fn reduced(list: &List, message: Message<'_>) -> Result<Option<Vec<u8>>, Malformed> {
    let head = message.payload.get(..list.head).ok_or(Malformed::new("a short message"))?;
    if !(list.is_lasting)(head) {
        return Ok(None);
    }
    let mut bytes = head.to_vec();
    for attribute in Attributes::new(&message.payload[list.head..]) {
        let attribute = attribute?;
        if (list.counts)(attribute.kind) {
            bytes.extend(attribute.kind.to_ne_bytes());
            bytes.extend((attribute.payload.len() as u32).to_ne_bytes());
            bytes.extend(attribute.payload);
        }
    }
    Ok(Some(bytes))
}
