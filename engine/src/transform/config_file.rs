//! What files of transforms have in common, whatever they transform: places in errors, names, programs and scripts.

use super::chain::read;
use super::config::{self, Pairs};
use super::config_error::ConfigError;
use super::javascript::Script;
use super::jq::{Program, Subject};
use super::names::{RenameIndex, Rewrite, RewriteError, TypeRouting, whole};
use serde::de::DeserializeOwned;
use serde_saphyr::Spanned;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How deep `when` may be nested.
pub(crate) const MAX_NESTING: usize = 16;
const DEFAULT_TIME_LIMIT_MS: u64 = 1000;
const DEFAULT_MEMORY_LIMIT_MIB: u64 = 64;

/// A file of transforms that is being compiled.
#[derive(Debug)]
pub(crate) struct ConfigFile<'a> {
    name: &'a str,
    text: &'a str,
    /// Scripts that are named are looked for here.
    folder: &'a Path,
    scripts: usize,
    digest: Sha256,
}

/// The list of steps in the text of a file.
pub(crate) fn parse<T: DeserializeOwned>(name: &str, text: &str) -> Result<Vec<T>, ConfigError> {
    let steps: Vec<T> = serde_saphyr::from_str(text).map_err(|error| syntax(name, text, &error))?;
    if steps.is_empty() && !text.contains('[') {
        return Err(ConfigError::general(name, "there is no step in it: write a list, or `[]` for no step"));
    }
    Ok(steps)
}

/// What the parser says, in one line, with the place that it knows.
fn syntax(name: &str, text: &str, error: &serde_saphyr::Error) -> ConfigError {
    let message = error.without_snippet().to_string();
    let message = message.lines().next().unwrap_or_default();
    let message = message.split(" at line ").next().unwrap_or_default().trim_end_matches(':');
    let message = message.split(", set DuplicateKeyPolicy").next().unwrap_or_default();
    let message = message.replace("expected sequence start", "expected a list");
    let message = message.replace("expected mapping start", "expected a mapping");
    let number = |value: u64| usize::try_from(value).unwrap_or(0);
    match error.location() {
        Some(place) => ConfigError::at(name, text, number(place.line()), number(place.column()), message),
        None => ConfigError::general(name, message),
    }
}

impl<'a> ConfigFile<'a> {
    /// Begins; `version` changes when the same file comes to mean something else.
    pub(crate) fn new(name: &'a str, text: &'a str, folder: &'a Path, version: &[u8]) -> Self {
        let mut file = Self { name, text, folder, scripts: 0, digest: Sha256::new() };
        file.add_to_digest(version);
        file.add_to_digest(text.as_bytes());
        file
    }

    /// SHA-256 of the file and of the scripts that it names, in hexadecimal.
    pub(crate) fn digest(self) -> String {
        self.digest.finalize().iter().fold(String::new(), |mut digest, byte| {
            let _ = write!(digest, "{byte:02x}"); // a string takes everything
            digest
        })
    }

    fn add_to_digest(&mut self, bytes: &[u8]) {
        self.digest.update(bytes.len().to_le_bytes());
        self.digest.update(bytes);
    }

    /// An error about a value of the file.
    pub(crate) fn error<T>(&self, at: &Spanned<T>, message: impl Into<String>) -> ConfigError {
        let number = |value: u64| usize::try_from(value).unwrap_or(0);
        let place = at.referenced;
        ConfigError::at(self.name, self.text, number(place.line()), number(place.column()), message)
    }

    /// An error at a line and column of a text in the file: the mark is put there where the file shows the text as
    /// it is, else at its begin.
    fn error_inside(&self, at: &Spanned<String>, line: usize, column: usize, message: String) -> ConfigError {
        let number = |value: u64| usize::try_from(value).unwrap_or(0);
        let (first_line, first_column) = (number(at.referenced.line()), number(at.referenced.column()));
        let shown = at.value.lines().nth(line - 1).unwrap_or_default();
        let file_line = first_line + line - 1;
        let in_file = self.text.lines().nth(file_line.saturating_sub(1)).unwrap_or_default();
        let begins = |start: usize| in_file.chars().skip(start.saturating_sub(1)).take(shown.chars().count());
        // A plain or block text begins at its place, a quoted one after the quote.
        let start =
            [first_column, first_column + 1].into_iter().find(|start| begins(*start).eq(shown.chars()));
        match start {
            Some(start) => ConfigError::at(self.name, self.text, file_line, start + column - 1, message),
            None => self.error(at, message),
        }
    }

    /// `rename_index`, compiled.
    pub(crate) fn rename_index(
        &self,
        rename: config::RenameIndex,
        place: &Spanned<()>,
    ) -> Result<RenameIndex, ConfigError> {
        match (rename.from, rename.regex) {
            (Some(from), None) => Ok(RenameIndex::Literal { from: from.value, to: rename.to.value }),
            (None, Some(regex)) => {
                let rewrite = Rewrite::new(&regex.value, &rename.to.value);
                rewrite.map(RenameIndex::Regex).map_err(|error| match error {
                    RewriteError::Regex(problem) => self.error(&regex, problem),
                    RewriteError::Replacement(problem) => self.error(&rename.to, problem),
                })
            }
            _ => Err(self.error(place, "`rename_index` needs either `from`, a name, or `regex`")),
        }
    }

    /// `types`, compiled.
    pub(crate) fn types(&self, types: config::Types) -> Result<TypeRouting, ConfigError> {
        let targets = |Pairs(types): Pairs<Spanned<String>>| -> HashMap<String, String> {
            types.into_iter().map(|(name, target)| (name.value, target.value)).collect()
        };
        let fixed = types.static_mappings.0.into_iter().map(|(index, types)| (index.value, targets(types)));
        let keeps_index = types.regex_mappings.is_none();
        let patterns = types.regex_mappings.unwrap_or_default();
        let patterns = patterns.iter().map(|pattern| self.type_pattern(pattern)).collect::<Result<_, _>>()?;
        Ok(TypeRouting { fixed: fixed.collect(), patterns, keeps_index })
    }

    fn type_pattern(&self, pattern: &config::TypePattern) -> Result<Rewrite, ConfigError> {
        let (index, type_name) = (&pattern.source_index_pattern, &pattern.source_type_pattern);
        for part in [index, type_name] {
            whole(&part.value).map_err(|problem| self.error(part, problem))?;
        }
        let regex = format!("(?:{})/(?:{})", index.value, type_name.value);
        Rewrite::new(&regex, &pattern.target_index_pattern.value).map_err(|error| match error {
            RewriteError::Regex(problem) => self.error(index, problem),
            RewriteError::Replacement(problem) => self.error(&pattern.target_index_pattern, problem),
        })
    }

    /// A jq program, compiled.
    pub(crate) fn program(
        &self,
        program: &Spanned<String>,
        subject: Subject,
    ) -> Result<Program, ConfigError> {
        Program::compile(&program.value, subject).map_err(|error| {
            let (line, column) = position(&program.value, error.offset);
            let message = format!("jq program, line {line}, column {column}: {}", error.problem);
            self.error_inside(program, line, column, message)
        })
    }

    /// A script that was started once, and its number in the file.
    pub(crate) fn javascript(
        &mut self,
        script: config::JavaScript,
        place: &Spanned<()>,
    ) -> Result<(usize, Arc<Script>), ConfigError> {
        if let Some(path) = &script.resource_path {
            let message = "there are no scripts inside of ferry: give the file as `initializationScriptFile`; \
                           what the bundled `typeMappingsSanitizer` does is the step `types`";
            return Err(self.error(path, message));
        }
        if let Some(files) = &script.bindings_files {
            return Err(self.error(files, "write the values into `bindingsObject`"));
        }
        let (name, text, at) = self.script_text(&script, place)?;
        let bindings = self.bindings(&script)?;
        let limit = |value: Option<Spanned<u64>>, default: u64, most: u64| match value {
            Some(limit) if limit.value == 0 || limit.value > most => {
                Err(self.error(&limit, format!("expected 1 to {most}, found {}", limit.value)))
            }
            Some(limit) => Ok(limit.value),
            None => Ok(default),
        };
        let time = limit(script.time_limit_ms, DEFAULT_TIME_LIMIT_MS, 600_000)?;
        let memory = limit(script.memory_limit_mib, DEFAULT_MEMORY_LIMIT_MIB, 4096)?;
        let memory_limit = usize::try_from(memory << 20).unwrap_or(usize::MAX);
        let time_limit = Duration::from_millis(time);
        let script = Script { text, name, bindings, time_limit, memory_limit };
        script.start().map_err(|problem| self.error(&at, format!("the script cannot be used: {problem}")))?;
        self.add_to_digest(script.text.as_bytes());
        let number = self.scripts;
        self.scripts += 1;
        Ok((number, Arc::new(script)))
    }

    /// Name and text of a script, and where it is written or named.
    fn script_text(
        &self,
        script: &config::JavaScript,
        place: &Spanned<()>,
    ) -> Result<(String, String, Spanned<()>), ConfigError> {
        let at = |value: &Spanned<String>| Spanned {
            value: (),
            referenced: value.referenced,
            defined: value.defined,
        };
        match (&script.initialization_script, &script.initialization_script_file) {
            (Some(text), None) => Ok(("initialization_script".to_owned(), text.value.clone(), at(text))),
            (None, Some(file)) => {
                let path = self.folder.join(&file.value);
                let text = read(&path);
                let text = text.map_err(|problem| self.error(file, format!("script `{}`: {problem}", path.display())))?;
                Ok((file.value.clone(), text, at(file)))
            }
            _ => Err(self.error(
                place,
                "`javascript` needs either `initialization_script`, the text, or `initialization_script_file`",
            )),
        }
    }

    /// What `main` is called with; a string is JSON, as in the Java migrator.
    fn bindings(&self, script: &config::JavaScript) -> Result<String, ConfigError> {
        let Some(bindings) = &script.bindings_object else { return Ok("{}".to_owned()) };
        let json = match serde_json::from_str::<String>(&bindings.value.0) {
            Ok(text) => text,
            Err(_) => return Ok(bindings.value.0.clone()),
        };
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(&json);
        valid.map_err(|error| {
            self.error(bindings, format!("`bindings_object` is a text, but not JSON: {error}"))
        })?;
        Ok(json)
    }
}

/// Line and column, from 1, of a byte of a text.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
