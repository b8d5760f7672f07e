//! Entries in, lines of a table out: as wide as they are, or on a terminal as wide as that.
//!
//! There may be very many. So cells are written where they are needed, by hand, since `write!` would take longer than all
//! else; and what is told of one row is kept for the next, which is often of the same size, age, and place.

use std::borrow::Cow;
use std::env;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::duration::{self, Ttl};
use crate::journal::Sums;
use crate::store::shown;

use super::moment::Now;
use super::page::{columns, middle};
use super::scan::Row;
use super::words::here;

/// So much is written at a time.
const CHUNK: usize = 64 << 10;
/// Between two columns.
const GAP: usize = 2;
/// Before names become shorter than this, other columns are left out.
const LEAST_NAME: usize = 24;

/// An entry, and what is known of it.
pub struct Line<'s> {
    pub row: &'s Row,
    /// In nanoseconds since 1970.
    pub made: Option<i64>,
    /// What its hits came to, if there were some.
    pub sums: Option<&'s Sums>,
    pub pinned: bool,
}

impl Line<'_> {
    pub fn hits(&self) -> u64 {
        self.sums.map_or(0, |sums| sums.hits)
    }

    /// In seconds.
    pub fn saved(&self) -> f64 {
        self.sums.map_or(0.0, |sums| sums.saved)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Name,
    Size,
    Age,
    Status,
    Saved,
    Hits,
    Site,
}

use Column::{Age, Hits, Name, Saved, Site, Size, Status};

const ALL: [Column; 7] = [Name, Size, Age, Status, Saved, Hits, Site];
/// What can be done without, first what is missed least.
const SPARE: [Column; 5] = [Hits, Saved, Site, Status, Age];

impl Column {
    fn heading(self) -> &'static str {
        match self {
            Name => "Cache File",
            Size => "Size",
            Age => "Age",
            Status => "TTL Status",
            Saved => "Saved",
            Hits => "Hits",
            Site => "Site",
        }
    }

    /// The least width, so that short lists do not look cramped.
    fn least(self) -> usize {
        match self {
            Size => 8,
            Age => 9,
            _ => columns(self.heading()),
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Size | Age | Saved | Hits)
    }
}

/// How lines are made.
pub struct Table {
    asked: Option<Ttl>,
    now: Now,
    /// None: as wide as they are.
    width: Option<usize>,
    /// Whether the terminal can make a place a link to the script.
    links: bool,
}

impl Table {
    pub fn new(asked: Option<Ttl>, now: Now, width: Option<usize>) -> Table {
        let dumb = env::var_os("TERM").is_none_or(|name| name.is_empty() || name == "dumb");
        Table {
            asked,
            now,
            width,
            links: width.is_some() && !dumb,
        }
    }

    /// Prints heading, lines and what is to stand below them.
    pub fn print(&self, lines: &[Line<'_>], end: &str) -> io::Result<()> {
        let mut cells = Cells::new(self);
        let mut widths = ALL.map(Column::least);
        for line in lines {
            for (column, width) in ALL.into_iter().zip(&mut widths) {
                *width = (*width).max(cells.cell(column, line).width);
            }
        }
        let shown = self.fit(&mut widths);
        let mut out = io::stdout().lock();
        let mut text = String::with_capacity(CHUNK + 1024);
        for column in &shown {
            let heading = Text {
                text: column.heading().into(),
                width: columns(column.heading()),
            };
            put(&mut text, *column, &heading, &widths, &shown);
        }
        text.push('\n');
        for line in lines {
            for column in &shown {
                let cell = cells.cell(*column, line);
                let width = widths[*column as usize];
                if *column == Site && self.links {
                    cells.put_link(&mut text, line.row);
                } else if *column == Name && cell.width > width {
                    let short = middle(&cell.text, width);
                    let width = columns(&short);
                    let short = Text { text: short, width };
                    put(&mut text, *column, &short, &widths, &shown);
                } else {
                    put(&mut text, *column, cell, &widths, &shown);
                }
            }
            text.push('\n');
            if text.len() > CHUNK {
                out.write_all(text.as_bytes())?;
                text.clear();
            }
        }
        text.push_str(end);
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// The columns that fit, and the names as narrow as is needed for that.
    fn fit(&self, widths: &mut [usize; 7]) -> Vec<Column> {
        let mut shown = ALL.to_vec();
        let Some(full) = self.width else {
            return shown;
        };
        let mut spare = SPARE.iter();
        loop {
            let others: usize = shown[1..]
                .iter()
                .map(|column| GAP + widths[*column as usize])
                .sum();
            let room = full.saturating_sub(others);
            let name = &mut widths[Name as usize];
            if room >= LEAST_NAME.min(*name) {
                *name = room.min(*name);
                return shown;
            }
            match spare.next() {
                Some(column) => shown.retain(|other| other != column),
                None => {
                    *name = room.max(columns(Name.heading()));
                    return shown;
                }
            }
        }
    }
}

/// Appends a cell: numbers to the right, texts to the left, with nothing behind the last.
fn put(text: &mut String, column: Column, cell: &Text, widths: &[usize; 7], shown: &[Column]) {
    let beside = widths[column as usize].saturating_sub(cell.width);
    let last = shown.last() == Some(&column);
    if column.is_number() {
        indent(text, beside);
        text.push_str(&cell.text);
        indent(text, if last { 0 } else { GAP });
    } else {
        text.push_str(&cell.text);
        indent(text, if last { 0 } else { beside + GAP });
    }
}

/// What stands in a cell.
#[derive(Clone, Debug, Default)]
struct Text {
    text: String,
    width: usize,
}

/// What was put into some cells of a column: rows are often of few sizes, and of few places.
struct Kept<K> {
    cells: Vec<Option<(K, Text)>>,
}

/// So many are kept, a power of two.
const KEPT: usize = 64;

impl<K: PartialEq> Kept<K> {
    fn new() -> Kept<K> {
        Kept {
            cells: (0..KEPT).map(|_| None).collect(),
        }
    }

    /// The cell for what is told by `of`. Equal ones have the same `slot`.
    fn cell(&mut self, slot: u64, of: K, make: impl FnOnce(&K) -> String) -> &Text {
        // Multiplied, so that numbers which follow each other in large steps do not meet.
        let slot = slot.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - KEPT.ilog2());
        let cell = &mut self.cells[slot as usize];
        if !matches!(cell, Some((known, _)) if *known == of) {
            let text = make(&of);
            let width = columns(&text);
            *cell = Some((of, Text { text, width }));
        }
        &cell.as_ref().expect("it was just filled").1
    }
}

/// The cells of a row.
struct Cells<'t> {
    table: &'t Table,
    /// A name, or what is wrong with a file: no two are alike.
    once: Text,
    size: Kept<Option<u64>>,
    age: Kept<Option<u64>>,
    status: Kept<(Option<(bool, u64)>, bool)>,
    saved: Kept<u64>,
    hits: Kept<u64>,
    /// By where the path of the script lies in memory: a path of its own is a cell of its own, no more.
    site: Kept<(usize, Option<u32>)>,
    /// The path of the script that was looked at last, as it is shown.
    path: Option<(Arc<str>, String)>,
}

impl<'t> Cells<'t> {
    fn new(table: &'t Table) -> Cells<'t> {
        Cells {
            table,
            once: Text::default(),
            size: Kept::new(),
            age: Kept::new(),
            status: Kept::new(),
            saved: Kept::new(),
            hits: Kept::new(),
            site: Kept::new(),
            path: None,
        }
    }

    fn cell(&mut self, column: Column, line: &Line<'_>) -> &Text {
        let row = line.row;
        match column {
            Name => {
                let name = &mut self.once;
                name.text.clear();
                put_name(&mut name.text, row);
                name.width = columns(&name.text);
                name
            }
            Size => {
                let size = row.size();
                self.size.cell(size.unwrap_or(0), size, |size| {
                    size.map_or_else(|| "?".to_owned(), duration::size)
                })
            }
            Age => {
                let seconds = line.made.map(|made| self.table.now.age(made));
                self.age.cell(seconds.unwrap_or(0), seconds, |seconds| {
                    let age = |seconds| duration::age(Duration::from_secs(seconds));
                    seconds.map_or_else(|| "?".to_owned(), age)
                })
            }
            Status => match &row.read {
                Ok(outline) => {
                    let validity = self.table.validity(outline.ttl, line.made);
                    let slot = validity.map_or(0, |(valid, ttl)| ttl << 1 | u64::from(valid));
                    self.status
                        .cell(slot, (validity, line.pinned), |(validity, pinned)| {
                            let status = match validity {
                                Some((true, ttl)) => format!("valid (<={})", span(*ttl)),
                                Some((false, ttl)) => format!("expired (>{})", span(*ttl)),
                                None => "no ttl".to_owned(),
                            };
                            status + if *pinned { ", pinned" } else { "" }
                        })
                }
                Err(damage) => {
                    let text = damage.to_string();
                    let width = columns(&text);
                    self.once = Text { text, width };
                    &self.once
                }
            },
            Saved => {
                let saved = line.saved().to_bits();
                self.saved
                    .cell(saved, saved, |saved| match f64::from_bits(*saved) {
                        0.0 => "-".to_owned(),
                        saved => duration::saved(saved),
                    })
            }
            Hits => {
                let hits = line.hits();
                self.hits.cell(hits, hits, |hits| match hits {
                    0 => "-".to_owned(),
                    hits => hits.to_string(),
                })
            }
            Site => {
                let outline = row.read.as_ref().ok();
                let file = outline.and_then(|outline| outline.file.as_ref());
                let line = outline.and_then(|outline| outline.line);
                let path = &mut self.path;
                let slot = u64::from(line.unwrap_or(0));
                let address = file.map_or(0, |file| file.as_ptr() as usize);
                self.site.cell(slot, (address, line), |(_, line)| {
                    let Some(file) = file else {
                        return "-".to_owned();
                    };
                    if !matches!(path, Some((known, _)) if known == file) {
                        *path = Some((Arc::clone(file), here(Path::new(&**file))));
                    }
                    let path = path.as_ref().map_or("", |(_, path)| path);
                    match line {
                        Some(line) => format!("{path}:{line}"),
                        None => path.to_owned(),
                    }
                })
            }
        }
    }

    /// Appends the place of a row, as a link to the script.
    fn put_link(&mut self, text: &mut String, row: &Row) {
        let target = row
            .read
            .as_ref()
            .ok()
            .and_then(|outline| outline.file.as_deref())
            .map(link);
        let line = Line {
            row,
            made: None,
            sums: None,
            pinned: false,
        };
        let place = &self.cell(Site, &line).text;
        match target {
            Some(target) => {
                for part in ["\x1b]8;;", &target, "\x1b\\", place, "\x1b]8;;\x1b\\"] {
                    text.push_str(part);
                }
            }
            None => text.push_str(place),
        }
    }
}

impl Table {
    /// Whether an entry is still valid by the TTL asked for, or else by that of its own marker; None without any.
    fn validity(&self, own: Option<u64>, made: Option<i64>) -> Option<(bool, u64)> {
        let ttl = self.asked.or_else(|| own.and_then(Ttl::from_seconds))?;
        Some((self.now.is_valid(ttl, made?), ttl.seconds()))
    }
}

/// Where the link to a script leads. An absolute path is expected.
fn link(file: &str) -> String {
    let mut target = "file://".to_owned();
    for byte in OsStr::new(file).as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' | b'~' => {
                target.push(char::from(*byte));
            }
            byte => target.push_str(&format!("%{byte:02X}")),
        }
    }
    target
}

fn put_name(text: &mut String, row: &Row) {
    text.push_str(&shown(row.name()));
    if let Some(label) = row.label() {
        let label: Cow<'_, str> = shown(OsStr::new(label));
        for part in [" (", &label, ")"] {
            text.push_str(part);
        }
    }
}

fn span(seconds: u64) -> String {
    Ttl::from_seconds(seconds).map_or_else(String::new, |ttl| ttl.to_string())
}

fn indent(text: &mut String, mut width: usize) {
    const SPACES: &str = "                                                                ";
    while width > 0 {
        let some = width.min(SPACES.len());
        text.push_str(&SPACES[..some]);
        width -= some;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    #[test]
    fn columns_are_left_out_before_names_become_too_short() {
        let case = |full: usize, name: usize, shown: &[Column]| {
            let mut widths = [36, 8, 9, 13, 7, 4, 8];
            let table = Table::new(None, Now::of(SystemTime::now()), Some(full));
            assert_eq!(table.fit(&mut widths), shown, "{full}");
            assert_eq!(widths[0], name, "{full}");
        };
        case(200, 36, &ALL);
        case(97, 36, &ALL);
        case(96, 35, &ALL);
        case(85, 24, &ALL);
        case(84, 29, &[Name, Size, Age, Status, Saved, Site]);
        case(78, 32, &[Name, Size, Age, Status, Site]);
        case(60, 24, &[Name, Size, Age, Status]);
        case(50, 29, &[Name, Size, Age]);
        case(40, 30, &[Name, Size]);
        case(30, 20, &[Name, Size]);
    }

    #[test]
    fn links_have_no_sign_that_means_something() {
        assert_eq!(
            link("/home/me/a b\x1b;ö.py"),
            "file:///home/me/a%20b%1B%3B%C3%B6.py"
        );
    }
}
