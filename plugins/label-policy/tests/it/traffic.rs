//! The network in the README, with real traffic: two bridges, selected by label.

use cni_test_kit::{CallBuilder, Container, Host, RepeatedAdd, Traffic};

use crate::common::{labelled, plugin, readme_network};

const PLUGINS: &str = "/usr/lib/cni";

struct Running {
    container: Container,
    call: CallBuilder,
    address: String,
}

fn start(host: &Host, id: &str, tier: &str) -> Running {
    let container = host.container(id);
    let call = CallBuilder::add("mesos").config(readme_network()).cni_path(PLUGINS);
    let call = labelled(call, &[("tier", tier)]).container(&container);
    let result = call.run(plugin()).expect_success().json();
    let address = result["ip4"]["ip"].as_str().expect("an address of the 0.2.0 form");
    let address = address.split('/').next().unwrap_or_default().to_owned();
    Running { container, call, address }
}

fn links(container: &Container) -> Vec<String> {
    let links = container.run("ip -br link");
    links.lines().map(|line| line.split([' ', '@']).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn databases_and_shops_get_separate_networks_and_an_unlabelled_container_none() {
    let host = Host::new();
    let db = start(&host, "db", "db");
    let web = start(&host, "web", "web");
    assert!(db.address.starts_with("10.77."), "{}", db.address);
    assert!(web.address.starts_with("10.66."), "{}", web.address);
    for running in [&db, &web] {
        let _server = running.container.serve(Traffic::Http, 80);
        let url = format!("http://{}:80/", running.address);
        host.fetch(&url).unwrap_or_else(|why| panic!("the host reaches {url}: {why}"));
    }
    let unlabelled = host.container("unlabelled");
    let call = CallBuilder::add("mesos").config(readme_network()).cni_path(PLUGINS);
    let (code, msg, _) = call.container(&unlabelled).run(plugin()).error();
    assert_eq!(code, 110, "{msg}");
    assert_eq!(links(&unlabelled), ["lo"], "it has no interface");
    for running in [&db, &web] {
        running.call.clone().as_verb("DEL").run(plugin()).expect_success();
        assert_eq!(links(&running.container), ["lo"], "DEL removes the interface");
    }
    assert_eq!(host.sh("ls -A /run/cni-label-policy").trim(), "");
}

fn call(container: &Container, tier: &str) -> CallBuilder {
    let call = CallBuilder::add("mesos").config(readme_network()).cni_path(PLUGINS);
    labelled(call, &[("tier", tier)]).container(container)
}

#[test]
fn a_repeated_add_fails_and_leaves_the_attached_container_as_it_was() {
    let (host, plugin) = (Host::new(), plugin());
    let add = |container: &Container| call(container, "db");
    let repeated = RepeatedAdd::new(&host, &plugin, &add, &[]);
    repeated.fails_and_changes_nothing();
    repeated.is_refused_in_another_namespace();
    repeated.another_container_gets_another_address(&add);
    repeated.del_leaves_nothing();
    assert_eq!(host.sh("ls -A /run/cni-label-policy").trim(), "");
}

#[test]
fn a_repeated_add_with_another_label_is_refused_while_the_container_is_attached() {
    let host = Host::new();
    let container = host.container("c1");
    call(&container, "db").run(plugin()).expect_success();
    let (before, inside) = (host.snapshot(), container.snapshot());
    let (code, msg, details) = call(&container, "web").run(plugin()).error();
    before.assert_same(&host.snapshot());
    inside.assert_same(&container.snapshot());
    assert!(code == 7 && msg.contains("delegates.vault has attached"), "{code}: {msg}");
    assert!(details.contains("was left alone; call DEL"), "{details}");
    call(&container, "web").as_verb("DEL").run(plugin()).expect_success();
    assert_eq!(links(&container), ["lo"], "DEL goes to the delegate that attached it");
    call(&container, "web").run(plugin()).expect_success();
}
