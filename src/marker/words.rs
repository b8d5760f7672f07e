//! Splits what follows `@devstash` into words: `name` or `name=value`.
//!
//! A value runs to the next space that is outside quotes and brackets, so that `key=(a, b)` and `version="a b"` are one
//! word each; a `#` after a space ends the marker. A backslash is an ordinary character, as in the paths of Windows.

use super::Fault;

/// One option as written, with the byte range of each part in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word<'a> {
    pub name: &'a str,
    pub start: usize,
    pub end: usize,
    pub value: Option<Value<'a>>,
}

/// What stands behind the `=`, quotes included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value<'a> {
    pub raw: &'a str,
    pub start: usize,
    pub end: usize,
}

impl<'a> Value<'a> {
    /// The value without the quotes that surround the whole of it, if any do.
    pub fn text(&self) -> &'a str {
        unquoted(self.raw)
    }
}

/// `text` without one pair of quotes around all of it.
pub(super) fn unquoted(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = text
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
            && !inner.contains(quote)
        {
            return inner;
        }
    }
    text
}

/// Splits at commas outside quotes and brackets.
pub(super) fn items(text: &str) -> Vec<&str> {
    let mut items = Vec::new();
    let mut nesting = Nesting::default();
    let mut start = 0;
    for (index, character) in text.char_indices() {
        if character == ',' && nesting.is_flat() {
            items.push(&text[start..index]);
            start = index + 1;
        } else {
            // Quotes and brackets are known to be balanced: the value was split off by the same rules.
            let _ = nesting.take(index, character);
        }
    }
    items.push(&text[start..]);
    items
}

/// The words of `rest`, which begins at `offset` in the text.
pub(super) fn split(rest: &str, offset: usize) -> Result<Vec<Word<'_>>, Fault> {
    let mut words = Vec::new();
    let mut position = 0;
    loop {
        let tail = &rest[position..];
        position += tail.len() - tail.trim_start().len();
        let tail = &rest[position..];
        if tail.is_empty() || tail.starts_with('#') {
            return Ok(words);
        }
        let name_length = tail
            .find(|character: char| character == '=' || character.is_whitespace())
            .unwrap_or(tail.len());
        let start = offset + position;
        let mut word = Word {
            name: &tail[..name_length],
            start,
            end: start + name_length,
            value: None,
        };
        position += name_length;
        if tail[name_length..].starts_with('=') {
            position += 1;
            let value_start = offset + position;
            let raw = value(&rest[position..], value_start)?;
            position += raw.len();
            word.value = Some(Value {
                raw,
                start: value_start,
                end: value_start + raw.len(),
            });
        }
        words.push(word);
    }
}

/// The value at the beginning of `tail`.
fn value(tail: &str, offset: usize) -> Result<&str, Fault> {
    let mut nesting = Nesting::default();
    let mut end = tail.len();
    for (index, character) in tail.char_indices() {
        if character.is_whitespace() {
            let marker_ends =
                nesting.quote.is_none() && tail[index..].trim_start().starts_with('#');
            if nesting.is_flat() || marker_ends {
                end = index;
                break;
            }
        }
        if !nesting.take(index, character) {
            return Err(Fault::new(
                offset + index,
                offset + index + character.len_utf8(),
                format!("`{character}` closes nothing"),
                "put a value with brackets or spaces in quotes: `name=\"…\"`",
            ));
        }
    }
    match nesting.innermost() {
        None => Ok(&tail[..end]),
        Some((index, opening)) => Err(Fault::new(
            offset + index,
            offset + index + opening.len_utf8(),
            format!("`{opening}` is never closed"),
            if opening == '"' || opening == '\'' {
                "close the quote, or put the value in quotes of the other kind"
            } else {
                "close the bracket, or put the value in quotes: `name=\"…\"`"
            },
        )),
    }
}

/// Which quotes and brackets are open.
#[derive(Default)]
struct Nesting {
    quote: Option<(usize, char)>,
    brackets: Vec<(usize, char)>,
}

impl Nesting {
    fn is_flat(&self) -> bool {
        self.innermost().is_none()
    }

    fn innermost(&self) -> Option<(usize, char)> {
        self.quote.or_else(|| self.brackets.last().copied())
    }

    /// Takes one more character; `false` when it closes a bracket that is not open.
    fn take(&mut self, index: usize, character: char) -> bool {
        if let Some((_, quote)) = self.quote {
            if character == quote {
                self.quote = None;
            }
            return true;
        }
        match character {
            '"' | '\'' => self.quote = Some((index, character)),
            '(' | '[' | '{' => self.brackets.push((index, character)),
            ')' | ']' | '}' => {
                let opening = match character {
                    ')' => '(',
                    ']' => '[',
                    _ => '{',
                };
                return self.brackets.pop().is_some_and(|(_, open)| open == opening);
            }
            _ => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(rest: &str, expected: &[(&str, Option<&str>)]) {
        let words = split(rest, 0).unwrap_or_else(|fault| panic!("{rest}: {fault:?}"));
        let got: Vec<_> = words
            .iter()
            .map(|word| (word.name, word.value.map(|value| value.text())))
            .collect();
        assert_eq!(got, expected, "{rest}");
    }

    #[test]
    fn values_keep_the_spaces_in_their_quotes_and_brackets() {
        case("", &[]);
        case("  refresh  ", &[("refresh", None)]);
        case(" ttl=1d refresh", &[("ttl", Some("1d")), ("refresh", None)]);
        case(
            " key=(a, b) ttl=1d",
            &[("key", Some("(a, b)")), ("ttl", Some("1d"))],
        );
        case(
            " key=f(x, 'a b')[0, 1]",
            &[("key", Some("f(x, 'a b')[0, 1]"))],
        );
        case(
            " version=\"a b\" off",
            &[("version", Some("a b")), ("off", None)],
        );
        case(" version='a # b'", &[("version", Some("a # b"))]);
        case(" key=\"'text'\"", &[("key", Some("'text'"))]);
        case(" key='a'+'b'", &[("key", Some("'a'+'b'"))]);
        case(
            " files=C:\\data\\*.csv",
            &[("files", Some("C:\\data\\*.csv"))],
        );
        case(" ttl=1d # noqa", &[("ttl", Some("1d"))]);
        case(" ttl=1d #noqa", &[("ttl", Some("1d"))]);
        case(" version=a#b", &[("version", Some("a#b"))]);
        case(" ttl= 1d", &[("ttl", Some("")), ("1d", None)]);
        case(" =x", &[("", Some("x"))]);
    }

    #[test]
    fn what_is_opened_is_closed() {
        for (rest, start, message) in [
            (" key=(a", 5, "`(` is never closed"),
            (" key=(a # b)", 5, "`(` is never closed"),
            (" key=(a]", 7, "`]` closes nothing"),
            (" key=a)", 6, "`)` closes nothing"),
            (" version=it's", 11, "`'` is never closed"),
        ] {
            let fault = split(rest, 0).expect_err(rest);
            assert_eq!(
                (fault.start, fault.message.as_str()),
                (start, message),
                "{rest}"
            );
        }
    }

    #[test]
    fn commas_split_outside_brackets_and_quotes() {
        assert_eq!(items("a,b"), ["a", "b"]);
        assert_eq!(items("x[,].csv,'a,b'"), ["x[,].csv", "'a,b'"]);
        assert_eq!(items(""), [""]);
    }
}
