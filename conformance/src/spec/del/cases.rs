//! Cases: DEL.

use std::thread;

use crate::spec::prelude::*;
use crate::threads::join;

pub(crate) const CASES: &[Case] = &[
    Case { id: "del.undoes-add", does: "ADD, DEL; compares before and after", run: undoes_add },
    Case { id: "del.twice-succeeds", does: "ADD, then DEL three times", run: twice_succeeds },
    Case {
        id: "del.without-add-succeeds",
        does: "DEL of an attachment that was never added",
        run: without_add_succeeds,
    },
    Case {
        id: "del.without-netns-cleans",
        does: "ADD, removes the namespace, DEL with its path, an empty one and none; compares",
        run: without_netns_cleans,
    },
    Case {
        id: "del.without-prev-result-cleans",
        does: "ADD, DEL without prevResult, then with an empty one; compares",
        run: without_prev_result_cleans,
    },
    Case {
        id: "del.without-interface-succeeds",
        does: "ADD, removes the interface in the container, DEL",
        run: without_interface_succeeds,
    },
    Case {
        id: "del.prints-nothing",
        does: "ADD, DEL; expects an empty stdout",
        run: prints_nothing,
    },
    Case {
        id: "del.without-runtime-config-cleans",
        does: "ADD with runtimeConfig, DEL without; compares",
        run: without_runtime_config_cleans,
    },
    Case {
        id: "del.cleans-after-config-changed",
        does: "ADD, DEL with changed options; compares",
        run: cleans_after_config_changed,
    },
    Case {
        id: "del.touches-only-its-own",
        does: "ADD of c10, of c1 on another network and of c1; DEL of c1; compares",
        run: touches_only_its_own,
    },
    Case {
        id: "del.cleans-although-delegate-fails",
        does: "ADD, DEL with a delegate that fails; compares the host",
        run: cleans_although_delegate_fails,
    },
    Case {
        id: "del.after-flush-succeeds",
        does: "ADD, flushes all firewall rules, DEL",
        run: after_flush_succeeds,
    },
    Case {
        id: "del.at-the-same-time-succeeds",
        does: "ADD, then two concurrent DELs; five times",
        run: at_the_same_time_succeeds,
    },
    Case {
        id: "del.after-failed-add-succeeds",
        does: "a failed ADD, then DEL",
        run: after_failed_add_succeeds,
    },
    Case {
        id: "del.with-refused-config-succeeds",
        does: "a failed ADD, DEL with the same options; ADD, DEL with options that fail",
        run: with_refused_config_succeeds,
    },
];

fn undoes_add(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("undone");
    fixture.warm_up()?;
    let before = fixture.snapshot();
    attachment.add()?;
    attachment.del()?;
    before.expect_unchanged(fixture, "after ADD and DEL")
}

fn twice_succeeds(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("twice");
    attachment.add()?;
    attachment.del()?;
    attachment.call("DEL").note("a second time").run().succeeds()?;
    attachment.call("DEL").note("a third time").run().succeeds()?;
    Ok(())
}

fn without_add_succeeds(fixture: &Fixture) -> CaseResult {
    let call = fixture.attachment("never").call("DEL");
    call.note("of an attachment that was never added").run().succeeds()?;
    Ok(())
}

fn without_netns_cleans(fixture: &Fixture) -> CaseResult {
    fixture.warm_up()?;
    let before = fixture.snapshot();
    for id in ["old-path", "empty", "absent"] {
        let attachment = fixture.attachment(id);
        attachment.add()?;
        let meanwhile = fixture.snapshot();
        attachment.remove_netns_and_wait();
        let call = attachment.call("DEL");
        let call = match id {
            "empty" => call.env("CNI_NETNS", ""),
            "absent" => call.without("CNI_NETNS"),
            _ => call,
        };
        call.note("after the namespace was removed").run().succeeds()?;
        let when = format!("after DEL without a namespace ({id})");
        before.expect_restored(fixture, &meanwhile, &when)?;
    }
    Ok(())
}

fn without_prev_result_cleans(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("bare");
    fixture.warm_up()?;
    let before = fixture.snapshot();
    attachment.add()?;
    attachment.call("DEL").without_key("prevResult").run().succeeds()?;
    expect_undone(fixture, &before, "after DEL without prevResult")?;
    attachment.add()?;
    attachment.call("DEL").key("prevResult", json!({})).run().succeeds()?;
    expect_undone(fixture, &before, "after DEL with an empty prevResult")
}

fn without_interface_succeeds(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("gone");
    attachment.add()?;
    // Some interfaces cannot be removed, such as lo.
    let ifname = attachment.ifname();
    attachment.container().sh(&format!("ip link del {ifname} || true"));
    let note = format!("after {ifname} was removed");
    attachment.call("DEL").note(&note).run().succeeds()?;
    Ok(())
}

fn prints_nothing(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    attachment.add()?;
    let response = attachment.del()?;
    response.expect(response.exchange.stdout.trim().is_empty(), "nothing on stdout")
}

fn without_runtime_config_cleans(fixture: &Fixture) -> CaseResult {
    required_options(&fixture.subject.runtime_config, "runtimeConfig")?;
    let attachment = fixture.attachment("c1");
    fixture.warm_up()?;
    let before = fixture.snapshot();
    attachment.add()?;
    attachment.call("DEL").without_key("runtimeConfig").run().succeeds()?;
    expect_undone(fixture, &before, "after DEL without runtimeConfig")
}

fn cleans_after_config_changed(fixture: &Fixture) -> CaseResult {
    let changed = required_options(&fixture.subject.changed, "changed")?;
    let attachment = fixture.attachment("c1");
    fixture.warm_up()?;
    let before = fixture.snapshot();
    attachment.add()?;
    with_keys(attachment.call("DEL"), changed).run().succeeds()?;
    expect_undone(fixture, &before, "after DEL with changed options")
}

fn touches_only_its_own(fixture: &Fixture) -> CaseResult {
    let (longer, own) = (fixture.attachment("c10"), fixture.attachment("c1"));
    let elsewhere = own.on_network("elsewhere");
    fixture.warm_up()?;
    longer.add()?;
    // May fail: two networks with the same options can conflict, which is not the plugin's fault.
    let _ = elsewhere.add();
    let before = fixture.snapshot();
    own.add()?;
    own.del()?;
    let name = own.container().name();
    let when = "after ADD and DEL of c1, next to c10 and to c1 on another network";
    before.expect_only_lost(fixture, &[name], when)
}

fn cleans_although_delegate_fails(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    fixture.warm_up()?;
    let before = fixture.snapshot();
    attachment.add()?;
    fake_delegate.fails("DEL", 101, "the fake delegate fails on purpose");
    attachment.call("DEL").note("with a delegate that fails").run().fails()?;
    before.expect_unchanged(fixture, "after DEL with a delegate that failed")
}

fn after_flush_succeeds(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("flushed");
    attachment.add()?;
    flush_rules(fixture);
    attachment.call("DEL").note("after all firewall rules were flushed").run().succeeds()?;
    Ok(())
}

fn at_the_same_time_succeeds(fixture: &Fixture) -> CaseResult {
    // Whether the two conflict is a matter of chance, so one round proves little.
    const ROUNDS: usize = 5;
    let attachment = fixture.attachment("race");
    let del = || attachment.call("DEL").note("concurrently with another").run();
    for _ in 0..ROUNDS {
        attachment.add()?;
        let responses = thread::scope(|scope| {
            let threads = [scope.spawn(del), scope.spawn(del)];
            threads.map(join)
        });
        for response in responses {
            response.succeeds()?;
        }
    }
    Ok(())
}

fn after_failed_add_succeeds(fixture: &Fixture) -> CaseResult {
    for mode in failure_modes(fixture)? {
        let (attachment, call) = mode.add(fixture)?;
        mode.fails(call)?;
        attachment.call("DEL").note("after a failed ADD").run().succeeds()?;
    }
    Ok(())
}

fn with_refused_config_succeeds(fixture: &Fixture) -> CaseResult {
    let refused = required_options(&fixture.subject.failing, "failing")?;
    let attachment = fixture.attachment("refused");
    FailureMode::Options.fails(with_keys(attachment.call("ADD"), refused))?;
    let del = |attachment: &Attachment, note: &str| {
        with_keys(attachment.call("DEL"), refused).note(note).run().succeeds().map(drop)
    };
    del(&attachment, "with the configuration of the failed ADD")?;
    let edited = fixture.attachment("edited");
    edited.add()?;
    del(&edited, "with a configuration that was changed to one that ADD refuses")?;
    // What the plugin could not know with that configuration.
    edited.call("DEL").run();
    Ok(())
}
