//! Labels and texts in, lines that fit the terminal out.

use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Narrower terminals are not heeded.
const NARROWEST: usize = 30;
/// Longer labels do not make the column of labels wider.
const LABEL: usize = 40;
/// Between a label and its text.
const GAP: usize = 2;

/// How wide the terminal behind this is; None where there is no terminal.
pub fn width(terminal: Option<impl AsFd>) -> Option<usize> {
    let size = tcgetwinsize(terminal?).ok()?;
    // A terminal that does not know its size says 0.
    let columns = if size.ws_col == 0 { 80 } else { size.ws_col };
    Some(usize::from(columns).max(NARROWEST))
}

/// How wide a text without control characters is on a terminal.
pub fn columns(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.width()
    }
}

/// The text, or as much of it as fits into this width and a sign that there was more.
pub fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut short = fitting(text, width.saturating_sub(1)).to_owned();
    short.push('…');
    short
}

/// The text, or as much of its beginning and of its end as fits into this width, with a sign that there was more.
pub fn middle(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let backwards: String = text.chars().rev().collect();
    let last: String = match room / 2 {
        0 => String::new(),
        room => fitting(&backwards, room).chars().rev().collect(),
    };
    let mut short = fitting(text, room - columns(&last).min(room)).to_owned();
    short.push('…');
    short.push_str(&last);
    short
}

/// A field of a table.
#[derive(Clone, Debug)]
pub struct Cell {
    pub text: String,
    /// It ends where its column ends, as numbers do.
    pub right: bool,
}

/// Lines that are being put together.
#[derive(Debug)]
pub struct Page {
    width: Option<usize>,
    text: String,
}

impl Page {
    /// For a terminal of this width; without one, a text stays on one line however long it is.
    pub fn new(width: Option<usize>) -> Page {
        Page {
            width,
            text: String::new(),
        }
    }

    pub fn finish(self) -> String {
        self.text
    }

    /// A line by itself.
    pub fn line(&mut self, text: &str) {
        self.block("", 0, text);
    }

    /// A line that begins after `indent`, and so do its continuations.
    pub fn indented(&mut self, indent: usize, text: &str) {
        self.block(&" ".repeat(indent), indent, text);
    }

    /// Rows in two columns, which begin after `indent`: a label, and beside it its text. A label without one goes on with
    /// the label above it.
    pub fn rows(&mut self, indent: usize, rows: &[(String, String)]) {
        let most = match self.width {
            Some(width) => LABEL.min(width / 2),
            None => LABEL,
        };
        let labels = rows.iter().map(|(label, _)| columns(label));
        let column = labels.filter(|width| *width <= most).max().unwrap_or(0);
        for (label, text) in rows {
            let beside = column.saturating_sub(columns(label)) + GAP;
            let start = format!("{}{label}{}", " ".repeat(indent), " ".repeat(beside));
            let fits = self.width.is_none_or(|width| {
                columns(label) <= column || columns(&start) + columns(text) <= width
            });
            if fits {
                self.block(&start, indent + column + GAP, text);
            } else {
                // A long label has its line to itself.
                self.block(&" ".repeat(indent), indent + GAP, label);
                self.block(&" ".repeat(indent + 2 * GAP), indent + 2 * GAP, text);
            }
        }
    }

    /// Lines of cells in columns as wide as their widest cell. Columns that do not fit are left out, and a sign stands in
    /// their place.
    pub fn table(&mut self, indent: usize, lines: &[Vec<Cell>]) {
        let count = lines.iter().map(Vec::len).max().unwrap_or(0);
        let widest = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| columns(&cell.text)).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..count).map(widest).collect();
        let fitting = |room: usize| {
            let mut end = indent;
            let fits = |width: &&usize| {
                end += **width + GAP;
                end - GAP <= room
            };
            widths.iter().take_while(fits).count()
        };
        let shown = match self.width {
            Some(width) if fitting(width) < count => fitting(width - 1 - GAP).max(1),
            _ => count,
        };
        for line in lines {
            let mut text = " ".repeat(indent);
            for (cell, width) in line.iter().zip(&widths).take(shown) {
                let beside = " ".repeat(width - columns(&cell.text));
                if cell.right {
                    text.extend([&*beside, &cell.text]);
                } else {
                    text.extend([&*cell.text, &beside]);
                }
                text.push_str(&" ".repeat(GAP));
            }
            if shown < count {
                text.push('…');
            }
            self.block("", indent, text.trim_end());
        }
    }

    /// A text behind `start`; lines after the first begin after `indent`.
    fn block(&mut self, start: &str, indent: usize, text: &str) {
        let mut rest = text;
        let mut line = start.to_owned();
        if let Some(width) = self.width {
            while columns(&line) + columns(rest) > width {
                let room = width.saturating_sub(columns(&line)).max(1);
                let part = wrapped(rest, room);
                line.push_str(part.trim_end());
                self.put(&line);
                rest = rest[part.len()..].trim_start();
                line = " ".repeat(indent);
            }
        }
        line.push_str(rest);
        self.put(&line);
    }

    fn put(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}

/// The beginning of a text that goes on one line of this width: up to a space where one is in its latter half.
fn wrapped(text: &str, width: usize) -> &str {
    let part = fitting(text, width);
    match part.rfind(' ') {
        _ if text[part.len()..].starts_with(' ') => part,
        Some(space) if columns(&part[..space]) >= width / 2 => &part[..=space],
        _ => part,
    }
}

/// As many characters as fit into this width, and never none.
fn fitting(text: &str, width: usize) -> &str {
    let mut taken = 0;
    let mut end = 0;
    for (place, sign) in text.char_indices() {
        taken += match sign {
            '\u{fe0f}' => 1, // makes a sign of one column a picture of two
            sign => sign.width().unwrap_or(0),
        };
        if taken > width && place > 0 {
            break;
        }
        end = place + sign.len_utf8();
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(width: usize, rows: &[(&str, &str)]) -> String {
        let mut page = Page::new((width > 0).then_some(width));
        let rows: Vec<_> = rows
            .iter()
            .map(|(label, text)| ((*label).to_owned(), (*text).to_owned()))
            .collect();
        page.rows(2, &rows);
        page.finish()
    }

    #[test]
    fn texts_are_wrapped_beside_their_labels() {
        let rows = [
            ("a", "one two three four"),
            ("long", "0123456789012345678901234567890"),
            ("", "x"),
        ];
        let expected = [
            "  a     one two three",
            "        four",
            "  long  0123456789012345",
            "        678901234567890",
            "        x",
            "",
        ];
        assert_eq!(page(24, &rows), expected.join("\n"));
        assert_eq!(page(0, &rows[..1]), "  a  one two three four\n");
    }

    #[test]
    fn a_long_label_has_a_line_to_itself() {
        let rows = [("a", "1"), ("function of a long name", "a digest of it")];
        assert_eq!(
            page(30, &rows),
            "  a  1\n  function of a long name\n      a digest of it\n"
        );
        assert_eq!(
            page(60, &rows),
            "  a                        1\n  function of a long name  a digest of it\n"
        );
    }

    #[test]
    fn the_middle_of_a_text_can_be_left_out() {
        assert_eq!(middle("0123456789", 10), "0123456789");
        assert_eq!(middle("0123456789", 9), "0123…6789");
        assert_eq!(middle("0123456789", 8), "0123…789");
        assert_eq!(middle("日本語日本語", 8), "日本…語");
    }

    #[test]
    fn wide_letters_take_two_columns() {
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(wrapped("日本語", 5), "日本");
        assert_eq!(wrapped("日", 1), "日");
        assert_eq!(wrapped("e\u{301}e\u{301}e", 2), "e\u{301}e\u{301}");
    }
}
