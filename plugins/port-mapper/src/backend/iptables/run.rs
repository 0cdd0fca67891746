//! Runs iptables-save and iptables-restore, and tells what their failures mean.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cni_wrapper::exec::{self, ExecError, Execution, Limits, Output, run};

use super::ahead::{Ahead, Stock};
use super::plan::Scope;
use super::save::Listing;
use super::sieve::Sieve;
use super::tools::{Program, Tools};
use super::version;
use super::view::{self, Place};
use super::xtables_lock::XtablesLock;
use crate::error::Error;
use crate::family::Family;

/// Time for the work itself, beside the wait for the lock.
pub(super) const WORK: Duration = Duration::from_secs(30);
/// A listing of a hundred thousand rules has about 15 MiB.
const LONGEST_LISTING: usize = 64 << 20;
/// The status of iptables when a resource, such as the lock, was not to be had.
const RESOURCE: i32 = 4;

/// What iptables-restore is to do with a text: list or change what is there.
const TELL: &[&str] = &["--noflush"];

/// The programs, how long to wait for the xtables lock, and how long for the work itself.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) tools: Tools,
    pub(super) lock_timeout: Duration,
    pub(super) work: Duration,
    pub(super) stock: Stock,
}

impl Runner {
    /// The text of the rules. One process.
    pub(super) async fn list(&self, family: Family, scope: Scope) -> Result<String, Error> {
        let program = self.tools.find(Program::Save, family)?;
        let args = match scope {
            Scope::Nat => vec!["-t".into(), "nat".into()],
            Scope::All => Vec::new(),
        };
        let finished = self.run(&program, args, Vec::new()).await?;
        if !finished.status.success() {
            return Err(failure(program, "listing rules", &finished));
        }
        let text = String::from_utf8(finished.stdout)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        shows_all(&program, &text, scope)?;
        Ok(text)
    }

    /// Sifts what these chains hold, up to the first that does not exist, and says how many were listed. One process, at
    /// the cost of these chains only, which is not true of iptables-save. `None` when this iptables-restore is too old to
    /// be asked.
    pub(super) async fn show(
        &self,
        family: Family,
        places: &[Place],
        sieve: &mut Sieve,
    ) -> Result<Option<usize>, Error> {
        let Some(request) = view::request(places) else { return Ok(None) };
        let Ahead { started, .. } = self.ahead(family).await?;
        sieve.ask(places);
        let finished =
            started.communicate(request.as_bytes(), &mut |bytes| sieve.take(bytes)).await?;
        self.refuse_if_locked(&finished)?;
        let listed = sieve.end();
        let ended = match finished.status.code() {
            Some(0) => listed == places.len(),
            Some(1) => listed < places.len(),
            _ => false,
        };
        Ok(ended.then_some(listed))
    }

    /// Starts iptables-restore until so many wait for their texts. Why one can't be started is told when it is needed.
    pub(super) async fn stock_up(&self, family: Family, count: usize) {
        while self.stock.count(family) < count {
            let Ok(ahead) = self.begin(family, TELL).await else { return };
            self.stock.put(family, ahead);
        }
    }

    /// One in stock, or a new one: it can be told to list or to change.
    async fn ahead(&self, family: Family) -> Result<Ahead, Error> {
        match self.stock.take(family) {
            Some(ahead) => Ok(ahead),
            None => self.begin(family, TELL).await,
        }
    }

    /// Tells iptables-restore the text. One process; three with an iptables before 1.6.2.
    pub(super) async fn restore(&self, family: Family, text: &str) -> Result<(), Error> {
        self.tell(self.ahead(family).await?, TELL, "changing rules", text).await
    }

    /// Whether the text could be told, without doing so.
    pub(super) async fn try_out(&self, family: Family, text: &str) -> Result<(), Error> {
        let options = ["--noflush", "--test"];
        let ahead = self.begin(family, &options).await?;
        self.tell(ahead, &options, "trying rules out", text).await
    }

    async fn begin(&self, family: Family, options: &[&str]) -> Result<Ahead, Error> {
        let program = self.tools.find(Program::Restore, family)?;
        let seconds = self.patience();
        let args = ["-w", &seconds].iter().chain(options).map(OsString::from).collect();
        let execution = self.execution(&program, args, Vec::new());
        Ok(Ahead { started: exec::start(&execution).await?, program })
    }

    async fn tell(
        &self,
        ahead: Ahead,
        options: &[&str],
        action: &'static str,
        text: &str,
    ) -> Result<(), Error> {
        let Ahead { program, started } = ahead;
        // It says nothing on stdout.
        let mut finished = started.communicate(text.as_bytes(), &mut |_| {}).await?;
        if !finished.status.success() && is_unknown_option(&finished) && self.lacks_wait().await? {
            let lock_file = Path::new(self.tools.lock_file());
            let _lock = XtablesLock::take(lock_file, self.lock_timeout).await?;
            let args = options.iter().map(OsString::from).collect();
            finished = self.run(&program, args, text.into()).await?;
        }
        if finished.status.success() {
            return Ok(());
        }
        self.refuse_if_locked(&finished)?;
        Err(failure(program, action, &finished))
    }

    /// Whether the unknown option is `-w`, and not that of a match which the kernel lacks: newer ones take the lock themselves, and
    /// would wait for ours. The lock that we take instead is kept by others since 1.4.20 only.
    async fn lacks_wait(&self) -> Result<bool, Error> {
        let version = version::parse(&self.fit_version().await?);
        Ok(version.is_none_or(|version| version < version::WAITS))
    }

    /// Whole seconds, as `-w` takes them.
    fn patience(&self) -> String {
        self.lock_timeout.as_secs_f64().ceil().to_string()
    }

    fn refuse_if_locked(&self, finished: &Output) -> Result<(), Error> {
        if finished.status.code() == Some(RESOURCE) && stderr(finished).contains("xtables lock") {
            return Err(Error::XtablesLocked { waited: self.lock_timeout, said: said(finished) });
        }
        Ok(())
    }

    /// Such as `iptables v1.8.9 (nf_tables)`; an error when it is too old for us.
    pub(super) async fn fit_version(&self) -> Result<String, Error> {
        let program = self.tools.find(Program::Tables, Family::V4)?;
        let finished = self.run(&program, vec!["--version".into()], Vec::new()).await?;
        if !finished.status.success() {
            return Err(failure(program, "telling its version", &finished));
        }
        let text = String::from_utf8_lossy(&finished.stdout).trim().to_owned();
        match version::parse(&text) {
            Some(numbers) if numbers < version::OLDEST => {
                let why = format!("{text} is too old; 1.4.20 or newer is needed");
                Err(Error::Unfit { program, why })
            }
            _ => Ok(text),
        }
    }

    async fn run(
        &self,
        program: &Path,
        args: Vec<OsString>,
        stdin: Vec<u8>,
    ) -> Result<Output, ExecError> {
        run(&self.execution(program, args, stdin)).await
    }

    fn execution(&self, program: &Path, args: Vec<OsString>, stdin: Vec<u8>) -> Execution {
        let deadline = self.lock_timeout + self.work;
        let limits = Limits { deadline, stdout: LONGEST_LISTING, ..Limits::default() };
        let environment = self.tools.environment();
        Execution { program: program.to_owned(), args, environment, stdin, limits }
    }
}

/// A table that was changed by `nft` in ways that iptables has no words for is left out of the listing.
fn shows_all(program: &Path, text: &str, scope: Scope) -> Result<(), Error> {
    let listing = Listing::parse(text);
    // Without a table's name, iptables-legacy-save asks /proc which tables there are, and is content with none.
    if scope == Scope::All && !text.contains("*nat") && !Path::new("/proc/net").exists() {
        let why = "it finds the tables by /proc, which is not mounted here; mount it".to_owned();
        return Err(Error::Unfit { program: program.to_owned(), why });
    }
    let hidden = |table: &&str| *table == "nat" || (scope == Scope::All && *table == "raw");
    match listing.incompatible.into_iter().find(|table| hidden(table)) {
        None => Ok(()),
        Some(table) => Err(Error::Unfit {
            program: program.to_owned(),
            why: format!(
                "table {table} holds rules made by nft that it can't show; see `nft list ruleset` and move them to a table of their own"
            ),
        }),
    }
}

/// Old programs say so and then take the number of seconds for a file's name.
fn is_unknown_option(finished: &Output) -> bool {
    let stderr = stderr(finished);
    ["unrecognized option", "invalid option", "unknown option"]
        .iter()
        .any(|words| stderr.to_lowercase().contains(words))
}

fn stderr(finished: &Output) -> String {
    String::from_utf8_lossy(&finished.stderr).into_owned()
}

/// The words of a program, on one line.
fn said(finished: &Output) -> String {
    let text = stderr(finished);
    let lines = text.lines().map(str::trim).filter(|line| {
        // Printed whenever both variants are in use, whether anything is wrong or not.
        !line.is_empty() && !line.starts_with("# Warning: iptables-legacy tables present")
    });
    let text = lines.collect::<Vec<_>>().join("; ");
    if text.is_empty() { "it said nothing".to_owned() } else { text }
}

fn failure(program: PathBuf, action: &'static str, finished: &Output) -> Error {
    let said = said(finished);
    if said.contains("you must be root") || said.contains("Permission denied") {
        let why = format!("{said}; run as root, with CAP_NET_ADMIN in this network namespace");
        return Error::Unfit { program, why };
    }
    if lacks_comments(&said) {
        let why = format!(
            "{said}; rules bear their owner as a comment: load the kernel module xt_comment"
        );
        return Error::Unfit { program, why };
    }
    Error::Iptables { program, action, status: finished.status.to_string(), said }
}

/// The match that our tags need, in the words of either variant.
fn lacks_comments(said: &str) -> bool {
    ["match `comment'", "match \"comment\"", "Extension comment"]
        .iter()
        .any(|words| said.contains(words))
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
