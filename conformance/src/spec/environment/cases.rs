//! Cases: the environment variables of a call.

use crate::spec::prelude::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "environment.add-needs-its-variables",
        does: "ADD without each required variable, then without all of them",
        run: add_needs_its_variables,
    },
    Case {
        id: "environment.del-needs-its-variables",
        does: "DEL without CNI_NETNS, then without the required ones",
        run: del_needs_its_variables,
    },
    Case {
        id: "environment.check-needs-its-variables",
        does: "CHECK after ADD, without each required variable",
        run: check_needs_its_variables,
    },
    Case {
        id: "environment.path-is-optional",
        does: "ADD and DEL without CNI_PATH",
        run: path_is_optional,
    },
    Case {
        id: "environment.gc-needs-only-path",
        does: "GC with only CNI_COMMAND and CNI_PATH, then with the others empty",
        run: |fixture| network_verb_needs_few_variables(fixture, "GC"),
    },
    Case {
        id: "environment.status-needs-nothing",
        does: "STATUS with only CNI_COMMAND and CNI_PATH, then with the others empty",
        run: |fixture| network_verb_needs_few_variables(fixture, "STATUS"),
    },
    Case {
        id: "environment.version-needs-only-command",
        does: "VERSION with only CNI_COMMAND, with dummy variables, and below 1.0.0 without input",
        run: version_needs_only_command,
    },
    Case {
        id: "environment.unknown-command-is-refused",
        does: "the commands FOO and add",
        run: unknown_command_is_refused,
    },
    Case {
        id: "environment.no-command-does-nothing",
        does: "a call without CNI_COMMAND",
        run: no_command_does_nothing,
    },
    Case {
        id: "environment.bad-container-id-is-refused",
        does: "ADD with invalid container ids",
        run: bad_container_id_is_refused,
    },
    Case {
        id: "environment.long-ids-do-not-collide",
        does: "ADD of two ids of 65 characters that differ in the last; DEL of one",
        run: long_ids_do_not_collide,
    },
    Case {
        id: "environment.bad-ifname-is-refused",
        does: "ADD with invalid interface names, then with one of 15 characters",
        run: bad_ifname_is_refused,
    },
    Case {
        id: "environment.unknown-args-are-tolerated",
        does: "ADD and DEL with an unknown key in CNI_ARGS and IgnoreUnknown=1",
        run: unknown_args_are_tolerated,
    },
    Case {
        id: "environment.bad-netns-is-refused",
        does: "ADD with a CNI_NETNS that does not exist, and with a regular file",
        run: bad_netns_is_refused,
    },
    Case {
        id: "environment.own-netns-is-refused",
        does: "ADD into the network namespace that the plugin runs in",
        run: own_netns_is_refused,
    },
    Case {
        id: "environment.tracing-is-handed-on",
        does: "ADD with TRACEPARENT, TRACESTATE and BAGGAGE; expects them at the delegate",
        run: tracing_is_handed_on,
    },
];

const REQUIRED: [&str; 3] = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"];

/// Returns whether a version needs the variable: up to 0.3.1 the container id is optional.
fn is_required(variable: &str, version: SpecVersion) -> bool {
    variable != "CNI_CONTAINERID" || version >= SpecVersion::V0_4_0
}

fn add_needs_its_variables(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    for variable in REQUIRED.into_iter().filter(|name| is_required(name, fixture.version)) {
        attachment.call("ADD").without(variable).run().fails()?;
    }
    attachment.call("ADD").only(&["CNI_COMMAND", "CNI_PATH"]).run().fails()?;
    Ok(())
}

fn del_needs_its_variables(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    attachment.add()?;
    let required = ["CNI_CONTAINERID", "CNI_IFNAME"].into_iter();
    for variable in required.filter(|name| is_required(name, fixture.version)) {
        let response = attachment.call("DEL").without(variable).run();
        if fixture.version < SpecVersion::V1_0_0 {
            // Code 4 was added in 1.0.0.
            response.fails()?;
        } else {
            response.fails_with(&[4])?;
        }
    }
    attachment.call("DEL").without("CNI_NETNS").run().succeeds()?;
    Ok(())
}

fn check_needs_its_variables(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    add_and_check(&attachment)?;
    for variable in REQUIRED {
        attachment.call("CHECK").without(variable).run().fails()?;
    }
    Ok(())
}

fn path_is_optional(fixture: &Fixture) -> CaseResult {
    if fixture.subject.delegate_key().is_some() {
        return Err(Stop::skip(
            "the configuration has a delegate, which must be found on CNI_PATH",
        ));
    }
    let attachment = fixture.attachment("c1");
    attachment.add_with(attachment.call("ADD").without("CNI_PATH"))?;
    attachment.call("DEL").without("CNI_PATH").run().succeeds()?;
    Ok(())
}

fn network_verb_needs_few_variables(fixture: &Fixture, verb: &str) -> CaseResult {
    let call = || {
        let call = fixture.call(verb);
        if verb == "GC" { call.key("cni.dev/valid-attachments", json!([])) } else { call }
    };
    call().only(&["CNI_COMMAND", "CNI_PATH"]).run().succeeds()?;
    let empty = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS"];
    empty.iter().fold(call(), |call, key| call.env(key, "")).run().succeeds()?;
    Ok(())
}

fn version_needs_only_command(fixture: &Fixture) -> CaseResult {
    fixture.call("VERSION").only(&["CNI_COMMAND"]).run().result()?;
    if fixture.version < SpecVersion::V1_0_0 {
        // Since then its input has the key `cniVersion`.
        fixture.call("VERSION").input("").run().result()?;
    }
    let dummies = ["CNI_NETNS", "CNI_IFNAME", "CNI_PATH"];
    let call = fixture.call("VERSION").input(r#"{"cniVersion":"1.1.0"}"#);
    dummies.iter().fold(call, |call, key| call.env(key, "dummy")).run().result()?;
    Ok(())
}

fn unknown_command_is_refused(fixture: &Fixture) -> CaseResult {
    fixture.attachment("c1").call("FOO").run().fails()?;
    fixture.attachment("c2").call("add").run().fails()?;
    Ok(())
}

fn no_command_does_nothing(fixture: &Fixture) -> CaseResult {
    let response = fixture.attachment("c1").call("ADD").without("CNI_COMMAND").run();
    let result = response.document().filter(|document| document.get("code").is_none());
    response.expect(result.is_none_or(|result| !result.is_object()), "no result")?;
    if response.exchange.exit == Some(0) {
        return Err(Stop::Info(format!("without CNI_COMMAND: {}", response.exchange.ending())));
    }
    Ok(())
}

fn bad_container_id_is_refused(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    for id in ["", "-a", ".x", "a/b", "a b", "é", "../x"] {
        attachment.call("ADD").env("CNI_CONTAINERID", id).run().fails()?;
    }
    Ok(())
}

fn long_ids_do_not_collide(fixture: &Fixture) -> CaseResult {
    let common = "0123456789abcdef".repeat(4);
    let (one, two) = (format!("{common}a"), format!("{common}b"));
    let (one, two) = (fixture.attachment(&one), fixture.attachment(&two));
    fixture.warm_up()?;
    one.add()?;
    let before = fixture.snapshot();
    two.add()?;
    two.del()?;
    let own = [two.container().name()];
    before.expect_only_lost(
        fixture,
        &own,
        "after ADD and DEL of an id that differs only in character 65",
    )?;
    let longest = fixture.attachment(&"x".repeat(200));
    longest.add()?;
    longest.del()?;
    Ok(())
}

fn bad_ifname_is_refused(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    for name in ["sixteen-letters-", "a/b", "a b", ".", "..", "a\tb"] {
        attachment.call("ADD").env("CNI_IFNAME", name).run().fails()?;
    }
    let longest = fixture.attachment_of([NETWORK, "c2", "fifteen-letters"]);
    longest.add()?;
    longest.del()?;
    Ok(())
}

fn unknown_args_are_tolerated(fixture: &Fixture) -> CaseResult {
    let args = "IgnoreUnknown=1;CONFORMANCE_POD=web;CONFORMANCE_EMPTY=";
    let attachment = fixture.attachment("c1");
    attachment.add_with(attachment.call("ADD").env("CNI_ARGS", args))?;
    attachment.call("DEL").env("CNI_ARGS", args).run().succeeds()?;
    let strict = fixture.attachment("c2").call("ADD").env("CNI_ARGS", "CONFORMANCE_POD=web").run();
    if strict.exchange.exit != Some(0) {
        let ending = strict.exchange.ending();
        return Err(Stop::Info(format!(
            "unknown keys in CNI_ARGS without IgnoreUnknown are refused: {ending}"
        )));
    }
    Ok(())
}

fn bad_netns_is_refused(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    attachment.call("ADD").env("CNI_NETNS", "/run/netns/there-is-none").run().fails()?;
    attachment.call("ADD").env("CNI_NETNS", "/etc/hostname").run().fails()?;
    Ok(())
}

fn own_netns_is_refused(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    fixture.warm_up()?;
    let before = fixture.snapshot();
    let call = attachment.call("ADD").env("CNI_NETNS", "/proc/self/ns/net");
    call.run().fails()?;
    before.expect_unchanged(fixture, "after the refused ADD into the plugin's own namespace")
}

fn tracing_is_handed_on(fixture: &Fixture) -> CaseResult {
    const TRACE: [(&str, &str); 3] = [
        ("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("TRACESTATE", "conformance=1"),
        ("BAGGAGE", "key=value"),
    ];
    let fake_delegate = fixture.fake_delegate().ok();
    let attachment = fixture.attachment("c1");
    let call = TRACE.iter().fold(attachment.call("ADD"), |call, (key, value)| call.env(key, value));
    let response = attachment.add_with(call)?;
    let Some(fake_delegate) = fake_delegate else { return Ok(()) };
    let environment = fake_delegate.received("ADD")?.environment;
    for (key, value) in TRACE {
        let passed = environment.get(key).is_some_and(|seen| seen == value);
        response.expect(passed, &format!("the delegate's environment has {key}"))?;
    }
    Ok(())
}
