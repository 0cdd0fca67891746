//! Neighbours: whether the machines on a link have answered to a question for their hardware
//! address.

use std::net::IpAddr;

use crate::attribute::Body;
use crate::error::{Error, Malformed};
use crate::message::Message;
use crate::socket::{Socket, Subsystem};

const NEW_NEIGHBOUR: u16 = 28;
const GET_NEIGHBOUR: u16 = 30;
const DESTINATION: u16 = 1;

/// A handle to the neighbours of this network namespace.
pub struct Neighbours {
    socket: Socket,
}

/// What is known about a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeighbourState {
    /// It has answered, or need not be asked.
    Known,
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
        // The size of `ndmsg`.
        let fill = |body: &mut Body<'_>| body.raw(&[0; 12]);
        let found = self.socket.list(GET_NEIGHBOUR, fill, |message| {
            Ok(read(message)?.filter(|(its, of, _)| (*its, *of) == (interface, address)))
        });
        let found = found.map_err(|cause| cause.during("list", "the neighbours"))?;
        Ok(found.first().map(|(.., state)| *state))
    }
}

fn read(message: Message<'_>) -> Result<Option<(u32, IpAddr, NeighbourState)>, Malformed> {
    const INCOMPLETE: u8 = 0x01;
    const FAILED: u8 = 0x20;
    if message.kind != NEW_NEIGHBOUR {
        return Ok(None);
    }
    let (header, attributes) = message.split::<12>()?;
    let interface = u32::from_ne_bytes([header[4], header[5], header[6], header[7]]);
    let state = match u16::from_ne_bytes([header[8], header[9]]).to_le_bytes()[0] {
        INCOMPLETE => NeighbourState::Incomplete,
        FAILED => NeighbourState::Failed,
        0 => return Ok(None),
        _ => NeighbourState::Known,
    };
    for attribute in attributes {
        let attribute = attribute?;
        if attribute.kind == DESTINATION {
            return Ok(attribute.ip().map(|address| (interface, address, state)));
        }
    }
    Ok(None)
}
