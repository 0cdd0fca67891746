//! Connection tracking: lists and deletes the flows that match a predicate.
//!
//! A port mapper needs it because the kernel decides only once per flow whether the flow is
//! translated. A UDP flow that began before its mapping remains untranslated, and one that began
//! during a mapping remains translated after the mapping has been removed, as long as packets
//! arrive.
//!
//! The kernel's deletion by filter is not used. Linux supports it from 6.12 on, versions from 5.8
//! refuse the filter, and older ones ignore it and would delete every entry. Instead the table is
//! listed once, filtered by the kernel if it can (Linux 5.8) and always checked again here. Every
//! matching entry is deleted by tuple, zone and id, so that a new flow between the same two
//! endpoints is not affected.
//!
//! Listing walks the kernel's whole table, which takes milliseconds on a large host even if the
//! table is empty. Call [`Conntrack::delete_where`] once for all mappings of a family, and only if
//! there are UDP mappings.
//!
//! ```no_run
//! use cni_netlink::conntrack::{Conntrack, IpFamily, Flow, UDP};
//! # fn main() -> Result<(), cni_netlink::Error> {
//! let container = "10.1.2.3:53".parse().expect("an address");
//! // Host port 5353 has been mapped: flows to any other destination are stale.
//! let stale = |flow: &Flow| flow.reply_source() != container;
//! // The mapping has been removed: flows to the container are stale.
//! let ours = |flow: &Flow| flow.reply_source() == container;
//! let mut conntrack = Conntrack::open()?;
//! conntrack.delete_where(IpFamily::V4, UDP, &[5353..=5353], stale)?;
//! conntrack.delete_where(IpFamily::V4, UDP, &[5353..=5353], ours)?;
//! # Ok(()) }
//! ```

mod flow;

use std::ops::RangeInclusive;

pub use flow::{Flow, IPS_DST_NAT, IPS_SRC_NAT, IpFamily, SCTP, TCP, Tuple, UDP, Zone};

use crate::attribute::Body;
use crate::error::{Cause, Error, errno};
use crate::message::Message;
use crate::socket::{Socket, Subsystem};

const NEW: u16 = 1 << 8;
const GET: u16 = 1 << 8 | 1;
const DELETE: u16 = 1 << 8 | 2;

const FILTER: u16 = 25;
const FILTER_ORIGINAL: u16 = 1;
const FILTER_REPLY: u16 = 2;
const BY_PROTOCOL: u32 = 1 << 3;
const BY_DESTINATION_PORT: u32 = 1 << 5;

/// A handle to connection tracking in this network namespace.
pub struct Conntrack {
    socket: Socket,
    filter_refused: bool,
}

impl Conntrack {
    /// Opens a netlink socket for connection tracking. All operations require CAP_NET_ADMIN.
    pub fn open() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(Subsystem::Netfilter)?, filter_refused: false })
    }

    /// Closes the socket without waiting for deleted nf_tables objects to be freed; see
    /// [`Kernel::close_in_background`](crate::nftables::Kernel::close_in_background).
    pub fn close_in_background(self) {
        self.socket.close_in_background();
    }

    /// Deletes the flows of a family and a protocol (see [`UDP`]) whose destination port is in
    /// `ports` and for which `matches` returns `true`. Returns the number of deleted flows.
    ///
    /// The families are separate because the kernel filters for one at a time, and because a caller
    /// that maps only IPv4 saves the walk for IPv6. A flow that has ended meanwhile is not counted
    /// and is not an error. Without ports the table is not listed.
    pub fn delete_where(
        &mut self,
        family: IpFamily,
        protocol: u8,
        ports: &[RangeInclusive<u16>],
        matches: impl FnMut(&Flow) -> bool,
    ) -> Result<usize, Error> {
        let mut deleted = 0;
        for flow in self.flows_where(family, protocol, ports, matches)? {
            deleted += usize::from(self.delete(&flow)?);
        }
        Ok(deleted)
    }

    /// Lists the flows that [`Self::delete_where`] would delete.
    ///
    /// `matches` must be a pure function: it is called again if the list has to be read again.
    ///
    /// # Errors
    ///
    /// [`is_unavailable`] reports whether a repeated call may succeed.
    pub fn flows_where(
        &mut self,
        family: IpFamily,
        protocol: u8,
        ports: &[RangeInclusive<u16>],
        mut matches: impl FnMut(&Flow) -> bool,
    ) -> Result<Vec<Flow>, Error> {
        if ports.iter().all(RangeInclusive::is_empty) {
            return Ok(Vec::new());
        }
        let mut select = |flow: &Flow| {
            flow.family() == family && is_sent_to(flow, protocol, ports) && matches(flow)
        };
        let filter = (!self.filter_refused).then(|| Filter::new(protocol, ports));
        let flows = self.list(family, filter, &mut select).or_else(|cause| {
            if filter.is_none() || !refuses_filter(&cause) {
                return Err(cause);
            }
            self.filter_refused = true;
            self.list(family, None, &mut select)
        });
        flows.map_err(|cause| explained(cause).during("list", "the tracked flows"))
    }

    /// Reports whether the kernel refused to filter a list, so that the whole list was read. The
    /// result is the same, but slower.
    pub fn filter_was_refused(&self) -> bool {
        self.filter_refused
    }

    /// Deletes exactly this entry. Returns `false` if it no longer exists.
    pub fn delete(&mut self, flow: &Flow) -> Result<bool, Error> {
        let fill = |body: &mut Body<'_>| {
            body.raw(&header(flow.family()));
            flow.write_key(body);
        };
        match self.socket.request(DELETE, 0, fill, |_| Ok(())) {
            Ok(()) => Ok(true),
            Err(cause) if cause.errno() == Some(errno::ENOENT) => Ok(false),
            Err(cause) => Err(cause.during("delete", flow.to_string())),
        }
    }

    fn list(
        &mut self,
        family: IpFamily,
        filter: Option<Filter>,
        select: &mut impl FnMut(&Flow) -> bool,
    ) -> Result<Vec<Flow>, Cause> {
        let fill = |body: &mut Body<'_>| {
            body.raw(&header(family));
            if let Some(filter) = filter {
                filter.write(body);
            }
        };
        self.socket.list(GET, fill, |message: Message<'_>| {
            if message.kind != NEW {
                return Ok(None);
            }
            Ok(Flow::parse(message.payload)?.filter(|flow| select(flow)))
        })
    }
}

/// A filter that the kernel applies to a list. It only saves time, since the result is checked
/// again.
///
/// It matches only protocol and port: the kernel reportedly compares IPv6 addresses incorrectly,
/// and it refuses a filter for both families at once (EOPNOTSUPP).
#[derive(Clone, Copy)]
struct Filter {
    protocol: u8,
    /// The port, if there is only one: the kernel can't compare with several.
    port: Option<u16>,
}

impl Filter {
    fn new(protocol: u8, ports: &[RangeInclusive<u16>]) -> Self {
        let port = match ports {
            [range] if range.start() == range.end() => Some(*range.start()),
            _ => None,
        };
        Self { protocol, port }
    }

    fn write(self, body: &mut Body<'_>) {
        let mut parts = BY_PROTOCOL;
        body.nested(flow::TUPLE_ORIGINAL, |body| {
            body.nested(flow::TUPLE_PROTOCOL, |body| {
                body.u8(flow::PROTOCOL_NUMBER, self.protocol);
                if let Some(port) = self.port {
                    parts |= BY_DESTINATION_PORT;
                    body.u16_be(flow::DESTINATION_PORT, port);
                }
            });
        });
        body.nested(FILTER, |body| {
            body.u32(FILTER_ORIGINAL, parts);
            body.u32(FILTER_REPLY, 0);
        });
    }
}

fn is_sent_to(flow: &Flow, protocol: u8, ports: &[RangeInclusive<u16>]) -> bool {
    flow.protocol == protocol
        && ports.iter().any(|range| range.contains(&flow.destination().port()))
}

/// Reports whether an error of [`Conntrack`] means that this kernel lacks connection tracking over
/// netlink, or that this process may not use it: a repeated request fails as well.
pub fn is_unavailable(error: &Error) -> bool {
    matches!(
        error.errno(),
        Some(
            errno::EPERM
                | errno::EACCES
                | errno::EINVAL
                | errno::EOPNOTSUPP
                | errno::EPROTONOSUPPORT
                | errno::EAFNOSUPPORT
        )
    )
}

/// Explains the refusal of a list that every kernel with this interface supports.
fn explained(cause: Cause) -> Cause {
    match cause {
        Cause::Refused(refusal) if refusal.errno == errno::EINVAL => Cause::Explained {
            refusal,
            advice: "this kernel lacks connection tracking over netlink (module \
                     nf_conntrack_netlink)"
                .to_owned(),
        },
        other => other,
    }
}

fn refuses_filter(cause: &Cause) -> bool {
    matches!(cause, Cause::Refused(refusal)
        if matches!(refusal.errno, errno::EINVAL | errno::EOPNOTSUPP))
}

/// Returns the header of a netfilter message: the family, version 0 and resource id 0.
fn header(family: IpFamily) -> [u8; 4] {
    [family.number(), 0, 0, 0]
}

#[cfg(test)]
mod tests;
