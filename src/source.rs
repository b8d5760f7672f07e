//! Turns the bytes of a script into text with positions, the way Python itself reads them.
//!
//! Everything after this stage counts lines from 1 and columns in characters of the decoded text from 0, because that
//! is what both a person and the tree of the target interpreter can be compared with: bytes differ with the encoding,
//! and CPython's own columns count bytes of a UTF-8 copy nobody sees.

mod coding;

use std::fmt;
use std::path::PathBuf;

/// A script as read and as decoded.
///
/// `text` has no byte order mark, and otherwise every character of the file: line ends, form feeds and tabs included.
#[derive(Debug)]
pub struct Source {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    pub text: String,
    /// The byte offset in `text` at which each line begins.
    line_starts: Vec<usize>,
}

/// A place in the decoded text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Counted from 1.
    pub line: usize,
    /// Counted in characters, from 0.
    pub column: usize,
}

/// Why the bytes are not a text. Python refuses such a file too, nearly always with the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The coding line names an encoding that this program does not know.
    UnknownEncoding { name: String },
    /// The bytes are not in the encoding the file declares, or not UTF-8 when it declares none.
    Malformed { encoding: String },
    /// The file begins with a UTF-8 byte order mark and its coding line says something else.
    Contradiction { name: String },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownEncoding { name } => {
                write!(f, "its coding line names the unknown encoding `{name}`")
            }
            Self::Malformed { encoding } => write!(f, "it is not valid `{encoding}`"),
            Self::Contradiction { name } => {
                write!(
                    f,
                    "it begins with a UTF-8 byte order mark, but its coding line says `{name}`"
                )
            }
        }
    }
}

impl std::error::Error for DecodeError {}

impl Source {
    /// Decodes by byte order mark, coding line (PEP 263), or as UTF-8.
    ///
    /// # Errors
    ///
    /// When the bytes are not text in the encoding that the file declares.
    pub fn decode(path: PathBuf, bytes: Vec<u8>) -> Result<Self, DecodeError> {
        let text = coding::decode(&bytes)?;
        let line_starts = line_starts(&text);
        Ok(Self {
            path,
            bytes,
            text,
            line_starts,
        })
    }

    /// The position of a byte offset in `text`, which must lie on a character boundary.
    pub fn position(&self, offset: usize) -> Position {
        let line = self.line_of(offset);
        let start = self.line_starts[line - 1];
        Position {
            line,
            column: self.text[start..offset].chars().count(),
        }
    }

    /// The line, counted from 1, that the byte at `offset` belongs to.
    pub fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|&start| start <= offset)
    }

    /// How many lines there are; a text that ends with a line end has an empty last one.
    pub fn line_count(&self) -> usize {
        self.line_starts.len()
    }

    /// A line without its end; empty when there is no such line.
    pub fn line_text(&self, line: usize) -> &str {
        let Some(&start) = line
            .checked_sub(1)
            .and_then(|index| self.line_starts.get(index))
        else {
            return "";
        };
        let end = self
            .line_starts
            .get(line)
            .copied()
            .unwrap_or(self.text.len());
        self.text[start..end].trim_end_matches(['\r', '\n'])
    }

    /// The byte offset in `text` at which a line begins; the end of the text when there is no such line.
    pub fn line_start(&self, line: usize) -> usize {
        self.line_starts
            .get(line - 1)
            .copied()
            .unwrap_or(self.text.len())
    }
}

/// Lines end with `\n`, `\r\n` or a lone `\r`, as for Python; form feeds and Unicode's separators end none.
fn line_starts(text: &str) -> Vec<usize> {
    let bytes = text.as_bytes();
    let mut starts = vec![0];
    for (index, byte) in bytes.iter().enumerate() {
        let ends = match byte {
            b'\n' => true,
            b'\r' => bytes.get(index + 1) != Some(&b'\n'),
            _ => false,
        };
        if ends {
            starts.push(index + 1);
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(bytes: &[u8]) -> Source {
        Source::decode(PathBuf::from("s.py"), bytes.to_vec()).expect("decodes")
    }

    #[test]
    fn all_three_line_ends_end_lines_and_form_feeds_do_not() {
        let source = source("a\nb\r\nc\rd\x0ce\u{2028}f".as_bytes());
        let lines: Vec<_> = (1..=source.line_count())
            .map(|line| source.line_text(line))
            .collect();
        assert_eq!(lines, ["a", "b", "c", "d\x0ce\u{2028}f"]);
        assert_eq!(source.line_text(0), "");
        assert_eq!(source.line_text(5), "");
    }

    #[test]
    fn columns_count_characters_after_the_byte_order_mark() {
        let source = source("\u{feff}é = 1\nπ\t= f()".as_bytes());
        let offset = source.text.find("f()").expect("there");
        assert_eq!(source.position(offset), Position { line: 2, column: 4 });
        assert_eq!(source.position(0), Position { line: 1, column: 0 });
        assert_eq!(
            source.position(source.text.len()),
            Position { line: 2, column: 7 }
        );
    }
}
