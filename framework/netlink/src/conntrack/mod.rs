//! Tracked flows: find and delete exactly those that a predicate names.
//!
//! Why a port mapper needs it: the kernel decides once per flow whether it is translated. A UDP flow that
//! began before its mapping stays untranslated, one that began during a mapping stays translated after
//! its end, for as long as packets come.
//!
//! The kernel's own deletion by filter is not used: kernels before 6.12 ignore its filter, older ones
//! would delete everything. Instead the table is listed once, filtered by the kernel where it can (5.8)
//! and always checked again here, and every matching entry is deleted by tuple, zone and id, so that
//! a new flow between the same two ends, begun meanwhile, is not hit.
//!
//! Listing walks the kernel's whole table (milliseconds on a big host, even when it is empty): call
//! [`Conntrack::delete_where`] once for all mappings of a family, and only when there are UDP mappings.
//!
//! ```no_run
//! use cni_netlink::conntrack::{Conntrack, IpFamily, Flow, UDP};
//! # fn main() -> Result<(), cni_netlink::Error> {
//! let container = "10.1.2.3:53".parse().expect("an address");
//! // A mapping of host port 5353 begins: what is on its way elsewhere must go.
//! let stale = |flow: &Flow| flow.reply_source() != container;
//! // It ends: what is on its way to the container must go.
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

/// Connection tracking of this network namespace.
pub struct Conntrack {
    socket: Socket,
    filter_refused: bool,
}

impl Conntrack {
    /// Opens a socket to it. Everything that follows needs CAP_NET_ADMIN.
    pub fn open() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(Subsystem::Netfilter)?, filter_refused: false })
    }

    /// Closes the socket without waiting for what was deleted from nf_tables, by whomever: see
    /// [`Kernel::close_later`](crate::nftables::Kernel::close_later).
    pub fn close_later(self) {
        self.socket.close_later();
    }

    /// Deletes the flows of a family and a protocol (see [`UDP`]) that were sent to a port in one of
    /// `ports` and for which `matches` says yes; returns how many there were.
    ///
    /// The families are apart because the kernel filters for one at a time, and because whoever maps
    /// IPv4 alone need not pay for the other's walk through the table. A flow that ended by itself
    /// meanwhile is no error and not counted. No ports: nothing is asked.
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
    /// `matches` must be a pure test: where a list has to be read twice, it is asked twice.
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
        let mut wanted = |flow: &Flow| {
            flow.family() == family && is_asked_for(flow, protocol, ports) && matches(flow)
        };
        let filter = (!self.filter_refused).then(|| Filter::new(protocol, ports));
        let flows = self.list(family, filter, &mut wanted).or_else(|cause| {
            if filter.is_none() || !refuses_filter(&cause) {
                return Err(cause);
            }
            self.filter_refused = true;
            self.list(family, None, &mut wanted)
        });
        flows.map_err(|cause| cause.during("list", "the tracked flows"))
    }

    /// Whether the kernel refused to filter a list, so that all of it was read. Right, but slower.
    pub fn filter_was_refused(&self) -> bool {
        self.filter_refused
    }

    /// Deletes exactly this entry; false when it was gone already.
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
        wanted: &mut impl FnMut(&Flow) -> bool,
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
            Ok(Flow::parse(message.payload)?.filter(|flow| wanted(flow)))
        })
    }
}

/// What the kernel leaves out of a list for us: it only saves time, the answer is checked again.
///
/// It goes by protocol and port alone: the kernel is said to compare IPv6 addresses the wrong way round, and
/// refuses a filter over both families at once (EOPNOTSUPP).
#[derive(Clone, Copy)]
struct Filter {
    protocol: u8,
    /// The kernel compares with one port at most.
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

fn is_asked_for(flow: &Flow, protocol: u8, ports: &[RangeInclusive<u16>]) -> bool {
    flow.protocol == protocol
        && ports.iter().any(|range| range.contains(&flow.destination().port()))
}

fn refuses_filter(cause: &Cause) -> bool {
    matches!(cause, Cause::Refused(refusal)
        if matches!(refusal.errno, errno::EINVAL | errno::EOPNOTSUPP))
}

/// Every netfilter message begins with the family, the version 0 and a resource id, here 0.
fn header(family: IpFamily) -> [u8; 4] {
    [family.number(), 0, 0, 0]
}

#[cfg(test)]
mod tests;
