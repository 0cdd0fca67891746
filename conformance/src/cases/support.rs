//! What several cases do.

use cni_wrapper::SpecVersion;
use serde_json::Value;

use crate::judgement::{Judgement, Stop};
use crate::profile::Profile;
use crate::stage::{Attachment, Call, Picture, Stage};

/// An ADD that has to fail although the call is right: by a delegate that fails, by options that the subject names, or by a
/// network namespace that is none.
///
/// # Errors
/// Skip, when there is no such way.
pub(super) fn failing_add<'s>(stage: &'s Stage, id: &str) -> Judgement<(Attachment<'s>, Call<'s>)> {
    let stand_in = stage.stand_in().ok();
    let attachment = stage.attachment(id);
    let call = attachment.call("ADD");
    if !stage.subject.failing.is_empty() {
        return Ok((attachment, with_keys(call, &stage.subject.failing)));
    }
    if let Some(stand_in) = stand_in {
        stand_in.fails("ADD", 101, "the stand-in fails on purpose");
        return Ok((attachment, call.noting("with a delegate that fails")));
    }
    if stage.subject.profile == Profile::Interface {
        return Ok((attachment, call.env("CNI_NETNS", "/run/netns/there-is-none")));
    }
    Err(Stop::skip("nothing is known that makes ADD fail (`failing` in the subject file)"))
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
) -> Judgement<&'s serde_json::Map<String, Value>> {
    if keys.is_empty() {
        return Err(Stop::skip(format!("the subject file does not say which ones (`{name}`)")));
    }
    Ok(keys)
}

/// The sections of a picture that hold firewall rules.
pub(super) const RULES: [&str; 5] =
    ["iptables-nft", "iptables-legacy", "ip6tables-nft", "ip6tables-legacy", "nft"];

/// The firewall rules on the host that are in the later picture only.
pub(super) fn new_rules(before: &Picture, after: &Picture) -> Vec<String> {
    RULES.iter().flat_map(|section| new_lines(before, after, section)).collect()
}

/// The lines of one section of the host that are in the later picture only.
pub(super) fn new_lines(before: &Picture, after: &Picture, section: &str) -> Vec<String> {
    let old = before.on_host(section);
    after.on_host(section).iter().filter(|line| !old.contains(line)).cloned().collect()
}

/// Flushes all firewall rules of the host.
pub(super) fn flush_rules(stage: &Stage) {
    let save = |variant: &str| {
        format!(
            "if command -v {variant}-save >/dev/null; then
                 {variant}-save | sed -n -e '/^\\*/p' -e '/^:[A-Z]* [A-Z]/p' -e '/^COMMIT/p' | {variant}-restore
             fi\n"
        )
    };
    let legacy = ["iptables-legacy", "ip6tables-legacy"].map(save).concat();
    stage.host.sh(&format!("if command -v nft >/dev/null; then nft flush ruleset; fi\n{legacy}"));
}

/// Removes files of the host, lines of a picture.
pub(super) fn remove_files(stage: &Stage, lines: &[String]) {
    for line in lines {
        // `PATH f MODE SIZE bytes`; directories stay.
        if let Some((path, _)) = line.split_once(" f ") {
            stage.host.run(&format!("rm -f {path}"));
        }
    }
}

/// The versions that the plugin claims, of those known here.
///
/// # Errors
/// The finding that VERSION failed.
pub(super) fn claimed(stage: &Stage) -> Judgement<Vec<SpecVersion>> {
    let result = stage.call("VERSION").run().result()?;
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
