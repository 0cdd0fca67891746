//! What holds for all pages, in a real browser.

use cni_output::Page;
use serde_json::json;

const PAGE: Page = Page {
    title: "A page",
    body: "<main id=\"all\"></main>",
    style: "main { color: rgb(1, 2, 3); }",
    scripts: &["at(\"all\").append(make(\"p\", {}, visible(data.text)));"],
};

/// Text with which a plugin could break out of the data.
const HOSTILE: &str = "</script><script>document.title = 'owned'</script><!-- {style} \u{2028}&";

fn open(html: &str) -> cni_test_kit::Page {
    cni_test_kit::Page::open(html, 1280, false)
}

#[test]
fn a_page_shows_its_data_as_text_with_its_style() {
    let mut page = open(&PAGE.html(&json!({ "text": HOSTILE })));
    let shown = HOSTILE.replace('\u{2028}', "\\u2028");
    assert_eq!(page.text("document.getElementById('all').textContent"), shown);
    let colour = page.text("getComputedStyle(document.getElementById('all')).color");
    assert_eq!(colour, "rgb(1, 2, 3)");
    assert_eq!(page.text("document.title"), "A page");
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn only_the_script_of_the_page_runs() {
    let page = PAGE.html(&json!({ "text": "x" }));
    let injected = page.replace("</main>", "<script>document.title = 'owned'</script></main>");
    let mut page = open(&injected);
    assert_eq!(page.text("document.title"), "A page");
    let complaints = page.complaints().join("\n");
    assert!(complaints.contains("Content Security Policy"), "{complaints}");
}
