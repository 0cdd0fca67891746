//! Parsing a result, and printing it unchanged.

use cni_protocol::{
    AddResult,
    SpecVersion::{self, V0_1_0, V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0},
    result::ResultError,
};
use serde_json::json;

fn parse(text: &str) -> Result<AddResult, ResultError> {
    AddResult::parse(text.as_bytes(), V1_0_0)
}

fn refusal(text: &str) -> String {
    parse(text).expect_err(text).to_string()
}

fn printed(result: &AddResult) -> String {
    String::from_utf8(result.to_bytes()).expect("JSON is UTF-8")
}

/// Returns the error of a result of `version` with these members.
fn refused_in(version: SpecVersion, members: &str) -> String {
    refusal(&format!(r#"{{"cniVersion": "{version}", {members}}}"#))
}

#[test]
fn an_unchanged_result_is_printed_byte_for_byte() {
    let text = "\n {\t\"cniVersion\":\"1.1.0\" ,\r\n \"x\": [1.10, 1E3, 12345678901234567890],\
                \"a\": \"\\u0041\\/\",\
                \"ips\": [{\"address\":\"10.0.0.2/8\"}],\"dns\":{} }  \n";
    let result = parse(text).expect("a result");
    assert_eq!(result.version(), V1_1_0, "its own version, not the requested one");
    assert_eq!(printed(&result), text);
    assert_eq!(printed(&result.clone().convert(V1_1_0).expect("the same version")), text);
    let other = result.convert(V1_0_0).expect("the same form");
    assert_ne!(printed(&other), text, "another version is another text");
}

#[test]
fn only_a_missing_newline_at_the_end_is_added() {
    let text = r#"{ "cniVersion" : "1.0.0" } "#;
    assert_eq!(printed(&parse(text).expect("a result")), format!("{text}\n"));
}

#[test]
fn a_changed_result_is_one_compact_line_in_the_same_order() {
    let text = "{\n \"z\": 1.10, \"cniVersion\": \"1.0.0\",\n \"a\": 12345678901234567890\n}\n";
    let mut result = parse(text).expect("a result");
    result.document_mut().insert("new".to_owned(), json!(true));
    let expected =
        "{\"z\":1.10,\"cniVersion\":\"1.0.0\",\"a\":12345678901234567890,\"new\":true}\n";
    assert_eq!(printed(&result), expected);
}

#[test]
fn the_printed_version_is_that_of_the_result() {
    let mut result = AddResult::empty(V0_4_0);
    result.document_mut().insert("cniVersion".to_owned(), json!("9.9.9"));
    assert_eq!(printed(&result), "{\"cniVersion\":\"0.4.0\"}\n");
    result.document_mut().clear();
    assert_eq!(printed(&result), "{\"cniVersion\":\"0.4.0\"}\n");
}

#[test]
fn a_result_without_version_gets_the_requested_one() {
    for text in [r#"{"x":1}"#, r#"{"cniVersion":"","x":1}"#, r#"{"cniVersion":null,"x":1}"#] {
        let result = AddResult::parse(text.as_bytes(), V0_3_1).expect(text);
        assert_eq!(result.version(), V0_3_1, "{text}");
        assert_eq!(printed(&result), "{\"cniVersion\":\"0.3.1\",\"x\":1}\n", "{text}");
    }
}

#[test]
fn every_version_is_read_as_itself() {
    for version in SpecVersion::ALL {
        let text = format!(r#"{{"cniVersion":"{version}"}}"#);
        assert_eq!(parse(&text).expect("a result").version(), version);
        assert_eq!(printed(&AddResult::empty(version)), format!("{text}\n"));
    }
}

#[test]
fn an_unknown_version_is_refused_with_the_known_ones() {
    let message = refusal(r#"{"cniVersion":"1.2.0"}"#);
    assert!(message.contains("1.2.0") && message.contains("0.1.0, 0.2.0"), "{message}");
    assert_eq!(refusal(r#"{"cniVersion":1.0}"#), "cniVersion: has to be a string, not a number");
}

#[test]
fn empty_output_has_a_distinct_error() {
    assert!(matches!(parse(""), Err(ResultError::Nothing)));
    assert!(matches!(parse(" \n\t"), Err(ResultError::Nothing)));
    assert!(matches!(parse(" null\n"), Err(ResultError::Null)));
    let null = AddResult::from_value(serde_json::Value::Null, V1_0_0);
    assert!(matches!(null, Err(ResultError::Null)));
}

#[test]
fn a_value_that_is_not_an_object_is_refused_with_its_type() {
    let kinds = [("[]", "a list"), ("1", "a number"), ("\"x\"", "a string"), ("true", "a boolean")];
    for (text, kind) in kinds {
        assert_eq!(refusal(text), format!("the result has to be a JSON object, not {kind}"));
    }
}

#[test]
fn text_that_is_not_exactly_one_document_is_refused() {
    let texts = [
        "{}{}",
        "{}\n{}",
        "{} x",
        "{},",
        "{}null",
        "{",
        "{\"a\":}",
        "{a:1}",
        "\u{feff}{}",
        "{\"x\":NaN}",
        "{\"x\":Infinity}",
        "{\"x\":01}",
        "{\"x\":1,}",
        "{}\0",
        "\"\\ud800\"",
    ];
    for text in texts {
        assert!(matches!(parse(text), Err(ResultError::Json(_))), "{text:?}: {:?}", parse(text));
    }
    let not_utf8 = AddResult::parse(b"{\"x\":\"\xff\"}", V1_0_0);
    assert!(matches!(not_utf8, Err(ResultError::Json(_))));
}

#[test]
fn deep_nesting_is_refused_and_does_not_exhaust_the_stack() {
    let deep = |levels: usize| format!("{{\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(parse(&deep(100)).is_ok());
    for levels in [128, 1_000_000] {
        assert!(matches!(parse(&deep(levels)), Err(ResultError::Json(_))), "{levels} levels");
    }
    assert!(matches!(parse(&"{\"x\":".repeat(1_000_000)), Err(ResultError::Json(_))));
}

#[test]
fn keys_with_a_special_meaning_in_the_json_library_are_harmless() {
    let number = r#"{"x":{"$serde_json::private::Number":"not a number"}}"#;
    assert!(matches!(parse(number), Err(ResultError::Json(_))));
    let raw = r#"{"x":{"$serde_json::private::RawValue":"[1"}}"#;
    assert!(matches!(parse(raw), Err(ResultError::Json(_))));
}

#[test]
fn the_last_one_of_a_duplicate_key_counts() {
    let ips = r#""ips":[{"address":"10.0.0.2/8"}],"ips":[{"address":"10.0.0.3/8"}]"#;
    let result = parse(&format!(r#"{{"cniVersion":"1.0.0",{ips}}}"#)).expect("a result");
    assert_eq!(result.ips().len(), 1);
    assert_eq!(result.ips()[0].address.to_string(), "10.0.0.3");
}

/// Version, members, message.
const WRONG: &[(SpecVersion, &str, &str)] = &[
    (V1_0_0, r#""ips": {}"#, "ips: has to be a list, not an object"),
    (
        V1_0_0,
        r#""ips": [{"address": "10.0.0.2/8"}, null]"#,
        "ips[1]: has to be an object, not null",
    ),
    (V1_0_0, r#""ips": [{}]"#, "ips[0].address: is missing or empty"),
    (V1_0_0, r#""ips": [{"address": ""}]"#, "ips[0].address: is missing or empty"),
    (
        V1_0_0,
        r#""ips": [{"address": 7}]"#,
        "ips[0].address: has to be a string with an IP address and prefix length, not a number",
    ),
    (
        V1_0_0,
        r#""ips": [{"address": "10.0.0.2"}]"#,
        "ips[0].address: \"10.0.0.2\" is not an IP address with prefix length, like 10.0.0.2/24",
    ),
    (
        V1_0_0,
        r#""ips": [{"address": "10.0.0.2/8", "gateway": "10.0.0.1/8"}]"#,
        "ips[0].gateway: \"10.0.0.1/8\" is not an IP address",
    ),
    (
        V1_0_0,
        r#""ips": [{"address": "10.0.0.2/8", "interface": "0"}]"#,
        "ips[0].interface: has to be a whole number, not a string",
    ),
    (
        V1_0_0,
        r#""ips": [{"address": "10.0.0.2/8", "interface": 1.0}]"#,
        "ips[0].interface: 1.0 is not a whole number",
    ),
    (
        V0_4_0,
        r#""ips": [{"address": "10.0.0.2/8", "version": 4}]"#,
        "ips[0].version: has to be a string, not a number",
    ),
    (V0_3_0, r#""routes": [{"gw": "10.0.0.1"}]"#, "routes[0].dst: is missing or empty"),
    (
        V1_0_0,
        r#""interfaces": [{"name": []}]"#,
        "interfaces[0].name: has to be a string, not a list",
    ),
    (
        V1_1_0,
        r#""interfaces": [{"mtu": "1500"}]"#,
        "interfaces[0].mtu: has to be a whole number from 0 up, not a string",
    ),
    (
        V1_1_0,
        r#""routes": [{"dst": "::/0", "scope": -1}]"#,
        "routes[0].scope: -1 is not a whole number from 0 up",
    ),
    (V1_0_0, r#""dns": []"#, "dns: has to be an object, not a list"),
    (V0_2_0, r#""dns": {"search": ["a", 2]}"#, "dns.search[1]: has to be a string, not a number"),
    (V0_1_0, r#""ip4": "10.0.0.2/8""#, "ip4: has to be an object, not a string"),
    (V0_1_0, r#""ip6": {}"#, "ip6.ip: is missing or empty"),
    (
        V0_2_0,
        r#""ip4": {"ip": "10.0.0.2/8", "routes": [{"dst": "0.0.0.0/0"}, {"dst": "x"}]}"#,
        "ip4.routes[1].dst: \"x\" is not an IP address with prefix length, like 10.0.0.2/24",
    ),
];

#[test]
fn a_wrong_type_is_refused_with_the_path_of_its_key() {
    for (version, members, expected) in WRONG {
        assert_eq!(refused_in(*version, members), *expected, "{version} {members}");
    }
}

#[test]
fn a_member_that_the_version_does_not_have_may_have_any_type() {
    let cases = [
        (V0_2_0, r#""ips": 1, "interfaces": "x", "routes": {}"#),
        (V0_3_0, r#""ip": 1, "ip4": [], "interfaces": [{"name": "eth0", "mtu": "big"}]"#),
        (V1_0_0, r#""ips": [{"address": "10.0.0.2/8", "version": 4}]"#),
        (V1_0_0, r#""routes": [{"dst": "::/0", "mtu": -1.5}]"#),
    ];
    for (version, members) in cases {
        let text = format!(r#"{{"cniVersion": "{version}", {members}}}"#);
        assert!(parse(&text).is_ok(), "{text}: {:?}", parse(&text));
    }
}

#[test]
fn empty_members_are_tolerated() {
    let cases = [
        (
            V0_2_0,
            r#""ip4": null, "ip6": {"ip": "::2/64", "gateway": "", "routes": null}, "dns": {}"#,
        ),
        (V0_4_0, r#""interfaces": null, "ips": null, "routes": null, "dns": null"#),
        (
            V0_4_0,
            r#""ips": [{"address": "::2/64", "version": "", "gateway": null, "interface": null}]"#,
        ),
        (V1_1_0, r#""routes": [{"dst": "::/0", "gw": "", "mtu": null}], "dns": {"search": null}"#),
        (V1_0_0, r#""interfaces": [{}], "ips": [{"address": "::2/64", "interface": -1}]"#),
    ];
    for (version, members) in cases {
        let text = format!(r#"{{"cniVersion": "{version}", {members}}}"#);
        assert!(parse(&text).is_ok(), "{text}: {:?}", parse(&text));
    }
}
