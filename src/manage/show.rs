//! `devstash show`: all that an entry says of itself, for people or for programs, and what its call printed.

use std::ffi::OsStr;
use std::io::{self, IsTerminal};
use std::time::SystemTime;

use anyhow::Context;
use serde_json::{Value, json};

use crate::duration::{self, Ttl};
use crate::entry::{Manifest, Site};
use crate::exit::ExitStatus;
use crate::options::{Form, ShowOptions};
use crate::store::shown;

use super::look::{OUTPUT_LINES, lines, look};
use super::moment::{Now, nanoseconds, rfc3339};
use super::page::{Page, width};
use super::pick::{Picked, pick};
use super::record::{self, NoRecord};
use super::words::{Fact, done, here, place, seen};
use super::{answer, document, say};
use crate::json::path_as_text;

/// The version of what `--json` prints. New members do not change it.
const FORMAT: u32 = 1;
/// Of a longer record of output nothing is shown among the rest.
const MOST_OUTPUT: u64 = 1 << 20;
/// So many digits of a digest are shown to people.
const DIGITS: usize = 8;

/// Shows one entry in the form that is asked for.
pub fn show(options: &ShowOptions) -> anyhow::Result<ExitStatus> {
    let picked = match pick(&options.wanted) {
        Ok(picked) => picked,
        Err(none) => {
            say(&none.to_string());
            return Ok(none.status());
        }
    };
    let bytes = match options.form {
        Form::Text => {
            let width = width(io::stdout().is_terminal().then(io::stdout));
            text(&View::of(&picked), width).into_bytes()
        }
        Form::Json => json(&View::of(&picked)).into_bytes(),
        Form::Output => match record::stdout(&picked.folder, &picked.entry.manifest.effects) {
            Ok(bytes) => bytes,
            Err(trouble) => {
                let name = shown(&picked.name);
                say(&format!("cannot show the output of `{name}`: {trouble}"));
                return Ok(match trouble {
                    NoRecord::Absent | NoRecord::OtherStream => ExitStatus::NothingMatched,
                    NoRecord::Damaged => ExitStatus::Trouble,
                });
            }
        },
    };
    answer(bytes).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// An entry at the moment at which it is looked at.
struct View<'p> {
    picked: &'p Picked,
    manifest: &'p Manifest,
    now: Now,
    /// In nanoseconds since 1970.
    made: i64,
    /// None if it never was.
    used: Option<i64>,
    ttl: Option<Ttl>,
    expired: bool,
    trace: Vec<Fact>,
    effects: Vec<Fact>,
}

impl View<'_> {
    fn of(picked: &Picked) -> View<'_> {
        let entry = &picked.entry;
        let manifest = &entry.manifest;
        let now = Now::of(SystemTime::now());
        let (made, used) = (nanoseconds(entry.made), nanoseconds(entry.used));
        let ttl = manifest.ttl.and_then(Ttl::from_seconds);
        View {
            picked,
            manifest,
            now,
            made,
            used: (used > made).then_some(used),
            ttl,
            expired: ttl.is_some_and(|ttl| !now.is_valid(ttl, made)),
            trace: manifest.trace.iter().map(seen).collect(),
            effects: done(&manifest.effects),
        }
    }

    /// Module and qualified name of what was called.
    fn call(&self) -> String {
        let parts = [&*self.manifest.module, &*self.manifest.qualname];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(".")
    }

    fn label(&self) -> Option<&str> {
        self.manifest
            .site
            .name
            .as_deref()
            .filter(|name| !name.is_empty())
    }
}

/// All of it for people.
fn text(view: &View<'_>, width: Option<usize>) -> String {
    let manifest = view.manifest;
    let Site {
        scope, text: line, ..
    } = &manifest.site;
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut row = |label: &str, text: String| {
        if !text.is_empty() {
            rows.push((label.to_owned(), text));
        }
    };
    row("entry", here(&view.picked.path()));
    row("call", harmless(&view.call()));
    row("name", harmless(view.label().unwrap_or_default()));
    let scope = scope.as_deref().filter(|scope| !scope.is_empty());
    let site = place(&manifest.site).unwrap_or_default();
    row(
        "site",
        match scope {
            Some(scope) => format!("{site} in {}", harmless(scope)),
            None => site,
        },
    );
    row("", harmless(line.as_deref().unwrap_or_default()));
    row("value", harmless(&manifest.value));
    row("made", view.now.told(view.made));
    row(
        "last used",
        view.used
            .map_or_else(|| "never".to_owned(), |used| view.now.told(used)),
    );
    row(
        "took",
        manifest.duration.map(duration::took).unwrap_or_default(),
    );
    row(
        "tokens",
        manifest.tokens.map(duration::grouped).unwrap_or_default(),
    );
    row(
        "size",
        format!(
            "{} (payload {})",
            duration::size(view.picked.entry.size),
            duration::size(manifest.size)
        ),
    );
    row(
        "ttl",
        match view.ttl {
            Some(ttl) => format!("{ttl}, {}", if view.expired { "expired" } else { "valid" }),
            None => "none".to_owned(),
        },
    );
    row("python", harmless(&manifest.python));
    row("devstash", harmless(&manifest.devstash));
    let mut page = Page::new(width);
    page.rows(0, &rows);
    let key = manifest.key.iter().map(|(component, digest)| {
        let text = match manifest.previews.get(component).and_then(Value::as_str) {
            Some(preview) => harmless(preview),
            None => {
                let digest = digest.as_str().unwrap_or_default();
                format!(
                    "digest {}",
                    harmless(digest.get(..DIGITS).unwrap_or(digest))
                )
            }
        };
        (harmless(component), text)
    });
    section(&mut page, "key", key.collect());
    section(&mut page, "trace", view.trace.iter().map(fact).collect());
    section(
        &mut page,
        "effects",
        view.effects.iter().map(fact).collect(),
    );
    let recorded = manifest.effects["output"]["size"].as_u64();
    if recorded.is_some_and(|size| size <= MOST_OUTPUT)
        && let Ok(bytes) = record::stdout(&view.picked.folder, &manifest.effects)
        && !bytes.is_empty()
    {
        page.line("");
        page.line("output:");
        lines(&mut page, &String::from_utf8_lossy(&bytes), OUTPUT_LINES);
    }
    if manifest.look.is_object() {
        page.line("");
        page.line("value:");
        look(&mut page, &manifest.look);
    }
    page.finish()
}

/// A heading and rows below it, or a word that there are none.
fn section(page: &mut Page, heading: &str, rows: Vec<(String, String)>) {
    page.line("");
    if rows.is_empty() {
        page.line(&format!("{heading}: none"));
    } else {
        page.line(&format!("{heading}:"));
        page.rows(2, &rows);
    }
}

fn fact(fact: &Fact) -> (String, String) {
    (harmless(&fact.kind), fact.text())
}

fn harmless(text: &str) -> String {
    shown(OsStr::new(text)).into_owned()
}

/// The same for programs; `docs/cli.md` has the members.
fn json(view: &View<'_>) -> String {
    let manifest = view.manifest;
    let site = &manifest.site;
    let components = manifest.key.iter();
    let key: Vec<Value> = components
        .map(|(component, digest)| {
            let preview = manifest.previews.get(component);
            json!({"component": component, "digest": digest, "preview": preview})
        })
        .collect();
    let members = json!({
        "format": FORMAT,
        "entry": path_as_text(&view.picked.name),
        "path": path_as_text(view.picked.path().as_os_str()),
        "module": manifest.module,
        "qualname": manifest.qualname,
        "name": view.label(),
        "site": {"file": site.file, "line": site.line, "scope": site.scope, "text": site.text},
        "value": manifest.value,
        "look": manifest.look,
        "made": rfc3339(view.made),
        "age": view.now.age(view.made),
        "last_used": view.used.map(rfc3339),
        "duration": manifest.duration,
        "tokens": manifest.tokens,
        "size": view.picked.entry.size,
        "payload": manifest.size,
        "ttl": view.ttl.map(Ttl::seconds),
        "expired": view.expired,
        "python": manifest.python,
        "devstash": manifest.devstash,
        "key": key,
        "trace": view.trace,
        "effects": view.effects,
    });
    document(&members)
}
