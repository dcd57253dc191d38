//! The form of Java's `.properties` files.

/// The keys and values of a file, in its order.
///
/// | what | form |
/// |---|---|
/// | text | UTF-8, or else ISO 8859-1 (Java takes it for the latter always) |
/// | comment | a line whose first character is `#` or `!` |
/// | key and value | apart by `=`, `:` or white space; white space around the sign does not count, that before the line neither |
/// | long line | goes on where it ends with an odd number of `\`, without the white space that the next one begins with |
/// | escape | `\t` `\n` `\r` `\f` `\uXXXX`; any other character after `\` stands for itself |
///
/// Spec: [`Properties.load`](https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/util/Properties.html#load(java.io.Reader))
///
/// The error is what is wrong, and on which line; never a value.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<(String, String)>, String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    };
    let mut pairs = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let mut whole = line.to_owned();
        while goes_on(&whole) {
            whole.pop();
            let Some((_, next)) = lines.next() else { break };
            whole.push_str(next.trim_start());
        }
        let bad_escape =
            || format!("line {}: an escape `\\u` needs four hexadecimal digits", at.saturating_add(1));
        let (key, value) = split(&whole);
        pairs.push((unescape(key).ok_or_else(bad_escape)?, unescape(value).ok_or_else(bad_escape)?));
    }
    Ok(pairs)
}

fn goes_on(line: &str) -> bool {
    line.chars().rev().take_while(|char| *char == '\\').count() % 2 == 1
}

/// The key and the value as they stand there.
fn split(line: &str) -> (&str, &str) {
    let mut is_escaped = false;
    let end = line.find(|char: char| {
        let ends = !is_escaped && (matches!(char, '=' | ':') || char.is_whitespace());
        is_escaped = char == '\\' && !is_escaped;
        ends
    });
    let (key, rest) = end.map_or((line, ""), |end| line.split_at(end));
    let rest = rest.trim_start();
    (key, rest.strip_prefix(['=', ':']).unwrap_or(rest).trim_start())
}

fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    // Java has characters of 16 bits: one beyond them is two escapes.
    let mut units = Vec::new();
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        let escaped = if char == '\\' { chars.next() } else { None };
        if escaped == Some('u') {
            let digits: String = chars.by_ref().take(4).collect();
            let is_hex = digits.len() == 4 && digits.chars().all(|digit| digit.is_ascii_hexdigit());
            units.push(u16::from_str_radix(&digits, 16).ok().filter(|_| is_hex)?);
            continue;
        }
        plain.push_str(&String::from_utf16_lossy(&std::mem::take(&mut units)));
        plain.push(match (char, escaped) {
            ('\\', Some('t')) => '\t',
            ('\\', Some('n')) => '\n',
            ('\\', Some('r')) => '\r',
            ('\\', Some('f')) => '\u{c}',
            ('\\', Some(other)) => other,
            ('\\', None) => break,
            (char, _) => char,
        });
    }
    plain.push_str(&String::from_utf16_lossy(&units));
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn keys_and_values_are_apart_by_any_of_three_signs() {
        let expected = [("key".to_owned(), "a value = 1".to_owned())];
        for text in [
            "key=a value = 1",
            "  key : a value = 1",
            "key a value = 1",
            "key\t=\ta value = 1\r\n",
            "key=a \\\n   value \\\n= 1",
        ] {
            assert_eq!(pairs(text), expected, "{text:?}");
        }
    }

    #[test]
    fn comments_and_empty_lines_say_nothing() {
        assert_eq!(
            pairs("# a=1\n\n  ! b=2 \\\nc=3\nd\n"),
            [("c".into(), "3".into()), ("d".into(), String::new())]
        );
    }

    #[test]
    fn escapes_are_taken_back() {
        assert_eq!(pairs(r"a\=b\ c=\u00e4\t\q\\ \uD83D\uDE00."), [("a=b c".into(), "ä\tq\\ 😀.".into())]);
        assert_eq!(
            parse(b"a=1\nb=\\u00g0").unwrap_err(),
            "line 2: an escape `\\u` needs four hexadecimal digits"
        );
    }

    #[test]
    fn a_file_that_is_not_utf_8_is_latin_1() {
        assert_eq!(parse(b"a=\xe4").unwrap(), [("a".to_owned(), "ä".to_owned())]);
        assert_eq!(parse("a=ä".as_bytes()).unwrap(), [("a".to_owned(), "ä".to_owned())]);
    }
}
