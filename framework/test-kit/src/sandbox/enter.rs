//! Enters a sandbox without a helper process: a thread of the test moves into the namespaces, does
//! its work there, such as starting a program, and ends.
//!
//! Only a process with a single thread can enter a user namespace. A sandbox in a user namespace is
//! therefore entered by `nsenter` instead.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use rustix::fs::CWD;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::thread::{
    LinkNameSpaceType, ThreadNameSpaceType, UnshareFlags, move_into_link_name_space,
    move_into_thread_name_spaces,
};

/// A handle to the namespaces of a process. It does not keep them alive.
#[derive(Debug)]
pub(crate) struct Namespaces {
    process: OwnedFd,
}

impl Namespaces {
    /// Opens the namespaces of a process.
    ///
    /// Returns `None` if the kernel (before 5.8) or missing privileges do not allow it.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let pid = Pid::from_raw(pid.try_into().ok()?)?;
        let namespaces = Self { process: pidfd_open(pid, PidfdFlags::empty()).ok()? };
        namespaces.within(None, || ()).is_ok().then_some(namespaces)
    }

    /// Runs `work` inside, in the named network namespace if one is given. The work can't start
    /// threads.
    pub(crate) fn within<T: Send>(
        &self,
        netns: Option<&str>,
        work: impl FnOnce() -> T + Send,
    ) -> io::Result<T> {
        on_a_thread(|| {
            self.enter(ThreadNameSpaceType::NETWORK)?;
            if let Some(name) = netns {
                let netns = File::open(format!("/run/netns/{name}"))?;
                move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network))?;
            }
            Ok(work())
        })
    }

    /// Runs `work` in the network namespace only; the file system remains the machine's.
    pub(crate) fn within_network<T: Send>(
        &self,
        netns: Option<&Path>,
        work: impl FnOnce() -> T + Send,
    ) -> io::Result<T> {
        on_a_thread(|| {
            match netns {
                None => {
                    let network = ThreadNameSpaceType::NETWORK;
                    move_into_thread_name_spaces(self.process.as_fd(), network)?;
                }
                Some(path) => {
                    let network = Some(LinkNameSpaceType::Network);
                    move_into_link_name_space(File::open(path)?.as_fd(), network)?;
                }
            }
            Ok(work())
        })
    }

    /// Creates a named network namespace, as `ip netns add` does, and runs `work` in it.
    pub(crate) fn within_new<T: Send>(
        &self,
        name: &str,
        work: impl FnOnce() -> T + Send,
    ) -> io::Result<T> {
        on_a_thread(|| {
            unshare(UnshareFlags::NEWNET)?;
            // It must be opened outside: inside, /proc does not show this thread.
            let netns = File::open("/proc/thread-self/ns/net")?;
            self.enter(ThreadNameSpaceType::empty())?;
            let path = format!("/run/netns/{name}");
            OpenOptions::new().write(true).create_new(true).mode(0o0).open(&path)?;
            let clone = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
            let tree = open_tree(&netns, "", clone | OpenTreeFlags::AT_EMPTY_PATH)?;
            move_mount(&tree, "", CWD, &path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
            Ok(work())
        })
    }

    /// Moves the calling thread, permanently, into the mount and process namespaces and those in
    /// `more`.
    fn enter(&self, more: ThreadNameSpaceType) -> io::Result<()> {
        // The kernel refuses a mount namespace to a thread that shares its root directory.
        unshare(UnshareFlags::FS)?;
        let namespaces = ThreadNameSpaceType::MOUNT | ThreadNameSpaceType::PROCESS_ID | more;
        move_into_thread_name_spaces(self.process.as_fd(), namespaces)?;
        Ok(())
    }
}

fn unshare(what: UnshareFlags) -> io::Result<()> {
    #[expect(deprecated, reason = "only unsharing file descriptors is unsafe; they stay shared")]
    rustix::thread::unshare(what)?;
    Ok(())
}

fn on_a_thread<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panic| resume_unwind(panic)))
}
