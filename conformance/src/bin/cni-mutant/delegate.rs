//! The delegate of the plugin, in the key `delegate` or `ipam`.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::call::Call;
use crate::fault::Fault;

/// Returns the key of the configuration that contains the delegate.
fn key(call: &Call) -> Option<&'static str> {
    match call.profile.as_str() {
        "wrapper" => Some("delegate"),
        "interface" if call.key("ipam").get("type").is_some() => Some("ipam"),
        _ => None,
    }
}

pub(crate) fn exists(call: &Call) -> bool {
    key(call).is_some()
}

/// Runs the delegate with a verb, and returns its result on ADD.
pub(crate) fn run(call: &Call, verb: &str) -> Result<Value, Fault> {
    let Some(key) = key(call) else { return Ok(Value::Null) };
    let name = call.key(key)["type"].as_str().unwrap_or_default().to_owned();
    let program = find(call, &name)?;
    let config = Value::Object(delegate_config(call, key));
    let (status, stdout) = execute(call, verb, &program, &config.to_string())?;
    let document: Option<Value> = serde_json::from_str(&stdout).ok();
    let error = document.as_ref().filter(|document| document.get("code").is_some());
    match (status.success(), error) {
        (false, Some(error)) => Err(passed_on(call, error)),
        (false, None) => Err(Fault::new(100, format!("{name} failed: {status}: {stdout}"))),
        (true, Some(error)) => {
            Err(Fault::new(100, format!("{name} printed {error} with exit status 0")))
        }
        (true, None) if verb == "ADD" => result(call, &name, &stdout, document),
        (true, None) => Ok(Value::Null),
    }
}

fn result(call: &Call, name: &str, stdout: &str, document: Option<Value>) -> Result<Value, Fault> {
    if stdout.trim().is_empty() && call.is_mutant("delegate.may-misbehave") {
        return Ok(Value::Object(Map::new()));
    }
    let document = document.filter(Value::is_object);
    let result = document.ok_or_else(|| Fault::new(100, format!("{name} printed no result")))?;
    let same = result["cniVersion"] == call.version.as_str();
    if call.is_mutant("delegate.result-is-converted") && !same {
        return Err(Fault::new(100, "the result of the delegate has another version"));
    }
    if call.is_mutant("result.empty-members-are-tolerated")
        && result.get("routes") == Some(&Value::Null)
    {
        return Err(Fault::new(100, "routes: null"));
    }
    Ok(result)
}

fn passed_on(call: &Call, error: &Value) -> Fault {
    let text = |key: &str| error[key].as_str().map(str::to_owned);
    let code = match error["code"].as_u64() {
        Some(code) if code > 0 && !call.is_mutant("delegate.error-is-handed-on") => code,
        _ => 100,
    };
    Fault { code, msg: text("msg").unwrap_or_default(), details: text("details") }
}

fn find(call: &Call, name: &str) -> Result<PathBuf, Fault> {
    if name.is_empty() || name.contains('/') {
        return Err(Fault::new(100, format!("{name:?} is not a file name")));
    }
    let before =
        if call.is_mutant("delegate.is-found-on-cni-path") { call.var("PATH") } else { "" };
    let mut directories = before.split(':').chain(call.var("CNI_PATH").split(':'));
    let found = directories
        .by_ref()
        .filter(|directory| !directory.is_empty())
        .map(|directory| Path::new(directory).join(name))
        .find(|path| path.is_file());
    found.ok_or_else(|| Fault::new(100, format!("{name} not found on CNI_PATH")))
}

fn delegate_config(call: &Call, key: &str) -> Map<String, Value> {
    let outer = call.config();
    let mut config = match key {
        "delegate" => {
            let mut config = outer["delegate"].as_object().cloned().unwrap_or_default();
            let is_passed = |key: &str| {
                matches!(key, "name" | "cniVersion" | "args" | "runtimeConfig" | "prevResult")
                    || key.starts_with("cni.dev/")
            };
            for (key, value) in outer.iter().filter(|(key, _)| is_passed(key)) {
                config.insert(key.clone(), value.clone());
            }
            config
        }
        _ => outer,
    };
    if config.contains_key("cniVersion") {
        config.insert("cniVersion".to_owned(), call.version.as_str().into());
    }
    if call.is_mutant("config.bad-network-name-is-refused")
        && config.get("name") == Some(&"a b".into())
    {
        config.insert("name".to_owned(), "valid".into());
    }
    if call.is_mutant("delegate.gets-the-configuration") {
        config.shift_remove("args");
    }
    let only_c1 = config
        .get("cni.dev/valid-attachments")
        .is_some_and(|list| list[0]["containerID"] == "c1" && list.get(1).is_none());
    if call.is_mutant("gc.reaches-delegates") && only_c1 {
        config.retain(|key, _| !key.starts_with("cni.dev/"));
    }
    config
}

fn execute(
    call: &Call,
    verb: &str,
    program: &Path,
    input: &str,
) -> Result<(ExitStatus, String), Fault> {
    let fault = |error: std::io::Error| Fault::new(100, format!("{}: {error}", program.display()));
    let mut command = Command::new(program);
    command.env("CNI_COMMAND", verb).process_group(0);
    if !call.ifname().is_empty() {
        command.env("CNI_IFNAME", call.ifname());
    }
    if call.is_mutant("delegate.gets-the-environment") {
        command.env_remove("CONFORMANCE_MARK");
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(fault)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A delegate need not read its whole input.
        let _ = stdin.write_all(input.as_bytes());
    }
    let outputs = [collect(child.stdout.take()), collect(child.stderr.take())];
    let status = wait(call, &mut child)?;
    let [stdout, stderr] = outputs.map(|thread| thread.join().unwrap_or_default());
    if status.success() || !call.is_mutant("delegate.stderr-is-handed-on") {
        // Fails if stderr is closed, which does not matter.
        let _ = std::io::stderr().write_all(stderr.as_bytes());
    }
    Ok((status, stdout))
}

/// Waits for the delegate, with the deadline in the configuration (`patience`, in milliseconds).
fn wait(call: &Call, child: &mut Child) -> Result<ExitStatus, Fault> {
    let patience = call.key("patience").as_u64().filter(|_| !call.is_mutant("delegate.may-hang"));
    let deadline = patience.map(|patience| Instant::now() + Duration::from_millis(patience));
    loop {
        let status = child.try_wait().map_err(|error| Fault::new(100, error.to_string()))?;
        match (status, deadline) {
            (Some(status), _) => return Ok(status),
            (None, Some(deadline)) if Instant::now() > deadline => {
                let group = rustix::process::Pid::from_child(child);
                // Fails only if it has just exited.
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                let _ = child.wait();
                return Err(Fault::new(11, "the delegate did not exit in time"));
            }
            (None, _) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn collect(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            // What was read before an error is used.
            let _ = stream.read_to_end(&mut bytes);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
