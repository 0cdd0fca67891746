use cni_wrapper::{MountNamespace, NamespaceFile, Since};
use serde_json::json;

use super::*;
use crate::config::Config;

fn claim(config: serde_json::Value, addresses: &[&str]) -> Result<Claim, Error> {
    let config: Config = serde_json::from_value(config).unwrap();
    let own = str::to_owned;
    let owner = Attachment { network: own("n"), container_id: own("c"), ifname: own("eth0") };
    let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
    Claim::new(owner, own("/run/netns/c"), addresses, &Settings::from(&config)?)
}

fn mapped(host_ip: &str) -> serde_json::Value {
    json!({"portMappings": [{"hostPort": 80, "containerPort": 8080, "hostIP": host_ip}]})
}

fn on(host_ip: &str, addresses: &[&str]) -> Result<Claim, Error> {
    claim(json!({ "runtimeConfig": mapped(host_ip) }), addresses)
}

#[test]
fn a_mapping_needs_a_container_address_of_its_family() {
    assert!(on("192.0.2.1", &["10.0.0.2/24"]).is_ok());
    assert!(on("", &["fd00::2/64"]).is_ok());
    for (host_ip, addresses) in
        [("192.0.2.1", vec!["fd00::2/64"]), ("::", vec!["10.0.0.2/24"]), ("", vec![])]
    {
        assert_eq!(on(host_ip, &addresses).unwrap_err().code(), 102, "{host_ip}");
    }
}

#[test]
fn localhost_is_served_for_any_ipv4_address_unless_snat_or_the_host_prevents_it() {
    let serves = |ip: &str| on(ip, &["10.0.0.2/24", "fd00::2/64"]).unwrap().serves_localhost();
    assert!(serves("") && serves("0.0.0.0") && serves("127.0.0.1"));
    assert!(!serves("192.0.2.1") && !serves("::"));
    let not_allowed = Claim { without_localhost: true, ..on("", &["10.0.0.2/24"]).unwrap() };
    assert!(!not_allowed.serves_localhost(), "this host does not allow it");
    let off = json!({"snat": false, "runtimeConfig": mapped("")});
    assert!(!claim(off, &["10.0.0.2/24"]).unwrap().serves_localhost());
    let dead = json!({"snat": false, "runtimeConfig": mapped("127.0.0.1")});
    assert_eq!(claim(dead, &["10.0.0.2/24"]).unwrap_err().code(), 7);
}

#[test]
fn only_families_with_something_to_map_are_touched() {
    let families = |ip: &str, addresses: &[&str]| -> Vec<Family> {
        on(ip, addresses).unwrap().families().collect()
    };
    assert_eq!(families("", &["10.0.0.2/24", "fd00::2/64"]), Family::ALL);
    assert_eq!(families("", &["10.0.0.2/24"]), [Family::V4]);
    assert_eq!(families("2001:db8::1", &["10.0.0.2/24", "fd00::2/64"]), [Family::V6]);
}

#[test]
fn the_same_container_id_in_another_network_namespace_is_another_container() {
    let file = |inode, since| NamespaceFile { device: 4, inode, since };
    let in_namespace = |file: Option<NamespaceFile>| {
        let mount_namespace = MountNamespace { inode: 1, root: None };
        let boot_id = String::new();
        let namespace = file.map(|file| NamespaceId { file, boot_id, mount_namespace });
        Claim { namespace, ..on("", &["10.0.0.2/24"]).unwrap() }
    };
    let (mounted, process) = (Since::Created(100, 0), |id| Since::Process { id, started: 100 });
    let claim = in_namespace(Some(file(1, mounted.clone())));
    for same in [
        None,
        Some(file(1, mounted.clone())),
        Some(file(1, process(7))),
        Some(file(1, Since::Unknown)),
    ] {
        let same = in_namespace(same);
        assert!(claim.is_companion_of(&same) && same.is_companion_of(&claim), "{same:?}");
    }
    for other in [file(2, mounted), file(1, Since::Created(200, 0)), file(2, Since::Unknown)] {
        let other = in_namespace(Some(other));
        assert!(!claim.is_companion_of(&other) && !other.is_companion_of(&claim));
    }
    let [one, other] = [7, 8].map(|id| in_namespace(Some(file(1, process(id)))));
    assert!(one.is_companion_of(&other), "two processes in one namespace");
    let owner = Attachment::new("n", "c9", "eth0");
    assert!(!claim.is_companion_of(&Claim { owner, ..claim.clone() }));
}

#[test]
fn a_claim_is_read_back_from_its_json_and_unknown_keys_are_ignored() {
    let claim = on("192.0.2.1", &["10.0.0.2/24"]).unwrap();
    let mut json = serde_json::to_value(&claim).unwrap();
    json["later"] = json!({"x": 1});
    assert_eq!(serde_json::from_value::<Claim>(json).unwrap(), claim);
}

#[test]
fn subnets_are_masked() {
    let subnet = |text: &str| text.parse::<Cidr>().unwrap().subnet().to_string();
    assert_eq!(subnet("192.168.3.7/16"), "192.168.0.0/16");
    assert_eq!(subnet("10.0.0.1/0"), "0.0.0.0/0");
    assert_eq!(subnet("10.0.0.1/32"), "10.0.0.1/32");
    assert_eq!(subnet("fd00:0:0:1::7/64"), "fd00:0:0:1::/64");
    assert_eq!(subnet("fd00::7/0"), "::/0");
    assert!("10.0.0.1/33".parse::<Cidr>().is_err());
    assert!("10.0.0.1".parse::<Cidr>().is_err());
}
