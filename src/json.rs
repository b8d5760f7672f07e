//! What is printed for programs: documents that are harmless on a terminal, and paths as texts.

use std::ffi::OsStr;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use crate::shown::is_harmful;

/// A JSON document, harmless to print.
pub fn document(members: &Value) -> String {
    let mut text = String::new();
    // Outside of texts there is none of these but the line end, which inside of them is an escape already.
    for sign in format!("{members:#}\n").chars() {
        if is_harmful(sign) && sign != '\n' {
            for unit in sign.encode_utf16(&mut [0; 2]) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(sign);
        }
    }
    text
}

/// A path as manifests have it: text that JSON can hold.
pub fn path_as_text(path: &OsStr) -> String {
    let mut text = String::new();
    for chunk in path.as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(text, "\0{byte:02x}");
        }
    }
    text
}
