//! Cases: CHECK.

use crate::spec::prelude::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "check.succeeds-after-add",
        does: "ADD, CHECK; expects an empty stdout",
        run: succeeds_after_add,
    },
    Case {
        id: "check.needs-prev-result",
        does: "ADD, CHECK without prevResult",
        run: needs_prev_result,
    },
    Case {
        id: "check.misses-what-was-removed",
        does: "ADD, removes the addresses, the routes or the interface; CHECK",
        run: misses_what_was_removed,
    },
    Case {
        id: "check.misses-rules",
        does: "ADD, flushes firewall rules, removes files (IPAM) or runs `damage`; CHECK",
        run: misses_rules,
    },
    Case {
        id: "check.notices-wrong-state",
        does: "ADD, changes the MAC address of the interface or the address in rules; CHECK",
        run: notices_wrong_state,
    },
    Case {
        id: "check.accepts-later-changes",
        does: "ADD, adds an address and a route to the interface; CHECK",
        run: accepts_later_changes,
    },
    Case {
        id: "check.runs-on-delegates",
        does: "ADD, CHECK; expects a CHECK at the delegate",
        run: runs_on_delegates,
    },
    Case {
        id: "check.has-no-side-effects",
        does: "ADD, CHECK; compares before and after",
        run: has_no_side_effects,
    },
    Case { id: "check.fails-after-del", does: "ADD, DEL, CHECK", run: fails_after_del },
    Case {
        id: "check.hands-on-delegates-error",
        does: "ADD, CHECK with a delegate that fails",
        run: hands_on_delegates_error,
    },
];

fn succeeds_after_add(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    attachment.add()?;
    let response = attachment.check()?;
    response.expect(response.exchange.stdout.trim().is_empty(), "nothing on stdout")
}

fn needs_prev_result(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    add_and_check(&attachment)?;
    attachment.call("CHECK").without_key("prevResult").run().fails()?;
    Ok(())
}

fn misses_what_was_removed(fixture: &Fixture) -> CaseResult {
    const REMOVALS: [(&str, &str); 3] = [
        ("after the addresses were removed", "ip address flush dev $IF"),
        ("after the routes were removed", "ip route flush dev $IF; ip -6 route flush dev $IF"),
        // Some interfaces cannot be removed, such as lo.
        ("after the interface was removed", "ip link del $IF || ip link set $IF down"),
    ];
    for (index, (what, script)) in REMOVALS.iter().enumerate() {
        let attachment = fixture.attachment(&format!("c{index}"));
        let result = attachment.add()?.result()?;
        let concerned = match index {
            0 => !list(&result, "ips").is_empty(),
            1 => !list(&result, "routes").is_empty(),
            _ => true,
        };
        if concerned {
            check_after_add(&attachment)?;
            attachment.container().sh(&script.replace("$IF", attachment.ifname()));
            attachment.call("CHECK").note(what).run().fails()?;
        }
        attachment.call("DEL").run();
    }
    Ok(())
}

fn damage(attachment: &Attachment, script: &str) {
    let (netns, ifname) = (attachment.container().name(), attachment.ifname());
    let number = attachment.input().number;
    attachment.host().sh(&format!("NETNS={netns} IFNAME={ifname} NUMBER={number}\n{script}"));
}

fn misses_rules(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    let before = fixture.snapshot();
    add_and_check(&attachment)?;
    let after = fixture.snapshot();
    let what = if let Some(script) = &fixture.subject.damage {
        damage(&attachment, script);
        "after a part of what ADD created was removed"
    } else if !new_rules(&before, &after).is_empty() {
        flush_rules(fixture);
        "after all firewall rules were flushed"
    } else if fixture.subject.profile == Profile::Ipam {
        let files = new_lines(&before, &after, "files");
        if files.is_empty() {
            return Err(Stop::skip("ADD creates no files"));
        }
        remove_files(fixture, &files);
        "after its files were removed"
    } else {
        return Err(Stop::skip("ADD creates no firewall rules"));
    };
    attachment.call("CHECK").note(what).run().fails()?;
    Ok(())
}

/// Replaces one address by another in all firewall rules.
fn redirect_rules(fixture: &Fixture, from: &str, to: &str) {
    let from = from.replace('.', "\\.");
    let edit = format!("sed 's/{from}\\b/{to}/g'");
    fixture.host().sh(&format!(
        "nft list ruleset | {edit} >/run/redirected.nft
         nft flush ruleset
         nft -f /run/redirected.nft
         rm /run/redirected.nft
         if command -v iptables-legacy-save >/dev/null; then
             iptables-legacy-save | {edit} | iptables-legacy-restore
         fi"
    ));
}

fn notices_wrong_state(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    if fixture.subject.profile == Profile::Interface {
        return notices_wrong_mac(&attachment);
    }
    let before = fixture.snapshot();
    add_and_check(&attachment)?;
    let address = attachment.input().address4();
    let rules = new_rules(&before, &fixture.snapshot());
    if !rules.iter().any(|rule| rule.contains(bare(&address))) {
        return Err(Stop::skip("ADD creates no firewall rules with the container's address"));
    }
    redirect_rules(fixture, bare(&address), "10.77.0.250");
    attachment.call("CHECK").note("after the address in the rules was changed").run().fails()?;
    Ok(())
}

fn notices_wrong_mac(attachment: &Attachment) -> CaseResult {
    let (result, ifname) = (add_and_check(attachment)?.result()?, attachment.ifname());
    let own = list(&result, "interfaces").iter().find(|one| text(one, "name") == ifname);
    let mac = own.map_or("", |own| text(own, "mac"));
    if mac.is_empty() || mac == "00:00:00:00:00:00" {
        return Err(Stop::skip("the result has no MAC address"));
    }
    attachment.container().sh(&format!(
        "change='ip link set {ifname} address 02:00:00:00:00:99'
         $change || {{ ip link set {ifname} down; $change; ip link set {ifname} up; }}"
    ));
    attachment.call("CHECK").note("after the MAC address was changed").run().fails()?;
    Ok(())
}

fn accepts_later_changes(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    add_and_check(&attachment)?;
    let ifname = attachment.ifname();
    attachment.container().run(&format!("ip address add 198.51.100.7/24 dev {ifname}"));
    attachment.container().run(&format!("ip route add 203.0.113.0/24 dev {ifname}"));
    attachment.call("CHECK").note("after an address and a route were added").run().succeeds()?;
    Ok(())
}

fn runs_on_delegates(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    add_and_check(&attachment)?;
    fake_delegate.received("CHECK")?;
    Ok(())
}

fn hands_on_delegates_error(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate()?;
    let attachment = fixture.attachment("c1");
    add_and_check(&attachment)?;
    fake_delegate.fails("CHECK", 101, "the fake delegate fails on purpose");
    attachment.call("CHECK").note("with a delegate that fails").run().fails()?;
    Ok(())
}

fn has_no_side_effects(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    add_and_check(&attachment)?;
    let before = fixture.snapshot();
    attachment.check()?;
    before.expect_unchanged(fixture, "after CHECK")
}

fn fails_after_del(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    add_and_check(&attachment)?;
    attachment.del()?;
    if let (Profile::Wrapper, Ok(fake_delegate)) =
        (fixture.subject.profile, fixture.fake_delegate())
    {
        // Like a delegate that no longer has the attachment.
        fake_delegate.fails("CHECK", 101, "there is no such attachment");
    }
    attachment.call("CHECK").note("after DEL").run().fails()?;
    Ok(())
}
