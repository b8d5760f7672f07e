//! A script's name in; its bytes, and what plain Python makes of the name, out.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::{env, fmt, fs, io};

use crate::exit::reason;
use crate::shown::{shown, shown_path};

/// The script as the user named it.
#[derive(Debug)]
pub struct Script {
    pub typed: OsString,
    pub content: Content,
}

#[derive(Debug)]
pub enum Content {
    /// The file's bytes.
    Text(Vec<u8>),
    /// To be left to Python: a pipe or device that must not be read twice, a zip application, byte-code.
    Opaque,
}

/// Why there is no script to run.
#[derive(Debug)]
pub enum ScriptError {
    Missing(OsString),
    Folder(OsString),
    Unreadable(OsString, io::Error),
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const USAGE: &str = "`devstash run [options] script.py [args…]`";
        match self {
            ScriptError::Missing(name) => {
                write!(f, "cannot find the script `{}`\n\nhint: ", shown(name))?;
                if name.as_bytes().starts_with(b"python") && !name.as_bytes().contains(&b'.') {
                    write!(
                        f,
                        "name the script itself, as in {USAGE}; `--python {}` chooses that interpreter",
                        shown(name)
                    )
                } else {
                    write!(f, "give the path of a Python file, as in {USAGE}")
                }
            }
            ScriptError::Folder(name) => {
                write!(
                    f,
                    "`{}` is a folder\n\nhint: give the path of a Python file in it, such as ",
                    shown(name)
                )?;
                write!(f, "`{}`", shown_path(&Path::new(name).join("__main__.py")))
            }
            ScriptError::Unreadable(name, error) => write!(
                f,
                "cannot read the script `{}`: {}\n\nhint: Python needs to read it too; see its permissions with \
                 `ls -l`",
                shown(name),
                reason(error)
            ),
        }
    }
}

impl std::error::Error for ScriptError {}

impl Script {
    /// Read the script, once.
    pub fn read(typed: &OsStr) -> Result<Script, ScriptError> {
        let script = |content| {
            Ok(Script {
                typed: typed.to_owned(),
                content,
            })
        };
        let unreadable = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => ScriptError::Missing(typed.to_owned()),
            _ => ScriptError::Unreadable(typed.to_owned(), error),
        };
        if typed == "-" {
            return script(Content::Opaque);
        }
        // Asked before opening: to open a pipe and close it again would break it for whoever writes to it.
        let kind = fs::metadata(typed).map_err(unreadable)?.file_type();
        if kind.is_dir() {
            return Err(ScriptError::Folder(typed.to_owned()));
        }
        if kind.is_socket() {
            return Err(ScriptError::Unreadable(
                typed.to_owned(),
                io::Error::other("it is a socket"),
            ));
        }
        // Behind names like /dev/stdin there may be a file already read from.
        if !kind.is_file()
            || ["/dev/", "/proc/"]
                .iter()
                .any(|above| typed.as_bytes().starts_with(above.as_bytes()))
        {
            return script(Content::Opaque);
        }
        let bytes = fs::read(typed).map_err(unreadable)?;
        // Python source never holds a zero byte, while zip applications and byte-code always do.
        script(if bytes.contains(&0) {
            Content::Opaque
        } else {
            Content::Text(bytes)
        })
    }

    /// What plain Python uses for `__file__` and in tracebacks: the name as typed, behind the current folder where it
    /// is relative. Nothing is resolved or tidied, and without a current folder it stays as it is.
    pub fn filename(&self) -> OsString {
        if self.typed.as_bytes().first() == Some(&b'/') {
            return self.typed.clone();
        }
        match env::current_dir() {
            Ok(here) => OsString::from_vec(
                [here.as_os_str().as_bytes(), b"/", self.typed.as_bytes()].concat(),
            ),
            Err(_) => self.typed.clone(),
        }
    }
}
