//! What several cases do.

use cni_wrapper::SpecVersion;
use serde_json::Value;

use crate::fixture::Fixture;
use crate::fixture::attachment::Attachment;
use crate::fixture::call::Call;
use crate::fixture::response::Response;
use crate::fixture::snapshot::HostSnapshot;
use crate::profile::Profile;
use crate::verdict::{CaseResult, Stop};

/// A way to make an ADD fail although the call is right.
#[derive(Clone, Copy)]
pub(super) enum Way {
    /// Options that the subject names.
    Options,
    /// A network namespace that is none.
    Netns,
    /// A delegate that fails.
    Delegate,
}

/// The ways in which an ADD of this plugin can be made to fail.
///
/// # Errors
/// Skip, when there is none.
pub(super) fn failing_ways(fixture: &Fixture) -> CaseResult<Vec<Way>> {
    let subject = &fixture.subject;
    let ways = [
        (Way::Options, !subject.failing.is_empty()),
        (Way::Netns, subject.profile == Profile::Interface),
        // Last: from then on the fake delegate is the delegate.
        (Way::Delegate, subject.delegate_key().is_some()),
    ];
    let ways: Vec<Way> = ways.into_iter().filter(|(_, known)| *known).map(|(way, _)| way).collect();
    if ways.is_empty() {
        return Err(Stop::skip(
            "nothing is known that makes ADD fail (`failing` in the subject file)",
        ));
    }
    Ok(ways)
}

impl Way {
    /// Makes the call, which has to fail.
    ///
    /// # Errors
    /// The finding that it did not.
    ///
    /// # Panics
    /// When it does not fail although the subject file says so of its options.
    pub(super) fn fails(self, call: Call) -> CaseResult {
        let response = call.run();
        let wrong = matches!(self, Self::Options) && response.exchange.exit == Some(0);
        assert!(!wrong, "the options of `failing` in the subject file don't make ADD fail");
        response.fails().map(drop)
    }

    /// An ADD that fails this way.
    ///
    /// # Errors
    /// Skip, when the plugin has no delegate that could fail.
    pub(super) fn add<'s>(self, fixture: &'s Fixture) -> CaseResult<(Attachment<'s>, Call<'s>)> {
        let attachment = fixture.attachment("failed");
        let call = |attachment: &Attachment<'s>| attachment.call("ADD");
        let call = match self {
            Self::Options => with_keys(call(&attachment), &fixture.subject.failing),
            Self::Netns => call(&attachment).env("CNI_NETNS", "/run/netns/there-is-none"),
            Self::Delegate => {
                fixture.fake_delegate()?.fails("ADD", 101, "the fake delegate fails on purpose");
                call(&attachment).noting("with a delegate that fails")
            }
        };
        Ok((attachment, call))
    }
}

/// ADD, which has to succeed, and a CHECK after it, so that what CHECK says when something was changed means something.
///
/// # Errors
/// The finding that ADD failed; skip when CHECK fails although nothing was changed, which is for one case to find.
pub(super) fn added_and_checked(attachment: &Attachment) -> CaseResult<Response> {
    let response = attachment.add()?;
    checked(attachment)?;
    Ok(response)
}

/// CHECK right after ADD.
///
/// # Errors
/// Skip when it fails, which is for one case to find.
pub(super) fn checked(attachment: &Attachment) -> CaseResult {
    let response = attachment.call("CHECK").run();
    if response.exchange.exit == Some(0) {
        return Ok(());
    }
    let ending = response.exchange.ending();
    Err(Stop::skip(format!("CHECK fails right after ADD (see check.succeeds-after-add): {ending}")))
}

/// All is as it was. A plugin whose DEL leaves something in any case is judged for that once.
///
/// # Errors
/// The finding of what is different; skip when an ADD and a DEL without anything odd leave something too.
pub(super) fn undone(fixture: &Fixture, before: &HostSnapshot, when: &str) -> CaseResult {
    let judgement = before.is_still_true(fixture, when);
    if judgement.is_err() && leaves_something_always(fixture) {
        return Err(Stop::skip("DEL leaves something in any case (see del.undoes-add)"));
    }
    judgement
}

fn leaves_something_always(fixture: &Fixture) -> bool {
    let attachment = fixture.attachment("ordinary");
    let before = fixture.snapshot();
    attachment.add().is_ok() && attachment.del().is_ok() && before.has_changed(fixture)
}

/// The call with all these keys in its configuration.
pub(super) fn with_keys<'s>(call: Call<'s>, keys: &serde_json::Map<String, Value>) -> Call<'s> {
    keys.iter().fold(call, |call, (key, value)| call.key(key, value.clone()))
}

/// These keys, which the subject file gives under `name`.
///
/// # Errors
/// Skip, when there are none.
pub(super) fn given_keys<'s>(
    keys: &'s serde_json::Map<String, Value>,
    name: &str,
) -> CaseResult<&'s serde_json::Map<String, Value>> {
    if keys.is_empty() {
        return Err(Stop::skip(format!("the subject file does not say which ones (`{name}`)")));
    }
    Ok(keys)
}

/// The sections of a snapshot that hold firewall rules.
pub(super) const RULES: [&str; 5] =
    ["iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy", "nft"];

/// The firewall rules on the host that are in the later snapshot only.
pub(super) fn new_rules(before: &HostSnapshot, after: &HostSnapshot) -> Vec<String> {
    RULES.iter().flat_map(|section| new_lines(before, after, section)).collect()
}

/// The lines of one section of the host that are in the later snapshot only.
pub(super) fn new_lines(before: &HostSnapshot, after: &HostSnapshot, section: &str) -> Vec<String> {
    let old = before.on_host(section);
    after.on_host(section).iter().filter(|line| !old.contains(line)).cloned().collect()
}

/// Flushes all firewall rules of the host.
pub(super) fn flush_rules(fixture: &Fixture) {
    let save = |variant: &str| {
        format!(
            "if command -v {variant}-save >/dev/null; then
                 {variant}-save | sed -n -e '/^\\*/p' -e '/^:[A-Z]* [A-Z]/p' -e '/^COMMIT/p' | {variant}-restore
             fi\n"
        )
    };
    let legacy = ["iptables-legacy", "ip6tables-legacy"].map(save).concat();
    fixture
        .host()
        .sh(&format!("if command -v nft >/dev/null; then nft flush ruleset; fi\n{legacy}"));
}

/// Removes files of the host, lines of a snapshot.
pub(super) fn remove_files(fixture: &Fixture, lines: &[String]) {
    for line in lines {
        // `PATH f MODE SIZE bytes`; directories stay.
        if let Some((path, _)) = line.split_once(" f ") {
            fixture.host().run(&format!("rm -f {path}"));
        }
    }
}

/// The versions that the plugin claims, of those known here.
///
/// # Errors
/// The finding that VERSION failed.
pub(super) fn claimed(fixture: &Fixture) -> CaseResult<Vec<SpecVersion>> {
    let result = fixture.call("VERSION").run().result()?;
    let listed = list(&result, "supportedVersions");
    let claims = |version: &SpecVersion| listed.iter().any(|text| text == version.as_str());
    Ok(SpecVersion::ALL.into_iter().filter(claims).collect())
}

/// The entries of a list in a result; empty when it is absent.
pub(super) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text in a result; empty when it is absent.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}
