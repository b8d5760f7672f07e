//! Looking after the cache: the commands that work on the folder while no script runs. None of them ever unpickles.

mod clear;
mod index;
mod list;
mod scan;

pub use clear::clear;
pub use list::list;

use std::io::{self, Write};

/// Writes a command's answer to stdout.
fn answer(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    unless_closed(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// A reader that has seen enough and closed the pipe is no trouble.
fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
