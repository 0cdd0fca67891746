//! Disposable hosts are isolated from each other and from the machine, and leave nothing behind.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use cni_test_kit::{BindMounts, Host, TempDir, Traffic, wait_until};

fn alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn two_hosts_at_once_do_not_see_each_other() {
    let (one, two) = (Host::new(), Host::new());
    one.run("ip link add only-here type bridge");
    one.write("/run/only-here", "one");
    one.write("/var/lib/cni/only-here", "one");
    one.container("c1");

    assert!(one.run("ip -o link").contains("only-here"));
    assert!(!two.run("ip -o link").contains("only-here"), "links are separate");
    assert!(!two.exists("/run/only-here"), "/run is separate");
    assert!(!two.exists("/var/lib/cni/only-here"), "/var/lib/cni is separate");
    assert!(!two.exists("/run/netns/c1"), "named namespaces are separate");
    assert!(!two.exists("/sys/class/net/only-here"), "/sys is separate");
    assert!(one.exists("/sys/class/net/only-here"), "/sys shows the host's own links");
    assert!(!Path::new("/run/only-here").exists(), "the machine's /run is untouched");
    assert!(!Path::new("/sys/class/net/only-here").exists(), "the machine's links are untouched");
    two.container("c1");
}

#[test]
fn a_host_can_have_a_private_tmp_with_a_directory_of_the_machine() {
    let temporary = TempDir::new();
    let directory = temporary.path().join("with a space");
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("plugin"), "text").unwrap();
    let mut bind_mounts = BindMounts::default();
    bind_mounts.directory(&directory).unwrap();
    let host = Host::with_private_tmp(bind_mounts);
    fs::remove_file(directory.join("plugin")).unwrap();
    let path = directory.display().to_string();
    let before = host.snapshot();
    host.write(&format!("{path}/written"), "by the host");
    before.assert_same(&host.snapshot());
    assert_eq!(fs::read_to_string(directory.join("written")).unwrap(), "by the host");

    host.write("/tmp/left", "x");
    assert_eq!(before.difference(&host.snapshot()), "+ files: /tmp/left f 644 1 bytes\n");
    assert!(!Path::new("/tmp/left").exists(), "the machine's /tmp is untouched");
    let other = Host::with_private_tmp(BindMounts::default());
    assert_eq!(other.run("ls -A /tmp"), "");
}

#[test]
fn a_new_host_has_the_documented_settings() {
    let host = Host::new();
    assert!(host.run("ip link show lo").contains(",UP"));
    for (path, value) in [
        ("/proc/sys/net/ipv4/ip_forward", "1\n"),
        ("/proc/sys/net/ipv6/conf/all/forwarding", "1\n"),
        ("/proc/sys/net/ipv4/conf/all/route_localnet", "0\n"),
    ] {
        assert_eq!(host.read(path), value, "{path}");
    }
}

#[test]
fn bridged_packets_traverse_iptables_only_on_request() {
    let host = Host::new();
    let read = || host.read("/proc/sys/net/bridge/bridge-nf-call-iptables");
    assert_eq!(read(), "0\n");
    host.bridge_netfilter(true);
    assert_eq!(read(), "1\n");
    assert_eq!(host.read("/proc/sys/net/bridge/bridge-nf-call-ip6tables"), "1\n");
}

#[test]
fn a_dropped_host_leaves_nothing_behind() {
    let host = Host::new();
    let init = host.pid();
    let container = host.container("c1");
    let in_background = "setsid sleep 1234 >/dev/null 2>&1 </dev/null &";
    host.sh(in_background);
    container.sh(in_background);
    let sleeping =
        || host.processes().iter().filter(|process| process.command == "sleep 1234").count();
    wait_until("both programs run", || sleeping() == 2);
    let outside = children_of(init);
    assert_eq!(outside.len(), 2, "the init process has adopted both: {outside:?}");

    drop(host);
    assert!(!alive(init), "the init process has exited");
    assert!(!outside.iter().any(|pid| alive(*pid)), "the processes in it have exited");
}

fn children_of(parent: u32) -> Vec<u32> {
    let pids = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().into_string().unwrap().parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        fields.split(' ').nth(1) == Some(&parent.to_string())
    })
    .collect()
}

#[test]
fn a_host_whose_test_was_killed_leaves_nothing_behind() {
    let mut test = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "host::waits_to_be_killed", "--ignored", "--nocapture"])
        .env("CNI_TEST_WAIT", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(test.stdout.take().unwrap()));
    let init = lines
        .map_while(Result::ok)
        .find_map(|line| line.split("init ").nth(1)?.trim().parse::<u32>().ok())
        .expect("the other test prints the pid of its init process");
    assert!(alive(init));

    // `wait` would close its input first, and then it would exit on its own.
    let _input = test.stdin.take();
    test.kill().unwrap();
    assert_eq!(test.wait().unwrap().signal(), Some(9));
    wait_until("the init process has exited", || !alive(init));
}

#[test]
#[ignore = "the other half of the test above, which starts it"]
fn waits_to_be_killed() {
    if std::env::var_os("CNI_TEST_WAIT").is_some() {
        let host = Host::new();
        let init = format!("\ninit {}\n", host.pid());
        std::io::Write::write_all(&mut std::io::stdout(), init.as_bytes()).unwrap();
        // Until it is killed, or the test that started it has exited.
        std::io::Read::read_to_end(&mut std::io::stdin(), &mut Vec::new()).unwrap();
    }
}

#[test]
fn killing_a_command_kills_its_program() {
    let host = Host::new();
    let mut sleeping = host.command("sleep").arg("1234").spawn().unwrap();
    let is_running = || host.processes().iter().any(|process| process.command == "sleep 1234");
    wait_until("the program runs", is_running);
    sleeping.kill().unwrap();
    sleeping.wait().unwrap();
    wait_until("the program has exited", || !is_running());
}

#[test]
fn a_host_in_a_user_namespace_works_like_any_other() {
    let host = Host::in_user_namespace();
    let container = host.container("c1");
    let outside = host.neighbour("outside", "10.9.0.1/24", "10.9.0.2/24");
    let _server = host.serve(Traffic::Http, 80);
    assert_eq!(outside.fetch("http://10.9.0.1:80/").unwrap(), "host saw 10.9.0.2");
    host.run("iptables-nft -t nat -A PREROUTING -p tcp --dport 81 -j REDIRECT --to-ports 80");
    assert_eq!(outside.fetch("http://10.9.0.1:81/").unwrap(), "host saw 10.9.0.2");
    container.run("ip link show lo");
    host.snapshot().assert_same(&host.snapshot());
    assert_eq!(host.run("id -u"), "0\n", "its user is root inside");
}

#[test]
#[should_panic(expected = "host: `ip link show nowhere` failed")]
fn a_failing_command_panics_with_its_command_line() {
    Host::new().run("ip link show nowhere");
}

#[test]
fn a_deleted_container_no_longer_exists_on_the_host() {
    let host = Host::new();
    let container = host.container("c1");
    assert_eq!(container.netns(), "/run/netns/c1");
    assert!(host.exists(&container.netns()));
    container.delete();
    assert!(!host.exists(&container.netns()));
}

#[test]
fn deleting_a_container_removes_the_host_ends_of_its_veths() {
    let host = Host::new();
    host.container("c2");
    host.run("ip link add other type veth peer name eth0 netns c2");
    for round in 0..10 {
        let container = host.container("c1");
        host.run("ip link add host-end type veth peer name eth0 netns c1");
        container.delete();
        let links = host.run("ip -o link");
        assert!(!links.contains("host-end"), "round {round}: {links}");
        assert!(links.contains("other"), "{links}");
    }
}

#[test]
fn a_snapshot_shows_what_was_added_and_nothing_else() {
    let host = Host::new();
    let before = host.snapshot();
    before.assert_same(&host.snapshot());

    // Listing tables and counting packets are not changes.
    host.sh("iptables-nft -t nat -S; iptables-legacy -t nat -S || true; ip6tables-nft -S");
    assert!(host.exchange(Traffic::Udp, "127.0.0.1", 9).is_err());
    before.assert_same(&host.snapshot());

    host.sh("ip link add br7 type bridge; ip link set br7 up; ip address add 10.7.0.1/24 dev br7
        echo 1 >/proc/sys/net/ipv4/conf/br7/route_localnet
        ip -6 rule add from fd00::/64 lookup 7
        iptables-nft -t nat -A PREROUTING -p tcp --dport 80 -j ACCEPT
        ip6tables-legacy -A INPUT -p udp -j DROP
        nft add table inet mine; echo lease >/var/lib/cni/lease; mkdir /run/state");
    let difference = before.difference(&host.snapshot());
    for line in [
        "+ links: br7 up mtu 1500\n",
        "+ addresses: br7 10.7.0.1/24\n",
        "+ routes: 10.7.0.0/24 dev br7 proto kernel scope link src 10.7.0.1\n",
        "+ settings: /proc/sys/net/ipv4/conf/br7/route_localnet:1\n",
        "+ rules: 32765:\tfrom fd00::/64 lookup 7\n",
        "+ iptables-nft: -A PREROUTING -p tcp -m tcp --dport 80 -j ACCEPT\n",
        "+ ip6tables-legacy: -A INPUT -p udp -j DROP\n",
        "+ nft: table inet mine {\n",
        "+ files: /var/lib/cni/lease f 644 6 bytes\n",
        "+ files: /run/state d 755\n",
    ] {
        assert!(difference.contains(line), "{line} is missing in\n{difference}");
    }

    host.sh("ip link delete br7; ip -6 rule delete from fd00::/64 lookup 7
        ip6tables-legacy -D INPUT 1; iptables-nft -t nat -D PREROUTING 1; nft delete table inet mine
        rm -r /var/lib/cni/lease /run/state");
    before.assert_same(&host.snapshot());
}

#[test]
fn a_snapshot_shows_that_a_tool_could_not_list_rules() {
    for (tool, rule) in [
        ("nft", "nft add table inet mine; nft delete table inet mine"),
        ("iptables-nft-save", "iptables-nft -A INPUT -j ACCEPT"),
        ("ip6tables-legacy-save", "ip6tables-legacy -A INPUT -j ACCEPT"),
    ] {
        let host = Host::new();
        host.sh(rule);
        let before = host.snapshot();
        // Without a change, the listing before would be used again.
        host.sh("nft add table inet other; nft delete table inet other
            echo '#!/bin/sh' >/run/fails; echo 'exit 3' >>/run/fails; chmod 755 /run/fails");
        host.run(&format!("mount --bind /run/fails /usr/sbin/{tool}"));
        let difference = before.difference(&host.snapshot());
        assert!(
            difference.contains(&format!("+ failures: {tool}: exit status 3\n")),
            "{difference}"
        );
    }
}

#[test]
fn a_snapshot_shows_a_rule_that_exists_twice() {
    let host = Host::new();
    let rule = "iptables-nft -t nat -A OUTPUT -j ACCEPT";
    host.run(rule);
    let once = host.snapshot();
    host.run(rule);
    let difference = once.difference(&host.snapshot());
    assert!(difference.contains("+ iptables-nft: -A OUTPUT -j ACCEPT"), "{difference}");
}

#[test]
fn a_script_that_prepares_a_host_may_leave_a_daemon_but_must_end_itself() {
    let host = Host::new();
    let limit = Duration::from_secs(60);
    // The daemon holds the script's outputs open.
    host.prepare("sleep 86399 & echo started", limit).unwrap();
    let daemons = || host.processes().iter().filter(|p| p.command == "sleep 86399").count();
    wait_until("the daemon runs", || daemons() == 1);

    let failed = host.prepare("echo no uplink >&2; exit 3", limit).unwrap_err();
    assert!(failed.contains("exit status: 3") && failed.contains("no uplink"), "{failed}");
    let hangs = "echo early; exec sleep 86398";
    let killed = host.prepare(hangs, Duration::from_millis(300)).unwrap_err();
    assert!(killed.contains("in the background"), "{killed}");
    wait_until("the script does not run", || host.processes().len() == 1);
}
