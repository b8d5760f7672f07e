//! Files, variables and options in; what is set, and where it was said, out.
//!
//! A setting can be said in the user's file, in the project's `pyproject.toml`, in a variable and on the command line;
//! what is said nearer to the marked line wins. Which settings there are stands in one table, `key.rs`.

mod file;
mod key;
mod value;

use std::cmp::Ordering;
use std::env;
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

pub use file::Fault;
pub use key::{Key, SETTINGS, Setting};
pub use value::{Kind, Value};

use anyhow::{Result, bail};

use crate::diagnostic::Diagnostic;
use crate::shown::shown_path;
use key::{COUNT, EXCLUSIVE};
use value::Base;

/// Where a setting was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An option of the command line, as it is spelled.
    Option(&'static str),
    /// An environment variable.
    Variable(&'static str),
    /// A line of a file: of the project's where it is not the user's own.
    File {
        path: PathBuf,
        line: usize,
        of_user: bool,
    },
}

impl Origin {
    /// How near to the marked line it stands.
    fn nearness(&self) -> u8 {
        match self {
            Origin::Option(_) => 3,
            Origin::Variable(_) => 2,
            Origin::File { of_user: false, .. } => 1,
            Origin::File { of_user: true, .. } => 0,
        }
    }
}

/// As shown to people: a file by its path from the current folder where it lies below.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Option(option) => f.write_str(option),
            Origin::Variable(name) => f.write_str(name),
            Origin::File { path, line, .. } => write!(f, "{}:{line}", shown_path(&from_here(path))),
        }
    }
}

/// Everything that is set, each by what is said nearest to the line.
#[derive(Debug)]
pub struct Config {
    said: [Option<(Value, Origin)>; COUNT],
    /// What could not be understood, in the order of reading.
    pub faults: Vec<Fault>,
    /// Files of other users, which count for nothing.
    pub passed: Vec<PathBuf>,
    /// The `pyproject.toml` that counts, absolute.
    pub project: Option<PathBuf>,
    here: PathBuf,
}

impl Default for Config {
    /// Nothing is said by anybody.
    fn default() -> Config {
        Config {
            said: [const { None }; COUNT],
            faults: Vec::new(),
            passed: Vec::new(),
            project: None,
            here: env::current_dir().unwrap_or_default(),
        }
    }
}

impl Config {
    /// What files and variables say for a script in `folder`, or for the current folder when that is empty.
    pub fn read(folder: &Path) -> Config {
        let mut config = Config::default();
        let home = env::home_dir();
        if let Some(path) = user_file(home.as_deref()) {
            config.file(file::user(&path, home.as_deref()), true);
        }
        let start = if folder.as_os_str().is_empty() {
            config.here.clone()
        } else {
            folder.to_owned()
        };
        let project = file::project(&start, home.as_deref(), &mut config.passed);
        config.project = project.as_ref().map(|said| said.path.clone());
        config.file(project, false);
        config.variables();
        config
    }

    fn file(&mut self, said: Option<file::Said>, of_user: bool) {
        let Some(said) = said else { return };
        for (key, value, line) in said.values {
            let path = said.path.clone();
            self.set(
                key,
                value,
                Origin::File {
                    path,
                    line,
                    of_user,
                },
            );
        }
        self.faults
            .extend(said.faults.into_iter().map(|fault| match fault {
                Fault::Drawn(drawn) => Fault::Drawn(Diagnostic {
                    path: from_here(&drawn.path),
                    ..drawn
                }),
                told => told,
            }));
    }

    fn variables(&mut self) {
        for setting in &SETTINGS {
            // Set but empty counts as not set.
            let Some(words) = env::var_os(setting.variable).filter(|words| !words.is_empty())
            else {
                continue;
            };
            let base = Base::Here(&self.here);
            match Value::from_words(setting.kind, &words, base) {
                Ok(value) => self.set(setting.key, value, Origin::Variable(setting.variable)),
                Err(wrong) => self.faults.push(Fault::Told(format!(
                    "`{}`: {}\n\nhint: {}",
                    setting.variable, wrong.message, wrong.hint
                ))),
            }
        }
    }

    fn set(&mut self, key: Key, value: Value, origin: Origin) {
        self.said[key as usize] = Some((value, origin));
    }

    /// Take an option of the command line into account, which was given the words `words`; without any it says nothing.
    ///
    /// # Errors
    ///
    /// Message and hint, when it cannot be understood.
    pub fn typed(&mut self, key: Key, option: &'static str, words: Option<&OsStr>) -> Result<()> {
        let Some(words) = words else { return Ok(()) };
        let base = Base::Here(&self.here);
        match Value::from_words(key.setting().kind, words, base) {
            Ok(value) => {
                self.set(key, value, Origin::Option(option));
                Ok(())
            }
            Err(wrong) => bail!("`{option}`: {}\n\nhint: {}", wrong.message, wrong.hint),
        }
    }

    /// Take an option without a value into account, if it was given.
    pub fn switched(&mut self, key: Key, option: &'static str, given: bool) {
        if given {
            self.given(key, option, Value::Switch(true));
        }
    }

    /// Take an option with this value into account.
    pub fn given(&mut self, key: Key, option: &'static str, value: Value) {
        self.set(key, value, Origin::Option(option));
    }

    /// Whether the command line says it.
    pub fn is_typed(&self, key: Key) -> bool {
        matches!(self.get(key), Some((_, Origin::Option(_))))
    }

    /// The current folder; empty where it is gone.
    pub fn here(&self) -> &Path {
        &self.here
    }

    /// What `key` is set to and where; `None` where nobody says anything.
    pub fn get(&self, key: Key) -> Option<&(Value, Origin)> {
        self.said[key as usize].as_ref()
    }

    /// Whether it is switched on, and not off by what is said nearer for another that excludes it.
    pub fn switch(&self, key: Key) -> bool {
        matches!(
            self.effective(key).0,
            Some(Value::Switch(true) | Value::Share(_) | Value::Text(_))
        )
    }

    /// What counts for `key` in the end, and who has said so: for a switch that may be what excludes it.
    pub fn effective(&self, key: Key) -> (Option<Value>, Option<Origin>) {
        let said = |key| self.get(key).cloned().unzip();
        let on = |key| match self.get(key) {
            Some((Value::Switch(true) | Value::Share(_) | Value::Text(_), origin)) => Some(origin),
            _ => None,
        };
        let Some(mine) = on(key) else {
            return said(key);
        };
        let some_refresh = self.text(Key::Refresh).is_some();
        for (one, other) in EXCLUSIVE {
            if some_refresh && (one, other) == (Key::Verify, Key::Refresh) {
                continue;
            }
            let rival = match key {
                key if key == one => other,
                key if key == other => one,
                _ => continue,
            };
            // Of two that are said equally near, in variables, the first of the pair counts.
            let beaten = |theirs: &&Origin| match mine.nearness().cmp(&theirs.nearness()) {
                Ordering::Less => true,
                Ordering::Equal => key == other,
                Ordering::Greater => false,
            };
            if let Some(theirs) = on(rival).filter(beaten) {
                return (Some(Value::Switch(false)), Some(theirs.clone()));
            }
        }
        said(key)
    }

    pub fn path(&self, key: Key) -> Option<&Path> {
        match self.get(key)? {
            (Value::Path(path), _) => Some(path),
            _ => None,
        }
    }

    pub fn text(&self, key: Key) -> Option<&str> {
        match self.get(key)? {
            (Value::Text(text), _) => Some(text),
            _ => None,
        }
    }

    /// Seconds, bytes or how many.
    pub fn number(&self, key: Key) -> Option<u64> {
        match self.get(key)? {
            (Value::Age(age), _) => Some(age.seconds()),
            (Value::Size(number) | Value::Count(number), _) => Some(*number),
            _ => None,
        }
    }

    /// Of a hundred; all of them where it is only switched on.
    pub fn share(&self, key: Key) -> f64 {
        match self.get(key) {
            Some((Value::Share(millionths), _)) => f64::from(*millionths) / 10_000.0,
            _ => 100.0,
        }
    }

    pub fn list(&self, key: Key) -> &[String] {
        match self.get(key) {
            Some((Value::List(items), _)) => items,
            _ => &[],
        }
    }

    /// All faults as one message, if there are any.
    pub fn complaint(&self) -> Option<String> {
        let texts: Vec<String> = self.faults.iter().map(ToString::to_string).collect();
        (!texts.is_empty()).then(|| texts.join("\n\n"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Drawn(drawn) => f.write_str(drawn.to_string().trim_end()),
            Fault::Told(text) => write!(f, "devstash: {text}"),
        }
    }
}

/// `$XDG_CONFIG_HOME/devstash/config.toml`, by default below `~/.config`.
pub fn user_file(home: Option<&Path>) -> Option<PathBuf> {
    let below = env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(home.filter(|home| home.is_absolute())?.join(".config")))?;
    Some(below.join("devstash/config.toml"))
}

/// A path as people see it: from the current folder, where it lies below or a few levels above.
fn from_here(path: &Path) -> PathBuf {
    let here = env::current_dir().unwrap_or_default();
    let levels = here
        .ancestors()
        .take(4)
        .filter(|above| above.parent().is_some())
        .enumerate();
    for (up, above) in levels {
        if let Ok(tail) = path.strip_prefix(above) {
            return std::iter::repeat_n(Path::new(".."), up)
                .chain([tail])
                .collect();
        }
    }
    path.to_owned()
}
