//! The command line: what is ours, what is Python's, what is the script's.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::world::{World, said};

#[test]
fn help_has_examples_and_goes_to_stdout() {
    let world = World::new();
    for words in [&["--help"][..], &["run", "--help"]] {
        let help = world.run(words);
        assert_eq!((help.status, help.stderr.as_str()), (Some(0), ""));
        assert!(
            help.stdout.contains("Examples:\n  devstash run"),
            "{}",
            help.stdout
        );
    }
    let version = world.run(&["--version"]);
    assert_eq!(
        version.stdout,
        concat!("devstash ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let world = World::new();
    world.write("s.py", "");
    let case = |words: &[&str], expected: &str| {
        let said = world.run(words);
        assert_eq!(
            (said.status, said.stdout.as_str()),
            (Some(2), ""),
            "{words:?}"
        );
        assert!(said.stderr.contains(expected), "{words:?}: {}", said.stderr);
    };
    case(&[], "Usage: devstash <COMMAND>");
    case(&["run"], "<SCRIPT>");
    case(&["run", "--refesh", "s.py"], "--refresh");
    case(&["run", "-x", "s.py"], "unexpected argument '-x'");
    case(&["run", "-m", "this"], "unexpected argument '-m'");
    case(
        &["run", "--cache-dir", "", "s.py"],
        "`--cache-dir` is empty",
    );
    case(&["s.py"], "devstash run s.py");
    case(
        &["clear"],
        "hint: `devstash clear --all` removes every entry",
    );
    case(&["clear", "--pattern", ""], "hint: `devstash clear --all`");
    case(&["clear", "--all", "--pattern", "x"], "cannot be used with");
    case(&["list", "--ttl", "soon"], "`--ttl soon`");
}

#[test]
fn the_scripts_arguments_reach_it_as_they_are() {
    let world = World::new();
    world.fake("bin/python3");
    world.write("s.py", "");
    let words = [
        "run", "-q", "s.py", "--ttl", "-h", "--", "", "-q", "--python", "a b", "*", "\u{e9}",
    ];
    assert_eq!(
        world.run(&words).stdout,
        "<bin/python3><s.py><--ttl><-h><--><><-q><--python><a b><*><\u{e9}>\n"
    );

    let broken = OsString::from_vec(b"\xff\xfe".to_vec());
    let output = world
        .devstash(&["run", "s.py"])
        .arg(broken)
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"<bin/python3><s.py><\xff\xfe>\n");
}

#[test]
fn pythons_own_flags_are_passed_on_in_their_order() {
    let world = World::new();
    world.fake("bin/python3");
    world.write("s.py", "");
    world.write("-s.py", "");
    let case = |words: &[&str], expected: &str| {
        let words: Vec<&str> = ["run"].iter().chain(words).copied().collect();
        assert_eq!(
            world.run(&words).stdout,
            format!("<bin/python3>{expected}\n"),
            "{words:?}"
        );
    };
    case(
        &["-uO", "-Xdev", "-v", "-W", "error", "-Wignore", "s.py"],
        "<-u><-O><-Xdev><-W><error><-Wignore><s.py>",
    );
    case(
        &["-OO", "-bbB", "-dEiIsSP", "s.py"],
        "<-O><-O><-b><-b><-B><-d><-E><-i><-I><-s><-S><-P><s.py>",
    );
    case(&["-X", "-v", "s.py", "-u"], "<-X><-v><s.py><-u>");
    case(&["-u", "--", "-s.py", "--"], "<-u><--><-s.py><-->");
}

#[test]
fn the_cache_folder_is_settled_before_the_script_can_move() {
    let world = World::new();
    let told = "#!/bin/sh\n\
        for word; do [ \"$word\" = -c ] && { echo 'devstash 3 12 cpython'; exit; }; done\n\
        echo \"$DEVSTASH_RUN\"\n";
    world.program("bin/python3", told);
    world.write("s.py", "import devstash\n");
    let case = |words: &[&str], variable: Option<&str>, line: &str| {
        let words: Vec<&str> = ["run"]
            .iter()
            .chain(words)
            .chain(&["s.py"])
            .copied()
            .collect();
        let mut command = world.devstash(&words);
        command.envs(variable.map(|value| ("DEVSTASH_CACHE_DIR", value)));
        let stdout = said(&mut command).stdout;
        assert!(
            stdout.lines().any(|each| each == line),
            "{words:?}: no `{line}` in\n{stdout}"
        );
    };
    let here = world.path("");
    let here = here.to_str().unwrap().trim_end_matches('/');
    case(&[], None, &format!("cache_dir={here}/.devstash_cache"));
    case(&[], Some(""), &format!("cache_dir={here}/.devstash_cache"));
    case(&[], Some("./kept"), &format!("cache_dir={here}/kept"));
    case(
        &["--cache-dir", "../k"],
        Some("kept"),
        &format!("cache_dir={here}/../k"),
    );
    case(&["--cache-dir", "/a%b\nc"], None, "cache_dir=/a%25b%0Ac");
    case(&[], None, "refresh=0");
    case(&["--refresh"], None, "refresh=1");
    case(&[], None, "cache=1");
    case(&["--no-cache"], None, "cache=0");
    case(&["-q"], None, "verbosity=-1");
    case(&["-vv"], None, "verbosity=1");
    case(&["-uO"], None, "flags=2");
    case(&[], None, "script=s.py");
    case(&[], None, &format!("path0={here}"));
    case(&[], None, concat!("version=", env!("CARGO_PKG_VERSION")));
}

#[test]
fn check_draws_every_faulty_marker_and_runs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let good = "import os\nx = len([1])  # @devstash ttl=1d\n";
    let bad = "import os  # @devstash\nopen('ran', 'w')\nx = len([1])  # @devstash tll=1d\n";
    std::fs::write(folder.path().join("good.py"), good).unwrap();
    std::fs::write(folder.path().join("bad.py"), bad).unwrap();
    let check = |names: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_devstash"))
            .arg("check")
            .args(names)
            .current_dir(folder.path())
            .output()
            .unwrap()
    };
    let fine = check(&["good.py"]);
    assert_eq!(fine.status.code(), Some(0));
    assert!(fine.stdout.is_empty() && fine.stderr.is_empty());
    let faulty = check(&["bad.py", "good.py", "absent.py"]);
    let said = String::from_utf8(faulty.stdout).unwrap();
    assert_eq!(faulty.status.code(), Some(2));
    for part in [
        "bad.py:1:",
        "bad.py:3:",
        "ttl",
        "^",
        "absent.py: cannot be read: ",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!folder.path().join("ran").exists());
}
