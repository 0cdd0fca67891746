//! Cases: ADD.

use crate::spec::prelude::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "add.makes-the-interface",
        does: "ADD as net7; expects that interface in the container",
        run: makes_the_interface,
    },
    Case {
        id: "add.refuses-existing-ifname",
        does: "creates eth0 in the container, then ADD as eth0",
        run: refuses_existing_ifname,
    },
    Case {
        id: "add.reports-the-container-interface",
        does: "ADD; expects CNI_IFNAME and CNI_NETNS in the result",
        run: reports_the_container_interface,
    },
    Case {
        id: "add.result-agrees-with-kernel",
        does: "ADD; compares interfaces, addresses and routes with those of the kernel",
        run: result_agrees_with_kernel,
    },
    Case {
        id: "add.failure-then-del-leaves-nothing",
        does: "a failed ADD, then DEL; compares before and after",
        run: failure_then_del_leaves_nothing,
    },
    Case {
        id: "add.failure-leaves-nothing",
        does: "a failed ADD; compares before and after",
        run: failure_leaves_nothing,
    },
    Case {
        id: "add.interfaces-are-independent",
        does: "ADD of eth0 and eth1 in one container, DEL of eth1; compares",
        run: interfaces_are_independent,
    },
    Case {
        id: "add.works-again-after-del",
        does: "ADD, DEL, ADD, DEL",
        run: works_again_after_del,
    },
];

fn has_link(attachment: &Attachment, name: &str) -> bool {
    let links = attachment.container().run("ip -o link show");
    links.lines().any(|line| {
        let shown = line.split(": ").nth(1).unwrap_or_default();
        shown.split('@').next() == Some(name)
    })
}

fn makes_the_interface(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment_of([NETWORK, "c1", "net7"]);
    let (response, ifname) = (attachment.add()?, attachment.ifname());
    let what = format!("the container has the interface {ifname}");
    expect(has_link(&attachment, ifname), what, || {
        format!("it has not, after {}", response.exchange.ending())
    })
}

fn refuses_existing_ifname(fixture: &Fixture) -> CaseResult {
    if let Some(only) = &fixture.subject.ifname {
        return Err(Stop::skip(format!("the interface {only} always exists")));
    }
    let attachment = fixture.attachment("c1");
    attachment.container().run("ip link add eth0 type bridge");
    attachment.call("ADD").note("when eth0 exists").run().fails()?;
    let kept = attachment.container().run("ip -d -o link show eth0").contains("bridge");
    expect(kept, "the existing interface is left alone", || "it was replaced")
}

fn reports_the_container_interface(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    let response = attachment.add()?;
    let (result, netns) = (response.result()?, attachment.container().netns());
    let mut interfaces = list(&result, "interfaces").iter();
    let own = interfaces.find(|interface| {
        text(interface, "name") == attachment.ifname() && text(interface, "sandbox") == netns
    });
    let what = format!("an interface with name {} and sandbox {netns}", attachment.ifname());
    response.expect(own.is_some(), &what)?;
    // Interfaces on the host have no sandbox, so any sandbox must be that of this container.
    let foreign = list(&result, "interfaces").iter().find(|interface| {
        !text(interface, "sandbox").is_empty() && text(interface, "sandbox") != netns
    });
    response.expect(foreign.is_none(), "no sandbox other than that of the container")
}

fn result_agrees_with_kernel(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("c1");
    let response = attachment.add()?;
    let result = response.result()?;
    for interface in list(&result, "interfaces") {
        let inside = !text(interface, "sandbox").is_empty();
        let netns = if inside { &**attachment.container() } else { &**fixture.host() };
        let shown = netns.sh("ip -o link show");
        let (name, mac) = (text(interface, "name"), text(interface, "mac").to_lowercase());
        let found = shown.lines().find(|line| {
            line.contains(&format!(": {name}:")) || line.contains(&format!(": {name}@"))
        });
        response.expect(found.is_some(), &format!("the interface {name} of the result exists"))?;
        let same = found.is_some_and(|line| line.contains(&mac));
        response.expect(same, &format!("{name} has the MAC address {mac} of the result"))?;
    }
    let addresses = attachment.container().run("ip -o address show");
    for ip in list(&result, "ips") {
        let address = text(ip, "address");
        let exists = addresses.contains(&format!(" {address} "));
        response.expect(exists, &format!("the address {address} of the result exists"))?;
    }
    routes_agree(&attachment, &response, &result)
}

fn routes_agree(attachment: &Attachment, response: &Response, result: &Value) -> CaseResult {
    let routes = attachment
        .container()
        .sh("ip -4 route show table all; ip -6 route show table all")
        .replace("default ", "0.0.0.0/0 ");
    for route in list(result, "routes") {
        let destination = text(route, "dst");
        let shown = match destination {
            "::/0" => "0.0.0.0/0",
            host if host.ends_with("/32") || host.ends_with("/128") => bare(host),
            network => network,
        };
        let exists = routes.lines().any(|line| line.starts_with(&format!("{shown} ")));
        response.expect(exists, &format!("the route to {destination} of the result exists"))?;
    }
    Ok(())
}

fn failure_then_del_leaves_nothing(fixture: &Fixture) -> CaseResult {
    fixture.warm_up()?;
    for mode in failure_modes(fixture)? {
        let (attachment, call) = mode.add(fixture)?;
        let before = fixture.snapshot();
        mode.fails(call)?;
        attachment.del()?;
        before.expect_unchanged(fixture, "after a failed ADD and a DEL")?;
    }
    Ok(())
}

fn failure_leaves_nothing(fixture: &Fixture) -> CaseResult {
    fixture.warm_up()?;
    for mode in failure_modes(fixture)? {
        let (attachment, call) = mode.add(fixture)?;
        let before = fixture.snapshot();
        mode.fails(call)?;
        before.expect_unchanged(fixture, "after a failed ADD")?;
        attachment.del()?;
    }
    Ok(())
}

fn interfaces_are_independent(fixture: &Fixture) -> CaseResult {
    let first = fixture.attachment("c1");
    let second = first.with_ifname("eth1")?;
    fixture.warm_up()?;
    first.add()?;
    let before = fixture.snapshot();
    let response = second.call("ADD").note("in addition to eth0").run();
    if response.exchange.exit != Some(0) {
        let ending = response.exchange.ending();
        return Err(Stop::Info(format!(
            "a second interface on the same network is refused: {ending}"
        )));
    }
    second.del()?;
    let own = [second.ifname().to_owned(), second.input().host_ifname()];
    let own = own.each_ref().map(String::as_str);
    before.expect_only_lost(fixture, &own, "after ADD and DEL of eth1 while eth0 is attached")
}

fn works_again_after_del(fixture: &Fixture) -> CaseResult {
    let attachment = fixture.attachment("again");
    attachment.add()?;
    attachment.del()?;
    let again = attachment.call("ADD").note("again after a DEL");
    attachment.add_with(again)?;
    attachment.del()?;
    Ok(())
}
