//! The process of a delegate: its input, and the outcome of everything that it may do.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use cni_test_kit::{Behaviour, CallBuilder, PluginDir, Script, StdinUse, Stream};
use cni_wrapper::exec;
use serde_json::json;

use crate::common::{
    FOREVER, KilledAtTheEnd, LIMIT, add, alive, verbs, wait_until, with_enough_time, wrapper,
};

fn plugins(script: Script) -> PluginDir {
    PluginDir::new().with("inner", &script)
}

fn on_add(behaviour: Behaviour) -> PluginDir {
    plugins(Script::succeed().on("ADD", behaviour))
}

#[test]
fn a_delegate_gets_its_own_object_and_certain_outer_keys() {
    let dir = plugins(Script::succeed());
    let call = add(
        &dir,
        json!({"type": "inner", "mtu": 1400, "name": "x", "big": 12345678901234567890_u64}),
    )
    .key("args", json!({"a": {"b": 1}}))
    .key("runtimeConfig", json!({"ips": ["10.0.0.5"]}))
    .key("cni.dev/odd", json!([1]))
    .key("capabilities", json!({"ips": true}))
    .key("ours", json!(1));
    call.run(wrapper()).expect_success();
    let passed = dir.calls("inner")[0].config.clone().expect("a configuration");
    assert_eq!(
        passed,
        json!({
            "type": "inner", "mtu": 1400, "name": "net", "big": 12345678901234567890_u64,
            "cniVersion": "1.0.0", "args": {"a": {"b": 1}},
            "runtimeConfig": {"ips": ["10.0.0.5"]}, "cni.dev/odd": [1],
        }),
        "capabilities and keys of the wrapper's own are not handed on"
    );
}

#[test]
fn no_version_is_added_if_there_is_none() {
    let dir = plugins(Script::succeed());
    let call = add(&dir, json!({"type": "inner"})).config(json!({"delegate": {"type": "inner"}}));
    call.run(wrapper()).expect_success();
    assert_eq!(
        dir.calls("inner")[0].config.clone().expect("a configuration").get("cniVersion"),
        None
    );
}

#[test]
fn a_delegate_keeps_its_own_version_and_its_result_is_converted() {
    let result = json!({"cniVersion": "0.2.0", "ip4": {"ip": "10.1.2.3/24"}});
    let dir = on_add(Behaviour::result(result));
    let outcome = add(&dir, json!({"type": "inner", "cniVersion": "0.2.0"})).run(wrapper());
    let answer = outcome.expect_success().json();
    assert_eq!(
        dir.calls("inner")[0].config.clone().expect("a configuration")["cniVersion"],
        "0.2.0"
    );
    assert_eq!(answer["cniVersion"], "1.0.0");
    assert_eq!(answer["ips"][0]["address"], "10.1.2.3/24");
}

#[test]
fn an_unchanged_result_is_printed_byte_for_byte() {
    let text =
        "{ \"ips\":[ ],  \"x\" : 1.10, \"cniVersion\":\"1.0.0\", \"a\":12345678901234567890123 }\n";
    let dir = on_add(Behaviour::raw(text));
    let outcome = add(&dir, json!({"type": "inner"})).run(wrapper()).expect_success();
    assert_eq!(outcome.stdout, text);
}

#[test]
fn a_delegate_gets_the_whole_environment_and_only_the_verb_differs() {
    let dir = plugins(Script::succeed());
    let call =
        add(&dir, json!({"type": "inner"})).env("FOO", "bar").env("TRACEPARENT", "00-ab-cd-01");
    call.run(wrapper()).expect_success();
    let seen = &dir.calls("inner")[0].environment;
    assert_eq!(seen["FOO"], "bar");
    assert_eq!(seen["TRACEPARENT"], "00-ab-cd-01");
    assert_eq!(seen["CNI_COMMAND"], "ADD");
    assert_eq!(seen["CNI_NETNS"], "/run/netns/c1");
}

#[test]
fn a_delegate_is_found_in_the_order_of_cni_path_and_unusable_files_are_skipped() {
    let decoys = PluginDir::new();
    fs::write(decoys.path().join("inner"), "not executable").expect("write");
    let directories = PluginDir::new();
    fs::create_dir(directories.path().join("inner")).expect("mkdir");
    let (dir, later) = (plugins(Script::succeed()), plugins(Script::succeed()));
    let path = [decoys.path(), directories.path(), dir.path(), later.path()]
        .map(|path| path.display().to_string())
        .join(":");
    add(&dir, json!({"type": "inner"})).cni_path(&path).run(wrapper()).expect_success();
    assert_eq!(verbs(&dir), ["ADD"]);
    assert_eq!(verbs(&later), [] as [&str; 0], "the first one is executed");
}

#[test]
fn a_delegate_in_path_but_not_in_cni_path_is_not_found() {
    let dir = plugins(Script::succeed());
    let call = add(&dir, json!({"type": "inner"}))
        .env("PATH", &dir.path().display().to_string())
        .cni_path("/nonexistent");
    let (code, msg, _) = call.run(wrapper()).error();
    assert_eq!(code, 7);
    assert!(msg.contains("\"inner\"") && msg.contains("/nonexistent"), "{msg}");
    let (code, msg, _) = call.without_env("CNI_PATH").run(wrapper()).error();
    assert_eq!((code, msg.contains("CNI_PATH")), (4, true), "{msg}");
}

#[test]
fn a_type_is_a_file_name_and_never_a_path() {
    let dir = plugins(Script::succeed());
    for bad in ["../inner", "/bin/true", "", ".", "..", "a/b"] {
        let (code, msg, _) = add(&dir, json!({ "type": bad })).run(wrapper()).error();
        assert_eq!(code, 7, "{bad:?}: {msg}");
        assert!(msg.contains("delegate.type"), "{msg}");
    }
    assert_eq!(verbs(&dir), [] as [&str; 0]);
}

#[test]
fn a_delegate_that_is_not_a_plugin_configuration_is_refused_with_its_key() {
    let dir = plugins(Script::succeed());
    for (bad, key) in [
        (json!("inner"), "delegate"),
        (json!([]), "delegate"),
        (json!([{"type": "inner"}, 3]), "delegate[1]"),
        (json!({}), "delegate.type"),
    ] {
        let (code, msg, _) = add(&dir, bad).run(wrapper()).error();
        assert_eq!(code, 7);
        assert!(msg.starts_with(&format!("{key}: ")), "{msg}");
    }
}

#[test]
fn the_error_of_a_delegate_keeps_code_and_message_and_gets_more_details() {
    let dir = on_add(Behaviour::error(11, "pool is busy").with_stderr("noise on stderr\n"));
    let outcome = add(&dir, json!({"type": "inner"})).run(wrapper());
    let (code, msg, details) = outcome.error();
    assert_eq!((code, msg.as_str()), (11, "pool is busy"));
    assert!(
        details.contains("\"inner\"")
            && details.contains(" ms")
            && details.contains("noise on stderr"),
        "{details}"
    );
    assert_eq!(outcome.json()["cniVersion"], "1.0.0");
    assert!(
        outcome.stderr.contains("noise on stderr"),
        "stderr is forwarded on failure: {}",
        outcome.stderr
    );
}

#[test]
fn the_stderr_of_a_delegate_is_forwarded_on_success() {
    let dir = on_add(Behaviour::succeed().with_stderr("all is well\n"));
    let outcome = add(&dir, json!({"type": "inner"})).run(wrapper()).expect_success();
    assert!(outcome.stderr.contains("all is well"));
}

#[test]
fn code_0_of_a_delegate_becomes_102_because_0_means_success() {
    let dir = on_add(Behaviour::error(0, "netplugin failed"));
    let (code, msg, _) = add(&dir, json!({"type": "inner"})).run(wrapper()).error();
    assert_eq!((code, msg.as_str()), (102, "netplugin failed"));
}

#[test]
fn every_way_to_fail_without_a_result_has_a_clear_error_and_is_rolled_back() {
    let cases = [
        ("crash", Behaviour::crash(11), 102, "signal 11"),
        ("exit", Behaviour::exit(7), 102, "exit status 7"),
        ("garbage", Behaviour::garbage(), 102, "no valid result"),
        ("two documents", Behaviour::two_documents(), 102, "no valid result"),
        ("empty", Behaviour::empty(), 102, "no valid result"),
        ("null", Behaviour::raw("null"), 102, "no valid result"),
        ("unknown version", Behaviour::wrong_version("9.9.9"), 102, "9.9.9"),
        ("error with exit 0", Behaviour::error_with_exit_zero(110, "no"), 110, "no"),
        ("text and exit 1", Behaviour::raw("sorry").exiting(1), 102, "sorry"),
    ];
    for (name, behaviour, expected, part) in cases {
        let dir = on_add(behaviour);
        let outcome = add(&dir, json!({"type": "inner"})).run(wrapper());
        let (code, msg, _) = outcome.error();
        assert_eq!(code, expected, "{name}: {msg}");
        assert!(msg.contains(part), "{name}: {msg}");
        assert_eq!(verbs(&dir), ["ADD", "DEL"], "{name}: rolled back");
    }
}

#[test]
fn a_delegate_that_hangs_is_stopped_with_its_children_at_the_deadline() {
    for behaviour in [
        Behaviour::hang(),
        Behaviour::hang().ignoring_term(),
        Behaviour::hang().leaving_child(FOREVER, false),
    ] {
        // ADD and its rollback have this time each, and the delegate must start in it.
        let (time, dir, outcome) = with_enough_time(Duration::from_millis(300), |time| {
            let dir = on_add(behaviour.clone());
            let call = add(&dir, json!({"type": "inner"}))
                .key("wrapper", json!({"delegateTimeout": time.as_secs_f64()}))
                .limit(4 * LIMIT);
            let outcome = call.run(wrapper());
            (verbs(&dir).len() == 2).then_some((time, dir, outcome))
        });
        let _killed = KilledAtTheEnd(&dir);
        let (code, msg, _) = outcome.error();
        assert_eq!(code, 11, "{msg}");
        assert!(msg.contains(&format!("did not end within {time:?}")), "{msg}");
        assert!(outcome.took >= time, "stopped after {:?}", outcome.took);
        assert_eq!(verbs(&dir), ["ADD", "DEL"]);
        wait_until("no process is left", || alive(&dir).is_empty());
    }
}

#[test]
fn a_delegate_with_endless_output_is_stopped() {
    for stream in [Stream::Stdout, Stream::Stderr] {
        let dir = on_add(Behaviour::flood(stream, None));
        let _killed = KilledAtTheEnd(&dir);
        let (code, msg, _) = add(&dir, json!({"type": "inner"})).run(wrapper()).error();
        assert_eq!(code, 11, "{msg}");
        assert!(msg.contains("wrote more than"), "{msg}");
        wait_until("no process is left", || alive(&dir).is_empty());
    }
}

#[test]
fn large_output_and_a_large_configuration_do_not_block_each_other() {
    let (noise, pad) = ("x".repeat(300_000), "y".repeat(300_000));
    let dir = on_add(Behaviour::succeed().with_padding(1_000_000).with_stderr(&noise));
    let call = add(&dir, json!({"type": "inner"})).key("args", json!({"pad": pad}));
    let outcome = call.run(wrapper()).expect_success();
    let kept = exec::Limits::default().stderr;
    assert!(outcome.stderr.len() >= kept, "{} bytes of stderr", outcome.stderr.len());
    let passed = dir.calls("inner")[0].config.clone().expect("a configuration");
    assert!(passed["args"]["pad"] == *pad, "it read all of it");
}

#[test]
fn a_delegate_may_answer_without_reading_its_input() {
    let dir = on_add(
        Behaviour::result(json!({"cniVersion": "1.0.0", "ips": []})).with_stdin(StdinUse::Close),
    );
    let call = add(&dir, json!({"type": "inner"})).key("args", json!({"pad": "y".repeat(300_000)}));
    call.run(wrapper()).expect_success();
}

#[test]
fn a_grandchild_that_keeps_the_pipes_open_does_not_delay_the_answer() {
    for own_session in [false, true] {
        let dir = on_add(Behaviour::succeed().leaving_child(FOREVER, own_session));
        let _killed = KilledAtTheEnd(&dir);
        add(&dir, json!({"type": "inner"})).run(wrapper()).expect_success();
        assert!(
            !alive(&dir).is_empty(),
            "a daemon that the delegate started on purpose is not killed"
        );
    }
}

#[test]
fn a_file_that_can_t_be_executed_has_a_helpful_error() {
    let dir = PluginDir::new();
    let script = dir.path().join("inner");
    fs::write(&script, "#!/nonexistent/interpreter\n").expect("write");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("chmod");
    let (code, msg, _) = add(&dir, json!({"type": "inner"})).run(wrapper()).error();
    assert_eq!(code, 102);
    assert!(msg.contains("interpreter"), "{msg}");
}

#[test]
fn every_other_verb_is_forwarded_with_prev_result_and_prints_nothing() {
    let dir = plugins(Script::succeed());
    let prev = json!({"cniVersion": "1.1.0", "ips": [{"address": "10.0.0.2/24"}]});
    let call = add(&dir, json!({"type": "inner"}))
        .key("cniVersion", json!("1.1.0"))
        .key("prevResult", prev.clone())
        .key("cni.dev/valid-attachments", json!([]));
    for verb in ["CHECK", "DEL", "DEL", "GC", "STATUS"] {
        let outcome = call.clone().as_verb(verb).run(wrapper()).expect_success();
        assert_eq!(outcome.stdout, "", "{verb}");
    }
    assert_eq!(verbs(&dir), ["CHECK", "DEL", "DEL", "GC", "STATUS"]);
    let passed = |index: usize| dir.calls("inner")[index].config.clone().expect("a configuration");
    assert_eq!(passed(0)["prevResult"], prev);
    assert_eq!(passed(1)["prevResult"], prev);
    assert_eq!(passed(3)["cni.dev/valid-attachments"], json!([]));
}

#[test]
fn a_delegate_is_not_called_with_a_verb_that_its_version_does_not_have() {
    let dir = plugins(Script::succeed());
    let call = add(&dir, json!({"type": "inner", "cniVersion": "0.3.1"}))
        .key("cniVersion", json!("1.1.0"));
    call.clone().as_verb("GC").run(wrapper()).expect_success();
    call.clone().as_verb("STATUS").run(wrapper()).expect_success();
    assert_eq!(verbs(&dir), [] as [&str; 0]);
    let (code, ..) = call.as_verb("STATUS").cni_path("/nonexistent").run(wrapper()).error();
    assert_eq!(code, 50, "STATUS fails if the delegate does not exist");
}

#[test]
fn the_code_of_a_delegate_is_passed_on_as_far_as_a_number_of_32_bits_can_have_it() {
    for (code, expected) in [
        ("7", 7),
        ("2147483648", 2_147_483_648),
        ("4294967295", 4_294_967_295),
        ("4294967296", 102),
        ("-2147483648", 102),
        ("1.5", 102),
        ("\"7\"", 102),
    ] {
        let error = format!(r#"{{"code": {code}, "msg": "broken", "details": "own"}}"#);
        let dir = on_add(Behaviour::raw(&error).exiting(1));
        let (seen, msg, details) = add(&dir, json!({"type": "inner"})).run(wrapper()).error();
        assert_eq!((seen, msg.as_str()), (expected, "broken"), "{code}");
        assert!(details.starts_with("own; "), "{code}: {details}");
        let is_named = details.contains(&format!("its code is {code}, which is out of range"));
        assert_eq!(is_named, expected == 102, "{code}: {details}");
    }
}

#[test]
fn a_failing_delegate_fails_every_verb_with_its_own_code() {
    let dir = plugins(Script::always(Behaviour::error(123, "broken")));
    let call = add(&dir, json!({"type": "inner"}))
        .key("cniVersion", json!("1.1.0"))
        .key("prevResult", json!({"cniVersion": "1.1.0", "ips": []}));
    for verb in ["CHECK", "DEL", "GC", "STATUS"] {
        let (code, msg, _) = call.clone().as_verb(verb).run(wrapper()).error();
        assert_eq!((code, msg.as_str()), (123, "broken"), "{verb}");
    }
}

#[test]
fn a_result_that_can_t_be_converted_to_the_requested_version_is_a_failed_add() {
    let dir = on_add(Behaviour::result(json!({"cniVersion": "1.0.0", "ips": []})));
    let call = CallBuilder::add("net")
        .cni_path(dir.path())
        .config(json!({"delegate": {"type": "inner", "cniVersion": "1.0.0"}}))
        .key("wrapper", json!({"resultDir": dir.path().join("results")}));
    let (code, msg, _) = call.run(wrapper()).error();
    assert_eq!(code, 6, "{msg}");
    assert_eq!(verbs(&dir), ["ADD", "DEL"]);
}

#[test]
fn stdout_that_can_t_be_written_fails_the_add_and_undoes_it() {
    let dir = plugins(Script::succeed());
    let call = add(&dir, json!({"type": "inner"}));
    let input = call.input(wrapper());
    let mut child = std::process::Command::new(wrapper())
        .env_clear()
        .envs([
            ("CNI_COMMAND", "ADD"),
            ("CNI_CONTAINERID", "c1"),
            ("CNI_NETNS", "/x"),
            ("CNI_IFNAME", "eth0"),
        ])
        .env("CNI_PATH", dir.path())
        .stdin(std::process::Stdio::piped())
        .stdout(fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full"))
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("start");
    std::io::Write::write_all(&mut child.stdin.take().expect("stdin"), &input).expect("write");
    assert_eq!(child.wait().expect("wait").code(), Some(1));
    assert_eq!(verbs(&dir), ["ADD", "DEL"]);
}

#[test]
fn a_delegate_does_not_outlive_a_killed_wrapper() {
    let dir = on_add(Behaviour::hang().ignoring_term());
    let _killed = KilledAtTheEnd(&dir);
    let mut running = add(&dir, json!({"type": "inner"})).start(wrapper());
    wait_until("the delegate has been called", || verbs(&dir) == ["ADD"]);
    running.kill();
    wait_until("the delegate has ended", || alive(&dir).is_empty());
}
