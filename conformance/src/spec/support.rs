//! Steps that several cases share.

use cni_protocol::SpecVersion;
use serde_json::Value;

use crate::fixture::Fixture;
use crate::fixture::attachment::Attachment;
use crate::fixture::call::Call;
use crate::fixture::response::Response;
use crate::fixture::snapshot::HostSnapshot;
use crate::profile::Profile;
use crate::verdict::{CaseResult, Stop};

/// A way to make a valid ADD fail.
#[derive(Clone, Copy)]
pub(super) enum FailureMode {
    /// The options in `failing` of the subject file.
    Options,
    /// A path in CNI_NETNS that does not exist.
    Netns,
    /// A delegate that fails.
    Delegate,
}

/// Returns the ways in which ADD of this plugin can be made to fail.
///
/// # Errors
/// Skips the case if there is none.
pub(super) fn failure_modes(fixture: &Fixture) -> CaseResult<Vec<FailureMode>> {
    let subject = &fixture.subject;
    let modes = [
        (FailureMode::Options, !subject.failing.is_empty()),
        (FailureMode::Netns, subject.profile == Profile::Interface),
        // Last: from then on the fake delegate is in use.
        (FailureMode::Delegate, subject.delegate_pointer().is_some()),
    ];
    let modes: Vec<FailureMode> =
        modes.into_iter().filter(|(_, is_known)| *is_known).map(|(mode, _)| mode).collect();
    if modes.is_empty() {
        return Err(Stop::skip("no way to make ADD fail is known (`failing` in the subject file)"));
    }
    Ok(modes)
}

impl FailureMode {
    /// Makes the call and expects it to fail.
    ///
    /// # Errors
    /// The finding that it succeeded.
    ///
    /// # Panics
    /// If it succeeds with the options in `failing`: then the subject file is wrong.
    pub(super) fn fails(self, call: Call) -> CaseResult {
        let response = call.run();
        let wrong = matches!(self, Self::Options) && response.exchange.exit == Some(0);
        assert!(!wrong, "ADD succeeds with the options in `failing` of the subject file");
        response.fails().map(drop)
    }

    /// Returns an attachment whose ADD fails, and the call.
    ///
    /// # Errors
    /// Skips the case if the plugin has no delegate.
    pub(super) fn add<'s>(self, fixture: &'s Fixture) -> CaseResult<(Attachment<'s>, Call<'s>)> {
        let attachment = fixture.attachment("failed");
        let call = |attachment: &Attachment<'s>| attachment.call("ADD");
        let call = match self {
            Self::Options => with_keys(call(&attachment), &fixture.subject.failing),
            Self::Netns => call(&attachment).env("CNI_NETNS", "/run/netns/there-is-none"),
            Self::Delegate => {
                fixture.fake_delegate()?.fails("ADD", 101, "the fake delegate fails on purpose");
                call(&attachment).note("with a delegate that fails")
            }
        };
        Ok((attachment, call))
    }
}

/// Runs ADD and CHECK, so that a failure of a later CHECK is due to a change in between.
///
/// # Errors
/// The finding that ADD failed. Skips the case if CHECK fails although nothing was changed, which
/// `check.succeeds-after-add` reports.
pub(super) fn add_and_check(attachment: &Attachment) -> CaseResult<Response> {
    let response = attachment.add()?;
    check_after_add(attachment)?;
    Ok(response)
}

/// Runs CHECK right after ADD.
///
/// # Errors
/// Skips the case if CHECK fails, which `check.succeeds-after-add` reports.
pub(super) fn check_after_add(attachment: &Attachment) -> CaseResult {
    let response = attachment.call("CHECK").run();
    if response.exchange.exit == Some(0) {
        return Ok(());
    }
    let ending = response.exchange.ending();
    Err(Stop::skip(format!("CHECK fails right after ADD (see check.succeeds-after-add): {ending}")))
}

/// Expects everything to be as before.
///
/// # Errors
/// The finding with the differences. Skips the case if a plain ADD and DEL leave something behind
/// as well, which `del.undoes-add` reports.
pub(super) fn expect_undone(fixture: &Fixture, before: &HostSnapshot, when: &str) -> CaseResult {
    let result = before.expect_unchanged(fixture, when);
    if result.is_err() && leaves_something_always(fixture) {
        return Err(Stop::skip("DEL always leaves something behind (see del.undoes-add)"));
    }
    result
}

fn leaves_something_always(fixture: &Fixture) -> bool {
    let attachment = fixture.attachment("ordinary");
    let before = fixture.snapshot();
    attachment.add().is_ok() && attachment.del().is_ok() && before.has_changed(fixture)
}

/// Adds all these keys to the configuration of a call.
pub(super) fn with_keys<'s>(call: Call<'s>, keys: &serde_json::Map<String, Value>) -> Call<'s> {
    keys.iter().fold(call, |call, (key, value)| call.key(key, value.clone()))
}

/// Returns the options that the subject file has under `name`.
///
/// # Errors
/// Skips the case if there are none.
pub(super) fn required_options<'s>(
    keys: &'s serde_json::Map<String, Value>,
    name: &str,
) -> CaseResult<&'s serde_json::Map<String, Value>> {
    if keys.is_empty() {
        return Err(Stop::skip(format!("the subject file has no `{name}`")));
    }
    Ok(keys)
}

/// The sections of a snapshot that contain firewall rules.
pub(super) const RULES: [&str; 5] =
    ["iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy", "nft"];

/// Returns the firewall rules of the host that are only in the later snapshot.
pub(super) fn new_rules(before: &HostSnapshot, after: &HostSnapshot) -> Vec<String> {
    RULES.iter().flat_map(|section| new_lines(before, after, section)).collect()
}

/// Returns the lines of one section of the host that are only in the later snapshot.
pub(super) fn new_lines(before: &HostSnapshot, after: &HostSnapshot, section: &str) -> Vec<String> {
    let old = before.on_host(section);
    after.on_host(section).iter().filter(|line| !old.contains(line)).cloned().collect()
}

/// Flushes all firewall rules of the host.
pub(super) fn flush_rules(fixture: &Fixture) {
    let save = |variant: &str| {
        format!(
            "if command -v {variant}-save >/dev/null; then
                 {variant}-save |
                     sed -n -e '/^\\*/p' -e '/^:[A-Z]* [A-Z]/p' -e '/^COMMIT/p' |
                     {variant}-restore
             fi\n"
        )
    };
    let legacy = ["iptables-legacy", "ip6tables-legacy"].map(save).concat();
    fixture
        .host()
        .sh(&format!("if command -v nft >/dev/null; then nft flush ruleset; fi\n{legacy}"));
}

/// Removes the files on the host that these lines of a snapshot name.
pub(super) fn remove_files(fixture: &Fixture, lines: &[String]) {
    for line in lines {
        // `PATH f MODE SIZE bytes`; directories are kept.
        if let Some((path, _)) = line.split_once(" f ") {
            fixture.host().run(&format!("rm -f {path}"));
        }
    }
}

/// Returns the versions that the plugin claims and that are known here.
///
/// # Errors
/// The finding that VERSION failed.
pub(super) fn claimed_versions(fixture: &Fixture) -> CaseResult<Vec<SpecVersion>> {
    let result = fixture.call("VERSION").run().result()?;
    let listed = list(&result, "supportedVersions");
    let claims = |version: &SpecVersion| listed.iter().any(|text| text == version.as_str());
    Ok(SpecVersion::ALL.into_iter().filter(claims).collect())
}

/// Returns the entries of a list in a result; empty if it is absent.
pub(super) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns a string in a result; empty if it is absent.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
