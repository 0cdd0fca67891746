//! Makes the kernel answer as one without a netfilter subsystem: before a request is sent, its
//! subsystem is replaced by one that no kernel has. The answer is then the kernel's own.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use nix::libc;
use nix::unistd::Pid;

/// A number above those that the kernel reserves.
const NO_SUBSYSTEM: u8 = 0x7f;
/// The kind of a message that begins a batch; its resource is the subsystem of the batch.
const BATCH_BEGIN: u16 = 0x10;
/// The length of the header of a netlink message.
const HEADER: usize = 16;
/// Where a netfilter message has the low byte of its resource.
const RESOURCE: usize = HEADER + 3;
/// The longest datagram that is examined.
const LONGEST: usize = 1 << 20;

/// Changes the requests in a call that sends a datagram, given as its number and arguments. Returns
/// whether there was one.
pub(crate) fn begin(caller: Pid, call: &[u64], subsystem: u8) -> io::Result<bool> {
    let is = |known: libc::c_long| call.first() == Some(&known.cast_unsigned());
    let memory = || File::options().read(true).write(true).open(format!("/proc/{caller}/mem"));
    let (memory, address, length) = if is(libc::SYS_sendto) {
        (memory()?, call[2], call[3])
    } else if is(libc::SYS_sendmsg) {
        let memory = memory()?;
        // The vector is the third field of the message, and its first entry is the datagram.
        let vector = word(&memory, call[2] + 16)?;
        let (address, length) = (word(&memory, vector)?, word(&memory, vector + 8)?);
        (memory, address, length)
    } else {
        return Ok(false);
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if !(HEADER..=LONGEST).contains(&length) {
        return Ok(false);
    }
    let mut datagram = vec![0; length];
    memory.read_exact_at(&mut datagram, address)?;
    let places = places(&datagram, subsystem);
    for place in &places {
        memory.write_all_at(&[NO_SUBSYSTEM], address + *place as u64)?;
    }
    Ok(!places.is_empty())
}

fn word(memory: &File, address: u64) -> io::Result<u64> {
    let mut bytes = [0; 8];
    memory.read_exact_at(&mut bytes, address)?;
    Ok(u64::from_ne_bytes(bytes))
}

/// Returns the offsets of the bytes that name the subsystem. Data that is not netlink has none.
fn places(datagram: &[u8], subsystem: u8) -> Vec<usize> {
    let mut places = Vec::new();
    let mut start = 0;
    while start + HEADER <= datagram.len() {
        let message = &datagram[start..];
        let length = u32::from_ne_bytes([message[0], message[1], message[2], message[3]]) as usize;
        if !(HEADER..=message.len()).contains(&length) {
            return Vec::new();
        }
        let kind = u16::from_ne_bytes([message[4], message[5]]);
        if kind.to_be_bytes()[0] == subsystem {
            let high = if cfg!(target_endian = "little") { 5 } else { 4 };
            places.push(start + high);
        } else if kind == BATCH_BEGIN && message.get(RESOURCE) == Some(&subsystem) {
            places.push(start + RESOURCE);
        }
        start += length.next_multiple_of(4);
    }
    places
}
