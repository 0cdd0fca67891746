//! Texts with and without secrets.

use super::*;
use crate::sinks::Sinks;

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    let names = Names::new(Sinks::default().redact());
    for (text, expected) in cases {
        assert_eq!(redacted(text, &names), *expected, "{text}");
    }
}

#[test]
fn a_pem_block_is_redacted_whole_and_when_one_of_its_ends_is_cut_off() {
    let block = "-----BEGIN EC PRIVATE KEY-----\nhush+/=\nhush\n-----END EC PRIVATE KEY-----";
    check(&[
        (block, "[redacted]"),
        (&format!("a {block} b {block} c"), "a [redacted] b [redacted] c"),
        (&block.replace('\n', "\\n"), "[redacted]"),
        ("see -----BEGIN PRIVATE KEY-----\nhush", "see [redacted]"),
        ("ends with: hush\nhush=\n-----END PRIVATE KEY-----\nb", "ends with: [redacted]\nb"),
        ("----- BEGIN -----", "----- BEGIN -----"),
    ]);
}

#[test]
fn user_and_password_of_a_url_are_redacted_and_its_other_parts_are_not() {
    check(&[
        ("https://me:hush@host:1/a?b=c", "https://[redacted]@host:1/a?b=c"),
        ("https://hush@host", "https://[redacted]@host"),
        ("a://u:hu@sh@h, b://u:hush@h/x", "a://[redacted]@h, b://[redacted]@h/x"),
        ("http://host/a@b http://host?a@b", "http://host/a@b http://host?a@b"),
        ("http://host:80/token", "http://host:80/token"),
    ]);
}

#[test]
fn a_password_in_a_url_may_contain_what_ends_a_host() {
    check(&[
        ("https://user:pa/ss@host", "https://[redacted]@host"),
        ("'a://u:p?s#s/@h:1/x' b@c", "'a://[redacted]@h:1/x' b@c"),
        ("{\"a\":\"a://u:p/s@h\",\"b\":\"c@d\"}", "{\"a\":\"a://[redacted]@h\",\"b\":\"c@d\"}"),
        ("a://u:p/s b://u:p/s@h/?c@d", "a://u:p/s b://[redacted]@d"),
        // A host with a port, as its path says.
        ("docker://host:5000/image@sha256:0", "docker://host:5000/image@sha256:0"),
        (
            "http://[fd00::1]:80/a@b http://[fd00::1]/a@b",
            "http://[fd00::1]:80/a@b http://[fd00::1]/a@b",
        ),
    ]);
}

#[test]
fn the_value_of_an_option_is_redacted() {
    check(&[
        ("run --password hush --mtu 1", "run --password [redacted] --mtu 1"),
        ("run -token hu,sh;x&y] a", "run -token [redacted] a"),
        ("--token=hu,sh;x&y a", "--token=[redacted] a"),
        ("--db-password 'hu sh' a", "--db-password '[redacted]' a"),
        ("--token=\"hu sh\" a", "--token=\"[redacted]\" a"),
        ("[\"--password\", \"hu sh\", \"a\"]", "[\"--password\", \"[redacted]\", \"a\"]"),
        (
            "{\\\"a\\\":[\\\"-psk\\\",\\\"hush\\\",1]}",
            "{\\\"a\\\":[\\\"-psk\\\",\\\"[redacted]\\\",1]}",
        ),
        ("--token --mtu 1 --auth", "--token --mtu 1 --auth"),
        ("no-token here, pass-through a - key b", "no-token here, pass-through a - key b"),
    ]);
}

#[test]
fn credentials_of_http_are_redacted_and_words_are_not() {
    check(&[
        ("Bearer hush.hush~1", "Bearer [redacted]"),
        ("-H 'authorization: bearer hush' x", "-H 'authorization: [redacted]"),
        ("sent BEARER  hush, got 401", "sent BEARER  [redacted], got 401"),
        ("with Basic dXNlcjpodXNo", "with Basic [redacted]"),
        ("basic configuration, forbearer x", "basic configuration, forbearer x"),
        ("Cookie: a=hush; b=hush\nHost: x", "Cookie: [redacted]\nHost: x"),
        ("X-Auth-Token: hush", "X-Auth-Token: [redacted]"),
        ("got eyJhb.eyJzd.sig-_1!", "got [redacted]!"),
        ("eyJ.a", "eyJ.a"),
        ("id.xeyJhb.eyJzd.sig, eyJ.eyJ", "id.x[redacted], eyJ.eyJ"),
    ]);
}

#[test]
fn a_value_is_redacted_after_the_name_of_a_secret() {
    check(&[
        ("DB_PASSWORD=hush", "DB_PASSWORD=[redacted]"),
        ("run --token=hush --mtu=1", "run --token=[redacted] --mtu=1"),
        ("http://h/?api_key=hush&b=c", "http://h/?api_key=[redacted]&b=c"),
        ("psk=\"hu sh\" a", "psk=\"[redacted]\" a"),
        ("{\"token\": \"hu\\\"sh\", \"a\": 1", "{\"token\": \"[redacted]\", \"a\": 1"),
        ("{\\\"pwd\\\":\\\"hush\\\",\\\"a\\\":1", "{\\\"pwd\\\":\\\"[redacted]\\\",\\\"a\\\":1"),
        ("{\"pin\":1,\"psk\":1234}", "{\"pin\":1,\"psk\":[redacted]}"),
        ("invalid token: unexpected }", "invalid token: unexpected }"),
        ("author=me keyboard=us a=b= c:d", "author=me keyboard=us a=b= c:d"),
        ("fd00::1 token=", "fd00::1 token="),
    ]);
}

#[test]
fn a_value_is_redacted_after_a_name_that_is_the_beginning_of_its_line() {
    check(&[
        ("password: hunter2", "password: [redacted]"),
        ("[wifi]\n  psk = hu sh\r\nmtu = 1", "[wifi]\n  psk = [redacted]\r\nmtu = 1"),
        ("a: 1\n- token: hush\n  mtu: 1", "a: 1\n- token: [redacted]\n  mtu: 1"),
        ("psk =hush\nDB_PASS= hush\nx", "psk =[redacted]\nDB_PASS= [redacted]\nx"),
        ("secret : \"hu sh\" # why", "secret : \"[redacted]\" # why"),
        ("token: hu\\sh\"hush", "token: [redacted]"),
        ("invalid token: unexpected }", "invalid token: unexpected }"),
        ("mtu=1, key: not found", "mtu=1, key: not found"),
        ("psk=hush key: not found", "psk=[redacted] key: not found"),
        ("session::open failed, mode = key", "session::open failed, mode = key"),
        ("author: me\npassword:\n  length: 1", "author: me\npassword:\n  length: 1"),
    ]);
}

/// Each would take minutes, at least, if every beginning were followed to the end of the text.
#[test]
fn the_work_for_a_long_text_does_not_grow_with_the_square_of_its_length() {
    for part in [
        "eyJ",
        "eyJ.",
        "bearer ",
        "basic ",
        "bearer !",
        "://a@",
        "-----BEGIN ",
        "-----END ",
        "Cookie: [redacted] ",
        "token=\\",
        "://a:b/",
        "--token ",
        "--token \\",
        "--token \"\" ",
        "-a",
    ] {
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let names = Names::new(Sinks::default().redact());
            let text = part.repeat((1 << 20) / part.len());
            sender.send(redacted(&text, &names).len())
        });
        let length = receiver.recv_timeout(std::time::Duration::from_secs(60));
        assert!(length.is_ok_and(|length| length > 0), "a megabyte of {part:?}");
    }
}

#[test]
fn any_text_can_be_redacted() {
    let names = Names::new(Sinks::default().redact());
    let parts = [
        "-----BEGIN ",
        "-----END ",
        "-----",
        "ü",
        "://",
        "@",
        "bearer ",
        "eyJ",
        ".",
        "\"",
        "\\",
        "token",
        "-token ",
        "=",
        ":",
        "\n",
        " ",
    ];
    for a in parts {
        for b in parts {
            for c in parts {
                for d in parts {
                    let text = [a, b, c, d, b].concat();
                    let once = redacted(&text, &names).into_owned();
                    assert!(once.len() <= 5 * (text.len() + 12), "{text:?}");
                }
            }
        }
    }
}
