//! Messages of the kernel: any bytes are read within their bounds, or refused.

use cni_netlink::conntrack::Flow;
use cni_netlink::link::Link;
use cni_netlink::message::Messages;

pub(crate) fn holds(input: &[u8]) {
    // Once as a datagram of messages, once as the payload of a message.
    for message in Messages::new(input).take_while(Result::is_ok).flatten() {
        let _ = message.refusal();
        payload(message.payload);
    }
    payload(input);
}

fn payload(bytes: &[u8]) {
    let _ = Flow::parse(bytes);
    let _ = Link::parse(bytes);
    cni_netlink::nftables::read_anything(bytes);
}
