//! Draws a message on the line of the script, or of the configuration file, that it is about.
//!
//! Where something is and what is wrong with it come from the stages that found it; how it looks is decided here, once.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use memchr::memchr_iter;
use unicode_width::UnicodeWidthChar;

use crate::shown::shown_path;
use crate::source::Source;

/// Tabs are drawn as spaces up to the next multiple of this, in the line and under it alike.
const TAB_STOP: usize = 4;

/// One fault of a script, with the line it is drawn on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub path: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// Counted in characters from 0; shown from 1.
    pub column: usize,
    /// How many characters the carets underline.
    pub width: usize,
    /// What is wrong: lower case, names in backticks, no full stop.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
    pub line_text: String,
}

impl Diagnostic {
    /// A fault at the byte range `start..end` of the text; what goes past the first line's end is not underlined.
    pub fn new(
        source: &Source,
        start: usize,
        end: usize,
        message: String,
        hint: Option<String>,
    ) -> Self {
        let position = source.position(start);
        let line_text = source.line_text(position.line).to_owned();
        let line_end = source.line_start(position.line) + line_text.len();
        let underlined = source.text.get(start..end.min(line_end)).unwrap_or("");
        Self {
            path: source.path.clone(),
            line: position.line,
            column: position.column,
            width: underlined.chars().count(),
            message,
            hint,
            line_text,
        }
    }

    /// The same for a text that is no Python, with its own line ends: a configuration file.
    pub fn in_text(
        path: &Path,
        text: &str,
        range: Range<usize>,
        message: String,
        hint: Option<String>,
    ) -> Self {
        let before = text.get(..range.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let line_text = text[line_start..].lines().next().unwrap_or_default();
        let line_end = line_start + line_text.len();
        let underlined = text.get(range.start..range.end.min(line_end)).unwrap_or("");
        Self {
            path: path.to_owned(),
            line: line_of(text, range.start),
            column: before[line_start..].chars().count(),
            width: underlined.chars().count(),
            message,
            hint,
            line_text: line_text.to_owned(),
        }
    }
}

/// The line of `text`, counted from 1, in which the byte at `offset` stands.
pub fn line_of(text: &str, offset: usize) -> usize {
    let before = &text.as_bytes()[..offset.min(text.len())];
    1 + memchr_iter(b'\n', before).count()
}

impl fmt::Display for Diagnostic {
    /// Several lines, none of them blank at the end and the last without a line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, carets) = draw(&self.line_text, self.column, self.width);
        let path = shown_path(&self.path);
        writeln!(
            f,
            "{path}:{}:{}: {}",
            self.line,
            self.column + 1,
            self.message
        )?;
        writeln!(f, "{line}")?;
        write!(f, "{carets}")?;
        if let Some(hint) = &self.hint {
            write!(f, "\n\nhint: {hint}")?;
        }
        Ok(())
    }
}

/// The line as shown, and the line of carets that belongs under it.
fn draw(text: &str, column: usize, width: usize) -> (String, String) {
    let mut line = String::new();
    let mut carets = String::new();
    let mut drawn = 0;
    let marked = column..column + width.max(1);
    for (index, character) in text.trim_end().chars().enumerate() {
        let shown = if character.is_control() && character != '\t' {
            '\u{fffd}'
        } else {
            character
        };
        let cells = match shown {
            '\t' => TAB_STOP - drawn % TAB_STOP,
            _ => shown.width().unwrap_or(0),
        };
        match shown {
            '\t' => line.extend(std::iter::repeat_n(' ', cells)),
            _ => line.push(shown),
        }
        drawn += cells;
        if index < marked.end {
            let mark = if index < marked.start { ' ' } else { '^' };
            carets.extend(std::iter::repeat_n(mark, cells));
        }
    }
    // A fault at the end of the line is shown just after it.
    if !carets.contains('^') {
        carets.push('^');
    }
    (line, carets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(line_text: &str, found: &str, expected: &str) {
        let source =
            Source::decode(PathBuf::from("s.py"), line_text.as_bytes().to_vec()).expect("decodes");
        let start = source.text.find(found).expect("there");
        let drawn =
            Diagnostic::new(&source, start, start + found.len(), "no".to_owned(), None).to_string();
        assert_eq!(drawn, expected, "{line_text:?}");
    }

    #[test]
    fn carets_stand_under_the_fault_whatever_comes_before_it() {
        case("x = bad", "bad", "s.py:1:5: no\nx = bad\n    ^^^");
        case("\tx = bad", "bad", "s.py:1:6: no\n    x = bad\n        ^^^");
        case("x\t= bad", "bad", "s.py:1:5: no\nx   = bad\n      ^^^");
        case(
            "'日本' + bad",
            "bad",
            "s.py:1:8: no\n'日本' + bad\n         ^^^",
        );
        case("'日本'", "日本", "s.py:1:2: no\n'日本'\n ^^^^");
        // A combining accent takes no cell of its own.
        case(
            "'e\u{301}' + bad",
            "bad",
            "s.py:1:8: no\n'e\u{301}' + bad\n      ^^^",
        );
        case("\u{feff}bad", "bad", "s.py:1:1: no\nbad\n^^^");
        case("\x0cbad  ", "bad", "s.py:1:2: no\n\u{fffd}bad\n ^^^");
        case("f(\r\n)", "f(\r\n)", "s.py:1:1: no\nf(\n^^");
    }

    #[test]
    fn the_hint_follows_a_blank_line() {
        let source = Source::decode(PathBuf::from("a\nb.py"), b"x".to_vec()).expect("decodes");
        let drawn = Diagnostic::new(
            &source,
            1,
            1,
            "gone".to_owned(),
            Some("write `y`".to_owned()),
        )
        .to_string();
        assert_eq!(drawn, "a\\nb.py:1:2: gone\nx\n ^\n\nhint: write `y`");
    }
}
