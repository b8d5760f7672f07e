//! Looking after the cache: the commands that work on the folder while no script runs. None of them ever unpickles.

mod clear;
mod list;

pub use clear::clear;
pub use list::list;

use std::io::{self, Write};

/// Writes a command's answer to stdout. A reader that has seen enough and closed the pipe is no trouble.
fn answer(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
