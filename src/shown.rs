//! Names and texts of others in, what is printed of them out: nothing that could move the cursor, break the line or write
//! from right to left.
//!
//! File names may hold any byte but two, and whoever has made a file should not thereby write on somebody's terminal.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A name or path that is harmless to print: control characters, and those that turn or hide text, are escaped, and so
/// are bytes that are no UTF-8.
pub fn shown(name: &OsStr) -> Cow<'_, str> {
    let bytes = name.as_bytes();
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        return name.to_string_lossy(); // nearly always
    }
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for sign in chunk.valid().chars() {
            if is_harmful(sign) {
                text.extend(sign.escape_default());
            } else {
                text.push(sign);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text.into()
}

/// The same for a path.
pub fn shown_path(path: &Path) -> Cow<'_, str> {
    shown(path.as_os_str())
}

/// Whether a character does something else than to stand there: a control character, or one that turns or hides text.
pub fn is_harmful(sign: char) -> bool {
    sign.is_control()
        || matches!(sign, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
