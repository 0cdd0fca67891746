//! Plugins that run other plugins.

use std::thread;
use std::time::{Duration, Instant};

use super::words::*;

pub(super) const CASES: &[Case] = &[
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

fn is_found_on_cni_path(stage: &Stage) -> Judgement {
    stage.stand_in()?;
    let (in_path, first_decoy) = stage.decoy("in-path", StandIn::NAME);
    let (later, second_decoy) = stage.decoy("later", StandIn::NAME);
    let attachment = stage.attachment("c1");
    let call = attachment.call("ADD");
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", in_path.display());
    let cni_path = format!("{}:{}", stage.cni_path(), later.display());
    let answer = attachment.added(call.env("PATH", &path).env("CNI_PATH", &cni_path))?;
    let in_path = first_decoy.calls().is_empty();
    answer.expect(in_path, "the delegate is not looked for in PATH")?;
    let in_order = second_decoy.calls().is_empty();
    answer.expect(in_order, "the first directory of CNI_PATH that has the delegate counts")?;
    let key = stage.subject.delegate_key().unwrap_or_default();
    let named = json!({ "type": later.join(StandIn::NAME) });
    stage.attachment("c2").call("ADD").key(key, named).run().fails()?;
    Ok(())
}

fn gets_the_environment(stage: &Stage) -> Judgement {
    let stand_in = stage.stand_in()?;
    let attachment = stage.attachment("c1");
    let mark = ("CONFORMANCE_MARK", "seen");
    let add = attachment.call("ADD").env(mark.0, mark.1).env("CNI_ARGS", "IgnoreUnknown=1;A=b");
    attachment.added(add)?;
    attachment.call("DEL").env(mark.0, mark.1).run().succeeds()?;
    for verb in ["ADD", "DEL"] {
        let environment = stand_in.got(verb)?.environment;
        let answer =
            stage.exchanges().into_iter().rfind(|exchange| exchange.call.starts_with(verb));
        let told = answer.map(|exchange| exchange.environment).unwrap_or_default();
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

fn gets_the_configuration(stage: &Stage) -> Judgement {
    let stand_in = stage.stand_in()?;
    let attachment = stage.attachment("c1");
    let args = json!({ "org.conformance": { "mark": 12345678901234567u64 } });
    let call = attachment.call("ADD").key("args", args).key("cni.dev/mark", "mark");
    let sent: Value = serde_json::from_slice(&call.bytes()).unwrap_or_default();
    attachment.added(call)?;
    let config = stand_in.got("ADD")?.config;
    let wanted: Vec<&str> = match stage.subject.profile {
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
    if let (Profile::Wrapper, Some(own)) = (stage.subject.profile, sent["delegate"].as_object()) {
        for (key, value) in own.iter().filter(|(key, _)| *key != "type") {
            let kept = &config[key] == value;
            expect(kept, format!("the delegate gets its own {key:?}"), || config.to_string())?;
        }
    }
    Ok(())
}

fn stderr_is_handed_on(stage: &Stage) -> Judgement {
    let stand_in = stage.stand_in()?;
    let attachment = stage.attachment("c1");
    stand_in.complains("ADD", "the delegate says mark-one\n");
    let answer = attachment.add()?;
    let heard = answer.exchange.stderr.contains("mark-one");
    answer.expect(heard, "the delegate's words on stderr")?;
    stand_in.fails("ADD", 117, "the stand-in fails on purpose");
    let call = stage.attachment("c2").call("ADD").noting("with a delegate that fails");
    let answer = call.run().fails()?;
    let heard = answer.exchange.stderr.contains("mark-one");
    answer.expect(heard, "the delegate's words on stderr")
}

fn gets_every_verb(stage: &Stage) -> Judgement {
    let stand_in = stage.stand_in()?;
    let attachment = stage.attachment("c1");
    attachment.add()?;
    stand_in.got("ADD")?;
    if stage.version >= SpecVersion::V0_4_0 {
        checked(&attachment)?;
        stand_in.got("CHECK")?;
    }
    attachment.del()?;
    stand_in.got("DEL")?;
    if stage.version >= SpecVersion::V1_1_0 {
        stage.call("GC").key("cni.dev/valid-attachments", json!([])).run().succeeds()?;
        stand_in.got("GC")?;
        stage.call("STATUS").run().succeeds()?;
        stand_in.got("STATUS")?;
    }
    Ok(())
}

fn error_is_handed_on(stage: &Stage) -> Judgement {
    let stand_in = stage.stand_in()?;
    stand_in.fails("ADD", 117, "no more of the fine cheese");
    let call = stage.attachment("c1").call("ADD").noting("with a delegate that fails");
    call.run().fails_with(&[117])?.says("no more of the fine cheese")?;
    Ok(())
}

fn failed_add_is_deleted(stage: &Stage) -> Judgement {
    let stand_in = stage.stand_in()?;
    stand_in.fails("ADD", 101, "the stand-in fails on purpose");
    let call = stage.attachment("c1").call("ADD").noting("with a delegate that fails");
    call.run().fails()?;
    stand_in.got("DEL")?;
    Ok(())
}

fn result_is_converted(stage: &Stage) -> Judgement {
    let stand_in = stage.stand_in()?;
    let wrapper = stage.subject.profile == Profile::Wrapper;
    let older = match stage.version {
        SpecVersion::V0_4_0 => SpecVersion::V1_0_0,
        _ => SpecVersion::V0_4_0,
    };
    for (id, version) in [("other-version", Some(older)), ("no-version", None)] {
        let attachment = stage.attachment(id);
        let form = version.unwrap_or(stage.version);
        let given = attachment.given();
        let mut result = if wrapper { given.result(form) } else { given.ipam_result(form) };
        if version.is_none() {
            result.as_object_mut().map(|result| result.shift_remove("cniVersion"));
        }
        stand_in.prints("ADD", &result.to_string());
        let note = format!(
            "with a delegate that answers in {}",
            version.map_or("no version", SpecVersion::as_str)
        );
        let answer = attachment.added(attachment.call("ADD").noting(&note))?;
        let seen = answer.result()?;
        let (wanted, old) = (stage.version.as_str(), stage.version < SpecVersion::V0_3_0);
        let shaped = if old { seen.get("ips").is_none() } else { seen.get("ip4").is_none() };
        let what = format!("a result of {wanted}");
        answer.expect(seen["cniVersion"] == wanted && shaped, &what)?;
        attachment.call("DEL").run();
    }
    Ok(())
}

fn may_misbehave(stage: &Stage) -> Judgement {
    let stand_in = stage.stand_in()?;
    let key = stage.subject.delegate_key().unwrap_or_default();
    let fails = |what: &str| {
        let answer = stage.attachment("c1").call("ADD").noting(what).run().fails()?;
        answer.expect(answer.code().is_some(), "an error object")
    };
    let missing = json!({ "type": "there-is-no-such-plugin" });
    stage.attachment("c1").call("ADD").key(key, missing).run().fails()?;
    stand_in.first_runs("ADD", "kill -9 $$");
    fails("with a delegate that is killed")?;
    stand_in.obeys("ADD").prints("ADD", "no JSON at all {");
    fails("with a delegate that prints garbage")?;
    stand_in.prints("ADD", "");
    fails("with a delegate that prints nothing")?;
    stand_in.fails("ADD", 117, "an error").exits("ADD", 0);
    fails("with a delegate that prints an error and ends with status 0")
}

fn is_undone_after_own_failure(stage: &Stage) -> Judgement {
    let failing = given_keys(&stage.subject.failing, "failing")?;
    let stand_in = stage.stand_in()?;
    let attachment = stage.attachment("c1");
    Way::Options.fails(with_keys(attachment.call("ADD"), failing))?;
    if !stand_in.verbs().contains(&"ADD".to_owned()) {
        return Err(Stop::skip("the ADD fails before the delegate is run"));
    }
    stand_in.got("DEL")?;
    Ok(())
}

fn is_deleted_last(stage: &Stage) -> Judgement {
    const LOOK: &str = "{ ip -o link show | sed 's/@.*//'; nft list ruleset; iptables-save; \
                        iptables-legacy-save; } 2>/dev/null | grep -v '^#' | sed 's/\\[[0-9:]*\\]//'";
    let stand_in = stage.stand_in()?;
    let attachment = stage.attachment("c1");
    stage.warm()?;
    let lines =
        |text: &str| -> Vec<String> { text.lines().map(|line| line.trim().to_owned()).collect() };
    let before = lines(&stage.host().sh(LOOK));
    attachment.add()?;
    let own: Vec<String> =
        lines(&stage.host().sh(LOOK)).into_iter().filter(|line| !before.contains(line)).collect();
    if own.is_empty() {
        return Err(Stop::skip("ADD makes neither links nor rules on the host"));
    }
    stand_in.first_runs("DEL", &format!("{{ {LOOK}; }} >\"$here/seen\""));
    attachment.del()?;
    stand_in.got("DEL")?;
    let seen = lines(&std::fs::read_to_string(stand_in.file("seen")).unwrap_or_default());
    let left: Vec<String> = own.into_iter().filter(|line| seen.contains(line)).collect();
    expect(left.is_empty(), "the plugin's own is gone when the delegate gets DEL", || {
        format!("still there: {}", left.join("; "))
    })
}

fn may_hang(stage: &Stage) -> Judgement {
    let hasty = given_keys(&stage.subject.hasty, "hasty")?;
    let stand_in = stage.stand_in()?;
    stand_in.first_runs("ADD", "sleep 600 & wait");
    let call = with_keys(stage.attachment("c1").call("ADD"), hasty);
    let answer = call.noting("with a delegate that hangs").run().fails()?;
    let soon = Duration::from_millis(answer.exchange.millis) < Duration::from_secs(10);
    answer.expect(soon, "an end within 10 s")?;
    answer.expect(is_gone_soon(stage, "sleep 600"), "no child of the delegate is left")
}

/// Killed is not dead yet: on a busy host the kernel gets to it a moment later.
fn is_gone_soon(stage: &Stage, command: &str) -> bool {
    let begun = Instant::now();
    while stage.host().processes().iter().any(|process| process.command.contains(command)) {
        if begun.elapsed() > Duration::from_secs(5) {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
    true
}
