//! What `cni-trace` wrote down, as calls of one plugin.

use std::collections::{BTreeMap, BTreeSet};

use cni_protocol::Verb;
use serde::Deserialize;
use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// The calls of one plugin, in the order in which they ended.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The calls.
    pub calls: Vec<Recorded>,
}

/// One call, and what was answered.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What was asked.
    pub verb: Verb,
    /// The name of the network.
    pub network: String,
    /// `CNI_CONTAINERID`; empty for GC and STATUS.
    pub container_id: String,
    /// `CNI_IFNAME`; empty for GC and STATUS.
    pub ifname: String,
    /// `CNI_NETNS`, if it was given.
    pub netns: Option<String>,
    /// The variables of the protocol.
    pub environment: BTreeMap<String, String>,
    /// What the plugin was told.
    pub config: Object,
    /// What came of it.
    pub answer: Answered,
}

/// The answer to a call.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Answered {
    /// The result of an ADD.
    pub result: Option<Object>,
    /// The error object of a call that failed.
    pub error: Option<Object>,
}

/// Which calls of a recording are wanted; all, when nothing is said.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Those of this network.
    pub network: Option<String>,
    /// Those of the delegate with this `type`.
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
    answer: Answered,
}

#[derive(Deserialize)]
struct Run {
    r#type: String,
    verb: String,
    config: Object,
    #[serde(flatten)]
    answer: Answered,
}

impl Recording {
    /// Reads lines of `cni-trace`. Around a delegate they hold the delegate's calls, which are what is taken; of one that was
    /// chained, its own.
    ///
    /// # Errors
    /// Which line is none, or that calls of several plugins are wanted.
    pub fn read(text: &str, wanted: &Wanted) -> Result<Self, String> {
        let (mut calls, mut plugins) = (Vec::new(), BTreeSet::new());
        for (index, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let number = index + 1;
            let line: Line = serde_json::from_str(text)
                .map_err(|error| format!("line {number} is none of cni-trace: {error}"))?;
            if wanted.network.as_ref().is_some_and(|network| *network != line.network) {
                continue;
            }
            for (plugin, call) in line.calls().map_err(|error| format!("line {number}: {error}"))? {
                if wanted.delegate.as_ref().is_none_or(|delegate| *delegate == plugin) {
                    plugins.insert(plugin);
                    calls.push(call);
                }
            }
        }
        if plugins.len() > 1 {
            let plugins: Vec<_> = plugins.into_iter().collect();
            let plugins = plugins.join(", ");
            return Err(format!("it holds calls of {plugins}: choose one with --delegate TYPE"));
        }
        Ok(Self { calls })
    }
}

impl Line {
    /// The calls, each with the `type` of who was called.
    fn calls(self) -> Result<Vec<(String, Recorded)>, String> {
        if self.position != "wrapper" {
            let plugin = self.config.get("type").and_then(Value::as_str).unwrap_or_default();
            let call = self.call(&self.verb, &self.config, &self.answer)?;
            return Ok(vec![(plugin.to_owned(), call)]);
        }
        let runs = self.delegates.iter();
        runs.map(|run| Ok((run.r#type.clone(), self.call(&run.verb, &run.config, &run.answer)?)))
            .collect()
    }

    fn call(&self, verb: &str, config: &Object, answer: &Answered) -> Result<Recorded, String> {
        Ok(Recorded {
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

impl Recorded {
    /// The call in words: `ADD c1/eth0@net`.
    pub fn words(&self) -> String {
        let Self { verb, network, container_id, ifname, .. } = self;
        match container_id.as_str() {
            "" => format!("{verb} {network}"),
            id => format!("{verb} {id}/{ifname}@{network}"),
        }
    }

    /// Whether a secret of it was hidden, so that it can't be made again exactly.
    pub fn is_redacted(&self) -> bool {
        let mark = "[redacted]";
        let config = Value::Object(self.config.clone()).to_string();
        config.contains(mark) || self.environment.values().any(|value| value.contains(mark))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(position: &str, delegates: &Value) -> String {
        json!({"verb": "ADD", "network": "net", "containerId": "c1", "ifname": "eth0", "netns": "/n",
            "position": position, "environment": {"CNI_ARGS": "A=1"}, "config": {"type": "cni-trace"},
            "delegates": delegates, "result": {"ips": []}, "micros": 1})
        .to_string()
    }

    fn run(plugin: &str, verb: &str) -> Value {
        json!({"type": plugin, "verb": verb, "config": {"type": plugin}, "micros": 1})
    }

    fn wanting(delegate: &str) -> Wanted {
        Wanted { delegate: Some(delegate.to_owned()), network: None }
    }

    #[test]
    fn around_delegates_it_holds_their_calls_and_else_its_own() {
        let text = line("wrapper", &json!([run("bridge", "ADD"), run("bridge", "DEL")])) + "\n\n";
        let calls = Recording::read(&text, &Wanted::default()).unwrap().calls;
        let words: Vec<_> = calls.iter().map(Recorded::words).collect();
        assert_eq!(words, ["ADD c1/eth0@net", "DEL c1/eth0@net"]);
        let own = Recording::read(&line("chained", &json!([])), &Wanted::default()).unwrap().calls;
        assert_eq!((own.len(), own[0].config["type"].as_str()), (1, Some("cni-trace")));
        assert!(own[0].answer.result.is_some());
    }

    #[test]
    fn of_several_plugins_and_networks_the_wanted_ones_are_taken() {
        let text = line("wrapper", &json!([run("bridge", "ADD"), run("tuning", "ADD")]));
        let problem = Recording::read(&text, &Wanted::default()).unwrap_err();
        assert!(problem.contains("bridge, tuning: choose one with --delegate"), "{problem}");
        assert_eq!(Recording::read(&text, &wanting("tuning")).unwrap().calls.len(), 1);
        let other = Wanted { network: Some("other".to_owned()), delegate: None };
        assert!(Recording::read(&text, &other).unwrap().calls.is_empty());
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        let text = format!("{}\n{{\"verb\": \"ADD\"}}", line("chained", &json!([])));
        let problem = Recording::read(&text, &Wanted::default()).unwrap_err();
        assert!(problem.starts_with("line 2 is none of cni-trace: missing field"), "{problem}");
    }
}
