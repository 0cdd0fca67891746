//! The network namespace of a container, in which a thread of its own works.

use std::{
    fmt,
    future::Future,
    os::fd::{AsFd, OwnedFd},
    panic::resume_unwind,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    thread,
};

use rustix::{
    fs::{Mode, OFlags, fstat, fstatfs, open},
    io::{Errno, retry_on_intr},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use crate::{error::Error, kit::worker};

/// Magic number of the file system that namespaces are files of (`NSFS_MAGIC`).
const NSFS: i64 = 0x6e73_6673;
/// The namespace of the calling thread.
const OWN: &str = "/proc/thread-self/ns/net";
const THREAD: &str = "netns";

/// An open network namespace in which code can be run.
///
/// The code runs on a thread that enters the namespace first and ends with the code. So nothing
/// else of the plugin is ever in there: neither other hooks nor a rollback, neither the delegates
/// nor the threads of an executor. A child process does not inherit the namespace either, because
/// the file descriptor is closed on exec.
///
/// What the code itself starts, a thread or a process, begins in the namespace. Sockets stay in the
/// namespace in which they were opened, so one that the code returns can be used on any thread.
///
/// Most hooks get it by [`Call::netns`](crate::Call::netns).
#[derive(Clone, Debug)]
pub struct NetworkNamespace {
    file: Arc<OwnedFd>,
    path: PathBuf,
}

/// Why a path does not lead to the namespace of a container.
#[derive(Debug)]
enum Absence {
    Gone,
    NotANamespace,
    Own,
}

impl NetworkNamespace {
    /// Opens the namespace that a path leads to.
    ///
    /// # Errors
    ///
    /// Code 4 if the path leads to nothing, to a file that is not a namespace, or to the namespace
    /// of the calling thread, which is not a container's. Code 5 if it can't be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        look_up(path)?.map_err(|absence| absence.of(path))
    }

    /// Opens the namespace that a path leads to, or returns `None` if it leads to none any more.
    /// For DEL, when the container may have ended.
    ///
    /// It is `None` also if the path leads to the namespace of the calling thread: a path such as
    /// `/proc/7/ns/net` does so if a process of the host has got the id of the container's.
    ///
    /// # Errors
    ///
    /// Code 5 if it can't be opened.
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Option<Self>, Error> {
        Ok(look_up(path.as_ref())?.ok())
    }

    /// Returns the path by which it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` in the namespace, on a thread of its own, and waits for it.
    ///
    /// The waiting blocks this thread, as the kernel's answers to netlink requests do; use
    /// [`spawn`](Self::spawn) for work that takes its time. A panic of `work` continues in the
    /// caller.
    ///
    /// # Errors
    ///
    /// That of `work`. Code 4 if it is not a *network* namespace, code 5 if it can't be entered.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
        thread::scope(|scope| {
            let inside = || self.enter().and_then(|()| work());
            let thread =
                worker::named(THREAD).spawn_scoped(scope, inside).map_err(worker::no_thread)?;
            thread.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// Runs `work` in the namespace, on a thread of its own, which the returned future awaits
    /// without blocking this thread.
    ///
    /// The thread starts at once. It goes on if the future is dropped, but not after the end of the
    /// process.
    ///
    /// # Errors
    ///
    /// As those of [`run`](Self::run).
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Pin<Box<dyn Future<Output = Result<T, Error>> + Send>> {
        let namespace = self.clone();
        worker::spawn(THREAD, move || namespace.enter().and_then(|()| work()))
    }

    /// Moves the calling thread into the namespace. It must end afterwards.
    fn enter(&self) -> Result<(), Error> {
        let kind = Some(LinkNameSpaceType::Network);
        match move_into_link_name_space(self.file.as_fd(), kind) {
            Ok(()) => Ok(()),
            Err(Errno::INVAL) => Err(Absence::NotANamespace.of(&self.path)),
            Err(error) => Err(Error::io(
                format!("cannot enter {} (this needs CAP_SYS_ADMIN)", self.path.display()),
                error.into(),
            )),
        }
    }
}

/// Opens a namespace, or finds out why there is none.
#[allow(
    clippy::cast_lossless,
    clippy::unnecessary_cast,
    reason = "the type of the field differs between architectures"
)]
fn look_up(path: &Path) -> Result<Result<NetworkNamespace, Absence>, Error> {
    let failed = |error: Errno| {
        let what = format!("cannot open the network namespace {}", path.display());
        Error::io(what, error.into())
    };
    // Nonblocking, because the path may be that of a pipe.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match retry_on_intr(|| open(path, flags, Mode::empty())) {
        Ok(file) => file,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::SRCH) => return Ok(Err(Absence::Gone)),
        // A socket can't be opened.
        Err(Errno::NXIO) => return Ok(Err(Absence::NotANamespace)),
        Err(error) => return Err(failed(error)),
    };
    if fstatfs(&file).map_err(failed)?.f_type as i64 != NSFS {
        return Ok(Err(Absence::NotANamespace));
    }
    let (there, own) = (fstat(&file).map_err(failed)?, rustix::fs::stat(OWN).map_err(failed)?);
    if (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino) {
        return Ok(Err(Absence::Own));
    }
    Ok(Ok(NetworkNamespace { file: Arc::new(file), path: path.to_owned() }))
}

impl Absence {
    fn of(self, path: &Path) -> Error {
        let path = path.display();
        let why = match self {
            Self::Gone => format!(
                "{path} does not exist: the container has ended, or its namespace is in another \
                 mount namespace; call DEL"
            ),
            Self::NotANamespace => format!(
                "{path} is not a network namespace; a path such as /run/netns/NAME or \
                 /proc/PID/ns/net is expected. (An unmounted namespace leaves an empty file)"
            ),
            Self::Own => format!(
                "{path} is the network namespace of this plugin, that is, of the host; that of a \
                 container is expected"
            ),
        };
        Error::Environment { problems: vec![format!("CNI_NETNS: {why}")] }
    }
}

/// Writes the path.
impl fmt::Display for NetworkNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}
