//! The output of the plugin.

use std::io::Write;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::call::Call;
use crate::fault::Fault;

/// The outputs and the exit status.
pub(crate) struct Reply {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) status: u8,
}

impl Reply {
    pub(crate) fn success(document: Option<Value>) -> Self {
        let stdout = document.map(|document| format!("{document}\n")).unwrap_or_default();
        Self { stdout, stderr: String::new(), status: 0 }
    }

    pub(crate) fn failure(call: &Call, fault: &Fault) -> Self {
        let mut error = json!({ "cniVersion": call.version, "code": fault.code, "msg": fault.msg });
        if let Some(details) = &fault.details {
            error["details"] = details.as_str().into();
        }
        Self { stdout: format!("{error}\n"), stderr: String::new(), status: 1 }
    }

    pub(crate) fn print(&self, call: &Call) -> ExitCode {
        // Not eprint!, since the standard library ignores a closed stderr.
        let written = rustix::io::write(std::io::stderr(), self.stderr.as_bytes());
        if call.is_mutant("execution.stderr-does-not-matter") && written.is_err() {
            return ExitCode::from(101);
        }
        let mut stdout = std::io::stdout();
        let printed = stdout.write_all(self.stdout.as_bytes()).and_then(|()| stdout.flush());
        match printed {
            Err(_) if !call.is_mutant("execution.full-stdout-is-a-failure") => ExitCode::from(1),
            _ => ExitCode::from(self.status),
        }
    }
}
