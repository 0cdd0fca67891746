//! Tests of decoding links.

use super::*;
use crate::message::{HEADER, Writer};

/// Returns the payload of the kernel's message about a veth.
///
/// Its peer is link 2 in namespace 5. It is a port, in hairpin mode, of a link of type `kind`.
fn payload(kind: &str) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.message(NEW_LINK, 0, 1, |body| {
        let mut header = header(ANY_FAMILY, 9);
        header[8] = 1;
        body.raw(&header);
        body.bytes(1, &[2, 0, 0, 0, 0, 9]);
        body.text(3, "veth9");
        body.u32(5, 2);
        body.u32(10, 4);
        body.u32(37, 5);
        body.nested(18, |body| {
            body.nested(5, |body| body.u8(4, 1));
            body.text(1, "veth");
            body.text(4, kind);
        });
    });
    writer.datagram().expect("it fits in a message")[HEADER..].to_vec()
}

fn veth9() -> Link {
    Link {
        index: 9,
        name: "veth9".to_owned(),
        is_up: true,
        mac: Some([2, 0, 0, 0, 0, 9]),
        master: Some(4),
        hairpin: Some(true),
        is_veth: true,
        peer: Some(2),
        peer_namespace: Some(5),
    }
}

#[test]
fn all_attributes_of_a_link_are_decoded() {
    assert_eq!(Link::parse(&payload("bridge")), Ok(veth9()));
}

#[test]
fn hairpin_mode_is_read_only_from_the_port_data_of_bridges() {
    assert_eq!(Link::parse(&payload("bond")), Ok(Link { hairpin: None, ..veth9() }));
}

#[test]
fn a_truncated_link_is_never_decoded_as_complete() {
    let whole = payload("bridge");
    for end in 0..whole.len() {
        assert_ne!(Link::parse(&whole[..end]), Ok(veth9()), "truncated at {end}");
    }
}

#[test]
fn a_link_with_any_byte_changed_is_decoded_without_a_panic() {
    let whole = payload("bridge");
    let (mut links, mut tried) = (0, 0);
    for (at, value) in (0..whole.len()).flat_map(|at| (0..=255).map(move |value| (at, value))) {
        let mut bytes = whole.clone();
        bytes[at] = value;
        links += usize::from(Link::parse(&bytes).is_ok());
        tried += 1;
    }
    assert!(
        tried / 4 < links && links < tried,
        "{links} of {tried} messages were decoded as links"
    );
}

#[test]
fn a_negative_namespace_id_is_decoded_as_none() {
    let read = |id: i32| {
        let mut writer = Writer::new();
        writer.message(NEW_NAMESPACE_ID, 0, 1, |body| {
            body.raw(&[0]);
            body.bytes(NAMESPACE_ID, &id.to_ne_bytes());
        });
        let payload = writer.datagram().expect("it fits in a message")[HEADER..].to_vec();
        let message = Message { kind: NEW_NAMESPACE_ID, flags: 0, sequence: 1, payload: &payload };
        namespace_id_in(message)
    };
    assert_eq!(read(-1), Ok(None));
    assert_eq!(read(0), Ok(Some(0)));
}
