//! Cases: execution, streams and errors.

use crate::fixture::call::Call;
use crate::spec::prelude::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "execution.exit-status-tells-failure",
        does: "ADD and DEL, then an unknown command",
        run: exit_status_tells_failure,
    },
    Case {
        id: "execution.failure-prints-error-object",
        does: "ADD in an unknown version; parses the error object",
        run: failure_prints_error_object,
    },
    Case {
        id: "execution.error-goes-to-stdout",
        does: "an unknown command; expects the error object on stdout",
        run: error_goes_to_stdout,
    },
    Case {
        id: "execution.stdout-holds-one-document",
        does: "VERSION, ADD and two calls that fail; parses stdout strictly",
        run: stdout_holds_one_document,
    },
    Case {
        id: "execution.stderr-does-not-matter",
        does: "ADD and DEL with a stderr that cannot be written",
        run: stderr_does_not_matter,
    },
    Case {
        id: "execution.reserved-codes-keep-meaning",
        does: "a dozen calls that fail; compares their codes",
        run: reserved_codes_keep_meaning,
    },
    Case {
        id: "execution.error-carries-version",
        does: "ADD without CNI_CONTAINERID; expects cniVersion in the error",
        run: error_carries_version,
    },
    Case {
        id: "execution.unsupported-field-is-named",
        does: "ADD with an unknown key; if that is code 2, expects its name in the message",
        run: unsupported_field_is_named,
    },
    Case {
        id: "execution.bad-variables-are-named",
        does: "ADD without each variable; if that is code 4, expects its name in the message",
        run: bad_variables_are_named,
    },
    Case {
        id: "execution.bad-input-has-its-code",
        does: "ADD with input that cannot be read, decoded or used",
        run: bad_input_has_its_code,
    },
    Case {
        id: "execution.code-11-passes",
        does: "ADD with a delegate that fails with code 11 once, DEL, ADD again",
        run: code_11_passes,
    },
    Case {
        id: "execution.leaves-no-child-on-stdout",
        does: "ADD, DEL and a failed ADD; expects closed outputs when the plugin has exited",
        run: leaves_no_child_on_stdout,
    },
    Case {
        id: "execution.works-with-minimal-environment",
        does: "ADD and DEL without HOME and LANG",
        run: works_with_minimal_environment,
    },
    Case {
        id: "execution.reads-all-of-stdin",
        does: "ADD with 1 MiB of `args`, then with the input in pieces of 64 bytes",
        run: reads_all_of_stdin,
    },
    Case {
        id: "execution.unknown-keys-are-tolerated",
        does: "ADD with an unknown key, then with unusual `args`",
        run: unknown_keys_are_tolerated,
    },
    Case {
        id: "execution.full-stdout-is-a-failure",
        does: "ADD with stdout on a full disk",
        run: full_stdout_is_a_failure,
    },
];

fn exit_status_tells_failure(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    attachment.add()?;
    attachment.del()?;
    attachment.call("NONSENSE").run().fails()?;
    Ok(())
}

fn failure_prints_error_object(fixture: &Fixture) -> CaseResult {
    let response = fixture.attachment("c1").call("ADD").key("cniVersion", "8.8.8").run().fails()?;
    let error = response.document().unwrap_or_default();
    response.expect(error.is_object(), "one error object on stdout")?;
    response.expect(error["code"].is_u64(), "a `code` that is a number")?;
    response.expect(error["msg"].is_string(), "a `msg` that is a string")?;
    let details = error.get("details").is_none_or(Value::is_string);
    response.expect(details, "`details` that is a string, if present")
}

fn error_goes_to_stdout(fixture: &Fixture) -> CaseResult {
    let response = fixture.attachment("c1").call("NOWHERE").run();
    let printed = response.document().is_some_and(|error| error.get("code").is_some());
    response.expect(printed, "an error object on stdout")
}

fn stdout_holds_one_document(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    let good = [fixture.call("VERSION").run(), attachment.add()?];
    let bad =
        [attachment.call("TWICE").run(), fixture.attachment("c2").call("ADD").input("{").run()];
    for response in good.iter().chain(&bad) {
        response.expect(response.document().is_some(), "exactly one JSON document on stdout")?;
    }
    Ok(())
}

fn stderr_does_not_matter(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    attachment.add_with(attachment.call("ADD").with_closed_stderr())?;
    attachment.call("DEL").with_closed_stderr().run().succeeds()?;
    Ok(())
}

fn reserved_codes_keep_meaning(fixture: &Fixture) -> CaseResult {
    const RESERVED: [u64; 10] = [1, 2, 3, 4, 5, 6, 7, 11, 50, 51];
    let add = || fixture.attachment("c1").call("ADD");
    let calls = [
        add().env("CNI_COMMAND", "RESERVED"),
        add().key("cniVersion", "7.7.7"),
        add().without("CNI_CONTAINERID"),
        add().without("CNI_IFNAME"),
        add().env("CNI_IFNAME", "a/b"),
        add().env("CNI_CONTAINERID", "a/b"),
        add().key("name", ""),
        add().input("{"),
        add().input("[]"),
        add().with_unreadable_input(),
    ];
    let calls = calls.into_iter().chain(calls_with_own_codes(fixture));
    for response in calls.map(|call| call.run()) {
        let kept = response.code().is_none_or(|code| code >= 100 || RESERVED.contains(&code));
        response.expect(kept, "a code of the specification, or one of 100 and up")?;
    }
    Ok(())
}

/// Calls for which plugins have codes of their own: a missing namespace, a delegate that is killed.
fn calls_with_own_codes(fixture: &Fixture) -> Vec<Call<'_>> {
    let add = || fixture.attachment("c2").call("ADD");
    let mut calls = vec![add().env("CNI_NETNS", "/run/netns/there-is-none")];
    if let Ok(fake_delegate) = fixture.fake_delegate() {
        fake_delegate.runs_first("ADD", "kill -9 $$");
        calls.push(add().note("with a delegate that is killed"));
    }
    calls
}

fn error_carries_version(fixture: &Fixture) -> CaseResult {
    let response = fixture.attachment("c1").call("ADD").without("CNI_CONTAINERID").run().fails()?;
    let error = response.document().unwrap_or_default();
    let version = fixture.version.as_str();
    response.expect(error["cniVersion"] == version, &format!("an error with cniVersion {version}"))
}

fn unsupported_field_is_named(fixture: &Fixture) -> CaseResult {
    let call = fixture.attachment("c1").call("ADD").key("conformanceUnsupported", "odd-value");
    let response = call.run();
    if response.code() != Some(2) {
        return Err(Stop::skip("the plugin does not refuse unknown keys with code 2"));
    }
    response.names("conformanceUnsupported")?.names("odd-value")?;
    Ok(())
}

fn bad_variables_are_named(fixture: &Fixture) -> CaseResult {
    for variable in ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"] {
        let response = fixture.attachment("c1").call("ADD").without(variable).run();
        if response.code() == Some(4) {
            response.names(variable)?;
        }
    }
    Ok(())
}

fn bad_input_has_its_code(fixture: &Fixture) -> CaseResult {
    let add = || fixture.attachment("c1").call("ADD");
    add().input("{").run().fails_with(&[6])?;
    add().input("[]").run().fails_with(&[6, 7])?;
    let config = String::from_utf8_lossy(&add().bytes()).into_owned();
    add().input(&format!("{config} and more")).run().fails_with(&[6])?;
    add().key("name", json!(["a", "list"])).run().fails_with(&[6, 7])?;
    add().with_unreadable_input().run().fails_with(&[5, 6])?;
    Ok(())
}

fn code_11_passes(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    fake_delegate.fails("ADD", 11, "temporarily unavailable");
    let response =
        attachment.call("ADD").note("with a delegate that fails with code 11").run().fails()?;
    if response.code() != Some(11) {
        return Err(Stop::skip("the plugin does not return code 11 when its delegate does"));
    }
    fake_delegate.reset("ADD");
    attachment.del()?;
    let again = attachment.call("ADD").note("again, when the delegate succeeds");
    attachment.add_with(again)?;
    Ok(())
}

fn leaves_no_child_on_stdout(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    let responses = [attachment.add()?, attachment.del()?, attachment.call("ADD").input("{").run()];
    for response in responses {
        let what = "closed outputs when it has exited";
        response.expect(!response.exchange.held_open, what)?;
    }
    Ok(())
}

fn works_with_minimal_environment(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    attachment.add_with(attachment.call("ADD").without("HOME").without("LANG"))?;
    attachment.call("DEL").without("HOME").without("LANG").run().succeeds()?;
    Ok(())
}

fn reads_all_of_stdin(fixture: &Fixture) -> CaseResult {
    let large = fixture.attachment("c1");
    let filler = json!({ "org.conformance": { "filler": "x".repeat(1 << 20) } });
    let call = large.call("ADD").key("args", filler);
    large.add_with(call)?;
    let slow = fixture.attachment("c2");
    slow.add_with(slow.call("ADD").in_pieces(64))?;
    Ok(())
}

fn unknown_keys_are_tolerated(fixture: &Fixture) -> CaseResult {
    let response = fixture.attachment("c1").call("ADD").key("conformanceUnknown", json!([1])).run();
    if response.code() != Some(2) {
        response.succeeds()?;
    }
    let second = fixture.attachment("c2");
    let args = json!({ "cni": { "odd": null }, "org.conformance": [1, { "a": null }, "x"] });
    second.add_with(second.call("ADD").key("args", args))?;
    Ok(())
}

fn full_stdout_is_a_failure(fixture: &Fixture) -> CaseResult {
    fixture.attachment("c1").call("ADD").with_full_stdout().run().fails()?;
    Ok(())
}
