//! Metrics in a file for node_exporter's textfile collector, summed up over all processes that ever ran.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cni_wrapper::FileLock;

use crate::PATIENCE;
use crate::event::Event;

const CALLS: &str = "cni_calls_total";
const DURATION: &str = "cni_call_duration_seconds";
/// Upper bounds in seconds, from a plugin that does little to a delegate at its deadline.
const BOUNDS: [&str; 13] =
    ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60"];

/// What is known of one combination of labels.
#[derive(Default)]
struct Histogram {
    /// Calls at or below each bound, then all.
    at_most: [u64; BOUNDS.len() + 1],
    sum: f64,
}

/// By the text of the labels.
type Series = BTreeMap<String, Histogram>;

/// Adds a call.
///
/// # Errors
///
/// The file can't be read or replaced, somebody holds its lock, or it holds what nobody here wrote; then it stays as it is.
pub(crate) async fn count(path: &Path, network: &str, event: &Event) -> io::Result<()> {
    // A device would be replaced as well, and `/dev/zero` has no end to read.
    if fs::metadata(path).is_ok_and(|known| !known.is_file()) {
        return Err(io::Error::other("it is no regular file"));
    }
    let _lock = locked(&beside(path, "", ".lock")).await?;
    let mut series = match fs::read_to_string(path) {
        Ok(text) => parse(&text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Series::new(),
        Err(error) => return Err(error),
    };
    // None of the three can hold what would have to be escaped.
    let (verb, code) = (event.verb, event.code());
    let labels = format!("network=\"{network}\",verb=\"{verb}\",code=\"{code}\"");
    series.entry(labels).or_default().add(event.took);
    replace(path, &render(&series))
}

impl Histogram {
    fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let bounds = BOUNDS.iter().map(|bound| bound.parse().unwrap_or(f64::INFINITY));
        for (count, bound) in self.at_most.iter_mut().zip(bounds.chain([f64::INFINITY])) {
            *count += u64::from(seconds <= bound);
        }
        self.sum += seconds;
    }
}

fn render(series: &Series) -> String {
    let mut text = format!(
        "# HELP {CALLS} Calls of CNI plugins; code 0 is success.\n# TYPE {CALLS} counter\n"
    );
    // Writing to a String can't fail.
    for (labels, Histogram { at_most, .. }) in series {
        let _ = writeln!(text, "{CALLS}{{{labels}}} {}", at_most[BOUNDS.len()]);
    }
    let _ = writeln!(text, "# HELP {DURATION} How long they took.\n# TYPE {DURATION} histogram");
    for (labels, Histogram { at_most, sum }) in series {
        for (bound, count) in BOUNDS.iter().chain([&"+Inf"]).zip(at_most) {
            let _ = writeln!(text, "{DURATION}_bucket{{{labels},le=\"{bound}\"}} {count}");
        }
        let _ = writeln!(text, "{DURATION}_sum{{{labels}}} {sum}");
        let _ = writeln!(text, "{DURATION}_count{{{labels}}} {}", at_most[BOUNDS.len()]);
    }
    text
}

fn parse(text: &str) -> io::Result<Series> {
    let mut series = Series::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        line_into(&mut series, line).ok_or_else(|| {
            let why =
                format!("it holds {line:?}, which is not ours; remove the file, or name another");
            io::Error::new(io::ErrorKind::InvalidData, why)
        })?;
    }
    Ok(series)
}

fn line_into(series: &mut Series, line: &str) -> Option<()> {
    let (name, rest) = line.split_once('{')?;
    let (labels, value) = rest.rsplit_once("} ")?;
    match name.strip_prefix(DURATION) {
        Some("_bucket") => {
            let (labels, bound) = labels.strip_suffix('"')?.rsplit_once(",le=\"")?;
            let index = BOUNDS.iter().chain([&"+Inf"]).position(|known| *known == bound)?;
            series.entry(labels.to_owned()).or_default().at_most[index] = value.parse().ok()?;
        }
        Some("_sum") => series.entry(labels.to_owned()).or_default().sum = value.parse().ok()?,
        // Both are in the last bucket.
        Some("_count") => {}
        _ if name == CALLS => {}
        _ => return None,
    }
    Some(())
}

/// Whoever reads the file reads the old or the new one, whole. Not only root may.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // The collector takes every file whose name ends in `.prom`.
    let next = beside(path, ".", ".next");
    // Left behind by a process that was killed, or a link that somebody else laid there.
    let _ = fs::remove_file(&next);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&next)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.set_permissions(Permissions::from_mode(0o644))
        })
        .and_then(|()| fs::rename(&next, path));
    if written.is_err() {
        // The first error is the one to tell.
        let _ = fs::remove_file(&next);
    }
    written
}

fn beside(path: &Path, before: &str, after: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{before}{name}{after}"))
}

async fn locked(path: &Path) -> io::Result<FileLock> {
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    FileLock::acquire(file, Instant::now() + PATIENCE).await?.ok_or_else(|| {
        let why = format!("another process holds {} for over a second", path.display());
        io::Error::new(io::ErrorKind::TimedOut, why)
    })
}
