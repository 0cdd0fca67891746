//! `replay`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use cni_conformance::replay::{Played, Recorded, Recording, Stand, Wanted, replay as play};
use cni_conformance::{Profile, Subject};
use lexopt::prelude::*;
use serde_json::{Map, Value as Json, json};

use super::arguments::{number, text};
use super::{CONFORMS, FAILED, NOTHING_MATCHED};

const PATIENCE: Duration = Duration::from_secs(120);

/// What was asked for.
struct Arguments {
    recording: String,
    wanted: Wanted,
    stand: Stand,
    json: bool,
}

/// Makes the calls of a recording again and says which are not answered alike.
pub(super) fn replay(parser: lexopt::Parser) -> Result<u8, String> {
    let Arguments { recording: file, wanted, stand, json } = read(parser)?;
    let contents =
        fs::read_to_string(&file).map_err(|error| format!("can't read {file}: {error}"))?;
    let recording = Recording::read(&contents, &wanted).map_err(|why| format!("{file}: {why}"))?;
    if recording.calls.is_empty() {
        println!("{file} holds no such call");
        return Ok(NOTHING_MATCHED);
    }
    let mut told = Told { json, stand: &stand, calls: Vec::new(), different: 0 };
    if !json {
        let version = env!("CARGO_PKG_VERSION");
        println!("cni-conformance {version} · {file} · {}", stand.plugin.display());
    }
    // A panic is the harness's own failure here, and told as that.
    std::panic::set_hook(Box::new(|_| ()));
    play(&recording.calls, &stand, &mut |call, played| told.add(call, played))?;
    told.end();
    Ok(if told.different == 0 { CONFORMS } else { FAILED })
}

fn read(mut parser: lexopt::Parser) -> Result<Arguments, String> {
    let (mut words, mut wanted, mut json) = (Vec::new(), Wanted::default(), false);
    let (mut path, mut prepare, mut limit) = (String::new(), None, PATIENCE);
    while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
        match argument {
            Long("json") => json = true,
            Long("network") => wanted.network = Some(text(&mut parser)?),
            Long("delegate") => wanted.delegate = Some(text(&mut parser)?),
            Long("path") => path = text(&mut parser)?,
            Long("prepare") => prepare = Some(text(&mut parser)?),
            Long("timeout") => limit = Duration::from_secs(number(&mut parser)?),
            Value(word) => words.push(word.string().map_err(|error| error.to_string())?),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let [recording, plugin] = words
        .try_into()
        .map_err(|_| "replay what with which plugin? cni-conformance replay RECORDING PLUGIN")?;
    let plugin = Subject::new(plugin, Profile::Interface, Map::new()).found()?.plugin;
    let path = path.split(':').filter(|one| !one.is_empty()).map(PathBuf::from).collect();
    Ok(Arguments { recording, wanted, stand: Stand { plugin, path, prepare, limit }, json })
}

/// What is told of a replay.
struct Told<'s> {
    json: bool,
    stand: &'s Stand,
    calls: Vec<Json>,
    different: usize,
}

impl Told<'_> {
    fn add(&mut self, call: &Recorded, played: &Played) {
        let differences = played.differences();
        self.different += usize::from(!differences.is_empty());
        self.calls.push(json!({
            "call": call.words(),
            "alike": differences.is_empty(),
            "redacted": call.is_redacted(),
            "differences": differences,
            "exchange": played.exchange,
        }));
        if !self.json {
            self.print(call, played);
        }
    }

    fn print(&self, call: &Recorded, played: &Played) {
        let differences = played.differences();
        let sign = if differences.is_empty() { '✔' } else { '✘' };
        let hidden = if call.is_redacted() { "  (with secrets hidden)" } else { "" };
        println!("{sign} {}{hidden}", call.words());
        for difference in &differences {
            let what = difference.what;
            println!("    {what:<10} recorded: {}", difference.recorded);
            println!("    {:<10} now:      {}", "", difference.seen);
        }
        if !differences.is_empty() {
            println!("    it said    {}", played.exchange.ending());
            println!("    by hand    {}", played.exchange.command_line(&self.stand.plugin));
        }
    }

    fn end(&self) {
        let (all, different) = (self.calls.len(), self.different);
        let alike = all - different;
        if self.json {
            let plugin = self.stand.plugin.display().to_string();
            let sums = json!({"alike": alike, "different": different});
            println!(
                "{}",
                json!({"replay": 1, "plugin": plugin, "counts": sums, "calls": self.calls})
            );
        } else {
            let word = if all == 1 { "call" } else { "calls" };
            println!("\n{all} {word}: {alike} alike, {different} different");
        }
    }
}
