//! A word that nobody knows in, the known ones that may have been meant out.

/// The known words that are near to what was typed, nearest first; whether letters are small does not count.
pub fn nearest<'k>(typed: &str, known: impl IntoIterator<Item = &'k str>) -> Vec<&'k str> {
    let typed: Vec<char> = typed.to_lowercase().chars().collect();
    let mut near: Vec<(usize, &str)> = known
        .into_iter()
        .filter_map(|name| {
            let letters: Vec<char> = name.to_lowercase().chars().collect();
            // A third of the letters may be wrong, but not all of a short name.
            let most = 1.max(letters.len() / 3).min(letters.len().checked_sub(1)?);
            // Words of very different lengths need not be compared.
            let distance = (typed.len().abs_diff(letters.len()) <= most)
                .then(|| distance(&typed, &letters))
                .filter(|distance| *distance <= most)?;
            Some((distance, name))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().map(|(_, name)| name).collect()
}

/// How many letters to add, remove, change or swap with their neighbour to get from one word to the other.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for i in 1..=from.len() {
        let mut row = vec![i];
        for j in 1..=to.len() {
            let change = usize::from(from[i - 1] != to[j - 1]);
            let mut best = (rows[i - 1][j] + 1)
                .min(row[j - 1] + 1)
                .min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_of_the_letters_may_be_wrong() {
        let case = |typed, known: &[&str], near: &[&str]| {
            assert_eq!(nearest(typed, known.iter().copied()), near, "{typed}");
        };
        case("tll", &["ttl", "off"], &["ttl"]);
        case("refersh", &["refresh"], &["refresh"]); // two neighbours swapped
        case("LOAD", &["load"], &["load"]);
        case("of", &["off"], &["off"]);
        case(
            "summarise",
            &["summarize", "summarised", "sum"],
            &["summarised", "summarize"],
        );
        case("größe", &["grösse"], &["grösse"]);
        case("x", &["y", ""], &[]);
        case("", &["a", "ab"], &[]);
        case("load", &["dump"], &[]);
    }
}
