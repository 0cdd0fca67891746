//! A headless browser, controlled through a pipe (the DevTools protocol), with real input events.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::temp_dir::TempDir;

/// The limit for a response, so that a browser that hangs does not hang the tests.
const LIMIT: Duration = Duration::from_secs(60);

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

/// A page in a separate headless Chromium, which is closed when the page is dropped.
pub struct Page {
    browser: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    next: u64,
    events: Vec<Value>,
    /// For the profile and the page. It is removed last.
    _directory: TempDir,
}

impl Page {
    /// Opens a page in a window of this width, in a light or dark colour scheme.
    ///
    /// # Panics
    ///
    /// Chromium is not installed or does not respond, as in all other functions.
    pub fn open(html: &str, width: u32, dark: bool) -> Self {
        let directory = TempDir::new();
        let file = directory.path().join("page.html");
        fs::write(&file, html).expect("the page is written");
        let mut page = Self::start(directory);
        page.attach();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        let size =
            json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        page.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = if dark { "dark" } else { "light" };
        let scheme = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        page.call("Emulation.setEmulatedMedia", json!({ "features": scheme }));
        page.go(&file);
        page
    }

    fn start(directory: TempDir) -> Self {
        let mut command = Command::new("unshare");
        // When the browser exits, the kernel kills all its processes first.
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]);
        // The browser uses descriptors 3 and 4 for the protocol.
        command.args(["sh", "-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "sh", "chromium"]);
        command.args(["--headless", "--no-sandbox", "--remote-debugging-pipe"]);
        command.args(["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]);
        command.args(["--disable-background-networking", "--disable-component-update"]);
        command.arg(format!("--user-data-dir={}", directory.path().display()));
        command.env("TMPDIR", directory.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut browser = command.spawn().expect("unshare runs");
        let (sender, messages) = channel();
        let mut output = BufReader::new(browser.stdout.take().expect("a pipe")).split(0);
        thread::spawn(move || {
            while let Some(Ok(message)) = output.next() {
                let message = serde_json::from_slice(&message).unwrap_or_default();
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let input = browser.stdin.take().expect("a pipe");
        Self {
            browser,
            input,
            messages,
            session: None,
            next: 0,
            events: Vec::new(),
            _directory: directory,
        }
    }

    fn attach(&mut self) {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let target = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.call("Target.attachToTarget", target);
        self.session = session["sessionId"].as_str().map(str::to_owned);
    }

    /// Opens a file and waits until it is loaded.
    fn go(&mut self, file: &Path) {
        self.call("Page.setLifecycleEventsEnabled", json!({ "enabled": true }));
        let url = format!("file://{}", file.display());
        let loader = self.call("Page.navigate", json!({ "url": url }))["loaderId"].clone();
        let loaded = |event: &Value| {
            event["params"]["name"] == "load" && event["params"]["loaderId"] == loader
        };
        let deadline = Instant::now() + LIMIT;
        while !self.events.iter().any(loaded) {
            let event = self.receive(deadline);
            self.events.push(event);
        }
    }

    /// Calls a method of the protocol and returns its result.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = session.as_str().into();
        }
        self.input.write_all(format!("{message}\0").as_bytes()).expect("chromium runs");
        let deadline = Instant::now() + LIMIT;
        loop {
            let answer = self.receive(deadline);
            if answer["id"] == self.next {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
            self.events.push(answer);
        }
    }

    fn receive(&mut self, deadline: Instant) -> Value {
        let left = deadline.saturating_duration_since(Instant::now());
        self.messages.recv_timeout(left).expect("no response from chromium; is it installed?")
    }

    /// Evaluates an expression in the page.
    pub fn eval(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Evaluates an expression whose value is a string.
    pub fn text(&mut self, expression: &str) -> String {
        let value = self.eval(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression} is not a string: {value}")).to_owned()
    }

    /// Waits until an expression holds in the page, for asynchronous effects of an event.
    pub fn wait_until(&mut self, expression: &str) {
        let deadline = Instant::now() + LIMIT;
        while self.eval(expression) != true {
            assert!(Instant::now() < deadline, "still not true: {expression}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Clicks the middle of an element.
    pub fn click(&mut self, selector: &str) {
        let place = self.eval(&format!(
            "(() => {{ const element = document.querySelector({selector:?});
             element.scrollIntoView({{ block: 'center' }});
             const box = element.getBoundingClientRect();
             return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({
                "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1,
            });
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Presses a key, such as `Enter` or `ArrowDown`.
    pub fn press(&mut self, key: &str) {
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "Tab" => 9,
            "ArrowLeft" => 37,
            "ArrowRight" => 39,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            "Home" => 36,
            "End" => 35,
            other => panic!("unknown key {other}"),
        };
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({
                "type": kind, "key": key, "code": key, "text": text,
                "windowsVirtualKeyCode": code,
            });
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Types text.
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Returns the lowest contrast, as WCAG defines it, of the texts of a selector with their
    /// backgrounds. It should be at least 4.5.
    pub fn lowest_contrast(&mut self, selector: &str) -> f64 {
        let contrast = self.eval(&format!("{CONTRAST}({selector:?})"));
        contrast.as_f64().unwrap_or_else(|| panic!("{selector}: {contrast}"))
    }

    /// Returns a picture of the window, as a PNG file.
    pub fn screenshot(&mut self) -> Vec<u8> {
        let answer = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        let text = answer["data"].as_str().expect("a picture");
        STANDARD.decode(text).expect("base64")
    }

    /// Returns errors and warnings of the page, and its network requests.
    pub fn complaints(&mut self) -> Vec<String> {
        // All earlier events precede this response.
        self.eval("0");
        let complaint = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown" | "Log.entryAdded" | "Runtime.consoleAPICalled") => true,
            Some("Network.requestWillBeSent") => {
                event["params"]["type"] != "Document"
                    || !event["params"]["request"]["url"].to_string().contains("page.html")
            }
            _ => false,
        };
        self.events.iter().filter(complaint).map(Value::to_string).collect()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // Errors here must not hide why a test failed.
        let _ = self.input.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let deadline = Instant::now() + Duration::from_secs(10);
        while matches!(self.browser.try_wait(), Ok(None)) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}
