//! The closer look at a value that a manifest holds in, lines for people out: facts, a table, a text, an outline.
//!
//! `likeness.py` makes it and `docs/cache-format.md` describes it. What has another shape than expected is left out: a
//! newer devstash may have written it, or anybody.

use std::ffi::OsStr;

use serde_json::Value;

use crate::store::shown;

use super::page::{Cell, Page};

/// So many lines of a text are shown, and so many of what a call has printed.
const LINES: usize = 40;
pub const OUTPUT_LINES: usize = 10;
/// A tab is as many spaces: what is shown begins somewhere in the line.
const TAB: &str = "    ";
/// Types of elements whose texts are numbers begin with these.
const NUMBERS: [&str; 7] = [
    "int", "uint", "float", "complex", "double", "decimal", "numeric",
];

/// Puts all there is of it onto the page, below its heading.
pub fn look(page: &mut Page, look: &Value) {
    let mut rows: Vec<(String, String)> = Vec::new();
    if let Some(kind) = look["type"].as_str() {
        rows.push(("type".to_owned(), harmless(kind)));
    }
    for (name, fact) in look["facts"].as_object().into_iter().flatten() {
        rows.push((harmless(name), fact_text(fact)));
    }
    page.rows(2, &rows);
    if let Some(parts) = look["outline"].as_array() {
        let part = |part: &Value| Some((harmless(part[0].as_str()?), harmless(part[1].as_str()?)));
        let mut rows: Vec<_> = parts.iter().filter_map(part).collect();
        let more = look["facts"]["items"]
            .as_u64()
            .is_some_and(|items| items > rows.len() as u64);
        if more {
            rows.push(("…".to_owned(), String::new()));
        }
        page.line("");
        page.rows(4, &rows);
    }
    if look["table"].is_object() {
        page.line("");
        table(page, &look["table"], look["facts"]["shape"][0].as_u64());
    }
    if let Some(text) = look["text"].as_str() {
        page.line("");
        lines(page, text, LINES);
    }
}

/// The lines of a text, indented, up to so many.
pub fn lines(page: &mut Page, text: &str, most: usize) {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let all = text.split('\n').count();
    for line in text.split('\n').take(most) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        page.indented(4, &harmless(&line.replace('\t', TAB)));
    }
    if all > most {
        let more = all - most;
        let noun = if more == 1 { "line" } else { "lines" };
        page.indented(4, &format!("… {more} more {noun}"));
    }
}

/// A table with the names of its columns and the types of their elements above; `total` is how many rows the value has.
fn table(page: &mut Page, table: &Value, total: Option<u64>) {
    let texts = |part: &Value| -> Vec<String> {
        let parts = part.as_array().into_iter().flatten();
        parts
            .map(|text| harmless(text.as_str().unwrap_or_default()))
            .collect()
    };
    let (columns, types) = (texts(&table["columns"]), texts(&table["types"]));
    let rows: Vec<Vec<String>> = table["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .map(texts)
        .collect();
    let is_number: Vec<bool> = types
        .iter()
        .map(|kind| {
            let kind = kind.to_ascii_lowercase();
            NUMBERS.iter().any(|number| kind.starts_with(number))
        })
        .collect();
    let cell = |(place, text): (usize, &String)| Cell {
        text: text.clone(),
        right: is_number.get(place).copied().unwrap_or_default(),
    };
    let lines: Vec<Vec<Cell>> = [&columns, &types]
        .into_iter()
        .chain(&rows)
        .map(|line| line.iter().enumerate().map(cell).collect())
        .collect();
    page.table(4, &lines);
    if total.is_some_and(|total| total > rows.len() as u64 && !rows.is_empty()) {
        page.indented(4, "…");
    }
}

/// A fact as words: of a list of numbers, a shape.
fn fact_text(fact: &Value) -> String {
    match fact {
        Value::String(text) => harmless(text),
        Value::Array(parts) => {
            let parts: Vec<String> = parts.iter().map(fact_text).collect();
            parts.join(" × ")
        }
        other => other.to_string(),
    }
}

fn harmless(text: &str) -> String {
    shown(OsStr::new(text)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn page(value: &Value, width: Option<usize>) -> String {
        let mut page = Page::new(width);
        look(&mut page, value);
        page.finish()
    }

    #[test]
    fn a_frame_is_a_table_that_fits() {
        let frame = json!({
            "type": "pandas.DataFrame",
            "facts": {"shape": [1000, 3]},
            "table": {
                "columns": ["", "city", "people", "area"],
                "types": ["", "object", "int64", "float64"],
                "rows": [["0", "東京", "13960000", "2194"], ["1", "Oslo", "709037", "454.1"]],
            },
        });
        let wide = "  type   pandas.DataFrame\n  shape  1000 × 3\n\n       city      people     area\n       object     int64  float64\n    0  東京    13960000     2194\n    1  Oslo      709037    454.1\n    …\n";
        assert_eq!(page(&frame, None), wide);
        assert_eq!(page(&frame, Some(32)), wide);
        let narrow = "  type   pandas.DataFrame\n  shape  1000 × 3\n\n       city      people  …\n       object     int64  …\n    0  東京    13960000  …\n    1  Oslo      709037  …\n    …\n";
        assert_eq!(page(&frame, Some(31)), narrow);
    }

    #[test]
    fn what_has_another_shape_is_left_out() {
        let odd = json!({
            "type": 3,
            "facts": [1],
            "outline": [3, ["a"], ["b", "1"]],
            "table": {"columns": 3, "rows": [1, ["x", null]]},
            "text": {},
        });
        assert_eq!(page(&odd, Some(40)), "\n    b  1\n\n\n\n\n    x\n");
        assert_eq!(page(&Value::Null, None), "");
        assert_eq!(page(&json!("text"), None), "");
    }

    #[test]
    fn texts_keep_their_lines_and_are_harmless() {
        let text = json!({"facts": {"items": 2}, "text": "one\r\n\ttwo\u{1b}[31m\nthree\n"});
        let shown = "  items  2\n\n    one\n        two\\u{1b}[31m\n    three\n";
        assert_eq!(page(&text, None), shown);
        let long = json!({"text": "x\n".repeat(45)});
        assert!(page(&long, None).ends_with("    x\n    … 5 more lines\n"));
    }
}
