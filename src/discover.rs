//! `--python`, the environment and the script's place in; the interpreter that is to run it out.
//!
//! The order is the one people expect of a tool that is started inside an environment: what was said, then what is
//! activated, then what lies beside the script, then what `python3` would be. `probe` then makes sure that it is one.

pub mod probe;

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use crate::exit::{ExitStatus, reason};
use crate::options::{Python, variable};
use crate::owner::is_trusted;
use crate::shown::{shown, shown_path};

/// An interpreter that exists and may be started; whether it is Python is `probe`'s question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// Absolute, symbolic links kept: an environment's interpreter knows its environment by them.
    pub path: PathBuf,
    /// What makes it this very file, as bytes to be hashed.
    pub identity: Vec<u8>,
}

/// Why there is no interpreter.
#[derive(Debug)]
pub enum DiscoverError {
    /// The one that was named is not there, or is nothing to be started.
    Named {
        name: OsString,
        by: String,
        why: String,
    },
    /// Nobody named one and the usual places have none.
    Nowhere,
    /// It could not be started.
    Unstartable { path: PathBuf, error: io::Error },
    /// It was started and is nothing that devstash can use.
    Unusable { path: PathBuf, why: String },
}

impl DiscoverError {
    pub fn status(&self) -> ExitStatus {
        match self {
            DiscoverError::Unusable { .. } => ExitStatus::Usage,
            _ => ExitStatus::NoInterpreter,
        }
    }
}

impl fmt::Display for DiscoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DiscoverError::Named { name, by, why } => write!(
                f,
                "cannot start `{}`, named by {by}: {why}\n\nhint: give the path of a Python interpreter, or a name on \
                 $PATH such as `python3.12`",
                shown(name)
            ),
            DiscoverError::Nowhere => write!(
                f,
                "no Python interpreter found\n\nhint: activate an environment, have `python3` on $PATH, or name one \
                 with `--python`"
            ),
            DiscoverError::Unstartable { path, error } => write!(
                f,
                "cannot start `{}`: {}\n\nhint: choose another interpreter with `--python`",
                shown_path(path),
                reason(error)
            ),
            DiscoverError::Unusable { path, why } => write!(
                f,
                "cannot use `{}`: {why}\n\nhint: devstash needs CPython 3.9 or newer; choose one with `--python`",
                shown_path(path)
            ),
        }
    }
}

impl std::error::Error for DiscoverError {}

/// The interpreter for a script whose real folder is `folder`; `wanted` is the one that somebody has named.
pub fn find(wanted: Option<&Python>, folder: &Path) -> Result<Interpreter, DiscoverError> {
    if let Some(python) = wanted {
        return named(&python.name, &python.by);
    }
    // An environment that was removed while it was active, or has no Python of its own, is no reason to fail.
    ["VIRTUAL_ENV", "CONDA_PREFIX"]
        .iter()
        .filter_map(variable)
        .find_map(|prefix| startable(Path::new(&prefix).join("bin/python")))
        .or_else(|| beside(folder))
        .or_else(|| {
            ["python3", "python"]
                .iter()
                .find_map(|name| which::which(name).ok().and_then(startable))
        })
        .ok_or(DiscoverError::Nowhere)
}

/// What `name`, said by `by`, stands for: a program's path, an environment's folder, or a name on PATH.
fn named(name: &OsStr, by: &str) -> Result<Interpreter, DiscoverError> {
    let refused = |why: &str| DiscoverError::Named {
        name: name.to_owned(),
        by: by.to_owned(),
        why: why.to_owned(),
    };
    if name.is_empty() {
        return Err(refused("the name is empty"));
    }
    if !name.as_bytes().contains(&b'/') {
        if let Some(found) = which::which(name).ok().and_then(startable) {
            return Ok(found);
        }
        if !Path::new(name).is_dir() {
            return Err(refused("there is no such program on $PATH"));
        }
    }
    let mut path = PathBuf::from(name);
    if path.is_dir() {
        path.push("bin/python");
    }
    match fs::metadata(&path) {
        Err(_) if !Path::new(name).exists() => Err(refused("there is no such file")),
        Err(_) => Err(refused(
            "it is a folder, and no environment with a `bin/python`",
        )),
        Ok(seen) if !seen.is_file() => Err(refused("it is not a file")),
        Ok(_) => startable(path).ok_or_else(|| refused("it is not executable")),
    }
}

/// The interpreter of the nearest `.venv` in `folder` or above it.
///
/// A `.venv` that a third user has put above the script (into a shared `/tmp`, say) is none of ours to start.
fn beside(folder: &Path) -> Option<Interpreter> {
    folder.ancestors().find_map(|above| {
        let environment = above.join(".venv");
        fs::metadata(&environment)
            .ok()
            .filter(|seen| is_trusted(seen, folder))?;
        startable(environment.join("bin/python"))
    })
}

/// `path` as an interpreter, if there is an executable file.
fn startable(path: PathBuf) -> Option<Interpreter> {
    let path = if path.is_absolute() {
        path
    } else {
        env::current_dir().ok()?.join(path)
    };
    let seen = fs::metadata(&path).ok()?;
    let name = std::ffi::CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: `name` is a C string that outlives the call.
    let executable = seen.is_file() && unsafe { libc::access(name.as_ptr(), libc::X_OK) } == 0;
    executable.then(|| Interpreter {
        identity: identity(&path, &seen),
        path,
    })
}

/// Everything that changes when another interpreter comes to stand at `path`.
///
/// The file is the one behind all symbolic links, so that there is no need to know their names.
fn identity(path: &Path, seen: &Metadata) -> Vec<u8> {
    let mut identity = path.as_os_str().as_bytes().to_vec();
    let facts = [
        seen.ino() as i64,
        seen.size() as i64,
        seen.mtime(),
        seen.mtime_nsec(),
        seen.ctime(),
        seen.ctime_nsec(),
    ];
    identity.push(0);
    identity.extend(facts.iter().flat_map(|fact| fact.to_le_bytes()));
    identity
}
