//! Metrics in a file for node_exporter's textfile collector, accumulated over all processes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cni_wrapper::FileLock;

use crate::event::Event;
use crate::lock;

const CALLS: &str = "cni_calls_total";
const DURATION: &str = "cni_call_duration_seconds";
/// Upper bounds in seconds, from a plugin that does little to a delegate that reaches its deadline.
const BOUNDS: [&str; 13] =
    ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60"];

/// The histogram of one combination of labels.
#[derive(Default)]
struct Histogram {
    /// The number of calls at or below each bound, then of all calls.
    at_most: [u64; BOUNDS.len() + 1],
    sum: f64,
}

/// Histograms by the text of their labels.
type Histograms = BTreeMap<String, Histogram>;

/// Adds a call to the metrics in the file.
///
/// # Errors
///
/// The file can't be read or replaced, another process holds its lock, or it contains other
/// metrics. The file is unchanged then.
pub(crate) async fn count(path: &Path, network: &str, event: &Event) -> io::Result<()> {
    // A device would be replaced by a file, and reading `/dev/zero` would not end.
    if fs::metadata(path).is_ok_and(|existing| !existing.is_file()) {
        return Err(io::Error::other("it is not a regular file"));
    }
    let _lock = lock_file(&sibling(path, "", ".lock")).await?;
    let mut histograms = match fs::read_to_string(path) {
        Ok(text) => parse(&text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Histograms::new(),
        Err(error) => return Err(error),
    };
    // None of the three can contain a character that would have to be escaped.
    let (verb, code) = (event.verb, event.code());
    let labels = format!("network=\"{network}\",verb=\"{verb}\",code=\"{code}\"");
    histograms.entry(labels).or_default().add(event.duration);
    replace(path, &render(&histograms))
}

impl Histogram {
    fn add(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let bounds = BOUNDS.iter().map(|bound| bound.parse().unwrap_or(f64::INFINITY));
        for (count, bound) in self.at_most.iter_mut().zip(bounds.chain([f64::INFINITY])) {
            *count += u64::from(seconds <= bound);
        }
        self.sum += seconds;
    }
}

fn render(histograms: &Histograms) -> String {
    let mut text = format!(
        "# HELP {CALLS} Calls of CNI plugins; code 0 is success.\n# TYPE {CALLS} counter\n"
    );
    // Writing to a String can't fail.
    for (labels, Histogram { at_most, .. }) in histograms {
        let _ = writeln!(text, "{CALLS}{{{labels}}} {}", at_most[BOUNDS.len()]);
    }
    let _ =
        writeln!(text, "# HELP {DURATION} Duration of these calls.\n# TYPE {DURATION} histogram");
    for (labels, Histogram { at_most, sum }) in histograms {
        for (bound, count) in BOUNDS.iter().chain([&"+Inf"]).zip(at_most) {
            let _ = writeln!(text, "{DURATION}_bucket{{{labels},le=\"{bound}\"}} {count}");
        }
        let _ = writeln!(text, "{DURATION}_sum{{{labels}}} {sum}");
        let _ = writeln!(text, "{DURATION}_count{{{labels}}} {}", at_most[BOUNDS.len()]);
    }
    text
}

fn parse(text: &str) -> io::Result<Histograms> {
    let mut histograms = Histograms::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        parse_line(&mut histograms, line).ok_or_else(|| {
            let why = format!(
                "it contains {line:?}, which is not a metric of this plugin; \
                 remove the file or configure another"
            );
            io::Error::new(io::ErrorKind::InvalidData, why)
        })?;
    }
    Ok(histograms)
}

fn parse_line(histograms: &mut Histograms, line: &str) -> Option<()> {
    let (name, rest) = line.split_once('{')?;
    let (labels, value) = rest.rsplit_once("} ")?;
    match name.strip_prefix(DURATION) {
        Some("_bucket") => {
            let (labels, bound) = labels.strip_suffix('"')?.rsplit_once(",le=\"")?;
            let index = BOUNDS.iter().chain([&"+Inf"]).position(|known| *known == bound)?;
            histograms.entry(labels.to_owned()).or_default().at_most[index] = value.parse().ok()?;
        }
        Some("_sum") => {
            histograms.entry(labels.to_owned()).or_default().sum = value.parse().ok()?
        }
        // The last bucket has the same number.
        Some("_count") => {}
        _ if name == CALLS => {}
        _ => return None,
    }
    Some(())
}

/// Replaces the file atomically. All users may read it, since the collector does not run as root.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    // The collector reads every file whose name ends in `.prom`, so this one must not.
    let next = sibling(path, ".", ".next");
    // It may be left over from a process that was killed, or a symbolic link of another user.
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
        // The first error is the one to report.
        let _ = fs::remove_file(&next);
    }
    written
}

fn sibling(path: &Path, prefix: &str, suffix: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{prefix}{name}{suffix}"))
}

async fn lock_file(path: &Path) -> io::Result<FileLock> {
    let mut options = OpenOptions::new();
    let file =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    lock::to_replace(file).await?.map_err(|held| {
        let why = format!("{} is still locked {held}", path.display());
        io::Error::new(io::ErrorKind::TimedOut, why)
    })
}
