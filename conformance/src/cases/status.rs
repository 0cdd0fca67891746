//! What STATUS does.

use super::words::*;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "status.tells-readiness",
        does: "STATUS; breaks what the plugin needs, then STATUS again",
        run: tells_readiness,
    },
    Case {
        id: "status.asks-delegates",
        does: "STATUS; then with a delegate that fails, and with one that is missing",
        run: asks_delegates,
    },
    Case {
        id: "status.has-no-side-effects",
        does: "STATUS; compares before and after",
        run: has_no_side_effects,
    },
    Case {
        id: "status.notices-exhaustion",
        does: "ADDs until one fails, then STATUS",
        run: notices_exhaustion,
    },
];

fn tells_readiness(stage: &Stage) -> Judgement {
    stage.call("STATUS").run().succeeds()?;
    if let Some(script) = &stage.subject.unready {
        stage.host().sh(script);
        let broken = stage.call("STATUS").noting("after what it needs was broken");
        broken.run().fails_with(&[50, 51])?;
    }
    Ok(())
}

fn asks_delegates(stage: &Stage) -> Judgement {
    let stand_in = stage.stand_in()?;
    stage.call("STATUS").run().succeeds()?;
    stand_in.got("STATUS")?;
    stand_in.fails("STATUS", 50, "the stand-in fails on purpose");
    stage.call("STATUS").noting("with a delegate that fails").run().fails()?;
    stand_in.obeys("STATUS");
    let missing = stage.call("STATUS").key(
        stage.subject.delegate_key().unwrap_or_default(),
        json!({ "type": "there-is-no-such-plugin" }),
    );
    missing.run().fails()?;
    Ok(())
}

fn has_no_side_effects(stage: &Stage) -> Judgement {
    let before = stage.picture();
    stage.call("STATUS").run();
    before.is_still_true(stage, "after STATUS")?;
    stage.attachment("c1").add()?;
    Ok(())
}

fn notices_exhaustion(stage: &Stage) -> Judgement {
    const MANY: usize = 16;
    let tight = given_keys(&stage.subject.tight, "tight")?;
    for number in 0..MANY {
        let attachment = stage.attachment(&format!("c{number}"));
        let full = with_keys(attachment.call("ADD"), tight).run().exchange.exit != Some(0);
        if full {
            with_keys(stage.call("STATUS"), tight)
                .noting("when no address is left")
                .run()
                .fails()?;
            return Ok(());
        }
    }
    Err(Stop::skip(format!("{MANY} addresses are not all there are")))
}
