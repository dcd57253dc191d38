//! The body of a form: `application/x-www-form-urlencoded`.

/// More fields than this are no form that anybody wants to see taken apart.
const MOST_FIELDS: usize = 256;

/// Whether a `Content-Type` says that a body is a form.
pub(super) fn is_form(content_type: &[u8]) -> bool {
    let name = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    name.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
}

/// The fields in their order, the values of one name together; `None` if the text is not cleanly a form.
pub(super) fn fields(text: &str) -> Option<Vec<(String, Vec<String>)>> {
    let mut fields: Vec<(String, Vec<String>)> = Vec::new();
    for (count, field) in text.split('&').enumerate() {
        if count == MOST_FIELDS {
            return None;
        }
        let (name, value) = field.split_once('=')?;
        let (name, value) = (decoded(name)?, decoded(value)?);
        match fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => fields.push((name, vec![value])),
        }
    }
    Some(fields)
}

fn decoded(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high.wrapping_mul(16).wrapping_add(low)).ok()?
            }
            byte if byte.is_ascii_control() => return None,
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}
