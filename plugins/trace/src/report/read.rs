//! Reads recordings as the calls of a page.

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The format of the lines that can be read. Lines of early versions do not have one.
const FORMAT: u64 = 1;

/// The longest duration of a call, in microseconds: 35 years. A greater number is damaged.
const LONGEST: u64 = 1 << 50;

/// The calls of several files.
#[derive(Default)]
pub(crate) struct Recordings {
    /// The names of the files.
    pub(crate) files: Vec<String>,
    /// The calls, in the order of the files.
    pub(crate) calls: Vec<Call>,
    skipped: Vec<String>,
    empty: Vec<String>,
}

/// A call of the traced plugin.
#[derive(Serialize)]
pub(crate) struct Call {
    /// The index of its file, and its line there.
    file: usize,
    line: usize,
    /// Microseconds since 1970.
    start: u64,
    network: String,
    id: String,
    ifname: String,
    netns: Option<String>,
    position: String,
    pid: u64,
    environment: BTreeMap<String, String>,
    #[serde(flatten)]
    exchange: Exchange,
    delegates: Vec<Delegate>,
}

/// A call of a delegate.
#[derive(Serialize)]
struct Delegate {
    plugin: String,
    /// Microseconds from the start of the call.
    offset: u64,
    stderr: String,
    #[serde(flatten)]
    exchange: Exchange,
}

/// What was passed to a plugin, and what it answered.
#[derive(Serialize)]
struct Exchange {
    verb: String,
    version: String,
    micros: u64,
    stdin: String,
    /// The result or the error object. Text, so that every digit is kept.
    stdout: String,
    /// 0 is success.
    code: u64,
    /// The message of a failure.
    msg: Option<String>,
}

#[derive(Deserialize)]
struct Format {
    format: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    time: String,
    pid: u64,
    verb: String,
    network: String,
    container_id: Option<String>,
    ifname: Option<String>,
    netns: Option<String>,
    position: String,
    cni_version: String,
    environment: BTreeMap<String, String>,
    config: Box<RawValue>,
    delegates: Vec<DelegateLine>,
    micros: u64,
    result: Option<Box<RawValue>>,
    error: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DelegateLine {
    /// Early versions did not record it.
    time: Option<String>,
    r#type: String,
    verb: String,
    cni_version: String,
    config: Box<RawValue>,
    micros: u64,
    #[serde(default)]
    stderr: String,
    result: Option<Box<RawValue>>,
    error: Option<Box<RawValue>>,
}

#[derive(Default, Deserialize)]
struct ErrorObject {
    #[serde(default)]
    code: u64,
    #[serde(default)]
    msg: String,
}

impl Recordings {
    /// Reads a file. Lines that can't be read are noted and skipped.
    ///
    /// # Errors
    ///
    /// The file can't be read.
    pub(crate) fn read(&mut self, name: &str, mut file: impl BufRead) -> io::Result<()> {
        let (index, before) = (self.files.len(), self.calls.len() + self.skipped.len());
        self.files.push(name.to_owned());
        let (mut text, mut number) = (Vec::new(), 0);
        while file.read_until(b'\n', &mut text)? > 0 {
            number += 1;
            // Windows' editors begin a file with a byte order mark.
            let mark = if number == 1 { "\u{feff}" } else { "" };
            let line = text.strip_prefix(mark.as_bytes()).unwrap_or(&text).trim_ascii();
            match Call::read(line, index, number) {
                _ if line.is_empty() => {}
                Ok(call) => self.calls.push(call),
                Err(why) => self.skipped.push(format!("{name}, line {number} was skipped: {why}")),
            }
            text.clear();
        }
        if before == self.calls.len() + self.skipped.len() {
            self.empty.push(format!("{name} is empty: no call was recorded"));
        }
        Ok(())
    }

    /// Returns which files are empty, and which lines were skipped, at most that many.
    pub(crate) fn notes(&self, limit: usize) -> Vec<String> {
        let mut notes = self.empty.clone();
        notes.extend(self.skipped.iter().take(limit).cloned());
        match self.skipped.len().saturating_sub(limit) {
            0 => {}
            more => notes.push(format!("{more} more lines were skipped; the page names them")),
        }
        notes
    }
}

impl Call {
    fn read(text: &[u8], file: usize, number: usize) -> Result<Self, String> {
        let damaged = |error| format!("it is not a line of cni-trace, or is damaged ({error})");
        let Format { format } = serde_json::from_slice(text).map_err(damaged)?;
        if let Some(format) = format.filter(|format| *format != FORMAT) {
            return Err(format!("it has format {format}, but this version reads format {FORMAT}"));
        }
        let line: Line = serde_json::from_slice(text).map_err(damaged)?;
        let start = micros(&line.time)?;
        Ok(Self {
            file,
            line: number,
            start,
            network: line.network,
            id: line.container_id.unwrap_or_default(),
            ifname: line.ifname.unwrap_or_default(),
            netns: line.netns,
            position: line.position,
            pid: line.pid,
            environment: line.environment,
            delegates: delegates(line.delegates, start)?,
            exchange: Exchange {
                verb: line.verb,
                version: line.cni_version,
                micros: duration(line.micros)?,
                stdin: line.config.get().to_owned(),
                ..Exchange::answered(line.result, line.error)
            },
        })
    }
}

impl Exchange {
    fn answered(result: Option<Box<RawValue>>, error: Option<Box<RawValue>>) -> Self {
        let object = error
            .as_ref()
            .map(|error| serde_json::from_str::<ErrorObject>(error.get()).unwrap_or_default());
        let stdout = error.or(result).map(|document| document.get().to_owned());
        Self {
            verb: String::new(),
            version: String::new(),
            micros: 0,
            stdin: String::new(),
            stdout: stdout.unwrap_or_default(),
            code: object.as_ref().map_or(0, |object| object.code),
            msg: object.map(|object| object.msg),
        }
    }
}

/// Returns the calls of delegates. Without a time, each begins where the previous one ended.
fn delegates(lines: Vec<DelegateLine>, start: u64) -> Result<Vec<Delegate>, String> {
    let mut end = 0;
    let one = |line: DelegateLine| {
        let time = line.time.as_deref().map(micros).transpose()?;
        let offset = time.map_or(end, |time| time.saturating_sub(start));
        end = offset.saturating_add(line.micros);
        Ok(Delegate {
            plugin: line.r#type,
            offset,
            stderr: line.stderr,
            exchange: Exchange {
                verb: line.verb,
                version: line.cni_version,
                micros: duration(line.micros)?,
                stdin: line.config.get().to_owned(),
                ..Exchange::answered(line.result, line.error)
            },
        })
    };
    lines.into_iter().map(one).collect()
}

fn duration(micros: u64) -> Result<u64, String> {
    if micros > LONGEST {
        return Err(format!("it is damaged (micros: {micros} is not the duration of a call)"));
    }
    Ok(micros)
}

/// Returns microseconds since 1970.
fn micros(time: &str) -> Result<u64, String> {
    let parsed = humantime::parse_rfc3339(time).map_err(|error| format!("time: {error}"))?;
    let since = parsed.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
