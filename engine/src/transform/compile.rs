//! From the file of transforms to steps: whatever can be refused is refused here, with its place.

use super::config::{self, Pairs};
use super::config_error::ConfigError;
use super::config_file::{ConfigFile, MAX_NESTING, parse};
use super::field_path::FieldPath;
use super::fields::FieldStep;
use super::jq::Subject;
use super::names::whole;
use super::steps::{Stage, Step, When};
use serde_saphyr::Spanned;
use std::path::Path;

/// Changes when the same file comes to mean something else.
const DIGEST_VERSION: &[u8] = b"ferry transforms 1";

/// What a file comes to.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) steps: Vec<Step>,
    pub(super) digest: String,
}

/// Compiles the text of a file.
pub(super) fn compile(name: &str, text: &str, folder: &Path) -> Result<Compiled, ConfigError> {
    let steps = parse(name, text)?;
    let mut compiler = Compiler { file: ConfigFile::new(name, text, folder, DIGEST_VERSION) };
    let steps = compiler.steps(steps, "", 0)?;
    Ok(Compiled { steps, digest: compiler.file.digest() })
}

struct Compiler<'a> {
    file: ConfigFile<'a>,
}

impl Compiler<'_> {
    fn steps(&mut self, steps: config::Steps, prefix: &str, depth: usize) -> Result<Vec<Step>, ConfigError> {
        let mut compiled = Vec::with_capacity(steps.len());
        for (position, step) in steps.into_iter().enumerate() {
            let number = format!("{prefix}{}", position + 1);
            if depth > MAX_NESTING {
                return Err(self.file.error(&step, format!("`when` is nested deeper than {MAX_NESTING}")));
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
            config::Step::RenameIndex(rename) => Stage::RenameIndex(self.file.rename_index(rename, &place)?),
            config::Step::Types(types) => Stage::Types(self.file.types(types)?),
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
            config::Step::Filter(program) => Stage::Filter(self.file.program(&program, Subject::Document)?),
            config::Step::Jq(program) => Stage::Jq(self.file.program(&program, Subject::Document)?),
            config::Step::Javascript(script) => {
                let (number, script) = self.file.javascript(*script, &place)?;
                Stage::JavaScript { number, script }
            }
            config::Step::When(when) => self.when(when, &place, number, depth)?,
            config::Step::Noop => return Ok(None),
        }))
    }

    fn path(&self, path: &Spanned<String>) -> Result<FieldPath, ConfigError> {
        FieldPath::parse(&path.value).map_err(|problem| self.file.error(path, problem))
    }

    fn path_pairs(&self, pairs: &Pairs<Spanned<String>>) -> Result<Vec<(FieldPath, FieldPath)>, ConfigError> {
        let Pairs(pairs) = pairs;
        pairs.iter().map(|(from, to)| Ok((self.path(from)?, self.path(to)?))).collect()
    }

    fn when(
        &mut self,
        when: config::When,
        place: &Spanned<()>,
        number: &str,
        depth: usize,
    ) -> Result<Stage, ConfigError> {
        if when.index.is_none() && when.jq.is_none() {
            return Err(self.file.error(place, "`when` needs `index`, `jq`, or both"));
        }
        let index =
            when.index.map(|regex| whole(&regex.value).map_err(|problem| self.file.error(&regex, problem)));
        let index = index.transpose()?;
        let program = when.jq.map(|program| self.file.program(&program, Subject::Document)).transpose()?;
        let steps = self.steps(when.steps, &format!("{number}."), depth + 1)?;
        Ok(Stage::When(When { index, program, steps }))
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
