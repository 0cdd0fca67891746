use serde_json::json;

use super::overlap::tests::COMPARISONS;
use super::*;
use crate::family::Family;

fn mesos(mappings: Value) -> Result<Vec<Mapping>, Vec<Problem>> {
    let args = json!({"org.apache.mesos": {"network_info": {"port_mappings": mappings}}});
    read(Some(&args), None)
}

fn capability(mappings: Value) -> Result<Vec<Mapping>, Vec<Problem>> {
    read(None, Some(&json!({"portMappings": mappings})))
}

fn refusal(result: Result<Vec<Mapping>, Vec<Problem>>) -> String {
    let problems: Vec<String> = result.unwrap_err().iter().map(Problem::to_string).collect();
    problems.join("\n")
}

#[test]
fn mappings_of_mesos_are_read_in_every_notation_that_the_original_accepted() {
    let found = mesos(json!([
        {"host_port": 8080, "container_port": "80"},
        {"host_port": 53.0, "container_port": 53, "protocol": "UDP"},
        {"host_port": 54, "container_port": 54, "protocol": "Tcp "},
        {"host_port": 55, "container_port": 55, "protocol": null},
        {"host_port": 56, "container_port": 56, "protocol": "sctp"},
    ]));
    let texts: Vec<String> = found.unwrap().iter().map(Mapping::to_string).collect();
    assert_eq!(
        texts,
        [
            "tcp host port 8080 to container port 80",
            "udp host port 53 to container port 53",
            "tcp host port 54 to container port 54",
            "tcp host port 55 to container port 55",
            "sctp host port 56 to container port 56",
        ]
    );
}

#[test]
fn an_absent_or_null_source_has_no_mappings() {
    let empty = [
        json!(null),
        json!({}),
        json!({"org.apache.mesos": null}),
        json!({"org.apache.mesos": {"network_info": {}}, "portMappings": null}),
    ];
    for value in &empty {
        assert_eq!(read(Some(value), Some(value)), Ok(Vec::new()), "{value}");
    }
    assert_eq!(read(None, None), Ok(Vec::new()));
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_its_path() {
    let refused = |args: Value| refusal(read(Some(&args), None));
    assert!(refused(json!("x")).starts_with("args: \"x\" is not an object"));
    assert!(refused(json!({"org.apache.mesos": 3})).starts_with("args.\"org.apache.mesos\": 3"));
    assert!(
        refused(json!({"org.apache.mesos": {"network_info": []}}))
            .starts_with("args.\"org.apache.mesos\".network_info: []")
    );
    assert!(
        refusal(capability(json!("80:80"))).starts_with("runtimeConfig.portMappings: \"80:80\"")
    );
    assert!(refusal(capability(json!([8080]))).starts_with("runtimeConfig.portMappings[0]: 8080"));
}

#[test]
fn every_invalid_value_is_reported_with_its_path() {
    let refused = refusal(capability(json!([
        {"hostPort": 0, "containerPort": 70000},
        {"containerPort": 80.5},
        {"hostPort": -1, "containerPort": true, "protocol": "icmp", "hostIP": "10.0.0.300"},
        {"hostPort": 5_000_000_000_u64, "containerPort": "http", "protocol": "", "hostIP": 3},
    ])));
    for line in [
        "runtimeConfig.portMappings[0].hostPort: 0 is not a port",
        "runtimeConfig.portMappings[0].containerPort: 70000 is not a port",
        "runtimeConfig.portMappings[1].hostPort: it is missing",
        "runtimeConfig.portMappings[1].containerPort: 80.5 is not a port",
        "runtimeConfig.portMappings[2].hostPort: -1 is not a port",
        "runtimeConfig.portMappings[2].containerPort: true is not a port",
        "runtimeConfig.portMappings[2].protocol: \"icmp\" is not a supported protocol",
        "runtimeConfig.portMappings[2].hostIP: \"10.0.0.300\" is not an IP address",
        "runtimeConfig.portMappings[3].hostPort: 5000000000 is not a port",
        "runtimeConfig.portMappings[3].containerPort: \"http\" is not a port",
        "runtimeConfig.portMappings[3].protocol: \"\" is not a supported protocol",
        "runtimeConfig.portMappings[3].hostIP: 3 is not text",
    ] {
        assert!(refused.contains(line), "{line}\nis not in\n{refused}");
    }
}

#[test]
fn host_addresses_are_read_and_addresses_that_cannot_work_are_refused() {
    let host_ip = |text: &str| {
        capability(json!([{"hostPort": 1, "containerPort": 1, "hostIP": text}]))
            .map(|found| found[0].host_ip)
    };
    assert_eq!(host_ip(""), Ok(HostAddress::Any));
    assert_eq!(host_ip("0.0.0.0"), Ok(HostAddress::AnyOf(Family::V4)));
    assert_eq!(host_ip("::"), Ok(HostAddress::AnyOf(Family::V6)));
    assert_eq!(host_ip("192.0.2.1"), Ok(HostAddress::One("192.0.2.1".parse().unwrap())));
    assert_eq!(host_ip("::ffff:192.0.2.1"), host_ip("192.0.2.1"));
    for bad in
        ["::1", "224.0.0.1", "255.255.255.255", "any", "localhost", "fe80::1%eth0", "1.2.3.4 "]
    {
        assert!(host_ip(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_range_must_end_at_the_last_port() {
    let range = |host: u16, range: Value| {
        capability(json!([{"hostPort": host, "containerPort": 1000, "range": range}]))
    };
    assert_eq!(range(8000, json!(10)).unwrap()[0].last_host_port(), 8009);
    assert_eq!(range(65535, json!(1)).unwrap()[0].last_host_port(), 65535);
    assert_eq!(range(8000, json!(0)).unwrap()[0].range, 1);
    assert!(refusal(range(65535, json!(2))).contains("beyond port 65535"));
    assert!(refusal(range(8000, json!(70000))).contains("is not a number of ports"));
}

#[test]
fn both_sources_are_merged_without_duplicates() {
    let args = json!({"org.apache.mesos": {"network_info": {"port_mappings": [
        {"host_port": 80, "container_port": 1},
        {"host_port": 80, "container_port": 1, "protocol": "TCP"},
    ]}}});
    let config = json!({"portMappings": [
        {"hostPort": 80, "containerPort": 1, "protocol": "tcp"},
        {"hostPort": 81, "containerPort": 1},
    ]});
    assert_eq!(read(Some(&args), Some(&config)).unwrap().len(), 2);
}

#[test]
fn a_host_port_that_leads_to_two_container_ports_is_refused() {
    let refused = refusal(mesos(json!([
        {"host_port": 80, "container_port": 1}, {"host_port": 80, "container_port": 2},
    ])));
    assert_eq!(
        refused,
        "args.\"org.apache.mesos\".network_info.port_mappings[1]: \
         tcp host port 80 to container port 2 contradicts \
         args.\"org.apache.mesos\".network_info.port_mappings[0], \
         tcp host port 80 to container port 1; map each host port once"
    );
}

#[test]
fn each_of_tens_of_thousands_of_mappings_is_compared_once_in_each_family() {
    let many: Vec<Value> =
        (1..=60_000).map(|port| json!({"hostPort": port, "containerPort": 80})).collect();
    COMPARISONS.set(0);
    assert_eq!(capability(json!(many)).unwrap().len(), 60_000);
    // The first mapping has no earlier one to compare with.
    assert_eq!(COMPARISONS.get(), Family::ALL.len() * 59_999);
}

/// containerd 1.6 passes the keys like this, since its type has no JSON names.
#[test]
fn keys_are_accepted_in_any_letter_case_and_the_exact_key_has_precedence() {
    let containerd = json!([
        {"HostPort": 8080, "ContainerPort": 80, "Protocol": "udp", "HostIP": "192.0.2.1"},
    ]);
    let usual = json!([
        {"hostPort": 8080, "containerPort": 80, "protocol": "udp", "hostIP": "192.0.2.1"},
    ]);
    assert_eq!(capability(containerd).unwrap(), capability(usual.clone()).unwrap());
    let both = json!([{
        "HostPort": 9, "hostPort": 8080, "containerPort": 80, "protocol": "udp",
        "hostIP": "192.0.2.1",
    }]);
    assert_eq!(capability(both).unwrap(), capability(usual).unwrap());
}
