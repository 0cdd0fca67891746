//! Lifecycles of Debian's plugins and of our port mapper, with traffic through a mapped port.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cni_conformance::runtime::kind::RuntimeKind;
use cni_conformance::runtime::libcni::Libcni;
use cni_conformance::runtime::libcni::cache::Cache;
use cni_conformance::runtime::libcni::network::Network;
use cni_conformance::runtime::libcni::quirk::Quirks;
use cni_conformance::runtime::lifecycle::setup::Setup;
use cni_conformance::runtime::lifecycle::{catalogue, run::run_lifecycle};
use cni_conformance::runtime::mesos::config;
use cni_conformance::runtime::mesos::isolator::{Isolator, Join, NetnsHandle};
use cni_conformance::runtime::runner::{Runner, Site};
use cni_conformance::runtime::runtime_conf::RuntimeConf;
use cni_conformance::{Subject, Verdict};
use cni_protocol::{Environment, SpecVersion};
use cni_test_kit::{Container, Host, Neighbour, Netns, TempDir, Traffic, plugin_binary};
use serde_json::{Map, Value, json};

/// The host's address on the link to the client outside.
const HOST: &str = "203.0.113.1";

/// A host with a client outside, a container, and the path of the plugins.
struct World {
    host: Host,
    outside: Neighbour,
    container: Container,
    path: String,
}

impl World {
    fn new() -> Self {
        let host = Host::new();
        let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
        let container = host.container("c1");
        let ours = plugin_binary("mesos-cni-port-mapper", "mesos-cni-port-mapper");
        let path = format!("/usr/lib/cni:{}", ours.parent().unwrap().display());
        Self { host, outside, container, path }
    }

    fn runner(&self) -> Runner {
        let netns: Netns = (*self.host).clone();
        let own = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")];
        let site = Site::Host(netns, self.host.pid());
        Runner::new(site, Environment::from_iter(own), Duration::from_secs(60))
    }

    fn url(&self) -> String {
        format!("http://{HOST}:8080/")
    }

    /// Expects the container to answer on the mapped port: to the client outside, and to the host
    /// on its own address and on 127.0.0.1.
    fn expect_reachable(&self) {
        let _server = self.container.serve(Traffic::Http, 80);
        let seen = self.outside.fetch(&self.url()).expect("from outside");
        assert!(seen.contains("203.0.113.9"), "the client's address is preserved: {seen}");
        self.host.fetch(&self.url()).expect("from the host's own address");
        self.host.fetch("http://127.0.0.1:8080/").expect("from 127.0.0.1");
    }

    fn expect_unreachable(&self) {
        self.outside.fetch(&self.url()).expect_err("the port is no longer mapped");
    }
}

fn bridge() -> Value {
    json!({
        "type": "bridge", "bridge": "real0", "isGateway": true, "ipMasq": true,
        "ipam": {
            "type": "host-local", "subnet": "10.99.0.0/24", "routes": [{ "dst": "0.0.0.0/0" }],
        },
    })
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

/// Runs STATUS, ADD, traffic, CHECK if `check`, GC with the attachment as valid, DEL, DEL again.
fn lifecycle_with_libcni(plugins: Value, check: bool) {
    let world = World::new();
    let list = json!({ "cniVersion": "1.0.0", "name": "real", "plugins": plugins });
    let network = Network::parse_list(list.to_string().as_bytes(), &Quirks::all()).unwrap();
    let runner = world.runner();
    let path = world.path.split(':').map(PathBuf::from).collect();
    let directory = TempDir::new();
    let libcni = Libcni::new(&runner, path, Cache::new(directory.path()));
    let mappings = json!([{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }]);
    let conf = RuntimeConf {
        id: "c1".to_owned(),
        netns: world.container.netns(),
        ifname: "eth0".to_owned(),
        args: Vec::new(),
        capability_args: object(json!({ "portMappings": mappings })),
    };
    libcni.status(&network).unwrap();
    let result = libcni.add(&network, &conf).unwrap();
    assert_eq!(result.document()["ips"][0]["address"], "10.99.0.2/24");
    world.expect_reachable();
    if check {
        libcni.check(&network, &conf).unwrap();
    }
    libcni.gc(&network, Some(&[("c1".to_owned(), "eth0".to_owned())])).unwrap();
    world.expect_reachable();
    libcni.del(&network, &conf).unwrap();
    world.expect_unreachable();
    libcni.del(&network, &conf).unwrap();
    assert!(!world.host.exists("/var/lib/cni/networks/real/10.99.0.2"), "the lease is released");
    assert!(libcni.cache().attachments().unwrap().is_empty());
}

#[test]
fn bridge_and_portmap_with_libcni() {
    // Its CHECK expects IPv6 rules for a container without IPv6.
    let portmap = json!({ "type": "portmap", "capabilities": { "portMappings": true } });
    lifecycle_with_libcni(json!([bridge(), portmap]), false);
}

#[test]
fn bridge_and_our_port_mapper_with_libcni() {
    let ours = json!({ "type": "mesos-cni-port-mapper", "capabilities": { "portMappings": true } });
    lifecycle_with_libcni(json!([bridge(), ours]), true);
}

#[test]
fn our_port_mapper_around_bridge_with_libcni() {
    let ours = json!({
        "type": "mesos-cni-port-mapper", "capabilities": { "portMappings": true },
        "delegate": bridge(),
    });
    lifecycle_with_libcni(json!([ours]), true);
}

#[test]
fn gc_of_libcni_releases_the_lease_of_a_removed_container() {
    let world = World::new();
    let list = json!({ "cniVersion": "1.0.0", "name": "real", "plugins": [bridge()] });
    let network = Network::parse_list(list.to_string().as_bytes(), &Quirks::all()).unwrap();
    let (runner, directory) = (world.runner(), TempDir::new());
    let path = world.path.split(':').map(PathBuf::from).collect();
    let libcni = Libcni::new(&runner, path, Cache::new(directory.path()));
    let conf = RuntimeConf {
        id: "c1".to_owned(),
        netns: world.container.netns(),
        ifname: "eth0".to_owned(),
        ..RuntimeConf::default()
    };
    libcni.add(&network, &conf).unwrap();
    assert!(world.host.exists("/var/lib/cni/networks/real/10.99.0.2"));
    world.container.delete();
    libcni.gc(&network, Some(&[])).unwrap();
    assert!(!world.host.exists("/var/lib/cni/networks/real/10.99.0.2"), "the lease is released");
}

#[test]
fn our_port_mapper_around_bridge_with_mesos() {
    let world = World::new();
    let text = json!({
        "name": "real", "type": "mesos-cni-port-mapper", "chain": "REAL-TEST",
        "delegate": bridge(),
    });
    let config = config::parse(&text.to_string()).unwrap();
    let mapping = json!({ "host_port": 8080, "container_port": 80, "protocol": "tcp" });
    let info = object(json!({ "port_mappings": [mapping] }));
    let joins = [Join { config, info }];
    let root = "/run/mesos/isolators/network/cni";
    let runner = world.runner();
    let agent = || {
        let handle = NetnsHandle::Mounted((*world.host).clone());
        Isolator::new(&runner, world.path.clone(), root, handle)
    };
    let accepted = agent().launch("c1", &world.container.netns(), &joins).unwrap();
    assert_eq!(accepted[0].ip4.as_deref(), Some("10.99.0.2/24"));
    assert_eq!(accepted[0].hosts("c1"), "127.0.0.1 localhost\n10.99.0.2 c1\n");
    world.expect_reachable();
    assert_eq!(agent().recover(&["c1"]).unwrap(), [] as [&str; 0], "the container is known");
    world.expect_reachable();
    assert_eq!(agent().recover(&[]).unwrap(), ["c1"], "the container is unknown");
    world.expect_unreachable();
    assert!(!world.host.exists("/var/lib/cni/networks/real/10.99.0.2"), "the lease is released");
    assert!(!world.host.exists(&format!("{root}/c1")));
}

/// Runs all lifecycles of the port mapper with a subject file.
fn passes_all_lifecycles(file: &str, kind: RuntimeKind) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("subjects").join(file);
    let mut subject = Subject::read(&path).unwrap();
    subject.plugin = plugin_binary("mesos-cni-port-mapper", "mesos-cni-port-mapper");
    let setup =
        Setup::of_subject(kind, subject, SpecVersion::V1_1_0, Duration::from_secs(60)).unwrap();
    let setup = setup.with_del_delay(Duration::from_millis(300));
    for lifecycle in catalogue::all() {
        let (result, _) = run_lifecycle(lifecycle, &setup);
        let fine = matches!(result.verdict, Verdict::Pass | Verdict::Skip);
        assert!(fine, "{} of {file} with {kind}: {result:#?}", lifecycle.name);
        let applies = lifecycle.runtimes.contains(&kind);
        assert_eq!(
            result.verdict == Verdict::Pass,
            applies,
            "{} of {file} with {kind}",
            lifecycle.name
        );
    }
}

#[test]
fn our_port_mapper_passes_all_lifecycles_as_a_wrapper() {
    passes_all_lifecycles("port-mapper-wrapper.json", RuntimeKind::Libcni);
    passes_all_lifecycles("port-mapper-wrapper.json", RuntimeKind::Mesos);
}

#[test]
fn our_port_mapper_passes_all_lifecycles_in_a_chain() {
    passes_all_lifecycles("port-mapper-chained.json", RuntimeKind::Libcni);
}

#[test]
fn mesos_destroys_a_container_whose_add_failed() {
    let world = World::new();
    // The delegate does not exist.
    let text = json!({
        "name": "real", "type": "mesos-cni-port-mapper",
        "delegate": { "type": "no-such-plugin" },
    });
    let joins = [
        Join { config: config::parse(&text.to_string()).unwrap(), info: Map::new() },
        Join {
            config: object(json!({ "name": "second", "type": "bridge", "bridge": "real1" })),
            info: Map::new(),
        },
    ];
    let runner = world.runner();
    let handle = NetnsHandle::Mounted((*world.host).clone());
    let agent = Isolator::new(&runner, world.path.clone(), "/run/mesos", handle);
    let failure = agent.launch("c1", &world.container.netns(), &joins).unwrap_err();
    assert!(failure.message.contains("no-such-plugin"), "{failure}");
    let mut calls: Vec<String> =
        runner.exchanges().into_iter().map(|exchange| exchange.call).collect();
    calls.sort();
    assert_eq!(
        calls,
        ["bridge ADD", "bridge DEL", "mesos-cni-port-mapper ADD", "mesos-cni-port-mapper DEL"]
    );
    let second =
        runner.exchanges().into_iter().find(|exchange| exchange.call == "bridge ADD").unwrap();
    assert_eq!(second.environment["CNI_IFNAME"], "eth1");
}

/// As recorded with Mesos 1.11.
#[test]
fn mesos_detaches_only_what_failed_again_and_calls_nobody_without_the_handle() {
    let world = World::new();
    world.host.sh("mkdir -p /run/plugins");
    // DEL on the second network fails once. Every call reports which signals it inherits as ignored
    // and the mode of its input.
    world.host.write(
        "/run/plugins/odd",
        "#!/bin/sh\n\
         ignored=$(sed -n 's/^SigIgn:.//p' /proc/self/status)\n\
         echo $CNI_COMMAND $CNI_IFNAME $ignored $(stat -L -c %a /proc/$$/fd/0) >>/run/calls\n\
         [ $CNI_COMMAND = ADD ] && echo '{\"ip4\": {\"ip\": \"10.9.8.7/16\"}}' && exit\n\
         [ $CNI_IFNAME = eth0 ] || [ -e /run/failed ] || { >/run/failed; exit 1; }\n",
    );
    world.host.sh("chmod +x /run/plugins/odd");
    let join = |name: &str| Join {
        config: object(json!({ "name": name, "type": "odd" })),
        info: Map::new(),
    };
    let runner = world.runner();
    let agent = || {
        let handle = NetnsHandle::Mounted((*world.host).clone());
        Isolator::new(&runner, "/run/plugins", "/run/mesos", handle)
    };
    agent().launch("c1", &world.container.netns(), &[join("first"), join("second")]).unwrap();
    let failure = agent().destroy("c1").unwrap_err();
    let wanted = "The CNI plugin '/run/plugins/odd' failed to detach container c1 from CNI network \
                  'second': stdout='', stderr=''";
    assert_eq!(failure.message, wanted);
    assert_eq!(agent().recover(&[]).unwrap(), ["c1"]);
    let calls = world.host.sh("cat /run/calls");
    let count = |begin: &str| calls.lines().filter(|line| line.starts_with(begin)).count();
    assert_eq!((count("DEL eth0"), count("DEL eth1")), (1, 2), "{calls}");
    for line in calls.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let ignored = u64::from_str_radix(words[2], 16).unwrap();
        assert_eq!((ignored >> 12) & 1, 1, "SIGPIPE, number 13, is ignored: {line}");
        assert_eq!(words[3], "600", "{line}");
    }

    agent().launch("c1", &world.container.netns(), &[join("first")]).unwrap();
    world.host.sh("umount /run/mesos/c1/ns; rm /run/mesos/c1/ns");
    agent().destroy("c1").unwrap();
    assert_eq!(world.host.sh("grep -c DEL /run/calls").trim(), "3", "no further DEL");
}
