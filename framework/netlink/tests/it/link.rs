//! Links, hairpin mode and veths into a namespace, as `ip` and `bridge` show them.

use std::path::Path;

use cni_netlink::link::{Link, Links};

use crate::host::{container, inside, run};

fn links() -> Links {
    Links::open().expect("a socket")
}

fn named(name: &str) -> Link {
    links().by_name(name).expect("looked up").expect("exists")
}

fn hairpin_shown_by_bridge(name: &str) -> bool {
    run(&format!("bridge -d link show dev {name}")).contains("hairpin on")
}

#[test]
fn lookups_by_name_and_by_index_return_the_same_link() {
    inside(|| {
        container("c1", "10.88.0");
        let mut links = links();
        let link = named("c1");
        let shown = run("ip -o link show c1");
        assert_eq!(shown.split(':').next(), Some(&*link.index.to_string()));
        assert_eq!(links.by_index(link.index).expect("looked up"), Some(link.clone()));
        assert_eq!(links.name(link.index).expect("looked up").as_deref(), Some("c1"));
        assert_eq!(link.name, "c1");
        assert!(link.is_veth && link.master.is_none() && link.hairpin.is_none());
        assert!(!named("lo").is_veth);
    });
}

#[test]
fn looking_up_links_that_do_not_or_cannot_exist_is_not_an_error() {
    inside(|| {
        let mut links = links();
        for name in ["nosuch", "", "a/b", "longer-than-any-link", "a\0b", " "] {
            assert_eq!(links.by_name(name).expect("no error"), None, "{name:?}");
        }
        for index in [0, 4711, i32::MAX as u32, u32::MAX] {
            assert_eq!(links.by_index(index).expect("no error"), None, "{index}");
            assert_eq!(links.name(index).expect("no error"), None, "{index}");
        }
    });
}

#[test]
fn a_link_is_set_up_and_no_other() {
    inside(|| {
        run("ip link add one type bridge");
        run("ip link add two type bridge");
        links().set_up(named("one").index).expect("set up");
        let is_up = |name: &str| run(&format!("ip link show {name}")).contains(",UP");
        assert!(is_up("one") && !is_up("two"));
        let error = links().set_up(4711).expect_err("no such link").to_string();
        assert!(error.starts_with("cannot set up link 4711: No such device"), "{error}");
    });
}

#[test]
fn hairpin_mode_is_read_and_set_as_bridge_shows_it() {
    inside(|| {
        container("c1", "10.88.0");
        container("c2", "10.89.0");
        run("ip link add br0 type bridge");
        run("ip link set c1 master br0");
        run("ip link set c2 master br0");
        assert_eq!((named("c1").hairpin, named("c2").hairpin), (Some(false), Some(false)));
        assert_eq!(named("c1").master, Some(named("br0").index));

        links().set_hairpin(named("c1").index, true).expect("set");
        assert_eq!((named("c1").hairpin, named("c2").hairpin), (Some(true), Some(false)));
        assert!(hairpin_shown_by_bridge("c1") && !hairpin_shown_by_bridge("c2"));

        links().set_hairpin(named("c1").index, false).expect("set");
        assert_eq!(named("c1").hairpin, Some(false));
        assert!(!hairpin_shown_by_bridge("c1"));
    });
}

#[test]
fn hairpin_mode_is_refused_for_links_that_are_not_bridge_ports() {
    inside(|| {
        let lo = named("lo").index;
        let error = links().set_hairpin(lo, true).expect_err("not a bridge port").to_string();
        assert!(
            error.starts_with("cannot change hairpin mode of link 1 (it is probably not"),
            "{error}"
        );
        assert_eq!(named("lo").hairpin, None);
    });
}

#[test]
fn the_host_ends_of_a_containers_veths_are_found_and_no_others() {
    inside(|| {
        container("c1", "10.88.0");
        container("c2", "10.89.0");
        run("ip link add c1b type veth peer name eth1 netns c1");
        run("ip link add here0 type veth peer name here1");
        run("ip netns add empty");
        let into = |path: &str| {
            let mut names: Vec<String> = links()
                .veths_into(Path::new(path))
                .expect("looked up")
                .into_iter()
                .map(|link| link.name)
                .collect();
            names.sort();
            names
        };
        assert_eq!(into("/run/netns/c1"), ["c1", "c1b"]);
        assert_eq!(into("/run/netns/c2"), ["c2"]);
        assert!(into("/run/netns/empty").is_empty());
        assert!(into("/proc/self/ns/net").is_empty(), "a pair within one namespace is not listed");

        let peer = run("ip -n c2 -o link show eth0");
        let peer = peer.split(':').next().expect("an index");
        let [found] = &links().veths_into(Path::new("/run/netns/c2")).expect("looked up")[..]
        else {
            panic!("one veth")
        };
        assert_eq!(found.peer.map(|index| index.to_string()).as_deref(), Some(peer));
    });
}

#[test]
fn the_error_names_a_path_that_is_not_a_network_namespace() {
    inside(|| {
        let error =
            |path: &str| links().veths_into(Path::new(path)).expect_err("no namespace").to_string();
        assert!(error("/run/netns/gone").contains("cannot open network namespace /run/netns/gone"));
        assert!(error("/dev/null").contains("cannot identify network namespace /dev/null"));
    });
}

#[test]
fn hundreds_of_links_are_listed_completely() {
    inside(|| {
        run("ip netns add c1");
        for number in 0..200 {
            run(&format!("ip link add v{number} type veth peer name p{number} netns c1"));
        }
        let found = links().veths_into(Path::new("/run/netns/c1")).expect("looked up");
        assert_eq!(found.len(), 200);
    });
}

/// Reports whether the kernel knows a link of this name in the namespace at `path`.
fn exists_in(path: &str, name: &str) -> bool {
    let netns = std::fs::File::open(path).expect("the namespace");
    links().exists_in(&netns, name).expect("looked up")
}

#[test]
fn a_link_of_another_namespace_is_found_without_entering_it() {
    inside(|| {
        run("ip netns add new");
        for _ in 0..2 {
            assert!(!exists_in("/run/netns/new", "eth0"), "no id at first, then one");
            assert!(exists_in("/run/netns/new", "lo"));
        }
        container("c1", "10.88.0");
        run("ip netns add c2");
        run("ip -n c2 link add eth0 type bridge");
        assert!(exists_in("/run/netns/c1", "eth0"), "one end of a pair");
        assert!(exists_in("/run/netns/c2", "eth0"), "a link that was created inside");
        assert!(!exists_in("/run/netns/c1", "c1"), "the other end is in this namespace");
        assert!(!exists_in("/run/netns/c1", "eth"), "a part of a name");
        run("ip -n c2 link delete eth0");
        assert!(!exists_in("/run/netns/c2", "eth0"));
        assert!(exists_in("/proc/self/ns/net", "c1"), "this namespace is one like any other");
        assert!(!exists_in("/proc/self/ns/net", "eth0"));
    });
}

#[test]
fn a_file_that_is_not_a_network_namespace_has_no_links() {
    inside(|| {
        for path in ["/dev/null", "/proc/self/ns/mnt"] {
            let file = std::fs::File::open(path).expect("opens");
            let error = links().exists_in(&file, "lo").expect_err("not a namespace").to_string();
            assert!(error.starts_with("cannot look up link lo in a namespace: "), "{error}");
        }
    });
}
