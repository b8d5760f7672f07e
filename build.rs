//! Lists the Python runtime's files for `src/runtime.rs`, so that none can be forgotten, and names their state.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

const FOLDER: &str = "src/runtime/devstash";

fn main() {
    println!("cargo::rerun-if-changed={FOLDER}");
    let mut names: Vec<String> = fs::read_dir(FOLDER)
        .expect("the Python runtime is part of the source tree")
        .map(|entry| {
            entry
                .expect("its folder can be listed")
                .file_name()
                .into_string()
                .expect("its names are plain")
        })
        .filter(|name| name.ends_with(".py"))
        .collect();
    names.sort();

    let here = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let mut text = String::from("pub const FILES: &[(&str, &[u8])] = &[\n");
    let mut digest = Fnv::default();
    for name in &names {
        let path = Path::new(&here).join(FOLDER).join(name);
        digest.add(name.as_bytes());
        digest.add(&fs::read(&path).expect("it can be read"));
        writeln!(text, "    ({name:?}, include_bytes!({path:?})),")
            .expect("writing to a string succeeds");
    }
    let version = env::var("CARGO_PKG_VERSION").expect("cargo sets it");
    writeln!(
        text,
        "];\npub const STATE: &str = \"{version}-{:08x}\";",
        digest.folded()
    )
    .expect("writing to a string succeeds");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    fs::write(Path::new(&out).join("runtime_files.rs"), text)
        .expect("cargo's own folder can be written");
}

/// FNV-1a: it tells states of the runtime apart for one developer; nothing trusts it.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Fnv {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, bytes: &[u8]) {
        for byte in (bytes.len() as u64).to_le_bytes().iter().chain(bytes) {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn folded(&self) -> u32 {
        (self.0 ^ (self.0 >> 32)) as u32
    }
}
