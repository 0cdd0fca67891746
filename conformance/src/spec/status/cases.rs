//! What STATUS does.

use crate::spec::prelude::*;

pub(crate) const CASES: &[Case] = &[
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

fn tells_readiness(fixture: &Fixture) -> CaseResult {
    fixture.call("STATUS").run().succeeds()?;
    if let Some(script) = &fixture.subject.unready {
        fixture.host().sh(script);
        let broken = fixture.call("STATUS").noting("after what it needs was broken");
        broken.run().fails_with(&[50, 51])?;
    }
    Ok(())
}

fn asks_delegates(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    fixture.call("STATUS").run().succeeds()?;
    fake_delegate.got("STATUS")?;
    fake_delegate.fails("STATUS", 50, "the fake delegate fails on purpose");
    fixture.call("STATUS").noting("with a delegate that fails").run().fails()?;
    fake_delegate.obeys("STATUS");
    let missing = fixture.call("STATUS").key(
        fixture.subject.delegate_key().unwrap_or_default(),
        json!({ "type": "there-is-no-such-plugin" }),
    );
    missing.run().fails()?;
    Ok(())
}

fn has_no_side_effects(fixture: &Fixture) -> CaseResult {
    let before = fixture.snapshot();
    fixture.call("STATUS").run();
    before.is_still_true(fixture, "after STATUS")?;
    fixture.attachment("c1").add()?;
    Ok(())
}

fn notices_exhaustion(fixture: &Fixture) -> CaseResult {
    const MANY: usize = 16;
    let tight = given_keys(&fixture.subject.tight, "tight")?;
    for number in 0..MANY {
        let attachment = fixture.attachment(&format!("c{number}"));
        let full = with_keys(attachment.call("ADD"), tight).run().exchange.exit != Some(0);
        if full {
            with_keys(fixture.call("STATUS"), tight)
                .noting("when no address is left")
                .run()
                .fails()?;
            return Ok(());
        }
    }
    Err(Stop::skip(format!("{MANY} addresses are not all there are")))
}
