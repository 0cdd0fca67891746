//! Cases: STATUS.

use crate::spec::prelude::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "status.tells-readiness",
        does: "STATUS; runs `makeUnready`, then STATUS again",
        run: tells_readiness,
    },
    Case {
        id: "status.asks-delegates",
        does: "STATUS; then with a delegate that fails and with one that is missing",
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
    if let Some(script) = &fixture.subject.make_unready {
        fixture.host().sh(script);
        let call = fixture.call("STATUS").note("after the host was made unready");
        call.run().fails_with(&[50, 51])?;
    }
    Ok(())
}

fn asks_delegates(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    fixture.call("STATUS").run().succeeds()?;
    fake_delegate.received("STATUS")?;
    fake_delegate.fails("STATUS", 50, "the fake delegate fails on purpose");
    fixture.call("STATUS").note("with a delegate that fails").run().fails()?;
    fake_delegate.reset("STATUS");
    let missing = json!({ "type": "there-is-no-such-plugin" });
    fixture.call("STATUS").delegate(missing).run().fails()?;
    Ok(())
}

fn has_no_side_effects(fixture: &Fixture) -> CaseResult {
    let before = fixture.snapshot();
    fixture.call("STATUS").run();
    before.expect_unchanged(fixture, "after STATUS")?;
    fixture.attachment("c1").add()?;
    Ok(())
}

fn notices_exhaustion(fixture: &Fixture) -> CaseResult {
    const MANY: usize = 16;
    let small_pool = required_options(&fixture.subject.small_pool, "smallPool")?;
    for number in 0..MANY {
        let attachment = fixture.attachment(&format!("c{number}"));
        let full = with_keys(attachment.call("ADD"), small_pool).run().exchange.exit != Some(0);
        if full {
            with_keys(fixture.call("STATUS"), small_pool)
                .note("when the addresses are exhausted")
                .run()
                .fails()?;
            return Ok(());
        }
    }
    Err(Stop::skip(format!("there are more than {MANY} addresses")))
}
