//! All entries and the limits in; which have to go, in which order and why, out.
//!
//! What has expired goes first, and what is damaged. Then goes what is least worth its room. An entry is worth the more,
//! the longer the call that it saves took, the smaller it is, and the shorter it is ago that it was used:
//!
//! ```text
//! worth = seconds that the call took / (size × seconds since the last use)
//! ```
//!
//! So of entries that cost and take the same, the one used least recently goes first. Cost over size is the order of
//! GreedyDual-Size (Cao, Irani: Cost-Aware WWW Proxy Caching Algorithms, USITS 1997). It lets the worth of what is not
//! used fall behind by a clock that moves with each removal; we keep no such clock, and divide by the time since the last
//! use instead, as size-adjusted LRU does (Aggarwal, Wolf, Yu: Caching on the World Wide Web, IEEE TKDE 1999).
//!
//! Limits of a marker hold among the entries of its place alone. `max_entries` keeps its most recently used ones.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use crate::duration::Limits;
use crate::entry::Bounds;

/// A file takes whole blocks (bytes).
const BLOCK: u64 = 4096;
/// Calls of unknown length, and shorter ones, count as this long (seconds).
const SHORTEST: f64 = 0.001;

/// What is asked about an entry.
#[derive(Clone, Debug, Default)]
pub struct Item<'e> {
    /// Bytes of the file.
    pub size: u64,
    /// Digests of the blobs that it needs.
    pub blobs: Vec<&'e str>,
    /// Seconds since it was last used.
    pub idle: f64,
    /// Seconds that its call took.
    pub duration: Option<f64>,
    /// It has expired, or is damaged: nobody will miss it.
    pub useless: bool,
    /// It stays in any case, and takes its room.
    pub pinned: bool,
    /// Its script, and the limits of its place.
    pub place: Option<(&'e str, &'e Bounds)>,
    /// What tells its call from others of its place.
    pub name: &'e str,
}

/// Why an entry has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It has not been used for longer than `max_age`.
    Unused,
    /// Its place has more entries, or bytes, than its marker allows.
    Place,
    /// The cache has more.
    Cache,
}

/// The entries, what they take, and which of them go.
pub struct Room<'e> {
    items: &'e [Item<'e>],
    /// For each blob its size, and how many entries need it.
    blobs: HashMap<&'e str, (u64, usize)>,
    gone: Vec<bool>,
    /// What go, in this order.
    pub going: Vec<(usize, Why)>,
    /// What is left: bytes of entries and of the blobs that they need, and entries.
    pub size: u64,
    pub count: u64,
}

impl<'e> Room<'e> {
    /// `sizes` are those of all blobs.
    pub fn new(items: &'e [Item<'e>], sizes: &HashMap<String, u64>) -> Room<'e> {
        let mut blobs: HashMap<&str, (u64, usize)> = HashMap::new();
        for digest in items.iter().flat_map(|item| &item.blobs) {
            let size = sizes.get(*digest).copied().unwrap_or(0);
            blobs.entry(digest).or_insert((size, 0)).1 += 1;
        }
        let shared: u64 = blobs.values().map(|(size, _)| size).sum();
        Room {
            items,
            blobs,
            gone: vec![false; items.len()],
            going: Vec::new(),
            size: items.iter().map(|item| item.size).sum::<u64>() + shared,
            count: items.len() as u64,
        }
    }

    /// Lets go what the limits of markers and those of the cache do not allow.
    pub fn make(&mut self, limits: &Limits) {
        for mut place in self.places() {
            // The newest says what holds now: the marker may have been edited.
            place.sort_by(|one, other| self.items[*one].idle.total_cmp(&self.items[*other].idle));
            let newest = place.first().and_then(|item| self.items[*item].place);
            let Some((_, bounds)) = newest else { continue };
            let bounds = bounds.limits;
            self.drop_unused(&place, bounds.max_age, Why::Unused);
            let kept = place.iter().copied().filter(|item| !self.gone[*item]);
            let kept: Vec<usize> = kept.collect();
            let most =
                usize::try_from(bounds.max_entries.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
            for item in kept.iter().skip(most) {
                self.go(*item, Why::Place);
            }
            let size = |room: &Room<'_>| -> u64 {
                let kept = kept.iter().filter(|item| !room.gone[**item]);
                kept.map(|item| room.own_size(*item)).sum()
            };
            if let Some(most) = bounds.max_size {
                for item in self.in_order(&kept) {
                    if size(self) <= most {
                        break;
                    }
                    self.go(item, Why::Place);
                }
            }
        }
        let all: Vec<usize> = (0..self.items.len()).collect();
        self.drop_unused(&all, limits.max_age, Why::Unused);
        let is_over = |room: &Room<'_>| {
            limits.max_size.is_some_and(|most| room.size > most)
                || limits.max_entries.is_some_and(|most| room.count > most)
        };
        if is_over(self) {
            for item in self.in_order(&all) {
                if !is_over(self) {
                    break;
                }
                self.go(item, Why::Cache);
            }
        }
    }

    /// The entries of each place that has limits.
    fn places(&self) -> Vec<Vec<usize>> {
        let mut places: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (number, item) in self.items.iter().enumerate() {
            if let Some((file, bounds)) = item.place {
                let place = (file, &*bounds.scope, &*bounds.text);
                places.entry(place).or_default().push(number);
            }
        }
        places.into_values().collect()
    }

    fn drop_unused(&mut self, items: &[usize], longest: Option<u64>, why: Why) {
        let Some(longest) = longest else { return };
        let mut unused: Vec<usize> = items
            .iter()
            .copied()
            .filter(|item| self.items[*item].idle > longest as f64)
            .collect();
        unused.sort_by(|one, other| self.items[*other].idle.total_cmp(&self.items[*one].idle));
        for item in unused {
            self.go(item, why);
        }
    }

    /// What is still there of these, the least worth first.
    fn in_order(&self, items: &[usize]) -> Vec<usize> {
        let mut order: Vec<(Reverse<bool>, f64, usize)> = items
            .iter()
            .filter(|item| !self.gone[**item] && !self.items[**item].pinned)
            .map(|item| (Reverse(self.items[*item].useless), self.worth(*item), *item))
            .collect();
        order.sort_by(|one, other| {
            one.0
                .cmp(&other.0)
                .then(one.1.total_cmp(&other.1))
                .then_with(|| self.items[one.2].name.cmp(self.items[other.2].name))
        });
        order.into_iter().map(|(_, _, item)| item).collect()
    }

    fn worth(&self, item: usize) -> f64 {
        let blocks = self.own_size(item).div_ceil(BLOCK).max(1);
        let item = &self.items[item];
        let duration = item.duration.unwrap_or(0.0).max(SHORTEST);
        duration / (blocks as f64 * item.idle.max(1.0))
    }

    /// Bytes of the file and of its blobs, whoever shares them.
    fn own_size(&self, item: usize) -> u64 {
        let item = &self.items[item];
        let blobs = item.blobs.iter().map(|digest| self.blobs[digest].0);
        item.size + blobs.sum::<u64>()
    }

    fn go(&mut self, item: usize, why: Why) {
        if self.gone[item] || self.items[item].pinned {
            return;
        }
        self.gone[item] = true;
        self.going.push((item, why));
        self.count -= 1;
        self.size -= self.items[item].size;
        for digest in &self.items[item].blobs {
            if let Some((size, users)) = self.blobs.get_mut(digest) {
                *users -= 1;
                self.size -= if *users == 0 { *size } else { 0 };
            }
        }
    }

    /// The digests of the blobs that are needed by what is left.
    pub fn needed(&self) -> impl Iterator<Item = &'e str> {
        let needed = self.blobs.iter().filter(|(_, (_, users))| *users > 0);
        needed.map(|(digest, _)| *digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(size: u64, idle: f64, duration: f64) -> Item<'static> {
        Item {
            size,
            idle,
            duration: Some(duration),
            ..Item::default()
        }
    }

    fn going(items: &[Item<'_>], limits: Limits) -> Vec<(usize, Why)> {
        let mut room = Room::new(items, &HashMap::from([("b".to_owned(), 1000)]));
        room.make(&limits);
        room.going
    }

    fn entries(most: u64) -> Limits {
        Limits {
            max_entries: Some(most),
            ..Limits::default()
        }
    }

    fn size(most: u64) -> Limits {
        Limits {
            max_size: Some(most),
            ..Limits::default()
        }
    }

    #[test]
    fn of_equal_ones_the_least_recently_used_goes() {
        let items = [item(10, 5.0, 1.0), item(10, 9.0, 1.0), item(10, 7.0, 1.0)];
        assert_eq!(
            going(&items, entries(1)),
            [(1, Why::Cache), (2, Why::Cache)]
        );
        assert_eq!(going(&items, size(30)), []);
        assert_eq!(going(&items, size(29)), [(1, Why::Cache)]);
    }

    #[test]
    fn what_saves_more_for_its_size_stays() {
        let items = [
            item(BLOCK, 10.0, 100.0),
            item(BLOCK, 10.0, 0.1),
            item(100 * BLOCK, 10.0, 1.0),
        ];
        let order: Vec<usize> = going(&items, entries(0))
            .iter()
            .map(|(item, _)| *item)
            .collect();
        assert_eq!(order, [2, 1, 0]);
    }

    #[test]
    fn the_useless_go_first_and_the_pinned_never() {
        let mut items = [item(10, 5.0, 1.0), item(10, 900.0, 1.0), item(10, 1.0, 9.0)];
        items[2].useless = true;
        items[1].pinned = true;
        assert_eq!(
            going(&items, entries(0)),
            [(2, Why::Cache), (0, Why::Cache)]
        );
    }

    #[test]
    fn a_blob_goes_with_the_last_that_needs_it() {
        let mut items = [item(10, 9.0, 1.0), item(10, 8.0, 1.0), item(10, 7.0, 1.0)];
        items[0].blobs = vec!["b"];
        items[1].blobs = vec!["b"];
        assert_eq!(going(&items, size(1020)), [(0, Why::Cache)]);
        assert_eq!(
            going(&items, size(1019)),
            [(0, Why::Cache), (1, Why::Cache)]
        );
    }

    #[test]
    fn a_place_has_limits_of_its_own() {
        let bounds = |most| Bounds {
            limits: entries(most),
            scope: String::new(),
            text: "x = f(a)".to_owned(),
        };
        let (old, new) = (bounds(5), bounds(1));
        let mut items = [
            item(10, 9.0, 9.0),
            item(10, 3.0, 0.1),
            item(10, 5.0, 1.0),
            item(10, 99.0, 1.0),
        ];
        items[0].place = Some(("s.py", &old));
        items[1].place = Some(("s.py", &new));
        items[2].place = Some(("s.py", &old));
        assert_eq!(
            going(&items, Limits::default()),
            [(2, Why::Place), (0, Why::Place)]
        );
        items[1].place = Some(("s.py", &old));
        assert_eq!(going(&items, Limits::default()), []);
    }

    #[test]
    fn what_is_not_used_for_long_goes() {
        let items = [item(10, 9.0, 1.0), item(10, 11.0, 1.0), item(10, 12.0, 1.0)];
        let limits = Limits {
            max_age: Some(10),
            ..Limits::default()
        };
        assert_eq!(going(&items, limits), [(2, Why::Unused), (1, Why::Unused)]);
    }
}
