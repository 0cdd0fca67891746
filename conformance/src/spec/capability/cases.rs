//! Cases: capabilities and arguments from the runtime.

use crate::spec::prelude::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "capability.port-mappings-are-honoured",
        does: "ADD with a tcp and a udp mapping; expects both ports in the firewall rules",
        run: port_mappings_are_honoured,
    },
    Case {
        id: "capability.bad-values-are-refused",
        does: "ADD with malformed port mappings, one at a time",
        run: bad_values_are_refused,
    },
    Case {
        id: "capability.absence-is-no-error",
        does: "ADD without runtimeConfig, with an empty one and with an empty list",
        run: absence_is_no_error,
    },
    Case {
        id: "capability.unknown-args-are-ignored",
        does: "ADD with unknown keys in `args.cni` and in CNI_ARGS",
        run: unknown_args_are_ignored,
    },
];

fn port_mappings(fixture: &Fixture) -> CaseResult {
    if !fixture.subject.runtime_config.contains_key("portMappings") {
        return Err(Stop::skip("the subject does not declare the capability portMappings"));
    }
    Ok(())
}

fn port_mappings_are_honoured(fixture: &Fixture) -> CaseResult {
    port_mappings(fixture)?;
    let attachment = fixture.attachment("c1");
    let mappings = json!({ "portMappings": [
        { "hostPort": 23456, "containerPort": 80, "protocol": "tcp" },
        { "hostPort": 23457, "containerPort": 53, "protocol": "udp" },
    ] });
    let before = fixture.snapshot();
    attachment.add_with(attachment.call("ADD").key("runtimeConfig", mappings))?;
    let rules = new_rules(&before, &fixture.snapshot());
    for port in ["23456", "23457"] {
        let exists = rules.iter().any(|rule| rule.contains(port));
        expect(exists, format!("a firewall rule with port {port}"), || rules.join("\n"))?;
    }
    Ok(())
}

fn bad_values_are_refused(fixture: &Fixture) -> CaseResult {
    port_mappings(fixture)?;
    let good = json!({ "hostPort": 23456, "containerPort": 80, "protocol": "tcp" });
    let bad = [
        ("hostPort", json!(70000)),
        ("hostPort", json!(-1)),
        ("containerPort", json!(0)),
        ("containerPort", json!(70000)),
        ("protocol", json!("bogus")),
        ("hostIP", json!("not-an-address")),
    ];
    let bad = bad.map(|(key, value)| {
        let mut mapping = good.clone();
        mapping[key] = value;
        json!([mapping])
    });
    // One host port cannot be mapped to two container ports.
    let mut elsewhere = good.clone();
    elsewhere["containerPort"] = 81.into();
    let contradiction = json!([good, elsewhere]);
    let mut accepted = Vec::new();
    for mappings in bad.into_iter().chain([contradiction]) {
        accepted.extend(accepts(fixture, &mappings));
    }
    expect(accepted.is_empty(), "ADD with a malformed port mapping fails", || {
        format!("accepted: {}", accepted.join("; "))
    })
}

/// Returns the mappings if ADD accepts them. A container with IPv4 addresses only is tried too:
/// errors in a family that the container lacks must also be reported.
fn accepts(fixture: &Fixture, mappings: &Value) -> Option<String> {
    let config = json!({ "portMappings": mappings });
    let (both, one) = (fixture.attachment("c1"), fixture.attachment("c2"));
    if both.call("ADD").key("runtimeConfig", config.clone()).run().exchange.exit == Some(0) {
        return Some(mappings.to_string());
    }
    if fixture.subject.profile == Profile::Chained {
        let prev = only_ipv4(one.input().result(fixture.version));
        let call = one.call("ADD").key("runtimeConfig", config).key("prevResult", prev);
        let accepted = call.run().exchange.exit == Some(0);
        return accepted.then(|| format!("{mappings}, with IPv4 addresses only"));
    }
    None
}

/// Removes the IPv6 addresses of a result.
fn only_ipv4(mut result: Value) -> Value {
    if let Some(ips) = result["ips"].as_array_mut() {
        ips.retain(|ip| !text(ip, "address").contains(':'));
    }
    result
}

fn absence_is_no_error(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    let absent = attachment.call("ADD").without_key("runtimeConfig");
    attachment.add_with(absent)?.result()?;
    attachment.del()?;
    let mut configs = vec![json!({})];
    if port_mappings(fixture).is_ok() {
        configs.push(json!({ "portMappings": [] }));
    }
    for config in configs {
        attachment.add_with(attachment.call("ADD").key("runtimeConfig", config))?.result()?;
        attachment.del()?;
    }
    Ok(())
}

fn unknown_args_are_ignored(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    let args = json!({ "cni": { "conformance": "from-args" } });
    let call = attachment.call("ADD").key("args", args);
    attachment.add_with(call.env("CNI_ARGS", "IgnoreUnknown=1;conformance=from-environment"))?;
    Ok(())
}
