//! Two calls of one site in, what differs between their keys out: in words, and what a person changed first.
//!
//! Which difference is told first follows what can be the consequence of what. A call computes its arguments, so a large
//! one may differ because code, a package or a module-level value is another one; none of these differs because of an
//! argument. What came or went (a function that is reached now) follows from an edit elsewhere. A short, complete value
//! such as `10` or `'fast'`, though, is mostly what somebody has typed, so it stands before all of that.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

use crate::duration;
use crate::entry::Manifest;
use crate::store::shown;

use super::words::{path_text, seen};

/// What the runtime shows of a secret.
const HIDDEN: &str = "(hidden)";

/// What happened to a component of the key, or to what a call was seen to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is another one.
    Changed,
    /// It was not there before.
    New,
    /// It is not there any more.
    Gone,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Of the key, as manifests name it, or kind and name of a row of the trace.
    pub component: String,
    pub change: Change,
    /// The previews, where there are any.
    pub old: Option<String>,
    pub new: Option<String>,
    /// For people.
    pub words: String,
    #[serde(skip)]
    rank: Rank,
}

/// What is told first. Within one rank the order of the key counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// devstash or Python is another one, which changes all else.
    World,
    /// The line calls something else.
    Callable,
    /// A value that somebody has typed: of an argument, of the marker.
    Typed,
    /// The same at module level.
    TypedGlobal,
    /// The version of a package.
    Package,
    Code,
    /// Code that other code has made: a function inside a function, a class.
    CodeMade,
    Surroundings,
    Global,
    /// The contents of a file.
    File,
    /// A value that the program has computed.
    Computed,
    /// The same, and nothing can be seen of how it differs.
    Unseen,
    Registered,
    /// What the call reaches now, or does not any more.
    Reached,
}

/// What differs between the calls of two manifests, first what a person has most likely changed.
///
/// Where their keys are the same, it is what they read that differs.
pub fn differences(old: &Manifest, new: &Manifest) -> Vec<Difference> {
    let files = Files::of(new);
    let mut found: Vec<Difference> = Vec::new();
    for (component, digest) in &new.key {
        let change = match old.key.get(component) {
            Some(before) if before == digest => continue,
            Some(_) => Change::Changed,
            None => Change::New,
        };
        found.push(difference(component, change, old, new, &files));
    }
    for component in old.key.keys() {
        if !new.key.contains_key(component) {
            found.push(difference(component, Change::Gone, old, new, &files));
        }
    }
    if old.key.get("callable") != new.key.get("callable") {
        // That the one function came and the other went is said by that.
        let itself =
            |manifest: &Manifest| format!("function {}.{}", manifest.module, manifest.qualname);
        let (before, now) = (itself(old), itself(new));
        found.retain(|one| match one.change {
            Change::New => one.component != now,
            Change::Gone => one.component != before,
            Change::Changed => true,
        });
    }
    let of_one_key = found.is_empty();
    found.extend(read(old, new, of_one_key));
    found.sort_by_key(|difference| difference.rank); // which keeps the order of equal ones
    found
}

/// How many components of the keys differ.
pub fn distance(old: &Manifest, new: &Manifest) -> usize {
    let changed = new
        .key
        .iter()
        .filter(|(component, digest)| old.key.get(*component) != Some(digest));
    let gone = old.key.keys().filter(|name| !new.key.contains_key(*name));
    changed.count() + gone.count()
}

fn difference(
    component: &str,
    change: Change,
    old: &Manifest,
    new: &Manifest,
    files: &Files,
) -> Difference {
    let preview = |manifest: &Manifest| match component {
        "python" => known(&manifest.python),
        "format" => known(&manifest.devstash),
        _ => manifest
            .previews
            .get(component)
            .and_then(Value::as_str)
            .map(str::to_owned),
    };
    let texts = Texts {
        old: preview(old).filter(|_| change != Change::New),
        new: preview(new).filter(|_| change != Change::Gone),
    };
    let (rank, words) = if component == "callable" {
        (Rank::Callable, called(old, new))
    } else {
        told(component, change, &texts, new, files)
    };
    Difference {
        component: component.to_owned(),
        change,
        old: texts.old,
        new: texts.new,
        words,
        rank,
    }
}

fn known(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// What is called on the line, when that differs.
fn called(old: &Manifest, new: &Manifest) -> String {
    let name = |manifest: &Manifest| match (&*manifest.module, &*manifest.qualname) {
        ("__main__" | "builtins", name) => harmless(name),
        (module, name) => harmless(&format!("{module}.{name}")),
    };
    if (&old.module, &old.qualname) != (&new.module, &new.qualname) {
        return format!("it calls `{}` now, not `{}`", name(new), name(old));
    }
    let text = |manifest: &Manifest| manifest.site.text.as_deref().map(harmless);
    match (text(old), text(new)) {
        (Some(old), Some(new)) if old != new => format!("the line changed: `{old}` → `{new}`"),
        _ if is_expression(new) => "the expression changed".to_owned(),
        _ => "the call is written in another way".to_owned(),
    }
}

fn is_expression(manifest: &Manifest) -> bool {
    manifest.module == "__main__"
        && manifest.qualname.rsplit('.').next() == Some("expression")
        && !manifest.key.keys().any(|name| name == "receiver")
}

/// The previews of a component on both sides.
struct Texts {
    old: Option<String>,
    new: Option<String>,
}

impl Texts {
    /// Old and new where the difference can be seen.
    fn visible(&self) -> Option<(&str, &str)> {
        let (old, new) = (self.old.as_deref()?, self.new.as_deref()?);
        let hides = [old, new].iter().any(|text| text.contains(HIDDEN));
        (old != new && !hides).then_some((old, new))
    }

    /// Whether both are whole values, as somebody types them: nothing left out, no objects.
    fn are_typed(&self) -> bool {
        let mut texts = [&self.old, &self.new].into_iter().flatten();
        texts.all(|text| !text.contains('…') && !text.starts_with('<') && !text.contains(": <"))
    }

    /// `NAME: OLD → NEW`, or that it changed.
    fn changed(&self, name: &str) -> String {
        match (self.visible(), &self.new) {
            (Some((old, new)), _) => format!("{name}: {} → {}", harmless(old), harmless(new)),
            (None, Some(text)) if self.old.as_ref() == Some(text) && text != HIDDEN => {
                format!("{name} changed ({})", harmless(text))
            }
            _ => format!("{name} changed"),
        }
    }

    /// The rank of a value, which depends on what can be seen of it.
    fn rank(&self, typed: Rank, visible: Rank, unseen: Rank) -> Rank {
        match self.visible() {
            Some(_) if self.are_typed() => typed,
            Some(_) => visible,
            None => unseen,
        }
    }
}

/// The rank of a difference, and the words for it.
fn told(
    component: &str,
    change: Change,
    texts: &Texts,
    new: &Manifest,
    files: &Files,
) -> (Rank, String) {
    let (kind, name) = component.split_once(' ').unwrap_or((component, ""));
    let shown_new = || match texts.new.as_deref() {
        Some(text) if text != HIDDEN => format!(": {}", harmless(text)),
        _ => String::new(),
    };
    let shown_old = || match texts.old.as_deref() {
        Some(text) if text != HIDDEN => format!(" (it was {})", harmless(text)),
        _ => String::new(),
    };
    let declared = |label: String| match change {
        Change::Changed => texts.changed(&label),
        Change::New => format!("{label} is declared now{}", shown_new()),
        Change::Gone => format!("{label} is not declared any more{}", shown_old()),
    };
    match kind {
        "python" => (Rank::World, versions("Python", texts)),
        "format" => {
            let words = versions("devstash", texts);
            (Rank::World, format!("{words} makes keys in another way"))
        }
        "argument" | "link" | "receiver" => {
            let label = given(kind, name, is_expression(new));
            match change {
                Change::Changed => (
                    texts.rank(Rank::Typed, Rank::Computed, Rank::Unseen),
                    texts.changed(&label),
                ),
                Change::New => (Rank::Typed, format!("{label} is given now{}", shown_new())),
                Change::Gone => (
                    Rank::Typed,
                    format!("{label} is not given any more{}", shown_old()),
                ),
            }
        }
        "key" => (
            texts.rank(Rank::Typed, Rank::Computed, Rank::Unseen),
            declared("the value of key=".to_owned()),
        ),
        "version" => (Rank::Typed, declared("version".to_owned())),
        "env" => {
            let label = format!("variable `{}`", harmless(name));
            (Rank::Typed, declared(label))
        }
        "files" => (Rank::File, declared(format!("files `{}`", harmless(name)))),
        "function" | "class" | "global" => {
            let part = files.part(name, texts);
            let label = format!("{kind} {}", part.label());
            let (came, went) = match kind {
                "global" => ("is read now", "is not read any more"),
                _ => ("is used now", "is not used any more"),
            };
            match change {
                Change::New => (Rank::Reached, format!("{label} {came}")),
                Change::Gone => (Rank::Reached, format!("{label} {went}")),
                Change::Changed if kind == "global" => (
                    texts.rank(Rank::TypedGlobal, Rank::Global, Rank::Global),
                    texts.changed(&label),
                ),
                Change::Changed => {
                    let made = kind == "class" || part.name.contains('<');
                    let rank = if made { Rank::CodeMade } else { Rank::Code };
                    (rank, format!("{label} changed{}", part.lines()))
                }
            }
        }
        "module" => {
            let label = format!("module `{}`", harmless(name));
            match change {
                Change::Changed => (Rank::CodeMade, format!("{label} changed")),
                Change::New => (Rank::Reached, format!("{label} is used now")),
                Change::Gone => (Rank::Reached, format!("{label} is not used any more")),
            }
        }
        "package" => {
            let name = harmless(name);
            match change {
                Change::Changed => (Rank::Package, versions(&name, texts)),
                Change::New => (Rank::Reached, format!("package {name} is used now")),
                Change::Gone => (
                    Rank::Reached,
                    format!("package {name} is not used any more"),
                ),
            }
        }
        "surroundings" => (
            Rank::Surroundings,
            match texts.visible() {
                Some((old, new)) => surroundings(old, new),
                None => {
                    "the working folder, the locale, the time zone or the decimal context changed"
                        .to_owned()
                }
            },
        ),
        "settings" => (
            Rank::Registered,
            format!("the settings of `{}` changed", harmless(name)),
        ),
        "subclasses" => (
            Rank::Registered,
            format!("the classes derived from `{}` changed", harmless(name)),
        ),
        "documentation" => (
            Rank::Registered,
            "docstrings that its code can read changed".to_owned(),
        ),
        "annotations" => (
            Rank::Registered,
            "annotations that its code can read changed".to_owned(),
        ),
        "order" => (
            Rank::Registered,
            "the order of names in a class or module changed".to_owned(),
        ),
        _ => {
            let label = harmless(component);
            let words = match change {
                Change::Changed => texts.changed(&label),
                Change::New => format!("{label} is new"),
                Change::Gone => format!("{label} is gone"),
            };
            (Rank::Unseen, words)
        }
    }
}

/// `pandas 2.2.3 → 2.3.0`.
fn versions(name: &str, texts: &Texts) -> String {
    match texts.visible() {
        Some((old, new)) => format!("{name} {} → {}", harmless(old), harmless(new)),
        None => format!("{name} is another one"),
    }
}

/// Of what surrounds a call, the parts that differ: `surroundings: in /old → in /new`.
fn surroundings(old: &str, new: &str) -> String {
    let other = |text: &str, known: &str| {
        let parts = text.split(", ");
        let parts: Vec<&str> = parts
            .filter(|part| !known.split(", ").any(|other| other == *part))
            .collect();
        match &*parts {
            [] => "as usual".to_owned(),
            parts => harmless(&parts.join(", ")),
        }
    };
    format!("surroundings: {} → {}", other(old, new), other(new, old))
}

/// What a value that the call is given is called.
fn given(kind: &str, name: &str, is_expression: bool) -> String {
    let quoted = |name: &str| match name.bytes().all(|byte| byte.is_ascii_digit()) {
        true => name.to_owned(),
        false => format!("`{}`", harmless(name)),
    };
    match kind {
        "receiver" => "the object it is called on".to_owned(),
        "link" => match name.split_once(" argument ") {
            Some((link, name)) => format!("argument {} of link {}", quoted(name), harmless(link)),
            None => harmless(&format!("{kind} {name}")),
        },
        _ if is_expression => quoted(name),
        _ => format!("argument {}", quoted(name)),
    }
}

/// A piece of the project, by its name and where it is.
struct Part {
    name: String,
    file: Option<String>,
    /// First and last.
    lines: Option<(u64, u64)>,
}

impl Part {
    /// `` `clean` in features.py ``.
    fn label(&self) -> String {
        let name = harmless(&self.name);
        match &self.file {
            Some(file) => format!("`{name}` in {}", harmless(file)),
            None => format!("`{name}`"),
        }
    }

    /// ` (lines 14–31)`.
    fn lines(&self) -> String {
        match self.lines {
            Some((first, last)) if first == last => format!(" (line {first})"),
            Some((first, last)) => format!(" (lines {first}–{last})"),
            None => String::new(),
        }
    }
}

/// Where the modules of a script's project are.
struct Files {
    /// The script's name and its folder.
    script: Option<(String, PathBuf)>,
}

impl Files {
    fn of(manifest: &Manifest) -> Files {
        let path = manifest.site.file.as_deref().map(Path::new);
        let script = path.and_then(|path| {
            let name = path.file_name()?.to_str()?.to_owned();
            Some((name, path.parent()?.to_owned()))
        });
        Files { script }
    }

    /// What `module.qualified.name` is, with what its previews tell: `features.py:14-31`.
    fn part(&self, dotted: &str, texts: &Texts) -> Part {
        let text = texts.new.as_deref().or(texts.old.as_deref());
        let place = text.and_then(place_of);
        let mut part = Part {
            name: dotted.to_owned(),
            file: None,
            lines: place.map(|(_, lines)| lines),
        };
        let mut file = place.map(|(file, _)| self.short(file).to_owned());
        if let Some(name) = dotted.strip_prefix("__main__.") {
            part.name = name.to_owned();
            file = file.or_else(|| Some(self.script.as_ref()?.0.clone()));
        } else if let Some(file) = &file {
            if let Some(name) = within(dotted, file) {
                part.name = name.to_owned();
            }
        } else if let Some((found, name)) = self.module(dotted) {
            file = Some(found);
            part.name = name.to_owned();
        }
        part.file = file;
        part
    }

    /// A path as seen from the script's folder, where it is below.
    fn short<'f>(&self, file: &'f str) -> &'f str {
        let folder = self.script.as_ref().and_then(|(_, folder)| folder.to_str());
        folder
            .and_then(|folder| file.strip_prefix(folder)?.strip_prefix('/'))
            .unwrap_or(file)
    }

    /// The file of the module that a dotted name begins with, beside the script, and the rest of the name.
    fn module<'d>(&self, dotted: &'d str) -> Option<(String, &'d str)> {
        let (_, folder) = self.script.as_ref()?;
        let dots: Vec<usize> = dotted.match_indices('.').map(|(place, _)| place).collect();
        dots.into_iter().rev().find_map(|dot| {
            let module = dotted[..dot].replace('.', "/");
            let files = [format!("{module}.py"), format!("{module}/__init__.py")];
            let mut there = files.into_iter().filter(|file| folder.join(file).is_file());
            Some((there.next()?, &dotted[dot + 1..]))
        })
    }
}

/// File and lines of `features.py:14-31` or `features.py:14`.
fn place_of(text: &str) -> Option<(&str, (u64, u64))> {
    let (file, lines) = text.rsplit_once(':')?;
    let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
    (!file.is_empty()).then_some((file, (first.parse().ok()?, last.parse().ok()?)))
}

/// The rest of a dotted name behind the module that this is the file of.
fn within<'d>(dotted: &'d str, file: &str) -> Option<&'d str> {
    let stem = file.strip_suffix(".py").unwrap_or(file);
    let stem = stem.strip_suffix("/__init__").unwrap_or(stem);
    let module = format!(".{}", stem.replace('/', "."));
    dotted
        .match_indices('.')
        .map(|(dot, _)| dot)
        .rfind(|dot| module.ends_with(&format!(".{}", &dotted[..*dot])))
        .map(|dot| &dotted[dot + 1..])
}

/// What was read before and is another one now. Of calls with `of_one_key` also what only one of them has read.
fn read(old: &Manifest, new: &Manifest, of_one_key: bool) -> Vec<Difference> {
    let same = |row: &Value, other: &Value| row[0] == other[0] && row[1] == other[1];
    let is_absent = |side: &Manifest, row: &Value| {
        let mut rows = side.trace.iter();
        row[0] == "file" && rows.any(|other| other[0] == "absent" && other[1] == row[1])
    };
    let mut found = Vec::new();
    for row in &new.trace {
        let change = match old.trace.iter().find(|other| same(row, other)) {
            Some(before) if is_same(before, row) => continue,
            Some(before) => changed(before, row),
            None if is_absent(old, row) => presence(row, Change::New),
            None if of_one_key => one_sided(row, Change::New),
            None => None,
        };
        found.extend(change);
    }
    if of_one_key {
        let gone = |row: &&Value| !new.trace.iter().any(|other| same(row, other));
        let gone = old.trace.iter().filter(gone);
        found.extend(gone.filter_map(|row| match is_absent(new, row) {
            true => presence(row, Change::Gone),
            false => one_sided(row, Change::Gone),
        }));
    }
    found
}

/// Whether two rows tell of the same state: of a file its contents count, not when it was written.
fn is_same(old: &Value, new: &Value) -> bool {
    match old[0].as_str() {
        Some("file") => old[8] == new[8],
        Some("module") => old[9] == new[9],
        _ => old == new,
    }
}

fn changed(old: &Value, new: &Value) -> Option<Difference> {
    let fact = seen(new);
    let name = path_text(fact.name.as_deref()?);
    let mut sizes = (None, None);
    let words = match &*fact.kind {
        "file" => {
            sizes = (old[2].as_u64(), new[2].as_u64());
            format!("file {name} changed{}", resized(sizes.0?, sizes.1?))
        }
        "variable" | "module" => format!("{} {name} changed", fact.kind),
        "folder" => format!("folder {name} holds something else"),
        "pattern" => format!("{name} matches other files"),
        _ => match (is_there(old), is_there(new)) {
            (false, true) => format!("{name} appeared"),
            (true, false) => format!("{name} is gone"),
            _ => format!("{name} is another one"),
        },
    };
    Some(Difference {
        component: format!("{} {}", fact.kind, fact.name.as_deref()?),
        change: Change::Changed,
        old: sizes.0.map(duration::size),
        new: sizes.1.map(duration::size),
        words,
        rank: Rank::File,
    })
}

/// What a look has found: something, or nothing.
fn is_there(row: &Value) -> bool {
    row[2] != 0 && row[2] != "absent"
}

/// A file that was looked for on both sides, and found on one.
fn presence(row: &Value, change: Change) -> Option<Difference> {
    let mut difference = one_sided(row, change)?;
    let name = path_text(row[1].as_str()?);
    difference.words = match change {
        Change::Gone => format!("file {name} is gone"),
        _ => format!("{name} appeared"),
    };
    difference.rank = Rank::File;
    Some(difference)
}

fn one_sided(row: &Value, change: Change) -> Option<Difference> {
    let fact = seen(row);
    let name = path_text(fact.name.as_deref()?);
    let words = match (&*fact.kind, change) {
        ("absent" | "look", _) => return None, // the file itself is the better word for it
        (kind, Change::New) => format!("{kind} {name} is read now"),
        (kind, _) => format!("{kind} {name} is not read any more"),
    };
    Some(Difference {
        component: format!("{} {}", fact.kind, fact.name.as_deref()?),
        change,
        old: None,
        new: None,
        words,
        rank: Rank::Reached,
    })
}

/// ` (2.1 MiB → 2.3 MiB)`, exact where that would not show it, nothing for the same size; `comparing.py` speaks alike.
fn resized(old: u64, new: u64) -> String {
    let (short, long) = (duration::size(old), duration::size(new));
    if old == new {
        String::new()
    } else if short == long {
        format!(" ({old} B → {new} B)")
    } else {
        format!(" ({short} → {long})")
    }
}

fn harmless(text: &str) -> String {
    shown(OsStr::new(text)).into_owned()
}

#[cfg(test)]
mod tests;
