//! Runs iptables-save and iptables-restore, and explains their failures.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cni_wrapper::exec::{self, Child, ExecError, Execution, Limits, Output, run};

use super::messages::{lacks_table, names_missing_table};
use super::observed::{Observed, Tables};
use super::programs::{OLDEST_VERSION, Program, Programs, RESTORE_LOCKS, parse_version};
use super::xtables_lock::XtablesLock;
use crate::error::Error;
use crate::family::Family;

/// The time for the work itself, in addition to the wait for the lock.
pub(super) const WORK_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest listing. A hundred thousand rules have about 15 MiB.
const MAX_LISTING: usize = 64 << 20;
/// The exit status of iptables if a resource such as the lock is not available.
const RESOURCE_PROBLEM: i32 = 4;
/// The options of iptables-restore for listing and for changing rules.
const NOFLUSH: &[&str] = &["--noflush"];

/// The programs and their time limits.
#[derive(Debug)]
pub(super) struct Runner {
    pub(super) programs: Programs,
    /// How long to wait for the xtables lock.
    pub(super) lock_timeout: Duration,
    pub(super) work_timeout: Duration,
}

/// An iptables-restore that waits for its input. It is killed if it is dropped.
///
/// It takes the lock and reads rules only after it has read its first table.
pub(super) struct RestoreProcess {
    pub(super) program: PathBuf,
    pub(super) child: Child,
}

impl RestoreProcess {
    /// Ends a process that is not needed.
    pub(super) async fn stop(self) {
        self.child.kill().await;
    }
}

impl Runner {
    /// Lists all rules, in one process.
    pub(super) async fn save(&self, family: Family, tables: Tables) -> Result<String, Error> {
        let program = self.programs.find(Program::Save, family)?;
        let args = match tables {
            Tables::Nat => vec!["-t".into(), "nat".into()],
            Tables::Raw => vec!["-t".into(), "raw".into()],
            Tables::NatAndRaw => Vec::new(),
        };
        let output = self.run(&program, args, Vec::new()).await?;
        if !output.status.success() {
            return if names_missing_table(&output.stdout) {
                Ok(String::new())
            } else {
                Err(failure(program, "listing rules", &output))
            };
        }
        let text = String::from_utf8(output.stdout)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        refuse_incomplete(&program, &Observed::parse(family, tables, &text), &text)?;
        Ok(text)
    }

    /// Starts iptables-restore, which can then be passed a change or a request for a listing.
    pub(super) async fn start_restore(&self, family: Family) -> Result<RestoreProcess, Error> {
        self.start(family, NOFLUSH).await
    }

    /// Changes rules. It takes one process, or three with an iptables before 1.6.2.
    pub(super) async fn restore(&self, process: RestoreProcess, text: &str) -> Result<(), Error> {
        self.feed(process, NOFLUSH, "changing rules", text).await
    }

    /// Passes iptables-restore a request for a listing and hands its output over in pieces.
    ///
    /// Returns the exit status, if there is one.
    pub(super) async fn query(
        &self,
        process: RestoreProcess,
        request: &str,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<Option<i32>, Error> {
        Ok(self.communicate(process, NOFLUSH, request, take).await?.status.code())
    }

    /// Checks that a change is possible, without making it.
    pub(super) async fn test(&self, family: Family, text: &str) -> Result<(), Error> {
        let options = ["--noflush", "--test"];
        let process = self.start(family, &options).await?;
        self.feed(process, &options, "testing rules", text).await
    }

    async fn start(&self, family: Family, options: &[&str]) -> Result<RestoreProcess, Error> {
        let program = self.programs.find(Program::Restore, family)?;
        let child = self.start_program(&program, options, self.lock_timeout).await?;
        Ok(RestoreProcess { child, program })
    }

    /// Starts a program that waits for the lock for this long, in addition to the time for its
    /// work.
    pub(super) async fn start_program(
        &self,
        program: &Path,
        options: &[&str],
        wait: Duration,
    ) -> Result<Child, Error> {
        // -w takes whole seconds.
        let seconds = wait.as_secs_f64().ceil().to_string();
        let args = ["-w", &seconds].iter().chain(options).map(OsString::from).collect();
        let mut execution = self.execution(program, args, Vec::new());
        execution.limits.deadline = wait + self.work_timeout;
        Ok(exec::start(&execution).await?)
    }

    async fn feed(
        &self,
        process: RestoreProcess,
        options: &[&str],
        action: &'static str,
        text: &str,
    ) -> Result<(), Error> {
        let program = process.program.clone();
        // A change prints nothing to stdout.
        let mut output = self.communicate(process, options, text, &mut |_| {}).await?;
        if !output.status.success() && is_unknown_option(&output) && self.lacks_wait().await? {
            let lock_file = Path::new(self.programs.lock_file());
            let _lock = XtablesLock::take(lock_file, self.lock_timeout).await?;
            let args = options.iter().map(OsString::from).collect();
            output = self.run(&program, args, text.into()).await?;
        }
        if output.status.success() {
            return Ok(());
        }
        Err(failure(program, action, &output))
    }

    /// Reports whether the unknown option is `-w`, and not one of a match that the kernel lacks. A
    /// newer version takes the lock itself, and would wait for ours. Our lock has an effect only if
    /// other programs respect it, as they do since 1.4.20.
    async fn lacks_wait(&self) -> Result<bool, Error> {
        let version = parse_version(&self.supported_version().await?);
        Ok(version.is_none_or(|version| version < RESTORE_LOCKS))
    }

    /// Returns the version, such as `iptables v1.8.9 (nf_tables)`.
    ///
    /// # Errors
    ///
    /// [`Error::Unfit`] if it is too old; or the program fails.
    pub(super) async fn supported_version(&self) -> Result<String, Error> {
        let program = self.programs.find(Program::Iptables, Family::V4)?;
        let output = self.run(&program, vec!["--version".into()], Vec::new()).await?;
        if !output.status.success() {
            return Err(failure(program, "reporting its version", &output));
        }
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        match parse_version(&text) {
            Some(numbers) if numbers < OLDEST_VERSION => {
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
        let deadline = self.lock_timeout + self.work_timeout;
        let limits = Limits { deadline, stdout: MAX_LISTING, ..Limits::default() };
        let environment = self.programs.environment();
        Execution { program: program.to_owned(), args, environment, stdin, limits }
    }
}

/// A listing omits tables that `nft` has changed in ways that iptables can't express.
fn refuse_incomplete(program: &Path, observed: &Observed<'_>, text: &str) -> Result<(), Error> {
    let unfit = |why| Err(Error::Unfit { program: program.to_owned(), why });
    let all = observed.tables == Tables::NatAndRaw;
    // If no table is named, iptables-legacy-save looks them up in /proc, and prints nothing and
    // succeeds if that is not mounted.
    if all && !text.contains("*nat") && !Path::new("/proc/net").exists() {
        return unfit(
            "it needs /proc to find the tables, which is not mounted; mount it".to_owned(),
        );
    }
    let is_needed = |table: &&&str| match observed.tables {
        Tables::Nat => **table == "nat",
        Tables::Raw => **table == "raw",
        Tables::NatAndRaw => matches!(**table, "nat" | "raw"),
    };
    match observed.incompatible.iter().find(is_needed) {
        None => Ok(()),
        Some(table) => unfit(incompatible(table)),
    }
}

fn incompatible(table: &str) -> String {
    format!(
        "table {table} contains rules made by nft that it can't show; set \"backend\": \
         \"nftables\", or move them to another table (see `nft list ruleset`)"
    )
}

/// Reports whether the program could not get the xtables lock.
pub(super) fn is_locked(output: &Output) -> bool {
    output.status.code() == Some(RESOURCE_PROBLEM) && stderr(output).contains("xtables lock")
}

/// Old programs report it, and then take the number of seconds for the name of a file.
fn is_unknown_option(output: &Output) -> bool {
    let stderr = stderr(output).to_lowercase();
    ["unrecognized option", "invalid option", "unknown option"]
        .iter()
        .any(|text| stderr.contains(text))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns what a program wrote to stderr, on one line.
pub(super) fn one_line(output: &Output) -> String {
    let text = stderr(output);
    let lines = text.lines().map(str::trim).filter(|line| {
        // Printed whenever both variants are in use, whether or not anything is wrong.
        !line.is_empty() && !line.starts_with("# Warning: iptables-legacy tables present")
    });
    let text = lines.collect::<Vec<_>>().join("; ");
    if text.is_empty() { "it printed no error message".to_owned() } else { text }
}

fn failure(program: PathBuf, action: &'static str, output: &Output) -> Error {
    let message = one_line(output);
    if message.contains("you must be root") || message.contains("Permission denied") {
        let why = format!("{message}; run as root, with CAP_NET_ADMIN in this network namespace");
        return Error::Unfit { program, why };
    }
    if lacks_comment_match(&message) {
        let why = format!(
            "{message}; the owner of a rule is in its comment: load the kernel module xt_comment"
        );
        return Error::Unfit { program, why };
    }
    // "table `nat' is incompatible, use 'nft' tool."
    if let Some((start, _)) = message.split_once("' is incompatible, use 'nft' tool")
        && let Some((_, table)) = start.rsplit_once('`')
    {
        return Error::Unfit { program, why: incompatible(table) };
    }
    if message.contains("CHAIN_ADD failed (Operation not supported)") {
        let why = format!(
            "{message}; a chain of this name was made by nft, with another hook or priority: set \
             \"backend\": \"nftables\", or rename that chain"
        );
        return Error::Unfit { program, why };
    }
    let message = match lacks_table(&message) {
        true => format!(
            "{message}; this kernel lacks NAT for the family, or for this variant of iptables: \
             load its module, or set another \"backend\""
        ),
        false => message,
    };
    Error::Iptables { program, action, status: output.status.to_string(), message }
}

/// Reports whether the match that our tags need is missing, in the messages of either variant.
fn lacks_comment_match(stderr: &str) -> bool {
    ["match `comment'", "match \"comment\"", "Extension comment"]
        .iter()
        .any(|text| stderr.contains(text))
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
