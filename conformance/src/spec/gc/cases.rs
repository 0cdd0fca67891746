//! Cases: GC.

use crate::spec::prelude::*;

/// The key in the text of the head, and in that of 1.1.0. libcni sends both, and a plugin that
/// reads one of them conforms to a text.
const KEYS: [&str; 2] = ["cni.dev/valid-attachments", "cni.dev/attachments"];

/// Returns a GC with a list of valid attachments under both keys.
fn gc<'f>(fixture: &'f Fixture, valid: &Value) -> Call<'f> {
    KEYS.iter().fold(fixture.call("GC"), |call, key| call.key(key, valid.clone()))
}

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "gc.succeeds-silently",
        does: "GC with an empty list and nothing to remove; expects an empty stdout",
        run: succeeds_silently,
    },
    Case {
        id: "gc.removes-stale-attachments",
        does: "ADD of three, GC with one of them in the list; compares",
        run: removes_stale_attachments,
    },
    Case {
        id: "gc.keeps-valid-attachments",
        does: "ADD of two, GC with both in the list; compares",
        run: keeps_valid_attachments,
    },
    Case {
        id: "gc.leaves-other-networks-alone",
        does: "ADD on another network, GC of this one with an empty list; compares",
        run: leaves_other_networks_alone,
    },
    Case {
        id: "gc.reaches-delegates",
        does: "GC; compares the list in the delegate's input",
        run: reaches_delegates,
    },
    Case {
        id: "gc.goes-on-after-an-error",
        does: "ADD, GC with an empty list and a delegate that fails; compares the host",
        run: goes_on_after_an_error,
    },
    Case {
        id: "gc.reads-both-keys",
        does: "ADD of two, GC with one of them under each key alone; compares",
        run: reads_both_keys,
    },
    Case {
        id: "gc.without-list-removes-nothing",
        does: "ADD, GC without a list; compares",
        run: without_list_removes_nothing,
    },
    Case {
        id: "gc.works-without-netns",
        does: "ADD, removes the namespace, GC with an empty list, DEL",
        run: works_without_netns,
    },
];

fn succeeds_silently(fixture: &Fixture) -> CaseResult {
    let response = gc(fixture, &json!([])).run().succeeds()?;
    response.expect(response.exchange.stdout.trim().is_empty(), "nothing on stdout")
}

fn removes_stale_attachments(fixture: &Fixture) -> CaseResult {
    let [keep, one, two] = ["keep", "one", "two"].map(|id| fixture.attachment(id));
    fixture.warm_up()?;
    keep.add()?;
    let before = fixture.snapshot();
    one.add()?;
    two.add()?;
    if !before.has_changed(fixture) {
        return Err(Stop::skip("ADD creates nothing that is visible"));
    }
    gc(fixture, &json!([keep.valid_attachment()])).run().succeeds()?;
    before.expect_unchanged(fixture, "after GC with one of three attachments in the list")
}

fn keeps_valid_attachments(fixture: &Fixture) -> CaseResult {
    let [one, two] = ["one", "two"].map(|id| fixture.attachment(id));
    one.add()?;
    two.add()?;
    let before = fixture.snapshot();
    let valid = json!([one.valid_attachment(), two.valid_attachment()]);
    gc(fixture, &valid).run().succeeds()?;
    before.expect_only_lost(fixture, &[], "after GC with all attachments in the list")
}

fn leaves_other_networks_alone(fixture: &Fixture) -> CaseResult {
    fixture.warm_up()?;
    let other = fixture.attachment_of(["elsewhere", "c1", "eth0"]);
    other.add()?;
    let before = fixture.snapshot();
    gc(fixture, &json!([])).run().succeeds()?;
    before.expect_only_lost(fixture, &[], "after GC of another network")
}

fn reaches_delegates(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let valid = json!([{ "containerID": "c1", "ifname": "eth0" }]);
    let response = gc(fixture, &valid).run().succeeds()?;
    let config = fake_delegate.received("GC")?.config;
    let passed = KEYS.map(|key| config[key].clone());
    let expected = format!("the delegate gets the list, not {passed:?}");
    response.expect(passed.contains(&valid), &expected)
}

fn goes_on_after_an_error(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    fixture.warm_up()?;
    let before = fixture.snapshot();
    attachment.add()?;
    let creates_something = before.has_changed(fixture);
    fake_delegate.fails("GC", 101, "the fake delegate fails on purpose");
    let call = gc(fixture, &json!([])).note("with a delegate that fails");
    call.run().fails()?;
    if !creates_something {
        return Err(Stop::skip("the plugin itself creates nothing that is visible"));
    }
    before.expect_unchanged(fixture, "after GC with a delegate that failed")
}

fn reads_both_keys(fixture: &Fixture) -> CaseResult {
    let mut removed = Vec::new();
    for key in KEYS {
        let [keep, stale] = ["keep", "stale"].map(|id| fixture.attachment(id));
        fixture.warm_up()?;
        keep.add()?;
        let before = fixture.snapshot();
        stale.add()?;
        fixture.call("GC").key(key, json!([keep.valid_attachment()])).run().succeeds()?;
        let after = fixture.snapshot();
        removed.push(before.difference(&after).is_empty());
        let kept = before.difference(&after).lines().all(|line| !line.starts_with('-'));
        expect(kept, format!("GC with {key:?} keeps the attachments in the list"), || {
            before.difference(&after)
        })?;
        keep.del()?;
        stale.del()?;
    }
    match removed.as_slice() {
        [false, false] => Err(Stop::skip("GC removes nothing with either key")),
        [true, true] => Ok(()),
        _ => Err(Stop::finding("GC reads both keys", "it reads only one of them")),
    }
}

fn without_list_removes_nothing(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    attachment.add()?;
    let before = fixture.snapshot();
    fixture.call("GC").note("without a list").run();
    before.expect_unchanged(fixture, "after GC without a list")
}

fn works_without_netns(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("vanished");
    attachment.add()?;
    attachment.remove_netns();
    let call = gc(fixture, &json!([]));
    call.note("after the namespace was removed").run().succeeds()?;
    attachment.call("DEL").note("after GC").run().succeeds()?;
    Ok(())
}
