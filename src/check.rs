//! Scripts in, what is wrong with their markers and the settings for them out; nothing is run.
//!
//! The messages are those of `run`, because they come from the same `plan`.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use crate::diagnostic::Diagnostic;
use crate::exit::{ExitStatus, reason};
use crate::json::{document, path_as_text};
use crate::options::CheckOptions;
use crate::plan::{self, PlanError};
use crate::shown::shown;
use crate::source::Source;

/// Of the JSON.
const FORMAT: u32 = 1;

/// Print every faulty setting and marker of every script to stdout, drawn as `run` draws it, or as JSON.
///
/// `Usage` when there is one, or when a script cannot be judged; all scripts are judged in any case.
pub fn check(options: &CheckOptions) -> Result<ExitStatus> {
    let complaints = options.complaints.iter().cloned().map(Fault::Settings);
    let faults: Vec<Fault> = complaints
        .chain(options.scripts.iter().flat_map(|script| faults(script)))
        .collect();
    if options.json {
        let rows: Vec<Value> = faults.iter().map(Fault::json).collect();
        let text = document(&json!({"format": FORMAT, "faults": rows}));
        io::stdout().write_all(text.as_bytes())?;
    } else if !faults.is_empty() {
        let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
        writeln!(io::stdout(), "{}", texts.join("\n\n"))?;
    }
    Ok(if faults.is_empty() {
        ExitStatus::Success
    } else {
        ExitStatus::Usage
    })
}

/// What is wrong with a script.
enum Fault {
    /// The settings for it: the whole message.
    Settings(String),
    /// It cannot be judged, as is said.
    Script(PathBuf, String),
    Marker(Diagnostic),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Settings(text) => f.write_str(text),
            Fault::Script(path, text) => write!(f, "{}: {text}", shown(path.as_os_str())),
            Fault::Marker(drawn) => f.write_str(drawn.to_string().trim_end()),
        }
    }
}

impl Fault {
    fn json(&self) -> Value {
        match self {
            Fault::Settings(text) => {
                json!({"file": null, "line": null, "column": null, "width": null, "message": text, "hint": null})
            }
            Fault::Script(path, text) => {
                json!({"file": path_as_text(path.as_os_str()), "line": null, "column": null, "width": null, "message": text, "hint": null})
            }
            Fault::Marker(one) => json!({
                "file": path_as_text(one.path.as_os_str()),
                "line": one.line,
                "column": one.column + 1,
                "width": one.width,
                "message": one.message,
                "hint": one.hint,
            }),
        }
    }
}

/// What is wrong with one script and its markers.
fn faults(script: &OsStr) -> Vec<Fault> {
    let path = PathBuf::from(script);
    let bytes = match fs::read(script) {
        Ok(bytes) => bytes,
        Err(error) => {
            let text = format!("cannot be read: {}", reason(&error));
            return vec![Fault::Script(path, text)];
        }
    };
    let planned = match Source::decode(path.clone(), bytes) {
        Ok(source) => plan::plan(&source),
        Err(error) => Err(PlanError::Syntax {
            message: error.to_string(),
        }),
    };
    match planned {
        Ok(_) => Vec::new(),
        Err(PlanError::Syntax { message }) => {
            vec![Fault::Script(path, format!("cannot be parsed: {message}"))]
        }
        Err(PlanError::Markers(found)) => found.into_iter().map(Fault::Marker).collect(),
    }
}
