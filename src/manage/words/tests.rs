//! Every kind of row that `docs/trace.md` and `docs/cache-format.md` know.

use super::*;
use serde_json::json;

#[test]
fn rows_of_a_trace_are_told_in_words() {
    let case = |row: Value, kind: &str, text: &str| {
        let fact = seen(&row);
        assert_eq!((&*fact.kind, &*fact.text()), (kind, text), "{row}");
    };
    case(
        json!(["file", "in.csv", 4096, 1, 2, 3, 4, 0, "aa"]),
        "file",
        "in.csv (4.0 KiB)",
    );
    case(
        json!(["file", "caf\u{0}e9.csv", 1, 1, 2, 3, 4, 0, "aa"]),
        "file",
        "caf\\xe9.csv (1 B)",
    );
    case(
        json!(["file", "a\u{1b}[31m\n", 1]),
        "file",
        "a\\u{1b}[31m\\n (1 B)",
    );
    case(
        json!(["module", "/p/h.py", 4, 1, 2, 3, 4, 0, "h", "aa"]),
        "module",
        "h (/p/h.py)",
    );
    case(
        json!(["module", "/p/h.py", 4, 1, 2, 3, 4, 0, "/p/h.py", "aa"]),
        "module",
        "/p/h.py",
    );
    case(json!(["absent", "nope"]), "absent", "nope");
    case(
        json!(["dir", "d", "names", [], 0, "aa"]),
        "folder",
        "d (the names in it)",
    );
    case(
        json!(["dir", "d", "stats", ["a", "b", "c\u{0}ff"], 1, "aa"]),
        "folder",
        "d (names, kinds, sizes and times of what is in it, without a, b and c\\xff; it may be absent)",
    );
    case(json!(["env", "HOME", "aa"]), "variable", "HOME");
    case(json!(["env", "FOO", null]), "variable", "FOO (not set)");
    case(json!(["env", "", "aa"]), "variable", "which ones there are");
    case(
        json!(["glob", "*.csv", "aa"]),
        "pattern",
        "*.csv (the names that match it)",
    );
    case(
        json!(["kind", "x", "dir"]),
        "look",
        "x (what is it: folder)",
    );
    case(
        json!(["link kind", "x", "link"]),
        "look",
        "x (what is it: link; links not followed)",
    );
    case(json!(["exists", "x", 0]), "look", "x (is it there: no)");
    case(
        json!(["link exists", "x", 1]),
        "look",
        "x (is it there: yes; links not followed)",
    );
    case(json!(["is dir", "x", 1]), "look", "x (is it a folder: yes)");
    case(
        json!(["size", "x", "file", 3]),
        "look",
        "x (how large is it: 3 B)",
    );
    case(
        json!(["size", "x", "absent"]),
        "look",
        "x (how large is it: absent)",
    );
    case(
        json!(["mode", "x", "file", 0o644]),
        "look",
        "x (what mode has it: mode 644)",
    );
    case(
        json!(["stat", "x", "file", 3, 0o600, 17]),
        "look",
        "x (kind, size, mode and time: file, 3 B, mode 600)",
    );
    case(
        json!(["stat", "x", "absent"]),
        "look",
        "x (kind, size, mode and time: absent)",
    );
    case(
        json!(["access", "x", 6, 1]),
        "look",
        "x (can it be read and written: yes)",
    );
    case(json!(["access", "x", 0, 0]), "look", "x (is it there: no)");
    case(
        json!(["target", "x", "y"]),
        "look",
        "x (where does it lead: y)",
    );
    case(
        json!(["target", "x", null]),
        "look",
        "x (where does it lead: nowhere)",
    );
    case(
        json!(["socket", 7]),
        "socket",
        "not known to this devstash: [\"socket\",7]",
    );
    case(json!(7), "", "not known to this devstash: 7");
}

#[test]
fn effects_are_told_in_words() {
    let case = |effects: Value, expected: &[(&str, &str)]| {
        let facts = done(&effects);
        let texts: Vec<_> = facts
            .iter()
            .map(|fact| (fact.kind.clone(), fact.text()))
            .collect();
        let texts: Vec<_> = texts
            .iter()
            .map(|(kind, text)| (&**kind, &**text))
            .collect();
        assert_eq!(texts, expected, "{effects}");
    };
    case(json!({}), &[]);
    case(Value::Null, &[]);
    case(
        json!({"objects": "aa"}),
        &[(
            "objects",
            "it changed objects that were there before, or returned one",
        )],
    );
    case(
        json!({"random": {"random": ["aa", true], "numpy.random": [null, false]}}),
        &[
            (
                "random",
                "random (drawn from; a hit needs the state that it found, and sets the one that it left)",
            ),
            ("random", "numpy.random (drawn from, unseeded)"),
        ],
    );
    case(
        json!({"environ": {"TOKEN": "secret", "OLD": null}, "cwd": "/d"}),
        &[
            ("variable", "TOKEN (set)"),
            ("variable", "OLD (removed)"),
            ("working folder", "/d (changed to this)"),
        ],
    );
    case(
        json!({"files": [
            ["dir", "out", null],
            ["dir", "own", 0o700],
            ["file", "out/a", null, 5, "aa", 1, 0, 0, 0],
            ["file", "out/b", 0o600, 5, null, 1, 0, 0, 1],
            ["link", "l", "t"],
            ["gone", "old", "dir"],
            ["via", "name", "/real"],
            ["cwd", "/here"],
            ["later", "x"],
        ]}),
        &[
            ("folder", "out (made, or made sure of)"),
            ("folder", "own (made, or made sure of, mode 700)"),
            ("file", "out/a (written, 5 B)"),
            ("file", "out/b (mode or time changed, mode 600)"),
            ("link", "l (made; it leads to t)"),
            ("folder", "old (removed)"),
            ("name", "name (used, and led to /real)"),
            ("working folder", "/here (a hit only there)"),
            ("later", "not known to this devstash: [\"later\",\"x\"]"),
        ],
    );
    case(
        json!({"output": {"streams": "stdout,stderr", "size": 14, "replaced": "stdout"}}),
        &[(
            "output",
            "stdout and stderr (14 B recorded; replaced by the script: stdout)",
        )],
    );
    case(
        json!({"output": {"streams": "both", "size": 0}}),
        &[("output", "stdout and stderr as one (0 B recorded)")],
    );
    case(
        json!({"stream": {"kind": "generator", "count": 1}}),
        &[("stream", "generator (1 item)")],
    );
    case(
        json!({"later": 1}),
        &[("later", "not known to this devstash: 1")],
    );
}

#[test]
fn a_path_is_read_from_its_text() {
    let case = |text: &str, bytes: &[u8]| assert_eq!(path_of(text).into_vec(), bytes, "{text:?}");
    case("plain/größe", "plain/größe".as_bytes());
    case("a\0ffb\0fe", b"a\xffb\xfe");
    case("a\0", b"a\0");
    case("a\0zz", b"a\0zz");
    case("a\0é", "a\0é".as_bytes());
}
