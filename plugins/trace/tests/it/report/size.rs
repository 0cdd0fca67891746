//! A page of many calls.

use super::{call, failed, open};

/// Returns a recording of this many calls, of which every hundredth failed.
fn recording(calls: u32) -> Vec<serde_json::Value> {
    let one = |number: u32| {
        let verb = ["ADD", "CHECK", "DEL"][number as usize % 3];
        let id = format!("container-{}", number / 3);
        let call = call(verb, &id, number % 60, 1000 + u64::from(number) * 7 % 900);
        if number % 100 == 99 { failed(call, 11, "no address is left") } else { call }
    };
    (0..calls).map(one).collect()
}

#[test]
fn a_page_of_a_thousand_calls_makes_only_what_is_visible() {
    let mut page = open(&recording(1000));
    let elements = page.eval("document.querySelectorAll('*').length");
    assert!(elements.as_u64().unwrap() < 2000, "{elements} elements");
    assert_eq!(page.eval("document.querySelectorAll('pre').length"), 0, "no exchange is shown");
    assert_eq!(page.texts("#failed h2"), ["Failed 10"]);
    assert!(page.texts("#about")[0].starts_with("1,000 calls · 334 attachments · 10 failed"));
    // All others are made as soon as they are scrolled to.
    let last = "document.querySelector('#timeline > section:nth-child(334)')";
    let scrolled = format!("(scrollTo(0, document.body.scrollHeight), {last} !== null)");
    page.wait_until(&scrolled);
    assert_eq!(page.eval("document.querySelectorAll('#timeline .call').length"), 1000);
    assert_eq!(page.eval("document.getElementById('rest').hidden"), true);
    page.click("#timeline > section:nth-child(334) .call");
    page.wait_until("document.getElementById('details').open");
    assert!(page.is_open());
    assert_eq!(page.complaints(), Vec::<String>::new());
}

/// CPU time, since the machine may be busy with other tests while the browser waits. It is a tenth
/// of the limit on an idle machine: the page fails if it does work for each call, not if the
/// processor is slow.
#[test]
fn a_recording_of_a_thousand_calls_opens_in_under_a_second() {
    let mut page = open(&recording(1000));
    assert_eq!(page.texts("#failed h2"), ["Failed 10"], "it has been shown");
    let took = page.cpu_time();
    assert!(!took.is_zero() && took.as_secs_f64() < 1.0, "it took {took:?}");
}

#[test]
fn a_search_finds_calls_that_are_not_visible_yet() {
    let mut page = open(&recording(1000));
    page.eval("document.getElementById('query').focus()");
    page.write("container-333");
    assert_eq!(page.texts("#timeline h2 .id"), ["container-333"]);
    assert_eq!(page.text("document.getElementById('shown').textContent"), "1 of 1000");
    assert_eq!(page.complaints(), Vec::<String>::new());
}
