//! The JUnit report, read by an XML parser.

use crate::support::documents::{HOSTILE, document, id, report};
use cni_conformance::Verdict;
use cni_conformance::report::junit;
use cni_conformance::severity::Severity;
use roxmltree::{Document as Xml, Node};

/// Returns the test of the case with this verdict, in 1.0.0.
fn test<'x>(xml: &'x Xml, verdict: Verdict) -> Node<'x, 'x> {
    let name = format!("{} in 1.0.0", id(verdict));
    let mut tests = xml.descendants().filter(|node| node.attribute("name") == Some(&name));
    let found = tests.next().unwrap_or_else(|| panic!("no test is named {name}"));
    assert!(tests.next().is_none(), "two tests are named {name}");
    found
}

fn children(node: Node) -> Vec<String> {
    let elements = node.children().filter(Node::is_element);
    elements.map(|element| element.tag_name().name().to_owned()).collect()
}

#[test]
fn each_verdict_has_its_outcome_in_ci_systems() {
    let text = junit(&document(&report("plugin", &[])));
    let xml = Xml::parse(&text).unwrap();
    for (verdict, expected) in [
        (Verdict::Pass, vec![]),
        (Verdict::Fail, vec!["failure"]),
        (Verdict::Warn, vec!["system-out"]),
        (Verdict::Info, vec!["system-out"]),
        (Verdict::Skip, vec!["skipped"]),
        (Verdict::Broken, vec!["error"]),
    ] {
        assert_eq!(children(test(&xml, verdict)), expected, "{verdict}");
    }
    let failed = test(&xml, Verdict::Fail);
    assert_eq!(failed.attribute("classname"), Some("plugin.execution"));
    assert_eq!(failed.attribute("time"), Some("1.234"));
    let failure = failed.descendants().find(|node| node.has_tag_name("failure")).unwrap();
    assert_eq!(failure.attribute("type"), Some("must"));
    assert!(
        failure
            .text()
            .unwrap()
            .contains("reproduce: cni-conformance run plugin execution.unsupported")
    );
}

#[test]
fn the_totals_are_those_of_the_tests() {
    let text = junit(&document(&report("plugin", &[])));
    let xml = Xml::parse(&text).unwrap();
    let sums = |node: Node, keys: [&str; 4]| {
        keys.map(|key| node.attribute(key).and_then(|text| text.parse::<usize>().ok()).unwrap())
    };
    let keys = ["tests", "failures", "errors", "skipped"];
    assert_eq!(sums(xml.root_element(), keys), [12, 2, 2, 2]);
    let suites: Vec<_> = xml.root_element().children().filter(Node::is_element).collect();
    assert_eq!(suites.len(), 2);
    for suite in suites {
        assert_eq!(sums(suite, keys), [6, 1, 1, 1]);
        let count = |name| suite.descendants().filter(|node| node.has_tag_name(name)).count();
        assert_eq!(["testcase", "failure", "error", "skipped"].map(count), [6, 1, 1, 1]);
    }
}

#[test]
fn a_known_deviation_is_skipped_with_its_reason() {
    let text = junit(&document(&report("plugin", &[Verdict::Fail])));
    let xml = Xml::parse(&text).unwrap();
    let known = test(&xml, Verdict::Fail);
    assert_eq!(children(known), ["skipped"]);
    let reason = known.first_element_child().unwrap().attribute("message").unwrap();
    assert!(reason.starts_with("known: "), "{reason}");
}

#[test]
fn the_level_decides_what_is_a_failure() {
    let mut document = document(&report("plugin", &[]));
    document.level = Severity::Stricter;
    let text = junit(&document);
    let xml = Xml::parse(&text).unwrap();
    assert_eq!(children(test(&xml, Verdict::Warn)), ["failure", "system-out"]);
}

#[test]
fn hostile_text_is_preserved_and_control_characters_become_symbols() {
    let text = junit(&document(&report("plugin", &[])));
    let xml = Xml::parse(&text).unwrap();
    let failure = test(&xml, Verdict::Fail).first_element_child().unwrap();
    let seen = HOSTILE.replace('\u{1b}', "␛").replace('\0', "␀").replace('\u{fffe}', "\u{fffd}");
    assert_eq!(failure.attribute("message"), Some(seen.as_str()));
    assert!(failure.text().unwrap().contains(&seen));
}
