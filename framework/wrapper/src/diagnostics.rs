//! Log lines: on stderr for people, and as JSON in a file if one is configured.
//!
//! Nothing is written to stdout, which belongs to the protocol.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    time::{SystemTime, UNIX_EPOCH},
};

use cni_protocol::{Environment, Verb};
use log::{Level, LevelFilter, Log, Metadata, Record};
use rustix::fs::OFlags;
use serde_json::json;

use crate::{call::Call, error::Error};

/// The log level if the configuration has none: a name such as `debug`.
pub(crate) const LEVEL_VARIABLE: &str = "CNI_WRAPPER_LOG";

/// The trace context that a runtime may pass (W3C Trace Context). It is part of each JSON line.
const TRACE: [&str; 3] = ["TRACEPARENT", "TRACESTATE", "BAGGAGE"];

struct Diagnostics {
    /// `plugin VERB container/ifname@network`, the beginning of each line.
    prefix: String,
    /// Members of each JSON line that are the same for the whole call.
    members: serde_json::Map<String, serde_json::Value>,
    file: Option<File>,
}

/// Enables logging for a call.
///
/// # Errors
///
/// Code 7 for a level that does not exist. A log file that can't be opened is reported on stderr
/// only.
pub(crate) fn install(plugin: &str, call: &Call) -> Result<(), Error> {
    let level = match level(call.settings().log_level.as_deref(), &call.environment) {
        // A mistake in the settings must not keep a container from being removed.
        Err(_) if matches!(call.verb, Verb::Del | Verb::Gc) => LevelFilter::Warn,
        level => level?,
    };
    if level == LevelFilter::Off {
        return Ok(());
    }
    let diagnostics = Diagnostics::of(plugin, call);
    // It is set already only if the library is called twice in one process, as in tests.
    if log::set_boxed_logger(Box::new(diagnostics)).is_ok() {
        log::set_max_level(level);
    }
    if let Some(why) = call.settings().ignored() {
        log::warn!("{} uses default settings: {why}", call.verb);
    }
    Ok(())
}

fn level(configured: Option<&str>, environment: &Environment) -> Result<LevelFilter, Error> {
    let names = "use off, error, warn, info, debug or trace";
    match (configured, environment.text(LEVEL_VARIABLE)) {
        (Some(name), _) => name.parse().map_err(|_| {
            Error::config("wrapper.logLevel", format!("{name:?} is not a level; {names}"))
        }),
        (None, Some(name)) => Ok(name.parse().unwrap_or(LevelFilter::Warn)),
        (None, None) => Ok(LevelFilter::Warn),
    }
}

impl Diagnostics {
    fn of(plugin: &str, call: &Call) -> Self {
        let attachment = &call.attachment;
        let mut members = serde_json::Map::new();
        members.insert("plugin".into(), json!(plugin));
        members.insert("verb".into(), json!(call.verb.as_str()));
        members.insert("network".into(), json!(attachment.network));
        members.insert("containerId".into(), json!(attachment.container_id));
        members.insert("ifname".into(), json!(attachment.ifname));
        for variable in TRACE {
            if let Some(value) = call.environment.text(variable) {
                members.insert(variable.to_lowercase(), json!(value));
            }
        }
        let prefix = match attachment.container_id.as_str() {
            "" => format!("{plugin} {} {}", call.verb, attachment.network),
            id => {
                format!("{plugin} {} {id}/{}@{}", call.verb, attachment.ifname, attachment.network)
            }
        };
        Self { prefix, members, file: call.settings().log_file.as_deref().and_then(open) }
    }

    fn json_line(&self, level: Level, text: &str) -> Vec<u8> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut members = serde_json::Map::new();
        members.insert("time".into(), json!(now.as_secs_f64()));
        members.insert("level".into(), json!(level.as_str().to_lowercase()));
        members.insert("message".into(), json!(text));
        members.extend(self.members.clone());
        let mut line = serde_json::Value::Object(members).to_string().into_bytes();
        line.push(b'\n');
        line
    }
}

fn open(path: &str) -> Option<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // A pipe without a reader must not block the call.
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let mut options = OpenOptions::new();
    match options.append(true).create(true).mode(0o600).custom_flags(flags).open(path) {
        Ok(file) => Some(file),
        Err(error) => {
            // Not `eprintln!`, which panics if stderr is closed.
            let _ = writeln!(std::io::stderr(), "wrapper.logFile: cannot open {path}: {error}");
            None
        }
    }
}

impl Log for Diagnostics {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) || is_noise(record.target(), record.level()) {
            return;
        }
        let text = record.args().to_string();
        let level = record.level().as_str().to_lowercase();
        // With one write, because other processes write there, too. A failure must not stop the
        // call.
        let line = format!("{} {level}: {text}\n", self.prefix);
        let _ = std::io::stderr().write_all(line.as_bytes());
        if let Some(mut file) = self.file.as_ref() {
            let _ = file.write_all(&self.json_line(record.level(), &text));
        }
    }

    fn flush(&self) {}
}

/// Whether a line is of the runtime of futures and below a warning. It would not help an operator.
fn is_noise(target: &str, level: Level) -> bool {
    level > Level::Warn && ["polling", "async_"].iter().any(|library| target.starts_with(library))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_warnings_and_errors_of_the_runtime_of_futures_are_logged() {
        assert!(
            is_noise("polling::epoll", Level::Debug) && is_noise("async_io::reactor", Level::Trace)
        );
        assert!(!is_noise("polling::epoll", Level::Warn) && !is_noise("async_io", Level::Error));
        assert!(!is_noise("port_mapper::attach", Level::Trace));
    }
}
