//! Conversion between versions, rule by rule. The expected results were derived by hand.

use cni_protocol::{
    AddResult,
    SpecVersion::{self, V0_1_0, V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0},
    result::ResultError,
};
use serde_json::json;

/// Converts the members of a result. `cniVersion` is added here and removed from the output.
fn convert(from: SpecVersion, to: SpecVersion, members: &str) -> Result<String, ResultError> {
    let text = format!(r#"{{"cniVersion":"{from}",{members}}}"#);
    let result = AddResult::parse(text.as_bytes(), V0_1_0).expect("the input is a result");
    let bytes = result.convert(to)?.to_bytes();
    let line = String::from_utf8(bytes).expect("JSON is UTF-8");
    let head = format!(r#"{{"cniVersion":"{to}""#);
    let rest = line.strip_prefix(&head).expect("the version stays in its place");
    let rest = rest.strip_suffix("}\n").expect("one line");
    Ok(rest.trim_start_matches(',').to_owned())
}

#[track_caller]
fn check(from: SpecVersion, to: SpecVersion, members: &str, expected: &str) {
    assert_eq!(convert(from, to, members).expect("it converts"), expected, "{from} to {to}");
}

#[test]
fn within_a_layout_only_the_version_changes() {
    let slots = r#""ip6":{"ip":"::2/64","gateway":""},"ip4":null,"dns":{},"x":1.10"#;
    check(V0_1_0, V0_2_0, slots, slots);
    check(V0_2_0, V0_1_0, slots, slots);
    // No `version` is added, unlike in libcni for a chained plugin of 0.3.x.
    let tagged = r#""ips":[{"address":"10.0.0.2/8","gateway":null}],"routes":null,"dns":{}"#;
    for (from, to) in [(V0_3_0, V0_3_1), (V0_3_1, V0_4_0), (V0_4_0, V0_3_0)] {
        check(from, to, tagged, tagged);
    }
    let plain = r#""ips":[{"address":"10.0.0.2/8","version":"x"}],"routes":null,"dns":{}"#;
    check(V1_0_0, V1_1_0, plain, plain);
    check(V1_1_0, V1_0_0, plain, plain);
}

/// libcni keeps all of them in 1.0.0, and those of routes in 0.4.0.
#[test]
fn exactly_the_members_that_only_1_1_0_has_are_removed_for_older_versions() {
    let newest = concat!(
        r#""interfaces":[{"mtu":1500,"name":"eth0","socketPath":"/s","x":1,"pciID":"p","#,
        r#""sandbox":"/n"}],"#,
        r#""ips":[{"address":"10.0.0.2/8","mtu":"unknown here"}],"#,
        r#""routes":[{"mtu":1,"dst":"0.0.0.0/0","advmss":2,"priority":3,"x":4,"table":5,"#,
        r#""scope":6}],"#,
        r#""mtu":9"#
    );
    let older = concat!(
        r#""interfaces":[{"name":"eth0","x":1,"sandbox":"/n"}],"#,
        r#""ips":[{"address":"10.0.0.2/8","mtu":"unknown here"}],"#,
        r#""routes":[{"dst":"0.0.0.0/0","x":4}],"#,
        r#""mtu":9"#
    );
    check(V1_1_0, V1_0_0, newest, older);
    let tagged = older.replace(r#"{"address""#, r#"{"version":"4","address""#);
    check(V1_1_0, V0_4_0, newest, &tagged);
    let slots = concat!(
        r#""ip4":{"ip":"10.0.0.2/8","mtu":"unknown here","routes":[{"dst":"0.0.0.0/0","x":4}]},"#,
        r#""mtu":9"#
    );
    check(V1_1_0, V0_2_0, newest, slots);
}

/// In 1.0.0 the `mtu` of a route is an unknown key.
#[test]
fn a_key_that_neither_version_has_is_kept_even_if_a_third_one_has_it() {
    let members = r#""routes":[{"dst":"::/0","mtu":1400}]"#;
    check(V1_0_0, V0_4_0, members, members);
    check(V0_4_0, V1_1_0, members, members);
}

#[test]
fn a_key_that_gets_a_meaning_in_the_new_version_must_fit_it() {
    let error = convert(V1_0_0, V1_1_0, r#""routes":[{"dst":"::/0","mtu":"1400"}]"#);
    let message = error.expect_err("a string is not an mtu").to_string();
    assert_eq!(message, "routes[0].mtu: has to be a whole number from 0 up, not a string");
}

#[test]
fn for_0_4_0_each_address_gets_the_version_of_its_family_as_first_member() {
    check(
        V1_0_0,
        V0_4_0,
        r#""ips":[{"interface":0,"address":"10.1.2.3/8"},{"address":"FD00::0:2/64","x":1}]"#,
        // Host bits, capital letters and an uncompressed address are kept.
        concat!(
            r#""ips":[{"version":"4","interface":0,"address":"10.1.2.3/8"},"#,
            r#"{"version":"6","address":"FD00::0:2/64","x":1}]"#
        ),
    );
}

/// Go's `To4()` works on a mapped address, so libcni calls it version 4 and prints it as plain
/// IPv4.
#[test]
fn a_mapped_address_becomes_plain_ipv4_where_the_layout_declares_ipv4() {
    let mapped = r#""ips":[{"address":"::ffff:10.3.0.5/112","gateway":"::ffff:10.3.0.1"}]"#;
    let tagged = r#""ips":[{"version":"4","address":"10.3.0.5/16","gateway":"10.3.0.1"}]"#;
    check(V1_0_0, V0_4_0, mapped, tagged);
    check(V1_0_0, V0_2_0, mapped, r#""ip4":{"ip":"10.3.0.5/16","gateway":"10.3.0.1"}"#);
    check(V1_0_0, V1_1_0, mapped, mapped);
    let slot = r#""ip4":{"ip":"::ffff:10.3.0.5/112","gateway":"::ffff:10.3.0.1"}"#;
    check(V0_2_0, V0_4_0, slot, tagged);
    check(V0_2_0, V1_0_0, slot, mapped);
}

#[test]
fn for_1_0_0_version_and_empty_members_are_removed() {
    check(
        V0_4_0,
        V1_0_0,
        concat!(
            r#""ips":[{"version":"6","address":"10.0.0.2/8","gateway":"","interface":null}],"#,
            r#""routes":[{"dst":"::/0","gw":null}],"dns":{"nameservers":[],"domain":""}"#
        ),
        // `version` is not checked against the address.
        r#""ips":[{"address":"10.0.0.2/8"}],"routes":[{"dst":"::/0"}]"#,
    );
    check(V0_4_0, V1_0_0, r#""dns":{"x":null}"#, r#""dns":{"x":null}"#);
    check(V0_4_0, V1_0_0, r#""dns":{"search":["a"]}"#, r#""dns":{"search":["a"]}"#);
    check(V1_0_0, V0_4_0, r#""dns":{}"#, r#""dns":{}"#);
    check(V1_0_0, V0_4_0, r#""dns":null,"routes":[]"#, "");
}

#[test]
fn for_0_2_0_the_first_address_of_each_family_is_kept_with_the_routes_of_its_family() {
    check(
        V0_4_0,
        V0_2_0,
        concat!(
            r#""x":1,"interfaces":[{"name":"eth0"}],"#,
            r#""ips":[{"version":"6","address":"fd00::2/64","interface":0},"#,
            r#"{"version":"4","address":"10.0.0.2/8","gateway":"10.0.0.1","y":2},"#,
            r#"{"version":"4","address":"10.0.0.3/8"},{"version":"6","address":"fd00::3/64"}],"#,
            r#""dns":{},"#,
            r#""routes":[{"dst":"::/0","gw":"fd00::1"},{"dst":"0.0.0.0/0","gw":""},"#,
            r#"{"dst":"10.9.0.0/16","z":3}],"w":4"#
        ),
        concat!(
            r#""x":1,"#,
            r#""ip4":{"ip":"10.0.0.2/8","gateway":"10.0.0.1","y":2,"#,
            r#""routes":[{"dst":"0.0.0.0/0"},{"dst":"10.9.0.0/16","z":3}]},"#,
            r#""ip6":{"ip":"fd00::2/64","routes":[{"dst":"::/0","gw":"fd00::1"}]},"#,
            r#""dns":{},"w":4"#
        ),
    );
}

#[test]
fn routes_of_a_family_without_address_have_no_place_in_0_2_0() {
    check(
        V0_3_1,
        V0_1_0,
        r#""ips":[{"version":"6","address":"fd00::2/64"}],"routes":[{"dst":"0.0.0.0/0"}]"#,
        r#""ip6":{"ip":"fd00::2/64"}"#,
    );
}

/// libcni skips such an address, and then reports that there is none.
#[test]
fn an_address_without_version_has_its_own_family() {
    for version in ["", r#","version":"""#, r#","version":null"#, r#","version":"5""#] {
        let members = format!(r#""ips":[{{"address":"10.0.0.2/8"{version}}}]"#);
        check(V0_3_0, V0_2_0, &members, r#""ip4":{"ip":"10.0.0.2/8"}"#);
    }
}

#[test]
fn version_decides_only_if_the_address_can_be_of_either_family() {
    let mapped = r#""ips":[{"version":"6","address":"::ffff:10.3.0.5/112"}]"#;
    check(V0_4_0, V0_2_0, mapped, r#""ip6":{"ip":"::ffff:10.3.0.5/112"}"#);
    check(V0_2_0, V0_4_0, r#""ip6":{"ip":"::ffff:10.3.0.5/112"}"#, mapped);
    let wrong = r#""ips":[{"version":"6","address":"10.0.0.2/8"}]"#;
    check(V0_4_0, V0_2_0, wrong, r#""ip4":{"ip":"10.0.0.2/8"}"#);
    let wrong = r#""ip4":{"ip":"fd00::2/64"}"#;
    check(V0_2_0, V0_4_0, wrong, r#""ips":[{"version":"6","address":"fd00::2/64"}]"#);
}

#[test]
fn a_result_without_address_can_not_be_converted_to_0_2_0() {
    for members in [r#""dns":{}"#, r#""ips":[]"#, r#""ips":null"#, r#""ip4":{"ip":"10.0.0.2/8"}"#] {
        for from in [V0_3_0, V0_4_0, V1_1_0] {
            let error = convert(from, V0_2_0, members).expect_err(members);
            assert!(matches!(error, ResultError::NoAddress { .. }), "{from} {members}: {error}");
        }
    }
    check(V0_1_0, V0_2_0, r#""dns":{}"#, r#""dns":{}"#);
}

#[test]
fn from_0_2_0_ip4_is_first_and_unknown_keys_stay_with_their_address() {
    let slots = concat!(
        r#""a":1,"ip6":{"routes":[{"dst":"::/0","r":6}],"ip":"fd00::2/64","k":6},"b":2,"#,
        r#""ip4":{"k":4,"ip":"10.0.0.2/8","gateway":null,"#,
        r#""routes":[{"dst":"0.0.0.0/0","gw":""}]},"dns":{}"#
    );
    let routes = r#""routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0","r":6}]"#;
    let ips = concat!(
        r#""ips":[{"version":"4","k":4,"address":"10.0.0.2/8"},"#,
        r#"{"version":"6","address":"fd00::2/64","k":6}]"#
    );
    check(V0_2_0, V0_3_0, slots, &format!(r#""a":1,{ips},{routes},"b":2,"dns":{{}}"#));
    let ips = r#""ips":[{"k":4,"address":"10.0.0.2/8"},{"address":"fd00::2/64","k":6}]"#;
    check(V0_1_0, V1_1_0, slots, &format!(r#""a":1,{ips},{routes},"b":2"#));
}

/// The text of 0.3.0 has `ip`, but all plugins print `ips`.
#[test]
fn the_misprinted_key_of_0_3_0_is_kept_and_is_not_an_address() {
    let members = concat!(
        r#""ip":[{"version":"4","address":"10.9.9.9/8"}],"#,
        r#""ips":[{"version":"4","address":"10.0.0.2/8"}]"#
    );
    check(V0_3_0, V0_4_0, members, members);
    let slots = r#""ip":[{"version":"4","address":"10.9.9.9/8"}],"ip4":{"ip":"10.0.0.2/8"}"#;
    check(V0_3_0, V0_2_0, members, slots);
}

#[test]
fn an_unknown_key_does_not_get_a_meaning_in_another_layout() {
    let slots = concat!(
        r#""ips":7,"routes":8,"interfaces":9,"#,
        r#""ip4":{"ip":"10.0.0.2/8","interface":"a","address":"b"}"#
    );
    check(V0_2_0, V1_0_0, slots, r#""ips":[{"address":"10.0.0.2/8"}]"#);
    let lists = r#""ip4":7,"ip6":8,"ips":[{"address":"10.0.0.2/8","ip":"a","routes":"b"}]"#;
    check(V1_0_0, V0_2_0, lists, r#""ip4":{"ip":"10.0.0.2/8"}"#);
}

#[test]
fn digits_of_numbers_and_the_order_of_keys_survive_every_pair() {
    let unknown = r#""z":12345678901234567890123,"a":1.10,"m":-0.0,"b":1e-7"#;
    for from in SpecVersion::ALL {
        for to in SpecVersion::ALL {
            let addresses = match from {
                V0_1_0 | V0_2_0 => r#""ip4":{"ip":"10.0.0.2/8"}"#,
                _ => r#""ips":[{"address":"10.0.0.2/8"}]"#,
            };
            let converted = convert(from, to, &format!("{unknown},{addresses}")).expect("converts");
            assert!(converted.starts_with(unknown), "{from} to {to}: {converted}");
        }
    }
}

/// An ordinary result with one address is unchanged after a conversion there and back.
#[test]
fn a_conversion_there_and_back_changes_nothing() {
    let plain = concat!(
        r#""ips":[{"address":"10.0.0.2/8","gateway":"10.0.0.1","x":1}],"#,
        r#""routes":[{"dst":"0.0.0.0/0"}],"y":2"#
    );
    for between in SpecVersion::ALL {
        let there =
            AddResult::parse(format!(r#"{{"cniVersion":"1.0.0",{plain}}}"#).as_bytes(), V1_0_0)
                .and_then(|result| result.convert(between))
                .expect("converts");
        let back = there.convert(V1_0_0).expect("converts back").to_bytes();
        let expected = format!("{{\"cniVersion\":\"1.0.0\",{plain}}}\n");
        assert_eq!(String::from_utf8_lossy(&back), expected, "by way of {between}");
    }
}

#[test]
fn a_document_that_was_changed_wrongly_is_refused_with_the_path_in_its_own_version() {
    let mut result = AddResult::empty(V1_0_0);
    result.document_mut().insert("ips".to_owned(), json!([{"address": "here"}]));
    let message = result.convert(V0_2_0).expect_err("no address").to_string();
    assert!(message.starts_with("ips[0].address: \"here\""), "{message}");
}
