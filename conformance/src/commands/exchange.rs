//! A call of a plugin as human-readable text.

use cni_conformance::exchange::Exchange;

/// Returns the variables, input, outputs and end of a call, a line for each.
pub(super) fn lines(exchange: &Exchange, indent: &str) -> String {
    let mut text = String::new();
    for (key, value) in exchange.environment.iter().filter(|(key, _)| key.starts_with("CNI_")) {
        text.push_str(&format!("{indent}{key}={value}\n"));
    }
    let streams =
        [("stdin", &exchange.stdin), ("stdout", &exchange.stdout), ("stderr", &exchange.stderr)];
    for (name, bytes) in streams {
        let lines = bytes.trim_end().replace('\n', &format!("\n{indent}       "));
        text.push_str(&format!("{indent}{name:<6} {lines}\n"));
    }
    let end = match (exchange.exit, exchange.signal) {
        (Some(status), _) => format!("exit {status}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "still running at the time limit,".to_owned(),
    };
    text + &format!("{indent}{end} after {} ms\n", exchange.millis)
}
