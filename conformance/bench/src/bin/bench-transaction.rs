//! The baseline of every change of the firewall: a process that makes one netlink transaction.
//!
//! With CNI_COMMAND=ADD it adds an element to the map `ports` of the table `inet baseline`,
//! otherwise it deletes the element. It writes the bytes itself, so that only the transaction is
//! measured.

use std::io;
use std::process::ExitCode;

use netlink_sys::{Socket, constants::NETLINK_NETFILTER};

const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const NEW_ELEMENT: u16 = 10 << 8 | 12;
const DELETE_ELEMENT: u16 = 10 << 8 | 14;
const REQUEST: u16 = 1;
const ACK: u16 = 4;
const CREATE: u16 = 0x400;
const INET: u8 = 1;
const NESTED: u16 = 0x8000;

/// tcp . 8080
const KEY: [u8; 8] = [6, 0, 0, 0, 0x1f, 0x90, 0, 0];
/// 10.200.0.2 . 80
const VALUE: [u8; 8] = [10, 200, 0, 2, 0, 80, 0, 0];

fn main() -> ExitCode {
    let add = std::env::var_os("CNI_COMMAND").is_none_or(|verb| verb == "ADD");
    let (kind, flags) = if add { (NEW_ELEMENT, CREATE) } else { (DELETE_ELEMENT, 0) };
    match transaction(kind, flags) {
        Ok(0) => ExitCode::SUCCESS,
        // The benchmark reports the exit status, which is the kernel's error number.
        Ok(errno) => ExitCode::from(u8::try_from(errno).unwrap_or(u8::MAX)),
        Err(_) => ExitCode::from(u8::MAX),
    }
}

/// Makes the change, and returns the kernel's answer: 0, or an error number.
fn transaction(kind: u16, flags: u16) -> io::Result<i32> {
    let socket = Socket::new(NETLINK_NETFILTER)?;
    let batch = [
        message(BATCH_BEGIN, REQUEST, 0, 10, &[]),
        message(kind, REQUEST | ACK | flags, INET, 0, &element(kind == NEW_ELEMENT)),
        message(BATCH_END, REQUEST, 0, 10, &[]),
    ];
    socket.send(&batch.concat(), 0)?;
    let mut answer = Vec::with_capacity(4096);
    socket.recv(&mut answer, 0)?;
    let code = answer.get(16..20).and_then(|code| code.try_into().ok());
    Ok(code.map_or(i32::from(u8::MAX), |code| -i32::from_ne_bytes(code)))
}

fn element(with_value: bool) -> Vec<u8> {
    let data = |bytes: &[u8]| attribute(1, bytes);
    let mut item = attribute(1 | NESTED, &data(&KEY));
    if with_value {
        item.extend(attribute(2 | NESTED, &data(&VALUE)));
    }
    let list = attribute(1 | NESTED, &item);
    [attribute(1, b"baseline\0"), attribute(2, b"ports\0"), attribute(3 | NESTED, &list)].concat()
}

fn message(kind: u16, flags: u16, family: u8, resource: u16, attributes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(20 + attributes.len()).unwrap_or(u32::MAX);
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([family, 0]);
    bytes.extend(resource.to_be_bytes());
    bytes.extend(attributes);
    bytes
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}
