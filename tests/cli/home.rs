//! What devstash keeps for itself: where, how safely, for how long, and what happens when it cannot.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use crate::world::{Said, World, python, said};

const SCRIPT: &str = "import sys, devstash\nprint(sys.flags.optimize, devstash.__name__)\n";

fn run(world: &World, words: &[&str]) -> Option<Said> {
    let mut line = vec!["run", "--python", python()?.to_str().unwrap()];
    line.extend(words);
    line.push("s.py");
    Some(said(&mut world.devstash(&line)))
}

fn succeeds(said: &Said) {
    assert_eq!(
        (said.status, said.stderr.as_str()),
        (Some(0), ""),
        "{said:?}"
    );
    assert!(said.stdout.ends_with(" devstash\n"));
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn an_unchanged_script_is_neither_planned_nor_compiled_again() {
    let world = World::new();
    world.write("s.py", SCRIPT);
    let Some(said) = run(&world, &[]) else { return };
    succeeds(&said);
    let [pyc] = &world.kept(".pyc")[..] else {
        panic!("{:?}", world.kept(""))
    };
    let made = fs::metadata(pyc).unwrap().modified().unwrap();
    fs::remove_file(&world.kept(".plan")[0]).unwrap();
    assert_eq!(run(&world, &[]).unwrap(), said);
    assert!(world.kept(".plan").is_empty());
    assert_eq!(fs::metadata(pyc).unwrap().modified().unwrap(), made);
    for folder in pyc.ancestors().skip(1).take(4) {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
    assert_eq!(mode(pyc), 0o600);
}

#[test]
fn each_level_of_optimisation_has_its_own_code() {
    let world = World::new();
    world.write("s.py", SCRIPT);
    for (number, flags) in [&[][..], &["-O"], &["-OO"]].iter().enumerate() {
        for _ in 0..2 {
            let Some(said) = run(&world, flags) else {
                return;
            };
            assert_eq!(
                (said.stdout, said.stderr),
                (format!("{number} devstash\n"), String::new())
            );
        }
        assert_eq!(world.kept(".pyc").len(), number + 1);
    }
    let python = python().unwrap().to_str().unwrap();
    for (value, flag, expected) in [
        ("1", "-u", 1),
        ("2", "-O", 2),
        ("x", "-u", 1),
        ("7", "-E", 0),
        ("", "-O", 1),
    ] {
        let mut command = world.devstash(&["run", "--python", python, flag, "s.py"]);
        let said = said(command.env("PYTHONOPTIMIZE", value));
        assert_eq!(
            said.stdout,
            format!("{expected} devstash\n"),
            "{value} {flag} {}",
            said.stderr
        );
    }
    assert_eq!(world.kept(".pyc").len(), 3);
}

#[test]
fn the_newest_contents_of_a_script_are_kept_and_older_ones_let_go() {
    let world = World::new();
    for number in 0..6 {
        world.write("s.py", format!("{SCRIPT}# {number}\n"));
        let Some(said) = run(&world, &[]) else { return };
        succeeds(&said);
    }
    assert_eq!(
        (world.kept(".plan").len(), world.kept(".pyc").len()),
        (4, 4)
    );
}

#[test]
fn damage_is_repaired() {
    let world = World::new();
    world.write("s.py", SCRIPT);
    let Some(said) = run(&world, &[]) else { return };
    succeeds(&said);
    let whole = fs::read(&world.kept(".pyc")[0]).unwrap();
    let damages: [(&str, &[u8]); 4] = [
        (".pyc", b""),
        (".pyc", &[0; 64]),
        ("/start.py", b""),
        ("/report.py", b"raise SystemExit(9)"),
    ];
    for (end, content) in damages {
        let path = &world.kept(end)[0];
        fs::write(path, content).unwrap();
        succeeds(&run(&world, &[]).unwrap());
    }
    fs::remove_file(&world.kept("/call.py")[0]).unwrap();
    succeeds(&run(&world, &[]).unwrap());
    for end in [".plan", ".pyc"] {
        fs::write(&world.kept(end)[0], "").unwrap();
    }
    succeeds(&run(&world, &[]).unwrap());
    assert_eq!(fs::read(&world.kept(".pyc")[0]).unwrap().len(), whole.len());
    for path in world.kept(".json") {
        fs::write(path, "{").unwrap();
    }
    fs::remove_file(&world.kept(".pyc")[0]).unwrap();
    succeeds(&run(&world, &[]).unwrap());
}

#[test]
fn a_home_that_cannot_be_written_has_a_private_stand_in() {
    let world = World::new();
    world.write("s.py", SCRIPT);
    let Some(python) = python() else { return };
    let run = |caches: &str| {
        let mut command = world.devstash(&["run", "--python", python.to_str().unwrap(), "s.py"]);
        said(command.env("XDG_CACHE_HOME", caches).env("HOME", caches))
    };
    // Nobody, not even root, makes folders in these.
    for caches in ["/dev/null", "/proc"] {
        for _ in 0..2 {
            succeeds(&run(caches));
        }
        // SAFETY: geteuid has no preconditions and cannot fail.
        let stand_in = world
            .temporary()
            .join(format!("devstash-{}", unsafe { libc::geteuid() }));
        assert_eq!(mode(&stand_in), 0o700);

        // What is open to others may have been prepared by others.
        fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o777)).unwrap();
        runs_plainly(&run(caches), "is open to other users");
        fs::remove_dir_all(&stand_in).unwrap();
        symlink(world.path("."), &stand_in).unwrap();
        runs_plainly(&run(caches), "is not a folder");
        fs::remove_file(&stand_in).unwrap();
    }
    let mut command = world.devstash(&["run", "--python", python.to_str().unwrap(), "s.py"]);
    succeeds(&said(
        command.env("XDG_CACHE_HOME", "relative").env_remove("HOME"),
    ));
    assert!(!world.path("relative").exists());
}

#[test]
fn a_home_that_others_can_write_to_is_refused() {
    let world = World::new();
    world.write("s.py", SCRIPT);
    let home = world.caches().join("devstash");
    fs::create_dir_all(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o775)).unwrap();
    let Some(said) = run(&world, &[]) else { return };
    runs_plainly(&said, "is open to other users");
    assert!(
        !run(&world, &["-q"])
            .unwrap()
            .stderr
            .contains("markers are off")
    );
    fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).unwrap();
    succeeds(&run(&world, &[]).unwrap());
    // Only root can give a folder away.
    if chown(&home, Some(54321), None).is_ok() {
        runs_plainly(&run(&world, &[]).unwrap(), "belongs to another user");
    }
}

/// Plain Python has no module `devstash` here, which shows that it was plain Python.
fn runs_plainly(said: &Said, why: &str) {
    assert_eq!(said.status, Some(1));
    assert!(
        said.stderr
            .starts_with("devstash: markers are off for this run: "),
        "{}",
        said.stderr
    );
    assert!(
        said.stderr.contains(why) && said.stderr.contains("ModuleNotFoundError"),
        "{}",
        said.stderr
    );
    assert_eq!(
        said.stderr.matches("devstash: ").count(),
        1,
        "{}",
        said.stderr
    );
}
