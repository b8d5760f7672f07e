//! Configuration files: where they are, and what they say.
//!
//! A run looks for them every time, so there is one `open` per folder upward and no more; a file is parsed only when
//! `devstash` stands in it.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use memchr::memmem;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::{EXCLUSIVE, Key, OF_MARKERS, SETTINGS};
use super::value::{Base, Value};
use crate::diagnostic::{Diagnostic, line_of};
use crate::exit::reason;
use crate::nearest::nearest;
use crate::owner::is_trusted;
use crate::shown::{shown, shown_path};

/// What our table is called in a `pyproject.toml`.
const TABLE: &str = "devstash";

/// What one file says.
#[derive(Debug, Default)]
pub struct Said {
    /// Absolute.
    pub path: PathBuf,
    /// Each with its line, counted from 1.
    pub values: Vec<(Key, Value, usize)>,
    pub faults: Vec<Fault>,
}

/// Why a file, or a part of it, says nothing.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Drawn on its line.
    Drawn(Diagnostic),
    /// A variable, or a file that cannot be read: message and hint.
    Told(String),
}

/// The nearest `pyproject.toml` in `folder` or above it that has a `[tool.devstash]`.
///
/// One that a third user has put above is passed over, and added to `passed`.
pub fn project(folder: &Path, home: Option<&Path>, passed: &mut Vec<PathBuf>) -> Option<Said> {
    folder.ancestors().find_map(|above| {
        let path = above.join("pyproject.toml");
        let (file, text) = match read(&path)? {
            Ok(found) => found,
            // It may be no business of ours at all.
            Err(_) => return None,
        };
        let (said, has_table) = Reading::new(&path, &text, home).project();
        if !has_table {
            return None;
        }
        if file.metadata().is_ok_and(|seen| !is_trusted(&seen, folder)) {
            passed.push(path);
            return None;
        }
        Some(said)
    })
}

/// The user's own file, if there is one.
pub fn user(path: &Path, home: Option<&Path>) -> Option<Said> {
    match read(path)? {
        Ok((_, text)) => Some(Reading::new(path, &text, home).user()),
        Err(error) => Some(Said {
            path: path.to_owned(),
            faults: vec![Fault::Told(format!(
                "`{}` cannot be read: {}",
                shown_path(path),
                reason(&error)
            ))],
            ..Said::default()
        }),
    }
}

/// The file and its text; `None` when there is none.
fn read(path: &Path) -> Option<io::Result<(File, String)>> {
    // A pipe of that name must not make us wait for a writer.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path);
    let mut file = match opened {
        Ok(file) => file,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return None;
        }
        Err(error) => return Some(Err(error)),
    };
    let mut bytes = Vec::new();
    let text = file
        .read_to_end(&mut bytes)
        .and_then(|_| String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8")));
    Some(text.map(|text| (file, text)))
}

/// One file that is being read.
struct Reading<'a> {
    text: &'a str,
    base: Base<'a>,
    said: Said,
}

impl<'a> Reading<'a> {
    fn new(path: &'a Path, text: &'a str, home: Option<&'a Path>) -> Reading<'a> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        let said = Said {
            path: path.to_owned(),
            ..Said::default()
        };
        Reading {
            text,
            base: Base::File { folder, home },
            said,
        }
    }

    /// The whole file is ours.
    fn user(mut self) -> Said {
        if let Some(whole) = self.parse() {
            self.table(whole.get_ref());
        }
        self.said
    }

    /// Only `[tool.devstash]` is ours; whether there is one.
    fn project(mut self) -> (Said, bool) {
        if memmem::find(self.text.as_bytes(), TABLE.as_bytes()).is_none() {
            return (self.said, false);
        }
        let Some(whole) = self.parse() else {
            return (self.said, true);
        };
        let Some(ours) = whole
            .get_ref()
            .get("tool")
            .and_then(|tool| tool.get_ref().get(TABLE))
        else {
            return (self.said, false);
        };
        match ours.get_ref() {
            DeValue::Table(table) => self.table(table),
            _ => self.fault(
                ours.span(),
                "`tool.devstash` is a table".to_owned(),
                "write `[tool.devstash]`".to_owned(),
            ),
        }
        (self.said, true)
    }

    fn parse(&mut self) -> Option<Spanned<DeTable<'a>>> {
        // A byte order mark is none of TOML's letters, but editors write it.
        match DeTable::parse(self.text) {
            Ok(table) => Some(table),
            Err(error) => {
                let message = error.message().lines().collect::<Vec<_>>().join(", ");
                let message = shown(OsStr::new(&message));
                let range = error.span().unwrap_or_default();
                self.fault(range, format!("this is not TOML: {message}"), String::new());
                None
            }
        }
    }

    fn table(&mut self, table: &DeTable<'_>) {
        // In the order of the text, because that is how faults are read.
        let mut members: Vec<_> = table.iter().collect();
        members.sort_by_key(|(name, _)| name.span().start);
        for (name, value) in members {
            let Some(key) = Key::named(name.get_ref()) else {
                let hint = self.advice(name.get_ref());
                self.fault(
                    name.span(),
                    format!("unknown setting `{}`", name.get_ref().escape_debug()),
                    hint,
                );
                continue;
            };
            match Value::from_toml(key.setting().kind, value, self.base) {
                Ok(value) => {
                    self.said
                        .values
                        .push((key, value, line_of(self.text, name.span().start)))
                }
                Err((range, wrong)) => {
                    let hint = match wrong.hint.as_str() {
                        "" => format!("write `{}`", key.setting().example),
                        hint => hint.to_owned(),
                    };
                    self.fault(range, wrong.message, hint);
                }
            }
        }
        self.exclusions(table);
        self.said.faults.sort_by_key(|fault| match fault {
            Fault::Drawn(drawn) => (drawn.line, drawn.column),
            Fault::Told(_) => (0, 0),
        });
    }

    /// What is switched on together and cannot be.
    fn exclusions(&mut self, table: &DeTable<'_>) {
        for (one, other) in EXCLUSIVE {
            let set = |key| {
                self.said
                    .values
                    .iter()
                    .any(|(said, value, _)| *said == key && *value == Value::Switch(true))
            };
            if set(one) && set(other) {
                let names = (one.setting().name, other.setting().name);
                let range = table
                    .iter()
                    .find(|(name, _)| name.get_ref() == names.1)
                    .map(|(name, _)| name.span());
                self.fault(
                    range.unwrap_or_default(),
                    format!("`{}` and `{}` exclude each other", names.0, names.1),
                    "keep one of them".to_owned(),
                );
            }
        }
    }

    fn advice(&self, name: &str) -> String {
        if OF_MARKERS.contains(&name) {
            return format!(
                "`{name}` is an option of a marker: write it on its line, as in `# @devstash {name}…`"
            );
        }
        let known = SETTINGS.iter().map(|setting| setting.name);
        match nearest(&name.replace('-', "_"), known).first() {
            Some(name) => format!("did you mean `{name}`?"),
            None => {
                let names: Vec<_> = SETTINGS
                    .iter()
                    .map(|setting| format!("`{}`", setting.name))
                    .collect();
                format!("the settings are {}", names.join(", "))
            }
        }
    }

    fn fault(&mut self, range: Range<usize>, message: String, hint: String) {
        let hint = Some(hint).filter(|hint| !hint.is_empty());
        let drawn = Diagnostic::in_text(&self.said.path, self.text, range, message, hint);
        self.said.faults.push(Fault::Drawn(drawn));
    }
}
