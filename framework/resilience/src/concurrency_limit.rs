//! A limit on concurrent calls: each call holds a permit, which is a lock on a file.

use std::fmt;
use std::num::NonZeroU16;
use std::path::Path;
use std::time::{Duration, Instant};

use cni_wrapper::{Error, FileError, FileLock, PrivateDir};
use serde::Deserialize;

use crate::lock_file::lock_file;
use crate::seconds::Seconds;

/// The number of holders that a message lists.
const MAX_LISTED: usize = 16;

/// A limit on how many calls run concurrently on this host.
///
/// ```
/// use cni_resilience::ConcurrencyLimit;
/// use std::time::{Duration, Instant};
///
/// # let temporary = cni_test_kit::TempDir::new();
/// # let directory = temporary.path().join("limit");
/// # cni_wrapper::block_on(async {
/// let json = r#"{"name": "ipam", "maxConcurrent": 1, "timeout": 0.05}"#;
/// let limit: ConcurrencyLimit = serde_json::from_str(json)?;
/// let deadline = Instant::now() + Duration::from_secs(30);
/// let permit = limit.acquire(&directory, "the first call", deadline).await?;
/// let refused = limit.acquire(&directory, "the second call", deadline).await.unwrap_err();
/// assert!(refused.to_string().contains("the first call"), "{refused}");
/// drop(permit);
/// limit.acquire(&directory, "the third call", deadline).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct ConcurrencyLimit {
    /// The name of the limit. All networks of the host that use the same name share it.
    pub name: LimitName,
    /// The maximum number of concurrent calls. All configurations that share the name should
    /// set the same number.
    pub max_concurrent: NonZeroU16,
    /// How long a call waits for a permit; 10 s by default.
    #[serde(default = "default_timeout")]
    pub timeout: Seconds,
}

fn default_timeout() -> Seconds {
    Seconds::new(10)
}

/// The name of a concurrency limit, which is valid as part of a file name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LimitName(String);

impl TryFrom<String> for LimitName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let is_valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if (1..=64).contains(&name.len()) && name.chars().all(is_valid) {
            return Ok(Self(name));
        }
        Err(format!(
            "{name:?} is not a valid name; 1 to 64 letters, digits, '_', '.' and '-' are expected"
        ))
    }
}

impl fmt::Display for LimitName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for ConcurrencyLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name: LimitName(name), max_concurrent, .. } = self;
        write!(formatter, "concurrency limit {name:?} ({max_concurrent} on this host)")
    }
}

/// A permit of a [`ConcurrencyLimit`] to run one call, released when it is dropped.
///
/// If the process is killed, the kernel releases it, even if a program that it has started lives
/// on: one that hangs must not block other calls.
#[derive(Debug)]
pub struct Permit {
    _lock: FileLock,
}

impl ConcurrencyLimit {
    /// Returns a limit with the default timeout.
    pub fn new(name: LimitName, max_concurrent: NonZeroU16) -> Self {
        Self { name, max_concurrent, timeout: default_timeout() }
    }

    /// Waits for a permit, until `deadline` and no longer than the limit's own timeout.
    ///
    /// The permits are locks on files in `directory`. `holder` describes the caller in the error
    /// that others get while it holds the permit.
    ///
    /// # Errors
    ///
    /// Code 11 with the limit and the holders of its permits if none was released in time; code 5
    /// if the directory can't be used.
    pub async fn acquire(
        &self,
        directory: &Path,
        holder: &str,
        deadline: Instant,
    ) -> Result<Permit, Error> {
        let directory = PrivateDir::open(directory)?;
        let started = Instant::now();
        let deadline = deadline.min(started + self.timeout.duration());
        let open =
            |number| lock_file(&directory, &self.file_name(number)).map_err(std::io::Error::other);
        let lock = FileLock::acquire_any(self.max_concurrent.get().into(), open, deadline).await;
        let lock = lock.map_err(|source| FileError {
            action: "lock a file in",
            path: directory.path().to_owned(),
            source,
        })?;
        let Some(lock) = lock else { return Err(self.timed_out(&directory, started.elapsed())) };
        lock.set_holder(holder);
        Ok(Permit { _lock: lock })
    }

    fn file_name(&self, number: usize) -> String {
        format!("limit-{}-{}.lock", self.name, number + 1)
    }

    fn timed_out(&self, directory: &PrivateDir, waited: Duration) -> Error {
        let count = usize::from(self.max_concurrent.get());
        let holder =
            |number| FileLock::holder(&lock_file(directory, &self.file_name(number)).ok()?);
        let mut holders: Vec<String> = (0..count.min(MAX_LISTED)).filter_map(holder).collect();
        if count > MAX_LISTED {
            holders.push(format!("and {} more", count - MAX_LISTED));
        }
        let (holders, waited) = (holders.join(", "), waited.as_secs_f64());
        Error::TryAgainLater(format!(
            "{self}: no permit was released within {waited:.1} s; they are held by {holders}; \
             if these calls are not stuck, raise maxConcurrent or timeout"
        ))
    }
}
