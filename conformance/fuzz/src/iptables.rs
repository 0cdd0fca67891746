//! The output of iptables-save: whatever it contains, only rules of the owner are deleted.

use cni_wrapper::Attachment;
use port_mapper::backend::Hints;
use port_mapper::backend::iptables::observed::{Observed, Tables};
use port_mapper::backend::iptables::plan::{self, KnownChains};
use port_mapper::family::Family;
use port_mapper::owner::RuleTag;

pub(crate) fn holds(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let observed = Observed::parse(Family::V4, Tables::NatAndRaw, &text);
    for rule in observed.nat.rules.iter().chain(&observed.raw.rules) {
        let _ = rule.words();
        let _ = rule.jumps_to("PORT-MAPPER");
        assert!(text.contains(rule.spec) && text.contains(rule.chain));
    }
    let owned = |text: &str| text.to_owned();
    let owner =
        Attachment { network: owned("mesos"), container_id: owned("c1"), ifname: owned("eth0") };
    let [ours, originals] = [owner.tag(), owner.original_tag()].map(|tag| format!("\"{tag}\""));
    for chain in [None, Some(owned("PORT-MAPPER"))] {
        let hints = Hints { chain, ..Hints::default() };
        let plan = plan::remove(&observed, &owner, None, &hints, KnownChains::default()).plan;
        let Ok(script) = plan.text() else { continue };
        let translates = |line: &&str| line.starts_with("-D ") && line.contains("-j DNAT");
        for line in script.lines().filter(translates) {
            let is_owners = line.contains(&ours) || line.contains(&originals);
            assert!(is_owners, "a rule of another owner would be deleted: {line}");
        }
    }
}
