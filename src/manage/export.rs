//! `devstash export`: the value of an entry in another format, made by the user's interpreter.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, IsTerminal};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::Context;
use tempfile::NamedTempFile;

use crate::exit::{ExitStatus, reason};
use crate::options::ExportOptions;
use crate::store::shown;

use super::pick::pick;
use super::say;
use super::unpickle::unpickle;

/// Writes the value of one entry to stdout or to a file, which is there whole or as it was before.
pub fn export(options: &ExportOptions) -> anyhow::Result<ExitStatus> {
    let picked = match pick(&options.wanted) {
        Ok(picked) => picked,
        Err(none) => {
            say(&none.to_string());
            return Ok(none.status());
        }
    };
    let form = options.form;
    let make = |stdout: Stdio| {
        unpickle(
            &picked,
            options.python.as_ref(),
            "export",
            form.as_ref(),
            stdout,
        )
    };
    let Some(file) = &options.output else {
        if options.is_binary() && io::stdout().is_terminal() {
            say(&format!(
                "`--to {form}` is not for a terminal\n\nhint: name a file with `-o FILE`"
            ));
            return Ok(ExitStatus::Usage);
        }
        return make(Stdio::inherit());
    };
    let cannot = |error: &io::Error| {
        let file = shown(file.as_os_str());
        say(&format!("cannot write `{file}`: {}", reason(error)));
        Ok(ExitStatus::Trouble)
    };
    match Target::of(file) {
        Ok(Target::Stream(stream)) => make(stream.into()),
        Ok(Target::Beside(draft, path)) => {
            let status = make(draft.as_file().try_clone().context("no descriptor")?.into())?;
            if status != ExitStatus::Success {
                return Ok(status);
            }
            match draft.persist(path) {
                Ok(_) => Ok(status),
                Err(error) => cannot(&error.error),
            }
        }
        Err(error) => cannot(&error),
    }
}

/// Where the bytes go until they are whole.
enum Target {
    /// Into something that is no plain file: a pipe, a device.
    Stream(File),
    /// Into a draft, which is going to be the file at this path.
    Beside(NamedTempFile, PathBuf),
}

impl Target {
    fn of(file: &Path) -> io::Result<Target> {
        match fs::metadata(file) {
            Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => {
                Ok(Target::Stream(OpenOptions::new().write(true).open(file)?))
            }
            // A link stays one, and leads to the new file.
            Ok(_) => Target::beside(fs::canonicalize(file)?),
            Err(_) => Target::beside(file.to_owned()),
        }
    }

    fn beside(path: PathBuf) -> io::Result<Target> {
        let draft = draft(folder_of(&path))?;
        Ok(Target::Beside(draft, path))
    }
}

/// A file that is going to have another name in this folder, with the rights that new files get.
pub fn draft(folder: &Path) -> io::Result<NamedTempFile> {
    tempfile::Builder::new()
        .prefix(&OsString::from(".devstash-"))
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
