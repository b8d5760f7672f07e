//! `devstash stats`: what is kept, and what it has saved, by day and by marked place.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::rc::Rc;
use std::time::SystemTime;

use anyhow::Context;
use serde_json::{Value, json};

use crate::duration::{self, grouped, saved, short};
use crate::exit::ExitStatus;
use crate::journal::{Journal, Sums};
use crate::options::StatsOptions;
use crate::store::{NoStore, Store};

use super::moment::{day, nanoseconds, rfc3339};
use super::page::{columns, cut, width};
use super::scan::states;
use super::words::here;
use super::{answer, document, refused, say};
use crate::json::path_as_text;

/// The version of what `--json` prints. New members do not change it.
const FORMAT: u32 = 1;
/// So many days are shown to people, the last ones on which something happened, and so many places.
const DAYS: usize = 14;
const PLACES: usize = 10;
/// A bar is no longer than this, and there is none where it would be shorter than that.
const LONGEST_BAR: usize = 40;
const SHORTEST_BAR: usize = 8;
/// Between two columns.
const GAP: usize = 2;
/// A day, and a time in which no clock is set to another day but at its beginning, in nanoseconds.
const DAY: i64 = 86_400_000_000_000;
const QUARTER: i64 = 900_000_000_000;

/// Tells what is kept and what it has saved.
pub fn stats(options: &StatsOptions) -> anyhow::Result<ExitStatus> {
    let store = match Store::open(&options.cache_dir) {
        Ok(store) => store,
        Err(trouble) => {
            say(&refused(&trouble));
            return Ok(match trouble {
                NoStore::Absent(_) => ExitStatus::Success,
                _ => ExitStatus::NothingMatched,
            });
        }
    };
    let found = states(&store).context("cannot read the cache folder")?;
    let journal = Journal::read(&store);
    let stats = Stats::of(&journal, options.days, nanoseconds(SystemTime::now()));
    let kept = Kept {
        entries: found.rows().count() as u64,
        size: found.rows().filter_map(|row| Some(row.state?.size)).sum(),
        contents: store
            .blobs()
            .iter()
            .filter_map(|blob| Some(blob.symlink_metadata().ok()?.len()))
            .collect(),
    };
    let text = if options.json {
        json(&options.cache_dir, &kept, &stats)
    } else {
        text(
            &kept,
            &stats,
            width(io::stdout().is_terminal().then(io::stdout)),
        )
    };
    answer(text).context("cannot write to stdout")?;
    Ok(ExitStatus::Success)
}

/// What there is in the folder.
struct Kept {
    entries: u64,
    /// Bytes.
    size: u64,
    /// The sizes of contents of files, which entries share.
    contents: Vec<u64>,
}

/// What happened.
struct Stats<'j> {
    all: Sums,
    /// The moment of the first of it.
    since: Option<i64>,
    /// Oldest first.
    days: Vec<(Rc<str>, Sums)>,
    /// Those that saved most time first.
    sites: Vec<((&'j str, u64), Sums)>,
}

impl Stats<'_> {
    /// Of the last `days`, or of all.
    fn of(journal: &Journal, days: Option<u32>, now: i64) -> Stats<'_> {
        let calendar = Calendar::default();
        let first = days.map(|days| day(now.saturating_sub((i64::from(days) - 1) * DAY)));
        let counts = |moment| {
            first
                .as_deref()
                .is_none_or(|first| &*calendar.day(moment) >= first)
        };
        let all = journal.by(|_, _, _, moment| counts(moment).then_some(()));
        let by_day = journal.by(|_, _, _, moment| counts(moment).then(|| calendar.day(moment)));
        let by_site = journal.by(|run, line, _, moment| {
            let known = !run.script.is_empty() && counts(moment);
            known.then_some((run.script.as_str(), line))
        });
        let mut days: Vec<_> = by_day.into_iter().collect();
        days.sort_unstable_by(|(day, _), (other, _)| day.cmp(other));
        let mut sites: Vec<_> = by_site.into_iter().collect();
        sites.sort_unstable_by(|(site, sums), (other, others)| {
            let calls = |sums: &Sums| (sums.hits, sums.misses);
            let most = others.saved.total_cmp(&sums.saved);
            most.then_with(|| calls(others).cmp(&calls(sums)))
                .then_with(|| site.cmp(other))
        });
        let hits = journal.runs.iter().flat_map(|run| &run.hits);
        let misses = journal.runs.iter().flat_map(|run| &run.misses);
        let moments = hits
            .map(|hit| hit.moment)
            .chain(misses.map(|miss| miss.moment));
        Stats {
            all: all.get(&()).copied().unwrap_or_default(),
            since: moments.filter(|moment| counts(*moment)).min(),
            days,
            sites,
        }
    }
}

/// Days of moments. To ask the system for each of very many takes longer than all else.
#[derive(Default)]
struct Calendar {
    known: RefCell<HashMap<i64, Rc<str>>>,
}

impl Calendar {
    fn day(&self, moment: i64) -> Rc<str> {
        let mut known = self.known.borrow_mut();
        let of = known.entry(moment.div_euclid(QUARTER));
        of.or_insert_with(|| day(moment).into()).clone()
    }
}

/// How many of the calls were hits; None without calls.
fn rate(sums: &Sums) -> Option<f64> {
    let calls = sums.hits.saturating_add(sums.misses);
    (calls > 0).then(|| sums.hits as f64 / calls as f64)
}

fn percent(sums: &Sums) -> String {
    rate(sums).map_or_else(String::new, |rate| {
        format!("{:.0}%", (rate * 100.0).floor())
    })
}

/// All of it for people.
fn text(kept: &Kept, stats: &Stats<'_>, width: Option<usize>) -> String {
    let all = &stats.all;
    let mut text = format!(
        "entries  {}, {}",
        grouped(kept.entries),
        duration::size(kept.size)
    );
    match kept.contents.len() {
        0 => {}
        1 => {
            text += &format!(
                " and 1 content of a file, {}",
                duration::size(kept.contents[0])
            )
        }
        count => {
            let size = duration::size(kept.contents.iter().sum());
            text += &format!(" and {} contents of files, {size}", grouped(count as u64));
        }
    }
    text.push('\n');
    let calls = all.hits.saturating_add(all.misses);
    match stats.since {
        None => text += "calls    none that is known of\n",
        Some(since) => {
            let (calls, hits) = (grouped(calls), grouped(all.hits));
            text += &format!("calls    {calls} since {}\n", day(since));
            text += &format!("hits     {hits} ({})\n", percent(all));
            text += &format!("saved    {}\n", worth(all));
        }
    }
    let days = &stats.days[stats.days.len().saturating_sub(DAYS)..];
    let days: Vec<_> = days
        .iter()
        .map(|(day, sums)| (day.to_string(), *sums))
        .collect();
    let sites = stats.sites.iter().take(PLACES);
    let sites: Vec<_> = sites
        .map(|((script, line), sums)| (format!("{}:{line}", here(Path::new(script))), *sums))
        .collect();
    for (heading, rows) in [("day", days), ("site", sites)] {
        if !rows.is_empty() {
            text.push('\n');
            text += &Chart::of(heading, &rows, width).text();
        }
    }
    match stats.sites.len().saturating_sub(PLACES) {
        0 => {}
        1 => text += "and 1 more\n",
        more => text += &format!("and {} more\n", grouped(more as u64)),
    }
    text
}

/// Time, and tokens if there are any.
fn worth(sums: &Sums) -> String {
    match sums.tokens {
        0 => saved(sums.saved),
        1 => format!("{}, 1 token", saved(sums.saved)),
        many => format!("{}, {} tokens", saved(sums.saved), short(many)),
    }
}

/// A table whose rows end with bars as long as what they saved, where there is a terminal with room for them.
struct Chart {
    rows: Vec<[String; 5]>,
    /// Of the longest row, what a row saved and what the longest one did.
    bars: Vec<f64>,
    width: Option<usize>,
}

impl Chart {
    fn of(heading: &str, rows: &[(String, Sums)], width: Option<usize>) -> Chart {
        let tokens = rows.iter().any(|(_, sums)| sums.tokens > 0);
        let cell = |shown: bool, text: String| if shown { text } else { String::new() };
        let mut cells = vec![[
            heading.to_owned(),
            "calls".to_owned(),
            "hits".to_owned(),
            "saved".to_owned(),
            cell(tokens, "tokens".to_owned()),
        ]];
        cells.extend(rows.iter().map(|(label, sums)| {
            [
                label.clone(),
                grouped(sums.hits.saturating_add(sums.misses)),
                percent(sums),
                saved(sums.saved),
                cell(tokens, short(sums.tokens)),
            ]
        }));
        let most = rows.iter().map(|(_, sums)| sums.saved).fold(0.0, f64::max);
        let part = |sums: &Sums| if most > 0.0 { sums.saved / most } else { 0.0 };
        Chart {
            rows: cells,
            bars: rows.iter().map(|(_, sums)| part(sums)).collect(),
            width,
        }
    }

    fn text(&self) -> String {
        let mut widths = [0; 5];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = columns(cell).max(*width);
            }
        }
        let numbers: usize = widths[1..]
            .iter()
            .filter(|width| **width > 0)
            .map(|width| width + GAP)
            .sum();
        let mut bar = 0;
        if let Some(width) = self.width {
            // Numbers stay whole on any terminal; the label gives way, and the bar gets what is left.
            widths[0] = widths[0].min(width.saturating_sub(numbers).max(SHORTEST_BAR));
            bar = width
                .saturating_sub(widths[0] + numbers + GAP)
                .min(LONGEST_BAR);
        }
        let mut text = String::new();
        for (place, row) in self.rows.iter().enumerate() {
            let label = cut_front(&row[0], widths[0]);
            text += &label;
            text += &" ".repeat(widths[0] - columns(&label));
            for (cell, width) in row[1..]
                .iter()
                .zip(&widths[1..])
                .filter(|(_, width)| **width > 0)
            {
                text += &" ".repeat(GAP + width - columns(cell));
                text += cell;
            }
            if bar >= SHORTEST_BAR && place > 0 {
                let drawn = drawn(self.bars[place - 1], bar);
                if !drawn.is_empty() {
                    text += &" ".repeat(GAP);
                    text += &drawn;
                }
            }
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        text
    }
}

/// The end of a text that fits into this width, since places differ there, behind a sign that there was more.
fn cut_front(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let reversed: String = text.chars().rev().collect();
    cut(&reversed, width).chars().rev().collect()
}

/// A bar that fills this part of a width, to an eighth of a column; something is never nothing.
fn drawn(part: f64, width: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (part * width as f64 * 8.0).round() as usize;
    let eighths = if part > 0.0 { eighths.max(1) } else { 0 };
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

/// The same for programs; `docs/cli.md` has the members.
fn json(folder: &Path, kept: &Kept, stats: &Stats<'_>) -> String {
    let of = |sums: &Sums| json!({"hits": sums.hits, "misses": sums.misses, "hit_rate": rate(sums), "saved": seconds(sums), "tokens": sums.tokens});
    let with = |first: Value, sums: &Sums| {
        let (Value::Object(mut members), Value::Object(rest)) = (first, of(sums)) else {
            unreachable!("both are objects")
        };
        members.extend(rest);
        Value::Object(members)
    };
    let days = stats.days.iter();
    let days: Vec<Value> = days
        .map(|(day, sums)| with(json!({"day": &**day}), sums))
        .collect();
    let sites = stats.sites.iter();
    let sites: Vec<Value> = sites
        .map(|((file, line), sums)| {
            let place = json!({"file": file, "line": line, "last": rfc3339(sums.last)});
            with(place, sums)
        })
        .collect();
    let head = json!({
        "format": FORMAT,
        "cache_dir": path_as_text(folder.as_os_str()),
        "entries": kept.entries,
        "size": kept.size,
        "contents": kept.contents.len(),
        "contents_size": kept.contents.iter().sum::<u64>(),
        "since": stats.since.map(rfc3339),
    });
    let Value::Object(mut members) = with(head, &stats.all) else {
        unreachable!("it is an object")
    };
    members.insert("days".to_owned(), days.into());
    members.insert("sites".to_owned(), sites.into());
    document(&Value::Object(members))
}

/// To the millisecond: sums of floating-point numbers have more digits than meaning.
fn seconds(sums: &Sums) -> f64 {
    (sums.saved * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_part() {
        let case = |part, text: &str| assert_eq!(drawn(part, 10), text);
        case(0.0, "");
        case(0.0001, "▏");
        case(0.5, "█████");
        case(0.56, "█████▋");
        case(1.0, "██████████");
    }

    #[test]
    fn labels_keep_their_end() {
        let case = |text, width, shown: &str| assert_eq!(cut_front(text, width), shown);
        case("report.py:12", 12, "report.py:12");
        case("src/report.py:12", 12, "…eport.py:12");
    }
}
