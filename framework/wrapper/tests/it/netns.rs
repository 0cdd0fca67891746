//! Work in the network namespace of a container.

use std::{
    fs,
    net::UdpSocket,
    os::{fd::AsRawFd, unix::fs::symlink},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc::{Sender, channel},
    thread::{self, JoinHandle},
};

use async_std::task::block_on;
use cni_netlink::{link::Links, nftables, route::Routes, sysctl};
use cni_test_kit::{TempDir, fake_call};
use cni_wrapper::{Call, Error, NetworkNamespace, Verb};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use serde_json::json;

/// A network namespace that exists as long as a thread that is in it.
struct Container {
    path: PathBuf,
    end: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Container {
    fn new() -> Self {
        let ((started, path), (end, wait)) = (channel(), channel::<()>());
        let holder = thread::spawn(move || {
            #[expect(unsafe_code, reason = "a network namespace affects no memory")]
            // SAFETY: files and memory stay shared with the other threads.
            unsafe { unshare_unsafe(UnshareFlags::NEWNET) }.expect("root");
            let id = rustix::thread::gettid().as_raw_nonzero();
            let path = format!("/proc/{}/task/{id}/ns/net", std::process::id());
            started.send(PathBuf::from(path)).expect("the test waits");
            let _ = wait.recv();
        });
        Self { path: path.recv().expect("a namespace"), end: Some((end, holder)) }
    }

    /// Ends the namespace, whose path then leads to nothing.
    fn end(&mut self) {
        if let Some((end, holder)) = self.end.take() {
            drop(end);
            holder.join().expect("it has not panicked");
        }
    }

    fn namespace(&self) -> NetworkNamespace {
        NetworkNamespace::open(&self.path).expect("it exists")
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.end();
    }
}

fn namespace_at(path: impl AsRef<Path>) -> PathBuf {
    fs::read_link(path).expect("a namespace")
}

fn own() -> PathBuf {
    namespace_at("/proc/thread-self/ns/net")
}

/// Returns the output of a program that a hook starts without any care.
fn naive_child(program: &str, arguments: &[&str]) -> String {
    let child = Command::new(program).args(arguments).stderr(Stdio::inherit()).output();
    String::from_utf8(child.expect("it runs").stdout).expect("text").trim().to_owned()
}

#[test]
fn only_the_work_is_in_the_containers_namespace_and_not_a_naive_child_that_is_started_meanwhile() {
    let (container, host) = (Container::new(), own());
    let there = namespace_at(&container.path);
    assert_ne!(there, host);
    let ((begun, wait_for_begin), (finish, wait_for_finish)) = (channel(), channel::<()>());
    let namespace = container.namespace();
    thread::scope(|scope| {
        let namespace = &namespace;
        let work = scope.spawn(move || {
            let seen = namespace.run(move || {
                begun.send(()).expect("the test waits");
                wait_for_finish.recv().expect("the test goes on");
                Ok(own())
            });
            (seen.expect("it works"), own())
        });
        wait_for_begin.recv().expect("the work has begun");
        let child = naive_child("readlink", &["/proc/self/ns/net"]);
        assert_eq!(Path::new(&child), host, "of a child");
        let files = naive_child("sh", &["-c", "ls -l /proc/$$/fd"]);
        let inode = there.display().to_string();
        assert!(!files.contains(&inode), "a child inherits the namespace:\n{files}");
        assert_eq!(thread::spawn(own).join().expect("a thread"), host, "of another thread");
        finish.send(()).expect("the work waits");
        let (seen, after) = work.join().expect("no panic");
        assert_eq!((seen, after), (there.clone(), host.clone()));
    });
    assert_eq!(own(), host);
    // All threads of this process, which runs other tests, too.
    let inside = fs::read_dir("/proc/self/task").expect("threads").flatten().filter(|thread| {
        fs::read_link(thread.path().join("ns/net")).is_ok_and(|namespace| namespace == there)
    });
    assert_eq!(inside.count(), 1, "only the thread that holds the namespace");
}

#[test]
fn links_routes_rules_and_settings_inside_are_those_of_the_container() {
    let container = Container::new();
    let namespace = container.namespace();
    let forwarding = "net.ipv4.conf.lo.forwarding";
    let before = sysctl::get(forwarding).expect("a setting");
    let other = if before == "0" { "1" } else { "0" };
    let (links, tables, setting) = namespace
        .run(|| {
            let links = Links::open()?.list()?;
            Links::open()?.set_up(links[0].index)?;
            let loopback = "127.0.0.1".parse().expect("an address");
            assert!(Routes::open()?.is_local(loopback)?);
            sysctl::set(forwarding, other)?;
            let mut change = nftables::Transaction::new(nftables::Table::inet("inside"));
            change.add_table();
            let mut kernel = nftables::Kernel::open()?;
            nftables::Ruleset::commit(&mut kernel, &change, None)?;
            let table = nftables::Table::inet("inside");
            let exists = nftables::Ruleset::table(&mut kernel, &table)?.is_some();
            Ok((links, exists, sysctl::get(forwarding)?))
        })
        .expect("it works");
    assert_eq!(links.iter().map(|link| link.name.as_str()).collect::<Vec<_>>(), ["lo"]);
    assert_eq!((tables, setting.as_str()), (true, other));
    assert_eq!(sysctl::get(forwarding).expect("a setting"), before, "the host's is unchanged");
    // A socket stays where it was opened.
    let socket = namespace
        .run(|| UdpSocket::bind("127.0.0.1:0").map_err(|error| Error::io("cannot bind", error)));
    let socket = socket.expect("lo is up");
    let port = socket.local_addr().expect("bound").port();
    let sockets =
        fs::read_to_string(container.path.parent().unwrap().parent().unwrap().join("net/udp"));
    assert!(
        sockets.expect("a list").contains(&format!(":{port:04X} ")),
        "fd {}",
        socket.as_raw_fd()
    );
}

#[test]
fn a_path_that_is_not_a_containers_namespace_is_refused_with_code_4() {
    let (mut container, dir) = (Container::new(), TempDir::new());
    let file = |name: &str| dir.path().join(name);
    fs::write(file("empty"), "").expect("written");
    symlink("/proc/self/ns/net", file("own")).expect("a link");
    rustix::fs::mkfifoat(rustix::fs::CWD, file("pipe"), rustix::fs::Mode::RWXU).expect("a pipe");
    let ended = container.path.clone();
    let namespace = container.namespace();
    container.end();
    for (path, expected) in [
        (file("none"), "does not exist"),
        (file("empty"), "is not a network namespace"),
        (file("pipe"), "is not a network namespace"),
        (file("own"), "is the network namespace of this plugin"),
        ("/proc/self/ns/net".into(), "is the network namespace of this plugin"),
        (ended, "does not exist"),
    ] {
        let error = NetworkNamespace::open(&path).expect_err("it is refused");
        let text = error.to_string();
        assert_eq!(error.code(), 4, "{text}");
        assert!(text.starts_with(&format!("CNI_NETNS: {} {expected}", path.display())), "{text}");
        let existing = NetworkNamespace::open_existing(&path).expect("DEL goes on");
        assert!(existing.is_none(), "{path:?}");
    }
    // It is a namespace, but not of the network.
    let mounts = NetworkNamespace::open("/proc/self/ns/mnt").expect("nothing was tried yet");
    let error = mounts.run(|| Ok(())).expect_err("it is refused");
    assert_eq!(
        (error.code(), error.to_string().contains("is not a network")),
        (4, true),
        "{error}"
    );
    // One that is open stays, whatever its path leads to.
    assert!(namespace.run(|| Ok(())).is_ok());
}

#[test]
fn a_call_opens_the_namespace_of_its_container() {
    let call = |netns: Option<&str>| -> Call {
        let mut call = fake_call(Verb::Del, json!({"delegate": {"type": "inner"}}));
        let mut request = cni_wrapper::Request::clone(&call);
        request.netns = netns.map(str::to_owned);
        call = Call::new(request).expect("a call");
        call
    };
    let container = Container::new();
    let known = call(container.path.to_str());
    assert_eq!(known.netns().expect("it exists").path(), container.path);
    assert!(known.existing_netns().expect("it exists").is_some());
    let unset = call(None);
    let error = unset.netns().expect_err("it is not set");
    assert!(error.code() == 4 && error.to_string().starts_with("CNI_NETNS: it is not set"));
    assert!(unset.existing_netns().expect("DEL goes on").is_none());
}

#[test]
fn errors_and_panics_of_the_work_are_those_of_the_hook() {
    let container = Container::new();
    let namespace = container.namespace();
    let failed = || Err::<(), _>(Error::plugin(120, "no"));
    assert_eq!(namespace.run(failed).expect_err("it fails").code(), 120);
    assert_eq!(block_on(namespace.spawn(failed)).expect_err("it fails").code(), 120);
    let panicked = std::panic::catch_unwind(|| namespace.run::<()>(|| panic!("in there")));
    assert_eq!(panicked.expect_err("a panic").downcast_ref(), Some(&"in there"));
    let (there, host) = (namespace_at(&container.path), own());
    let seen = block_on(async { (namespace.spawn(|| Ok(own())).await, own()) });
    assert_eq!((seen.0.expect("it works"), seen.1), (there, host));
}

#[test]
fn a_plain_error_of_netlink_becomes_one_with_a_code() {
    let refused = sysctl::set("kernel.hostname", "x").expect_err("it is not a network setting");
    let error = Error::from(refused);
    assert_eq!(error.code(), 5);
    let text = error.to_string();
    assert!(text.starts_with("cannot change the sysctl kernel.hostname: it is not"), "{text}");
}
