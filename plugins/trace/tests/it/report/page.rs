//! The page in a real browser.

use cni_test_kit::Page;
use serde_json::json;

use super::{call, content, failed, few, html, open};

/// Output with which a plugin could break out of the page.
const HOSTILE: &str = concat!(
    "<img src=x onerror=\"document.title='owned'\"></script>",
    "<script>document.title='owned'</script><!--",
    " ]]> & \" ' | ` \u{2028}\u{202e}\u{1b}[31m",
);

#[test]
fn calls_are_shown_by_container_with_the_delegates_inside_each() {
    let mut page = open(&few());
    let heads = page.texts("#timeline h2");
    assert_eq!(
        heads,
        [
            "c1 eth0 in net 2026-11-30 · 2 calls",
            "c2 eth0 in net 2026-11-30 · 1 call, 1 failed",
            "net without a container 2026-11-30 · 1 call",
        ]
    );
    let of_first = "#timeline section:first-child";
    assert_eq!(
        page.texts(&format!("{of_first} .what")),
        ["ADD", "bridge ADD", "tuning ADD", "DEL", "bridge DEL", "tuning DEL"]
    );
    assert_eq!(page.texts(&format!("{of_first} .gap")), ["29 s later"]);
    let bar = |page: &mut Page, number: usize| {
        let bar = format!("document.querySelectorAll({:?})[{number}]", format!("{of_first} .bar"));
        let rect = page.eval(&format!(
            "(({{ left, right }}) => [left, right])({bar}.getBoundingClientRect())"
        ));
        (rect[0].as_f64().unwrap(), rect[1].as_f64().unwrap())
    };
    // The DEL is the longest call. Its delegates took a half and a quarter of it.
    let (whole, half, quarter) = (bar(&mut page, 3), bar(&mut page, 4), bar(&mut page, 5));
    let width = whole.1 - whole.0;
    assert!(whole.0 < half.0 && half.0 < quarter.0, "{whole:?} {half:?} {quarter:?}");
    assert!(((half.1 - half.0) / width - 0.5).abs() < 0.01, "{whole:?} {half:?}");
    assert!(((quarter.1 - quarter.0) / width - 0.25).abs() < 0.01, "{whole:?} {quarter:?}");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn failed_and_slow_calls_come_first_and_lead_to_what_is_behind_them() {
    let mut page = open(&few());
    let listed = page.texts("#failed li, #slow li");
    assert_eq!(
        listed,
        [
            "ADD ✘ 11 c2/eth0 20 ms tuning: no address is left",
            "DEL c1/eth0 2.50 s 1.25 s of it for bridge",
            "ADD c1/eth0 40 ms 20 ms of it for bridge",
            "GC net 900 µs 450 µs of it for bridge",
        ]
    );
    let is_before = "document.getElementById('first').compareDocumentPosition(\
                     document.getElementById('timeline')) & Node.DOCUMENT_POSITION_FOLLOWING";
    assert_eq!(page.eval(is_before), 4);
    page.click("#failed li a");
    page.wait_until("document.getElementById('details').open");
    let shown = content(&mut page);
    for part in [
        "ADD ✘ 11",
        "c2/eth0 in net",
        "no address is left",
        "2026-11-30 10:20:01.000 UTC",
        "20 ms",
        "11, failure",
        "trace.jsonl, line 2",
        "/run/netns/c2",
        "CNI_CONTAINERID=c2",
        "\"mtu\": 1400",
        "\"code\": 11",
        "bridge was here",
    ] {
        assert!(shown.contains(part), "{part} is not in:\n{shown}");
    }
    page.press("Escape");
    page.wait_until("!location.hash");
    assert!(!page.is_open());
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn a_bar_of_a_delegate_opens_its_own_exchange() {
    let mut first = call("ADD", "c1", 0, 40_000);
    let long = "12345678901234567890123";
    first["delegates"][0]["result"] = serde_json::from_str(&format!("{{\"n\":{long}}}")).unwrap();
    first["delegates"][0]["verb"] = json!("DEL");
    let mut page = open(&[first, call("CHECK", "c1", 2, 1000)]);
    page.click("#timeline .delegate");
    page.wait_until("document.getElementById('details').open");
    let shown = content(&mut page);
    for part in ["bridge DEL", "CNI_COMMAND=DEL", "\"type\": \"bridge\"", "bridge was here", long] {
        assert!(shown.contains(part), "{part} is not in:\n{shown}");
    }
    assert_eq!(page.text("location.hash"), "#call=0&delegate=0");
    page.click("#content .for a");
    page.wait_until("location.hash === '#call=0'");
    page.wait_until("document.getElementById('content').innerText.includes('CNI_COMMAND=ADD')");
    page.click("#content nav a");
    page.wait_until("location.hash === '#call=1'");
    // The next call of the same container.
    page.wait_until("document.getElementById('content').innerText.startsWith('CHECK')");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn calls_are_filtered_by_verb_outcome_and_text() {
    let mut page = open(&few());
    let shown = |page: &mut Page| page.texts("#timeline .call .what");
    page.click("[data-word='ADD']");
    assert_eq!(shown(&mut page), ["ADD", "ADD ✘ failed with code 11"]);
    page.click("[data-word='failed']");
    assert_eq!(shown(&mut page), ["ADD ✘ failed with code 11"]);
    assert_eq!(page.text("location.hash"), "#show=ADD+failed");
    page.click("[data-word='failed']");
    page.click("[data-word='ADD']");
    page.eval("document.getElementById('query').focus()");
    page.write("10.1.2.3 BRIDGE");
    assert_eq!(shown(&mut page), ["ADD"], "the address is in the result");
    assert_eq!(page.text("document.getElementById('shown').textContent"), "1 of 4");
    assert_eq!(page.texts("#failed li"), Vec::<String>::new(), "the lists are filtered, too");
    page.write(" nowhere");
    assert!(shown(&mut page).is_empty());
    page.click("#clear");
    assert_eq!(shown(&mut page).len(), 4);
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn the_keyboard_alone_opens_every_call() {
    let mut page = open(&few());
    let focused = "document.activeElement.getAttribute('href')";
    let mut reached = Vec::new();
    for _ in 0..40 {
        page.press("Tab");
        if let Some(address) = page.eval(focused).as_str() {
            reached.push(address.to_owned());
        }
    }
    for number in 0..4 {
        for address in [format!("#call={number}"), format!("#call={number}&delegate=1")] {
            assert!(reached.contains(&address), "{address} is not in {reached:?}");
        }
    }
    page.eval("document.querySelector('#timeline a').focus()");
    page.press("Enter");
    page.wait_until("document.getElementById('details').open");
    assert_eq!(page.text("document.activeElement.id"), "heading");
    page.press("Escape");
    assert!(!page.is_open());
    assert_eq!(page.text(focused), "#call=0", "the focus returns");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn the_address_contains_the_call_to_open() {
    let mut page = open(&few());
    page.eval("location.hash = '#show=DEL&call=2&delegate=1'");
    page.wait_until("document.getElementById('details').open");
    assert!(content(&mut page).starts_with("tuning DEL"));
    for address in ["#call=9", "#call=-1", "#call=x", "#call=1&delegate=9"] {
        page.eval(&format!("location.hash = {address:?}"));
        page.wait_until("!document.getElementById('details').open");
    }
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn what_a_plugin_printed_stays_text() {
    let mut first = failed(call("ADD", "c1", 0, 4000), 7, HOSTILE);
    first["delegates"][0]["stderr"] = HOSTILE.into();
    first["delegates"][0]["type"] = HOSTILE.into();
    first["delegates"][1]["type"] = HOSTILE.into();
    first["delegates"][0]["result"] = json!({HOSTILE: HOSTILE});
    first["environment"]["CNI_ARGS"] = HOSTILE.into();
    for key in ["verb", "containerId", "network", "ifname", "netns", "position", "cniVersion"] {
        first[key] = HOSTILE.into();
    }
    let mut page = open(&[first]);
    for bar in ["#failed li a", "#timeline .call", "#timeline .delegate"] {
        page.click(bar);
        page.wait_until("document.getElementById('details').open");
        page.press("Escape");
        page.wait_until("!location.hash");
    }
    assert_eq!(page.text("document.title"), "trace.jsonl · calls of CNI plugins");
    assert_eq!(page.eval("document.scripts.length"), 2);
    assert_eq!(page.eval("document.querySelectorAll('img, iframe, object, style').length"), 1);
    // Nothing is lost: invisible characters are escaped.
    let written = HOSTILE
        .replace('\u{2028}', "\\u2028")
        .replace('\u{202e}', "\\u202e")
        .replace('\u{1b}', "\\u001b");
    let shown = page.text("document.querySelector('#failed .why').textContent");
    assert_eq!(shown, format!("{written}: {written}"));
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn texts_have_contrast_in_light_and_in_dark() {
    let mut colours = Vec::new();
    for dark in [false, true] {
        let mut page = Page::open(&html(&few()), 1280, dark);
        let selectors = [
            "h1",
            "#about",
            "h2",
            "h2 .label",
            ".bad.code",
            "#query",
            ".legend",
            ".why",
            ".when",
            ".what",
            ".took",
            ".gap",
            "#verbs button:enabled .label",
        ];
        page.assert_contrast(selectors);
        page.click("#failed li a");
        page.wait_until("document.getElementById('details').open");
        page.assert_contrast([
            "dialog h2",
            ".for",
            ".reason",
            "dt",
            "dd",
            "pre",
            "#content a",
            ".label",
        ]);
        colours.push(page.text("getComputedStyle(document.body).backgroundColor"));
    }
    assert_ne!(colours[0], colours[1]);
}

#[test]
fn a_narrow_window_is_wide_enough() {
    let mut lines = few();
    let id = "0123456789abcdef".repeat(4);
    lines.push(failed(call("ADD", &id, 50, 4000), 100, &"a-long-word".repeat(40)));
    lines[0]["config"]["long"] = "x".repeat(4000).into();
    let mut page = Page::open(&html(&lines), 375, false);
    assert_eq!(page.eval("innerWidth"), 375);
    assert!(page.fits("document.documentElement"));
    let widest = "Math.max(...[...document.querySelectorAll('main *')]\
                  .map((one) => one.getBoundingClientRect().right))";
    assert!(page.eval(widest).as_f64().unwrap() <= 375.0, "nothing is cut off");
    let bar = page.eval("document.querySelector('.track').getBoundingClientRect().width");
    assert!(bar.as_f64().unwrap() > 250.0, "a bar has {bar} pixels");
    for bar in ["#failed li:last-child a", "#timeline .call", "#timeline .delegate"] {
        page.click(bar);
        page.wait_until("document.getElementById('details').open");
        assert!(page.fits("document.getElementById('details')"), "{bar}");
        page.press("Escape");
        page.wait_until("!location.hash");
    }
    assert_eq!(page.complaints(), Vec::<String>::new());
}
