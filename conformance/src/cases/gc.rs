//! What GC does.

use super::words::*;

const VALID: &str = "cni.dev/valid-attachments";

pub(super) const CASES: &[Case] = &[
    Case {
        id: "gc.succeeds-silently",
        does: "GC with an empty list and nothing to remove; looks at stdout",
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
        does: "GC; looks at what the delegate was told",
        run: reaches_delegates,
    },
    Case {
        id: "gc.goes-on-after-an-error",
        does: "ADD, GC with an empty list and a delegate that fails; compares the host",
        run: goes_on_after_an_error,
    },
    Case {
        id: "gc.reads-both-keys",
        does: "ADD of two, GC with one of them under either key alone; compares",
        run: reads_both_keys,
    },
    Case {
        id: "gc.without-list-removes-nothing",
        does: "ADD, GC without any list; compares",
        run: without_list_removes_nothing,
    },
    Case {
        id: "gc.works-without-netns",
        does: "ADD, removes the namespace, GC with an empty list, DEL",
        run: works_without_netns,
    },
];

fn succeeds_silently(stage: &Stage) -> Judgement {
    let answer = stage.call("GC").key(VALID, json!([])).run().succeeds()?;
    answer.expect(answer.exchange.stdout.trim().is_empty(), "nothing on stdout")
}

fn removes_stale_attachments(stage: &Stage) -> Judgement {
    let [keep, one, two] = ["keep", "one", "two"].map(|id| stage.attachment(id));
    stage.warm()?;
    keep.add()?;
    let before = stage.picture();
    one.add()?;
    two.add()?;
    if !before.has_changed(stage) {
        return Err(Stop::skip("ADD leaves nothing that could be seen"));
    }
    stage.call("GC").key(VALID, json!([keep.valid()])).run().succeeds()?;
    before.is_still_true(stage, "after GC with one of three attachments in the list")
}

fn keeps_valid_attachments(stage: &Stage) -> Judgement {
    let [one, two] = ["one", "two"].map(|id| stage.attachment(id));
    one.add()?;
    two.add()?;
    let before = stage.picture();
    let valid = json!([one.valid(), two.valid()]);
    stage.call("GC").key(VALID, valid).run().succeeds()?;
    before.is_still_true(stage, "after GC with all attachments in the list")
}

fn leaves_other_networks_alone(stage: &Stage) -> Judgement {
    stage.warm()?;
    let other = stage.attachment_of(["elsewhere", "c1", "eth0"]);
    other.add()?;
    let before = stage.picture();
    stage.call("GC").key(VALID, json!([])).run().succeeds()?;
    before.is_still_true(stage, "after GC of another network")
}

fn reaches_delegates(stage: &Stage) -> Judgement {
    let stand_in = stage.stand_in()?;
    let valid = json!([{ "containerID": "c1", "ifname": "eth0" }]);
    let answer = stage.call("GC").key(VALID, valid.clone()).run().succeeds()?;
    let told = stand_in.got("GC")?.config[VALID].clone();
    answer.expect(told == valid, &format!("the delegate gets the list, not {told}"))
}

fn goes_on_after_an_error(stage: &Stage) -> Judgement {
    let stand_in = stage.stand_in()?;
    let attachment = stage.attachment("c1");
    stage.warm()?;
    let before = stage.picture();
    attachment.add()?;
    let made = before.has_changed(stage);
    stand_in.fails("GC", 101, "the stand-in fails on purpose");
    let call = stage.call("GC").key(VALID, json!([])).noting("with a delegate that fails");
    call.run().fails()?;
    if !made {
        return Err(Stop::skip("ADD leaves nothing of the plugin's own that could be seen"));
    }
    before.is_still_true(stage, "after a GC with a delegate that failed")
}

fn reads_both_keys(stage: &Stage) -> Judgement {
    let mut removed = Vec::new();
    for key in [VALID, "cni.dev/attachments"] {
        let [keep, stale] = ["keep", "stale"].map(|id| stage.attachment(id));
        stage.warm()?;
        keep.add()?;
        let before = stage.picture();
        stale.add()?;
        stage.call("GC").key(key, json!([keep.valid()])).run().succeeds()?;
        let after = stage.picture();
        removed.push(before.difference(&after).is_empty());
        let kept = before.difference(&after).lines().all(|line| !line.starts_with('-'));
        expect(kept, format!("GC with {key:?} keeps what is in the list"), || {
            before.difference(&after)
        })?;
        keep.del()?;
        stale.del()?;
    }
    match removed.as_slice() {
        [false, false] => Err(Stop::skip("GC removes nothing, whatever the key")),
        [true, true] => Ok(()),
        _ => Err(Stop::finding("GC reads either key", "it reads only one of them")),
    }
}

fn without_list_removes_nothing(stage: &Stage) -> Judgement {
    let attachment = stage.attachment("c1");
    attachment.add()?;
    let before = stage.picture();
    stage.call("GC").noting("without any list").run();
    before.is_still_true(stage, "after GC without any list")
}

fn works_without_netns(stage: &Stage) -> Judgement {
    let attachment = stage.attachment("vanished");
    attachment.add()?;
    attachment.delete_netns();
    let call = stage.call("GC").key(VALID, json!([]));
    call.noting("when the namespace is gone").run().succeeds()?;
    attachment.call("DEL").noting("after GC").run().succeeds()?;
    Ok(())
}
