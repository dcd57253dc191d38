//! Steps that decide to which index a document goes: `_source` is not looked at.

use regex::Regex;
use std::collections::HashMap;

/// A regular expression that must match the whole of a text, and what it is replaced by.
#[derive(Debug)]
pub(crate) struct Rewrite {
    regex: Regex,
    replacement: Template,
}

impl Rewrite {
    /// Compiles both; the error of the regular expression comes first.
    pub(crate) fn new(regex: &str, replacement: &str) -> Result<Self, RewriteError> {
        let regex = whole(regex).map_err(RewriteError::Regex)?;
        let replacement = Template::parse(replacement, &regex).map_err(RewriteError::Replacement)?;
        Ok(Self { regex, replacement })
    }

    /// The new text; `None` when the regular expression does not match.
    pub(crate) fn apply(&self, text: &str) -> Option<String> {
        let captures = self.regex.captures(text)?;
        Some(self.replacement.expand(&captures))
    }
}

/// Which half of a [`Rewrite`] is wrong, and why.
#[derive(Debug)]
pub(crate) enum RewriteError {
    Regex(String),
    Replacement(String),
}

/// Compiles a regular expression that matches a whole text only.
pub(crate) fn whole(regex: &str) -> Result<Regex, String> {
    // Alone first: its error then speaks of what the user wrote, and `a)(b` is refused.
    Regex::new(regex).map_err(|error| regex_problem(regex, &error.to_string()))?;
    Regex::new(&format!("^(?:{regex})$")).map_err(|error| regex_problem(regex, &error.to_string()))
}

/// One line for the report of the `regex` crate, which draws a marker below the expression.
fn regex_problem(regex: &str, report: &str) -> String {
    let marker = report.lines().find(|line| line.trim_start().starts_with('^'));
    let reason = report.lines().find_map(|line| line.strip_prefix("error: ")).unwrap_or(report);
    match marker.and_then(|line| line.find('^')) {
        Some(column) => format!(
            "regular expression `{regex}`, character {}: {reason}",
            column.saturating_sub(4).saturating_add(1)
        ),
        None => format!("regular expression `{regex}`: {reason}"),
    }
}

/// A replacement with `$1`, `${1}`, `${name}`, `$&` for the whole, `$$` for a dollar sign.
#[derive(Debug)]
struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    Group(usize),
}

impl Template {
    fn parse(text: &str, regex: &Regex) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            parts.push(Part::Text(before.to_owned()));
            let (part, length) = part(after, regex).ok_or_else(|| {
                format!("`{text}`: after `$` must stand a group, `&` or `$`, as in `$1`, `${{name}}`, `$$`")
            })??;
            parts.push(part);
            rest = after.get(length..).unwrap_or_default();
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    fn expand(&self, captures: &regex::Captures<'_>) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Group(group) => {
                captures.get(*group).map(|found| found.as_str().to_owned()).unwrap_or_default()
            }
        };
        self.0.iter().map(text).collect()
    }
}

/// The part that begins after a dollar sign, and its length; `None` for what is no part.
fn part(text: &str, regex: &Regex) -> Option<Result<(Part, usize), String>> {
    match text.chars().next()? {
        '$' => Some(Ok((Part::Text("$".to_owned()), 1))),
        '&' => Some(Ok((Part::Group(0), 1))),
        '{' | '<' => {
            let end = text.find(['}', '>'])?;
            Some(group(text.get(1..end)?, regex).map(|group| (Part::Group(group), end + 1)))
        }
        '0'..='9' => {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            Some(group(text.get(..digits)?, regex).map(|group| (Part::Group(group), digits)))
        }
        _ => None,
    }
}

fn group(name: &str, regex: &Regex) -> Result<usize, String> {
    let by_name = || regex.capture_names().position(|known| known == Some(name));
    let by_number = name.parse().ok().filter(|number| *number < regex.captures_len());
    by_number.or_else(by_name).ok_or_else(|| format!("the regular expression has no group `{name}`"))
}

/// `rename_index`: by the whole name, or by a regular expression.
#[derive(Debug)]
pub(crate) enum RenameIndex {
    Literal { from: String, to: String },
    Regex(Rewrite),
}

impl RenameIndex {
    /// The new name; `None` when the index keeps its name.
    pub(crate) fn apply(&self, index: &str) -> Option<String> {
        match self {
            Self::Literal { from, to } => (index == from).then(|| to.clone()),
            Self::Regex(rewrite) => rewrite.apply(index),
        }
    }
}

/// `types`: where the documents of each mapping type go.
#[derive(Debug)]
pub(crate) struct TypeRouting {
    /// For an index: its types and where they go. A type that is not listed is dropped.
    pub(crate) fixed: HashMap<String, HashMap<String, String>>,
    /// For every other index: tried in order on `index/type`; no match drops the document.
    pub(crate) patterns: Vec<Rewrite>,
    /// Whether `patterns` are the default, which keeps the name of the index.
    pub(crate) keeps_index: bool,
}

impl TypeRouting {
    /// The type of documents that have none.
    const DEFAULT_TYPE: &str = "_doc";

    /// The index for the document; `None` to drop it, which an empty target does as well.
    pub(crate) fn route(&self, index: &str, type_name: Option<&str>) -> Option<String> {
        self.target(index, type_name).filter(|target| !target.is_empty())
    }

    fn target(&self, index: &str, type_name: Option<&str>) -> Option<String> {
        let type_name = type_name.unwrap_or(Self::DEFAULT_TYPE);
        if let Some(types) = self.fixed.get(index) {
            return types.get(type_name).cloned();
        }
        if self.keeps_index {
            return Some(index.to_owned());
        }
        let name = format!("{index}/{type_name}");
        self.patterns.iter().find_map(|pattern| pattern.apply(&name))
    }
}

/// The data stream that a backing index belongs to.
///
/// | since | name of a backing index |
/// |---|---|
/// | Elasticsearch 7.11 | `.ds-<stream>-<yyyy.MM.dd>-<generation>` |
/// | Elasticsearch 7.9, OpenSearch 1.0 | `.ds-<stream>-<generation>` |
///
/// The generation has six digits or more.
pub(crate) fn data_stream(index: &str) -> Option<&str> {
    let (name, generation) = index.strip_prefix(".ds-")?.rsplit_once('-')?;
    let is_generation = generation.len() >= 6 && generation.bytes().all(|byte| byte.is_ascii_digit());
    let stream = match name.rsplit_once('-') {
        Some((stream, date)) if is_date(date) => stream,
        _ => name,
    };
    (is_generation && !stream.is_empty()).then_some(stream)
}

fn is_date(text: &str) -> bool {
    let shape = text.bytes().enumerate().all(|(position, byte)| match position {
        4 | 7 => byte == b'.',
        _ => byte.is_ascii_digit(),
    });
    text.len() == 10 && shape
}

/// Refuses a name that no index can have, before a bulk request is made of it.
pub(crate) fn check_index(name: &str) -> Result<(), String> {
    let forbidden = |character: char| character.is_control() || "\\/*?\"<>| ,#".contains(character);
    let problem = if name.is_empty() {
        "it is empty".to_owned()
    } else if name.len() > 255 {
        format!("it has {} bytes, 255 are allowed", name.len())
    } else if name == "." || name == ".." || name.starts_with(['_', '-', '+']) {
        "a name cannot begin with `_`, `-` or `+`, nor be `.` or `..`".to_owned()
    } else if let Some(character) = name.chars().find(|character| forbidden(*character)) {
        format!("{character:?} is not allowed in it")
    } else if name.chars().any(char::is_uppercase) {
        "capital letters are not allowed in it".to_owned()
    } else {
        return Ok(());
    };
    Err(format!("`{name}` cannot be the name of an index: {problem}"))
}
