//! Plans of whole scripts against golden files: `tests/fixtures/plan/NAME.py` and what becomes of it in `NAME.plan`.
//!
//! `DEVSTASH_BLESS=1 cargo test --test plan` writes the golden files anew; read the difference before you keep it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use devstash::plan::{Plan, PlanError, Site, plan};
use devstash::source::Source;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plan")
}

#[test]
fn plans_are_as_the_golden_files_say() {
    let bless = env::var_os("DEVSTASH_BLESS").is_some();
    let mut scripts: Vec<_> = fs::read_dir(fixtures())
        .expect("the folder of fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    scripts.sort();
    assert!(!scripts.is_empty());
    let mut differing = Vec::new();
    for script in &scripts {
        let golden = script.with_extension("plan");
        let got = outcome(script);
        if bless {
            fs::write(&golden, got).expect("writes the golden file");
            continue;
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        if got != expected {
            differing.push(format!("--- {}\n{got}", golden.display()));
        }
    }
    assert!(
        differing.is_empty(),
        "these plans differ from their golden files (DEVSTASH_BLESS=1 rewrites them):\n{}",
        differing.join("\n")
    );
}

/// The plan or the errors as a golden file has them.
fn outcome(script: &Path) -> String {
    let bytes = fs::read(script).expect("reads the script");
    let name = PathBuf::from(script.file_name().expect("a name"));
    let source = match Source::decode(name, bytes) {
        Ok(source) => source,
        Err(error) => return format!("not decoded: {error}\n"),
    };
    match plan(&source) {
        Ok(plan) => describe(&source, &plan),
        Err(PlanError::Syntax { message }) => format!("not parsed: {message}\n"),
        Err(error) => format!("{error}\n"),
    }
}

fn describe(source: &Source, plan: &Plan) -> String {
    let mut text = String::new();
    for site in &plan.sites {
        let span = site.span;
        let kind = format!("{:?}", site.kind).to_lowercase();
        let places = format!(
            "{}:{}-{}:{}",
            span.line, span.column, span.end_line, span.end_column
        );
        let _ = writeln!(text, "{kind} {places} {}", covered(source, site));
        let scope = if site.scope.is_empty() {
            "the module"
        } else {
            &site.scope
        };
        let _ = writeln!(text, "    in {scope}, line {}: {}", site.line, site.text);
        if site.generator {
            let _ = writeln!(text, "    a generator");
        }
        if !site.names.is_empty() {
            let _ = writeln!(text, "    reads {}", site.names.join(", "));
        }
        if let Some(string) = site.fstring {
            let (span, index, up) = (string.span, string.index, string.up);
            let _ = writeln!(
                text,
                "    call {index} (up {up}) of the f-string {}:{}-{}:{}",
                span.line, span.column, span.end_line, span.end_column
            );
        }
        let options = serde_json::to_string(&site.options).expect("plain data");
        if options != "{}" {
            let _ = writeln!(text, "    {options}");
        }
    }
    let _ = writeln!(text, "imports {}", plan.imports.join(", "));
    if plan.imports_devstash {
        let _ = writeln!(text, "imports devstash");
    }
    text
}

/// The first and the last line of what the site covers.
fn covered(source: &Source, site: &Site) -> String {
    let span = site.span;
    let skip = |text: &str, characters: usize| text.chars().skip(characters).collect::<String>();
    let take = |text: &str, characters: usize| text.chars().take(characters).collect::<String>();
    let first = source.line_text(span.line);
    let last = source.line_text(span.end_line);
    if span.line == span.end_line {
        return format!("`{}`", skip(&take(first, span.end_column), span.column));
    }
    format!(
        "`{}` … `{}`",
        skip(first, span.column),
        take(last, span.end_column).trim()
    )
}

#[test]
fn the_serialized_form_is_what_the_python_side_reads() {
    let text = "import os\nx = f\"{g(1)}\"  # @devstash ttl=1h ignore=a,b key='n + 1' refresh\n";
    let source = Source::decode(PathBuf::from("s.py"), text.as_bytes().to_vec()).expect("decodes");
    let plan = plan(&source).expect("plans");
    assert_eq!(
        serde_json::to_value(&plan).expect("plain data"),
        serde_json::json!({
            "format": 1,
            "sites": [{
                "kind": "call",
                "span": [2, 7, 2, 11],
                "fstring": {"span": [2, 4, 2, 13], "index": 0, "up": 0},
                "scope": "",
                "text": "x = f\"{g(1)}\"",
                "line": 2,
                "names": [],
                "generator": false,
                "options": {"ttl": 3600, "key": "n + 1", "ignore": ["a", "b"], "refresh": true},
            }],
            "imports": ["os"],
            "imports_devstash": false,
        })
    );
}

#[test]
fn a_script_that_needs_no_runtime_has_an_empty_plan() {
    for (text, empty) in [
        ("", true),
        ("x = f()\n", true),
        ("x = '# @devstash'\n", true),
        ("x = f()  # @devstash off\n", true),
        ("x = f()  # @devstash\n", false),
        ("import devstash\n", false),
    ] {
        let source =
            Source::decode(PathBuf::from("s.py"), text.as_bytes().to_vec()).expect("decodes");
        assert_eq!(plan(&source).expect("plans").is_empty(), empty, "{text}");
    }
}

#[test]
fn deep_trees_are_planned_and_hopeless_ones_are_refused() {
    let sum = format!("x = {}f()  # @devstash\n", "a + ".repeat(20_000));
    let source = Source::decode(PathBuf::from("s.py"), sum.into_bytes()).expect("decodes");
    assert_eq!(plan(&source).expect("plans").sites.len(), 1);

    let brackets = format!("x = {}1{}\n", "(".repeat(1_000), ")".repeat(1_000));
    let source = Source::decode(PathBuf::from("s.py"), brackets.into_bytes()).expect("decodes");
    assert!(plan(&source).expect("plans").is_empty());

    let brackets = format!("x = {}", "(".repeat(1_000_000));
    let source = Source::decode(PathBuf::from("s.py"), brackets.into_bytes()).expect("decodes");
    assert!(matches!(plan(&source), Err(PlanError::Syntax { .. })));
}
