//! Options in, the running script out: the shortest way there is from a command line to the script's first line.
//!
//! A script without markers is Python's alone. One that ran before, unchanged, is started from its byte-code, found
//! by content: it is neither parsed nor compiled. Everything else is done only when that byte-code is missing.
//!
//! Trouble with our own files never keeps the script from running: it then runs as plain Python runs it.

mod become_python;
mod beside;
mod code;
mod document;
mod inherited;
pub mod module;
mod script;

use std::convert::Infallible;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use self::become_python::{Settings, Start, Way};
use self::code::{Code, digest, is_whole_pyc};
use self::script::{Content, Script, ScriptError};
use crate::diagnostic::Diagnostic;
use crate::discover::probe::{self, Probe};
use crate::discover::{self, DiscoverError, Interpreter};
use crate::exit::{ExitStatus, reason};
use crate::options::RunOptions;
use crate::runtime;
use crate::runtime::home::{Home, HomeError, write_whole};
use crate::shown::shown_path;
use crate::store::sweep_behind;

/// Why the script does not run.
#[derive(Debug)]
pub enum LaunchError {
    Script(ScriptError),
    Interpreter(DiscoverError),
    Markers(Vec<Diagnostic>),
    /// The configuration cannot be understood: the whole message.
    Configuration(String),
    /// The markers would be off, in a run in which no marked call must run.
    Unguarded(String),
    /// We cannot stay beside the script.
    Alone(io::Error),
}

impl LaunchError {
    pub fn status(&self) -> ExitStatus {
        match self {
            LaunchError::Script(_) | LaunchError::Markers(_) | LaunchError::Configuration(_) => {
                ExitStatus::Usage
            }
            LaunchError::Interpreter(error) => error.status(),
            LaunchError::Unguarded(_) => ExitStatus::Missing,
            LaunchError::Alone(_) => ExitStatus::Trouble,
        }
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LaunchError::Script(error) => write!(f, "devstash: {error}"),
            LaunchError::Interpreter(error) => write!(f, "devstash: {error}"),
            LaunchError::Unguarded(why) => write!(
                f,
                "devstash: the script is not run, because of --offline: its markers cannot be seen to: {why}"
            ),
            LaunchError::Alone(error) => {
                write!(f, "devstash: the run cannot be watched: {}", reason(error))
            }
            LaunchError::Markers(found) => {
                let drawn: Vec<String> = found
                    .iter()
                    .map(|one| one.to_string().trim_end().to_owned())
                    .collect();
                write!(f, "{}", drawn.join("\n\n"))
            }
            LaunchError::Configuration(complaint) => f.write_str(complaint),
        }
    }
}

impl std::error::Error for LaunchError {}

impl From<ScriptError> for LaunchError {
    fn from(error: ScriptError) -> LaunchError {
        LaunchError::Script(error)
    }
}

impl From<DiscoverError> for LaunchError {
    fn from(error: DiscoverError) -> LaunchError {
        LaunchError::Interpreter(error)
    }
}

/// Run the script. Returns only with the reason why it does not run.
pub fn run(options: &RunOptions) -> Result<Infallible, LaunchError> {
    let script = Script::read(&options.script)?;
    let interpreter = discover::find(options.python.as_ref(), &options.folder)?;
    let launch = Launch {
        options,
        settings: Settings::new(&options.python_flags),
        filename: script.filename(),
        interpreter,
    };
    let way = match &script.content {
        Content::Text(bytes) if launch.concerns_us(bytes) => match &options.complaint {
            // To switch the markers off must help whatever is wrong.
            Some(complaint) if !options.skip_rewrite => {
                return Err(LaunchError::Configuration(complaint.clone()));
            }
            _ => launch.marked(bytes)?,
        },
        Content::Opaque if options.offline => {
            return Err(LaunchError::Unguarded(
                "it is no plain file of Python source".to_owned(),
            ));
        }
        _ => launch.plain()?,
    };
    let notes = if options.stays() && !matches!(way, Way::Plain) {
        Some(beside::stay(options).map_err(LaunchError::Alone)?)
    } else {
        None
    };
    let start = Start {
        options,
        settings: &launch.settings,
        interpreter: &launch.interpreter.path,
        filename: &launch.filename,
        folder: &options.folder,
        notes: notes.as_deref(),
    };
    let error = start.go(&way);
    Err(DiscoverError::Unstartable {
        path: launch.interpreter.path,
        error,
    }
    .into())
}

/// Whether `text` stands in `bytes`. Every encoding that Python takes for source writes it like this.
fn mentions(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

/// One run on its way.
struct Launch<'a> {
    options: &'a RunOptions,
    settings: Settings,
    interpreter: Interpreter,
    filename: OsString,
}

/// What kept a home from being used for a run.
enum Trouble {
    /// The script must not run.
    Fatal(LaunchError),
    /// It cannot be run from this home.
    Home(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Trouble {
        Trouble::Home(error)
    }
}

impl From<DiscoverError> for Trouble {
    fn from(error: DiscoverError) -> Trouble {
        Trouble::Fatal(error.into())
    }
}

impl Launch<'_> {
    /// Whether there can be anything for us in the script. Without its markers that is only the import of our package,
    /// which old scripts begin with and which nobody but us may be there to satisfy.
    fn concerns_us(&self, bytes: &[u8]) -> bool {
        if self.options.skip_rewrite {
            return mentions(bytes, "import devstash") || mentions(bytes, "from devstash");
        }
        mentions(bytes, "devstash")
    }

    /// The way for a script that is none of our business; only its interpreter must be one.
    fn plain(&self) -> Result<Way, LaunchError> {
        match Home::of_user() {
            Ok(home) => self.probe(&home)?,
            Err(_) => self.ask()?,
        };
        Ok(Way::Plain)
    }

    /// The way for a script that may have markers.
    fn marked(&self, bytes: &[u8]) -> Result<Way, LaunchError> {
        for path in self
            .options
            .passed
            .iter()
            .filter(|_| self.options.verbosity >= 0)
        {
            let _ = writeln!(
                io::stderr(),
                "devstash: the settings of `{}` do not count: it is another user's file",
                shown_path(path)
            );
        }
        let mut why = String::new();
        for choose in [Home::of_user, Home::temporary] {
            match choose() {
                Ok(home) => match self.prepare(&home, bytes) {
                    Ok(way) => return Ok(way),
                    Err(Trouble::Fatal(error)) => return Err(error),
                    Err(Trouble::Home(error)) => {
                        why = format!("`{}`: {}", shown_path(&home.root), reason(&error))
                    }
                },
                Err(error) => {
                    why = error.to_string();
                    // Not passed over in silence: this is how somebody would make us look elsewhere.
                    if matches!(error, HomeError::Unsafe { .. }) {
                        break;
                    }
                }
            }
        }
        if self.options.offline {
            return Err(LaunchError::Unguarded(format!(
                "no folder for byte-code: {why}\n\nhint: name a folder that only you can write to with \
                 `XDG_CACHE_HOME`"
            )));
        }
        if self.options.verbosity >= 0 {
            let _ = writeln!(
                io::stderr(),
                "devstash: markers are off for this run: no folder for byte-code: {why}\n\nhint: name a folder that \
                 only you can write to with `XDG_CACHE_HOME`\n"
            );
        }
        self.plain()
    }

    /// The way for a script that may have markers, with everything that it needs lying in `home`.
    fn prepare(&self, home: &Home, bytes: &[u8]) -> Result<Way, Trouble> {
        let code = Code::new(home, &self.filename, bytes, self.options.skip_rewrite);
        let encoding = self
            .settings
            .encoding(&self.filename, &self.options.python_flags);
        let pyc = code.pyc(&[
            &self.interpreter.identity,
            &[self.settings.optimize],
            &encoding,
        ]);
        if is_whole_pyc(&pyc) && runtime::is_present(&home.root) {
            return Ok(Way::Direct { pyc });
        }
        // This start takes its time anyway.
        if !self.options.no_cache {
            sweep_behind(&self.options.cache_dir);
        }
        runtime::unpack(&home.root)?;
        let probe = self.probe(home)?;
        if !code.has_plan() {
            let plan = self.plan(bytes, &code.source).map_err(Trouble::Fatal)?;
            code.write_plan(&plan)?;
        }
        let pyc = (!probe.changeable).then_some(pyc);
        Ok(Way::Rewrite {
            rewriter: home.rewriter(),
            plan: code.plan(),
            pyc,
        })
    }

    /// The plan for the script as JSON. Without a site in it, too, the modules that it imports may have some.
    fn plan(&self, bytes: &[u8], digest: &str) -> Result<Vec<u8>, LaunchError> {
        if self.options.skip_rewrite {
            return Ok(document::unedited(digest));
        }
        let path = PathBuf::from(&self.options.script);
        let (plan, _) = document::of(path, bytes.to_vec(), digest).map_err(LaunchError::Markers)?;
        Ok(plan)
    }

    /// What the interpreter is: remembered in `home`, or asked and then remembered there.
    fn probe(&self, home: &Home) -> Result<Probe, DiscoverError> {
        let memory = home.interpreter(&digest::<8>(&[&self.interpreter.identity]));
        if let Some(probe) = fs::read(&memory)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        {
            return Ok(probe);
        }
        let probe = self.ask()?;
        // Forgotten, it is asked again next time.
        let _ = write_whole(
            &memory,
            &serde_json::to_vec_pretty(&probe).expect("a probe is only text and numbers"),
        );
        Ok(probe)
    }

    fn ask(&self) -> Result<Probe, DiscoverError> {
        probe::ask(&self.interpreter, self.settings.needs_environment())
    }
}
