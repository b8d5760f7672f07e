//! `devstash path`: where the file of an entry is, for other programs.

use std::borrow::Cow;
use std::io::{self, IsTerminal};
use std::os::unix::ffi::OsStrExt;

use anyhow::Context;

use crate::exit::ExitStatus;
use crate::options::PathOptions;
use crate::store::shown;

use super::pick::pick;
use super::{answer, say};

/// Prints the absolute path of one entry that is in order: its bytes as they are, on a terminal harmlessly.
pub fn path(options: &PathOptions) -> anyhow::Result<ExitStatus> {
    let picked = match pick(&options.wanted) {
        Ok(picked) => picked,
        Err(none) => {
            say(&none.to_string());
            return Ok(none.status());
        }
    };
    let path = picked.path();
    let path = path.as_os_str();
    let text = if io::stdout().is_terminal() {
        match shown(path) {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }
    } else {
        Cow::Borrowed(path.as_bytes())
    };
    answer([&text, &b"\n"[..]].concat()).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}
