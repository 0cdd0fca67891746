//! Every kind of set, with elements.

use cni_netlink::nftables::{DataType, Field, Key, Set, Value, ValueType, Verdict};

use super::{TCP, UDP, commented, dnat4, ifname, intervals, set, target4, tcp, v4, v6};
use DataType::{Ifname, InetProto, InetService, Ipv4Addr, Ipv6Addr};

/// A set, and the keys, values and comments of its elements.
pub(crate) type Content = (Set, Vec<Item>);
type Item = (Key, Option<Value>, Option<&'static str>);

const PORT: [DataType; 2] = [InetProto, InetService];
const HOST4: [DataType; 3] = [Ipv4Addr, InetProto, InetService];
const HOST6: [DataType; 3] = [Ipv6Addr, InetProto, InetService];

pub(crate) fn sets() -> Vec<Content> {
    [targets(), ranges4(), ranges6(), verdicts(), plain(), prefixes()].concat()
}

fn one(fields: &[Field]) -> Key {
    Key::One(fields.to_vec())
}

fn data(fields: &[Field]) -> Option<Value> {
    Some(Value::Data(fields.to_vec()))
}

fn verdict(verdict: Verdict) -> Option<Value> {
    Some(Value::Verdict(verdict))
}

fn goto(chain: &str) -> Option<Value> {
    verdict(Verdict::Goto(chain.to_owned()))
}

fn range(hosts: (Field, Field), protocol: Field, first: u16, last: u16) -> Key {
    Key::Range(vec![hosts, (protocol.clone(), protocol), (Field::Port(first), Field::Port(last))])
}

fn any4() -> (Field, Field) {
    (v4("0.0.0.0"), v4("255.255.255.255"))
}

fn any6() -> (Field, Field) {
    (v6("::"), v6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))
}

fn targets() -> Vec<Content> {
    let port = Field::Port;
    let to6 = ValueType::Data(vec![Ipv6Addr, InetService]);
    let web6 = |port: u16| data(&[v6("fd00::2"), Field::Port(port)]);
    let odd = Some("sctp, 100% 'x' \\ ü");
    vec![
        (
            commented(dnat4()),
            vec![
                (tcp(8080), target4("10.0.0.2", 80), Some("web")),
                (one(&[UDP, port(53)]), target4("10.0.0.3", 5353), None),
                (one(&[Field::Proto(132), port(65535)]), target4("10.0.0.4", 1), odd),
            ],
        ),
        (set("dnat6", &PORT, to6.clone()), vec![(tcp(8080), web6(80), Some("web"))]),
        (
            set("host-dnat4", &HOST4, ValueType::Data(vec![Ipv4Addr, InetService])),
            vec![(one(&[v4("192.0.2.1"), TCP, port(443)]), target4("10.0.0.2", 443), None)],
        ),
        (
            set("host-dnat6", &HOST6, to6),
            vec![(one(&[v6("2001:db8::1"), TCP, port(443)]), web6(443), None)],
        ),
    ]
}

fn ranges4() -> Vec<Content> {
    let of = |name, value| intervals(set(name, &HOST4, value));
    let (here, one) = (data(&[v4("10.0.0.2")]), (v4("192.0.2.1"), v4("192.0.2.1")));
    let (prefix, some) = ((v4("10.1.0.0"), v4("10.1.255.255")), (v4("10.2.0.1"), v4("10.2.0.9")));
    vec![
        (
            commented(of("range-dnat4", ValueType::Data(vec![Ipv4Addr]))),
            vec![
                (range(any4(), TCP, 7000, 7009), here.clone(), Some("many")),
                (range(one, UDP, 1, 65535), here.clone(), None),
                (range(prefix, UDP, 9, 9), here.clone(), None),
                (range(some, UDP, 9, 9), here, None),
            ],
        ),
        (
            of("range-ports4", ValueType::Verdict),
            vec![(range(any4(), TCP, 7000, 7009), goto("CNI-all"), Some("many"))],
        ),
    ]
}

fn ranges6() -> Vec<Content> {
    let (here, one) = (data(&[v6("fd00::2")]), (v6("2001:db8::1"), v6("2001:db8::1")));
    vec![(
        intervals(set("range-dnat6", &HOST6, ValueType::Data(vec![Ipv6Addr]))),
        vec![
            (range(any6(), TCP, 7000, 7009), here.clone(), Some("many")),
            (range(one, UDP, 9, 9), here, None),
        ],
    )]
}

fn verdicts() -> Vec<Content> {
    vec![
        (
            set("ports4", &PORT, ValueType::Verdict),
            vec![
                (tcp(8080), goto("near/10.0.0.0/24"), Some("container_id: c1")),
                (tcp(8081), verdict(Verdict::Jump("CNI-all".to_owned())), None),
                (tcp(8082), verdict(Verdict::Drop), None),
                (tcp(8083), verdict(Verdict::Accept), None),
                (tcp(8084), verdict(Verdict::Return), None),
            ],
        ),
        (
            set("address-ports4", &HOST4, ValueType::Verdict),
            vec![(one(&[v4("192.0.2.1"), TCP, Field::Port(443)]), goto("CNI-all"), None)],
        ),
        (set("address-ports6", &HOST6, ValueType::Verdict), vec![]),
    ]
}

fn plain() -> Vec<Content> {
    let of = |name, key: &[DataType], elements: &[&[Field]]| {
        let elements = elements.iter().map(|fields| (one(fields), None, None)).collect();
        (set(name, key, ValueType::None), elements)
    };
    vec![
        (
            commented(set("links", &[Ifname], ValueType::None)),
            vec![
                (one(&[ifname("eth0")]), None, Some("uplink")),
                (one(&[ifname("a-link-of-15-by")]), None, None),
            ],
        ),
        of("pairs", &[Ipv4Addr, Ipv4Addr], &[&[v4("10.0.0.2"), v4("10.0.0.3")]]),
        of("at", &[Ifname, Ipv4Addr], &[&[ifname("eth0"), v4("10.0.0.3")]]),
        of("hosts4", &[Ipv4Addr], &[&[v4("10.0.0.3")]]),
        of("hosts6", &[Ipv6Addr], &[&[v6("fd00::3")]]),
        of("protocols", &[InetProto], &[&[TCP], &[Field::Proto(254)]]),
        of("services", &[InetService], &[&[Field::Port(22)]]),
    ]
}

/// Returns sets with intervals of one field.
fn prefixes() -> Vec<Content> {
    let interval = |first: Field, last: Field| Key::Range(vec![(first, last)]);
    let prefix = |text: &str, length| {
        let (first, last) = Field::prefix(text.parse().expect("an address"), length).expect("one");
        interval(first, last)
    };
    let of = |name, kind, value| intervals(set(name, &[kind], value));
    vec![
        (
            commented(of("cidr4", Ipv4Addr, ValueType::None)),
            vec![
                // Next to each other, and at both ends of the range.
                (prefix("10.0.0.0", 24), None, Some("container_id: c1")),
                (prefix("10.0.1.0", 24), None, None),
                (prefix("192.0.2.7", 32), None, None),
                (prefix("0.0.0.0", 8), None, None),
                (interval(v4("198.51.100.1"), v4("198.51.100.9")), None, None),
                (prefix("240.0.0.0", 4), None, Some("to the end")),
            ],
        ),
        (
            of("cidr6", Ipv6Addr, ValueType::None),
            vec![(prefix("fd00:1::", 32), None, None), (prefix("2001:db8::1", 128), None, None)],
        ),
        (
            of("port-ranges", InetService, ValueType::Verdict),
            vec![
                (interval(Field::Port(1), Field::Port(1023)), verdict(Verdict::Drop), None),
                (interval(Field::Port(1024), Field::Port(65535)), goto("high"), Some("high")),
            ],
        ),
    ]
}
