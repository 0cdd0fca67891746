//! Reads what `cni-trace` recorded, as calls of one plugin.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use cni_protocol::Verb;
use serde::Deserialize;
use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// The calls of one plugin, in the order in which they ended.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The calls.
    pub calls: Vec<RecordedCall>,
}

/// One recorded call and its answer.
#[derive(Clone, Debug)]
pub struct RecordedCall {
    /// The verb.
    pub verb: Verb,
    /// The name of the network.
    pub network: String,
    /// `CNI_CONTAINERID`; empty for GC and STATUS.
    pub container_id: String,
    /// `CNI_IFNAME`; empty for GC and STATUS.
    pub ifname: String,
    /// `CNI_NETNS`, if it was set.
    pub netns: Option<String>,
    /// The variables of the protocol.
    pub environment: BTreeMap<String, String>,
    /// The configuration on stdin.
    pub config: Object,
    /// The answer.
    pub answer: Answer,
}

/// The answer to a call.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Answer {
    /// The result of an ADD.
    pub result: Option<Object>,
    /// The error object of a call that failed.
    pub error: Option<Object>,
}

/// Selects calls of a recording; the default selects all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only calls of this network.
    pub network: Option<String>,
    /// Only calls of the delegate with this `type`.
    pub delegate: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    verb: String,
    network: String,
    container_id: Option<String>,
    ifname: Option<String>,
    netns: Option<String>,
    position: String,
    environment: BTreeMap<String, String>,
    config: Object,
    delegates: Vec<Run>,
    #[serde(flatten)]
    answer: Answer,
}

#[derive(Deserialize)]
struct Run {
    r#type: String,
    verb: String,
    config: Object,
    #[serde(flatten)]
    answer: Answer,
}

impl Recording {
    /// Reads the lines of `cni-trace`: the calls of its delegates if it was a wrapper, its own
    /// calls if it was chained.
    ///
    /// # Errors
    /// Fails if a line was not written by `cni-trace`, or the filter selects several plugins.
    pub fn read(text: &str, filter: &Filter) -> Result<Self, String> {
        let (mut calls, mut plugins) = (Vec::new(), BTreeSet::new());
        // Windows' editors begin a file with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (index, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let number = index + 1;
            let line: Line = serde_json::from_str(text)
                .map_err(|error| format!("line {number} was not written by cni-trace: {error}"))?;
            if filter.network.as_ref().is_some_and(|network| *network != line.network) {
                continue;
            }
            for (plugin, call) in line.calls().map_err(|error| format!("line {number}: {error}"))? {
                if filter.delegate.as_ref().is_none_or(|delegate| *delegate == plugin) {
                    plugins.insert(plugin);
                    calls.push(call);
                }
            }
        }
        if plugins.len() > 1 {
            let plugins: Vec<_> = plugins.into_iter().collect();
            let plugins = plugins.join(", ");
            return Err(format!("it contains calls of {plugins}: choose one with --delegate TYPE"));
        }
        Ok(Self { calls })
    }
}

impl Line {
    /// Returns the calls, each with the `type` of the plugin that was called.
    fn calls(self) -> Result<Vec<(String, RecordedCall)>, String> {
        if self.position != "wrapper" {
            let plugin = self.config.get("type").and_then(Value::as_str).unwrap_or_default();
            let call = self.call(&self.verb, &self.config, &self.answer)?;
            return Ok(vec![(plugin.to_owned(), call)]);
        }
        let runs = self.delegates.iter();
        runs.map(|run| Ok((run.r#type.clone(), self.call(&run.verb, &run.config, &run.answer)?)))
            .collect()
    }

    fn call(&self, verb: &str, config: &Object, answer: &Answer) -> Result<RecordedCall, String> {
        Ok(RecordedCall {
            verb: verb.parse().map_err(|error| format!("{error}"))?,
            network: self.network.clone(),
            container_id: self.container_id.clone().unwrap_or_default(),
            ifname: self.ifname.clone().unwrap_or_default(),
            netns: self.netns.clone(),
            environment: self.environment.clone(),
            config: config.clone(),
            answer: answer.clone(),
        })
    }
}

impl RecordedCall {
    /// Returns whether a secret in the call was redacted, so that it can't be repeated exactly.
    pub fn is_redacted(&self) -> bool {
        let mark = "[redacted]";
        let config = Value::Object(self.config.clone()).to_string();
        config.contains(mark) || self.environment.values().any(|value| value.contains(mark))
    }
}

/// For people: `ADD c1/eth0@net`.
impl fmt::Display for RecordedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, network, container_id, ifname, .. } = self;
        match container_id.as_str() {
            "" => write!(f, "{verb} {network}"),
            id => write!(f, "{verb} {id}/{ifname}@{network}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(position: &str, delegates: &Value) -> String {
        json!({"verb": "ADD", "network": "net", "containerId": "c1", "ifname": "eth0",
            "netns": "/n", "position": position, "environment": {"CNI_ARGS": "A=1"},
            "config": {"type": "cni-trace"},
            "delegates": delegates, "result": {"ips": []}, "micros": 1})
        .to_string()
    }

    fn run(plugin: &str, verb: &str) -> Value {
        json!({"type": plugin, "verb": verb, "config": {"type": plugin}, "micros": 1})
    }

    fn wanting(delegate: &str) -> Filter {
        Filter { delegate: Some(delegate.to_owned()), network: None }
    }

    #[test]
    fn a_wrapper_has_the_calls_of_its_delegates_and_others_their_own() {
        let line_of_two = line("wrapper", &json!([run("bridge", "ADD"), run("bridge", "DEL")]));
        // With a byte order mark and an empty line.
        let text = format!("\u{feff}{line_of_two}\n\n");
        let calls = Recording::read(&text, &Filter::default()).unwrap().calls;
        let words: Vec<_> = calls.iter().map(ToString::to_string).collect();
        assert_eq!(words, ["ADD c1/eth0@net", "DEL c1/eth0@net"]);
        let own = Recording::read(&line("chained", &json!([])), &Filter::default()).unwrap().calls;
        assert_eq!((own.len(), own[0].config["type"].as_str()), (1, Some("cni-trace")));
        assert!(own[0].answer.result.is_some());
    }

    #[test]
    fn calls_are_selected_by_plugin_and_network() {
        let text = line("wrapper", &json!([run("bridge", "ADD"), run("tuning", "ADD")]));
        let problem = Recording::read(&text, &Filter::default()).unwrap_err();
        assert!(problem.contains("bridge, tuning: choose one with --delegate"), "{problem}");
        assert_eq!(Recording::read(&text, &wanting("tuning")).unwrap().calls.len(), 1);
        let other = Filter { network: Some("other".to_owned()), delegate: None };
        assert!(Recording::read(&text, &other).unwrap().calls.is_empty());
    }

    #[test]
    fn a_line_of_another_program_is_refused() {
        let text = format!("{}\n{{\"verb\": \"ADD\"}}", line("chained", &json!([])));
        let problem = Recording::read(&text, &Filter::default()).unwrap_err();
        assert!(
            problem.starts_with("line 2 was not written by cni-trace: missing field"),
            "{problem}"
        );
    }
}
