//! A way to run the script in; never to return.
//!
//! On Unix the interpreter takes our process over, so that signals, terminal, exit status and process tree are those
//! of plain Python: nothing of ours is left to be in the way.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::{env, io, ptr};

use super::inherited;
use crate::duration::Limits;
use crate::options::{RunOptions, variable};

/// What the runtime learns from us; see `start.py`.
pub const VARIABLE: &str = "DEVSTASH_RUN";

/// How the script is started.
#[derive(Debug)]
pub enum Way {
    /// As without us.
    Plain,
    /// From its byte-code.
    Direct { pyc: PathBuf },
    /// By the program that makes the byte-code first; it chooses the name where `pyc` is `None`, because only the
    /// interpreter that a shim picks knows which one it is.
    Rewrite {
        rewriter: PathBuf,
        plan: PathBuf,
        pyc: Option<PathBuf>,
    },
}

/// What of Python's own settings matters before Python is there to read them.
#[derive(Debug)]
pub struct Settings {
    /// PYTHON* variables count for nothing (-E, -I).
    ignores_environment: bool,
    /// 0, 1 or 2.
    pub optimize: u8,
}

impl Settings {
    pub fn new(flags: &[OsString]) -> Settings {
        let ignores_environment = flags.iter().any(|flag| flag == "-E" || flag == "-I");
        let typed = flags.iter().filter(|flag| *flag == "-O").count();
        let set = if ignores_environment {
            None
        } else {
            variable("PYTHONOPTIMIZE")
        };
        // CPython takes the larger of the two, and anything that is no number for 1.
        let set = set.map_or(0, |value| {
            value
                .to_str()
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(1)
        });
        Settings {
            ignores_environment,
            optimize: typed.max(set).min(2) as u8,
        }
    }

    /// The interpreter must be started with its PYTHON* variables, even when it does not run the script.
    ///
    /// One says where its library is. The other keeps it from changing LC_CTYPE, which the script would inherit.
    pub fn needs_environment(&self) -> bool {
        let set = |name: &&str| variable(name).is_some();
        !self.ignores_environment && ["PYTHONHOME", "PYTHONCOERCECLOCALE"].iter().any(set)
    }

    /// What decides which text Python makes of `filename`'s bytes: empty where all ways agree.
    pub fn encoding(&self, filename: &OsStr, flags: &[OsString]) -> Vec<u8> {
        if filename.as_bytes().is_ascii() {
            return Vec::new();
        }
        let variables = [
            "LC_ALL",
            "LC_CTYPE",
            "LANG",
            "PYTHONUTF8",
            "PYTHONCOERCECLOCALE",
        ];
        let variables = variables
            .iter()
            .map(|name| variable(name).unwrap_or_default());
        let typed = flags
            .iter()
            .filter(|flag| flag.as_bytes().windows(4).any(|part| part == b"utf8"))
            .cloned();
        variables
            .chain(typed)
            .flat_map(|value| [value.into_vec(), vec![0]].concat())
            .collect()
    }

    /// Flags for a Python that is to read no one's settings and import no one's modules.
    ///
    /// PYTHONUTF8 still has to decide how it understands file names, as it does for the script.
    fn isolation(&self) -> Vec<OsString> {
        let mut flags: Vec<OsString> = if self.needs_environment() {
            vec!["-s".into()]
        } else {
            vec!["-I".into()]
        };
        flags.extend(["-S".into(), "-B".into()]);
        let utf8 = if self.ignores_environment {
            None
        } else {
            variable("PYTHONUTF8")
        };
        if let Some(mode) = utf8.filter(|mode| mode == "0" || mode == "1") {
            flags.extend([
                "-X".into(),
                OsString::from_vec([b"utf8=", mode.as_bytes()].concat()),
            ]);
        }
        flags
    }
}

/// All that a start needs to know.
#[derive(Debug)]
pub struct Start<'a> {
    pub options: &'a RunOptions,
    pub settings: &'a Settings,
    pub interpreter: &'a Path,
    /// `__file__`.
    pub filename: &'a OsStr,
    /// `sys.path[0]`.
    pub folder: &'a Path,
    /// Where the run notes what is counted when it is over: see `beside.rs`.
    pub notes: Option<&'a Path>,
}

impl Start<'_> {
    /// Become the interpreter. Returns only when that cannot be started.
    pub fn go(&self, way: &Way) -> io::Error {
        let line = self.line(way);
        let told = match way {
            Way::Plain => None,
            Way::Direct { .. } | Way::Rewrite { .. } => Some(self.told()),
        };
        // SAFETY: the only other thread there may be is one that waits for a program to end, and reads no variable.
        unsafe {
            match told {
                Some(told) => env::set_var(VARIABLE, told),
                None => env::remove_var(VARIABLE),
            }
        }
        let error = execute(self.interpreter, &line);
        match way {
            // Ours is a little longer than the line of plain Python, which may still fit.
            Way::Direct { .. } | Way::Rewrite { .. }
                if error.raw_os_error() == Some(libc::E2BIG) && !self.options.offline =>
            {
                self.go(&Way::Plain)
            }
            _ => error,
        }
    }

    /// The whole command line, beginning with the interpreter's name.
    fn line(&self, way: &Way) -> Vec<OsString> {
        let path = |path: &Path| path.as_os_str().to_owned();
        let flags = self.flags();
        let mut line = vec![path(self.interpreter)];
        match way {
            Way::Plain => {
                line.extend(flags);
                line.push(self.options.script.clone());
            }
            Way::Direct { pyc } => {
                line.extend(flags);
                line.push(path(pyc));
            }
            Way::Rewrite {
                rewriter,
                plan,
                pyc,
            } => {
                line.extend(self.settings.isolation());
                line.push(path(rewriter));
                line.push(path(plan));
                line.push(pyc.as_deref().map_or("-".into(), path));
                line.push(self.filename.to_owned());
                line.push(self.settings.optimize.to_string().into());
                line.push(flags.len().to_string().into());
                line.extend(flags);
                line.push(self.options.script.clone());
            }
        }
        line.extend(self.options.args.iter().cloned());
        line
    }

    /// Python's own flags, with the `--` that a script whose name looks like one needs.
    fn flags(&self) -> Vec<OsString> {
        let mut flags = self.options.python_flags.clone();
        let script = self.options.script.as_bytes();
        if script.len() > 1 && script[0] == b'-' {
            flags.push("--".into());
        }
        flags
    }

    /// The value of DEVSTASH_RUN: lines `name=value`, with `%25` and `%0A` for `%` and a line end.
    ///
    /// What is not asked for is not told.
    fn told(&self) -> OsString {
        let options = self.options;
        let flag = |set: bool| if set { "1" } else { "0" };
        let count = self.flags().len().to_string();
        let verbosity = options.verbosity.to_string();
        // Asked of the system, not of `argv[0]`, which may be any name; unknown, no output is recorded.
        let exe = env::current_exe().unwrap_or_default();
        let defaults = options.defaults.lines();
        let limits = limits(&options.limits);
        let verify = options.verify.map(|share| share.to_string());
        let asked_for = [
            (
                "refresh_pattern",
                options.refresh_pattern.as_deref().map(OsStr::new),
            ),
            ("verify", verify.as_deref().map(OsStr::new)),
            ("explain", options.explain.then_some(OsStr::new("1"))),
            ("offline", options.offline.then_some(OsStr::new("1"))),
            ("notes", self.notes.map(Path::as_os_str)),
        ];
        let mut pairs: Vec<(&str, &OsStr)> = vec![
            ("script", &options.script),
            ("path0", self.folder.as_os_str()),
            ("cache_dir", options.cache_dir.as_os_str()),
            ("refresh", flag(options.refresh).as_ref()),
            ("record", flag(options.record).as_ref()),
            ("cache", flag(!options.no_cache).as_ref()),
            ("verbosity", verbosity.as_ref()),
            ("flags", count.as_ref()),
            ("version", env!("CARGO_PKG_VERSION").as_ref()),
            ("exe", exe.as_os_str()),
            ("summary", options.summary.word().as_ref()),
        ];
        if !limits.is_empty() {
            pairs.push(("limits", limits.as_ref()));
        }
        if !defaults.is_empty() {
            pairs.push(("defaults", defaults.as_ref()));
        }
        let asked_for = asked_for.into_iter();
        pairs.extend(asked_for.filter_map(|(name, value)| Some((name, value?))));
        let mut told = Vec::new();
        for (name, value) in pairs {
            told.extend(name.as_bytes());
            told.push(b'=');
            for byte in value.as_bytes() {
                match byte {
                    b'%' => told.extend(b"%25"),
                    b'\n' => told.extend(b"%0A"),
                    byte => told.push(*byte),
                }
            }
            told.push(b'\n');
        }
        OsString::from_vec(told)
    }
}

/// Limits as flags of `devstash gc`, which the runtime starts where there are some.
fn limits(limits: &Limits) -> String {
    let flags = [
        limits.max_size.map(|bytes| format!("--max-size={bytes}B")),
        limits
            .max_entries
            .map(|count| format!("--max-entries={count}")),
        limits
            .max_age
            .map(|seconds| format!("--max-age={seconds}s")),
    ];
    flags.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Replace this process by `program`. Not by way of `std`, which would unblock signals that our parent has blocked.
fn execute(program: &Path, line: &[OsString]) -> io::Error {
    let text = |word: &OsStr| {
        CString::new(word.as_bytes()).expect("words of a command line hold no zero byte")
    };
    let program = text(program.as_os_str());
    let words: Vec<CString> = line.iter().map(|word| text(word)).collect();
    let pointers: Vec<_> = words
        .iter()
        .map(|word| word.as_ptr())
        .chain([ptr::null()])
        .collect();
    inherited::restore();
    // SAFETY: C strings and a list of them that ends with a null pointer, all alive during the call.
    unsafe { libc::execv(program.as_ptr(), pointers.as_ptr()) };
    io::Error::last_os_error()
}
