//! Cases: plugins that run other plugins.

use std::time::Duration;

use crate::spec::prelude::*;
use crate::wait::holds_within;

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "delegate.is-found-on-cni-path",
        does: "ADD with decoys in PATH and later in CNI_PATH; then with a path in `type`",
        run: is_found_on_cni_path,
    },
    Case {
        id: "delegate.gets-the-environment",
        does: "ADD and DEL with CONFORMANCE_MARK=seen; compares the delegate's environment",
        run: gets_the_environment,
    },
    Case {
        id: "delegate.gets-the-configuration",
        does: "ADD with args and a cni.dev key; compares the delegate's input",
        run: gets_the_configuration,
    },
    Case {
        id: "delegate.stderr-is-handed-on",
        does: "ADD with a delegate that prints to stderr and succeeds, then with one that fails",
        run: stderr_is_handed_on,
    },
    Case {
        id: "delegate.gets-every-verb",
        does: "ADD, CHECK, DEL, GC, STATUS; expects the same verbs at the delegate",
        run: gets_every_verb,
    },
    Case {
        id: "delegate.error-is-handed-on",
        does: "ADD with a delegate that fails with code 117",
        run: error_is_handed_on,
    },
    Case {
        id: "delegate.failed-add-is-deleted",
        does: "ADD with a delegate that fails; expects a DEL of the delegate",
        run: failed_add_is_deleted,
    },
    Case {
        id: "delegate.result-is-converted",
        does: "ADD with a delegate whose result has another version, and none",
        run: result_is_converted,
    },
    Case {
        id: "delegate.may-misbehave",
        does: "ADD with a delegate that is missing, is killed, or prints garbage, nothing, or an \
               error with status 0",
        run: may_misbehave,
    },
    Case {
        id: "delegate.is-undone-after-own-failure",
        does: "an ADD that fails after the delegate's; expects a DEL of the delegate",
        run: is_undone_after_own_failure,
    },
    Case {
        id: "delegate.is-deleted-last",
        does: "ADD, DEL; during the delegate's DEL, the plugin's rules and links must not exist",
        run: is_deleted_last,
    },
    Case {
        id: "delegate.may-hang",
        does: "ADD with a delegate that hangs and has a child",
        run: may_hang,
    },
];

fn is_found_on_cni_path(fixture: &Fixture) -> CaseResult {
    fixture.fake_delegate()?;
    let (in_path, first_decoy) = fixture.decoy("in-path", FakeDelegate::NAME);
    let (later, second_decoy) = fixture.decoy("later", FakeDelegate::NAME);
    let attachment = fixture.attachment("c1");
    let call = attachment.call("ADD");
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", in_path.display());
    let cni_path = format!("{}:{}", fixture.cni_path(), later.display());
    let response = attachment.add_with(call.env("PATH", &path).env("CNI_PATH", &cni_path))?;
    let in_path = first_decoy.calls().is_empty();
    response.expect(in_path, "the delegate is not searched for in PATH")?;
    let in_order = second_decoy.calls().is_empty();
    response.expect(
        in_order,
        "the delegate is taken from the first directory of CNI_PATH that has it",
    )?;
    let named = json!({ "type": later.join(FakeDelegate::NAME) });
    fixture.attachment("c2").call("ADD").delegate(named).run().fails()?;
    Ok(())
}

fn gets_the_environment(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    let mark = ("CONFORMANCE_MARK", "seen");
    let add = attachment.call("ADD").env(mark.0, mark.1).env("CNI_ARGS", "IgnoreUnknown=1;A=b");
    attachment.add_with(add)?;
    attachment.call("DEL").env(mark.0, mark.1).run().succeeds()?;
    for verb in ["ADD", "DEL"] {
        let environment = fake_delegate.received(verb)?.environment;
        let response =
            fixture.exchanges().into_iter().rfind(|exchange| exchange.call.starts_with(verb));
        let passed = response.map(|exchange| exchange.environment).unwrap_or_default();
        for (key, value) in passed {
            // The record is the initial environment of the fake delegate, so PATH counts as well.
            let seen = environment.get(&key);
            expect(
                seen == Some(&value),
                format!("{verb}: the delegate has {key}={value}"),
                || format!("{key}: {}", seen.map_or("not set", String::as_str)),
            )?;
        }
    }
    Ok(())
}

fn gets_the_configuration(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    let args = json!({ "org.conformance": { "mark": 12345678901234567u64 } });
    let call = attachment.call("ADD").key("args", args).key("cni.dev/mark", "mark");
    let sent: Value = serde_json::from_slice(&call.bytes()).unwrap_or_default();
    attachment.add_with(call)?;
    let config = fake_delegate.received("ADD")?.config;
    let expected: Vec<&str> = match fixture.subject.profile {
        Profile::Wrapper => {
            vec!["name", "cniVersion", "args", "runtimeConfig", "prevResult", "cni.dev/mark"]
        }
        // IPAM plugins get the complete configuration.
        _ => {
            sent.as_object().into_iter().flat_map(|sent| sent.keys()).map(String::as_str).collect()
        }
    };
    for key in expected.into_iter().filter(|key| sent.get(key).is_some()) {
        let seen = &config[key];
        expect(*seen == sent[key], format!("the delegate gets {key:?}: {}", sent[key]), || {
            seen.to_string()
        })?;
    }
    let own = fixture.subject.delegate_pointer().and_then(|at| sent.pointer(at)?.as_object());
    if let (Profile::Wrapper, Some(own)) = (fixture.subject.profile, own) {
        for (key, value) in own.iter().filter(|(key, _)| *key != "type") {
            let kept = &config[key] == value;
            expect(kept, format!("the delegate gets its own {key:?}"), || config.to_string())?;
        }
    }
    Ok(())
}

fn stderr_is_handed_on(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    fake_delegate.prints_to_stderr("ADD", "mark-one from the delegate\n");
    let response = attachment.add()?;
    let passed = response.exchange.stderr.contains("mark-one");
    response.expect(passed, "the stderr of the delegate on stderr")?;
    fake_delegate.fails("ADD", 117, "the fake delegate fails on purpose");
    let call = fixture.attachment("c2").call("ADD").note("with a delegate that fails");
    let response = call.run().fails()?;
    let passed = response.exchange.stderr.contains("mark-one");
    response.expect(passed, "the stderr of the delegate on stderr")
}

fn gets_every_verb(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    attachment.add()?;
    fake_delegate.received("ADD")?;
    if fixture.version >= SpecVersion::V0_4_0 {
        check_after_add(&attachment)?;
        fake_delegate.received("CHECK")?;
    }
    attachment.del()?;
    fake_delegate.received("DEL")?;
    if fixture.version >= SpecVersion::V1_1_0 {
        fixture.call("GC").key("cni.dev/valid-attachments", json!([])).run().succeeds()?;
        fake_delegate.received("GC")?;
        fixture.call("STATUS").run().succeeds()?;
        fake_delegate.received("STATUS")?;
    }
    Ok(())
}

fn error_is_handed_on(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    fake_delegate.fails("ADD", 117, "no address is available");
    let call = fixture.attachment("c1").call("ADD").note("with a delegate that fails");
    call.run().fails_with(&[117])?.names("no address is available")?;
    Ok(())
}

fn failed_add_is_deleted(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    fake_delegate.fails("ADD", 101, "the fake delegate fails on purpose");
    let attachment = fixture.attachment("c1");
    // With an interface the container would be attached already, which a plugin must not undo.
    fixture.remove_interface(&attachment);
    attachment.call("ADD").note("with a delegate that fails").run().fails()?;
    fake_delegate.received("DEL")?;
    Ok(())
}

fn result_is_converted(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let wrapper = fixture.subject.profile == Profile::Wrapper;
    let older = match fixture.version {
        SpecVersion::V0_4_0 => SpecVersion::V1_0_0,
        _ => SpecVersion::V0_4_0,
    };
    for (id, version) in [("other-version", Some(older)), ("no-version", None)] {
        let attachment = fixture.attachment(id);
        let form = version.unwrap_or(fixture.version);
        let input = attachment.input();
        let mut result = if wrapper { input.result(form) } else { input.ipam_result(form) };
        if version.is_none() {
            result.as_object_mut().map(|result| result.shift_remove("cniVersion"));
        }
        fake_delegate.prints("ADD", &result.to_string());
        let note = format!(
            "with a delegate whose result has {}",
            version.map_or("no version".to_owned(), |version| format!("version {version}"))
        );
        let response = attachment.add_with(attachment.call("ADD").note(&note))?;
        let seen = response.result()?;
        let (expected, old) = (fixture.version.as_str(), fixture.version < SpecVersion::V0_3_0);
        let shaped = if old { seen.get("ips").is_none() } else { seen.get("ip4").is_none() };
        let what = format!("a result in version {expected}");
        response.expect(seen["cniVersion"] == expected && shaped, &what)?;
        attachment.call("DEL").run();
    }
    Ok(())
}

fn may_misbehave(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let fails = |what: &str| {
        let response = fixture.attachment("c1").call("ADD").note(what).run().fails()?;
        response.expect(response.code().is_some(), "an error object")
    };
    let missing = json!({ "type": "there-is-no-such-plugin" });
    fixture.attachment("c1").call("ADD").delegate(missing).run().fails()?;
    fake_delegate.runs_first("ADD", "kill -9 $$");
    fails("with a delegate that is killed")?;
    fake_delegate.reset("ADD").prints("ADD", "no JSON at all {");
    fails("with a delegate that prints garbage")?;
    fake_delegate.prints("ADD", "");
    fails("with a delegate that prints nothing")?;
    fake_delegate.fails("ADD", 117, "an error").exits_with("ADD", 0);
    fails("with a delegate that prints an error and exits with status 0")
}

fn is_undone_after_own_failure(fixture: &Fixture) -> CaseResult {
    let failing = required_options(&fixture.subject.failing, "failing")?;
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    FailureMode::Options.fails(with_keys(attachment.call("ADD"), failing))?;
    if !fake_delegate.verbs().contains(&"ADD".to_owned()) {
        return Err(Stop::skip("ADD fails before the delegate is run"));
    }
    fake_delegate.received("DEL")?;
    Ok(())
}

fn is_deleted_last(fixture: &Fixture) -> CaseResult {
    const LIST: &str = "{ ip -o link show | sed 's/@.*//'; nft list ruleset; iptables-save; \
                        iptables-legacy-save; } 2>/dev/null | grep -v '^#' | \
                        sed 's/\\[[0-9:]*\\]//'";
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    fixture.warm_up()?;
    let lines =
        |text: &str| -> Vec<String> { text.lines().map(|line| line.trim().to_owned()).collect() };
    let before = lines(&fixture.host().sh(LIST));
    attachment.add()?;
    let own: Vec<String> =
        lines(&fixture.host().sh(LIST)).into_iter().filter(|line| !before.contains(line)).collect();
    if own.is_empty() {
        return Err(Stop::skip("ADD creates neither links nor rules on the host"));
    }
    fake_delegate.runs_first("DEL", &format!("{{ {LIST}; }} >\"$here/seen\""));
    attachment.del()?;
    fake_delegate.received("DEL")?;
    let seen = lines(&std::fs::read_to_string(fake_delegate.file("seen")).unwrap_or_default());
    let left: Vec<String> = own.into_iter().filter(|line| seen.contains(line)).collect();
    expect(
        left.is_empty(),
        "the plugin has removed its own links and rules before the delegate gets DEL",
        || format!("they still exist: {}", left.join("; ")),
    )
}

fn may_hang(fixture: &Fixture) -> CaseResult {
    let short_timeout = required_options(&fixture.subject.short_timeout, "shortTimeout")?;
    let fake_delegate = fixture.fake_delegate()?;
    fake_delegate.runs_first("ADD", "sleep 600 & wait");
    let call = with_keys(fixture.attachment("c1").call("ADD"), short_timeout);
    let response = call.note("with a delegate that hangs").run().fails()?;
    let soon = Duration::from_millis(response.exchange.millis) < Duration::from_secs(10);
    response.expect(soon, "an exit within 10 s")?;
    response.expect(ends_soon(fixture, "sleep 600"), "no child of the delegate is left running")
}

/// Whether a process ends soon: on a busy host the kernel ends a killed one with a delay.
fn ends_soon(fixture: &Fixture, command: &str) -> bool {
    holds_within(Duration::from_secs(5), || {
        !fixture.host().processes().iter().any(|process| process.command.contains(command))
    })
}
