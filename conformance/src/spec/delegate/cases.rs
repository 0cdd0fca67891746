//! Plugins that run other plugins.

use std::thread;
use std::time::{Duration, Instant};

use crate::spec::prelude::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "delegate.is-found-on-cni-path",
        does: "decoys of the delegate in PATH and later in CNI_PATH, then a delegate named by its path",
        run: is_found_on_cni_path,
    },
    Case {
        id: "delegate.gets-the-environment",
        does: "ADD and DEL with CONFORMANCE_MARK=seen; looks at the delegate's environment",
        run: gets_the_environment,
    },
    Case {
        id: "delegate.gets-the-configuration",
        does: "ADD with args and a cni.dev key; looks at the delegate's input",
        run: gets_the_configuration,
    },
    Case {
        id: "delegate.stderr-is-handed-on",
        does: "ADD with a delegate that prints on stderr, one that succeeds and one that fails",
        run: stderr_is_handed_on,
    },
    Case {
        id: "delegate.gets-every-verb",
        does: "ADD, CHECK, DEL, GC, STATUS; looks at what the delegate got",
        run: gets_every_verb,
    },
    Case {
        id: "delegate.error-is-handed-on",
        does: "ADD with a delegate that fails with code 117",
        run: error_is_handed_on,
    },
    Case {
        id: "delegate.failed-add-is-deleted",
        does: "ADD with a delegate that fails; looks for a DEL to it",
        run: failed_add_is_deleted,
    },
    Case {
        id: "delegate.result-is-converted",
        does: "ADD with a delegate that answers in another version, and in none",
        run: result_is_converted,
    },
    Case {
        id: "delegate.may-misbehave",
        does: "ADD with a delegate that is missing, dies, prints garbage, nothing, or an error with status 0",
        run: may_misbehave,
    },
    Case {
        id: "delegate.is-undone-after-own-failure",
        does: "an ADD that fails after the delegate; looks for a DEL to it",
        run: is_undone_after_own_failure,
    },
    Case {
        id: "delegate.is-deleted-last",
        does: "ADD, DEL; the delegate's DEL looks what is left of the plugin's rules and links",
        run: is_deleted_last,
    },
    Case {
        id: "delegate.may-hang",
        does: "ADD with a delegate that hangs, with a child",
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
    let response = attachment.added(call.env("PATH", &path).env("CNI_PATH", &cni_path))?;
    let in_path = first_decoy.calls().is_empty();
    response.expect(in_path, "the delegate is not looked for in PATH")?;
    let in_order = second_decoy.calls().is_empty();
    response.expect(in_order, "the first directory of CNI_PATH that has the delegate counts")?;
    let key = fixture.subject.delegate_key().unwrap_or_default();
    let named = json!({ "type": later.join(FakeDelegate::NAME) });
    fixture.attachment("c2").call("ADD").key(key, named).run().fails()?;
    Ok(())
}

fn gets_the_environment(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    let mark = ("CONFORMANCE_MARK", "seen");
    let add = attachment.call("ADD").env(mark.0, mark.1).env("CNI_ARGS", "IgnoreUnknown=1;A=b");
    attachment.added(add)?;
    attachment.call("DEL").env(mark.0, mark.1).run().succeeds()?;
    for verb in ["ADD", "DEL"] {
        let environment = fake_delegate.got(verb)?.environment;
        let response =
            fixture.exchanges().into_iter().rfind(|exchange| exchange.call.starts_with(verb));
        let told = response.map(|exchange| exchange.environment).unwrap_or_default();
        for (key, value) in told {
            // A delegate is looked for in CNI_PATH, never in PATH, which a shell may also set by itself.
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
    attachment.added(call)?;
    let config = fake_delegate.got("ADD")?.config;
    let wanted: Vec<&str> = match fixture.subject.profile {
        Profile::Wrapper => {
            vec!["name", "cniVersion", "args", "runtimeConfig", "prevResult", "cni.dev/mark"]
        }
        // IPAM: the complete configuration.
        _ => {
            sent.as_object().into_iter().flat_map(|sent| sent.keys()).map(String::as_str).collect()
        }
    };
    for key in wanted.into_iter().filter(|key| sent.get(key).is_some()) {
        let seen = &config[key];
        expect(*seen == sent[key], format!("the delegate gets {key:?}: {}", sent[key]), || {
            seen.to_string()
        })?;
    }
    if let (Profile::Wrapper, Some(own)) = (fixture.subject.profile, sent["delegate"].as_object()) {
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
    fake_delegate.complains("ADD", "the delegate says mark-one\n");
    let response = attachment.add()?;
    let heard = response.exchange.stderr.contains("mark-one");
    response.expect(heard, "the delegate's words on stderr")?;
    fake_delegate.fails("ADD", 117, "the fake delegate fails on purpose");
    let call = fixture.attachment("c2").call("ADD").noting("with a delegate that fails");
    let response = call.run().fails()?;
    let heard = response.exchange.stderr.contains("mark-one");
    response.expect(heard, "the delegate's words on stderr")
}

fn gets_every_verb(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    attachment.add()?;
    fake_delegate.got("ADD")?;
    if fixture.version >= SpecVersion::V0_4_0 {
        checked(&attachment)?;
        fake_delegate.got("CHECK")?;
    }
    attachment.del()?;
    fake_delegate.got("DEL")?;
    if fixture.version >= SpecVersion::V1_1_0 {
        fixture.call("GC").key("cni.dev/valid-attachments", json!([])).run().succeeds()?;
        fake_delegate.got("GC")?;
        fixture.call("STATUS").run().succeeds()?;
        fake_delegate.got("STATUS")?;
    }
    Ok(())
}

fn error_is_handed_on(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    fake_delegate.fails("ADD", 117, "no more of the fine cheese");
    let call = fixture.attachment("c1").call("ADD").noting("with a delegate that fails");
    call.run().fails_with(&[117])?.says("no more of the fine cheese")?;
    Ok(())
}

fn failed_add_is_deleted(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    fake_delegate.fails("ADD", 101, "the fake delegate fails on purpose");
    let call = fixture.attachment("c1").call("ADD").noting("with a delegate that fails");
    call.run().fails()?;
    fake_delegate.got("DEL")?;
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
            "with a delegate that answers in {}",
            version.map_or("no version", SpecVersion::as_str)
        );
        let response = attachment.added(attachment.call("ADD").noting(&note))?;
        let seen = response.result()?;
        let (wanted, old) = (fixture.version.as_str(), fixture.version < SpecVersion::V0_3_0);
        let shaped = if old { seen.get("ips").is_none() } else { seen.get("ip4").is_none() };
        let what = format!("a result of {wanted}");
        response.expect(seen["cniVersion"] == wanted && shaped, &what)?;
        attachment.call("DEL").run();
    }
    Ok(())
}

fn may_misbehave(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let key = fixture.subject.delegate_key().unwrap_or_default();
    let fails = |what: &str| {
        let response = fixture.attachment("c1").call("ADD").noting(what).run().fails()?;
        response.expect(response.code().is_some(), "an error object")
    };
    let missing = json!({ "type": "there-is-no-such-plugin" });
    fixture.attachment("c1").call("ADD").key(key, missing).run().fails()?;
    fake_delegate.first_runs("ADD", "kill -9 $$");
    fails("with a delegate that is killed")?;
    fake_delegate.obeys("ADD").prints("ADD", "no JSON at all {");
    fails("with a delegate that prints garbage")?;
    fake_delegate.prints("ADD", "");
    fails("with a delegate that prints nothing")?;
    fake_delegate.fails("ADD", 117, "an error").exits("ADD", 0);
    fails("with a delegate that prints an error and ends with status 0")
}

fn is_undone_after_own_failure(fixture: &Fixture) -> CaseResult {
    let failing = given_keys(&fixture.subject.failing, "failing")?;
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    Way::Options.fails(with_keys(attachment.call("ADD"), failing))?;
    if !fake_delegate.verbs().contains(&"ADD".to_owned()) {
        return Err(Stop::skip("the ADD fails before the delegate is run"));
    }
    fake_delegate.got("DEL")?;
    Ok(())
}

fn is_deleted_last(fixture: &Fixture) -> CaseResult {
    const LOOK: &str = "{ ip -o link show | sed 's/@.*//'; nft list ruleset; iptables-save; \
                        iptables-legacy-save; } 2>/dev/null | grep -v '^#' | sed 's/\\[[0-9:]*\\]//'";
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    fixture.warm()?;
    let lines =
        |text: &str| -> Vec<String> { text.lines().map(|line| line.trim().to_owned()).collect() };
    let before = lines(&fixture.host().sh(LOOK));
    attachment.add()?;
    let own: Vec<String> =
        lines(&fixture.host().sh(LOOK)).into_iter().filter(|line| !before.contains(line)).collect();
    if own.is_empty() {
        return Err(Stop::skip("ADD makes neither links nor rules on the host"));
    }
    fake_delegate.first_runs("DEL", &format!("{{ {LOOK}; }} >\"$here/seen\""));
    attachment.del()?;
    fake_delegate.got("DEL")?;
    let seen = lines(&std::fs::read_to_string(fake_delegate.file("seen")).unwrap_or_default());
    let left: Vec<String> = own.into_iter().filter(|line| seen.contains(line)).collect();
    expect(left.is_empty(), "the plugin's own is gone when the delegate gets DEL", || {
        format!("still there: {}", left.join("; "))
    })
}

fn may_hang(fixture: &Fixture) -> CaseResult {
    let hasty = given_keys(&fixture.subject.hasty, "hasty")?;
    let fake_delegate = fixture.fake_delegate()?;
    fake_delegate.first_runs("ADD", "sleep 600 & wait");
    let call = with_keys(fixture.attachment("c1").call("ADD"), hasty);
    let response = call.noting("with a delegate that hangs").run().fails()?;
    let soon = Duration::from_millis(response.exchange.millis) < Duration::from_secs(10);
    response.expect(soon, "an end within 10 s")?;
    response.expect(is_gone_soon(fixture, "sleep 600"), "no child of the delegate is left")
}

/// Killed is not dead yet: on a busy host the kernel gets to it a moment later.
fn is_gone_soon(fixture: &Fixture, command: &str) -> bool {
    let begun = Instant::now();
    while fixture.host().processes().iter().any(|process| process.command.contains(command)) {
        if begun.elapsed() > Duration::from_secs(5) {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}
