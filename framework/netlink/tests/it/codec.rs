//! The codec round-trips its input, and no bytes make it panic.

use cni_netlink::attribute::{Attribute, Attributes};
use cni_netlink::conntrack::Flow;
use cni_netlink::link::Link;
use cni_netlink::message::{Message, Messages, Writer, flag, kind};
use cni_netlink::{Cause, Malformed, Refusal};

fn sample() -> Vec<u8> {
    let mut writer = Writer::new();
    writer.message(7, flag::REQUEST, 41, |body| {
        body.raw(&[1, 2, 3]);
        body.u8(1, 0xab);
        body.u16_be(2, 0x0102);
        body.nested(3, |body| {
            body.u32_be(4, 0x0102_0304);
            body.text(5, "name");
            body.address(6, "192.0.2.1".parse().expect("an address"));
            body.address(7, "2001:db8::1".parse().expect("an address"));
        });
        body.u64_be(8, 0x0102_0304_0506_0708);
    });
    writer.message(8, 0, 42, |body| body.u32(1, 5));
    writer.datagram().expect("it fits in a message").to_vec()
}

fn attributes(list: Attributes<'_>) -> Vec<Attribute<'_>> {
    list.map(|attribute| attribute.expect("complete")).collect()
}

#[test]
fn messages_and_attributes_round_trip() {
    let datagram = sample();
    let messages: Vec<Message<'_>> = Messages::new(&datagram).map(Result::unwrap).collect();
    let [first, second] = messages[..] else { panic!("two messages") };
    assert_eq!((first.kind, first.flags, first.sequence), (7, 1, 41));
    assert_eq!((second.kind, second.flags, second.sequence), (8, 0, 42));

    let (header, list) = first.split::<3>().expect("a header");
    assert_eq!(header, &[1, 2, 3]);
    let [byte, short, nested, long] = attributes(list)[..] else { panic!("four attributes") };
    assert_eq!(byte.u8(), Ok(0xab));
    assert_eq!(short.u16_be(), Ok(0x0102));
    assert_eq!((nested.kind, long.u64_be()), (3, Ok(0x0102_0304_0506_0708)));
    let [number, text, v4, v6] = attributes(nested.nested())[..] else { panic!("four inside") };
    assert_eq!(number.u32_be(), Ok(0x0102_0304));
    assert_eq!((text.text(), text.payload), (&b"name"[..], &b"name\0"[..]));
    assert_eq!(v4.ipv4(), Ok("192.0.2.1".parse().expect("an address")));
    assert_eq!(v6.ipv6(), Ok("2001:db8::1".parse().expect("an address")));
}

#[test]
fn the_bytes_are_those_of_the_protocol() {
    let mut writer = Writer::new();
    writer.message(0x0102, 5, 9, |body| body.nested(12, |body| body.u8(4, 1)));
    let mut expected = Vec::new();
    expected.extend(28_u32.to_ne_bytes());
    expected.extend(0x0102_u16.to_ne_bytes().iter().chain(&5_u16.to_ne_bytes()));
    expected.extend(9_u32.to_ne_bytes().iter().chain(&[0; 4]));
    expected.extend(12_u16.to_ne_bytes().iter().chain(&0x800c_u16.to_ne_bytes()));
    expected.extend(5_u16.to_ne_bytes().iter().chain(&4_u16.to_ne_bytes()));
    expected.extend([1, 0, 0, 0]);
    assert_eq!(writer.datagram().expect("it fits in a message"), expected);
}

#[test]
fn an_attribute_longer_than_its_length_field_fails_the_request() {
    let mut writer = Writer::new();
    writer.message(1, 0, 1, |body| body.bytes(1, &[0; 65_531]));
    assert!(writer.datagram().is_ok(), "65535 bytes with its header still fit");
    writer.message(1, 0, 1, |body| {
        body.nested(1, |body| body.bytes(2, &[0; 65_530]));
    });
    assert!(matches!(writer.datagram(), Err(Cause::TooLong)));
    writer.clear();
    assert!(matches!(writer.datagram(), Ok([])), "a cleared writer is empty");
}

#[test]
fn values_that_are_too_short_are_errors() {
    let short = Attribute { kind: 1, payload: &[1, 2, 3] };
    assert!(short.u32().is_err() && short.u32_be().is_err() && short.i32().is_err());
    assert!(short.u64_be().is_err() && short.ipv4().is_err() && short.ipv6().is_err());
    let empty = Attribute { kind: 1, payload: &[] };
    assert!(empty.u8().is_err() && empty.u16_be().is_err());
    assert_eq!((empty.text(), empty.nested().next()), (&b""[..], None));
}

#[test]
fn invalid_lengths_end_the_list_with_one_error() {
    for length in [0_u16, 1, 3, 9, 0xffff] {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([1, 0, 9, 9, 9, 9]);
        let read: Vec<_> = Attributes::new(&bytes).collect();
        assert_eq!(
            read,
            [Err(Malformed::new("an attribute has an invalid length"))],
            "length {length}"
        );
    }
    for length in [0_u32, 15, 17, u32::MAX] {
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend([0; 12]);
        let read: Vec<_> = Messages::new(&bytes).collect();
        assert_eq!(
            read,
            [Err(Malformed::new("a message has an invalid length"))],
            "length {length}"
        );
    }
}

#[test]
fn a_nested_attribute_cannot_exceed_its_container() {
    let mut writer = Writer::new();
    writer.message(1, 0, 1, |body| {
        body.bytes(1, &[8, 0, 1, 0, 7]);
        body.u32(2, 1);
    });
    let datagram = writer.datagram().expect("it fits in a message");
    let message = Messages::new(datagram).next().expect("one").expect("complete");
    let nested = Attributes::new(message.payload).next().expect("one").expect("complete");
    assert!(nested.nested().next().expect("one").is_err());
}

fn error_message(flags: u16, errno: i32, echoed: &[u8], explanation: &[u8]) -> Vec<u8> {
    let mut writer = Writer::new();
    writer.message(kind::ERROR, flags, 1, |body| {
        body.raw(&errno.to_ne_bytes());
        body.raw(echoed);
        body.raw(explanation);
    });
    writer.datagram().expect("it fits in a message").to_vec()
}

fn refusal(datagram: &[u8]) -> Result<Option<Refusal>, Malformed> {
    Messages::new(datagram).next().expect("one").expect("complete").refusal()
}

#[test]
fn a_refusal_contains_the_kernels_message_and_offset() {
    let mut writer = Writer::new();
    writer.message(0, 0, 0, |body| {
        body.text(1, "no such thing");
        body.u32(2, 44);
    });
    let explanation = &writer.datagram().expect("it fits in a message")[16..];
    let mut expected = Refusal::new(22);
    expected.reason = Some("no such thing".to_owned());
    expected.offset = Some(44);

    let mut echo = 16_u32.to_ne_bytes().to_vec();
    echo.resize(16, 0);
    let capped = error_message(flag::CAPPED | flag::ACK_ATTRIBUTES, -22, &echo, explanation);
    assert_eq!(refusal(&capped), Ok(Some(expected.clone())));

    let mut echo = 24_u32.to_ne_bytes().to_vec();
    echo.resize(24, 0);
    let echoing = error_message(flag::ACK_ATTRIBUTES, -22, &echo, explanation);
    assert_eq!(refusal(&echoing), Ok(Some(expected)));
}

#[test]
fn error_number_zero_is_an_acknowledgement_and_invalid_ones_are_harmless() {
    assert_eq!(refusal(&error_message(0, 0, &[0; 16], &[])), Ok(None));
    assert!(refusal(&error_message(0, 5, &[0; 16], &[])).is_err());
    let extreme = refusal(&error_message(flag::ACK_ATTRIBUTES, i32::MIN, &[0xff; 16], &[0xff; 8]));
    assert_eq!(extreme.map(|refusal| refusal.map(|refusal| refusal.errno)), Ok(Some(i32::MAX)));
    assert!(refusal(&[18, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]).is_err());
}

/// Decodes bytes with every function. Returns the number of complete messages and attributes.
fn decode_with_every_function(bytes: &[u8]) -> usize {
    let mut complete = 0;
    for message in Messages::new(bytes).flatten() {
        let _ = message.refusal();
        let _ = message.split::<4>();
        complete += 1 + read_attributes(Attributes::new(message.payload), 8);
        let _ = Flow::parse(message.payload);
        let _ = Link::parse(message.payload);
    }
    let _ = Flow::parse(bytes);
    let _ = Link::parse(bytes);
    complete + read_attributes(Attributes::new(bytes), 8)
}

fn read_attributes(list: Attributes<'_>, depth: usize) -> usize {
    let mut complete = 0;
    for attribute in list.flatten() {
        let _ = (attribute.u8(), attribute.u16_be(), attribute.u32(), attribute.u64_be());
        let _ = (attribute.text(), attribute.ipv4(), attribute.ipv6());
        let nested = if depth > 0 { read_attributes(attribute.nested(), depth - 1) } else { 0 };
        complete += 1 + nested;
    }
    complete
}

#[test]
fn truncated_datagrams_and_datagrams_with_a_changed_byte_cause_no_panic() {
    let sample = sample();
    for end in 0..=sample.len() {
        decode_with_every_function(&sample[..end]);
    }
    let (mut tried, mut complete) = (0, 0);
    for (at, value) in (0..sample.len()).flat_map(|at| (0..=255).map(move |value| (at, value))) {
        let mut bytes = sample.clone();
        bytes[at] = value;
        complete += decode_with_every_function(&bytes);
        tried += 1;
    }
    assert!(
        complete > 3 * tried,
        "only {complete} complete messages and attributes in {tried} tries"
    );
}

/// Returns random bytes after a message header, with plausible attributes that follow or contain
/// each other. Otherwise hardly anything would be read beyond the first length.
fn random_datagram(random: &mut impl FnMut() -> u64) -> Vec<u8> {
    let length = 16 + random() % 96;
    let mut bytes: Vec<u8> = (0..length).map(|_| random().to_ne_bytes()[0]).collect();
    bytes[..4].copy_from_slice(&(length as u32).to_ne_bytes());
    // After the message header there is no further header, one of conntrack, or one of links.
    let mut at = 16 + [0, 4, 16][random() as usize % 3];
    while at + 4 <= bytes.len() {
        let length = 4 + random() as u16 % 20;
        bytes[at..at + 2].copy_from_slice(&length.to_ne_bytes());
        bytes[at + 2..at + 4].copy_from_slice(&(random() as u16 % 40).to_ne_bytes());
        let is_nest = random().is_multiple_of(2);
        at += if is_nest { 4 } else { usize::from(length).next_multiple_of(4) };
    }
    if random().is_multiple_of(2) {
        let at = random() as usize % bytes.len();
        bytes[at] = random().to_ne_bytes()[0];
    }
    bytes
}

#[test]
fn a_hundred_thousand_random_datagrams_cause_no_panic() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 20
    };
    let complete: usize =
        (0..100_000).map(|_| decode_with_every_function(&random_datagram(&mut random))).sum();
    assert!(complete > 200_000, "only {complete} messages and attributes were read");
}
