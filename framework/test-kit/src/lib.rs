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

mod binary;
mod call;
mod fake_plugin;
mod host;
mod process;
mod sandbox;
mod scripted_plugin;
mod snapshot;
mod temp_dir;
mod traffic;
mod wait;

pub use binary::{binary, plugin_binary};
pub use call::builder::{CallBuilder, RunningCall};
pub use call::fault::{Fault, FaultedCall};
pub use call::outcome::Outcome;
pub use fake_plugin::{FakePlugin, Journal, fake_call};
pub use host::baseline::{Baseline, ReusableContainer};
pub use host::veth_pair::VethPair;
pub use host::{Container, Host, Neighbour};
pub use sandbox::bind_mounts::BindMounts;
pub use sandbox::netns::{Netns, Process};
pub use scripted_plugin::plugin_dir::PluginDir;
pub use scripted_plugin::record::{RecordLine, RecordedCall};
pub use scripted_plugin::script::{
    Answer, BackgroundChild, Behaviour, ErrorAnswer, Flood, Script, StdinUse, Stream,
};
pub use snapshot::Snapshot;
pub use temp_dir::TempDir;
pub use traffic::{EchoSession, Server, Traffic};
pub use wait::wait_until;
