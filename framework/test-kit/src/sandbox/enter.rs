//! The way into a host without a process on the way: a thread of the test moves into the host's namespaces, does
//! its work there, such as starting a program, and ends.
//!
//! Only a process with one thread can enter a user namespace, so there is no door to a host in one of these, and `nsenter` has to go.

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

/// The way into the namespaces of a process. It does not keep them alive.
#[derive(Debug)]
pub(crate) struct Door {
    process: OwnedFd,
}

impl Door {
    /// The door to the namespaces of a process; `None` where the kernel (before 5.8) or a lack of rights keeps it shut.
    pub(crate) fn to(pid: u32) -> Option<Self> {
        let pid = Pid::from_raw(pid.try_into().ok()?)?;
        let door = Self { process: pidfd_open(pid, PidfdFlags::empty()).ok()? };
        door.within(None, || ()).is_ok().then_some(door)
    }

    /// Does `work` inside, in the named network namespace if one is given. The work can't start threads.
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

    /// Does `work` in the network namespace only: the files are the machine's.
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

    /// Makes a network namespace with a name, as `ip netns add` does, and does `work` in it.
    pub(crate) fn within_new<T: Send>(
        &self,
        name: &str,
        work: impl FnOnce() -> T + Send,
    ) -> io::Result<T> {
        on_a_thread(|| {
            unshare(UnshareFlags::NEWNET)?;
            // To be opened out here: inside, /proc does not show this thread.
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

    /// Moves the calling thread, for good: into the mount and process namespace, and into those that are named.
    fn enter(&self, more: ThreadNameSpaceType) -> io::Result<()> {
        // A thread that shares its root directory with others is not let into another mount namespace.
        unshare(UnshareFlags::FS)?;
        let namespaces = ThreadNameSpaceType::MOUNT | ThreadNameSpaceType::PROCESS_ID | more;
        move_into_thread_name_spaces(self.process.as_fd(), namespaces)?;
        Ok(())
    }
}

fn unshare(what: UnshareFlags) -> io::Result<()> {
    #[expect(deprecated, reason = "unsafe are only shared descriptors, which stay shared here")]
    rustix::thread::unshare(what)?;
    Ok(())
}

fn on_a_thread<T: Send>(work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panic| resume_unwind(panic)))
}
