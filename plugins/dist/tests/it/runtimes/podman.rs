//! Debian's Podman, with its CNI backend, runs a container with published ports.

use cni_test_kit::Host;

use super::image;
use super::pods::Podman;
use super::site::{self, port_mapper, until};

const IMAGE: &str = "localhost/demo:1";

#[test]
fn a_container_of_podman_is_reachable_through_its_published_ports_until_it_is_removed() {
    let host = Host::new();
    let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
    site::prepare(&host);
    let podman = Podman::on(&host);
    let archive = image::build("podman", IMAGE);
    let image = podman.run(&format!("pull --quiet 'oci-archive:{}'", archive.display()));

    let publish = "--publish 8080:80 --publish 9000-9001:80-81";
    let serve = "serve http 80 --name web";
    let id = podman.run(&format!(
        "run --detach --name web --network net {publish} --entrypoint /peer {image} {serve}"
    ));
    for port in [8080, 9000] {
        let url = format!("http://203.0.113.1:{port}/");
        until("the container serves", || outside.fetch(&url).is_ok());
        assert_eq!(outside.fetch(&url).expect("an answer"), "web saw 203.0.113.9");
    }
    host.fetch("http://127.0.0.1:8080/").expect("from the host itself");
    let list = host.run(&port_mapper("list"));
    for port in ["8080", "9000", "9001"] {
        assert!(list.contains(&id) && list.contains(port), "{port}: {list}");
    }
    assert_ne!(site::addresses(&host, &id), "", "its address is allocated");

    podman.run("rm --force --time 0 web");
    outside.fetch("http://203.0.113.1:8080/").expect_err("nothing is mapped after its DEL");
    site::nothing_is_left(&host, &id);
}
