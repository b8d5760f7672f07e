//! `devstash fixture`: the value of an entry as a plain pickle for tests, and a note beside it that says what it is.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;

use crate::exit::{ExitStatus, reason};
use crate::options::FixtureOptions;
use crate::store::shown;

use super::export::draft;
use super::moment::{nanoseconds, rfc3339};
use super::page::Page;
use super::pick::{Picked, is_given, pick};
use super::unpickle::unpickle;
use super::words::here;
use super::{answer, say};

/// Copies the value of one entry into a folder: `NAME.pkl`, and `NAME.txt` that tells of it. A file of that name with
/// other contents stays unless it is asked to be replaced.
pub fn fixture(options: &FixtureOptions) -> anyhow::Result<ExitStatus> {
    let picked = match pick(&options.wanted) {
        Ok(picked) => picked,
        Err(none) => {
            say(&none.to_string());
            return Ok(none.status());
        }
    };
    let name = options.name.clone().unwrap_or_else(|| name_of(&picked));
    match files(options, &picked, &name) {
        Ok(status) => Ok(status),
        Err(error) => match error.downcast_ref::<io::Error>() {
            Some(trouble) => {
                let folder = shown(options.folder.as_os_str());
                say(&format!("cannot write to `{folder}`: {}", reason(trouble)));
                Ok(ExitStatus::Trouble)
            }
            None => Err(error),
        },
    }
}

fn files(options: &FixtureOptions, picked: &Picked, name: &str) -> anyhow::Result<ExitStatus> {
    let folder = &options.folder;
    fs::create_dir_all(folder)?;
    let pickle = draft(folder)?;
    let needs = NamedTempFile::new()?;
    let status = unpickle(
        picked,
        options.python.as_ref(),
        "fixture",
        needs.path().as_os_str(),
        pickle.as_file().try_clone()?.into(),
    )?;
    if status != ExitStatus::Success {
        return Ok(status);
    }
    let needs = fs::read_to_string(needs.path())?;
    let mut note = draft(folder)?;
    note.write_all(told(picked, name, &needs).as_bytes())?;
    let made = [(pickle, "pkl"), (note, "txt")].map(|(draft, suffix)| {
        let path = folder.join(format!("{name}.{suffix}"));
        (draft, path)
    });
    for (draft, path) in &made {
        if !options.force && differs(draft.path(), path)? {
            say(&format!(
                "`{}` is there already, with other contents\n\nhint: `--force` replaces it, `--name` gives the new one \
                 another name",
                here(path)
            ));
            return Ok(ExitStatus::Usage);
        }
    }
    let mut paths = String::new();
    for (draft, path) in made {
        draft.persist(&path).map_err(|error| error.error)?;
        paths.push_str(&format!("{}\n", here(&path)));
    }
    answer(paths).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// Whether something else than the draft is at the path.
fn differs(draft: &Path, path: &Path) -> io::Result<bool> {
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    Ok(!found.is_file()
        || found.len() != draft.metadata()?.len()
        || fs::read(draft)? != fs::read(path)?)
}

/// What the marker calls it, or else the name of what was called, fit for every file system.
fn name_of(picked: &Picked) -> String {
    let manifest = &picked.entry.manifest;
    let label = manifest.site.name.as_deref();
    let name = label
        .filter(|name| !name.is_empty())
        .unwrap_or(&manifest.qualname);
    let safe = |sign: char| match sign {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '-' => sign,
        _ => '_',
    };
    let name: String = name.chars().map(safe).take(80).collect();
    match name.trim_start_matches(['.', '-']) {
        "" => "value".to_owned(),
        name => name.to_owned(),
    }
}

/// The note: what the value is, when and from which line it was made, how it is loaded. The same entry has the same one.
fn told(picked: &Picked, name: &str, needs: &str) -> String {
    let entry = &picked.entry;
    let manifest = &entry.manifest;
    let site = &manifest.site;
    let mut rows = vec![(
        "call".to_owned(),
        harmless(&format!("{}.{}", manifest.module, manifest.qualname)),
    )];
    if let Some(file) = &site.file {
        // Not the whole path: the note goes where others see it.
        let path = PathBuf::from(here(Path::new(file)));
        let file = match path.is_absolute() {
            true => path.file_name().map(PathBuf::from).unwrap_or(path),
            false => path,
        };
        let line = site.line.map(|line| format!(":{line}"));
        rows.push((
            "line".to_owned(),
            format!("{}{}", file.display(), line.unwrap_or_default()),
        ));
        rows.push((String::new(), harmless(site.text.as_deref().unwrap_or(""))));
    }
    for (component, preview) in &manifest.previews {
        if let (true, Some(preview)) = (is_given(component), preview.as_str()) {
            rows.push((harmless(component), harmless(preview)));
        }
    }
    rows.push(("value".to_owned(), harmless(&manifest.value)));
    let made = rfc3339(nanoseconds(entry.made));
    let (python, devstash) = (&manifest.python, &manifest.devstash);
    rows.push((
        "made".to_owned(),
        harmless(&format!("{made}, Python {python}, devstash {devstash}")),
    ));
    let needs: Vec<&str> = needs.lines().collect();
    rows.push((
        "needs".to_owned(),
        match needs.is_empty() {
            true => "nothing but Python".to_owned(),
            false => harmless(&needs.join(", ")),
        },
    ));
    rows.retain(|(label, text)| !(label.is_empty() && text.is_empty()));
    let mut page = Page::new(None);
    page.line("What a call returned once, kept for tests.");
    page.line("");
    page.rows(0, &rows);
    page.line("");
    page.line("To load it:");
    page.line("");
    for line in [
        "import pickle".to_owned(),
        format!("with open(\"{name}.pkl\", \"rb\") as file:"),
        "    value = pickle.load(file)".to_owned(),
    ] {
        page.indented(4, &line);
    }
    page.finish()
}

fn harmless(text: &str) -> String {
    shown(OsStr::new(text)).into_owned()
}
