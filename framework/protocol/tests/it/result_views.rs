//! Typed views and changes, with the same calls in every version.

use std::net::IpAddr;

use cni_protocol::{
    AddResult,
    SpecVersion::{self, V0_1_0, V0_2_0, V0_3_0, V0_4_0, V1_0_0, V1_1_0},
    result::{Dns, Interface, IpConfig, ResultError},
};
use serde_json::{Value, json};

fn result(value: Value) -> AddResult {
    AddResult::from_value(value, V1_1_0).expect("a result")
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn rich() -> AddResult {
    result(json!({
        "cniVersion": "1.1.0",
        "interfaces": [
            {"name": "eth0", "sandbox": ""},
            {"name": "eth0", "mac": "0a:00:00:00:00:03", "mtu": 1450, "sandbox": "/run/netns/c1",
             "socketPath": "/s", "pciID": "p"},
            {"name": "net1", "sandbox": "/run/netns/c1"},
            {"name": "cni0"}
        ],
        "ips": [
            {"address": "10.0.0.2/8", "gateway": "10.0.0.1", "interface": 1},
            {"address": "fd00::2/64", "gateway": "", "interface": 1},
            {"address": "10.1.0.2/16", "interface": 2},
            {"address": "10.0.0.1/8", "interface": 3},
            {"address": "10.0.0.9/8", "interface": 0},
            {"address": "::ffff:10.3.0.5/112"},
            {"address": "10.0.0.10/8", "interface": 12_345_678_901_234_567_890_u64},
            {"address": "10.0.0.11/8", "interface": -1}
        ],
        "routes": [
            {"dst": "10.9.8.7/8", "gw": "10.0.0.1", "mtu": 1, "advmss": 2, "priority": 3,
             "table": 4, "scope": 0},
            {"dst": "::/0", "gw": null}
        ],
        "dns": {"nameservers": ["10.0.0.53"], "domain": "", "search": null, "options": ["a", "b"]}
    }))
}

fn addresses(ips: &[IpConfig]) -> Vec<String> {
    ips.iter().map(|ip| format!("{}/{}", ip.address, ip.prefix)).collect()
}

#[test]
fn interfaces_have_all_their_members() {
    let interfaces = rich().interfaces();
    assert_eq!(interfaces.len(), 4);
    let mut expected = Interface::new("eth0");
    expected.mac = Some("0a:00:00:00:00:03".to_owned());
    expected.sandbox = Some("/run/netns/c1".to_owned());
    expected.mtu = Some(1450);
    expected.socket_path = Some("/s".to_owned());
    expected.pci_id = Some("p".to_owned());
    assert_eq!(interfaces[1], expected);
    assert_eq!(interfaces[0].sandbox, None, "an empty sandbox counts as absent");
}

#[test]
fn host_interfaces_are_those_without_sandbox() {
    let names: Vec<String> =
        rich().host_interfaces().into_iter().map(|interface| interface.name).collect();
    assert_eq!(names, ["eth0", "cni0"]);
}

#[test]
fn addresses_have_gateway_and_index() {
    let ips = rich().ips();
    let mut first = IpConfig::new(ip("10.0.0.2"), 8);
    first.gateway = Some(ip("10.0.0.1"));
    first.interface = Some(1);
    assert_eq!(ips[0], first);
    assert_eq!(ips[1].gateway, None, "an empty gateway counts as absent");
    assert_eq!(addresses(&ips[5..6]), ["10.3.0.5/16"], "a mapped address is IPv4");
    assert_eq!(ips[7].interface, None, "-1 is not an index");
}

/// Addresses of net1, of the bridge, of the host interface that is also called eth0, and with an
/// index beyond the end do not belong to it.
#[test]
fn the_addresses_of_an_interface_refer_to_it_in_a_sandbox_or_to_no_interface() {
    let expected = ["10.0.0.2/8", "fd00::2/64", "10.3.0.5/16", "10.0.0.11/8"];
    assert_eq!(addresses(&rich().ips_of("eth0")), expected);
    assert_eq!(addresses(&rich().ips_of("net1")), ["10.1.0.2/16", "10.3.0.5/16", "10.0.0.11/8"]);
    assert_eq!(addresses(&rich().ips_of("eth9")), ["10.3.0.5/16", "10.0.0.11/8"]);
}

#[test]
fn without_interfaces_all_addresses_belong_to_any_interface() {
    let ipam = json!({"cniVersion": "0.4.0", "ips": [{"address": "10.0.0.2/8", "interface": 0}]});
    assert_eq!(result(ipam).ips_of("eth0").len(), 1);
    let slots =
        json!({"cniVersion": "0.2.0", "ip6": {"ip": "fd00::2/64"}, "ip4": {"ip": "10.0.0.2/8"}});
    assert_eq!(addresses(&result(slots).ips_of("eth0")), ["10.0.0.2/8", "fd00::2/64"]);
}

#[test]
fn routes_and_dns_have_their_members() {
    let routes = rich().routes();
    let first = &routes[0];
    assert_eq!((first.dst, first.prefix, first.gw), (ip("10.9.8.7"), 8, Some(ip("10.0.0.1"))));
    let numbers = [first.mtu, first.advmss, first.priority, first.table, first.scope];
    assert_eq!(numbers, [1, 2, 3, 4, 0].map(Some));
    assert_eq!((routes.len(), routes[1].gw), (2, None));
    let dns = rich().dns();
    assert_eq!((dns.nameservers, dns.domain), (vec!["10.0.0.53".to_owned()], None));
    assert_eq!((dns.search, dns.options.len()), (Vec::<String>::new(), 2));
}

#[test]
fn the_views_are_the_same_after_conversion() {
    let simple = result(json!({
        "cniVersion": "0.2.0",
        "ip4": {"ip": "10.0.0.2/8", "gateway": "10.0.0.1", "routes": [{"dst": "0.0.0.0/0"}]},
        "ip6": {"ip": "fd00::2/64", "routes": [{"dst": "::/0", "gw": "fd00::1"}]},
        "dns": {"domain": "example.org"}
    }));
    for version in SpecVersion::ALL {
        let converted = simple.clone().convert(version).expect("converts");
        assert_eq!(converted.ips(), simple.ips(), "{version}");
        assert_eq!(converted.routes(), simple.routes(), "{version}");
        assert_eq!(converted.dns(), simple.dns(), "{version}");
        assert!(converted.interfaces().is_empty(), "{version}");
    }
}

#[test]
fn members_of_another_layout_are_ignored() {
    let slots = json!({"cniVersion": "0.2.0", "ips": [{"address": "10.0.0.2/8"}],
                       "interfaces": [{}], "routes": [{"dst": "::/0"}]});
    let slots = result(slots);
    assert!(slots.ips().is_empty() && slots.interfaces().is_empty() && slots.routes().is_empty());
    let lists = result(json!({"cniVersion": "0.4.0", "ip4": {"ip": "10.0.0.2/8"}}));
    assert!(lists.ips().is_empty());
}

#[test]
fn an_address_of_0_2_0_has_no_index_even_with_a_key_of_that_name() {
    let slots = json!({"cniVersion": "0.2.0", "ip4": {"ip": "10.0.0.2/8", "interface": 0}});
    assert_eq!(result(slots).ips()[0].interface, None);
}

#[test]
fn every_change_is_printed() {
    let text = r#"{"cniVersion":"0.2.0","ip4":{"ip":"10.0.0.2/8"}}"#;
    let unchanged = AddResult::parse(text.as_bytes(), V0_2_0).expect("a result");
    let four = unchanged.ips()[0];
    let newer = unchanged.clone().convert(V1_0_0).expect("converts").to_bytes();
    let newer = AddResult::parse(&newer, V1_0_0).expect("a result");
    let changes: [fn(&mut AddResult, IpConfig); 4] = [
        |result, _| result.add_route("10.9.0.0/16", None).expect("a place"),
        |result, _| result.set_dns(&dns()).expect("a place"),
        |result, four| drop(result.add_ip(&four)),
        |result, _| drop(result.add_interface(&Interface::default())),
    ];
    for (index, change) in changes.iter().enumerate() {
        for original in [&unchanged, &newer] {
            let mut changed = original.clone();
            change(&mut changed, four);
            // In 0.2.0 there is one address of each family, and there are no interfaces.
            let has_a_place = original.version() != V0_2_0 || index < 2;
            assert_eq!(changed.document() != original.document(), has_a_place, "change {index}");
            assert_eq!(changed.to_bytes() != original.to_bytes(), has_a_place, "change {index}");
        }
    }
}

#[test]
fn malformed_entries_are_ignored_without_a_panic() {
    let mut result = rich();
    result.document_mut()["ips"] = json!([1, {}, {"address": 7}, {"address": "10.0.0.2/8"}]);
    result.document_mut()["interfaces"] = json!([null, {"name": "eth0", "sandbox": "/n"}]);
    result.document_mut()["routes"] = json!("none");
    result.document_mut()["dns"] = json!([]);
    assert_eq!(addresses(&result.ips()), ["10.0.0.2/8"]);
    assert_eq!(result.interfaces()[1].name, "eth0", "the others keep their index");
    assert!(result.routes().is_empty());
    assert_eq!(result.dns(), Dns::default());
}

fn dns() -> Dns {
    let mut dns = Dns::default();
    dns.nameservers = vec!["10.0.0.53".to_owned()];
    dns.search = vec!["a".to_owned()];
    dns
}

#[test]
fn set_dns_replaces_the_known_members_and_keeps_the_others() {
    for version in SpecVersion::ALL {
        let dns_before = json!({"x": 1, "domain": "d", "search": ["z"]});
        let mut result = result(json!({"cniVersion": version.as_str(), "dns": dns_before}));
        result.set_dns(&dns()).expect("dns has a place everywhere");
        let expected = json!({"x": 1, "search": ["a"], "nameservers": ["10.0.0.53"]});
        assert_eq!(result.document()["dns"], expected, "{version}");
        assert_eq!(result.dns(), dns(), "{version}");
    }
}

#[test]
fn an_empty_dns_is_not_printed() {
    let mut result = result(json!({"cniVersion": "0.4.0", "dns": {"domain": "d"}}));
    result.set_dns(&Dns::default()).expect("an object");
    assert_eq!(result.to_bytes(), b"{\"cniVersion\":\"0.4.0\"}\n");
}

#[test]
fn a_route_is_added_where_the_layout_has_it() {
    for version in SpecVersion::ALL {
        let slots = json!({"cniVersion": "0.2.0", "ip4": {"ip": "10.0.0.2/8", "routes": null},
                           "ip6": {"ip": "fd00::2/64"}});
        let mut result = result(slots).convert(version).expect("converts");
        result.add_route("10.9.8.7/8", Some(ip("10.0.0.1"))).expect("there is an IPv4 address");
        result.add_route("fd01::/16", None).expect("there is an IPv6 address");
        let routes = result.routes();
        assert_eq!((routes[0].dst, routes[0].gw), (ip("10.9.8.7"), Some(ip("10.0.0.1"))));
        assert_eq!(
            (routes[1].dst, routes[1].gw, routes.len()),
            (ip("fd01::"), None, 2),
            "{version}"
        );
        let slots = version <= V0_2_0;
        assert_eq!(result.document().contains_key("routes"), !slots, "{version}");
        result.convert(V1_0_0).expect("what was added is well-formed");
    }
}

#[test]
fn a_route_without_address_of_its_family_has_no_place_in_0_1_0() {
    let text = "{ \"cniVersion\": \"0.1.0\", \"ip4\": {\"ip\": \"10.0.0.2/8\"} }\n";
    let mut result = AddResult::parse(text.as_bytes(), V0_1_0).expect("a result");
    let error = result.add_route("::/0", None).expect_err("no IPv6 address");
    assert!(matches!(error, ResultError::NoPlace { version: V0_1_0, .. }), "{error}");
    assert!(result.add_route("10.0.0.1", None).is_err(), "no prefix length");
    assert_eq!(result.to_bytes(), text.as_bytes(), "a refused change changes nothing");
}

#[test]
fn an_interface_gets_an_index_and_only_members_of_the_version() {
    let mut interface = Interface::new("dummy0");
    interface.mtu = Some(1500);
    interface.sandbox = Some("/n".to_owned());
    for version in [V0_3_0, V0_4_0, V1_0_0, V1_1_0] {
        let mut result = AddResult::empty(version);
        assert_eq!(result.add_interface(&interface).expect("a place"), 0);
        assert_eq!(result.add_interface(&interface).expect("a place"), 1);
        let mut expected = interface.clone();
        expected.mtu = (version == V1_1_0).then_some(1500);
        assert_eq!(result.interfaces()[1], expected, "{version}");
    }
    let error = AddResult::empty(V0_2_0).add_interface(&interface).expect_err("no interfaces");
    assert_eq!(error.to_string(), "a result of CNI 0.2.0 has no place for interfaces");
}

#[test]
fn an_address_is_added_in_the_layout_of_the_version() {
    let mut four = IpConfig::new(ip("10.0.0.2"), 8);
    four.gateway = Some(ip("10.0.0.1"));
    let cases = [
        (V0_2_0, r#""ip4":{"ip":"10.0.0.2/8","gateway":"10.0.0.1"}"#),
        (V0_4_0, r#""ips":[{"version":"4","address":"10.0.0.2/8","gateway":"10.0.0.1"}]"#),
        (V1_0_0, r#""ips":[{"address":"10.0.0.2/8","gateway":"10.0.0.1"}]"#),
    ];
    for (version, expected) in cases {
        let mut result = AddResult::empty(version);
        result.add_ip(&four).expect("a place");
        let line = String::from_utf8(result.to_bytes()).expect("UTF-8");
        assert_eq!(line, format!("{{\"cniVersion\":\"{version}\",{expected}}}\n"));
        assert_eq!(result.ips(), [four]);
        assert_eq!(result.add_ip(&four).is_err(), version == V0_2_0, "{version}: a second one");
        assert!(result.add_ip(&IpConfig::new(four.address, 33)).is_err(), "{version}");
    }
}
