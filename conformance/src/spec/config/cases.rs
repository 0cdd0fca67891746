//! Cases: the network configuration.

use crate::spec::prelude::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "config.bad-network-name-is-refused",
        does: "ADD with network names that are not allowed",
        run: bad_network_name_is_refused,
    },
    Case {
        id: "config.cni-dev-keys-are-ignored",
        does: "ADD and DEL with an unknown key that begins with cni.dev/",
        run: cni_dev_keys_are_ignored,
    },
];

fn bad_network_name_is_refused(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    for name in ["", "-a", "a b", "a/b"] {
        attachment.call("ADD").key("name", name).run().fails_with(&[7])?;
    }
    attachment.call("ADD").without_key("name").run().fails_with(&[7])?;
    Ok(())
}

fn cni_dev_keys_are_ignored(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    let value = json!({ "unknown": [1, 2] });
    attachment.add_with(attachment.call("ADD").key("cni.dev/conformance", value.clone()))?;
    attachment.call("DEL").key("cni.dev/conformance", value).run().succeeds()?;
    Ok(())
}
