//! Test utilities for CNI plugins, especially for plugins that wrap another plugin.
//!
//! * [`Host`]: a disposable host in its own namespaces, with [`Container`]s, [`Neighbour`]s and
//!   traffic between them ([`Netns::serve`], [`Netns::fetch`], [`Netns::exchange`]).
//! * [`Snapshot`]: the network, the firewall rules and the files of a host, to compare.
//! * [`PluginDir`]: a directory of scripted plugins that succeed or misbehave as a [`Script`]
//!   specifies, and record every call.
//! * [`CallBuilder`]: calls a plugin as a runtime does and returns its [`Outcome`].
//! * [`CallBuilder::run_with_fault`]: kills a plugin at any of its system calls, or makes the call
//!   fail.
//! * [`FakePlugin`]: a fake delegate in the test's own process, for tests of hooks; [`fake_call`]
//!   creates calls for it.
//! * [`assert_refused_ids`]: the scenario of container ids that CNI does not allow.
//! * [`RepeatedAdd`]: the scenario of an ADD that is repeated around a real bridge.
//! * [`plugin_binary`]: finds (or builds) the plugin under test.
//! * [`Page`]: an HTML page in a headless browser, with real input events.
//! * [`TempDir`], [`wait_until`] and [`RunningProcess`]: what most tests need.
//!
//! Everything in this crate panics with a message that names the problem: it is meant for tests.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod binary;
mod browser;
mod call;
mod fake_plugin;
mod host;
mod outcome;
pub mod process;
mod refused_ids;
mod repeated_add;
mod sandbox;
mod scripted_plugin;
mod snapshot;
mod temp_dir;
mod traffic;
mod wait;

pub use binary::{binary, plugin_binary};
pub use browser::Page;
pub use call::builder::{CallBuilder, RunningCall};
pub use call::fault::{Fault, FaultedCall};
pub use fake_plugin::{FakePlugin, Journal, fake_call};
pub use host::baseline::{Baseline, ReusableContainer};
pub use host::veth_pair::VethPair;
pub use host::{Container, Host, Neighbour};
pub use outcome::Outcome;
pub use process::RunningProcess;
pub use refused_ids::assert_refused_ids;
pub use repeated_add::RepeatedAdd;
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
