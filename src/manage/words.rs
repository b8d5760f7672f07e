//! What a manifest tells of a call in, words for people out: its site, what it was seen to read, what it did besides
//! returning.
//!
//! `docs/trace.md` and `docs/cache-format.md` have the rows. A row of a kind or shape that is not known here is told as
//! such: a newer devstash may have written it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::duration;
use crate::entry::Site;
use crate::store::shown;

/// One thing that a call read or did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What kind of thing.
    pub kind: String,
    /// Which one: a path, or the name of a variable, module, generator …
    pub name: Option<String>,
    /// What is to be known of it.
    pub note: Option<String>,
}

impl Fact {
    fn new(kind: &str, name: &str) -> Fact {
        Fact {
            kind: kind.to_owned(),
            name: Some(name.to_owned()),
            note: None,
        }
    }

    fn noting(mut self, note: impl Into<String>) -> Fact {
        self.note = Some(note.into());
        self
    }

    /// Name and note, to be printed.
    pub fn text(&self) -> String {
        let name = self.name.as_deref().map(path_text);
        let note = self.note.as_deref().map(|note| shown(OsStr::new(note)));
        match (name, note) {
            (Some(name), Some(note)) => format!("{name} ({note})"),
            (Some(name), None) => name,
            (None, note) => note.unwrap_or_default().into_owned(),
        }
    }
}

/// A path as manifests have it, to be printed.
pub fn path_text(text: &str) -> String {
    shown(&path_of(text)).into_owned()
}

/// The path that stands in a manifest as this text: NUL and two hex digits stand for a byte that is no UTF-8.
fn path_of(text: &str) -> OsString {
    let mut parts = text.split('\0');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).map(|digits| u8::from_str_radix(digits, 16)) {
            Some(Ok(byte)) => {
                bytes.push(byte);
                bytes.extend(&part.as_bytes()[2..]);
            }
            _ => {
                bytes.push(0);
                bytes.extend(part.as_bytes());
            }
        }
    }
    OsString::from_vec(bytes)
}

/// Where the marked line is: `script.py:42`, the script as seen from the current folder where it is below.
pub fn place(site: &Site) -> Option<String> {
    let file = here(Path::new(site.file.as_ref()?));
    Some(match site.line {
        Some(line) => format!("{file}:{line}"),
        None => file,
    })
}

/// A path, to be printed, as seen from the current folder where it is below.
pub fn here(path: &Path) -> String {
    let folder = env::current_dir().ok();
    let below = folder.and_then(|folder| path.strip_prefix(folder).ok());
    shown(below.unwrap_or(path).as_os_str()).into_owned()
}

/// `1, 2 and 3`.
pub fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [word] => word.clone(),
        [words @ .., last] => format!("{} and {last}", words.join(", ")),
    }
}

/// What a row of the trace tells.
pub fn seen(row: &Value) -> Fact {
    let (kind, name) = (text(&row[0]), text(&row[1]));
    match kind {
        "file" => Fact::new(kind, name).noting(bytes(&row[2])),
        "module" => {
            let file = path_text(name);
            let module = row[8].as_str().unwrap_or(name);
            match module == name {
                true => Fact::new(kind, name),
                false => Fact::new(kind, module).noting(file),
            }
        }
        "absent" => Fact::new(kind, name),
        "dir" => {
            let mut note = match text(&row[2]) {
                "names" => "the names in it",
                "kinds" => "names and kinds of what is in it",
                _ => "names, kinds, sizes and times of what is in it",
            }
            .to_owned();
            let without: Vec<String> = parts(&row[3]).map(|name| path_text(text(name))).collect();
            if !without.is_empty() {
                note = format!("{note}, without {}", listed(&without));
            }
            if is_set(&row[4]) {
                note.push_str("; it may be absent");
            }
            Fact::new("folder", name).noting(note)
        }
        "env" if name.is_empty() => Fact {
            kind: "variable".to_owned(),
            name: None,
            note: Some("which ones there are".to_owned()),
        },
        "env" if row[2].is_null() => Fact::new("variable", name).noting("not set"),
        "env" => Fact::new("variable", name),
        "glob" => Fact::new("pattern", name).noting("the names that match it"),
        _ => match looked(kind, row) {
            Some(note) => Fact::new("look", name).noting(note),
            None => unknown(kind, row),
        },
    }
}

/// What was asked about a path, and the answer.
fn looked(kind: &str, row: &Value) -> Option<String> {
    let (asked, link) = match kind.strip_prefix("link ") {
        Some(asked) => (asked, true),
        None => (kind, false),
    };
    let answer = &row[2];
    let yes = if is_set(answer) { "yes" } else { "no" };
    let found = text(answer);
    // Where nothing was found, or something without such a property, its kind is the answer.
    let note = match asked {
        "exists" => format!("is it there: {yes}"),
        "is file" => format!("is it a file: {yes}"),
        "is dir" => format!("is it a folder: {yes}"),
        "is link" => format!("is it a link: {yes}"),
        "kind" => format!("what is it: {}", kind_text(found)),
        "size" if row[3].is_u64() => format!("how large is it: {}", bytes(&row[3])),
        "size" => format!("how large is it: {}", kind_text(found)),
        "mode" if row[3].is_u64() => format!("what mode has it: {}", mode(&row[3])?),
        "mode" => format!("what mode has it: {}", kind_text(found)),
        "stat" if row[3].is_u64() => format!(
            "kind, size, mode and time: {}, {}, {}",
            kind_text(found),
            bytes(&row[3]),
            mode(&row[4])?
        ),
        "stat" => format!("kind, size, mode and time: {}", kind_text(found)),
        "access" => {
            let wanted = answer.as_u64()?;
            let rights: Vec<String> = [(4, "read"), (2, "written"), (1, "executed")]
                .iter()
                .filter(|(bit, _)| wanted & bit != 0)
                .map(|(_, right)| (*right).to_owned())
                .collect();
            let yes = if is_set(&row[3]) { "yes" } else { "no" };
            match &*rights {
                [] => format!("is it there: {yes}"),
                rights => format!("can it be {}: {yes}", listed(rights)),
            }
        }
        "target" => match answer.as_str() {
            Some(target) => format!("where does it lead: {}", path_text(target)),
            None => "where does it lead: nowhere".to_owned(),
        },
        _ => return None,
    };
    Some(if link {
        format!("{note}; links not followed")
    } else {
        note
    })
}

/// What an entry's effects tell.
pub fn done(effects: &Value) -> Vec<Fact> {
    let Some(members) = effects.as_object() else {
        return Vec::new();
    };
    let mut facts = Vec::new();
    for (member, effect) in members {
        match &**member {
            "objects" => facts.push(Fact {
                kind: member.clone(),
                name: None,
                note: Some("it changed objects that were there before, or returned one".to_owned()),
            }),
            "random" => {
                for (name, condition) in effect.as_object().into_iter().flatten() {
                    let note = if is_set(&condition[1]) {
                        "drawn from; a hit needs the state that it found, and sets the one that it left"
                    } else {
                        "drawn from, unseeded"
                    };
                    facts.push(Fact::new(member, name).noting(note));
                }
            }
            "environ" => {
                // The values are left out: they may be secrets.
                for (name, value) in effect.as_object().into_iter().flatten() {
                    let note = if value.is_null() { "removed" } else { "set" };
                    facts.push(Fact::new("variable", name).noting(note));
                }
            }
            "cwd" => {
                facts.push(Fact::new("working folder", text(effect)).noting("changed to this"))
            }
            "files" => facts.extend(parts(effect).map(written)),
            "output" => {
                let streams = match text(&effect["streams"]) {
                    "both" => "stdout and stderr as one".to_owned(),
                    streams => streams.replace(',', " and "),
                };
                let mut note = format!("{} recorded", bytes(&effect["size"]));
                if let Some(replaced) = effect["replaced"].as_str() {
                    note = format!(
                        "{note}; replaced by the script: {}",
                        replaced.replace(',', " and ")
                    );
                }
                facts.push(Fact::new(member, &streams).noting(note));
            }
            "stream" => {
                let mut fact = Fact::new(member, text(&effect["kind"]));
                if let Some(count) = effect["count"].as_u64() {
                    fact = fact.noting(match count {
                        1 => "1 item".to_owned(),
                        count => format!("{count} items"),
                    });
                }
                facts.push(fact);
            }
            other => facts.push(unknown(other, effect)),
        }
    }
    facts
}

/// What a row of the files that a call wrote tells.
fn written(row: &Value) -> Fact {
    let (kind, name) = (text(&row[0]), text(&row[1]));
    let with_mode = |note: &str, place: &Value| match mode(place) {
        Some(mode) => format!("{note}, {mode}"),
        None => note.to_owned(),
    };
    match kind {
        "file" if row[4].is_null() => {
            Fact::new(kind, name).noting(with_mode("mode or time changed", &row[2]))
        }
        "file" => Fact::new(kind, name)
            .noting(with_mode(&format!("written, {}", bytes(&row[3])), &row[2])),
        "dir" => Fact::new("folder", name).noting(with_mode("made, or made sure of", &row[2])),
        "link" => {
            Fact::new(kind, name).noting(format!("made; it leads to {}", path_text(text(&row[2]))))
        }
        "gone" => Fact::new(kind_text(text(&row[2])), name).noting("removed"),
        "via" => {
            Fact::new("name", name).noting(format!("used, and led to {}", path_text(text(&row[2]))))
        }
        "cwd" => Fact::new("working folder", name).noting("a hit only there"),
        other => unknown(other, row),
    }
}

fn unknown(kind: &str, what: &Value) -> Fact {
    Fact {
        kind: kind.to_owned(),
        name: None,
        note: Some(format!("not known to this devstash: {what}")),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn parts(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Manifests write 0 and 1 as well as false and true.
fn is_set(value: &Value) -> bool {
    value
        .as_bool()
        .unwrap_or_else(|| value.as_u64().is_some_and(|number| number > 0))
}

fn bytes(value: &Value) -> String {
    value
        .as_u64()
        .map_or_else(|| "?".to_owned(), duration::size)
}

fn mode(value: &Value) -> Option<String> {
    Some(format!("mode {:03o}", value.as_u64()?))
}

fn kind_text(kind: &str) -> &str {
    match kind {
        "dir" => "folder",
        kind => kind,
    }
}

#[cfg(test)]
mod tests;
