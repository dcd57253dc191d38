//! From the file of request transforms to steps: whatever can be refused is refused here, with its place.

use super::super::headers::{is_name, is_value};
use super::super::route::RouteClass;
use super::super::sanitise::Mapping;
use super::config::{self, Jolt, Jolts};
use super::steps::{Stage, Step, When};
use crate::transform::ConfigError;
use crate::transform::config::{Pairs, Types};
use crate::transform::config_file::{ConfigFile, MAX_NESTING, parse};
use crate::transform::jq::Subject;
use crate::transform::names::{Rewrite, RewriteError, whole};
use serde_saphyr::Spanned;
use std::borrow::Cow;
use std::path::Path;

/// Changes when the same file comes to mean something else.
const DIGEST_VERSION: &[u8] = b"ferry request transforms 1";

/// What a file comes to.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    pub(super) steps: Vec<Step>,
    pub(super) digest: String,
}

/// Compiles the text of a file. A text that is the name of one step is a list of it, as for the Java replayer.
pub(super) fn compile(name: &str, text: &str, folder: &Path) -> Result<Compiled, ConfigError> {
    let is_word = !text.trim().is_empty() && text.trim().bytes().all(|byte| byte.is_ascii_alphanumeric());
    let text = if is_word { Cow::Owned(format!("- {}", text.trim())) } else { Cow::Borrowed(text) };
    let steps = parse(name, &text)?;
    let mut compiler = Compiler { file: ConfigFile::new(name, &text, folder, DIGEST_VERSION) };
    let steps = compiler.steps(steps, "", 0)?;
    Ok(Compiled { steps, digest: compiler.file.digest() })
}

struct Compiler<'a> {
    file: ConfigFile<'a>,
}

impl Compiler<'_> {
    fn steps(
        &mut self,
        steps: Vec<Spanned<config::Step>>,
        prefix: &str,
        depth: usize,
    ) -> Result<Vec<Step>, ConfigError> {
        let mut compiled = Vec::with_capacity(steps.len());
        for (position, step) in steps.into_iter().enumerate() {
            let number = format!("{prefix}{}", position + 1);
            if depth > MAX_NESTING {
                return Err(self.file.error(&step, format!("`when` is nested deeper than {MAX_NESTING}")));
            }
            let line = step.referenced.line();
            let kind = kind(&step.value);
            for stage in self.stages(step, &number, depth)? {
                compiled.push(Step { name: format!("{number} `{kind}` (line {line})").into(), stage });
            }
        }
        Ok(compiled)
    }

    fn stages(
        &mut self,
        step: Spanned<config::Step>,
        number: &str,
        depth: usize,
    ) -> Result<Vec<Stage>, ConfigError> {
        let place = Spanned { value: (), referenced: step.referenced, defined: step.defined };
        Ok(vec![match step.value {
            config::Step::SetHeaders(pairs) => Stage::SetHeaders(self.headers(pairs)?),
            config::Step::AppendHeaders(pairs) => Stage::AppendHeaders(self.headers(pairs)?),
            config::Step::RemoveHeaders(names) => {
                names.iter().try_for_each(|name| self.check_name(name))?;
                Stage::RemoveHeaders(names.into_iter().map(|name| name.value).collect())
            }
            config::Step::UserAgent(text) => {
                self.check_value(&text)?;
                Stage::UserAgent(text.value)
            }
            config::Step::RewriteUri(rewrite) => Stage::RewriteUri(self.rewrite_uri(&rewrite)?),
            config::Step::RenameIndex(rename) => {
                Stage::Map(Mapping::Rename(self.file.rename_index(rename, &place)?))
            }
            config::Step::Types(types) => Stage::Map(self.types(types)?),
            config::Step::Filter(program) => Stage::Filter(self.file.program(&program, Subject::Request)?),
            config::Step::Jq(program) => Stage::Jq(self.file.program(&program, Subject::Request)?),
            config::Step::Javascript(script) => {
                let (number, script) = self.file.javascript(*script, &place)?;
                Stage::JavaScript { number, script }
            }
            config::Step::When(when) => Stage::When(self.when(*when, &place, number, depth)?),
            config::Step::Jolt(jolts) => return self.jolts(jolts, &place),
            config::Step::Noop => return Ok(Vec::new()),
        }])
    }

    fn headers(&self, Pairs(pairs): Pairs<Spanned<String>>) -> Result<Vec<(String, String)>, ConfigError> {
        for (name, value) in &pairs {
            self.check_name(name)?;
            self.check_value(value)?;
        }
        Ok(pairs.into_iter().map(|(name, value)| (name.value, value.value)).collect())
    }

    fn check_name(&self, name: &Spanned<String>) -> Result<(), ConfigError> {
        if is_name(&name.value) {
            return Ok(());
        }
        Err(self.file.error(name, format!("`{}` cannot be the name of a header", name.value)))
    }

    fn check_value(&self, value: &Spanned<String>) -> Result<(), ConfigError> {
        if is_value(value.value.as_bytes()) {
            return Ok(());
        }
        Err(self
            .file
            .error(value, "a line end or another control character cannot be in the value of a header"))
    }

    fn rewrite_uri(&self, rewrite: &config::RewriteUri) -> Result<Rewrite, ConfigError> {
        Rewrite::new(&rewrite.regex.value, &rewrite.to.value).map_err(|error| match error {
            RewriteError::Regex(problem) => self.file.error(&rewrite.regex, problem),
            RewriteError::Replacement(problem) => self.file.error(&rewrite.to, problem),
        })
    }

    fn types(&self, types: Types) -> Result<Mapping, ConfigError> {
        let source_major = match &types.source_properties {
            None => None,
            Some(properties) => Some(major(&properties.value.0).ok_or_else(|| {
                let message = "expected the version of the source, as in `{version: {major: 6, minor: 8}}`";
                self.file.error(properties, message)
            })?),
        };
        Ok(Mapping::Types { routing: self.file.types(types)?, source_major })
    }

    fn when(
        &mut self,
        when: config::When,
        place: &Spanned<()>,
        number: &str,
        depth: usize,
    ) -> Result<When, ConfigError> {
        let config::When { methods, endpoints, class, index, jq, steps } = when;
        let has_condition = !methods.is_empty() || !endpoints.is_empty() || class.is_some();
        if !has_condition && index.is_none() && jq.is_none() {
            let message =
                "`when` needs one of `methods`, `endpoints`, `class`, `index`, `jq`, or several of them";
            return Err(self.file.error(place, message));
        }
        let class = class.map(|class| match class.value.as_str() {
            "read" => Ok(RouteClass::Read),
            "write" => Ok(RouteClass::Write),
            "other" => Ok(RouteClass::Other),
            _ => Err(self.file.error(&class, "expected `read`, `write` or `other`")),
        });
        let index =
            index.map(|regex| whole(&regex.value).map_err(|problem| self.file.error(&regex, problem)));
        let program = jq.map(|program| self.file.program(&program, Subject::Request));
        Ok(When {
            methods,
            endpoints,
            class: class.transpose()?,
            index: index.transpose()?,
            program: program.transpose()?,
            steps: self.steps(steps, &format!("{number}."), depth + 1)?,
        })
    }

    /// Only what the Java replayer has ready-made of JOLT is here.
    fn jolts(&self, jolts: Jolts, place: &Spanned<()>) -> Result<Vec<Stage>, ConfigError> {
        let jolts = match jolts {
            Jolts::Several(jolts) => jolts,
            Jolts::One(jolt) => vec![jolt],
        };
        let header = |name: &str, value: &str| Stage::SetHeaders(vec![(name.to_owned(), value.to_owned())]);
        let mut stages = Vec::new();
        for Jolt { canned, script } in jolts {
            match canned.as_deref() {
                Some("ADD_GZIP") if script.is_none() => stages.push(header("content-encoding", "gzip")),
                Some("MAKE_CHUNKED") if script.is_none() => {
                    stages.push(header("transfer-encoding", "chunked"))
                }
                Some("PASS_THRU") if script.is_none() => {}
                _ => {
                    let message = "scripts of JOLT are not run here, only `canned` ADD_GZIP, MAKE_CHUNKED and PASS_THRU: \
                                   write it in jq or JavaScript, as the step `jq` or `javascript`";
                    return Err(self.file.error(place, message));
                }
            }
        }
        Ok(stages)
    }
}

/// The major version in `{"version":{"major":6,…}}`.
fn major(properties: &str) -> Option<u64> {
    let properties: serde_json::Value = serde_json::from_str(properties).ok()?;
    let major = properties.get("version")?.get("major")?;
    major.as_u64().or_else(|| major.as_str()?.parse().ok())
}

const fn kind(step: &config::Step) -> &'static str {
    match step {
        config::Step::SetHeaders(_) => "set_headers",
        config::Step::AppendHeaders(_) => "append_headers",
        config::Step::RemoveHeaders(_) => "remove_headers",
        config::Step::UserAgent(_) => "user_agent",
        config::Step::RewriteUri(_) => "rewrite_uri",
        config::Step::RenameIndex(_) => "rename_index",
        config::Step::Types(_) => "types",
        config::Step::Filter(_) => "filter",
        config::Step::Jq(_) => "jq",
        config::Step::Javascript(_) => "javascript",
        config::Step::When(_) => "when",
        config::Step::Jolt(_) => "JsonJoltTransformerProvider",
        config::Step::Noop => "noop",
    }
}
