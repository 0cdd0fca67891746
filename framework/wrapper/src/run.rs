//! The main function of every plugin: read, answer, exit.

use std::{
    cell::Cell,
    io::{IsTerminal, Write, stderr, stdin, stdout},
    process::ExitCode,
};

use crate::{
    Call, Environment, Plugin, Request, SpecVersion, Verb,
    block_on::block_on,
    delegate::Centre,
    diagnostics,
    flow::{self, Guarded},
    reply::Reply,
    request::{self, Refusal},
    stack::Layers,
};

/// What a plugin says of itself when somebody runs it by hand. Made by [`about!`](crate::about).
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Name of the binary, as it stands in `type`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it does, in one line.
    pub description: &'static str,
}

/// What the calling crate's `Cargo.toml` says of it: an [`About`].
#[macro_export]
macro_rules! about {
    () => {
        $crate::About {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            description: env!("CARGO_PKG_DESCRIPTION"),
        }
    };
}

impl About {
    /// The text for people: what it is, its version, the versions of the specification.
    pub fn text(&self) -> String {
        let Self { name, version, description } = self;
        let versions = SpecVersion::list();
        format!(
            "{name} {version}: {description}\n\
             A CNI plugin, executed by a container runtime (CNI_COMMAND is not set). CNI versions: {versions}\n"
        )
    }
}

/// Runs a plugin made of these layers: reads the call from environment and stdin, answers on stdout.
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
    let (name, answered) = (about.name, Answered::default());
    flow::step(name, || Ok(dispatch(about, layers, &answered))).unwrap_or_else(|error| {
        // An answer that was given stands, whatever happens while all is taken down: there can't be two.
        answered.get().unwrap_or_else(|| finish(&Reply::Failed(error, SpecVersion::NEWEST)))
    })
}

/// The exit status that belongs to what was written to stdout.
type Answered = Cell<Option<ExitCode>>;

/// A panic in the plugin itself is an error by then, and undone.
fn dispatch(about: About, layers: impl Layers, answered: &Answered) -> ExitCode {
    let environment = Environment::of_process();
    let plugin = || Guarded(layers.around(Box::new(Centre)));
    match request::verb(&environment) {
        Ok(None) => {
            introduce(&about);
            ExitCode::SUCCESS
        }
        Ok(Some(Verb::Version)) => finish(&Reply::Version(flow::version::document(asked()))),
        Ok(Some(verb)) => serve(about.name, verb, environment, plugin, answered),
        Err(error) => finish(&Reply::Failed(error, asked())),
    }
}

/// This text is for a person; stdout is the protocol's.
fn introduce(about: &About) {
    // Not `eprint!`, which panics when nobody reads stderr.
    let _ = stderr().write_all(about.text().as_bytes());
}

/// The version for an answer that does not need the input: it is looked at, but not when typed at a terminal.
fn asked() -> SpecVersion {
    if stdin().is_terminal() { SpecVersion::NEWEST } else { flow::version::asked(stdin()) }
}

fn serve(
    name: &str,
    verb: Verb,
    environment: Environment,
    plugin: impl FnOnce() -> Guarded,
    answered: &Answered,
) -> ExitCode {
    // What is wrong with the call itself is answered before any runtime is started.
    let call = match read(name, verb, environment) {
        Ok(call) => call,
        Err(Refusal { error, version }) => return finish(&Reply::Failed(error, version)),
    };
    let plugin = plugin();
    block_on(async {
        let reply = answer(&plugin, &call).await;
        let Err(error) = reply.write(stdout().lock()) else {
            let status = reply.exit_status().into();
            answered.set(Some(status));
            return status;
        };
        log::error!("cannot write the answer to stdout: {error}");
        if matches!(reply, Reply::Added(_))
            && let Err(error) = plugin.del(&call).await
        {
            log::error!("rollback failed: {error}");
        }
        ExitCode::FAILURE
    })
}

fn read(name: &str, verb: Verb, environment: Environment) -> Result<Call, Refusal> {
    let request = Request::read(verb, environment, stdin().lock())?;
    let version = request.version;
    Call::new(request)
        .and_then(|call| diagnostics::install(name, &call).map(|()| call))
        .map_err(|error| Refusal { error, version })
}

/// Answers a call: the flow of its verb through the layers, and the result in the version asked for.
pub async fn answer(plugin: &dyn Plugin, call: &Call) -> Reply {
    let outcome = match call.verb {
        Verb::Add => flow::answer_add(plugin, call).await.map(Reply::Added),
        Verb::Del => plugin.del(call).await.map(|()| Reply::Done),
        Verb::Check => plugin.check(call).await.map(|()| Reply::Done),
        Verb::Gc => plugin.gc(call).await.map(|()| Reply::Done),
        Verb::Status => plugin.status(call).await.map(|()| Reply::Done),
        Verb::Version => Ok(Reply::Version(flow::version::document(call.version))),
    };
    outcome.unwrap_or_else(|error| Reply::Failed(error, call.version))
}

fn finish(reply: &Reply) -> ExitCode {
    match reply.write(stdout().lock()) {
        Ok(()) => reply.exit_status().into(),
        Err(error) => {
            let _ = writeln!(stderr(), "cannot write the answer to stdout: {error}");
            ExitCode::FAILURE
        }
    }
}
