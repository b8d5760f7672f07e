//! Pairs of manifests, and the words for where they differ.

use serde_json::json;

use super::*;

/// A manifest of `s.py` with these components: name, digest, preview.
fn manifest(components: &[(&str, &str, &str)]) -> Manifest {
    let (mut key, mut previews) = (json!({}), json!({}));
    for (name, digest, preview) in components {
        key[name] = json!(digest);
        if !preview.is_empty() {
            previews[name] = json!(preview);
        }
    }
    let document = json!({
        "key": key, "previews": previews, "module": "features", "qualname": "clean",
        "python": "3.12.1", "devstash": "0.1.0",
        "site": {"file": "/nowhere/s.py", "line": 4, "scope": "", "text": "clean(n)"},
    });
    serde_json::from_value(document).unwrap()
}

fn words(old: &Manifest, new: &Manifest) -> Vec<String> {
    differences(old, new)
        .into_iter()
        .map(|one| one.words)
        .collect()
}

/// What is said where one component differs: its old and its new preview.
fn one(name: &str, old: &str, new: &str) -> String {
    let found = words(
        &manifest(&[(name, "1", old)]),
        &manifest(&[(name, "2", new)]),
    );
    assert_eq!(found.len(), 1);
    found[0].clone()
}

#[test]
fn every_component_has_words() {
    let case = |name, old, new, text: &str| assert_eq!(one(name, old, new), text);
    case("argument n", "10", "12", "argument `n`: 10 → 12");
    case("argument 1", "10", "12", "argument 1: 10 → 12");
    case(
        "argument rows",
        "[1, … 9]",
        "[1, … 9]",
        "argument `rows` changed ([1, … 9])",
    );
    case("argument n", "", "", "argument `n` changed");
    case(
        "argument token",
        "(hidden)",
        "(hidden)",
        "argument `token` changed",
    );
    case(
        "argument o",
        "{'token': (hidden)}",
        "{'token': (hidden), 'n': 2}",
        "argument `o` changed",
    );
    case(
        "argument \x1b[31m",
        "'\x07'",
        "'b'",
        "argument `\\u{1b}[31m`: '\\u{7}' → 'b'",
    );
    case(
        "link 2 argument by",
        "'a'",
        "'b'",
        "argument `by` of link 2: 'a' → 'b'",
    );
    case(
        "receiver",
        "<Model>",
        "<Model>",
        "the object it is called on changed (<Model>)",
    );
    case("key", "1", "2", "the value of key=: 1 → 2");
    case("version", "'1'", "'2'", "version: '1' → '2'");
    case(
        "env LEVEL",
        "not set",
        "'a'",
        "variable `LEVEL`: not set → 'a'",
    );
    case(
        "env API_KEY",
        "(hidden)",
        "(hidden)",
        "variable `API_KEY` changed",
    );
    case(
        "files *.csv",
        "['a.csv']",
        "['a.csv']",
        "files `*.csv` changed (['a.csv'])",
    );
    case(
        "function features.clean",
        "features.py:14-30",
        "features.py:14-31",
        "function `clean` in features.py changed (lines 14–31)",
    );
    case(
        "function pkg.features.A.run",
        "/nowhere/pkg/features.py:3",
        "/nowhere/pkg/features.py:3",
        "function `A.run` in pkg/features.py changed (line 3)",
    );
    case(
        "function pkg.clean",
        "pkg/__init__.py:3-4",
        "pkg/__init__.py:3-4",
        "function `clean` in pkg/__init__.py changed (lines 3–4)",
    );
    case(
        "function __main__.clean",
        "",
        "",
        "function `clean` in s.py changed",
    );
    case(
        "function features.clean",
        "",
        "",
        "function `features.clean` changed",
    );
    case(
        "class __main__.Model",
        "s.py:1-9",
        "s.py:1-9",
        "class `Model` in s.py changed (lines 1–9)",
    );
    case(
        "global config.LIMIT",
        "5",
        "6",
        "global `config.LIMIT`: 5 → 6",
    );
    case(
        "global __main__.LIMIT",
        "5",
        "6",
        "global `LIMIT` in s.py: 5 → 6",
    );
    case(
        "module features",
        "features.py",
        "features.py",
        "module `features` changed",
    );
    case("package pandas", "2.2.3", "2.3.0", "pandas 2.2.3 → 2.3.0");
    case("package pandas", "", "2.3.0", "pandas is another one");
    case(
        "surroundings",
        "in /a, time zone UTC",
        "in /b, time zone UTC",
        "surroundings: in /a → in /b",
    );
    case(
        "surroundings",
        "in /a",
        "in /a, locale C",
        "surroundings: as usual → locale C",
    );
    case(
        "settings pandas",
        "",
        "",
        "the settings of `pandas` changed",
    );
    case(
        "subclasses m.C",
        "",
        "",
        "the classes derived from `m.C` changed",
    );
    case(
        "documentation",
        "",
        "",
        "docstrings that its code can read changed",
    );
    case("callable", "", "", "the call is written in another way");
    case("of a newer devstash", "", "", "of a newer devstash changed");
}

#[test]
fn what_comes_and_goes_is_told() {
    let case = |name: &str, preview: &str, came: &str, went: &str| {
        let (without, with) = (manifest(&[]), manifest(&[(name, "1", preview)]));
        assert_eq!(words(&without, &with), [came]);
        assert_eq!(words(&with, &without), [went]);
    };
    case(
        "argument mode",
        "'fast'",
        "argument `mode` is given now: 'fast'",
        "argument `mode` is not given any more (it was 'fast')",
    );
    case(
        "argument token",
        "(hidden)",
        "argument `token` is given now",
        "argument `token` is not given any more",
    );
    case(
        "global __main__.X",
        "1",
        "global `X` in s.py is read now",
        "global `X` in s.py is not read any more",
    );
    case(
        "function features.clean",
        "features.py:1-2",
        "function `clean` in features.py is used now",
        "function `clean` in features.py is not used any more",
    );
    case(
        "package numpy",
        "2.0",
        "package numpy is used now",
        "package numpy is not used any more",
    );
    case(
        "env LEVEL",
        "'a'",
        "variable `LEVEL` is declared now: 'a'",
        "variable `LEVEL` is not declared any more (it was 'a')",
    );
}

#[test]
fn the_versions_of_python_and_devstash_are_those_of_the_manifests() {
    let old = manifest(&[("python", "1", "CPython 3.12"), ("format", "1", "")]);
    let mut new = manifest(&[("python", "2", "CPython 3.13"), ("format", "2", "")]);
    (new.python, new.devstash) = ("3.13.0".to_owned(), "0.2.0".to_owned());
    assert_eq!(
        words(&old, &new),
        [
            "Python 3.12.1 → 3.13.0",
            "devstash 0.1.0 → 0.2.0 makes keys in another way"
        ]
    );
}

#[test]
fn another_callable_is_told_by_what_is_seen_of_it() {
    let (old, mut new) = (
        manifest(&[("callable", "1", "")]),
        manifest(&[("callable", "2", "")]),
    );
    new.site.text = Some("clean(n).sum()".to_owned());
    assert_eq!(
        words(&old, &new),
        ["the line changed: `clean(n)` → `clean(n).sum()`"]
    );
    new.qualname = "load".to_owned();
    assert_eq!(
        words(&old, &new),
        ["it calls `features.load` now, not `features.clean`"]
    );
}

/// In the order in which they are told, not in that of the key.
#[test]
fn what_a_person_changed_comes_before_its_consequences() {
    let told = [
        ("python", "3.12", "3.13"),
        ("argument n", "10", "12"),
        ("global __main__.LIMIT", "5", "6"),
        ("package pandas", "2.2.3", "2.3.0"),
        ("function __main__.clean", "s.py:1-2", "s.py:1-2"),
        (
            "function __main__.outer.<locals>.inner",
            "s.py:4-5",
            "s.py:4-5",
        ),
        ("surroundings", "in /a", "in /b"),
        ("global __main__.TABLE", "<dict>", "[1, 2, … 9]"),
        ("files *.csv", "['a.csv']", "['a.csv', 'b.csv']"),
        ("argument rows", "[1, 2, … 9]", "[1, 2, … 10]"),
        ("argument frame", "<DataFrame 2×2>", "<DataFrame 2×2>"),
        ("settings pandas", "", ""),
    ];
    let side = |digest, text: fn(&(&'static str, &'static str, &'static str)) -> &'static str| {
        let rows: Vec<_> = told
            .iter()
            .rev()
            .map(|row| (row.0, digest, text(row)))
            .collect();
        manifest(&rows)
    };
    let (old, mut new) = (side("1", |row| row.1), side("2", |row| row.2));
    new.key
        .insert("function __main__.helper".to_owned(), json!("1"));
    new.python = "3.13.0".to_owned();
    let found = differences(&old, &new);
    let names: Vec<&str> = found.iter().map(|one| &*one.component).collect();
    let mut expected: Vec<&str> = told.iter().map(|row| row.0).collect();
    expected.push("function __main__.helper");
    assert_eq!(names, expected);
    assert_eq!(distance(&old, &new), expected.len());
}

#[test]
fn calls_of_one_key_differ_in_what_they_read() {
    let side = |trace: Value| Manifest {
        trace: serde_json::from_value(trace).unwrap(),
        ..manifest(&[("argument n", "1", "1")])
    };
    let file =
        |name: &str, size: u64, digest: &str| json!(["file", name, size, 1, 2, 3, 4, 0, digest]);
    let old = side(json!([
        file("a.csv", 10, "x"),
        file("b.csv", 2_202_010, "x"),
        file("c.csv", 10, "x"),
        ["env", "LEVEL", "x"],
        ["dir", "data", "names", [], 0, "x"],
        ["absent", "gone.csv"],
        file("old.csv", 1, "x")
    ]));
    let new = side(json!([
        file("a.csv", 12, "y"),
        file("b.csv", 2_411_725, "y"),
        file("c.csv", 10, "x"),
        ["env", "LEVEL", "y"],
        ["dir", "data", "names", [], 0, "y"],
        file("gone.csv", 1, "x")
    ]));
    assert_eq!(
        words(&old, &new),
        [
            "file a.csv changed (10 B → 12 B)",
            "file b.csv changed (2.1 MiB → 2.3 MiB)",
            "variable LEVEL changed",
            "folder data holds something else",
            "gone.csv appeared",
            "file old.csv is not read any more",
        ]
    );
    // Where the keys differ, other files are a consequence.
    let mut other = new.clone();
    other.key.insert("argument n".to_owned(), json!("2"));
    other.previews.insert("argument n".to_owned(), json!("2"));
    assert_eq!(
        words(&old, &other)[..2],
        ["argument `n`: 1 → 2", "file a.csv changed (10 B → 12 B)"]
    );
    assert_eq!(words(&old, &other).len(), 6);
}

#[test]
fn sizes_that_look_alike_are_told_exactly() {
    let case = |old, new, text: &str| assert_eq!(resized(old, new), text);
    case(10, 12, " (10 B → 12 B)");
    case(2_202_010, 2_202_011, " (2202010 B → 2202011 B)");
    case(7, 7, "");
}
