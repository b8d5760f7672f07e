//! An interpreter in; whether it is a Python that devstash can use, and how it wants to be started, out.
//!
//! Asking costs the start of an interpreter, so `launch` remembers the answer for as long as the file stays the same.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DiscoverError, Interpreter};

/// The oldest Python that the runtime is written for.
const OLDEST: (u32, u32) = (3, 9);

/// Whoever has not answered by then is no interpreter; a cold start from a slow network file system takes seconds.
const PATIENCE: Duration = Duration::from_secs(10);

/// Understood by every Python since 2.6, so that an old one can say that it is old.
const QUESTION: &str = "\
import sys
implementation = getattr(sys, 'implementation', None)
print('devstash %d %d %s' % (sys.version_info[0], sys.version_info[1], getattr(implementation, 'name', 'cpython')))
print(repr(sys.executable))";

/// What a usable interpreter said of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    pub path: String,
    /// Major and minor version.
    pub version: (u32, u32),
    pub implementation: String,
    /// `repr(sys.executable)`.
    pub executable: String,
    /// The file decides from run to run which Python it starts, so what was learnt of one run says little of the next.
    pub changeable: bool,
}

/// Start `interpreter` and ask what it is. `keep_environment`: it cannot be started without its PYTHON* variables.
pub fn ask(interpreter: &Interpreter, keep_environment: bool) -> Result<Probe, DiscoverError> {
    let path = &interpreter.path;
    let unusable = |why: String| DiscoverError::Unusable {
        path: path.clone(),
        why,
    };
    let mut command = Command::new(path);
    // Not `-I`, which Python 2 does not know.
    command.args(if keep_environment {
        ["-s", "-S"].as_slice()
    } else {
        ["-E", "-s", "-S"].as_slice()
    });
    command.args(["-c", QUESTION]);
    let said = answer(command).map_err(|error| DiscoverError::Unstartable {
        path: path.clone(),
        error,
    })?;
    let Some((bytes, status)) = said else {
        return Err(unusable(format!(
            "it is not Python, or hangs: no answer within {} s",
            PATIENCE.as_secs()
        )));
    };
    let text = String::from_utf8_lossy(&bytes);
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let words: Vec<&str> = first.split(' ').collect();
    let ["devstash", major, minor, implementation] = words[..] else {
        return Err(unusable(match status.code() {
            Some(0) | None => "it is not Python".to_owned(),
            Some(code) => format!("it is not Python, or cannot start (exit status {code})"),
        }));
    };
    let version = (major.parse().unwrap_or(0), minor.parse().unwrap_or(0));
    if implementation != "cpython" {
        return Err(unusable(format!("it is {implementation}, not CPython")));
    }
    if version < OLDEST {
        return Err(unusable(format!("Python {major}.{minor} is too old")));
    }
    Ok(Probe {
        path: path.to_string_lossy().into_owned(),
        version,
        implementation: implementation.to_owned(),
        executable: rest.trim_end().to_owned(),
        changeable: is_changeable(path, rest.trim_end()),
    })
}

/// Whether `path` may start another Python next time: a shim or wrapper (pyenv, asdf, mise, Apple's xcode-select stub).
fn is_changeable(path: &Path, executable: &str) -> bool {
    let canonical = fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    let name = canonical.file_name().unwrap_or(OsStr::new("")).as_bytes();
    // Python reports the path it was started by; a stub that starts another file shows by another path.
    // The comparison is one of texts: where `repr` had to escape something we only lose the quicker way.
    let itself = executable.get(1..executable.len().saturating_sub(1)) == path.to_str();
    !name.starts_with(b"python") || begins_with_hash_bang(&canonical) || !itself
}

fn begins_with_hash_bang(path: &Path) -> bool {
    let mut head = [0; 2];
    fs::File::open(path)
        .and_then(|mut file| file.read_exact(&mut head))
        .is_ok()
        && &head == b"#!"
}

/// What `command` prints, at most a screenful, and how it ended; `None` if it did not end in time.
fn answer(mut command: Command) -> io::Result<Option<(Vec<u8>, ExitStatus)>> {
    // A process group of its own, so that what it starts can be ended with it.
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0);
    let mut child = command.spawn()?;
    let group = -(child.id() as libc::pid_t);
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            // An error leaves what came before it. The pipe is closed behind it: who goes on printing is ended by that.
            let _ = stdout.take(4096).read_to_end(&mut bytes);
        }
        let _ = sender.send(child.wait().map(|status| (bytes, status)));
    });
    match receiver.recv_timeout(PATIENCE) {
        Ok(answer) => answer.map(Some),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            // SAFETY: plain system call; the group is the one made above, whose leader has not been waited for.
            unsafe { libc::kill(group, libc::SIGKILL) };
            Ok(None)
        }
    }
}
