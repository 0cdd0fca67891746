//! Work on a thread of its own, awaited without blocking the thread of the hooks.

use std::{
    future::{Future, poll_fn},
    panic::resume_unwind,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Poll, Waker},
    thread,
};

use crate::error::Error;

/// The outcome of work on another thread.
pub(crate) type Awaited<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// Runs blocking work on a thread of its own, and returns a future that awaits it.
///
/// For calls that take their time and are not async: a library that waits for the network, or that
/// has an executor of its own, such as tokio. The thread of the hooks stays free, so that a
/// deadline of the call holds.
///
/// ```
/// # fn fetch() -> Result<String, cni_wrapper::Error> { Ok("secret".to_owned()) }
/// # async fn after_add() -> Result<(), cni_wrapper::Error> {
/// let secret = cni_wrapper::spawn_blocking(|| fetch()).await?;
/// # assert_eq!(secret, "secret");
/// # Ok(()) }
/// # cni_wrapper::block_on(after_add())?
/// # ;Ok::<(), cni_wrapper::Error>(())
/// ```
///
/// The thread starts at once. If the future is dropped, as by a deadline, the thread goes on until
/// the process ends, so give the work a timeout of its own. A panic of `work` continues where the
/// future is awaited.
///
/// # Errors
///
/// That of `work`; code 5 if no thread can be started.
pub fn spawn_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> impl Future<Output = Result<T, Error>> + Send {
    spawn("blocking work", work)
}

pub(crate) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Awaited<T> {
    let done = Arc::new(Done::default());
    let signal = Signal(done.clone());
    let thread = named(name).spawn(move || {
        let _signal = signal;
        work()
    });
    Box::pin(async move {
        let thread = thread.map_err(no_thread)?;
        done.wait().await;
        // The work has returned, so joining takes no longer than the exit of the thread.
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

pub(crate) fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned())
}

pub(crate) fn no_thread(error: std::io::Error) -> Error {
    Error::io("cannot start a thread", error)
}

/// Whether the work has returned, and who waits for it.
#[derive(Default)]
struct Done(Mutex<(bool, Option<Waker>)>);

impl Done {
    async fn wait(&self) {
        poll_fn(|context| {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.0 {
                return Poll::Ready(());
            }
            state.1 = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

/// Signals the end of the work when dropped, also by a panic.
struct Signal(Arc<Done>);

impl Drop for Signal {
    fn drop(&mut self) {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = true;
        if let Some(waker) = state.1.take() {
            waker.wake();
        }
    }
}
