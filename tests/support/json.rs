//! JSON texts that mean the same compared as texts.
//!
//! The truth was read back through a parser: white space and escapes are not as they were sent, the text of numbers is.

use std::fmt::Write;

/// The text without white space between tokens, strings in ASCII with escapes for all else.
pub fn canonical(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => string(&mut characters, &mut output),
            ' ' | '\n' | '\r' | '\t' => {}
            other => output.push(other),
        }
    }
    output
}

fn string(characters: &mut std::str::Chars<'_>, output: &mut String) {
    output.push('"');
    loop {
        match characters.next().expect("a string ends") {
            '"' => break,
            '\\' => {
                let unit = match characters.next().expect("an escape") {
                    'b' => 8,
                    'f' => 12,
                    'n' => 10,
                    'r' => 13,
                    't' => 9,
                    'u' => {
                        let digits: String = characters.by_ref().take(4).collect();
                        u16::from_str_radix(&digits, 16).expect("four digits")
                    }
                    other => u16::try_from(u32::from(other)).expect("an ASCII character"),
                };
                push(unit, output);
            }
            other => {
                let mut units = [0; 2];
                other.encode_utf16(&mut units).iter().for_each(|unit| push(*unit, output));
            }
        }
    }
    output.push('"');
}

fn push(unit: u16, output: &mut String) {
    match char::from_u32(u32::from(unit)) {
        Some(plain @ (' '..='~')) if plain != '"' && plain != '\\' => output.push(plain),
        _ => write!(output, "\\u{unit:04x}").expect("a string takes it"),
    }
}
