//! An entry and the user's interpreter in; the bytes of its value, in the form that is asked for, out.
//!
//! devstash itself never unpickles. The runtime does it, in a process of its own, once it has found the entry to be
//! signed with the user's own key (`export.py`); what is said on stderr comes from there.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::discover::{self, probe};
use crate::exit::{ExitStatus, reason};
use crate::options::{Python, variable};
use crate::runtime;
use crate::runtime::home::Home;

use super::pick::Picked;
use super::say;

/// Imports the runtime and leaves nothing but installed modules to be found. The script's folder is what an entry says, so
/// it counts only once the entry is known to be the user's own.
const PROGRAM: &str = "\
import sys
root, *words = sys.argv[1:]
if sys.path[:1] == ['']:
    del sys.path[0]
sys.path.insert(0, root)
from devstash.export import main
del sys.path[0]
sys.exit(main(words))";

/// Has the interpreter do `task` with the entry; `rest` is what else `export.py` wants to know. The value goes to
/// `stdout`. Whatever keeps it from that has been said when this returns.
pub fn unpickle(
    picked: &Picked,
    python: Option<&Python>,
    task: &str,
    rest: &OsStr,
    stdout: Stdio,
) -> anyhow::Result<ExitStatus> {
    let here = env::current_dir().unwrap_or_default();
    let folder = folder_of(picked).unwrap_or_else(|| here.clone());
    // An entry from elsewhere must not choose what is started.
    let nearest = match folder.starts_with(&here) {
        true => &folder,
        false => &here,
    };
    // One that cannot be started without its PYTHON* variables.
    let keeps = variable("PYTHONHOME").is_some();
    let found = discover::find(python, nearest)
        .and_then(|interpreter| probe::ask(&interpreter, keeps).map(|_| interpreter));
    let interpreter = match found {
        Ok(interpreter) => interpreter,
        Err(error) => {
            say(&error.to_string());
            return Ok(error.status());
        }
    };
    let root = root()?;
    let status = Command::new(&interpreter.path)
        .args(["-B", "-c", PROGRAM])
        .arg(&root)
        .arg(task)
        .arg(picked.path())
        .arg(&folder)
        .arg(rest)
        .env_remove("DEVSTASH_RUN")
        .stdin(Stdio::null())
        .stdout(stdout)
        .status();
    let path = interpreter.path.display();
    let status = match status {
        Ok(status) => status,
        Err(error) => {
            say(&format!("cannot start `{path}`: {}", reason(&error)));
            return Ok(ExitStatus::NoInterpreter);
        }
    };
    Ok(match status.code() {
        Some(0) => ExitStatus::Success,
        Some(2) => ExitStatus::Usage,
        Some(4) => ExitStatus::Trouble,
        _ => {
            say(&format!("`{path}` has failed with the value: {status}"));
            ExitStatus::Trouble
        }
    })
}

/// Where the script lies, whose modules the value may need; None where that is gone.
fn folder_of(picked: &Picked) -> Option<PathBuf> {
    let script = picked.entry.manifest.site.file.as_deref();
    let folder = script.map(Path::new).and_then(Path::parent);
    let there = |folder: &&Path| folder.is_absolute() && folder.is_dir();
    folder.filter(there).map(Path::to_owned)
}

/// Where the runtime lies.
fn root() -> anyhow::Result<PathBuf> {
    let mut why = String::new();
    for choose in [Home::of_user, Home::temporary] {
        match choose() {
            Ok(home) => {
                return runtime::unpack(&home.root)
                    .map(|()| home.root.clone())
                    .with_context(|| format!("cannot write to `{}`", home.root.display()));
            }
            Err(error) => why = error.to_string(),
        }
    }
    bail!("no folder for the runtime: {why}")
}
