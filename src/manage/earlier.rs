//! A call in, the earlier entry of its site that is most like it out.
//!
//! A site is a script and what is called there, or what its marker calls it; a marked line may have moved since. Nearest
//! is the entry with the fewest components that differ, of several the newest.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;

use crate::entry::{self, Manifest, Site};
use crate::store::Store;

use super::compare::distance;
use super::moment::nanoseconds;
use super::place::is_same_script;
use super::scan::sites;

/// So many of the newest entries of a site are compared.
const COMPARED: usize = 1000;
/// Entries whose names do not tell that they are of the site are looked at where there are no more of them.
const SEARCHED: usize = 10_000;

/// An entry that was there before.
#[derive(Clone, Debug)]
pub struct Earlier {
    pub name: OsString,
    pub manifest: Rc<Manifest>,
    /// How many components of the keys differ.
    pub distance: usize,
}

/// An entry and what it says of itself.
type Known = (OsString, Rc<Manifest>);

/// The entries of a store that were made before a moment.
pub struct Past<'s> {
    store: &'s Store,
    /// In nanoseconds since 1970.
    before: i64,
    /// By the names of entries without their digits the newest ones, newest first: they are looked at for every call.
    known: HashMap<Vec<u8>, Rc<Vec<Known>>>,
    /// The sites of all entries, once they were needed.
    sites: Option<Vec<(OsString, Site)>>,
}

impl Past<'_> {
    pub fn new(store: &Store, before: i64) -> Past<'_> {
        Past {
            store,
            before,
            known: HashMap::new(),
            sites: None,
        }
    }

    /// The nearest earlier entry of the site of `call`, whose own entry has, or would have, this name.
    pub fn nearest(&mut self, call: &Manifest, own: &OsStr) -> Option<Earlier> {
        let alike = self.alike(stem(own)?);
        let of_site = alike
            .iter()
            .filter(|(_, manifest)| is_of_script(&manifest.site, &call.site));
        nearest_of(of_site, call).or_else(|| {
            // Perhaps the line calls something else now, or the project was moved.
            let names: Vec<OsString> = self
                .sites()
                .iter()
                .filter(|(_, site)| is_of_place(site, &call.site))
                .map(|(name, _)| name.clone())
                .collect();
            nearest_of(self.newest(&names).iter(), call)
        })
    }

    /// The newest entries whose names begin like this: what is called is the same.
    fn alike(&mut self, stem: &[u8]) -> Rc<Vec<Known>> {
        if let Some(known) = self.known.get(stem) {
            return Rc::clone(known);
        }
        let mut names = self.store.names().unwrap_or_default();
        names.retain(|name| self::stem(name) == Some(stem));
        let found = Rc::new(self.newest(&names));
        self.known.insert(stem.to_owned(), Rc::clone(&found));
        found
    }

    fn sites(&mut self) -> &[(OsString, Site)] {
        let store = self.store;
        self.sites.get_or_insert_with(|| {
            let few = store.names().is_ok_and(|names| names.len() <= SEARCHED);
            let found = few.then(|| sites(store).ok()).flatten();
            let rows = found.iter().flat_map(|found| found.rows());
            rows.filter_map(|row| Some((row.name().to_owned(), row.read.as_ref().ok()?.clone())))
                .collect()
        })
    }

    /// The newest of these that are old enough and can be read, newest first.
    fn newest(&self, names: &[OsString]) -> Vec<Known> {
        let made = |name: &OsString| {
            let found = self.store.path(name).symlink_metadata().ok()?;
            Some(nanoseconds(found.modified().ok()?))
        };
        let mut dated: Vec<(i64, &OsString)> = names
            .iter()
            .filter_map(|name| Some((made(name)?, name)))
            .filter(|(made, _)| *made < self.before)
            .collect();
        dated.sort_unstable_by(|one, other| other.cmp(one));
        dated.truncate(COMPARED);
        let read =
            |name: &OsString| Some(Rc::new(entry::read(&self.store.path(name)).ok()?.manifest));
        dated
            .into_iter()
            .filter_map(|(_, name)| Some((name.clone(), read(name)?)))
            .collect()
    }
}

/// The first of those that differ least.
fn nearest_of<'k>(known: impl Iterator<Item = &'k Known>, call: &Manifest) -> Option<Earlier> {
    let mut best: Option<(usize, Earlier)> = None;
    for (name, manifest) in known {
        let distance = distance(manifest, call);
        // Another line with the same call is another site, unless the line has moved.
        let away = distance + usize::from(!is_same_line(&manifest.site, &call.site));
        if best.as_ref().is_none_or(|(least, _)| away < *least) {
            let found = Earlier {
                name: name.clone(),
                manifest: Rc::clone(manifest),
                distance,
            };
            best = Some((away, found));
        }
    }
    best.map(|(_, found)| found)
}

/// The name of an entry without its digits.
pub fn stem(name: &OsStr) -> Option<&[u8]> {
    let name = name.as_bytes().strip_suffix(b".pkl")?;
    name.len().checked_sub(16).map(|end| &name[..end])
}

fn is_of_script(found: &Site, wanted: &Site) -> bool {
    match (&found.file, &wanted.file) {
        (Some(found), Some(wanted)) => is_same_script(found, wanted),
        (found, wanted) => found == wanted,
    }
}

/// Whether an entry is of the same marked place: by its label, or where it stands.
fn is_of_place(found: &Site, wanted: &Site) -> bool {
    let named = |site: &Site| site.name.clone().filter(|name| !name.is_empty());
    let (Some(file), Some(other)) = (&found.file, &wanted.file) else {
        return false;
    };
    if !is_same_script(file, other) {
        // A script that was moved is no longer where it was.
        let moved = Path::new(file).file_name() == Path::new(other).file_name();
        return moved && !Path::new(file).exists() && is_same_line(found, wanted);
    }
    (named(wanted).is_some() && named(found) == named(wanted))
        || (found.scope == wanted.scope && (found.line, &found.name) == (wanted.line, &wanted.name))
}

fn is_same_line(found: &Site, wanted: &Site) -> bool {
    found.scope == wanted.scope && (found.line == wanted.line || found.text == wanted.text)
}
