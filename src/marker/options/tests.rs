//! The grammar of the options as a table: what is written, and what comes of it.

use super::super::find;
use super::*;

fn read_marker(options: &str) -> Result<Options, Fault> {
    let comment = format!("# @devstash {options}");
    let mut found = find(&comment, 0);
    assert_eq!(found.len(), 1, "{options}");
    found.remove(0).map(|marker| marker.options)
}

fn case(options: &str, expected: &str) {
    let read = read_marker(options).unwrap_or_else(|fault| panic!("{options}: {fault:?}"));
    assert_eq!(
        serde_json::to_string(&read).expect("plain data"),
        expected,
        "{options}"
    );
}

/// `at` is the part of the marker that the carets underline.
fn fault(options: &str, at: &str, message: &str, hint: &str) {
    let comment = format!("# @devstash {options}");
    let fault = read_marker(options).expect_err(options);
    assert_eq!(&comment[fault.start..fault.end], at, "{options}");
    assert_eq!(fault.message, message, "{options}");
    let given = fault.hint.unwrap_or_default();
    assert!(given.contains(hint), "{options}: {given}");
}

#[test]
fn every_option_is_read() {
    case("", "{}");
    case("ttl=30s", r#"{"ttl":30}"#);
    case("ttl=30m", r#"{"ttl":1800}"#);
    case("ttl=2h", r#"{"ttl":7200}"#);
    case("ttl=1d", r#"{"ttl":86400}"#);
    case("ttl=1w", r#"{"ttl":604800}"#);
    case("ttl='1w'", r#"{"ttl":604800}"#);
    case("key=n", r#"{"key":"n"}"#);
    case("key=(a, b.c[0])", r#"{"key":"(a, b.c[0])"}"#);
    case("key=\"a + b\"", r#"{"key":"a + b"}"#);
    case("key=\"'all'\"", r#"{"key":"'all'"}"#);
    case("key=f(x, y=[1, 2])", r#"{"key":"f(x, y=[1, 2])"}"#);
    case("ignore=self", r#"{"ignore":["self"]}"#);
    case("ignore=self,naïve_1", r#"{"ignore":["self","naïve_1"]}"#);
    case("ignore='self, timeout'", r#"{"ignore":["self","timeout"]}"#);
    case("env=LANG,TZ", r#"{"env":["LANG","TZ"]}"#);
    case(
        "files=a.csv,data/*.[ch]",
        r#"{"files":["a.csv","data/*.[ch]"]}"#,
    );
    case("files='my data/*.csv'", r#"{"files":["my data/*.csv"]}"#);
    case(
        "files='a b.csv','c.csv'",
        r#"{"files":["a b.csv","c.csv"]}"#,
    );
    case("files=x[,]y.csv", r#"{"files":["x[,]y.csv"]}"#);
    case("version=2.1", r#"{"version":"2.1"}"#);
    case("version='two words'", r#"{"version":"two words"}"#);
    case("replay=stdout,stderr", r#"{"replay":["stdout","stderr"]}"#);
    case("max_entries=10", r#"{"max_entries":10}"#);
    case("load=copy", r#"{"load":"copy"}"#);
    case("load=map", r#"{"load":"map"}"#);
    case("name=corpus", r#"{"name":"corpus"}"#);
    case("refresh", r#"{"refresh":true}"#);
    case("off", "{}");
    case(
        "name=x refresh ttl=1d",
        r#"{"ttl":86400,"name":"x","refresh":true}"#,
    );
    case("ttl=1d # ttl=2d", r#"{"ttl":86400}"#);
    assert!(read_marker("off ttl=1d").expect("well-formed").off);
}

#[test]
fn unknown_options_name_the_nearest() {
    fault(
        "tll=1d",
        "tll",
        "unknown option `tll`",
        "did you mean `ttl`?",
    );
    fault(
        "TTL=1d",
        "TTL",
        "unknown option `TTL`",
        "did you mean `ttl`?",
    );
    fault(
        "file=a",
        "file",
        "unknown option `file`",
        "did you mean `files`?",
    );
    fault(
        "ignored=a",
        "ignored",
        "unknown option `ignored`",
        "did you mean `ignore`?",
    );
    fault(
        "max-entries=3",
        "max-entries",
        "unknown option `max-entries`",
        "`max_entries`",
    );
    fault(
        "maxentries=3",
        "maxentries",
        "unknown option `maxentries`",
        "`max_entries`",
    );
    fault(
        "refesh",
        "refesh",
        "unknown option `refesh`",
        "did you mean `refresh`?",
    );
    fault("of", "of", "unknown option `of`", "did you mean `off`?");
    fault(
        "is slow",
        "is",
        "unknown option `is`",
        "the options are `ttl`, `key`",
    );
    fault("version=a b", "b", "unknown option `b`", "needs quotes");
    fault("=x", "=", "unknown option ``", "the options are");
}

#[test]
fn bad_values_say_what_is_accepted() {
    for value in [
        "30",
        "m",
        "1.5h",
        "-1d",
        "0s",
        "1 d",
        "30x",
        "1day",
        "99999999999999999999d",
        "+1d",
        "１d",
    ] {
        let text = format!("ttl='{value}'");
        fault(
            &text,
            &format!("'{value}'"),
            &format!("`'{value}'` is not a time"),
            "`ttl=30m`",
        );
    }
    fault("ttl", "ttl", "`ttl` needs a value", "write `ttl=30m`");
    fault(
        "ttl = 1d",
        "ttl",
        "`ttl` needs a value",
        "without spaces around the `=`",
    );
    fault(
        "ttl= 1d",
        "ttl=",
        "`ttl` has an empty value",
        "without spaces",
    );
    fault("ttl=1d ttl=2d", "ttl", "`ttl` is given twice", "keep one");
    fault(
        "refresh=yes",
        "=yes",
        "`refresh` takes no value",
        "write `refresh` alone",
    );
    fault("off=", "=", "`off` takes no value", "write `off` alone");
    fault(
        "key=a+",
        "a+",
        "`a+` is not a Python expression",
        "`key=\"a + b\"`",
    );
    fault(
        "key=(yield)",
        "(yield)",
        "`(yield)` cannot be a key",
        "no `await`",
    );
    fault("key=(x:=1)", "(x:=1)", "`(x:=1)` cannot be a key", "`:=`");
    fault("key=(a", "(", "`(` is never closed", "close the bracket");
    fault(
        "ignore=1x",
        "1x",
        "`1x` is not the name of an argument",
        "`ignore=self,timeout`",
    );
    fault(
        "ignore=a,,b",
        "a,,b",
        "`ignore` has an empty item",
        "commas",
    );
    fault(
        "env=A=B",
        "A=B",
        "`A=B` is not the name of an environment variable",
        "`env=LANG,TZ`",
    );
    fault("files=a,", "a,", "`files` has an empty item", "`files=");
    fault(
        "replay=stdout,log",
        "log",
        "`log` is not an output",
        "`replay=stdout,stderr`",
    );
    fault(
        "max_entries=0",
        "0",
        "`0` is not a number of entries",
        "`max_entries=10`",
    );
    fault(
        "max_entries=+1",
        "+1",
        "`+1` is not a number of entries",
        "`max_entries=10`",
    );
    fault(
        "load=mop",
        "mop",
        "`mop` is not a way to load a value",
        "`load=copy`",
    );
    fault(
        "version=",
        "version=",
        "`version` has an empty value",
        "`version=2`",
    );
}
