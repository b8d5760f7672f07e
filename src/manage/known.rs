//! The cache folder in, the words by which its entries can be named out: for completions.

use std::collections::BTreeMap;
use std::path::Path;

use crate::store::{Store, shown};

use super::scan::{scan, sites};
use super::words::place;

/// Words, each with what it is about, in the order in which they are offered.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// `script.py:12`, with the statement there.
    pub places: Vec<(String, String)>,
    /// What markers call themselves.
    pub labels: Vec<(String, String)>,
    /// Names of entries without `.pkl`, with their place.
    pub names: Vec<(String, String)>,
}

/// What there is in `folder`; nothing where it is no cache or cannot be read.
///
/// A word that a terminal could not show as it is is left out: it could not be typed either.
pub fn known(folder: &Path) -> Known {
    let mut known = Known::default();
    let Ok(store) = Store::open(folder) else {
        return known;
    };
    let mut places: BTreeMap<(String, u64), String> = BTreeMap::new();
    for row in sites(&store).iter().flat_map(|found| found.rows()) {
        let Ok(site) = &row.read else { continue };
        let of = place(site).unwrap_or_default();
        if let (Some((script, _)), Some(line)) = (of.rsplit_once(':'), site.line) {
            let text = site.text.clone().unwrap_or_default();
            places.insert((script.to_owned(), line), shown(text.as_ref()).into_owned());
        }
        let name = row.name().to_string_lossy();
        let name = name.strip_suffix(".pkl").unwrap_or(&name).to_owned();
        known.names.push((name, of));
    }
    known.places = places
        .into_iter()
        .map(|((script, line), text)| (format!("{script}:{line}"), text))
        .collect();
    known.names.sort_unstable();
    for row in scan(&store).iter().flat_map(|found| found.rows()) {
        let label = row.label().filter(|label| shown(label.as_ref()) == *label);
        known
            .labels
            .extend(label.map(|label| (label.to_owned(), "the marker's name".to_owned())));
    }
    known.labels.sort_unstable();
    known.labels.dedup();
    known
}
