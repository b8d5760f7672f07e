//! Finds the statements that each marker belongs to.
//!
//! A marker belongs to every statement that has a part on its physical line; alone on its line, and not inside a
//! statement's brackets, to those that begin on the next line which is not a comment.

use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

use super::units::{self, Unit};
use crate::marker::{Fault, Marker};
use crate::source::Source;
use crate::syntax::Module;

/// A marker with its statements, of which there is at least one.
pub(super) struct Attached<'a> {
    pub marker: Marker,
    pub units: Vec<Rc<Unit<'a>>>,
}

/// Attaches all markers of a file, in order; a faulty one stays faulty, and still counts for its statement.
pub(super) fn attach<'a>(
    source: &Source,
    module: &'a Module,
    markers: Vec<Result<Marker, Fault>>,
) -> Vec<Result<Attached<'a>, Vec<Fault>>> {
    if markers.is_empty() {
        return Vec::new();
    }
    let units: Vec<_> = units::of(source, module).into_iter().map(Rc::new).collect();
    // The line of the marker that each statement has already, by the statement's number.
    let mut taken: HashMap<usize, usize> = HashMap::new();
    let attach = |marker: Result<Marker, Fault>| {
        let start = marker
            .as_ref()
            .map_or_else(|fault| fault.start, |marker| marker.start);
        let line = source.line_of(start);
        let own = found(source, &units, line);
        let second = own.clone().find_map(|index| taken.get(&index).copied());
        for index in own.clone() {
            taken.entry(index).or_insert(line);
        }
        let marker = marker.map_err(|fault| vec![fault])?;
        if let Some(first) = second {
            return Err(vec![Fault::new(
                marker.start,
                marker.end,
                "a second marker for one statement",
                format!("put all options on the marker of line {first}"),
            )]);
        }
        if own.is_empty() {
            return Err(vec![Fault::new(
                marker.start,
                marker.end,
                "this marker belongs to no statement",
                "put it at the end of one of the statement's lines, or alone on the line directly above it",
            )]);
        }
        let units = units[own].to_vec();
        Ok(Attached { marker, units })
    };
    markers.into_iter().map(attach).collect()
}

/// The numbers of the units that a marker on `line` belongs to.
///
/// Units follow each other in the text, so that neither their first nor their last lines ever go back.
fn found(source: &Source, units: &[Rc<Unit<'_>>], line: usize) -> Range<usize> {
    let begun_by = |line: usize| units.partition_point(|unit| *unit.lines.start() <= line);
    let ended_before = |line: usize| units.partition_point(|unit| *unit.lines.end() < line);
    let around = ended_before(line)..begun_by(line);
    let is_comment = |line: usize| source.line_text(line).trim_start().starts_with('#');
    if !around.is_empty() || !is_comment(line) {
        return around;
    }
    let below = (line + 1..=source.line_count()).find(|&line| !is_comment(line));
    below.map_or(0..0, |below| begun_by(below - 1)..begun_by(below))
}
