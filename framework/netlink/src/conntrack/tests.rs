//! Tests of decoding, selecting and deleting flows.

use std::net::SocketAddr;

use super::*;
use crate::attribute::Attributes;
use crate::error::{Malformed, Refusal};
use crate::message::{HEADER, Messages, Writer};

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn flow(from: &str, to: &str, replies_from: &str) -> Flow {
    let original = Tuple { source: address(from), destination: address(to) };
    let reply = Tuple { source: address(replies_from), destination: address(from) };
    Flow { protocol: UDP, original, reply, id: 0x0102_0304, zone: Zone::Default, status: 0x1a8 }
}

/// Returns the payload of the kernel's message about `flow`.
fn payload(flow: &Flow) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.message(NEW, 0, 1, |body| {
        body.raw(&header(flow.family()));
        flow.write_key(body);
        // `write_key` writes only the original direction. The reply direction has the same form, so
        // it is copied from a reversed flow.
        let reversed = Flow { original: flow.reply, zone: Zone::Default, ..*flow };
        let mut reply = Writer::new();
        reply.message(NEW, 0, 1, |body| reversed.write_key(body));
        let reply = reply.datagram().expect("it fits in a message").to_vec();
        let tuple = Attributes::new(&reply[HEADER..]).next().expect("a tuple").expect("complete");
        body.bytes(2, tuple.payload);
        body.u32_be(3, flow.status);
    });
    writer.datagram().expect("it fits in a message")[HEADER..].to_vec()
}

#[test]
fn a_flow_round_trips_in_both_families_and_every_zone() {
    let v4 = flow("192.0.2.9:4242", "192.0.2.1:53", "10.1.2.3:5353");
    let v6 = flow("[2001:db8::9]:4242", "[2001:db8::1]:53", "[fd00::3]:5353");
    let zoned = [Zone::Both(7), Zone::Original(8)].map(|zone| Flow { zone, ..v4 });
    for flow in [v4, v6].into_iter().chain(zoned) {
        assert_eq!(Flow::parse(&payload(&flow)), Ok(Some(flow)));
    }
}

#[test]
fn a_flow_between_two_families_is_malformed() {
    let read = |destination: (u16, &str)| {
        let mut writer = Writer::new();
        writer.message(NEW, 0, 1, |body| {
            body.raw(&header(IpFamily::V4));
            body.nested(1, |body| {
                body.nested(1, |body| {
                    body.address(1, "192.0.2.9".parse().expect("an address"));
                    body.address(destination.0, destination.1.parse().expect("an address"));
                });
            });
        });
        Flow::parse(&writer.datagram().expect("it fits in a message")[HEADER..])
    };
    assert!(matches!(read((4, "2001:db8::1")), Err(Malformed(_))));
    assert_eq!(
        read((2, "192.0.2.1")),
        Ok(None),
        "both addresses are IPv4, and only the ports are missing"
    );
}

#[test]
fn a_flow_without_ports_is_skipped() {
    let mut writer = Writer::new();
    writer.message(NEW, 0, 1, |body| {
        body.raw(&header(IpFamily::V4));
        for tuple in [1, 2] {
            body.nested(tuple, |body| body.nested(2, |body| body.u8(1, 1)));
        }
    });
    assert_eq!(Flow::parse(&writer.datagram().expect("it fits in a message")[HEADER..]), Ok(None));
}

#[test]
fn a_truncated_flow_is_never_decoded_as_complete() {
    let whole = payload(&flow("192.0.2.9:4242", "192.0.2.1:53", "10.1.2.3:5353"));
    let read = Flow::parse(&whole);
    for end in 0..whole.len() {
        assert_ne!(Flow::parse(&whole[..end]), read, "truncated at {end}");
    }
}

#[test]
fn a_flow_with_any_byte_changed_is_decoded_without_a_panic() {
    let whole = payload(&flow("192.0.2.9:4242", "192.0.2.1:53", "10.1.2.3:5353"));
    let (mut flows, mut tried) = (0, 0);
    for (at, value) in (0..whole.len()).flat_map(|at| (0..=255).map(move |value| (at, value))) {
        let mut bytes = whole.clone();
        bytes[at] = value;
        flows += usize::from(matches!(Flow::parse(&bytes), Ok(Some(_))));
        tried += 1;
    }
    assert!(
        tried / 4 < flows && flows < tried,
        "{flows} of {tried} messages were decoded as flows"
    );
}

#[test]
fn only_the_requested_protocol_and_ports_are_selected() {
    let udp = flow("192.0.2.9:53", "192.0.2.1:5000", "10.1.2.3:53");
    let tcp = Flow { protocol: TCP, ..udp };
    let ports = [1..=2, 5000..=5010];
    assert!(is_sent_to(&udp, UDP, &ports));
    assert!(!is_sent_to(&tcp, UDP, &ports));
    assert!(!is_sent_to(&udp, UDP, &[53..=53, 5001..=5010]));
    assert!(!is_sent_to(&udp, UDP, &[]));
}

#[test]
fn the_kernel_filters_by_a_single_port_or_by_none() {
    assert_eq!(Filter::new(UDP, &[53..=53]).port, Some(53));
    assert_eq!(Filter::new(UDP, &[53..=54]).port, None);
    assert_eq!(Filter::new(UDP, &[53..=53, 80..=80]).port, None);
}

#[test]
fn only_a_refused_filter_is_retried_without_a_filter() {
    let refused = |errno| Cause::Refused(Refusal::new(errno));
    assert!(refuses_filter(&refused(errno::EINVAL)));
    assert!(refuses_filter(&refused(errno::EOPNOTSUPP)));
    assert!(!refuses_filter(&refused(errno::EPERM)));
    assert!(!refuses_filter(&Cause::Malformed(Malformed("x"))));
}

#[test]
fn the_delete_request_contains_tuple_id_and_zone() {
    let flow =
        Flow { zone: Zone::Both(7), ..flow("192.0.2.9:4242", "192.0.2.1:53", "10.1.2.3:5353") };
    let mut writer = Writer::new();
    writer.message(DELETE, 5, 1, |body| flow.write_key(body));
    let message =
        Messages::new(writer.datagram().expect("it fits in a message")).next().expect("one");
    let kinds: Vec<u16> = Attributes::new(message.expect("complete").payload)
        .map(|attribute| attribute.expect("complete").kind)
        .collect();
    assert_eq!(kinds, [1, 12, 18]);
}

#[test]
fn a_flow_is_displayed_with_its_endpoints() {
    assert_eq!(
        flow("192.0.2.9:4242", "192.0.2.1:53", "10.1.2.3:5353").to_string(),
        "UDP flow 192.0.2.9:4242 to 192.0.2.1:53 (replies from 10.1.2.3:5353)"
    );
}
