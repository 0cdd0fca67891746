//! What a page shows, how it looks, and how long that takes.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Page;

/// Computes the lowest contrast, as WCAG defines it, of the texts of a selector with their
/// backgrounds.
const CONTRAST: &str = "((selector) => {
    const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const light = (colour) => {
        const [r, g, b] = parts(colour).map((c) => linear(c / 255));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const behind = (element) => {
        const colour = getComputedStyle(element).backgroundColor;
        const transparent = parts(colour)[3] === 0 && element.parentElement;
        return transparent ? behind(element.parentElement) : colour; };
    const contrast = (element) => {
        const colours = [light(getComputedStyle(element).color), light(behind(element))];
        const [a, b] = colours.sort((a, b) => b - a);
        return (a + 0.05) / (b + 0.05); };
    return Math.min(...[...document.querySelectorAll(selector)].map(contrast)); })";

/// Counts the pixels of a picture that have each of some colours.
const PIXELS: &str = "(async (picture, colours) => {
    // Not an image element, since the policy of a page may forbid images.
    const bytes = Uint8Array.from(atob(picture), (c) => c.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes]));
    const { width, height } = bitmap;
    const canvas = new OffscreenCanvas(width, height).getContext('2d');
    canvas.drawImage(bitmap, 0, 0);
    const { data } = canvas.getImageData(0, 0, width, height);
    const pixels = new Map();
    for (let at = 0; at < data.length; at += 4) {
        const colour = `rgb(${data[at]}, ${data[at + 1]}, ${data[at + 2]})`;
        pixels.set(colour, (pixels.get(colour) ?? 0) + 1); }
    return [width, height, ...colours.map((colour) => pixels.get(colour) ?? 0)]; })";

impl Page {
    /// Returns the visible texts of all elements of a selector.
    pub fn texts(&mut self, selector: &str) -> Vec<String> {
        let texts = self.eval(&format!(
            "[...document.querySelectorAll({selector:?})].filter((one) => one.checkVisibility())\
             .map((one) => one.innerText.replace(/\\s+/g, ' ').trim())"
        ));
        let texts = texts.as_array().into_iter().flatten();
        texts.map(|text| text.as_str().expect("a text").to_owned()).collect()
    }

    /// Reports whether the details of a page of `cni-output` are open.
    pub fn is_open(&mut self) -> bool {
        self.eval("document.getElementById('details').open") == true
    }

    /// Reports whether an element, as an expression, is as wide as its contents.
    pub fn fits(&mut self, element: &str) -> bool {
        self.eval(&format!("{element}.scrollWidth <= {element}.clientWidth")) == true
    }

    /// Returns the lowest contrast, as WCAG defines it, of the texts of a selector with their
    /// backgrounds. It should be at least 4.5.
    pub fn lowest_contrast(&mut self, selector: &str) -> f64 {
        let contrast = self.eval(&format!("{CONTRAST}({selector:?})"));
        contrast.as_f64().unwrap_or_else(|| panic!("{selector}: {contrast}"))
    }

    /// Fails if the texts of one of these selectors are hard to read on their backgrounds.
    pub fn assert_contrast<'s>(&mut self, selectors: impl IntoIterator<Item = &'s str>) {
        for selector in selectors {
            let contrast = self.lowest_contrast(selector);
            let behind = self.text("getComputedStyle(document.body).backgroundColor");
            assert!(contrast >= 4.5, "{selector} on {behind} has a contrast of {contrast:.2}");
        }
    }

    /// Returns the CPU time that the main thread of the page has taken since it was opened: for
    /// parsing, scripts, styles and layout.
    pub fn cpu_time(&mut self) -> Duration {
        let metrics = self.call("Performance.getMetrics", json!({}));
        let metrics = metrics["metrics"].as_array().expect("a list");
        let time = metrics.iter().find(|metric| metric["name"] == "TaskDuration");
        Duration::from_secs_f64(time.and_then(|time| time["value"].as_f64()).expect("seconds"))
    }

    /// Returns the width and the height of a PNG file, and how many of its pixels have each of
    /// these colours, which are given as `rgb(255, 255, 255)`.
    pub fn pixels(&mut self, picture: &[u8], colours: &[String]) -> Vec<u64> {
        let picture = STANDARD.encode(picture);
        let counts = self.eval(&format!("{PIXELS}({picture:?}, {})", json!(colours)));
        counts.as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
    }

    /// Returns a picture of the window, as a PNG file.
    pub fn screenshot(&mut self) -> Vec<u8> {
        let answer = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        let text = answer["data"].as_str().expect("a picture");
        STANDARD.decode(text).expect("base64")
    }
}
