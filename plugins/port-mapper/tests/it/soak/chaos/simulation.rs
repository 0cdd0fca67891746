//! The host, its attachments, and the outcome of the calls so far.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cni_test_kit::{CallBuilder, Host, Outcome, Snapshot};
use fastrand::Rng;

use super::attachment::{Attachment, Network, STATE_DIRS, Status};
use super::log::Log;
use crate::common::plugin;
use crate::soak::ledger::{Ledger, Ports, shown};

const NETWORKS: usize = 8;
const ATTACHMENTS: usize = 96;

/// The number of calls by outcome.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) calls: AtomicUsize,
    pub(super) added: AtomicUsize,
    pub(super) refused: AtomicUsize,
    pub(super) deleted: AtomicUsize,
    pub(super) restored: AtomicUsize,
    /// Failures while the firewall was flushed.
    pub(super) disturbed: AtomicUsize,
}

/// The flushes of the firewall.
#[derive(Debug, Default)]
pub(super) struct Flushes {
    begun: AtomicUsize,
    running: AtomicUsize,
}

impl Flushes {
    /// Runs a flush.
    pub(super) fn during(&self, flush: impl FnOnce()) {
        // In this order, so that every call in the meantime sees one of the two.
        self.running.fetch_add(1, Ordering::SeqCst);
        self.begun.fetch_add(1, Ordering::SeqCst);
        flush();
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    /// Returns the number of flushes so far; `None` if one is running.
    pub(super) fn completed(&self) -> Option<usize> {
        let begun = self.begun();
        (self.running.load(Ordering::SeqCst) == 0).then_some(begun)
    }

    /// Returns the number of flushes that have begun.
    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }
}

/// A call that has ended.
pub(super) struct Called {
    pub(super) outcome: Outcome,
    /// Whether no flush was running at any time during the call.
    pub(super) undisturbed: bool,
    /// The number of flushes before it; `None` if one was running.
    pub(super) flushes: Option<usize>,
}

impl Called {
    pub(super) fn succeeded(&self) -> bool {
        self.outcome.code() == Some(0)
    }

    /// Returns the code of its error object; `None` if it printed none.
    pub(super) fn error_code(&self) -> Option<u64> {
        let object: serde_json::Value = serde_json::from_str(&self.outcome.stdout).ok()?;
        object["code"].as_u64()
    }
}

/// A host and its attachments. Each is locked during a call, since runtimes make one call at a
/// time.
pub(super) struct Chaos {
    pub(super) networks: Vec<Network>,
    pub(super) attachments: Vec<(Attachment, Mutex<Status>)>,
    pub(super) counts: Counts,
    pub(super) flushes: Flushes,
    pub(super) ledger: Ledger,
    pub(super) log: Log,
    /// The first failure.
    failure: Mutex<Option<String>>,
    pub(super) before: Snapshot,
    pub(super) host: Host,
}

impl Chaos {
    /// Returns a host with random networks, none of whose attachments exists yet.
    pub(super) fn new(rng: &mut Rng) -> Self {
        let host = Host::new();
        let networks: Vec<_> = (0..NETWORKS).map(|number| Network::random(number, rng)).collect();
        let attachments = (0..ATTACHMENTS)
            .map(|number| {
                let network = rng.usize(..NETWORKS);
                let attachment = Attachment::new(&host, number, network, &networks[network]);
                (attachment, Mutex::new(Status::Absent))
            })
            .collect();
        let before = host.snapshot();
        Self {
            networks,
            attachments,
            counts: Counts::default(),
            flushes: Flushes::default(),
            ledger: Ledger::default(),
            log: Log::new(),
            failure: Mutex::default(),
            before,
            host,
        }
    }

    /// Makes a call that concerns these ports, or all.
    pub(super) fn call(&self, what: &str, ports: Option<&[Ports]>, call: &CallBuilder) -> Called {
        self.counts.calls.fetch_add(1, Ordering::Relaxed);
        let (began, flushes) = (Instant::now(), self.flushes.completed());
        let outcome = call.run(plugin());
        let undisturbed = flushes == Some(self.flushes.begun());
        let called = Called { outcome, undisturbed, flushes };
        let how = match called.outcome.code() {
            Some(0) => "succeeded".to_owned(),
            _ => format!("{} {}", called.outcome.status, called.outcome.stdout.trim()),
        };
        self.log.record(began, format!("{what}: {how}"), ports);
        called
    }

    /// Makes a call of an attachment.
    pub(super) fn call_of(
        &self,
        attachment: &Attachment,
        verb: &str,
        ports: &[Ports],
        call: &CallBuilder,
    ) -> Called {
        let what = format!("{verb} {}", self.described(attachment));
        self.call(&what, Some(ports), call)
    }

    /// Runs `restore` for each state directory.
    pub(super) fn restore(&self) {
        for directory in STATE_DIRS {
            self.command(&["restore", "--state-dir", directory]);
            self.counts.restored.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Runs a command, which must succeed unless the firewall is flushed meanwhile.
    pub(super) fn command(&self, arguments: &[&str]) {
        let command = CallBuilder::cli(arguments).within(&self.host);
        let what = arguments.join(" ");
        let called = self.call(&what, None, &command);
        self.expect_success(&what, &called, &[]);
    }

    /// Counts a failure while the firewall was flushed, and reports any other.
    pub(super) fn expect_success(&self, what: &str, called: &Called, ports: &[Ports]) {
        match (called.succeeded(), called.undisturbed) {
            (true, _) => {}
            (false, true) => self.fail(&format!("{what}: {}", called.outcome), ports),
            (false, false) => {
                self.counts.disturbed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn described(&self, attachment: &Attachment) -> String {
        let Network { name, backend, state_dir, .. } = &self.networks[attachment.network];
        format!("{}@{name} ({backend}, {state_dir})", attachment.name)
    }

    /// Reports a failure with the history of these ports. Only the first one counts.
    pub(super) fn fail(&self, problem: &str, ports: &[Ports]) {
        let history = self.log.history(ports);
        let of = if ports.is_empty() { "all ports".to_owned() } else { shown(ports) };
        self.failure().get_or_insert_with(|| format!("{problem}\nthe history of {of}:\n{history}"));
    }

    fn failure(&self) -> MutexGuard<'_, Option<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure().is_some()
    }

    pub(super) fn panic_if_failed(&self) {
        let failure = self.failure().take();
        assert!(failure.is_none(), "{}", failure.unwrap_or_default());
    }
}
