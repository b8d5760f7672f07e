//! Looking after the cache: the commands that work on the folder while no script runs. None of them ever unpickles;
//! `export` has the user's interpreter do it.

mod asked;
mod cause;
mod clear;
mod compare;
mod earlier;
pub mod explain;
mod export;
mod fixture;
mod gc;
mod history;
mod index;
mod known;
mod list;
mod look;
mod moment;
mod page;
mod path;
mod pattern;
mod pick;
mod pin;
mod place;
mod progress;
mod reason;
mod record;
mod room;
mod scan;
mod select;
mod settings;
mod show;
mod stats;
mod suggest;
mod table;
mod unpickle;
mod verify;
mod why;
mod words;

pub use clear::clear;
pub use export::export;
pub use fixture::fixture;
pub use gc::gc;
pub use known::{Known, known};
pub use list::list;
pub use path::path;
pub use pin::pin;
pub use settings::config;
pub use show::show;
pub use stats::stats;
pub use verify::verify;
pub use why::why;

use std::io::{self, Write};
use std::path::Path;

use crate::exit::ExitStatus;
use crate::json::document;
use crate::store::{NoStore, shown};

/// Writes a command's answer to stdout.
fn answer(text: impl AsRef<[u8]>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    unless_closed(out.write_all(text.as_ref()).and_then(|()| out.flush()))
}

/// Says what devstash has to say, on stderr. Nobody there to read it is no trouble.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "devstash: {text}");
}

/// A reader that has seen enough and closed the pipe is no trouble.
fn unless_closed(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Why there is no cache to look into.
fn refused(trouble: &NoStore) -> String {
    match trouble {
        NoStore::Absent(_) => {
            format!("{trouble}; `devstash run` makes it when there is something to keep")
        }
        other => other.to_string(),
    }
}

/// How a command ends for which there is no cache to look into.
fn status(trouble: &NoStore) -> ExitStatus {
    match trouble {
        NoStore::Absent(_) | NoStore::NotACache(_) | NoStore::FutureLayout(..) => {
            ExitStatus::NothingMatched
        }
        NoStore::Unreadable(..) => ExitStatus::Trouble,
    }
}

/// `1 entry`, `3 entries`.
fn count(number: usize, one: &str, several: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

fn empty(folder: &Path) -> String {
    format!("the cache `{}` is empty", shown(folder.as_os_str()))
}
