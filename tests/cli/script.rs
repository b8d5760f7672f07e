//! What comes of a script: what plain Python would make of it, or one clear message.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Stdio;

use crate::world::{Said, World, python, said, told};

/// Prints what can be told of how it was started; `SEEN` stands for nothing, or for what makes it our business.
const SEEN: &str = "\
import sys, signal, os  # SEEN
first = [path for path in sys.path if 'caches' not in path][:1]
loader = (type(__loader__).__name__, __loader__.path, __loader__.name)
print(repr(__file__), first, sys.argv, getattr(sys, 'orig_argv', None), sys._getframe().f_code.co_filename)
print(loader, __spec__, __name__, __doc__, __package__, sorted(globals()), sys.flags.optimize, sys.stdin is None)
print(signal.getsignal(signal.SIGPIPE), sorted(os.environ), [os.path.exists(os.path.join(path, 'data')) for path in first])
";

fn plain_and_ours(world: &World, words: &[&str], here: Option<&str>) -> Option<(Said, [Said; 2])> {
    let python = python()?;
    let mut plain = world.command(python);
    plain.args(words);
    let ours = || {
        let python = python.to_str().unwrap();
        let mut words_of_ours = vec!["run", "--python", python];
        words_of_ours.extend(words);
        world.devstash(&words_of_ours)
    };
    let mut commands = [plain, ours(), ours()];
    if let Some(here) = here {
        commands.iter_mut().for_each(|command| {
            command.current_dir(world.path(here));
        });
    }
    let [mut plain, mut first, mut second] = commands;
    Some((said(&mut plain), [said(&mut first), said(&mut second)]))
}

#[test]
fn a_script_cannot_tell_how_it_was_named() {
    let world = World::new();
    let marked = SEEN
        .replace("SEEN", "devstash")
        .replace("first =", "import devstash; del devstash\nfirst =");
    let plain = SEEN.replace("first =", "\nfirst =");
    for folder in ["here", "x"] {
        world.write(&format!("{folder}/data"), folder);
        fs::create_dir(world.path(folder).join("sub")).unwrap();
    }
    symlink("../x/s.py", world.path("here/link.py")).unwrap();
    symlink("../x", world.path("here/linked")).unwrap();
    let absolute = world.path("here/s.py");
    let absolute = absolute.to_str().unwrap();
    let doubled = format!("/{}", absolute.replace("/here", "//here/."));
    let names = [
        "s.py",
        "./s.py",
        ".//s.py",
        "../x/s.py",
        "../x//s.py",
        "sub/../s.py",
        "link.py",
        "./link.py",
        "linked/s.py",
        "linked/../here/s.py",
        absolute,
        &doubled,
    ];
    for name in names {
        for flags in [&[][..], &["-I"], &["-O", "-X", "dev"], &["-E", "-s"]] {
            let words: Vec<&str> = flags
                .iter()
                .chain(&[name, "a", "-h", ""])
                .copied()
                .collect();
            let mut expected = None;
            for text in [&plain, &marked] {
                world.write("here/s.py", text);
                world.write("x/s.py", text);
                let Some((python, ours)) = plain_and_ours(&world, &words, Some("here")) else {
                    return;
                };
                // The marked text cannot run without us, so what it must see is what the plain one has seen.
                let expected = expected.get_or_insert(python);
                assert_eq!((expected.status, expected.stderr.as_str()), (Some(0), ""));
                for said in ours {
                    assert_eq!(&said, expected, "{words:?}");
                }
            }
        }
    }
}

#[test]
fn names_outside_ascii_are_read_as_the_script_reads_them() {
    let Some(python) = python() else { return };
    let world = World::new();
    let seen = "print(ascii(__file__), ascii(sys.argv), ascii(sys.path), sorted(os.environ), len(open(__file__).read()) > 0)\n";
    let variables = [
        [("LANG", "C"), ("A", "")],
        [("LANG", "C"), ("PYTHONCOERCECLOCALE", "0")],
        [("LANG", "C.UTF-8"), ("PYTHONUTF8", "0")],
        [("PYTHONCOERCECLOCALE", "0"), ("PYTHONUTF8", "0")],
        [("LC_ALL", "en_US.ISO-8859-1"), ("PYTHONUTF8", "1")],
        [("LC_ALL", "POSIX"), ("PYTHONUTF8", "0")],
    ];
    let python = python.to_str().unwrap();
    for variables in variables {
        let run = |text: &str, words: &[&str]| {
            world.write(
                "\u{e9}\u{20ac}/s.py",
                format!("import sys, os{text}\n{seen}"),
            );
            let mut command = world.command(words[0]);
            let said = said(
                command
                    .args(&words[1..])
                    .arg("\u{e9}\u{20ac}/s.py")
                    .envs(variables),
            );
            let stdout = said
                .stdout
                .lines()
                .filter(|line| !line.starts_with("import"))
                .collect::<String>();
            let path = world.caches().join("devstash");
            (
                said.status,
                stdout.replace(&format!("'{}", path.display()), "'"),
            )
        };
        let plain = run("", &[python]);
        assert_eq!(plain.0, Some(0), "{variables:?} {plain:?}");
        for _ in 0..2 {
            let ours = [env!("CARGO_BIN_EXE_devstash"), "run", "--python", python];
            assert_eq!(run(", devstash", &ours), plain, "{variables:?}");
        }
    }
}

#[test]
fn a_script_runs_where_the_current_folder_is_gone() {
    let Some(python) = python() else { return };
    let world = World::new();
    for text in ["import sys\n", "import sys, devstash; del devstash\n"] {
        world.write(
            "above/s.py",
            format!("{text}print(__file__, sys.path[0], sys.argv, sys.stdin is None)\n"),
        );
        let run = |words: &str| {
            let mut shell = world.command("/bin/sh");
            let line = format!(
                "/bin/mkdir above/gone; cd above/gone; /bin/rmdir ../gone; exec {words} ../s.py a <&-"
            );
            said(shell.args(["-c", &line]))
        };
        let expected = Said {
            status: Some(0),
            stdout: "../s.py .. ['../s.py', 'a'] True\n".into(),
            stderr: "".into(),
        };
        if !text.contains("devstash") {
            assert_eq!(run(&python.display().to_string()), expected);
        }
        for _ in 0..2 {
            let ours = format!(
                "{} run --python {}",
                env!("CARGO_BIN_EXE_devstash"),
                python.display()
            );
            assert_eq!(run(&ours), expected);
        }
    }
}

#[test]
fn what_is_no_script_is_named() {
    let world = World::new();
    world.fake("bin/python3");
    world.write("folder/__main__.py", "");
    let secret = world.write("secret.py", "");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o000)).unwrap();
    let case = |script: &str, expected: &str| {
        let said = world.run(&["run", script]);
        assert_eq!(
            (said.status, said.stdout.as_str()),
            (Some(2), ""),
            "{script}"
        );
        assert_eq!(said.stderr, format!("devstash: {expected}\n"));
    };
    let hint =
        "hint: give the path of a Python file, as in `devstash run [options] script.py [args…]`";
    case(
        "nope.py",
        &format!("cannot find the script `nope.py`\n\n{hint}"),
    );
    case("", &format!("cannot find the script ``\n\n{hint}"));
    case(
        "folder",
        "`folder` is a folder\n\nhint: give the path of a Python file in it, such as `folder/__main__.py`",
    );
    let hint = "hint: Python needs to read it too; see its permissions with `ls -l`";
    case(
        "secret.py/",
        &format!("cannot read the script `secret.py/`: not a directory\n\n{hint}"),
    );
    // Root reads everything.
    if fs::File::open(secret).is_err() {
        case(
            "secret.py",
            &format!("cannot read the script `secret.py`: permission denied\n\n{hint}"),
        );
    }
    assert!(
        world
            .run(&["run", "python3", "s.py"])
            .stderr
            .contains("`--python python3` chooses that interpreter")
    );
}

#[test]
fn scripts_that_are_not_files_are_left_to_python() {
    let Some(python) = python() else { return };
    let python = python.to_str().unwrap();
    let world = World::new();
    let text = "import sys\nif True:  # devstash\n    print(len(sys.argv), __file__)\n";
    for (name, file) in [("-", "<stdin>"), ("/dev/stdin", "/dev/stdin")] {
        let mut command = world.devstash(&["run", "--python", python, name, "a"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
        let said = told(child.wait_with_output().unwrap());
        let expected = if name == "-" { "NameError" } else { file };
        assert!(said.stdout.contains(expected) || name == "-", "{said:?}");
    }
    let mut shell = world.command("/bin/sh");
    let line = format!(
        "/usr/bin/mkfifo pipe && {{ printf '%s' \"$1\" >pipe & }}; exec {} run --python {python} pipe a",
        env!("CARGO_BIN_EXE_devstash")
    );
    let said = said(shell.args(["-c", &line, "sh", text]));
    assert_eq!(
        said.stdout,
        format!("2 {}\n", world.path("pipe").display()),
        "{}",
        said.stderr
    );
}

#[test]
fn a_zip_application_is_left_to_python() {
    let Some(python) = python() else { return };
    let world = World::new();
    let make = "import zipfile\nwith zipfile.ZipFile('app.pyz', 'w') as z: z.writestr('__main__.py', 'print(1)  # @devstash no')";
    assert_eq!(said(world.command(python).args(["-c", make])).stderr, "");
    assert_eq!(
        world
            .run(&["run", "--python", python.to_str().unwrap(), "app.pyz"])
            .stdout,
        "1\n"
    );
}

#[test]
fn a_faulty_marker_stops_everything_before_it_starts() {
    let world = World::new();
    world.fake("bin/python3");
    world.write(
        "s.py",
        "x = f(1)  # @devstash ttl=5x\ny = g(2)  # @devstash tll=1d\n",
    );
    let said = world.run(&["run", "s.py"]);
    assert_eq!((said.status, said.stdout.as_str()), (Some(2), ""));
    for part in ["s.py:1:", "s.py:2:", "\nhint: ", "^"] {
        assert!(
            said.stderr.contains(part),
            "no {part:?} in\n{}",
            said.stderr
        );
    }
    assert!(world.kept(".plan").is_empty());
    let skipped = said_with(&world, "DEVSTASH_SKIP_REWRITE", "1");
    assert_eq!(
        (skipped.status, skipped.stdout.as_str()),
        (Some(0), "<bin/python3><s.py>\n")
    );
    assert_eq!(
        said_with(&world, "DEVSTASH_SKIP_REWRITE", "0").status,
        Some(2)
    );
}

fn said_with(world: &World, name: &str, value: &str) -> Said {
    said(world.devstash(&["run", "s.py"]).env(name, value))
}

#[test]
fn a_script_that_python_refuses_is_refused_by_python() {
    let world = World::new();
    let broken: [&[u8]; 4] = [
        b"x = 1  # @devstash\nif True print(x)\n",
        b"# coding: no-such-thing\nx = f(1)  # @devstash\n",
        b"x = '\xff'  # @devstash\n",
        b"def f():\n\tx = 1  # @devstash\n        y = 2\n",
    ];
    for text in broken {
        world.write("s.py", text);
        let Some((plain, ours)) = plain_and_ours(&world, &["s.py"], None) else {
            return;
        };
        assert_eq!(plain.status, Some(1));
        for said in ours {
            assert_eq!(said, plain);
        }
    }
}
