//! Reading a call: which variable each verb needs, names, stdin, versions.

use cni_protocol::{Environment, Rejection, Request, SpecVersion, Verb};

const CONFIG: &str = r#"{"cniVersion":"1.1.0","name":"net","type":"x"}"#;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().copied().collect()
}

fn full() -> Vec<(&'static str, &'static str)> {
    vec![
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", "/run/netns/none-such"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", "/opt/cni/bin"),
    ]
}

fn read(verb: Verb, pairs: &[(&str, &str)], stdin: &str) -> Result<Request, Rejection> {
    Request::read(verb, environment(pairs), stdin.as_bytes())
}

fn rejected(verb: Verb, pairs: &[(&str, &str)], stdin: &str) -> (u32, String) {
    let rejection = read(verb, pairs, stdin).expect_err("the call must be refused");
    (rejection.error.code(), rejection.error.to_string())
}

fn with(variable: &'static str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut pairs = full();
    pairs.retain(|(name, _)| *name != variable);
    pairs.push((variable, value));
    pairs
}

#[test]
fn each_verb_needs_exactly_the_variables_of_the_table() {
    let table = [
        (Verb::Add, ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"].as_slice()),
        (Verb::Check, &["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME"]),
        (Verb::Del, &["CNI_CONTAINERID", "CNI_IFNAME"]),
        (Verb::Gc, &["CNI_PATH"]),
        (Verb::Status, &[]),
    ];
    for (verb, needed) in table {
        for variable in ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH", "CNI_ARGS"] {
            // Runtimes pass an empty string for an unused variable, so it counts as absent.
            let outcome = read(verb, &with(variable, ""), CONFIG);
            assert_eq!(outcome.is_err(), needed.contains(&variable), "{verb} without {variable}");
        }
    }
}

#[test]
fn all_problems_with_variables_are_in_one_error() {
    let pairs = [("CNI_IFNAME", "a/b"), ("CNI_ARGS", "junk")];
    let (code, message) = rejected(Verb::Add, &pairs, CONFIG);
    assert_eq!(code, 4);
    for part in [
        "CNI_CONTAINERID is not set",
        "CNI_NETNS is not set",
        "CNI_IFNAME: \"a/b\" contains '/'",
        "CNI_ARGS: \"junk\"",
    ] {
        assert!(message.contains(part), "{part:?} must be named in: {message}");
    }
}

#[test]
fn an_error_about_variables_is_answered_in_the_version_of_the_configuration() {
    let rejection =
        read(Verb::Add, &[], r#"{"cniVersion":"0.4.0","name":"net"}"#).expect_err("no variables");
    assert_eq!(rejection.version, SpecVersion::V0_4_0);
}

#[test]
fn container_ids_with_a_special_meaning_elsewhere_are_refused() {
    for bad in
        ["-a", ".x", "a/b", "../a", "a b", "é", "a;b", "$(id)", "`id`", "a\"b", "a'b", "a\nb", "a*"]
    {
        let mut pairs = full();
        pairs[0].1 = bad;
        let (code, message) = rejected(Verb::Add, &pairs, CONFIG);
        assert_eq!(code, 4, "{bad:?}: {message}");
        assert!(message.contains("must start with an alphanumeric character"), "{message}");
    }
    for good in ["a", "0", "A_b.c-d", "1f9c2a44-77aa-4b1c-8b86-6b8fbd9d2d3e.child-1"] {
        let pairs = [("CNI_CONTAINERID", good), ("CNI_IFNAME", "eth0")];
        assert!(read(Verb::Del, &pairs, CONFIG).is_ok(), "{good:?} is a good id");
    }
    assert!(
        read(Verb::Del, &[("CNI_CONTAINERID", &"a".repeat(255)), ("CNI_IFNAME", "e")], CONFIG)
            .is_ok()
    );
}

#[test]
fn a_del_accepts_the_ids_that_mesos_accepts_unless_they_could_be_paths() {
    let del = |id| read(Verb::Del, &[("CNI_CONTAINERID", id), ("CNI_IFNAME", "e")], CONFIG);
    for id in ["parent:child", "a b", "-a", ".x", "é", "$(id)", "a~b", "a\"b"] {
        assert_eq!(del(id).expect("accepted").attachment.container_id, id);
    }
    for id in ["a/b", "../a", ".", "..", "a\\b", "a\nb", "a\u{7f}"] {
        assert_eq!(del(id).expect_err("refused").error.code(), 4, "{id:?}");
    }
}

#[test]
fn interface_names_that_the_kernel_refuses_are_refused() {
    for bad in ["sixteen-bytes-xx", "a/b", "a:b", "a b", "a\tb", ".", ".."] {
        assert_eq!(rejected(Verb::Add, &with("CNI_IFNAME", bad), CONFIG).0, 4, "{bad:?}");
    }
    assert!(read(Verb::Add, &with("CNI_IFNAME", "fifteen-bytes-x"), CONFIG).is_ok());
}

#[test]
fn the_namespace_of_the_plugin_itself_is_refused() {
    let own = with("CNI_NETNS", "/proc/self/ns/net");
    let (code, message) = rejected(Verb::Add, &own, CONFIG);
    assert_eq!(code, 4);
    assert!(message.contains("CNI_NETNS"), "{message}");
    let mut overridden = own;
    overridden.push(("CNI_NETNS_OVERRIDE", "1"));
    assert!(read(Verb::Add, &overridden, CONFIG).is_ok(), "CNI_NETNS_OVERRIDE allows it");
}

#[test]
fn a_del_whose_namespace_is_that_of_the_plugin_itself_is_one_without_a_namespace() {
    let own = with("CNI_NETNS", "/proc/self/ns/net");
    let request = read(Verb::Del, &own, CONFIG).expect("DEL cleans up");
    assert_eq!(request.netns, None);
    assert_eq!(request.environment.get("CNI_NETNS"), None, "a delegate must not work there");
    assert_eq!(rejected(Verb::Check, &own, CONFIG).0, 4);
    let mut overridden = own;
    overridden.push(("CNI_NETNS_OVERRIDE", "1"));
    let request = read(Verb::Del, &overridden, CONFIG).expect("allowed");
    assert_eq!(request.netns.as_deref(), Some("/proc/self/ns/net"));
    assert!(request.environment.get("CNI_NETNS").is_some());
}

#[test]
fn a_malformed_pair_in_cni_args_does_not_stop_a_del() {
    let request = read(Verb::Del, &with("CNI_ARGS", "junk"), CONFIG).expect("DEL goes on");
    assert_eq!(request.args.pairs().count(), 0);
    let request = read(Verb::Add, &with("CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAME=a=b;"), CONFIG);
    assert_eq!(request.expect("pairs").args.get("K8S_POD_NAME"), Some("a=b"));
}

#[test]
fn stdin_that_is_not_exactly_one_json_object_is_code_6() {
    for bad in [
        "",
        "  \n",
        "{",
        "[]",
        "null",
        "3",
        "{} {}",
        "{}x",
        "\u{feff}{}",
        "{\"a\":1,}",
        "{\"name\":NaN}",
    ] {
        assert_eq!(rejected(Verb::Add, &full(), bad).0, 6, "{bad:?}");
    }
    let invalid_utf8 =
        Request::read(Verb::Add, environment(&full()), b"{\"name\":\"\xff\"}".as_slice());
    assert_eq!(invalid_utf8.expect_err("not UTF-8").error.code(), 6);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(rejected(Verb::Add, &full(), &format!("{{\"name\":\"n\",\"a\":{deep}}}")).0, 6);
}

#[test]
fn a_configuration_of_one_mebibyte_is_read_and_an_endless_one_is_refused() {
    let large = format!(r#"{{"name":"net","args":{{"pad":"{}"}}}}"#, "x".repeat(1 << 20));
    assert!(read(Verb::Add, &full(), &large).is_ok());
    let endless = Request::read(Verb::Add, environment(&full()), std::io::repeat(b' '));
    let error = endless.expect_err("too long").error;
    assert_eq!(error.code(), 6);
    assert!(error.to_string().contains("it is longer than 4194304 bytes"), "{error}");
}

#[test]
fn stdin_that_can_t_be_read_is_code_5() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
    }
    let outcome = Request::read(Verb::Add, environment(&full()), Broken);
    assert_eq!(outcome.expect_err("broken").error.code(), 5);
}

#[test]
fn versions_are_compared_exactly_and_no_version_means_0_1_0() {
    for version in SpecVersion::ALL {
        let config = format!(r#"{{"cniVersion":"{version}","name":"net"}}"#);
        assert_eq!(read(Verb::Del, &full(), &config).expect("known").version, version);
    }
    for none in [r#"{"name":"n"}"#, r#"{"name":"n","cniVersion":""}"#] {
        assert_eq!(read(Verb::Add, &full(), none).expect("0.1.0").version, SpecVersion::V0_1_0);
    }
    for unknown in ["9.9.9", "1.1", "x", "v1.0.0", " 1.0.0"] {
        let config = format!(r#"{{"cniVersion":"{unknown}","name":"n"}}"#);
        let (code, message) = rejected(Verb::Add, &full(), &config);
        assert_eq!(code, 1, "{unknown}");
        assert!(message.contains("1.1.0"), "the known versions are listed: {message}");
    }
    assert_eq!(rejected(Verb::Add, &full(), r#"{"cniVersion":1.0,"name":"n"}"#).0, 6);
}

#[test]
fn a_verb_is_refused_in_a_version_that_does_not_have_it() {
    let config = |version: &str| format!(r#"{{"cniVersion":"{version}","name":"n"}}"#);
    assert_eq!(rejected(Verb::Check, &full(), &config("0.3.1")).0, 1);
    assert!(read(Verb::Check, &full(), &config("0.4.0")).is_ok());
    for verb in [Verb::Gc, Verb::Status] {
        assert_eq!(rejected(verb, &full(), &config("1.0.0")).0, 1);
        assert!(read(verb, &full(), &config("1.1.0")).is_ok());
    }
}

#[test]
fn a_missing_or_malformed_network_name_is_code_7_with_its_key() {
    for bad in [
        r#"{"cniVersion":"1.0.0"}"#,
        r#"{"name":""}"#,
        r#"{"name":"a b"}"#,
        r#"{"name":"../x"}"#,
        r#"{"name":"$(id)"}"#,
    ] {
        let (code, message) = rejected(Verb::Del, &full(), bad);
        assert_eq!(code, 7, "{bad}");
        assert!(message.starts_with("name: "), "{message}");
    }
    assert_eq!(rejected(Verb::Add, &full(), r#"{"name":7}"#).0, 6);
}

#[test]
fn the_configuration_keeps_every_key_in_order_and_all_digits() {
    let text =
        r#"{"z":1.10,"name":"net","a":12345678901234567890123,"e":1e+400,"cniVersion":"1.0.0"}"#;
    let request = read(Verb::Add, &full(), text).expect("valid");
    assert_eq!(serde_json::to_string(&request.config).expect("JSON"), text);
}
