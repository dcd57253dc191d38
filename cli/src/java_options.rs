//! Options of the Java replayer, in its own forms: variables of the environment, `---INLINE-JSON`, `---JSON-FILE`, and names that mean
//! something else here.

use anyhow::{Context, Result, anyhow, bail};
use clap::{Arg, ArgAction, Command};
use meaning::{Meaning, SPECIAL, decoded, meaning};
use serde_json::Value;
use std::ffi::OsString;

mod meaning;

/// What the Java replayer's variables begin with. Those of Kafka are read where the options of Kafka are.
const PREFIX: &str = "TRAFFIC_REPLAYER_";

/// How large a file of options may be.
const MAX_FILE: u64 = 1 << 20;

/// What the Java replayer puts before the keys of tuples in a bucket, where nothing else is said.
const TUPLE_PREFIX: &str = "tuples/";

/// The arguments of `ferry replay` with what is in the forms of the Java replayer written as our options. Others are as they were, as are those
/// of `ferry replay dump` and the like.
pub(crate) fn translated(
    command: &Command,
    arguments: Vec<OsString>,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Vec<OsString>> {
    let Some(replay) = command.find_subcommand("replay") else { return Ok(arguments) };
    let is_subcommand = |word: &OsString| {
        word.to_str().is_some_and(|word| word == "help" || replay.find_subcommand(word).is_some())
    };
    if arguments.get(1).is_none_or(|word| word != "replay") || arguments.get(2).is_some_and(is_subcommand) {
        return Ok(arguments);
    }
    let first = arguments.iter().take(2).cloned().collect();
    let mut translated = Translated { replay, arguments: first, bucket: None, prefix: None };
    let mut rest = arguments.into_iter().skip(2);
    while let Some(argument) = rest.next() {
        let Some(text) = argument.to_str().map(str::to_owned) else {
            translated.arguments.push(argument);
            continue;
        };
        match text.as_str() {
            "---INLINE-JSON" => translated.json(&value(&text, rest.next())?)?,
            "---JSON-FILE" => translated.json(&read(&value(&text, rest.next())?)?)?,
            _ => translated.flag(&text, argument, &mut rest)?,
        }
    }
    // What the command line says wins.
    for (name, value) in variables {
        let Some(name) = name.strip_prefix(PREFIX).filter(|name| !name.starts_with("KAFKA")) else {
            continue;
        };
        translated
            .add_unless_given(name, &Value::String(value))
            .with_context(|| format!("{PREFIX}{name}"))?;
    }
    translated.place_of_tuples();
    Ok(translated.arguments)
}

struct Translated<'a> {
    replay: &'a Command,
    arguments: Vec<OsString>,
    /// Where tuples go, as the Java replayer has it.
    bucket: Option<String>,
    prefix: Option<String>,
}

impl Translated<'_> {
    /// A flag of the command line, with its value, if it means something else here.
    fn flag(
        &mut self,
        text: &str,
        argument: OsString,
        rest: &mut impl Iterator<Item = OsString>,
    ) -> Result<()> {
        let (name, own) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        let wanted = plain(name);
        if !name.starts_with("--") || !SPECIAL.contains(&wanted.as_str()) || self.is_ours(name) {
            self.arguments.push(argument);
            return Ok(());
        }
        if wanted == "insecure" {
            self.arguments.push("--target-insecure".into());
            return Ok(());
        }
        let value = match own {
            Some(value) => value,
            None => value(name, rest.next())?,
        };
        self.add(name, &Value::String(value))
    }

    /// An object of options.
    fn json(&mut self, text: &str) -> Result<()> {
        let decoded = (!text.trim_start().starts_with(['{', '[']))
            .then(|| decoded(text))
            .transpose()
            .context("the JSON of options")?;
        let value: Value =
            serde_json::from_str(decoded.as_deref().unwrap_or(text)).context("the JSON of options")?;
        let Value::Object(options) = value else { bail!("the JSON of options: expected an object") };
        options
            .iter()
            .try_for_each(|(name, value)| self.add(name, value).with_context(|| format!("`{name}`")))
    }

    fn add_unless_given(&mut self, name: &str, value: &Value) -> Result<()> {
        let is_given = match meaning(&plain(name), &text(value))? {
            Some(Meaning::Options(options)) => options.iter().any(|(flag, _)| self.is_given(flag)),
            Some(Meaning::Bucket) => self.bucket.is_some() || self.is_given("--tuples"),
            Some(Meaning::Prefix) => self.prefix.is_some(),
            Some(Meaning::Nothing) => false,
            None => self.is_given(name),
        };
        if is_given { Ok(()) } else { self.add(name, value) }
    }

    /// Whether the option of this name has a value already, under any of its names.
    fn is_given(&self, name: &str) -> bool {
        let Some(option) = self.option(name) else { return false };
        let is_written = |flag: &str| {
            let starts = format!("{flag}=");
            let mut texts = self.arguments.iter().filter_map(|argument| argument.to_str());
            texts.any(|text| text == flag || text.starts_with(&starts))
        };
        let mut names = option.get_all_aliases().unwrap_or_default().into_iter().chain(option.get_long());
        let is_set = option.get_env().is_some_and(|variable| std::env::var_os(variable).is_some());
        is_set || names.any(|name| is_written(&format!("--{name}")))
    }

    fn add(&mut self, name: &str, value: &Value) -> Result<()> {
        let text = text(value);
        match meaning(&plain(name), &text)? {
            None => self.add_ours(name, &text)?,
            Some(Meaning::Options(options)) => {
                let written = options.into_iter().map(|(flag, value)| match value {
                    Some(value) => format!("{flag}={value}").into(),
                    None => flag.into(),
                });
                self.arguments.extend(written);
            }
            Some(Meaning::Bucket) => self.bucket = Some(text),
            Some(Meaning::Prefix) => self.prefix = Some(text),
            Some(Meaning::Nothing) => tracing::warn!("`{name}` has no use here and is passed over"),
        }
        Ok(())
    }

    /// An option that is here under one of its names. No text is no option.
    fn add_ours(&mut self, name: &str, text: &str) -> Result<()> {
        let option = self.option(name).ok_or_else(|| anyhow!("there is no such option"))?;
        let flag = format!("--{}", option.get_long().unwrap_or_default());
        if matches!(option.get_action(), ArgAction::SetTrue) {
            self.arguments.extend((text == "true").then(|| flag.into()));
        } else if !text.is_empty() {
            self.arguments.push(format!("{flag}={text}").into());
        }
        Ok(())
    }

    fn place_of_tuples(&mut self) {
        if let Some(bucket) = &self.bucket {
            let prefix = self.prefix.as_deref().unwrap_or(TUPLE_PREFIX).trim_matches('/');
            self.arguments.push(format!("--tuples=s3://{bucket}/{prefix}").into());
        }
    }

    /// Whether an option of ours is written exactly so.
    fn is_ours(&self, flag: &str) -> bool {
        self.replay
            .get_arguments()
            .any(|option| option.get_long().is_some_and(|long| flag.strip_prefix("--") == Some(long)))
    }

    /// Our option of this name, or of one of its other names, however it is written.
    fn option(&self, name: &str) -> Option<&Arg> {
        let wanted = plain(name);
        self.replay.get_arguments().find(|option| {
            let names = option.get_all_aliases().unwrap_or_default().into_iter().chain(option.get_long());
            names.map(plain).any(|name| name == wanted)
        })
    }
}

/// Whether the Java replayer has an option of this name that means something else here.
#[cfg(test)]
pub(crate) fn is_known(name: &str) -> bool {
    SPECIAL.contains(&plain(name).as_str())
}

/// A value as an option of the command line has it; several are a list. Null is none.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) if !values.iter().any(|value| value.is_array() || value.is_object()) => {
            values.iter().map(text).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

/// A name without what differs between `--target-uri`, `targetUri` and `TARGET_URI`.
fn plain(name: &str) -> String {
    name.chars()
        .filter(|letter| !matches!(letter, '-' | '_'))
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

fn value(name: &str, value: Option<OsString>) -> Result<String> {
    let text = value.ok_or_else(|| anyhow!("`{name}` needs a value"))?;
    text.into_string().map_err(|_| anyhow!("the value of `{name}` is not UTF-8"))
}

fn read(file: &str) -> Result<String> {
    let length = std::fs::metadata(file).with_context(|| format!("could not read `{file}`"))?.len();
    if length > MAX_FILE {
        bail!("`{file}` has {length} bytes, {MAX_FILE} are allowed");
    }
    std::fs::read_to_string(file).with_context(|| format!("could not read `{file}`"))
}

#[cfg(test)]
mod tests;
