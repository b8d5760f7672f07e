//! Which encoding a script is in, and its text: byte order mark, then coding line (PEP 263), then UTF-8.
//!
//! The table of encodings is the web's, which reads a few Python names as a wider relative (`latin-1` as Windows-1252).
//! Where the relative only gives more bytes a meaning that is harmless, because a file that Python accepts decodes to as
//! many characters; Latin-1 and ASCII are decoded here, so that their text is Python's text.

use encoding_rs::Encoding;

use super::DecodeError;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) fn decode(bytes: &[u8]) -> Result<String, DecodeError> {
    let (marked, content) = match bytes.strip_prefix(BYTE_ORDER_MARK) {
        Some(content) => (true, content),
        None => (false, bytes),
    };
    let Some(declared) = declared(content) else {
        return utf8(content, "utf-8");
    };
    let name = normal_name(&declared);
    if name == "utf-8" {
        return utf8(content, "utf-8");
    }
    if marked {
        return Err(DecodeError::Contradiction { name: declared });
    }
    match name.as_str() {
        "iso-8859-1" => Ok(content.iter().map(|&byte| char::from(byte)).collect()),
        "ascii" => {
            if content.is_ascii() {
                utf8(content, "ascii")
            } else {
                Err(DecodeError::Malformed { encoding: declared })
            }
        }
        label => {
            let Some(encoding) = Encoding::for_label_no_replacement(label.as_bytes()) else {
                return Err(DecodeError::UnknownEncoding { name: declared });
            };
            match encoding.decode_without_bom_handling_and_without_replacement(content) {
                Some(text) => Ok(text.into_owned()),
                None => Err(DecodeError::Malformed { encoding: declared }),
            }
        }
    }
}

fn utf8(content: &[u8], encoding: &str) -> Result<String, DecodeError> {
    match std::str::from_utf8(content) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(DecodeError::Malformed {
            encoding: encoding.to_owned(),
        }),
    }
}

/// The encoding that the first line names, or the second when the first holds nothing but a comment.
fn declared(content: &[u8]) -> Option<String> {
    let mut lines = content.split(|&byte| byte == b'\n' || byte == b'\r');
    let first = lines.next()?;
    if let Some(name) = cookie(first) {
        return Some(name);
    }
    let blank_or_comment = matches!(trim_start(first).first(), None | Some(b'#'));
    if !blank_or_comment {
        return None;
    }
    // Between `\r` and `\n` of one line end lies an empty piece that is no line.
    let rest = &content[first.len()..];
    let rest = rest
        .strip_prefix(b"\r\n")
        .or_else(|| rest.strip_prefix(b"\r"))
        .or_else(|| rest.strip_prefix(b"\n"))?;
    cookie(rest.split(|&byte| byte == b'\n' || byte == b'\r').next()?)
}

/// `^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)`, as PEP 263 has it.
fn cookie(line: &[u8]) -> Option<String> {
    let comment = trim_start(line).strip_prefix(b"#")?;
    let mut rest = comment;
    while let Some(at) = find(rest, b"coding") {
        rest = &rest[at + b"coding".len()..];
        let Some(b':' | b'=') = rest.first() else {
            continue;
        };
        let value = &rest[1..];
        let skipped = value
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t'))
            .count();
        let name: Vec<u8> = value[skipped..]
            .iter()
            .copied()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
            .collect();
        if !name.is_empty() {
            return String::from_utf8(name).ok();
        }
    }
    None
}

fn trim_start(line: &[u8]) -> &[u8] {
    let skipped = line
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\x0c'))
        .count();
    &line[skipped..]
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// Python's spellings of a name, brought to those of the table.
fn normal_name(declared: &str) -> String {
    let name = declared.to_ascii_lowercase().replace('_', "-");
    let is = |prefix: &str| name == prefix || name.starts_with(&format!("{prefix}-"));
    if is("utf-8") || name == "utf8" || name == "u8" {
        return "utf-8".to_owned();
    }
    if ["latin-1", "iso-8859-1", "iso-latin-1"].into_iter().any(is)
        || matches!(
            name.as_str(),
            "latin1" | "l1" | "iso8859-1" | "8859" | "cp819" | "latin"
        )
    {
        return "iso-8859-1".to_owned();
    }
    if matches!(name.as_str(), "ascii" | "us-ascii" | "646") {
        return "ascii".to_owned();
    }
    if let Some(number) = name.strip_prefix("iso8859-") {
        return format!("iso-8859-{number}");
    }
    match name.as_str() {
        "cp932" | "ms932" | "mskanji" | "ms-kanji" => "shift_jis".to_owned(),
        "cp936" | "ms936" => "gbk".to_owned(),
        "cp949" | "ms949" | "uhc" => "euc-kr".to_owned(),
        "cp950" | "ms950" => "big5".to_owned(),
        "eucjp" | "ujis" => "euc-jp".to_owned(),
        "mac-roman" | "macroman" => "macintosh".to_owned(),
        "mac-cyrillic" | "maccyrillic" => "x-mac-cyrillic".to_owned(),
        "latin-9" | "latin9" | "l9" => "iso-8859-15".to_owned(),
        "shift-jis" | "sjis" | "s-jis" => "shift_jis".to_owned(),
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(bytes: &[u8], expected: Result<&str, &str>) {
        let decoded = decode(bytes);
        let got = decoded
            .as_ref()
            .map(String::as_str)
            .map_err(ToString::to_string);
        assert_eq!(
            got,
            expected.map_err(str::to_owned),
            "{:?}",
            String::from_utf8_lossy(bytes)
        );
    }

    #[test]
    fn files_are_decoded_as_python_decodes_them() {
        case("x = 'é'".as_bytes(), Ok("x = 'é'"));
        case("\u{feff}x = 'é'".as_bytes(), Ok("x = 'é'"));
        case(b"", Ok(""));
        case(b"x = '\xe9'", Err("it is not valid `utf-8`"));
        case(
            b"# coding: latin-1\n'\xe9\x80'",
            Ok("# coding: latin-1\n'é\u{80}'"),
        );
        case(
            b"# -*- coding: iso-8859-15 -*-\n'\xa4'",
            Ok("# -*- coding: iso-8859-15 -*-\n'€'"),
        );
        case(
            b"#!/usr/bin/python\r\n# vim: set fileencoding=cp1252 :\r\n'\x80'",
            Ok("#!/usr/bin/python\r\n# vim: set fileencoding=cp1252 :\r\n'€'"),
        );
        case(
            b"\x0c# coding: cp1251\n'\xe9'",
            Ok("\x0c# coding: cp1251\n'й'"),
        );
        case(b"# coding: UTF_8\n'\xc3\xa9'", Ok("# coding: UTF_8\n'é'"));
        // Only a comment or nothing may stand before the coding line, and the third line says nothing.
        case(
            b"x = 1\n# coding: latin-1\n'\xe9'",
            Err("it is not valid `utf-8`"),
        );
        case(
            b"\n\n# coding: latin-1\n'\xe9'",
            Err("it is not valid `utf-8`"),
        );
        case(
            b"\n# coding: latin-1\n'\xe9'",
            Ok("\n# coding: latin-1\n'é'"),
        );
        case(
            b"x = '# coding: latin-1'\n",
            Ok("x = '# coding: latin-1'\n"),
        );
        case(
            b"# coding: klingon\n",
            Err("its coding line names the unknown encoding `klingon`"),
        );
        case(b"# coding: ascii\n'\xe9'", Err("it is not valid `ascii`"));
        case(
            b"\xef\xbb\xbf# coding: latin-1\n",
            Err("it begins with a UTF-8 byte order mark, but its coding line says `latin-1`"),
        );
    }
}
