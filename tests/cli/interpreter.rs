//! Which interpreter runs the script, and what is said of one that cannot.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::{World, fake_text, said, told};

#[test]
fn the_nearest_choice_wins() {
    let world = World::new();
    world.write("project/deep/s.py", "");
    let run = |words: &[&str], variables: &[(&str, &str)]| {
        let words: Vec<&str> = ["run"].iter().chain(words).copied().collect();
        let mut command = world.devstash(&words);
        command.envs(
            variables
                .iter()
                .map(|(name, value)| (name, world.path(value))),
        );
        let said = said(&mut command);
        let name = said
            .stdout
            .split('>')
            .next()
            .unwrap()
            .trim_start_matches('<')
            .to_owned();
        if name.is_empty() { said.stderr } else { name }
    };
    let script = ["project/deep/s.py"];

    assert!(run(&script, &[]).contains("no Python interpreter found"));
    world.fake("bin/python");
    assert_eq!(run(&script, &[]), "bin/python");
    world.fake("bin/python3");
    assert_eq!(run(&script, &[]), "bin/python3");
    world.fake("project/.venv/bin/python");
    assert_eq!(run(&script, &[]), "project/.venv/bin/python");
    world.fake("project/deep/.venv/bin/python");
    assert_eq!(run(&script, &[]), "project/deep/.venv/bin/python");

    world.fake("conda/bin/python");
    let conda = ("CONDA_PREFIX", "conda");
    assert_eq!(run(&script, &[conda]), "conda/bin/python");
    world.fake("active/bin/python");
    let active = ("VIRTUAL_ENV", "active");
    assert_eq!(run(&script, &[conda, active]), "active/bin/python");
    assert_eq!(
        run(&script, &[conda, ("VIRTUAL_ENV", "removed")]),
        "conda/bin/python"
    );
    world.fake("said/python");
    let variable = ("DEVSTASH_PYTHON", "said/python");
    assert_eq!(run(&script, &[conda, active, variable]), "said/python");
    world.fake("bin/python3.12");
    let option = ["--python", "python3.12", "project/deep/s.py"];
    assert_eq!(run(&option, &[conda, active, variable]), "bin/python3.12");
    assert_eq!(
        run(&["--python", "active/bin/python", script[0]], &[]),
        "active/bin/python"
    );
    assert_eq!(
        run(&["--python", "./active", script[0]], &[]),
        "active/bin/python"
    );
}

#[test]
fn a_script_behind_a_link_has_the_environment_of_its_project() {
    let world = World::new();
    world.fake("project/.venv/bin/python");
    let script = world.write("project/s.py", "");
    symlink(script, world.path("tool")).unwrap();
    assert_eq!(
        world.run(&["run", "tool"]).stdout,
        "<project/.venv/bin/python><tool>\n"
    );
}

#[test]
fn an_environment_that_a_third_user_put_above_the_script_is_not_started() {
    let world = World::new();
    world.fake("shared/.venv/bin/python");
    world.fake("bin/python3");
    world.write("shared/mine/s.py", "");
    if std::os::unix::fs::chown(world.path("shared/.venv"), Some(54321), None).is_err() {
        eprintln!("only root can give a folder away: this test has tested nothing");
        return;
    }
    assert_eq!(
        world.run(&["run", "shared/mine/s.py"]).stdout,
        "<bin/python3><shared/mine/s.py>\n"
    );
}

#[test]
fn what_is_no_interpreter_is_named() {
    let world = World::new();
    world.write("s.py", "");
    world.write("text", "no program");
    world.program("garbage", "\u{1}\u{2}");
    world.program("old", &fake_text("old", "devstash 3 8 cpython"));
    world.program("older", &fake_text("older", "devstash 2 7 cpython"));
    world.program("other", &fake_text("other", "devstash 3 10 pypy"));
    world.program("endless", "#!/bin/sh\nwhile echo y; do :; done\n");
    let case = |python: &str, status: i32, expected: &str| {
        let said = world.run(&["run", "--python", python, "s.py"]);
        assert_eq!(
            (said.status, said.stdout.as_str()),
            (Some(status), ""),
            "{python}: {}",
            said.stderr
        );
        let lines: Vec<&str> = said.stderr.lines().collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(
            lines[0].starts_with("devstash: ") && lines[0].contains(&format!("`{python}`")),
            "{lines:?}"
        );
        assert!(lines[0].contains(expected), "{lines:?}");
        assert!(
            lines[1].is_empty() && lines[2].starts_with("hint: "),
            "{lines:?}"
        );
    };
    let at = |name: &str| world.path(name).to_str().unwrap().to_owned();
    case("python9", 127, "no such program on $PATH");
    case("./python9", 127, "there is no such file");
    case("text/python", 127, "there is no such file");
    case(&at(""), 127, "no environment with a `bin/python`");
    case(&at("text"), 127, "not executable");
    case("/etc/passwd", 127, "not executable");
    case(&at("garbage"), 127, "cannot start");
    case("/bin/ls", 2, "it is not Python");
    case("/bin/true", 2, "it is not Python");
    case(&at("old"), 2, "Python 3.8 is too old");
    case(&at("older"), 2, "Python 2.7 is too old");
    case(&at("other"), 2, "it is pypy, not CPython");
    case(&at("endless"), 2, "it is not Python");
}

#[test]
fn a_program_that_hangs_is_given_up() {
    let world = World::new();
    world.write("s.py", "");
    let hanging = world.program("hanging", "#!/bin/sh\n/bin/sleep 61.25\n");
    let begun = Instant::now();
    let said = world.run(&["run", "--python", hanging.to_str().unwrap(), "s.py"]);
    assert_eq!(said.status, Some(2));
    assert!(
        said.stderr.contains("no answer within 10 s"),
        "{}",
        said.stderr
    );
    assert!(begun.elapsed() < Duration::from_secs(40));
    let left = Command::new("/bin/ps").args(["-eo", "args"]).output();
    if let Ok(left) = left {
        assert!(!told(left).stdout.contains("sleep 61.25"));
    }
}

#[test]
fn an_interpreter_is_asked_once_and_again_when_it_changes() {
    let world = World::new();
    world.write("s.py", "");
    let text = "#!/bin/sh\n\
        for word; do [ \"$word\" = -c ] && { echo >>asked; echo 'devstash 3 12 cpython'; }; done; exit 0\n";
    let path = world.program("bin/python3", text);
    let asked = || fs::read(world.path("asked")).unwrap().len();
    for _ in 0..3 {
        assert_eq!(world.run(&["run", "s.py"]).status, Some(0));
    }
    assert_eq!(asked(), 1);
    fs::remove_file(path).unwrap();
    world.program("bin/python3", &format!("{text}\n"));
    assert_eq!(world.run(&["run", "s.py"]).status, Some(0));
    assert_eq!(asked(), 2);
}

#[test]
fn a_shim_is_left_to_choose_in_every_run() {
    let world = World::new();
    world.fake("bin/python3");
    world.write("s.py", "import devstash\n");
    let [first, second] = [(); 2].map(|()| world.run(&["run", "-O", "s.py", "a"]).stdout);
    assert_eq!(first, second);
    let words: Vec<&str> = first
        .trim_end()
        .trim_matches(['<', '>'])
        .split("><")
        .collect();
    let [
        name,
        isolation @ ..,
        rewriter,
        plan,
        pyc,
        file,
        optimize,
        count,
        flag,
        script,
        argument,
    ] = &words[..]
    else {
        panic!("{words:?}");
    };
    assert_eq!((*name, isolation), ("bin/python3", &["-I", "-S", "-B"][..]));
    assert!(
        rewriter.ends_with("/devstash/rewrite.py") && Path::new(rewriter).is_file(),
        "{rewriter}"
    );
    assert_eq!(world.kept(".plan"), [Path::new(plan)]);
    assert_eq!((*pyc, Path::new(file)), ("-", world.path("s.py").as_path()));
    assert_eq!(
        [*optimize, count, flag, script, argument],
        ["1", "1", "-O", "s.py", "a"]
    );
}

#[test]
fn the_interpreter_gets_what_our_parent_gave_us() {
    use std::os::unix::process::CommandExt;
    let world = World::new();
    world.write("s.py", "");
    let text = "#!/bin/sh\n\
        for word; do [ \"$word\" = -c ] && { echo 'devstash 3 12 cpython'; exit; }; done\n\
        while read -r line; do case $line in SigBlk*|SigIgn*) echo \"$line\";; esac; done </proc/$$/status\n\
        for number in 0 1 2 3 4; do [ -e /proc/$$/fd/$number ] && echo \"open $number\"; done; exit 0\n";
    let python = world.program("bin/python3", text);
    if !Path::new("/proc/self/status").exists() {
        eprintln!("no /proc here: this test has tested nothing");
        return;
    }
    let prepared = |mut command: Command, ignore_pipe: bool, closed: i32| {
        let prepare = move || {
            // SAFETY: only calls that are allowed between fork and exec.
            unsafe {
                libc::signal(
                    libc::SIGPIPE,
                    if ignore_pipe {
                        libc::SIG_IGN
                    } else {
                        libc::SIG_DFL
                    },
                );
                libc::signal(libc::SIGHUP, libc::SIG_IGN);
                let mut set: libc::sigset_t = std::mem::zeroed();
                libc::sigaddset(&mut set, libc::SIGUSR2);
                libc::sigprocmask(libc::SIG_SETMASK, &set, std::ptr::null_mut());
                libc::close(closed);
            }
            Ok(())
        };
        // SAFETY: see above.
        unsafe { command.pre_exec(prepare) };
        said(command.stdin(Stdio::null()).stderr(Stdio::null()))
    };
    world.run(&["run", "s.py"]);
    for (ignore_pipe, closed) in [(true, 0), (false, 0), (false, 2), (true, 9)] {
        let mut plain = world.command(&python);
        plain.arg("s.py");
        let plain = prepared(plain, ignore_pipe, closed);
        assert!(plain.stdout.contains("SigBlk"));
        assert_eq!(
            prepared(world.devstash(&["run", "s.py"]), ignore_pipe, closed),
            plain
        );
    }
}
