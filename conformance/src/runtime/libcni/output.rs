//! How libcni reads the output of a plugin: results and errors.

use cni_protocol::{AddResult, SpecVersion};
use serde_json::{Map, Value};

use super::result::CachedResult;
use crate::exchange::Exchange;
use crate::runtime::failure::Failure;

/// Reads the result of an ADD; `version` is that of the list.
pub(super) fn result(exchange: &Exchange, version: &str) -> Result<CachedResult, Failure> {
    let exchange = succeeded(exchange)?;
    let wrong = |problem: &str| Failure::of(exchange.clone(), problem);
    // The output `null` is an empty result.
    let printed: Option<Map<String, Value>> =
        serde_json::from_str(&exchange.stdout).map_err(|error| wrong(&error.to_string()))?;
    let printed = printed.unwrap_or_default();
    let own = printed.get("cniVersion").and_then(Value::as_str).filter(|own| !own.is_empty());
    let version = own.unwrap_or(version);
    let known: SpecVersion = version
        .parse()
        .map_err(|_| wrong(&format!("unsupported CNI result version {version:?}")))?;
    let parsed = AddResult::from_value(Value::Object(printed), known);
    Ok(CachedResult::of(&parsed.map_err(|error| wrong(&error.to_string()))?))
}

/// Returns an error in the words of libcni unless the plugin succeeded.
pub(super) fn succeeded(exchange: &Exchange) -> Result<&Exchange, Failure> {
    match (exchange.exit, exchange.held_open) {
        (Some(0), false) => Ok(exchange),
        (Some(0), true) => Err(Failure::of(
            exchange.clone(),
            "it left a process behind that keeps its output open, for which libcni waits",
        )),
        _ => Err(Failure::of(exchange.clone(), error_message(exchange))),
    }
}

fn error_message(exchange: &Exchange) -> String {
    let status = match (exchange.exit, exchange.signal) {
        (Some(status), _) => format!("exit status {status}"),
        (None, Some(signal)) => format!("signal: {signal}"),
        (None, None) => format!("still running after {} ms", exchange.millis),
    };
    if exchange.stdout.is_empty() {
        return match exchange.stderr.is_empty() {
            true => format!("netplugin failed with no error message: {status}"),
            false => format!("netplugin failed: {:?}: {status}", exchange.stderr),
        };
    }
    match error(&exchange.stdout) {
        Some((msg, details)) if details.is_empty() => msg,
        Some((msg, details)) => format!("{msg}; {details}"),
        None => format!(
            "netplugin failed but error parsing its diagnostic message {:?}",
            exchange.stdout
        ),
    }
}

fn error(stdout: &str) -> Option<(String, String)> {
    let error: Map<String, Value> = serde_json::from_str(stdout).ok()?;
    let text = |key: &str| match error.get(key) {
        None | Some(Value::Null) => Some(String::new()),
        Some(value) => value.as_str().map(str::to_owned),
    };
    let code = error.get("code").is_none_or(|code| code.is_u64() || code.is_null());
    code.then_some((text("msg")?, text("details")?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn exchange(exit: Option<i32>, stdout: &str, stderr: &str) -> Exchange {
        Exchange {
            call: "p ADD".to_owned(),
            environment: BTreeMap::new(),
            stdin: String::new(),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
            exit,
            signal: None,
            held_open: false,
            cpu: std::time::Duration::ZERO,
            millis: 1,
        }
    }

    fn refused(exchange: &Exchange) -> String {
        result(exchange, "1.0.0").unwrap_err().message
    }

    #[test]
    fn results_are_accepted_as_by_libcni() {
        let accepted = |stdout: &str, version: &str| {
            result(&exchange(Some(0), stdout, "noise"), version).unwrap().document().to_string()
        };
        assert_eq!(accepted("null", "0.4.0"), r#"{"cniVersion":"0.4.0","dns":{}}"#);
        assert_eq!(accepted("{}", "1.1.0"), r#"{"cniVersion":"1.1.0"}"#);
        let other = accepted(r#"{"cniVersion":"0.2.0","ip4":{"ip":"10.0.0.2/8"},"x":1}"#, "1.0.0");
        assert_eq!(
            other, r#"{"cniVersion":"0.2.0","ip4":{"ip":"10.0.0.2/8"},"dns":{}}"#,
            "of another version"
        );
        // Even an error object is accepted if the exit status is 0.
        assert_eq!(accepted(r#"{"code":7,"msg":"x"}"#, "1.0.0"), r#"{"cniVersion":"1.0.0"}"#);
    }

    #[test]
    fn invalid_outputs_are_refused() {
        for (stdout, part) in [
            ("", "EOF"),
            ("{} {}", "trailing"),
            ("[]", "invalid type"),
            (r#"{"cniVersion":"7.0.0"}"#, "unsupported CNI result version \"7.0.0\""),
            (r#"{"ips":[{"address":"x"}]}"#, "address"),
        ] {
            let message = refused(&exchange(Some(0), stdout, ""));
            assert!(message.contains(part), "{stdout}: {message}");
        }
        let mut lingering = exchange(Some(0), "{}", "");
        lingering.held_open = true;
        assert!(refused(&lingering).contains("keeps its output open"));
    }

    #[test]
    fn error_messages_are_those_of_libcni() {
        let object = r#"{"code":7,"msg":"bad","details":"why","more":1}"#;
        for (stdout, stderr, wanted) in [
            (object, "noise", "bad; why"),
            (r#"{"code":7,"msg":"bad"}"#, "", "bad"),
            ("", "panic\n", "netplugin failed: \"panic\\n\": exit status 3"),
            ("", "", "netplugin failed with no error message: exit status 3"),
            (
                "garbage",
                "lost",
                "netplugin failed but error parsing its diagnostic message \"garbage\"",
            ),
            (
                r#"{"code":"7"}"#,
                "",
                r#"netplugin failed but error parsing its diagnostic message "{\"code\":\"7\"}""#,
            ),
        ] {
            assert_eq!(refused(&exchange(Some(3), stdout, stderr)), wanted);
        }
    }
}
