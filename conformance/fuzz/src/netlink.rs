//! Netlink messages from the kernel: any bytes are parsed within their bounds, or refused.

use cni_netlink::conntrack::Flow;
use cni_netlink::link::Link;
use cni_netlink::message::Messages;

pub(crate) fn holds(input: &[u8]) {
    // First as a datagram of messages, then as the payload of one message.
    for message in Messages::new(input).take_while(Result::is_ok).flatten() {
        let _ = message.refusal();
        parse_payload(message.payload);
    }
    parse_payload(input);
}

fn parse_payload(bytes: &[u8]) {
    let _ = Flow::parse(bytes);
    let _ = Link::parse(bytes);
    cni_netlink::nftables::decode_as_every_type(bytes);
}
