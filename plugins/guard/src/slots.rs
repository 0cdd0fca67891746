//! The cap: a call is at work while it holds one of the slots, which are locked files.

use std::time::{Duration, Instant};

use cni_wrapper::{Call, Error, FileError, PrivateDir, Verb};

use crate::config::{Cap, Name, Settings};
use crate::lock::Held;

/// The most that is read of who holds a slot.
const SIGNATURE: usize = 1024;

/// Waits for a slot, at most to `until`; `None` where none is needed.
///
/// # Errors
///
/// Code 11, with the cap and who holds its slots; code 5 when the directory can't be used.
pub(crate) async fn take(
    settings: &Settings,
    call: &Call,
    verb: Verb,
    until: Instant,
) -> Result<Option<Held>, Error> {
    // A host that is busy is no host that is not ready.
    let Some(cap) = settings.cap.as_ref().filter(|_| verb != Verb::Status) else {
        return Ok(None);
    };
    let directory = match PrivateDir::open(&settings.state_dir) {
        Err(error) if verb == Verb::Del => {
            log::warn!("DEL does without a slot of cap {:?}: {error}", cap.name.0);
            return Ok(None);
        }
        directory => directory?,
    };
    let started = Instant::now();
    let until = until.min(started + cap.timeout.0);
    let files = files(cap).map(|name| directory.lock_file(&name)).collect::<Result<_, _>>()?;
    let held = Held::first(files, until).await.map_err(|source| FileError {
        action: "lock a file in",
        path: directory.path().to_owned(),
        source,
    })?;
    let Some(held) = held else { return Err(in_vain(cap, &directory, started.elapsed())) };
    held.sign(&signature(call, verb));
    Ok(Some(held))
}

fn files(cap: &Cap) -> impl Iterator<Item = String> {
    let Name(name) = &cap.name;
    (1..=cap.at_once.get()).map(move |slot| format!("cap-{name}-{slot}.lock"))
}

fn signature(call: &Call, verb: Verb) -> String {
    let cni_wrapper::Attachment { network, container_id, ifname } = &call.attachment;
    let of = if container_id.is_empty() {
        String::new()
    } else {
        format!(" of {ifname} of container {container_id}")
    };
    format!("process {} ({verb}{of}, network {network})", std::process::id())
}

fn in_vain(cap: &Cap, directory: &PrivateDir, waited: Duration) -> Error {
    let holders: Vec<String> = files(cap)
        .filter_map(|name| directory.read(&name, SIGNATURE).ok()?)
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .filter(|text| !text.is_empty())
        .collect();
    let (Name(name), most, holders) = (&cap.name, cap.at_once, holders.join(", "));
    Error::TryAgainLater(format!(
        "cap {name:?} ({most} at once on this host): in {:.1} s none of the calls at work ended: {holders}; \
         see guard.cap.atOnce and guard.cap.timeout",
        waited.as_secs_f64()
    ))
}
