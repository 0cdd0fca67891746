//! The process of a plugin: without a runtime, with an unusual one, and its log.

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    process::{Child, Command, Stdio},
};

use cni_test_kit::{Behaviour, CallBuilder, Outcome, PluginDir, Script};
use cni_wrapper::SpecVersion;
use rustix::io::ioctl_fionread;
use serde_json::{Value, json};

use crate::common::{add, output, verbs, wait_until, wrapper};

fn plugins(script: Script) -> PluginDir {
    PluginDir::new().with("inner", &script)
}

/// Returns the program with exactly this environment.
fn command(environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(wrapper());
    command.env_clear().envs(environment.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Starts an ADD around `inner` with these two outputs, and writes its configuration.
fn start_add(dir: &PluginDir, stdout: Stdio, stderr: Stdio, config: &Value) -> Child {
    let path = dir.path().display().to_string();
    let mut child = command(&[
        ("CNI_COMMAND", "ADD"),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", "/run/netns/c1"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", &path),
    ])
    .current_dir("/")
    .stdin(Stdio::piped())
    .stdout(stdout)
    .stderr(stderr)
    .spawn()
    .expect("start");
    let mut stdin = child.stdin.take().expect("stdin");
    stdin.write_all(config.to_string().as_bytes()).expect("write");
    child
}

fn config() -> Value {
    json!({"cniVersion": "1.0.0", "name": "net", "type": "x", "delegate": {"type": "inner"}})
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").expect("/dev/full").into()
}

/// Returns a pipe whose other end is closed.
fn without_reader() -> Stdio {
    let (reader, mut writer) = std::io::pipe().expect("pipe");
    drop(reader);
    // A process that another test is starting may keep the other end open for a moment.
    wait_until("the pipe is broken", || writer.write(b" ").is_err());
    writer.into()
}

#[test]
fn without_a_runtime_it_prints_what_it_is() {
    for environment in [[].as_slice(), &[("CNI_COMMAND", "")], &[("CNI_PATH", "/opt/cni/bin")]] {
        let output = command(environment).output().expect("run");
        assert!(output.status.success());
        assert!(output.stdout.is_empty(), "stdout belongs to the protocol");
        let text = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(text.starts_with("cni-wrapper 0."), "name and version: {text}");
        for version in SpecVersion::ALL {
            assert!(text.contains(version.as_str()), "{version} in: {text}");
        }
    }
    let status = command(&[]).stderr(full()).status().expect("run");
    assert!(status.success(), "also without a reader");
}

#[test]
fn version_needs_only_the_command() {
    let dummies =
        [("CNI_NETNS", "dummy"), ("CNI_IFNAME", "dummy"), ("CNI_PATH", "dummy"), ("CNI_ARGS", "=")];
    for stdin in ["", "garbage", "[]", "{\"cniVersion\":\"9.9.9\"}", "\u{0}"] {
        let mut call = CallBuilder::version().stdin(stdin);
        for (key, value) in dummies {
            call = call.env(key, value);
        }
        assert_version(&call.run(wrapper()), "1.1.0");
    }
    let asked = CallBuilder::version().stdin(r#"{"cniVersion":"0.4.0"}"#);
    assert_version(&asked.run(wrapper()), "0.4.0");
    let output = command(&[("CNI_COMMAND", "VERSION")]).output().expect("run");
    assert!(output.status.success(), "no stdin at all");
}

fn assert_version(outcome: &Outcome, version: &str) {
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    let expected = json!({
        "cniVersion": version,
        "supportedVersions": ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"],
    });
    assert_eq!(outcome.json(), expected);
}

#[test]
fn version_is_answered_even_if_the_runtime_does_not_close_the_pipe() {
    let mut child =
        command(&[("CNI_COMMAND", "VERSION")]).stdin(Stdio::piped()).spawn().expect("start");
    let held = child.stdin.take();
    let output = output(child);
    drop(held);
    assert!(output.status.success());
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["cniVersion"], "1.1.0");
}

#[test]
fn a_command_that_does_not_exist_is_code_4_in_the_requested_version() {
    for command in ["FOO", "add", "ADD ", "Version"] {
        let call = CallBuilder::verb(command, "net").config(json!({"cniVersion": "0.4.0"}));
        let outcome = call.run(wrapper());
        let (code, msg, _) = outcome.error();
        assert_eq!(code, 4, "{command}");
        assert!(msg.starts_with("CNI_COMMAND: ") && msg.contains(command), "{msg}");
        assert_eq!(outcome.json()["cniVersion"], "0.4.0");
        assert_eq!(outcome.code(), Some(1));
    }
}

#[test]
fn every_error_has_a_version() {
    let dir = plugins(Script::always(Behaviour::error(120, "no")));
    let good = add(&dir, json!({"type": "inner"}));
    let table = [
        ("variables", good.clone().without_env("CNI_IFNAME"), 4, "1.0.0"),
        ("malformed JSON", good.clone().stdin("{"), 6, "1.1.0"),
        ("unknown version", good.clone().key("cniVersion", json!("9.9.9")), 1, "1.1.0"),
        ("verb of a newer version", good.clone().as_verb("GC"), 1, "1.0.0"),
        ("network", good.clone().key("name", json!("a b")), 7, "1.0.0"),
        ("own key", good.clone().key("wrapper", json!({"delegateTimeout": "x"})), 7, "1.0.0"),
        ("a list of values", good.clone().key("wrapper", json!([5])), 7, "1.0.0"),
        ("delegate", good.clone(), 120, "1.0.0"),
        ("no version", good.clone().config(json!({"delegate": {"type": "inner"}})), 120, "0.1.0"),
        ("missing delegate", good.clone().cni_path("/nonexistent"), 7, "1.0.0"),
        (
            "neither delegate nor prevResult",
            good.config(json!({"cniVersion": "0.3.1"})),
            7,
            "0.3.1",
        ),
    ];
    for (what, call, code, version) in table {
        let outcome = call.run(wrapper());
        assert_eq!(outcome.error().0, code, "{what}: {outcome}");
        assert_eq!(outcome.json()["cniVersion"], version, "{what}");
        assert_eq!(outcome.code(), Some(1), "{what}");
    }
}

#[test]
fn add_with_neither_delegate_nor_prev_result_shows_both_ways_of_use() {
    let (code, msg, _) =
        CallBuilder::add("net").config(json!({"cniVersion": "1.0.0"})).run(wrapper()).error();
    assert_eq!(code, 7);
    assert!(msg.contains(r#""delegate": {"type": "bridge""#), "{msg}");
    assert!(msg.contains(r#"{"plugins": [{"type": "bridge""#), "{msg}");
    assert!(msg.contains(r#""type": "nothing""#), "its own name: {msg}");
}

#[test]
fn del_needs_neither_namespace_nor_prev_result_and_can_be_repeated() {
    let dir = plugins(Script::succeed());
    let call = add(&dir, json!({"type": "inner"})).as_verb("DEL").without_netns();
    for _ in 0..2 {
        assert_eq!(call.run(wrapper()).expect_success().stdout, "");
    }
    let invalid = call.key("prevResult", json!({"cniVersion": "7", "ips": 3}));
    invalid.run(wrapper()).expect_success();
    assert_eq!(verbs(&dir), ["DEL", "DEL", "DEL"]);
    let passed = dir.calls("inner")[2].config.clone().expect("a configuration");
    assert_eq!(passed.get("prevResult"), None, "what can't be read is not passed on");
}

#[test]
fn a_minimal_environment_is_enough() {
    let dir = plugins(Script::succeed());
    let child = start_add(&dir, Stdio::piped(), Stdio::piped(), &config());
    let output = child.wait_with_output().expect("wait");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"");
    assert_eq!(verbs(&dir), ["ADD"]);
}

#[test]
fn a_closed_stdout_is_a_failure() {
    let dir = plugins(Script::succeed());
    let child = start_add(&dir, without_reader(), Stdio::piped(), &config());
    let output = child.wait_with_output().expect("wait");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write the answer to stdout"));
    assert_eq!(
        verbs(&dir),
        ["ADD", "DEL"],
        "the runtime does not know of the attachment, so it is undone"
    );
}

#[test]
fn an_error_or_a_version_that_can_t_be_written_is_a_failure_too() {
    for environment in [[("CNI_COMMAND", "FOO")], [("CNI_COMMAND", "VERSION")]] {
        let output = command(&environment).stdout(full()).output().expect("run");
        assert_eq!(output.status.code(), Some(1), "{environment:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("stdout"));
    }
}

#[test]
fn a_closed_or_full_stderr_changes_nothing() {
    let mut config = config();
    config["wrapper"] = json!({"logLevel": "trace", "logFile": "/nonexistent/log"});
    let dir = plugins(Script::always(Behaviour::succeed().with_stderr("noise\n")));
    for stderr in [without_reader(), full()] {
        let child = start_add(&dir, Stdio::piped(), stderr, &config);
        let output = child.wait_with_output().expect("wait");
        assert!(output.status.success(), "{output:?}");
        serde_json::from_slice::<Value>(&output.stdout).expect("a result");
    }
}

#[test]
fn log_lines_begin_with_plugin_verb_and_attachment() {
    let dir = plugins(Script::succeed());
    let call = add(&dir, json!({"type": "inner"}));
    let quiet = call.run(wrapper()).expect_success();
    assert_eq!(quiet.stderr, "", "no log lines by default");
    let line = "cni-wrapper ADD c1/eth0@net debug: ADD of ";
    let by_config = call.clone().key("wrapper", json!({"logLevel": "debug"})).run(wrapper());
    assert!(by_config.stderr.lines().any(|text| text.starts_with(line)), "{by_config}");
    let by_variable = call.clone().env("CNI_WRAPPER_LOG", "debug").run(wrapper());
    assert!(by_variable.stderr.lines().any(|text| text.starts_with(line)), "{by_variable}");
    let both =
        call.clone().env("CNI_WRAPPER_LOG", "debug").key("wrapper", json!({"logLevel": "off"}));
    assert_eq!(
        both.run(wrapper()).expect_success().stderr,
        "",
        "the configuration takes precedence"
    );
    let invalid = call.env("CNI_WRAPPER_LOG", "loud").run(wrapper());
    assert_eq!(invalid.expect_success().stderr, "", "an invalid variable is ignored");
}

#[test]
fn a_log_file_gets_json_lines_with_the_trace_context() {
    let dir = plugins(Script::succeed());
    let file = dir.path().join("log");
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let call = add(&dir, json!({"type": "inner"}))
        .key("wrapper", json!({"logLevel": "debug", "logFile": file}))
        .env("TRACEPARENT", trace);
    call.run(wrapper()).expect_success();
    call.as_verb("DEL").run(wrapper()).expect_success();
    let text = fs::read_to_string(&file).expect("a log");
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect();
    let of = |verb: &str| lines.iter().find(|line| line["verb"] == verb).expect("a line").clone();
    for verb in ["ADD", "DEL"] {
        let line = of(verb);
        assert_eq!(line["traceparent"], trace);
        assert_eq!(line["level"], "debug");
        assert_eq!(
            [&line["plugin"], &line["network"], &line["containerId"], &line["ifname"]],
            ["cni-wrapper", "net", "c1", "eth0"]
        );
        assert!(line["message"].as_str().is_some_and(|text| text.starts_with(verb)), "{line}");
        assert!(line["time"].as_f64().is_some_and(|time| time > 1.7e9), "{line}");
    }
    let mode = fs::metadata(&file).expect("a log").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only root may read the names of containers");
}

#[test]
fn a_log_file_that_can_t_be_written_is_reported_and_stops_nothing() {
    let dir = plugins(Script::succeed());
    let fifo = dir.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().expect("mkfifo");
    assert!(made.success());
    for path in ["/nonexistent/log", "/", &fifo.display().to_string()] {
        let call = add(&dir, json!({"type": "inner"})).key("wrapper", json!({"logFile": path}));
        let outcome = call.run(wrapper()).expect_success();
        assert!(outcome.stderr.contains(&format!("logFile: cannot open {path}")), "{outcome}");
    }
    let settings = json!({"logFile": "/dev/full", "logLevel": "debug"});
    add(&dir, json!({"type": "inner"})).key("wrapper", settings).run(wrapper()).expect_success();
}

#[test]
fn a_log_level_that_does_not_exist_is_code_7() {
    let dir = plugins(Script::succeed());
    let (code, msg, _) = add(&dir, json!({"type": "inner"}))
        .key("wrapper", json!({"logLevel": "loud"}))
        .run(wrapper())
        .error();
    assert_eq!(code, 7);
    assert!(msg.starts_with("wrapper.logLevel: ") && msg.contains("debug"), "{msg}");
    assert!(verbs(&dir).is_empty());
}

#[test]
fn a_setting_in_its_old_place_is_refused_with_the_new_one_but_not_on_del() {
    let dir = plugins(Script::succeed());
    let call = add(&dir, json!({"type": "inner"}));
    for key in ["delegateTimeout", "logLevel", "logFile", "resultDir"] {
        let old = call.clone().key(key, json!("x"));
        let (code, msg, _) = old.run(wrapper()).error();
        let expected = format!("{key}: this key was renamed to wrapper.{key}");
        assert_eq!((code, msg), (7, expected));
        assert!(verbs(&dir).is_empty(), "no delegate is called");
    }
    call.key("logLevel", json!("x")).as_verb("DEL").run(wrapper()).expect_success();
    assert_eq!(verbs(&dir), ["DEL"]);
}

#[test]
fn a_setting_that_does_not_exist_is_code_7() {
    let dir = plugins(Script::succeed());
    let call = add(&dir, json!({"type": "inner"})).key("wrapper", json!({"logLevl": "debug"}));
    let (code, msg, _) = call.run(wrapper()).error();
    assert_eq!(code, 7);
    assert!(msg.starts_with("wrapper.logLevl: ") && msg.contains("logLevel"), "{msg}");
}

#[test]
fn a_delegate_timeout_is_a_number_of_seconds() {
    let dir = plugins(Script::succeed());
    let call = |text: &str| {
        let config = config().to_string();
        let text =
            format!("{},\"wrapper\":{{\"delegateTimeout\":{text}}}}}", &config[..config.len() - 1]);
        add(&dir, json!(null)).stdin(text).run(wrapper())
    };
    for good in ["60.50", "60", "1e2"] {
        call(good).expect_success();
    }
    for bad in ["0", "-1", "\"60\"", "1e9"] {
        let (code, msg, _) = call(bad).error();
        assert_eq!(code, 7, "{bad}");
        assert!(msg.starts_with("wrapper.delegateTimeout: "), "{msg}");
    }
}

#[test]
fn input_that_arrives_in_pieces_is_read_to_its_end() {
    let dir = plugins(Script::succeed());
    let path = dir.path().display().to_string();
    let mut child = command(&[("CNI_COMMAND", "STATUS"), ("CNI_PATH", &path)])
        .stdin(Stdio::piped())
        .spawn()
        .expect("start");
    let mut config = config();
    config["cniVersion"] = "1.1.0".into();
    let mut stdin = child.stdin.take().expect("stdin");
    for piece in config.to_string().as_bytes().chunks(40) {
        stdin.write_all(piece).expect("write");
        wait_until("this piece was read", || ioctl_fionread(&stdin).expect("a pipe") == 0);
    }
    drop(stdin);
    let mut text = String::new();
    child.stdout.take().expect("stdout").read_to_string(&mut text).expect("read");
    assert!(child.wait().expect("wait").success(), "{text}");
    assert_eq!(verbs(&dir), ["STATUS"]);
}
