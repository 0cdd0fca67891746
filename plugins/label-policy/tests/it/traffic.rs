//! The network in the README, with real traffic: two bridges, selected by label.

use cni_test_kit::{CallBuilder, Container, Host, Traffic};

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
