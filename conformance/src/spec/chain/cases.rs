//! Cases: chained plugins and `prevResult`.

use crate::spec::prelude::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "chain.passes-prev-result",
        does: "ADD without runtimeConfig; compares the result with prevResult",
        run: passes_prev_result,
    },
    Case {
        id: "chain.changes-only-what-it-means-to",
        does: "ADD with runtimeConfig; compares the result with prevResult",
        run: changes_only_what_it_means_to,
    },
    Case {
        id: "chain.loses-nothing",
        does: "ADD with a prevResult that has every key; expects each of them in the result",
        run: loses_nothing,
    },
    Case {
        id: "chain.prev-result-without-version",
        does: "ADD, CHECK and DEL with a prevResult without cniVersion",
        run: prev_result_without_version,
    },
    Case {
        id: "chain.prev-result-of-other-version",
        does: "ADD with a prevResult in another version of the same format; DEL with one of each",
        run: prev_result_of_other_version,
    },
    Case {
        id: "chain.needs-prev-result",
        does: "ADD and CHECK without prevResult, with null and with a string",
        run: needs_prev_result,
    },
    Case {
        id: "chain.several-interfaces-and-addresses",
        does: "ADD with two interfaces in prevResult; expects rules for the addresses of eth0",
        run: several_interfaces_and_addresses,
    },
    Case {
        id: "chain.any-kind-of-interface",
        does: "ADD when eth0 is a bridge, without an end on the host",
        run: any_kind_of_interface,
    },
];

/// Removes what may differ from a result: the version, and empty members.
fn canonical(result: &Value) -> Value {
    match result {
        Value::Object(object) => {
            let empty = |value: &Value| {
                value.is_null() || *value == json!({}) || *value == json!([]) || *value == ""
            };
            let members = object.iter().map(|(key, value)| (key.clone(), canonical(value)));
            members.filter(|(key, value)| key != "cniVersion" && !empty(value)).collect()
        }
        Value::Array(values) => values.iter().map(canonical).collect(),
        // MAC and IPv6 addresses may differ in case.
        Value::String(text) => text.to_lowercase().into(),
        other => other.clone(),
    }
}

/// Expects the result to equal `prev`, except for the members that the plugin is meant to change.
fn expect_same(fixture: &Fixture, response: &Response, prev: &Value) -> CaseResult {
    let rest = |result: &Value| {
        let mut result = canonical(result);
        for key in &fixture.subject.changes {
            result.as_object_mut().map(|result| result.shift_remove(key));
        }
        result
    };
    let (result, prev) = (rest(&response.result()?), rest(prev));
    expect(result == prev, format!("{}: the result is {prev}", response.exchange.call), || {
        result.to_string()
    })
}

fn passes_prev_result(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    let response = attachment.add_with(attachment.call("ADD").without_key("runtimeConfig"))?;
    expect_same(fixture, &response, &attachment.input().result(fixture.version))
}

fn changes_only_what_it_means_to(fixture: &Fixture) -> CaseResult {
    if fixture.subject.runtime_config.is_empty() {
        return Err(Stop::skip("the subject file has no `runtimeConfig`"));
    }
    let attachment = fixture.attachment("c1");
    let response = attachment.add()?;
    expect_same(fixture, &response, &attachment.input().result(fixture.version))
}

fn push(result: &mut Value, key: &str, value: Value) {
    if let Some(list) = result[key].as_array_mut() {
        list.push(value);
    }
}

fn full_result(attachment: &Attachment, version: SpecVersion) -> Value {
    let mut full = attachment.input().result(version);
    let more = json!({ "name": "br-conf", "mac": "02:77:00:00:02:01" });
    push(&mut full, "interfaces", more);
    let route = json!({ "dst": "192.0.2.0/24", "gw": "10.77.0.254" });
    push(&mut full, "routes", route);
    full["dns"] = json!({
        "nameservers": ["10.77.0.53", "fd00:77::53"], "domain": "conf.test",
        "search": ["a.test", "b.test"], "options": ["ndots:2"],
    });
    if version >= SpecVersion::V1_1_0 {
        full["interfaces"][1]["mtu"] = 1400.into();
        full["routes"][0]["priority"] = 7.into();
        full["routes"][0]["mtu"] = 1300.into();
    }
    full
}

fn loses_nothing(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    let mut prev = full_result(&attachment, fixture.version);
    let known = attachment.add_with(attachment.call("ADD").key("prevResult", prev.clone()))?;
    let mut kept = canonical(&prev);
    for key in &fixture.subject.changes {
        kept.as_object_mut().map(|kept| kept.shift_remove(key));
    }
    expect_contains(&known, &canonical(&known.result()?), &kept, "")?;
    attachment.del()?;
    let mut seen = Vec::new();
    if adds_empty_versions(fixture, &attachment) {
        seen.push("addresses of prevResult without `version` get an empty one, which is invalid");
    }
    prev["org.conformance/unknown"] = json!({ "kept": true });
    let unknown = attachment.add_with(attachment.call("ADD").key("prevResult", prev))?;
    if unknown.result()?.get("org.conformance/unknown").is_none() {
        seen.push("keys of prevResult that are not in the specification are dropped");
    }
    if seen.is_empty() { Ok(()) } else { Err(Stop::Info(seen.join("; "))) }
}

/// Whether addresses without `version`, which is mandatory before 1.0.0, get an empty one.
fn adds_empty_versions(fixture: &Fixture, attachment: &Attachment) -> bool {
    if fixture.version >= SpecVersion::V1_0_0 {
        return false;
    }
    let mut prev = attachment.input().result(fixture.version);
    for ip in prev["ips"].as_array_mut().into_iter().flatten() {
        ip.as_object_mut().map(|ip| ip.shift_remove("version"));
    }
    let call = attachment.call("ADD").key("prevResult", prev);
    let response = call.note("whose addresses have no `version`").run();
    attachment.call("DEL").run();
    let result = response.document().unwrap_or_default();
    list(&result, "ips").iter().any(|ip| ip["version"] == "")
}

/// Expects every member of `prev` in `result`.
fn expect_contains(response: &Response, result: &Value, prev: &Value, path: &str) -> CaseResult {
    match (prev, result) {
        (Value::Object(prev), Value::Object(_)) => prev.iter().try_for_each(|(key, value)| {
            expect_contains(response, &result[key], value, &format!("{path}.{key}"))
        }),
        (Value::Array(prev), Value::Array(_)) => {
            prev.iter().enumerate().try_for_each(|(index, value)| {
                let seen = result.get(index).unwrap_or(&Value::Null);
                expect_contains(response, seen, value, &format!("{path}[{index}]"))
            })
        }
        _ => {
            let what =
                format!("{}: {} is {prev}", response.exchange.call, path.trim_start_matches('.'));
            expect(prev == result, what, || result.to_string())
        }
    }
}

fn without_version(mut result: Value) -> Value {
    result.as_object_mut().map(|result| result.shift_remove("cniVersion"));
    result
}

fn prev_result_without_version(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    if fixture.version >= SpecVersion::V0_4_0 {
        add_and_check(&attachment)?;
        attachment.del()?;
    }
    let prev = without_version(attachment.input().result(fixture.version));
    attachment.add_with(attachment.call("ADD").key("prevResult", prev))?;
    let last = without_version(attachment.result().unwrap_or_default());
    if fixture.version >= SpecVersion::V0_4_0 {
        attachment.call("CHECK").key("prevResult", last.clone()).run().succeeds()?;
    }
    attachment.call("DEL").key("prevResult", last).run().succeeds()?;
    Ok(())
}

fn prev_result_of_other_version(fixture: &Fixture) -> CaseResult {
    let sibling = match fixture.version {
        SpecVersion::V1_0_0 => SpecVersion::V1_1_0,
        SpecVersion::V1_1_0 => SpecVersion::V1_0_0,
        SpecVersion::V0_4_0 => SpecVersion::V0_3_1,
        _ => SpecVersion::V0_4_0,
    };
    let claimed = claimed_versions(fixture)?;
    if !claimed.contains(&sibling) {
        return Err(Stop::skip("the plugin claims no other version of the same result format"));
    }
    let attachment = fixture.attachment("c1");
    let prev = attachment.input().result(sibling);
    attachment.add_with(attachment.call("ADD").key("prevResult", prev))?;
    for version in claimed {
        let prev = attachment.input().result(version);
        attachment.call("DEL").key("prevResult", prev).run().succeeds()?;
    }
    Ok(())
}

fn needs_prev_result(fixture: &Fixture) -> CaseResult {
    let verbs = ["ADD", "CHECK"];
    let known = |verb: &&str| *verb == "ADD" || fixture.version >= SpecVersion::V0_4_0;
    for verb in verbs.iter().filter(|verb| known(verb)) {
        let call = || fixture.attachment("c1").call(verb);
        for call in [
            call().without_key("prevResult"),
            call().key("prevResult", Value::Null),
            call().key("prevResult", "a string"),
        ] {
            let response = call.run().fails()?;
            response.expect(response.code().is_some(), "an error object")?;
        }
    }
    let empty = fixture.attachment("c2").call("ADD").key("prevResult", json!({})).run();
    if empty.exchange.exit == Some(0) {
        return Err(Stop::Info(format!(
            "an empty prevResult is accepted: {}",
            empty.exchange.ending()
        )));
    }
    Ok(())
}

fn several_interfaces_and_addresses(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    let mut prev = attachment.input().result(fixture.version);
    let tag = (fixture.version < SpecVersion::V1_0_0).then_some("4");
    let netns = attachment.container().netns();
    let other = json!({ "name": "other9", "mac": "02:77:00:00:09:09", "sandbox": netns });
    push(&mut prev, "interfaces", other);
    let mut foreign = json!({ "address": "10.99.0.9/24", "interface": 2 });
    if let Some(tag) = tag {
        foreign["version"] = tag.into();
    }
    if let Some(ips) = prev["ips"].as_array_mut() {
        ips.insert(0, foreign.clone());
        ips.push(foreign);
    }
    let before = fixture.snapshot();
    attachment.add_with(attachment.call("ADD").key("prevResult", prev))?;
    let rules = new_rules(&before, &fixture.snapshot());
    let own = bare(&attachment.input().address4()).to_owned();
    if !rules.iter().any(|rule| rule.contains(&own) || rule.contains("10.99.0.9")) {
        return Err(Stop::skip("the plugin creates no rules with an address"));
    }
    let wrong = rules.iter().find(|rule| rule.contains("10.99.0.9"));
    expect(wrong.is_none(), "rules contain the addresses of eth0, not those of other9", || {
        wrong.cloned().unwrap_or_default()
    })?;
    let named = rules.iter().any(|rule| rule.contains(&own));
    expect(named, format!("a rule contains {own}, an address of eth0"), || rules.join("\n"))
}

fn any_kind_of_interface(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    let input = attachment.input();
    attachment.container().run("ip link del eth0");
    attachment.container().run(&format!("ip link add eth0 address {} type bridge", input.mac(1)));
    attachment.container().run(&format!("ip address add {} dev eth0", input.address4()));
    attachment.container().run(&format!("ip address add {} dev eth0 nodad", input.address6()));
    attachment.container().run("ip link set eth0 up");
    let mut prev = input.result(fixture.version);
    prev["interfaces"] = json!([prev["interfaces"][1].clone()]);
    for ip in prev["ips"].as_array_mut().into_iter().flatten() {
        ip["interface"] = 0.into();
    }
    attachment.add_with(attachment.call("ADD").key("prevResult", prev))?;
    attachment.del()?;
    Ok(())
}
