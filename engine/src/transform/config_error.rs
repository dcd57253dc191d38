//! Errors of the file of transforms: where, what, and the line with a mark.

use std::fmt;

/// Why a file of transforms cannot be used. Shown with the line that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    name: String,
    message: String,
    place: Option<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    line: usize,
    column: usize,
    text: String,
}

impl ConfigError {
    /// An error that is about no line, such as a file that cannot be read.
    pub(crate) fn general(name: &str, message: impl Into<String>) -> Self {
        Self { name: name.to_owned(), message: message.into(), place: None }
    }

    /// An error at a line and column of `text`, both counted from 1.
    pub(crate) fn at(name: &str, text: &str, line: usize, column: usize, message: impl Into<String>) -> Self {
        let shown = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
        let place = Place { line, column: column.max(1), text: shown.trim_end().to_owned() };
        Self { name: name.to_owned(), message: message.into(), place: (line > 0).then_some(place) }
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.line)
    }

    /// The column, from 1, in characters.
    #[must_use]
    pub fn column(&self) -> Option<usize> {
        self.place.as_ref().map(|place| place.column)
    }

    /// Expected and found, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(place) = &self.place else {
            return write!(f, "`{}`: {}", self.name, self.message);
        };
        let Place { line, column, .. } = place;
        let (text, column_shown) = place.window();
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let mark = " ".repeat(column_shown.saturating_sub(1));
        writeln!(f, "`{}`, line {line}, column {column}: {}", self.name, self.message)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {text}")?;
        write!(f, "{margin} | {mark}^")
    }
}

impl std::error::Error for ConfigError {}

impl Place {
    /// The part of the line to show, and the column in it: a JSON file may be one long line.
    fn window(&self) -> (String, usize) {
        const WIDTH: usize = 100;
        const BEFORE: usize = 60;
        let start = if self.column > WIDTH { self.column.saturating_sub(BEFORE) } else { 0 };
        let tabless = |character| if character == '\t' { ' ' } else { character };
        let text = self.text.chars().skip(start).take(WIDTH).map(tabless).collect();
        (text, self.column.saturating_sub(start))
    }
}
