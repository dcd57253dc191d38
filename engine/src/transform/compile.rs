//! From the file of transforms to steps: whatever can be refused is refused here, with its place.

use super::chain::read;
use super::config::{self, Pairs};
use super::config_error::ConfigError;
use super::field_path::FieldPath;
use super::fields::FieldStep;
use super::javascript::Script;
use super::jq::Program;
use super::names::{RenameIndex, Rewrite, RewriteError, TypeRouting, whole};
use super::steps::{Stage, Step, When};
use serde_saphyr::Spanned;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Changes when the same file comes to mean something else.
const DIGEST_VERSION: &[u8] = b"ferry transforms 1";
/// How deep `when` may be nested.
const MAX_NESTING: usize = 16;
const DEFAULT_TIME_LIMIT_MS: u64 = 1000;
const DEFAULT_MEMORY_LIMIT_MIB: u64 = 64;

/// What a file comes to.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) steps: Vec<Step>,
    pub(super) digest: String,
}

/// Compiles the text of a file.
pub(super) fn compile(name: &str, text: &str, folder: &Path) -> Result<Compiled, ConfigError> {
    let steps: config::Steps = serde_saphyr::from_str(text).map_err(|error| syntax(name, text, &error))?;
    if steps.is_empty() && !text.contains('[') {
        return Err(ConfigError::general(name, "there is no step in it: write a list, or `[]` for no step"));
    }
    let mut compiler = Compiler { name, text, folder, scripts: 0, digest: Sha256::new() };
    compiler.add_to_digest(DIGEST_VERSION);
    compiler.add_to_digest(text.as_bytes());
    let steps = compiler.steps(steps, "", 0)?;
    let digest = compiler.digest.finalize().iter().fold(String::new(), |mut digest, byte| {
        let _ = write!(digest, "{byte:02x}"); // a string takes everything
        digest
    });
    Ok(Compiled { steps, digest })
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

struct Compiler<'a> {
    name: &'a str,
    text: &'a str,
    folder: &'a Path,
    scripts: usize,
    digest: Sha256,
}

impl Compiler<'_> {
    fn add_to_digest(&mut self, bytes: &[u8]) {
        self.digest.update(bytes.len().to_le_bytes());
        self.digest.update(bytes);
    }

    fn error<T>(&self, at: &Spanned<T>, message: impl Into<String>) -> ConfigError {
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

    fn steps(&mut self, steps: config::Steps, prefix: &str, depth: usize) -> Result<Vec<Step>, ConfigError> {
        let mut compiled = Vec::with_capacity(steps.len());
        for (position, step) in steps.into_iter().enumerate() {
            let number = format!("{prefix}{}", position + 1);
            if depth > MAX_NESTING {
                return Err(self.error(&step, format!("`when` is nested deeper than {MAX_NESTING}")));
            }
            let line = step.referenced.line();
            let kind = kind(&step.value);
            let Some(stage) = self.stage(step, &number, depth)? else { continue };
            compiled.push(Step { name: format!("{number} `{kind}` (line {line})").into(), stage });
        }
        Ok(compiled)
    }

    fn stage(
        &mut self,
        step: Spanned<config::Step>,
        number: &str,
        depth: usize,
    ) -> Result<Option<Stage>, ConfigError> {
        let place = Spanned { value: (), referenced: step.referenced, defined: step.defined };
        Ok(Some(match step.value {
            config::Step::RenameIndex(rename) => Stage::RenameIndex(self.rename_index(rename, &place)?),
            config::Step::Types(types) => Stage::Types(self.types(types)?),
            config::Step::DropType => Stage::DropType,
            config::Step::DataStream => Stage::DataStream,
            config::Step::DropFields(paths) => {
                let paths = paths.iter().map(|path| self.path(path)).collect::<Result<_, _>>()?;
                Stage::Fields(FieldStep::Drop(paths))
            }
            config::Step::RenameFields(pairs) => Stage::Fields(FieldStep::Rename(self.path_pairs(&pairs)?)),
            config::Step::CopyFields(pairs) => Stage::Fields(FieldStep::Copy(self.path_pairs(&pairs)?)),
            config::Step::SetFields(Pairs(pairs)) => {
                let pairs = pairs.into_iter().map(|(path, json)| Ok((self.path(&path)?, json.0)));
                Stage::Fields(FieldStep::Set(pairs.collect::<Result<_, _>>()?))
            }
            config::Step::Filter(program) => Stage::Filter(self.program(&program)?),
            config::Step::Jq(program) => Stage::Jq(self.program(&program)?),
            config::Step::Javascript(script) => self.javascript(script, &place)?,
            config::Step::When(when) => self.when(when, &place, number, depth)?,
            config::Step::Noop => return Ok(None),
        }))
    }

    fn rename_index(
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

    fn types(&self, types: config::Types) -> Result<TypeRouting, ConfigError> {
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

    fn path(&self, path: &Spanned<String>) -> Result<FieldPath, ConfigError> {
        FieldPath::parse(&path.value).map_err(|problem| self.error(path, problem))
    }

    fn path_pairs(&self, pairs: &Pairs<Spanned<String>>) -> Result<Vec<(FieldPath, FieldPath)>, ConfigError> {
        let Pairs(pairs) = pairs;
        pairs.iter().map(|(from, to)| Ok((self.path(from)?, self.path(to)?))).collect()
    }

    fn program(&self, program: &Spanned<String>) -> Result<Program, ConfigError> {
        Program::compile(&program.value).map_err(|error| {
            let (line, column) = position(&program.value, error.offset);
            let message = format!("jq program, line {line}, column {column}: {}", error.problem);
            self.error_inside(program, line, column, message)
        })
    }

    fn when(
        &mut self,
        when: config::When,
        place: &Spanned<()>,
        number: &str,
        depth: usize,
    ) -> Result<Stage, ConfigError> {
        if when.index.is_none() && when.jq.is_none() {
            return Err(self.error(place, "`when` needs `index`, `jq`, or both"));
        }
        let index =
            when.index.map(|regex| whole(&regex.value).map_err(|problem| self.error(&regex, problem)));
        let index = index.transpose()?;
        let program = when.jq.map(|program| self.program(&program)).transpose()?;
        let steps = self.steps(when.steps, &format!("{number}."), depth + 1)?;
        Ok(Stage::When(When { index, program, steps }))
    }

    fn javascript(&mut self, script: config::JavaScript, place: &Spanned<()>) -> Result<Stage, ConfigError> {
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
        Ok(Stage::JavaScript { number, script: Arc::new(script) })
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

const fn kind(step: &config::Step) -> &'static str {
    match step {
        config::Step::RenameIndex(_) => "rename_index",
        config::Step::Types(_) => "types",
        config::Step::DropType => "drop_type",
        config::Step::DataStream => "data_stream",
        config::Step::DropFields(_) => "drop_fields",
        config::Step::RenameFields(_) => "rename_fields",
        config::Step::SetFields(_) => "set_fields",
        config::Step::CopyFields(_) => "copy_fields",
        config::Step::Filter(_) => "filter",
        config::Step::Jq(_) => "jq",
        config::Step::Javascript(_) => "javascript",
        config::Step::When(_) => "when",
        config::Step::Noop => "noop",
    }
}

/// Line and column, from 1, of a byte of a text.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
