//! What a test of a CNI plugin needs, above all of one that wraps another plugin.
//!
//! * [`Host`]: a throw-away host in namespaces of its own, with [`Container`]s and [`Neighbour`]s,
//!   and traffic between them ([`Netns::serve`], [`Netns::fetch`], [`Netns::exchange`]).
//! * [`PluginDir`]: a directory of scripted plugins that obey or misbehave as a [`Script`] says,
//!   and record every call.
//! * [`CallBuilder`]: calls a plugin as a runtime does; [`Outcome`] is what it answered.
//! * [`CallBuilder::run_with_fault`]: a plugin is killed, or fails, at any system call that it makes.
//! * [`FakePlugin`]: a plugin in the test's own process, for tests of hooks; [`fake_call`] makes calls for it.
//! * [`plugin_binary`]: finds (or builds) the plugin under test.
//!
//! Everything here panics with a sentence that says what is wrong: it is meant for tests.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod baseline;
mod binary;
mod cable;
mod call;
mod door;
mod fake;
mod fault;
mod holder;
mod host;
mod mesos;
mod outcome;
mod place;
mod plugin_dir;
mod process;
mod record;
mod script;
mod snapshot;
mod sysctl;
mod temporary;
mod traffic;
mod visible;

pub use baseline::{Baseline, ReusableContainer};
pub use binary::{binary, plugin_binary};
pub use cable::VethPair;
pub use call::{CallBuilder, RunningCall};
pub use fake::{FakePlugin, Journal, fake_call};
pub use fault::{Fault, FaultedCall};
pub use host::{Container, Host, Neighbour};
pub use outcome::Outcome;
pub use place::{Netns, Process};
pub use plugin_dir::PluginDir;
pub use record::{RecordLine, RecordedCall};
pub use script::{
    Answer, BackgroundChild, Behaviour, ErrorAnswer, Flood, Script, StdinUse, Stream,
};
pub use snapshot::Snapshot;
pub use temporary::TempDir;
pub use traffic::{EchoSession, Server, Traffic};
pub use visible::BindMounts;
