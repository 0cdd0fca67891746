//! What a delegate gets: the rewrites have the last word, and on DEL and GC none of them can fail.

use async_std::task::block_on;
use cni_test_kit::{FakePlugin, Journal, PluginDir, Script, fake_call};
use cni_wrapper::{
    AddResult, Attachment, Call, Environment, Error, Innermost, Layers, Middleware, Object, Reply,
    Request, Verb, dispatch,
};
use serde_json::{Value, json};

use crate::common::recorder::{Recorder, config, error, reply, steps};

/// Returns a call whose delegates are executed from `dir`.
fn call(dir: &PluginDir, verb: Verb, mut config: Value) -> Call {
    config["name"] = "net".into();
    config["cniVersion"] = "1.1.0".into();
    config["wrapper"] = json!({"resultDir": dir.path().join("results")});
    let path = dir.path().display().to_string();
    let environment: Environment = [
        ("CNI_COMMAND", verb.as_str()),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", "/run/netns/c1"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", &path),
    ]
    .into_iter()
    .collect();
    let request = Request::read(verb, environment, config.to_string().as_bytes()).expect("a call");
    Call::new(request).expect("a call")
}

/// Limits what every delegate gets: two port mappings, one label, and a network of its own.
struct Limits;

impl Middleware for Limits {
    type Config = serde::de::IgnoredAny;

    fn rewrite(&self, _: &Call, _: &Self::Config, delegate: &mut Object) -> Result<(), Error> {
        assert_eq!(delegate["name"], "net", "it sees what the delegate would get");
        assert_eq!(delegate["cniVersion"], "1.1.0");
        assert_eq!(delegate["cni.dev/mark"], 1);
        let mappings = delegate["runtimeConfig"]["portMappings"].as_array_mut().expect("a list");
        mappings.truncate(2);
        delegate["args"]["cni"]["labels"] = json!([]);
        delegate["name"] = "other".into();
        delegate.shift_remove("cni.dev/mark");
        Ok(())
    }
}

#[test]
fn a_rewrite_has_the_last_word_over_what_the_runtime_passes() {
    let dir = PluginDir::new().with("inner", &Script::succeed());
    let plugin = Limits.around(Box::new(Innermost));
    let config = json!({
        "delegate": {"type": "inner"}, "runtimeConfig": {"portMappings": [1, 2, 3]},
        "args": {"cni": {"labels": [{"key": "a", "value": "b"}]}}, "cni.dev/mark": 1,
    });
    for verb in [Verb::Add, Verb::Del, Verb::Gc, Verb::Status] {
        let reply = block_on(dispatch(&*plugin, &call(&dir, verb, config.clone())));
        assert_eq!(reply.exit_status(), 0, "{verb}: {reply:?}");
    }
    for call in dir.calls("inner") {
        let (verb, passed) = (call.verb, call.config.expect("a configuration"));
        assert_eq!(passed["runtimeConfig"]["portMappings"], json!([1, 2]), "{verb}");
        assert_eq!(passed["args"]["cni"]["labels"], json!([]), "{verb}");
        assert_eq!(
            (&passed["name"], passed.get("cni.dev/mark")),
            (&json!("other"), None),
            "{verb}"
        );
    }
    assert_eq!(dir.calls("inner").len(), 4);
}

#[test]
fn a_rewrite_sees_the_values_of_mesos_in_the_common_form() {
    struct Drops;
    impl Middleware for Drops {
        type Config = serde::de::IgnoredAny;
        fn rewrite(&self, _: &Call, _: &Self::Config, delegate: &mut Object) -> Result<(), Error> {
            let dropped = delegate.shift_remove("runtimeConfig").expect("the translated mappings");
            assert_eq!(dropped["portMappings"][0]["hostPort"], 80);
            Ok(())
        }
    }
    let dir = PluginDir::new().with("inner", &Script::succeed());
    let mapping = json!({"host_port": 80, "container_port": 8080});
    let info = json!({"network_info": {"port_mappings": [mapping]}});
    let config = json!({
        "delegate": {"type": "inner", "capabilities": {"portMappings": true}},
        "args": {"org.apache.mesos": info},
    });
    let plugin = Drops.around(Box::new(Innermost));
    let reply = block_on(dispatch(&*plugin, &call(&dir, Verb::Add, config)));
    assert_eq!(reply.exit_status(), 0, "{reply:?}");
    let passed = dir.calls("inner")[0].config.clone().expect("a configuration");
    assert_eq!(passed.get("runtimeConfig"), None, "it is not added again");
}

#[test]
fn on_del_and_gc_a_rewrite_that_fails_is_a_warning_and_the_delegate_gets_its_own_object() {
    type Fault = fn() -> Result<(), Error>;
    let faults: [Fault; 2] =
        [|| Err(Error::config("delegate.mtu", "\"9000\" is not an MTU")), || panic!("no MTU")];
    for (fault, verb) in faults.iter().flat_map(|fault| [(fault, Verb::Del), (fault, Verb::Gc)]) {
        let (journal, fake) = (Journal::default(), FakePlugin::new());
        let stack = cni_wrapper::Stack::new()
            .with(Recorder::new("a", &journal))
            .with(Recorder::new("b", &journal).on("rewrite", *fault));
        let reply = reply(&fake_call(verb, config()), stack, &fake);
        assert_eq!(reply.exit_status(), 0, "{verb}: {reply:?}");
        let steps = journal.take();
        let own = if verb == Verb::Del { "b.before_del" } else { "b.gc" };
        assert!(steps.contains(&own.to_owned()), "its hooks run: {steps:?}");
        let delegate = fake.calls()[0].delegates()[0].clone();
        assert_eq!(delegate["rewritten"], "a", "{verb}: as without the layer that fails");
    }
}

#[test]
fn for_other_verbs_a_rewrite_that_fails_stops_the_verb_before_anything_else() {
    for verb in [Verb::Add, Verb::Check, Verb::Status] {
        let journal = Journal::default();
        let recorder = Recorder::new("a", &journal).failing("rewrite");
        let (reply, steps) = steps(verb, recorder, &journal, FakePlugin::new());
        assert_eq!(error(&reply).code, 150, "{verb}");
        assert!(steps.is_empty(), "{verb}: {steps:?}");
    }
}

/// Its hooks record the port, which must be a number.
struct Port {
    journal: Journal,
    fallback: Option<u16>,
}

#[derive(serde::Deserialize)]
struct PortConfig {
    port: u16,
}

impl Middleware for Port {
    type Config = PortConfig;

    fn fallback_config(&self, _: &Call) -> Option<PortConfig> {
        self.fallback.map(|port| PortConfig { port })
    }

    fn rewrite(&self, _: &Call, _: &PortConfig, _: &mut Object) -> Result<(), Error> {
        panic!("it is not called with a fallback");
    }

    async fn before_del(&self, _: &Call, config: &PortConfig) -> Result<(), Error> {
        self.journal.record(&format!("before_del {}", config.port));
        Ok(())
    }

    async fn after_del(&self, _: &Call, config: &PortConfig) -> Result<(), Error> {
        self.journal.record(&format!("after_del {}", config.port));
        Ok(())
    }

    async fn gc(&self, _: &Call, config: &PortConfig, _: &[Attachment]) -> Result<(), Error> {
        self.journal.record(&format!("gc {}", config.port));
        Ok(())
    }
}

fn port(verb: Verb, fallback: Option<u16>) -> (Reply, String, FakePlugin) {
    let journal = Journal::default();
    let fake = FakePlugin::new().recording_in(&journal);
    let mut config = config();
    config["port"] = "http".into();
    let layer = Port { journal: journal.clone(), fallback };
    let reply = reply(&fake_call(verb, config), layer, &fake);
    (reply, journal.take().join(", "), fake)
}

#[test]
fn on_del_and_gc_a_configuration_that_can_not_be_read_does_not_keep_the_delegate_from_its_call() {
    for (verb, steps) in [(Verb::Del, "inner DEL"), (Verb::Gc, "inner GC")] {
        let (reply, seen, fake) = port(verb, None);
        assert_eq!(reply.exit_status(), 0, "{verb}: {reply:?}");
        assert_eq!(seen, steps);
        assert_eq!(fake.calls()[0].delegates()[0]["type"], "inner");
    }
}

#[test]
fn own_hooks_of_del_and_gc_run_with_the_fallback_of_a_configuration_that_can_not_be_read() {
    let table =
        [(Verb::Del, "before_del 80, inner DEL, after_del 80"), (Verb::Gc, "gc 80, inner GC")];
    for (verb, steps) in table {
        let (reply, seen, _) = port(verb, Some(80));
        assert_eq!(reply.exit_status(), 0, "{verb}: {reply:?}");
        assert_eq!(seen, steps);
    }
}

#[test]
fn for_other_verbs_a_configuration_that_can_not_be_read_is_code_7() {
    for verb in [Verb::Add, Verb::Check, Verb::Status] {
        let (reply, seen, _) = port(verb, Some(80));
        assert_eq!(error(&reply).code, 7, "{verb}");
        assert_eq!(seen, "", "{verb}: nothing is called");
    }
}

/// A number or a text, as serde reads it: it tries one after the other.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Rate {
    Number(f64),
    Text(String),
}

struct Limit;

#[derive(serde::Deserialize)]
struct LimitConfig {
    rate: Rate,
    #[serde(flatten)]
    burst: Burst,
    delegates: Value,
}

#[derive(serde::Deserialize)]
struct Burst {
    burst: f64,
}

impl Middleware for Limit {
    type Config = LimitConfig;

    async fn after_add(
        &self,
        _: &Call,
        config: &LimitConfig,
        result: &mut AddResult,
    ) -> Result<(), Error> {
        let rate = match &config.rate {
            Rate::Number(rate) => *rate,
            Rate::Text(text) => panic!("{text} was a number"),
        };
        result.document_mut().insert("sum".into(), (rate + config.burst.burst).into());
        result.document_mut().insert("delegates".into(), config.delegates.clone());
        Ok(())
    }
}

#[test]
fn a_configuration_can_have_fractions_in_enums_without_tag_and_in_flattened_structs() {
    for (fractions, delegates) in [
        (r#""rate": 1.5, "burst": 0.1"#, "[1.10,12345678901234567890123.5,1.5]"),
        (r#""rate": 1.50, "burst": 1e-1"#, "[1.5]"),
    ] {
        let text = format!("{{{fractions}, \"delegates\": {delegates}}}");
        let config: Value = serde_json::from_str(&text).expect("JSON");
        let reply = reply(&fake_call(Verb::Add, config), Limit, &FakePlugin::new());
        let Reply::Added(result) = &reply else { panic!("{reply:?}") };
        assert_eq!(result.document()["sum"], 1.6, "{fractions}");
        assert_eq!(result.document()["delegates"].to_string(), delegates, "all digits are kept");
    }
}
