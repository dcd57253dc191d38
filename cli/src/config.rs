//! A file of options: each key is the name of an option, as on the command line.

use crate::java_options;
use anyhow::{Context, Result, anyhow, bail};
use clap::{Arg, ArgAction, Command};
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// The option that names the file.
const FLAG: &str = "config";
const VARIABLE: &str = "FERRY_CONFIG";

/// How large a file of options may be.
const MAX_FILE: u64 = 1 << 20;

/// The arguments of the process, with those of the file of options that are given neither as flags nor as environment
/// variables.
pub(crate) fn arguments(command: &Command) -> Result<Vec<OsString>> {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let arguments = java_options::translated(command, std::env::args_os().collect(), variables)?;
    let Some(file) = file(&arguments) else { return Ok(arguments) };
    let options =
        read(&file).with_context(|| format!("could not use the options in `{}`", file.display()))?;
    let is_set = |variable: &OsStr| std::env::var_os(variable).is_some();
    complete(command, arguments, &options, is_set)
        .with_context(|| format!("could not use the options in `{}`", file.display()))
}

/// The file that is named on the command line, or in the environment.
fn file(arguments: &[OsString]) -> Option<PathBuf> {
    let flag = format!("--{FLAG}");
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if *argument == *flag {
            return arguments.next().map(PathBuf::from);
        }
        if let Some(file) = argument.to_str().and_then(|text| text.strip_prefix(&format!("{flag}="))) {
            return Some(PathBuf::from(file));
        }
    }
    std::env::var_os(VARIABLE).filter(|file| !file.is_empty()).map(PathBuf::from)
}

/// The keys and values of a file, YAML or JSON.
fn read(file: &Path) -> Result<serde_json::Map<String, Value>> {
    let length = std::fs::metadata(file)?.len();
    if length > MAX_FILE {
        bail!("it has {length} bytes, {MAX_FILE} are allowed");
    }
    let value: Value = serde_saphyr::from_str(&std::fs::read_to_string(file)?)?;
    match value {
        Value::Object(options) => Ok(options),
        Value::Null => Ok(serde_json::Map::new()),
        _ => bail!("expected options, such as `memory: 1GiB`, each on a line of its own"),
    }
}

fn complete(
    command: &Command,
    mut arguments: Vec<OsString>,
    options: &serde_json::Map<String, Value>,
    is_set: impl Fn(&OsStr) -> bool,
) -> Result<Vec<OsString>> {
    let meant = meant(command, &arguments);
    let mut added = Vec::new();
    for (key, value) in options {
        let Some(option) = find(meant, key).or_else(|| find(command, key)) else {
            if is_known(command, key) {
                continue; // An option of another command: one file may serve several.
            }
            bail!("there is no option `{key}`");
        };
        let flag = format!("--{key}");
        let is_given = arguments.iter().filter_map(|argument| argument.to_str()).any(|argument| {
            argument == flag || argument.strip_prefix(&flag).is_some_and(|rest| rest.starts_with('='))
        });
        if is_given || option.get_env().is_some_and(&is_set) {
            continue;
        }
        added.extend(argument(option, &flag, value).map_err(|expected| anyhow!("`{key}`: {expected}"))?);
    }
    arguments.extend(added);
    Ok(arguments)
}

/// The argument for an option; none for a switch that is off.
fn argument(option: &Arg, flag: &str, value: &Value) -> Result<Option<OsString>, &'static str> {
    let is_switch = matches!(option.get_action(), ArgAction::SetTrue);
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match (is_switch, value) {
        (true, Value::Bool(on)) => Ok(on.then(|| OsString::from(flag))),
        (true, _) => Err("expected `true` or `false`"),
        (false, Value::Array(values)) => {
            let values: Option<Vec<String>> = values.iter().map(text).collect();
            let values = values.ok_or("expected texts or numbers in the list")?;
            Ok(Some(format!("{flag}={}", values.join(",")).into()))
        }
        (false, value) => {
            let value = text(value).ok_or("expected a text or a number")?;
            Ok(Some(format!("{flag}={value}").into()))
        }
    }
}

/// The command that the arguments name: the words before the first option.
fn meant<'a>(command: &'a Command, arguments: &[OsString]) -> &'a Command {
    let mut meant = command;
    for word in arguments.iter().skip(1).filter_map(|argument| argument.to_str()) {
        match meant.find_subcommand(word) {
            Some(inner) => meant = inner,
            None => break,
        }
    }
    meant
}

fn find<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    command.get_arguments().find(|option| option.get_long() == Some(key))
}

fn is_known(command: &Command, key: &str) -> bool {
    find(command, key).is_some() || command.get_subcommands().any(|inner| is_known(inner, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::CommandFactory;

    fn completed(arguments: &[&str], options: &str, variables: &[&str]) -> Result<Vec<String>> {
        let arguments = arguments.iter().map(OsString::from).collect();
        let options = serde_json::from_str(options).unwrap();
        let is_set = |name: &OsStr| variables.iter().any(|variable| name == *variable);
        let completed = complete(&Cli::command(), arguments, &options, is_set)?;
        Ok(completed.into_iter().map(|argument| argument.into_string().unwrap()).collect())
    }

    #[test]
    fn what_is_not_given_comes_from_the_file() {
        let options =
            r#"{"memory": "1GiB", "threads": 3, "gzip": true, "dry-run": false, "indices": ["a", "-b"]}"#;
        assert_eq!(
            completed(&["ferry", "backfill"], options, &[]).unwrap(),
            ["ferry", "backfill", "--gzip", "--indices=a,-b", "--memory=1GiB", "--threads=3"]
        );
    }

    #[test]
    fn flags_and_variables_win() {
        let options = r#"{"memory": "1GiB", "threads": 3}"#;
        let given = ["ferry", "backfill", "--memory=2GiB", "--threads", "1"];
        assert_eq!(completed(&given, options, &[]).unwrap(), given);
        let given = ["ferry", "backfill"];
        assert_eq!(completed(&given, options, &["FERRY_MEMORY", "FERRY_THREADS"]).unwrap(), given);
    }

    #[test]
    fn options_of_other_commands_are_passed_over_and_unknown_ones_refused() {
        let given = ["ferry", "backfill", "status"];
        let completed_status = completed(&given, r#"{"memory": "1GiB", "state": "s"}"#, &[]).unwrap();
        assert_eq!(completed_status, ["ferry", "backfill", "status", "--state=s"]);
        let error = completed(&given, r#"{"memroy": "1GiB"}"#, &[]).unwrap_err();
        assert_eq!(error.to_string(), "there is no option `memroy`");
        let error = completed(&["ferry", "backfill"], r#"{"gzip": "yes"}"#, &[]).unwrap_err();
        assert_eq!(error.to_string(), "`gzip`: expected `true` or `false`");
    }

    #[test]
    fn every_option_has_a_variable_of_its_name() {
        fn check(command: &Command) {
            for option in command.get_arguments() {
                let Some(long) = option.get_long() else { continue };
                if matches!(long, "help" | "version" | "index" | "id") || option.is_hide_set() {
                    continue; // What is hidden is there for command lines that were made for other tools.
                }
                let variable = option.get_env().unwrap_or_else(|| panic!("`--{long}` has no variable"));
                let expected = format!("FERRY_{}", long.to_uppercase().replace('-', "_"));
                assert_eq!(variable.to_str(), Some(expected.as_str()), "--{long}");
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }
}
