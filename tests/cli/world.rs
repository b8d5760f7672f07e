//! A small world of its own for each test: a folder to work in, a user's folders, and nothing of the real ones.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

pub struct World {
    root: TempDir,
}

/// How a command ended and what it said.
#[derive(Debug, PartialEq, Eq)]
pub struct Said {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl World {
    pub fn new() -> World {
        let world = World {
            root: TempDir::new().unwrap(),
        };
        for folder in ["work", "temporary"] {
            fs::create_dir(world.root.path().join(folder)).unwrap();
        }
        world
    }

    /// A path in the folder that commands run in; behind all symbolic links, as the system reports that folder.
    pub fn path(&self, name: &str) -> PathBuf {
        fs::canonicalize(self.root.path())
            .unwrap()
            .join("work")
            .join(name)
    }

    /// The user's cache folder, which does not exist at first.
    pub fn caches(&self) -> PathBuf {
        self.root.path().join("caches")
    }

    pub fn temporary(&self) -> PathBuf {
        self.root.path().join("temporary")
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// An executable with this text.
    ///
    /// Another process writes it: a file that this one holds open for writing while another test's thread forks could
    /// not be started for a moment ("text file busy").
    pub fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let line = "printf '%s' \"$1\" >\"$2\" && /bin/chmod 755 \"$2\"";
        let mut shell = self.command("/bin/sh");
        assert!(
            shell
                .args(["-c", line, "sh", text])
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        path
    }

    /// Something that passes for Python and tells, when it is to run a script, its own name and all it was given.
    pub fn fake(&self, name: &str) -> PathBuf {
        self.program(name, &fake_text(name, "devstash 3 12 cpython"))
    }

    /// A command in this world, with a clean environment and no Python anywhere.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path(".")).env_clear();
        command
            .env("PATH", self.path("bin"))
            .env("HOME", self.root.path());
        command.env("XDG_CACHE_HOME", self.caches());
        command.env("XDG_DATA_HOME", self.root.path().join("data"));
        command.env("TMPDIR", self.temporary());
        command
    }

    pub fn devstash(&self, words: &[impl AsRef<OsStr>]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_devstash"));
        command.args(words);
        command
    }

    pub fn run(&self, words: &[impl AsRef<OsStr>]) -> Said {
        said(&mut self.devstash(words))
    }

    /// The files below the cache folder whose names end with `end`.
    pub fn kept(&self, end: &str) -> Vec<PathBuf> {
        let mut found = files(&self.caches());
        found.retain(|path| path.as_os_str().to_str().unwrap().ends_with(end));
        found.retain(|path| {
            !path
                .components()
                .any(|part| part.as_os_str() == "__pycache__")
        });
        found.sort();
        found
    }
}

/// The text of a program that answers the probe with `answer` and otherwise tells how it was called.
pub fn fake_text(name: &str, answer: &str) -> String {
    format!(
        "#!/bin/sh\n\
         for word; do [ \"$word\" = -c ] && {{ echo '{answer}'; exit; }}; done\n\
         printf '<%s>' '{name}' \"$@\"; echo\n"
    )
}

pub fn said(command: &mut Command) -> Said {
    told(command.output().unwrap())
}

pub fn told(output: Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said {
        status: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// A real interpreter's own path, not a shim's.
pub fn python() -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let nowhere = Path::new("/nonexistent");
        let found = devstash::discover::find(None, nowhere).ok()?;
        let question = ["-c", "import sys; print(sys.executable)"];
        let output = Command::new(found.path).args(question).output().ok()?;
        Some(PathBuf::from(
            String::from_utf8(output.stdout).ok()?.trim_end(),
        ))
    });
    if found.is_none() {
        eprintln!("no Python found: this test has tested nothing");
    }
    found.as_deref()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![path]
            }
        })
        .collect()
}
