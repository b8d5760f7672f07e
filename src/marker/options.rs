//! The options of a marker: their names, what each accepts, and what is said when it gets something else.

use serde::Serialize;

use super::Fault;
use super::words::{Value, Word, items, unquoted};
use crate::duration::{Ttl, parse_size};
use crate::nearest::nearest;
use crate::syntax::{self, ast::Expr};

/// What a marker asks for. What it does not mention is absent here, and left to the settings farther from the line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Options {
    /// How long a result stays valid, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u64>,
    /// An expression whose value is the key instead of the arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Arguments that are left out of the key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Environment variables that are part of the key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Globs of files whose contents are part of the key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// A text that is part of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What is printed again on a hit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replay: Vec<Stream>,
    /// How many entries of the site to keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_entries: Option<u64>,
    /// How many bytes of entries of the site to keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_size: Option<u64>,
    /// For how many seconds to keep what is not used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
    /// How a large value is brought in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// A label for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Run the call and replace what is kept.
    #[serde(skip_serializing_if = "is_false")]
    pub refresh: bool,
    /// The marker stays and does nothing.
    #[serde(skip)]
    pub off: bool,
}

/// An output of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    Stdout,
    Stderr,
}

/// A way to bring in a large value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Load {
    Copy,
    /// As usual; said where the project's settings say otherwise.
    Map,
}

fn is_false(value: &bool) -> bool {
    !*value
}

/// Every option, with a value as an example where it takes one.
const KNOWN: [(&str, Option<&str>); 14] = [
    ("ttl", Some("30m")),
    ("key", Some("EXPR")),
    ("ignore", Some("NAME")),
    ("env", Some("NAME")),
    ("files", Some("data/*.csv")),
    ("version", Some("2")),
    ("replay", Some("stdout")),
    ("max_entries", Some("10")),
    ("max_size", Some("100M")),
    ("max_age", Some("30d")),
    ("load", Some("copy")),
    ("name", Some("LABEL")),
    ("refresh", None),
    ("off", None),
];

/// Reads all words of one marker, or says what is wrong with the first one that is.
pub(super) fn read(words: &[Word<'_>]) -> Result<Options, Fault> {
    let mut options = Options::default();
    for (index, word) in words.iter().enumerate() {
        let Some(&(name, example)) = KNOWN.iter().find(|(name, _)| *name == word.name) else {
            return Err(unknown(word));
        };
        if words[..index]
            .iter()
            .any(|earlier| earlier.name == word.name)
        {
            return Err(Fault::new(
                word.start,
                word.end,
                format!("`{name}` is given twice"),
                format!("keep one `{name}`"),
            ));
        }
        match (example, word.value) {
            (Some(example), None) => {
                return Err(Fault::new(
                    word.start,
                    word.end,
                    format!("`{name}` needs a value"),
                    format!("write `{name}={example}`, without spaces around the `=`"),
                ));
            }
            (Some(example), Some(value)) if value.text().trim().is_empty() => {
                return Err(Fault::new(
                    word.start,
                    value.end,
                    format!("`{name}` has an empty value"),
                    format!("write `{name}={example}`, without spaces around the `=`"),
                ));
            }
            (None, Some(value)) => {
                return Err(Fault::new(
                    word.end,
                    value.end,
                    format!("`{name}` takes no value"),
                    format!("write `{name}` alone, or leave it out"),
                ));
            }
            (Some(_), Some(value)) => take(&mut options, name, value)?,
            (None, None) => match name {
                "refresh" => options.refresh = true,
                _ => options.off = true,
            },
        }
    }
    Ok(options)
}

/// Takes the value of one of the options that have one.
fn take(options: &mut Options, name: &str, value: Value<'_>) -> Result<(), Fault> {
    let text = value.text().trim();
    match name {
        "ttl" => options.ttl = Some(seconds(text).ok_or_else(|| not_a_time(name, value))?),
        "key" => options.key = Some(expression(value)?),
        "ignore" => options.ignore = list(name, value, argument)?,
        "env" => options.env = list(name, value, variable)?,
        "files" => options.files = list(name, value, |glob| Some(glob.to_owned()))?,
        "version" => options.version = Some(text.to_owned()),
        "replay" => options.replay = list(name, value, stream)?,
        "max_entries" => options.max_entries = Some(count(text).ok_or_else(|| not_a_count(value))?),
        "max_size" => options.max_size = Some(parse_size(text).ok_or_else(|| not_a_size(value))?),
        "max_age" => options.max_age = Some(seconds(text).ok_or_else(|| not_a_time(name, value))?),
        "load" => options.load = Some(load(value)?),
        _ => options.name = Some(text.to_owned()),
    }
    Ok(())
}

fn seconds(text: &str) -> Option<u64> {
    Ttl::parse(text).ok().map(Ttl::seconds)
}

fn not_a_time(name: &str, value: Value<'_>) -> Fault {
    Fault::new(
        value.start,
        value.end,
        format!("`{}` is not a time", value.raw),
        format!(
            "write a whole number above zero and a unit, `s`, `m`, `h`, `d` or `w`: `{name}=30m`"
        ),
    )
}

fn not_a_size(value: Value<'_>) -> Fault {
    Fault::new(
        value.start,
        value.end,
        format!("`{}` is not a size", value.raw),
        "write a number above zero and a unit, `K`, `M`, `G` or `T`: `max_size=100M`",
    )
}

fn count(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&count| digits && count > 0)
}

fn not_a_count(value: Value<'_>) -> Fault {
    Fault::new(
        value.start,
        value.end,
        format!("`{}` is not a number of entries", value.raw),
        "write a whole number above zero: `max_entries=10`",
    )
}

fn load(value: Value<'_>) -> Result<Load, Fault> {
    match value.text().trim() {
        "copy" => Ok(Load::Copy),
        "map" => Ok(Load::Map),
        _ => Err(Fault::new(
            value.start,
            value.end,
            format!("`{}` is not a way to load a value", value.raw),
            "`load=copy` reads large values instead of mapping them, as `load=map` does",
        )),
    }
}

/// A Python expression that can be evaluated beside the call without changing the program.
fn expression(value: Value<'_>) -> Result<String, Fault> {
    let text = value.text().trim();
    let refuse =
        |message: String, hint: &str| Err(Fault::new(value.start, value.end, message, hint));
    let Ok(parsed) = syntax::parse_expression(text) else {
        return refuse(
            format!("`{}` is not a Python expression", value.raw),
            "write the value to key on, with quotes around it if it has spaces: `key=\"a + b\"`",
        );
    };
    let acts = |expr: &Expr| {
        matches!(
            expr,
            Expr::Await(_) | Expr::Yield(_) | Expr::YieldFrom(_) | Expr::Named(_)
        )
    };
    if matches!(parsed, Expr::Starred(_)) || syntax::contains(&parsed, &acts) {
        return refuse(
            format!("`{}` cannot be a key", value.raw),
            "a key is evaluated for its value alone, so it has no `await`, `yield`, `:=` or leading `*`",
        );
    }
    Ok(text.to_owned())
}

/// The items of a list, none of them empty, each accepted by `item`.
fn list<T>(
    name: &str,
    value: Value<'_>,
    item: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Fault> {
    let (what, example) = match name {
        "ignore" => ("the name of an argument", "ignore=self,timeout"),
        "env" => ("the name of an environment variable", "env=LANG,TZ"),
        "replay" => ("an output", "replay=stdout,stderr"),
        _ => ("a file", "files=data/*.csv,config.json"),
    };
    let mut taken = Vec::new();
    for piece in items(value.text()) {
        let text = unquoted(piece.trim());
        if text.is_empty() {
            return Err(Fault::new(
                value.start,
                value.end,
                format!("`{name}` has an empty item"),
                format!("separate the items with single commas: `{example}`"),
            ));
        }
        let Some(accepted) = item(text) else {
            let (start, end) = within(value, piece);
            return Err(Fault::new(
                start,
                end,
                format!("`{text}` is not {what}"),
                format!("separate the items with single commas: `{example}`"),
            ));
        };
        taken.push(accepted);
    }
    Ok(taken)
}

/// The byte range in the text of a piece of a value.
fn within(value: Value<'_>, piece: &str) -> (usize, usize) {
    let trimmed = piece.trim();
    // Every piece is a part of the value's own text.
    let start = value.start + (trimmed.as_ptr() as usize - value.raw.as_ptr() as usize);
    (start, start + trimmed.len())
}

/// An identifier.
fn argument(text: &str) -> Option<String> {
    let mut characters = text.chars();
    let first = characters.next()?;
    let valid = (first.is_alphabetic() || first == '_')
        && characters.all(|c| c.is_alphanumeric() || c == '_');
    valid.then(|| text.to_owned())
}

fn variable(text: &str) -> Option<String> {
    let valid = !text.contains(|c: char| c == '=' || c.is_whitespace() || c.is_control());
    valid.then(|| text.to_owned())
}

fn stream(text: &str) -> Option<Stream> {
    match text {
        "stdout" => Some(Stream::Stdout),
        "stderr" => Some(Stream::Stderr),
        _ => None,
    }
}

fn unknown(word: &Word<'_>) -> Fault {
    let end = word
        .value
        .map_or(word.end, |_| word.end.max(word.start + 1));
    let hint = match nearest(word.name, KNOWN.iter().map(|(name, _)| *name)).first() {
        Some(name) => format!("did you mean `{name}`?"),
        None => {
            let names: Vec<_> = KNOWN.iter().map(|(name, _)| format!("`{name}`")).collect();
            format!(
                "the options are {}; a value with spaces needs quotes",
                names.join(", ")
            )
        }
    };
    Fault::new(
        word.start,
        end,
        format!("unknown option `{}`", word.name),
        hint,
    )
}

#[cfg(test)]
mod tests;
