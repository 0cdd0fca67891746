//! How many calls are at work at once: a call is at work while it holds one of the slots, which are locked files.

use std::fmt;
use std::num::NonZeroU16;
use std::path::Path;
use std::time::{Duration, Instant};

use cni_wrapper::{Error, FileError, FileLock, PrivateDir};
use serde::Deserialize;

use crate::Seconds;

/// How many calls of this host may be at work at once.
///
/// ```
/// use cni_resilience::Cap;
/// use std::time::{Duration, Instant};
///
/// # let temporary = cni_test_kit::TemporaryDir::new();
/// # let directory = temporary.path().join("cap");
/// # cni_wrapper::block_on(async {
/// let cap: Cap = serde_json::from_str(r#"{"name": "ipam", "atOnce": 1, "timeout": 0.05}"#)?;
/// let until = Instant::now() + Duration::from_secs(30);
/// let slot = cap.take(&directory, "the first call", until).await?;
/// let refused = cap.take(&directory, "the second", until).await.unwrap_err();
/// assert!(refused.to_string().contains("the first call"), "{refused}");
/// drop(slot);
/// cap.take(&directory, "the third", until).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cap {
    /// Shared by all networks of the host that have the same.
    pub name: Name,
    /// So many; all who share the name should agree on it.
    pub at_once: NonZeroU16,
    /// How long a call waits for its turn; 10 s by default.
    #[serde(default = "ten")]
    pub timeout: Seconds,
}

fn ten() -> Seconds {
    Seconds::new(10)
}

/// A name that can be part of a file's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if (1..=64).contains(&name.len()) && name.chars().all(fits) {
            return Ok(Self(name));
        }
        Err(format!("{name:?} is no name: 1 to 64 letters, digits, '_', '.' and '-' are expected"))
    }
}

impl fmt::Display for Cap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Name(name) = &self.name;
        write!(formatter, "cap {name:?} ({} at once on this host)", self.at_once)
    }
}

impl Cap {
    /// Waits for a slot, at most to `until` and no longer than the cap's timeout. It is given back when the lock is dropped, and not before
    /// a delegate that outlives its plugin has ended. The slots are files of this directory; `holder` is told to those who wait in vain.
    ///
    /// # Errors
    ///
    /// Code 11, with the cap and who holds its slots; code 5 when the directory can't be used.
    pub async fn take(
        &self,
        directory: &Path,
        holder: &str,
        until: Instant,
    ) -> Result<FileLock, Error> {
        let directory = PrivateDir::open(directory)?;
        let started = Instant::now();
        let until = until.min(started + self.timeout.0);
        let files = self.files().map(|name| directory.lock_file(&name));
        let held = FileLock::acquire_any(files.collect::<Result<_, _>>()?, until).await;
        let held = held.map_err(|source| FileError {
            action: "lock a file in",
            path: directory.path().to_owned(),
            source,
        })?;
        let Some(held) = held else { return Err(self.in_vain(&directory, started.elapsed())) };
        held.set_holder(holder);
        Ok(held)
    }

    fn files(&self) -> impl Iterator<Item = String> {
        let Name(name) = &self.name;
        (1..=self.at_once.get()).map(move |slot| format!("cap-{name}-{slot}.lock"))
    }

    fn in_vain(&self, directory: &PrivateDir, waited: Duration) -> Error {
        let holders: Vec<String> = self
            .files()
            .filter_map(|name| FileLock::holder(&directory.lock_file(&name).ok()?))
            .collect();
        let (holders, waited) = (holders.join(", "), waited.as_secs_f64());
        Error::TryAgainLater(format!(
            "{self}: in {waited:.1} s none of the calls at work ended: {holders}; see its atOnce and timeout"
        ))
    }
}
