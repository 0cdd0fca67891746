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
        does: "STATUS; expects a STATUS at the delegate",
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
    Case {
        id: "status.hands-on-delegates-error",
        does: "STATUS with a delegate that fails, then with one that is missing",
        run: hands_on_delegates_error,
    },
    Case {
        id: "status.has-its-codes",
        does: "runs `makeUnready`, then STATUS",
        run: has_its_codes,
    },
];

const UNREADY: &str = "after the host was made unready";

fn tells_readiness(fixture: &Fixture) -> CaseResult {
    fixture.call("STATUS").run().succeeds()?;
    if let Some(script) = &fixture.subject.make_unready {
        fixture.host().sh(script);
        fixture.call("STATUS").note(UNREADY).run().fails()?;
    }
    Ok(())
}

fn has_its_codes(fixture: &Fixture) -> CaseResult {
    let Some(script) = &fixture.subject.make_unready else {
        return Err(Stop::skip("the subject has no `makeUnready`"));
    };
    fixture.host().sh(script);
    fixture.call("STATUS").note(UNREADY).run().fails_with(&[50, 51])?;
    Ok(())
}

fn asks_delegates(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    fixture.call("STATUS").run().succeeds()?;
    fake_delegate.received("STATUS")?;
    Ok(())
}

fn hands_on_delegates_error(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    fixture.call("STATUS").run().succeeds()?;
    fake_delegate.fails("STATUS", 50, "the fake delegate fails on purpose");
    fixture.call("STATUS").note("with a delegate that fails").run().fails()?;
    fake_delegate.reset("STATUS");
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
