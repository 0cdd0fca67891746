//! A headless browser, controlled through a pipe (the DevTools protocol), with real input events.

mod input;
mod look;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::temp_dir::TempDir;

/// The limit for a response, so that a browser that hangs does not hang the tests.
const LIMIT: Duration = Duration::from_secs(60);

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
        // Before the page is opened, so that all that it takes is measured.
        page.call("Performance.enable", json!({ "timeDomain": "threadTicks" }));
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
    ///
    /// If its value is a promise, it waits for it.
    pub fn eval(&mut self, expression: &str) -> Value {
        let parameters =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
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
