//! Scripts in, what is wrong with their markers and the settings for them out; nothing is run.
//!
//! The messages are those of `run`, because they come from the same `plan`.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::Result;

use crate::exit::{ExitStatus, reason};
use crate::options::CheckOptions;
use crate::plan::{self, PlanError};
use crate::shown::shown;
use crate::source::Source;

/// Print every faulty setting and marker of every script to stdout, drawn as `run` draws it.
///
/// `Usage` when there is one, or when a script cannot be judged; all scripts are judged in any case.
pub fn check(options: &CheckOptions) -> Result<ExitStatus> {
    let found = options.scripts.iter().flat_map(|script| faults(script));
    let faults: Vec<String> = options.complaints.iter().cloned().chain(found).collect();
    if faults.is_empty() {
        return Ok(ExitStatus::Success);
    }
    writeln!(io::stdout(), "{}", faults.join("\n\n"))?;
    Ok(ExitStatus::Usage)
}

/// What is wrong with the markers of one script.
fn faults(script: &OsStr) -> Vec<String> {
    let shown = shown(script);
    let bytes = match fs::read(script) {
        Ok(bytes) => bytes,
        Err(error) => return vec![format!("{shown}: cannot be read: {}", reason(&error))],
    };
    let planned = match Source::decode(PathBuf::from(script), bytes) {
        Ok(source) => plan::plan(&source),
        Err(error) => Err(PlanError::Syntax {
            message: error.to_string(),
        }),
    };
    match planned {
        Ok(_) => Vec::new(),
        Err(PlanError::Syntax { message }) => vec![format!("{shown}: cannot be parsed: {message}")],
        Err(PlanError::Markers(found)) => found
            .iter()
            .map(|one| one.to_string().trim_end().to_owned())
            .collect(),
    }
}
