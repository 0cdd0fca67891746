//! The main function of every plugin: read, answer, exit.

use std::{
    cell::Cell,
    future::{Future, poll_fn},
    io::{self, IsTerminal, Read, Write, stderr, stdin},
    pin::pin,
    process::ExitCode,
    task::{Context, Poll, Waker},
};

use async_process::driver;
use cni_protocol::{Environment, Request, SpecVersion, Verb};

use crate::{
    about::About,
    answer_pipe::AnswerPipe,
    call::Call,
    catch_panic::{self, CatchPanic},
    delegate::Innermost,
    diagnostics,
    error::Error,
    flow,
    hook_limit::{
        alarm,
        restarted::{Restarted, Undo},
    },
    plugin::Plugin,
    reply::Reply,
    stack::Layers,
};

/// Runs a plugin made of these layers: reads the call from environment and stdin, and answers on
/// stdout.
///
/// stdout belongs to the answer: what hooks, libraries and programs that they start print there is
/// written to stderr.
///
/// ```no_run
/// struct Nothing;
///
/// impl cni_wrapper::Middleware for Nothing {
///     type Config = serde::de::IgnoredAny;
/// }
///
/// fn main() -> std::process::ExitCode {
///     cni_wrapper::run(cni_wrapper::about!(), Nothing)
/// }
/// ```
pub fn run(about: About, layers: impl Layers) -> ExitCode {
    let (name, answer) = (about.name, Answer { pipe: AnswerPipe::take(), status: Cell::default() });
    catch_panic::step(name, || Ok(start(about, layers, &answer))).unwrap_or_else(|error| {
        // A panic after the answer was printed must not add a second document.
        let failed = || answer.finish(&Reply::Failed(error, SpecVersion::NEWEST));
        answer.status.get().unwrap_or_else(failed)
    })
}

/// The answer of this process.
struct Answer {
    pipe: AnswerPipe,
    /// The exit status, once it was written.
    status: Cell<Option<ExitCode>>,
}

impl Answer {
    fn finish(&self, reply: &Reply) -> ExitCode {
        match self.pipe.write(reply) {
            Ok(()) => reply.exit_status().into(),
            Err(error) => {
                let _ = writeln!(stderr(), "cannot write the answer to stdout: {error}");
                ExitCode::FAILURE
            }
        }
    }
}

/// Answers the call. Panics of hooks and plugins are caught below, so that their ADD is rolled
/// back.
fn start(about: About, layers: impl Layers, answer: &Answer) -> ExitCode {
    let environment = Environment::current();
    let plugin = || CatchPanic(layers.around(Box::new(Innermost)));
    match Request::verb_of(&environment) {
        Ok(None) => {
            introduce(&about);
            ExitCode::SUCCESS
        }
        Ok(Some(Verb::Version)) => {
            answer.finish(&Reply::Version(flow::version::document(requested())))
        }
        Ok(Some(verb)) => serve(about.name, verb, environment, plugin, answer),
        Err(error) => answer.finish(&Reply::Failed(error.into(), requested())),
    }
}

/// Prints the text for people, on stderr because stdout belongs to the protocol.
fn introduce(about: &About) {
    // Not `eprint!`, which panics if stderr is closed.
    let _ = stderr().write_all(about.text().as_bytes());
}

/// Returns the version for an answer that does not need the input. A terminal is not read.
fn requested() -> SpecVersion {
    if stdin().is_terminal() { SpecVersion::NEWEST } else { flow::version::requested(stdin()) }
}

fn serve(
    name: &str,
    verb: Verb,
    environment: Environment,
    plugin: impl FnOnce() -> CatchPanic,
    answer: &Answer,
) -> ExitCode {
    let (restarted, environment) = Restarted::take(environment);
    let (verb, environment) = match &restarted {
        Some(Restarted { undo: Undo::Del, .. }) => {
            (Verb::Del, environment.with("CNI_COMMAND", Verb::Del.as_str()))
        }
        _ => (verb, environment),
    };
    // A malformed call is answered before any future is run.
    let (call, input) = match read(name, verb, environment) {
        Ok(read) => read,
        Err(rejection) => return answer.finish(&rejection),
    };
    alarm::enable(input, answer.pipe.descriptor(), restarted.as_ref());
    let plugin = plugin();
    match restarted {
        None => execute(answer_call(&plugin, &call, answer)),
        Some(restarted) => answer_restarted(&plugin, &call, answer, &restarted),
    }
}

async fn answer_call(plugin: &CatchPanic, call: &Call, answer: &Answer) -> ExitCode {
    let reply = dispatch(plugin, call).await;
    let Err(error) = answer.pipe.write(&reply) else {
        let status = reply.exit_status().into();
        answer.status.set(Some(status));
        return status;
    };
    log::error!("cannot write the answer to stdout: {error}");
    // It leaves alone what existed before, as any rollback.
    if matches!(reply, Reply::Added(_))
        && let Err(error) = plugin.del(&call.for_rollback()).await
    {
        log::error!("rollback failed: {error}");
    }
    ExitCode::FAILURE
}

/// Undoes the ADD of a hook that blocked, and reports the hook.
fn answer_restarted(
    plugin: &CatchPanic,
    call: &Call,
    answer: &Answer,
    restarted: &Restarted,
) -> ExitCode {
    let rollback = match restarted.undo {
        Undo::Del => execute(plugin.del(call)),
        Undo::Nothing | Undo::LeftAlone => Ok(()),
    };
    answer.finish(&Reply::Failed(restarted.error(call, rollback), call.version))
}

/// Reads the call. Returns its input, too.
fn read(name: &str, verb: Verb, environment: Environment) -> Result<(Call, Vec<u8>), Reply> {
    let mut input = Copied { reader: stdin().lock(), copy: Vec::new() };
    let request = Request::read(verb, environment, &mut input)?;
    let version = request.version;
    Call::new(request)
        .and_then(|call| diagnostics::install(name, &call).map(|()| call))
        .map(|call| (call, input.copy))
        .map_err(|error| Reply::Failed(error, version))
}

/// A reader, and a copy of what was read.
struct Copied<R> {
    reader: R,
    copy: Vec<u8>,
}

impl<R: Read> Read for Copied<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.copy.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

/// Serves a call with the method of its verb, and converts the result to the version of the call.
pub async fn dispatch(plugin: &dyn Plugin, call: &Call) -> Reply {
    let outcome = match call.verb {
        Verb::Add => {
            let added = flow::answer_add(plugin, call).await.map(Reply::Added);
            call.warn_of_mistyped_keys();
            added
        }
        Verb::Del => plugin.del(call).await.map(|()| Reply::Done),
        Verb::Check => plugin.check(call).await.map(|()| Reply::Done),
        Verb::Gc => plugin.gc(call).await.map(|()| Reply::Done),
        Verb::Status => plugin.status(call).await.map(|()| Reply::Done),
        Verb::Version => Ok(Reply::Version(flow::version::document(call.version))),
        // `Verb` may grow with the specification; a verb that is not listed here was never
        // announced.
        other => Err(Error::IncompatibleVersion { what: format!("{other} is not supported") }),
    };
    outcome.unwrap_or_else(|error| Reply::Failed(error, call.version))
}

/// Runs a future on this thread until it is done, as [`run`](crate::run) does with a verb.
///
/// For commands that a plugin has in addition to its verbs, such as one that lists what it created.
///
/// ```
/// let answer = cni_wrapper::block_on(async { 6 * 7 });
/// assert_eq!(answer?, 42);
/// # Ok::<(), cni_wrapper::Error>(())
/// ```
///
/// # Errors
///
/// The future panicked (code 999); the message is part of the error.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Error> {
    catch_panic::step("a command", || Ok(execute(future)))
}

/// Runs a future to its end.
///
/// It is `async_std::task::block_on` without two threads that a plugin would start for nothing: the
/// pool, which async-std fills before its first use, and the thread that reaps children, which is
/// done here. A plugin that enables async-std's `default` has the pool with its first `spawn`.
///
/// A third one waits for events next to this thread. `block_on` starts it when it returns at the
/// latest, so a future that never waits is not passed to it.
fn execute<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(async {
        // Pinned before the future and polled first, so that it runs before any child is started.
        let mut reaping = pin!(driver());
        let mut future = pin!(future);
        poll_fn(|context| {
            let _ = reaping.as_mut().poll(context);
            future.as_mut().poll(context)
        })
        .await
    });
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        // It is polled again at once, with a waker.
        Poll::Pending => async_io::block_on(future),
    }
}
