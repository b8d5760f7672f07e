//! What a setting is set to: from the words of a variable or an option, or from a value of a TOML file.
//!
//! Both write the same things in the same words: a list is an array in TOML, and has commas elsewhere.

use std::ffi::OsStr;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use toml::Spanned;
use toml::de::DeValue;

use crate::duration::{Ttl, parse_size, size};
use crate::nearest::nearest;

/// What a setting accepts.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Yes or no.
    Switch,
    /// Yes or no, or a text that says for what.
    SwitchOrText,
    /// Yes or no, or a share such as `10%`.
    Share,
    /// A folder, made absolute.
    Folder,
    /// A program's path, made absolute, or its name.
    Program,
    /// A whole number and a unit of time.
    Age,
    /// A number and a unit of size.
    Size,
    /// A whole number above zero.
    Count,
    /// Any text that is not empty, or a whole number.
    Text,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Some of these words.
    Several(&'static [&'static str]),
    /// Names of environment variables.
    Variables,
    /// Globs, made absolute.
    Globs,
}

/// What a setting is set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Switch(bool),
    /// Millionths.
    Share(u32),
    Path(PathBuf),
    Age(Ttl),
    Size(u64),
    Count(u64),
    Text(String),
    List(Vec<String>),
}

/// What is wrong with a value, and what to write instead (an empty text where the message says it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    pub message: String,
    pub hint: String,
}

/// From where relative paths count.
#[derive(Clone, Copy, Debug)]
pub enum Base<'a> {
    /// The current folder; a shell has read `~`.
    Here(&'a Path),
    /// The folder of the file that says it; `~` is this home.
    File {
        folder: &'a Path,
        home: Option<&'a Path>,
    },
}

impl Value {
    /// Reads the words of a variable or an option.
    pub fn from_words(kind: Kind, words: &OsStr, base: Base<'_>) -> Result<Value, Wrong> {
        // Only paths can be other than text.
        if let Kind::Folder | Kind::Program = kind {
            if words.is_empty() {
                return Err(wrong(kind, ""));
            }
            return Ok(Value::Path(match kind {
                Kind::Folder => base.absolute(words),
                _ => base.program(words),
            }));
        }
        let text = words
            .to_str()
            .ok_or_else(|| wrong(kind, &words.to_string_lossy()))?;
        let text = text.trim();
        match kind {
            Kind::Switch => switch(text).ok_or_else(|| wrong(kind, text)),
            Kind::SwitchOrText => switch(text).map_or_else(|| one(kind, text), Ok),
            // `1` is one of a hundred where it has a percent sign, and otherwise the switch that it is elsewhere.
            Kind::Share => switch(text)
                .or_else(|| share(text))
                .ok_or_else(|| wrong(kind, text)),
            Kind::Count => count(text).ok_or_else(|| wrong(kind, text)),
            Kind::Variables | Kind::Globs | Kind::Several(_) => {
                let items = commas(text)
                    .into_iter()
                    .map(|item| item_of(kind, item.trim(), base));
                Ok(Value::List(items.collect::<Result<_, _>>()?))
            }
            _ => one(kind, text),
        }
    }

    /// Reads a value of a TOML file; a fault names the bytes that it is about.
    pub fn from_toml(
        kind: Kind,
        value: &Spanned<DeValue<'_>>,
        base: Base<'_>,
    ) -> Result<Value, (Range<usize>, Wrong)> {
        let here = |wrong| (value.span(), wrong);
        let other = || {
            let message = format!(
                "{} is needed here, not {}",
                needed(kind),
                article(value.get_ref())
            );
            here(Wrong {
                message,
                hint: String::new(),
            })
        };
        match (kind, value.get_ref()) {
            (Kind::Switch | Kind::SwitchOrText | Kind::Share, DeValue::Boolean(set)) => {
                Ok(Value::Switch(*set))
            }
            (Kind::Count, DeValue::Integer(number)) => {
                count(number.as_str()).ok_or_else(|| here(wrong(kind, number.as_str())))
            }
            (Kind::Text, DeValue::Integer(number)) => Ok(Value::Text(number.as_str().to_owned())),
            (Kind::Switch | Kind::Count, _) => Err(other()),
            (Kind::Variables | Kind::Globs | Kind::Several(_), DeValue::Array(items)) => {
                let item = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
                    DeValue::String(text) => {
                        item_of(kind, text, base).map_err(|wrong| (item.span(), wrong))
                    }
                    found => {
                        let message = format!("a text is needed here, not {}", article(found));
                        Err((
                            item.span(),
                            Wrong {
                                message,
                                hint: String::new(),
                            },
                        ))
                    }
                };
                Ok(Value::List(
                    items.iter().map(item).collect::<Result<_, _>>()?,
                ))
            }
            (_, DeValue::String(text)) => {
                Value::from_words(kind, OsStr::new(&**text), base).map_err(here)
            }
            _ => Err(other()),
        }
    }

    /// For programs: ages are seconds and sizes are bytes.
    pub fn to_json(&self) -> Json {
        match self {
            Value::Switch(set) => json!(set),
            Value::Share(millionths) => json!(f64::from(*millionths) / 1e6),
            Value::Path(path) => json!(path.to_string_lossy()),
            Value::Age(age) => json!(age.seconds()),
            Value::Size(number) | Value::Count(number) => json!(number),
            Value::Text(text) => json!(text),
            Value::List(items) => json!(items),
        }
    }
}

/// As people write it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Switch(set) => set.fmt(f),
            Value::Share(millionths) => write!(f, "{}%", f64::from(*millionths) / 1e4),
            Value::Path(path) => path.to_string_lossy().fmt(f),
            Value::Age(age) => age.fmt(f),
            Value::Size(bytes) => size(*bytes).fmt(f),
            Value::Count(number) => number.fmt(f),
            Value::Text(text) => text.fmt(f),
            Value::List(items) => items.join(",").fmt(f),
        }
    }
}

impl Base<'_> {
    /// Relative only where there is no folder to count from, because the current one is gone.
    fn absolute(&self, path: &OsStr) -> PathBuf {
        let path = Path::new(path);
        let (folder, home) = match self {
            Base::Here(folder) => (folder, None),
            Base::File { folder, home } => (folder, *home),
        };
        if let (Ok(rest), Some(home)) = (path.strip_prefix("~"), home) {
            return home.join(rest);
        }
        // Without a leading `./`, which would only show up in messages.
        if folder.as_os_str().is_empty() {
            path.to_owned()
        } else {
            folder.join(path.strip_prefix(".").unwrap_or(path))
        }
    }

    /// A bare name is left to be looked for on PATH, and what was typed to be shown as it was.
    fn program(&self, name: &OsStr) -> PathBuf {
        match self {
            Base::File { .. } if name.as_encoded_bytes().contains(&b'/') => self.absolute(name),
            _ => PathBuf::from(name),
        }
    }
}

/// A value that is one text.
fn one(kind: Kind, text: &str) -> Result<Value, Wrong> {
    let value = match kind {
        Kind::Age => Ttl::parse(text).ok().map(Value::Age),
        Kind::Size => parse_size(text).map(Value::Size),
        Kind::OneOf(words) => words.contains(&text).then(|| Value::Text(text.to_owned())),
        // It becomes a line of what the runtime is told.
        _ => (!text.is_empty() && !text.contains(char::is_control))
            .then(|| Value::Text(text.to_owned())),
    };
    value.ok_or_else(|| wrong(kind, text))
}

/// One item of a list.
fn item_of(kind: Kind, text: &str, base: Base<'_>) -> Result<String, Wrong> {
    let valid = !text.is_empty()
        && !text.contains(char::is_control)
        && match kind {
            Kind::Several(words) => words.contains(&text),
            Kind::Variables => {
                !text.contains(|letter: char| letter == '=' || letter.is_whitespace())
            }
            _ => true,
        };
    if !valid {
        return Err(wrong(kind, text));
    }
    Ok(match kind {
        Kind::Globs => base.absolute(text.as_ref()).to_string_lossy().into_owned(),
        _ => text.to_owned(),
    })
}

fn switch(text: &str) -> Option<Value> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(Value::Switch(true)),
        "0" | "false" | "no" | "off" => Some(Value::Switch(false)),
        _ => None,
    }
}

/// A number of hundredths above 0, up to 100; the percent sign may be left out.
fn share(text: &str) -> Option<Value> {
    let number: f64 = text
        .strip_suffix('%')
        .unwrap_or(text)
        .trim_end()
        .parse()
        .ok()?;
    let millionths = (number * 10_000.0).round();
    (1.0..=1e6)
        .contains(&millionths)
        .then_some(Value::Share(millionths as u32))
}

fn count(text: &str) -> Option<Value> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|&count| digits && (1..1 << 53).contains(&count))
        .map(Value::Count)
}

/// Splits at commas; one that belongs to a file's name is written `[,]`, as in a marker.
fn commas(text: &str) -> Vec<&str> {
    let mut open = false;
    text.split(|letter| {
        open = match letter {
            '[' => true,
            ']' => false,
            _ => open,
        };
        letter == ',' && !open
    })
    .collect()
}

/// What is said of a text that is no such value.
fn wrong(kind: Kind, text: &str) -> Wrong {
    let (what, hint) = match kind {
        Kind::Switch => ("yes or no".to_owned(), "write `1` or `0`".to_owned()),
        Kind::Share => (
            "a share".to_owned(),
            "write a part of all like `10%`, or `1` for all of them".to_owned(),
        ),
        Kind::Age => (
            "a time".to_owned(),
            "write a whole number above zero and a unit, `s`, `m`, `h`, `d` or `w`: `30m`"
                .to_owned(),
        ),
        Kind::Size => (
            "a size".to_owned(),
            "write a number above zero and a unit, `K`, `M`, `G` or `T`: `500M`".to_owned(),
        ),
        Kind::Count => (
            "a number of entries".to_owned(),
            "write a whole number above zero".to_owned(),
        ),
        Kind::OneOf(words) => (
            list(words),
            match nearest(text, words.iter().copied()).first() {
                Some(word) => format!("did you mean `{word}`?"),
                None => format!("write {}", list(words)),
            },
        ),
        Kind::Several(words) => (
            "an output".to_owned(),
            format!("write {}, or both with a comma between them", list(words)),
        ),
        Kind::Variables => (
            "the name of an environment variable".to_owned(),
            "separate the items with single commas: `LANG,TZ`".to_owned(),
        ),
        Kind::Globs => (
            "a file".to_owned(),
            "separate the items with single commas: `data/*.csv,config.json`".to_owned(),
        ),
        Kind::Folder => (
            "a folder".to_owned(),
            "leave it out to use `.devstash_cache`".to_owned(),
        ),
        Kind::Program => (
            "an interpreter".to_owned(),
            "give its path, a name on $PATH, or an environment's folder".to_owned(),
        ),
        Kind::Text | Kind::SwitchOrText => (
            "such a text".to_owned(),
            "write some letters or digits, on one line".to_owned(),
        ),
    };
    Wrong {
        message: format!("`{}` is not {what}", text.escape_debug()),
        hint,
    }
}

/// What a TOML value of this kind looks like.
fn needed(kind: Kind) -> &'static str {
    match kind {
        Kind::Switch => "`true` or `false`",
        Kind::SwitchOrText => "`true`, `false` or a text",
        Kind::Share => "`true`, `false` or a text such as `\"10%\"`",
        Kind::Count => "a whole number",
        Kind::Variables | Kind::Globs | Kind::Several(_) => "a list of texts",
        _ => "a text",
    }
}

/// What stands there instead, with its article.
fn article(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(_) => "a text".to_owned(),
        DeValue::Boolean(set) => format!("`{set}`"),
        DeValue::Integer(_) => "a number".to_owned(),
        DeValue::Float(_) => "a number with a point".to_owned(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// `` `a`, `b` or `c` ``.
fn list(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, words: &str) -> Result<String, String> {
        let value = Value::from_words(kind, OsStr::new(words), Base::Here(Path::new("/here")));
        value
            .map(|value| value.to_string())
            .map_err(|wrong| wrong.message)
    }

    #[test]
    fn words_become_values() {
        let case = |kind, words, shown: &str| {
            assert_eq!(read(kind, words), Ok(shown.to_owned()), "{words}")
        };
        case(Kind::Switch, "Yes", "true");
        case(Kind::Switch, "0", "false");
        case(Kind::Folder, "./kept", "/here/kept");
        case(Kind::Folder, "/kept", "/kept");
        case(Kind::Folder, "~/kept", "/here/~/kept"); // a shell has read it, or has been told not to
        case(Kind::Program, "./bin/python", "./bin/python");
        case(Kind::Age, " 90m ", "90m");
        case(Kind::Size, "1536K", "1.5 MiB");
        case(Kind::Count, "10", "10");
        case(Kind::Variables, "A, B", "A,B");
        case(Kind::Globs, "a[,]b,/c", "/here/a[,]b,/c");
    }

    #[test]
    fn what_is_no_value_is_told() {
        let case = |kind, words, message: &str| {
            assert_eq!(read(kind, words), Err(message.to_owned()), "{words}")
        };
        case(Kind::Switch, "2", "`2` is not yes or no");
        case(Kind::Count, "+1", "`+1` is not a number of entries");
        case(
            Kind::Variables,
            "A=B",
            "`A=B` is not the name of an environment variable",
        );
        case(Kind::Globs, "a\nb", "`a\\nb` is not a file");
        case(Kind::Folder, "", "`` is not a folder");
    }

    #[test]
    fn in_a_file_paths_count_from_its_folder() {
        let base = Base::File {
            folder: Path::new("/p"),
            home: Some(Path::new("/me")),
        };
        let case = |kind, words: &str, path: &str| {
            let value = Value::from_words(kind, OsStr::new(words), base);
            assert_eq!(value, Ok(Value::Path(path.into())), "{words}");
        };
        case(Kind::Folder, "kept", "/p/kept");
        case(Kind::Folder, "~/kept", "/me/kept");
        case(Kind::Program, "python3.12", "python3.12");
        case(Kind::Program, ".venv/bin/python", "/p/.venv/bin/python");
    }
}
