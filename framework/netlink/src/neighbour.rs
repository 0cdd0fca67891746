//! Neighbours: whether the machines on a link have answered to a question for their hardware
//! address, and with which.

use std::net::IpAddr;

use crate::attribute::Body;
use crate::error::{Error, Malformed};
use crate::message::{Message, flag};
use crate::socket::{Socket, Subsystem};

const NEW_NEIGHBOUR: u16 = 28;
const GET_NEIGHBOUR: u16 = 30;
const DESTINATION: u16 = 1;
const HARDWARE_ADDRESS: u16 = 2;

/// A neighbour on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Neighbour {
    /// What is known about it.
    pub state: NeighbourState,
    /// Its hardware address, if it is known and has the length of Ethernet.
    pub mac: Option<[u8; 6]>,
}

/// A handle to the neighbours of this network namespace.
pub struct Neighbours {
    socket: Socket,
}

/// What is known about a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeighbourState {
    /// It has answered lately, or need not be asked.
    Known,
    /// It has answered once, and is asked again if a packet is sent to it.
    Old,
    /// It was asked and has not answered yet.
    Incomplete,
    /// It has not answered.
    Failed,
}

impl Neighbours {
    /// Opens a netlink socket for neighbours. Reading requires no privilege.
    pub fn open() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(Subsystem::Route)? })
    }

    /// Returns the state of a neighbour on the link with this index, or `None` if no packet was
    /// sent to it.
    pub fn state(
        &mut self,
        interface: u32,
        address: IpAddr,
    ) -> Result<Option<NeighbourState>, Error> {
        Ok(self.find(interface, address)?.map(|neighbour| neighbour.state))
    }

    /// Returns a neighbour on the link with this index, or `None` if no packet was sent to it.
    pub fn find(&mut self, interface: u32, address: IpAddr) -> Result<Option<Neighbour>, Error> {
        // The size of `ndmsg`.
        let fill = |body: &mut Body<'_>| body.raw(&[0; 12]);
        let found = self.socket.list(GET_NEIGHBOUR, fill, |message| {
            Ok(read(message)?.filter(|(its, of, _)| (*its, *of) == (interface, address)))
        });
        let found = found.map_err(|cause| cause.during("list", "the neighbours"))?;
        Ok(found.first().map(|(.., neighbour)| *neighbour))
    }

    /// Makes the kernel ask a neighbour for its hardware address, as if a packet were sent to it.
    /// Requires CAP_NET_ADMIN.
    pub fn solicit(&mut self, interface: u32, address: IpAddr) -> Result<(), Error> {
        /// Creates an entry without an answer, and uses it.
        const USE: u8 = 1;
        let fill = |body: &mut Body<'_>| write(body, interface, address, 0, USE);
        let asked = self.socket.request(NEW_NEIGHBOUR, flag::CREATE, fill, |_| Ok(()));
        asked.map_err(|cause| cause.during("ask", format!("the neighbour {address}")))
    }

    /// Makes the kernel ask a neighbour of the state [`NeighbourState::Old`] again at once, as it
    /// does some seconds after a packet was sent to it. Requires CAP_NET_ADMIN.
    ///
    /// # Errors
    ///
    /// The kernel has no entry for the neighbour, or the process lacks the capability.
    pub fn probe(&mut self, interface: u32, address: IpAddr) -> Result<(), Error> {
        let fill = |body: &mut Body<'_>| write(body, interface, address, PROBE, 0);
        let probed = self.socket.request(NEW_NEIGHBOUR, 0, fill, |_| Ok(()));
        probed.map_err(|cause| cause.during("probe", format!("the neighbour {address}")))
    }
}

/// The state of a neighbour that is being asked again.
const PROBE: u16 = 0x10;

fn write(body: &mut Body<'_>, interface: u32, address: IpAddr, state: u16, flags: u8) {
    const IPV4: u8 = 2;
    const IPV6: u8 = 10;
    let mut header = [0; 12];
    header[0] = if address.is_ipv4() { IPV4 } else { IPV6 };
    header[4..8].copy_from_slice(&interface.to_ne_bytes());
    header[8..10].copy_from_slice(&state.to_ne_bytes());
    header[10] = flags;
    body.raw(&header);
    body.address(DESTINATION, address);
}

fn read(message: Message<'_>) -> Result<Option<(u32, IpAddr, Neighbour)>, Malformed> {
    const INCOMPLETE: u16 = 0x01;
    const REACHABLE: u16 = 0x02;
    const STALE: u16 = 0x04;
    const DELAY: u16 = 0x08;
    const FAILED: u16 = 0x20;
    const NO_ARP: u16 = 0x40;
    const PERMANENT: u16 = 0x80;
    if message.kind != NEW_NEIGHBOUR {
        return Ok(None);
    }
    let (header, attributes) = message.split::<12>()?;
    let interface = u32::from_ne_bytes([header[4], header[5], header[6], header[7]]);
    let state = match u16::from_ne_bytes([header[8], header[9]]) {
        INCOMPLETE => NeighbourState::Incomplete,
        FAILED => NeighbourState::Failed,
        REACHABLE | NO_ARP | PERMANENT => NeighbourState::Known,
        STALE | DELAY | PROBE => NeighbourState::Old,
        _ => return Ok(None),
    };
    let (mut address, mut mac) = (None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            DESTINATION => address = attribute.ip(),
            HARDWARE_ADDRESS => mac = attribute.payload.try_into().ok(),
            _ => {}
        }
    }
    Ok(address.map(|address| (interface, address, Neighbour { state, mac })))
}
