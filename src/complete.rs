//! The beginning of a command line in, what its next word may be out; and the scripts by which shells ask for it.
//!
//! What there is to be said of commands and options comes from the declarations in `cli`, and entries and marked lines
//! from the cache folder. Which of these an argument wants is told by the name of its value, so that a new command has
//! nothing to do.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use clap::{Arg, Command, ValueHint};
use clap_complete::engine::{
    ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter,
};
use clap_complete::env::Shells;

use crate::cli;
use crate::exit::ExitStatus;
use crate::manage::{self, Known};
use crate::options::{Shell, folder_for, variable};

/// The variable in which a shell says who it is when it asks.
const VARIABLE: &str = "DEVSTASH_COMPLETE";

/// More names than this are offered only to who has begun to type one.
const NAMES: usize = 100;

/// The script that makes a shell ask.
pub fn script(shell: Shell) -> String {
    // The one of clap takes no account of how bash takes `script.py:12` apart.
    if shell == Shell::Bash {
        return include_str!("complete/devstash.bash").to_owned();
    }
    let mut text = Vec::new();
    let shells = Shells::builtins();
    let completer = shells
        .completer(shell.name())
        .expect("clap knows all of our shells");
    completer
        .write_registration(VARIABLE, "devstash", "devstash", "devstash", &mut text)
        .expect("a vector takes all that is written");
    String::from_utf8_lossy(&text).trim_start().to_owned()
}

/// A shell's question.
#[derive(Debug)]
pub struct Question {
    shell: String,
    /// The words of the line, `devstash` first.
    words: Vec<OsString>,
}

impl Question {
    /// The question in our command line, `devstash -- devstash show x`, if it is one.
    pub fn of(line: &[OsString]) -> Option<Question> {
        if line.get(1)? != "--" {
            return None;
        }
        let shell = variable(VARIABLE)?.into_string().ok()?;
        let words = line[2..].to_vec();
        Some(Question { shell, words })
    }

    /// Print the answer. What goes wrong is an answer with nothing in it: nobody wants to read about it now.
    pub fn answer(self) -> ExitStatus {
        let mut text = Vec::new();
        let shells = Shells::builtins();
        if let Some(completer) = shells.completer(&self.shell) {
            let here = env::current_dir().ok();
            let _ = completer.write_complete(
                &mut self.command(),
                self.words,
                here.as_deref(),
                &mut text,
            );
        }
        let _ = io::Write::write_all(&mut io::stdout(), &text);
        ExitStatus::Success
    }

    /// What the words are to be understood by.
    fn command(&self) -> Command {
        let last = self.words.len().saturating_sub(1);
        if cli::is_of_script(&self.words, self.index().unwrap_or(last)) {
            let any = Arg::new("words").num_args(0..).allow_hyphen_values(true);
            return Command::new("devstash")
                .disable_help_flag(true)
                .arg(any.value_hint(ValueHint::AnyPath));
        }
        let folder = self.folder();
        with_values(cli::command(), &folder)
    }

    /// Which word the cursor is in; some shells cut the line off behind it and say nothing.
    fn index(&self) -> Option<usize> {
        variable("_CLAP_COMPLETE_INDEX")?.to_str()?.parse().ok()
    }

    /// The cache folder that the line is about.
    fn folder(&self) -> PathBuf {
        let attached = |word: &OsString| {
            word.to_str()?
                .strip_prefix("--cache-dir=")
                .map(OsString::from)
        };
        let typed = self.words.iter().enumerate().find_map(|(place, word)| {
            attached(word)
                .or_else(|| (word == "--cache-dir").then(|| self.words.get(place + 1).cloned())?)
        });
        folder_for(typed)
    }
}

/// The command, with what its arguments may be, by the names of their values.
fn with_values(command: Command, folder: &Path) -> Command {
    let command = command.mut_args(|arg| {
        let value = arg
            .get_value_names()
            .and_then(|names| names.first())
            .map_or("", |name| name.as_str());
        match value {
            "ENTRY" | "WHAT" => arg.add(ArgValueCompleter::new(Entries {
                folder: folder.to_owned(),
                names: true,
            })),
            "SITE" | "SCRIPT[:LINE]" => arg.add(ArgValueCompleter::new(Entries {
                folder: folder.to_owned(),
                names: false,
            })),
            "SCRIPT" => arg.add(ArgValueCompleter::new(scripts())),
            "DIR" => arg.value_hint(ValueHint::DirPath),
            "FILE" => arg.value_hint(ValueHint::FilePath),
            "PYTHON" => arg.value_hint(ValueHint::CommandName),
            _ => arg,
        }
    });
    command.mut_subcommands(|sub| with_values(sub, folder))
}

/// Python scripts, and the folders on the way to them.
fn scripts() -> PathCompleter {
    PathCompleter::file().filter(|path| path.extension().is_some_and(|ending| ending == "py"))
}

/// Marked lines that have kept something, what markers call themselves, and names of entries.
struct Entries {
    folder: PathBuf,
    /// Names as well, not only places.
    names: bool,
}

impl ValueCompleter for Entries {
    fn complete(&self, typed: &OsStr) -> Vec<CompletionCandidate> {
        let Some(typed) = typed.to_str() else {
            return Vec::new();
        };
        let Known {
            places,
            labels,
            mut names,
        } = manage::known(&self.folder);
        if typed.is_empty() && names.len() > NAMES {
            names.clear();
        }
        let further = if self.names {
            [labels, names].concat()
        } else {
            scripts_of(&places)
        };
        [places, further]
            .concat()
            .into_iter()
            .filter(|(word, _)| word.starts_with(typed))
            .map(|(word, about)| CompletionCandidate::new(word).help(Some(about.into())))
            .collect()
    }
}

/// The scripts of the places, each once.
fn scripts_of(places: &[(String, String)]) -> Vec<(String, String)> {
    let mut scripts: Vec<(String, String)> = places
        .iter()
        .filter_map(|(place, _)| {
            Some((
                place.rsplit_once(':')?.0.to_owned(),
                "all of its marked lines".to_owned(),
            ))
        })
        .collect();
    scripts.dedup();
    scripts
}
