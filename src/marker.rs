//! Turns a comment into the markers it holds.
//!
//! `# @devstash ttl=1d` is a marker, alone or as a later part of a comment (`# noqa  # @devstash`). Which statement it
//! belongs to is the next stage's question; here it is only read, so that a faulty one is known as such wherever it stands.

mod options;
mod words;

pub use options::{Load, Options, Stream};

use words::Word;

const NAME: &str = "@devstash";

/// A well-formed marker. Offsets count bytes of the decoded text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// Where `@devstash` stands.
    pub start: usize,
    pub end: usize,
    pub options: Options,
}

/// What is wrong at a range of the text, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub start: usize,
    pub end: usize,
    pub message: String,
    pub hint: Option<String>,
}

impl Fault {
    pub fn new(
        start: usize,
        end: usize,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            start,
            end,
            message: message.into(),
            hint: Some(hint.into()),
        }
    }
}

/// The markers of one comment, in order, each with its first fault if it has one.
///
/// `comment` begins with its `#`, and `offset` is where that stands in the text.
pub fn find(comment: &str, offset: usize) -> Vec<Result<Marker, Fault>> {
    let mut found = Vec::new();
    let mut before = ' ';
    for (index, character) in comment.char_indices() {
        let begins_part = character == '#' && (before.is_whitespace() || before == '#');
        before = character;
        if !begins_part {
            continue;
        }
        let part = &comment[index + 1..];
        let spaces = part.len() - part.trim_start().len();
        if let Some(rest) = part[spaces..].strip_prefix(NAME) {
            let start = offset + index + 1 + spaces;
            found.extend(read(rest, start));
        }
    }
    found
}

/// Reads what follows `@devstash`; `None` when the name goes on and means something else (`@devstashed`).
fn read(rest: &str, start: usize) -> Option<Result<Marker, Fault>> {
    let end = start + NAME.len();
    match rest.chars().next() {
        Some(next) if next.is_alphanumeric() || "_-./@".contains(next) => return None,
        Some(next) if !next.is_whitespace() && next != '#' => {
            return Some(Err(Fault::new(
                end,
                end + next.len_utf8(),
                format!("`{next}` cannot follow `{NAME}`"),
                format!("options stand after a space: `# {NAME} ttl=1d`"),
            )));
        }
        _ => {}
    }
    let words = words::split(rest, end);
    Some(words.and_then(|words: Vec<Word>| {
        Ok(Marker {
            start,
            end,
            options: options::read(&words)?,
        })
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many markers each comment holds, well-formed or not.
    fn count(comment: &str, expected: usize) {
        assert_eq!(find(comment, 0).len(), expected, "{comment}");
    }

    #[test]
    fn markers_are_told_from_comments_about_them() {
        count("# @devstash", 1);
        count("#@devstash", 1);
        count("#\t@devstash\tttl=1d", 1);
        count("## @devstash", 1);
        count("# noqa  # @devstash ttl=1d  # type: ignore", 1);
        count("# @devstash# noqa", 1);
        count("# @devstash # @devstash", 2);
        count("# @devstash: ttl=1d", 1);
        count("# @devstash(ttl=1d)", 1);
        count("# @devstashed", 0);
        count("# @devstash-like", 0);
        count("# @devstash.example", 0);
        count("# see @devstash", 0);
        count("# devstash", 0);
        count("# issue#@devstash", 0);
    }

    #[test]
    fn offsets_count_from_the_start_of_the_text() {
        let found = find("# é # @devstash ttl=1d", 100);
        let marker = found[0].as_ref().expect("well-formed");
        assert_eq!((marker.start, marker.end), (107, 116));
    }
}
