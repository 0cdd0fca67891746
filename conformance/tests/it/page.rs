//! The page in a real browser.

use crate::support::documents::{HOSTILE, document, id, report};
use cni_conformance::Verdict;
use cni_conformance::report::{Document, html};
use cni_test_kit::Page;

const WIDE: u32 = 1280;

/// Returns the reports of two plugins; one breaks a MUST as a known deviation.
fn two() -> Vec<Document> {
    vec![document(&report("first", &[])), document(&report("second", &[Verdict::Fail]))]
}

fn open(documents: &[Document]) -> Page {
    Page::open(&html(documents), WIDE, false)
}

/// Returns the ids of the visible requirements.
fn shown(page: &mut Page) -> Vec<String> {
    let rows = page.eval(
        "[...document.querySelectorAll('tr[data-id]')].filter((row) => row.checkVisibility())\
         .map((row) => row.dataset.id)",
    );
    rows.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

fn is_open(page: &mut Page) -> bool {
    page.eval("document.getElementById('details').open") == true
}

fn cell(verdict: Verdict, column: usize) -> String {
    format!("tr[data-id='{}'] button[data-column='{column}']", id(verdict))
}

#[test]
fn all_requirements_are_shown_by_area_with_a_sign_for_each_plugin() {
    let mut page = open(&two());
    assert_eq!(shown(&mut page).len(), 6);
    let areas =
        page.eval("[...document.querySelectorAll('.area th')].map((area) => area.textContent)");
    assert_eq!(areas.to_string(), r#"["execution","version","del","check","concurrency"]"#);
    for verdict in Verdict::ALL {
        let selector = cell(verdict, 0);
        let sign = page.text(&format!("document.querySelector(\"{selector}\").textContent"));
        assert_eq!(sign, verdict.sign().to_string());
    }
    let known =
        page.text(&format!("document.querySelector(\"{}\").className", cell(Verdict::Fail, 1)));
    assert_eq!(known, "sign fail known");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn one_report_shows_its_versions_side_by_side() {
    let mut page = open(&two()[..1]);
    let head =
        page.eval("[...document.querySelectorAll('thead th')].map((head) => head.textContent)");
    assert_eq!(head.to_string(), r#"["0.4.0","1.0.0"]"#);
    assert_eq!(page.text("document.title"), "first · CNI conformance");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn the_filter_changes_what_is_visible() {
    let mut page = open(&two());
    page.click("[data-verdict='fail'][aria-pressed]");
    assert_eq!(shown(&mut page), [id(Verdict::Fail)]);
    page.click("[data-verdict='skip'][aria-pressed]");
    assert_eq!(shown(&mut page), [id(Verdict::Fail), id(Verdict::Skip)]);
    assert_eq!(page.text("document.getElementById('shown').textContent"), "2 of 6");
    page.eval("document.getElementById('query').focus()");
    page.write("MISSES rules");
    assert_eq!(shown(&mut page), [id(Verdict::Skip)]);
    page.write(" nowhere");
    assert!(shown(&mut page).is_empty());
    page.click("#clear");
    assert_eq!(shown(&mut page).len(), 6);
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn a_click_opens_the_details_of_a_verdict_and_escape_closes_them() {
    let mut page = open(&two());
    assert!(!is_open(&mut page));
    page.click(&cell(Verdict::Fail, 1));
    assert!(is_open(&mut page));
    let content = page.text("document.getElementById('content').innerText");
    for part in [
        "execution.unsupported-field-is-named",
        "second · profile interface",
        "The message of an error with code 2 names the key and the value of the unsupported field.",
        "EXE-08",
        "Known: ",
        "exit 0",
        "cni-conformance run plugin execution.unsupported-field-is-named --keep --spec 0.4.0",
        "CNI_COMMAND=ADD",
        // JSON on several lines, with only white space changed.
        "{\n  \"cniVersion\": \"1.0.0\",\n  \"name\": \"conformance\",\n  \"deep\": [\n    \
         1e400,\n    {},\n    {\n      \"a\": \"{,}\"\n    }\n  ]\n}",
    ] {
        assert!(content.contains(part), "{part} is not in:\n{content}");
    }
    let link = page.text("document.querySelector('#content a').href");
    assert!(link.starts_with("https://github.com/containernetworking/cni/"), "{link}");
    page.press("Escape");
    assert!(!is_open(&mut page));
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn the_keyboard_alone_reaches_every_verdict() {
    let mut page = open(&two());
    // Past the filter and the names of the plugins into the table.
    let focused = |page: &mut Page| {
        page.text("document.activeElement.ariaLabel ?? document.activeElement.id")
    };
    for _ in 0..20 {
        page.press("Tab");
        if focused(&mut page).contains("first: ") {
            break;
        }
    }
    assert_eq!(focused(&mut page), "execution.stdout-holds-one-document, first: warn");
    page.press("ArrowDown");
    page.press("ArrowRight");
    assert_eq!(focused(&mut page), "execution.unsupported-field-is-named, second: fail, known");
    page.press("Enter");
    assert!(is_open(&mut page));
    assert_eq!(page.text("document.getElementById('heading').textContent"), id(Verdict::Fail));
    page.press("Escape");
    assert!(!is_open(&mut page));
    assert_eq!(focused(&mut page), "execution.unsupported-field-is-named, second: fail, known");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn hostile_text_stays_text() {
    let mut page = open(&two());
    for verdict in Verdict::ALL {
        page.click(&cell(verdict, 0));
        assert_eq!(page.eval("document.querySelectorAll('img, #content script').length"), 0);
        page.press("Escape");
    }
    page.click("thead button");
    assert_eq!(page.text("document.title"), "CNI conformance");
    assert_eq!(page.eval("document.scripts.length"), 2);
    assert_eq!(page.eval("document.images.length"), 0);
    // Nothing is lost: invisible characters are escaped.
    page.press("Escape");
    page.click(&cell(Verdict::Fail, 0));
    let actual = page.text("document.querySelector('.run dd:nth-of-type(2)').textContent");
    let written = HOSTILE
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
        .replace('\u{202e}', "\\u202e")
        .replace('\u{1b}', "\\u001b")
        .replace('\0', "\\u0000")
        .replace('\r', "\\u000d");
    assert_eq!(actual, written);
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn only_the_script_of_the_page_runs() {
    let page = html(&two());
    let injected = page.replace("<main>", "<main><script>document.title = 'owned'</script>");
    let mut page = Page::open(&injected, WIDE, false);
    assert_eq!(page.text("document.title"), "CNI conformance");
    let complaints = page.complaints().join("\n");
    assert!(complaints.contains("Content Security Policy"), "{complaints}");
}

#[test]
fn a_narrow_window_is_wide_enough() {
    // More plugins than fit side by side.
    let documents: Vec<_> =
        (0..16).map(|n| document(&report(&format!("plugin-{n}"), &[]))).collect();
    let mut page = Page::open(&html(&documents), 360, false);
    assert_eq!(page.eval("innerWidth"), 360);
    let fits = |page: &mut Page, element: &str| {
        page.eval(&format!("{element}.scrollWidth <= {element}.clientWidth")) == true
    };
    assert!(fits(&mut page, "document.documentElement"));
    assert!(!fits(&mut page, "document.getElementById('box')"), "it scrolls within its box");
    for what in [cell(Verdict::Fail, 0).as_str(), "thead button"] {
        page.click(what);
        assert!(is_open(&mut page));
        assert!(fits(&mut page, "document.documentElement"), "{what}");
        assert!(fits(&mut page, "document.getElementById('details')"), "{what}");
        page.press("Escape");
    }
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn texts_have_contrast_in_light_and_in_dark() {
    let mut colours = Vec::new();
    for dark in [false, true] {
        let mut page = Page::open(&html(&two()), WIDE, dark);
        page.click(&cell(Verdict::Fail, 1));
        let signs = Verdict::ALL.map(|verdict| format!("td .sign.{verdict}"));
        let others = [
            "h1",
            "#about",
            "small",
            ".legend",
            "#query",
            "dt",
            "pre",
            "summary span",
            "#content a",
            ".label",
        ];
        for selector in signs.iter().map(String::as_str).chain(others) {
            let contrast = page.lowest_contrast(selector);
            assert!(contrast >= 4.5, "{selector} has a contrast of {contrast:.2} (dark: {dark})");
        }
        colours.push(page.text("getComputedStyle(document.body).backgroundColor"));
        assert_eq!(page.complaints(), Vec::<String>::new());
    }
    assert_ne!(colours[0], colours[1]);
}

#[test]
fn the_address_contains_what_to_open() {
    let page = html(&two());
    let address = format!("#show=warn+skip&column=second&case={}", id(Verdict::Warn));
    let script = format!("location.hash = '{address}'");
    let mut page = Page::open(&page, WIDE, false);
    page.eval(&script);
    // The events follow after the script, and that of a closed dialog after the key.
    page.wait_until("document.getElementById('details').open");
    assert_eq!(page.text("document.getElementById('heading').textContent"), id(Verdict::Warn));
    assert_eq!(page.text("location.hash"), address);
    page.press("Escape");
    assert_eq!(shown(&mut page), [id(Verdict::Warn), id(Verdict::Skip)]);
    page.wait_until("location.hash === '#show=warn+skip'");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn the_printed_page_shows_the_whole_table() {
    let mut page = open(&two());
    page.call("Emulation.setEmulatedMedia", serde_json::json!({ "media": "print" }));
    assert_eq!(page.text("getComputedStyle(document.getElementById('box')).overflow"), "visible");
    assert_eq!(page.text("getComputedStyle(document.getElementById('filter')).display"), "none");
}
