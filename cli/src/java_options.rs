//! Options of the Java replayer, in its own forms: variables of the environment, `---INLINE-JSON`, `---JSON-FILE`, and names that mean
//! something else here.

use anyhow::{Context, Result, anyhow, bail};
use base64::Engine as _;
use clap::{Arg, ArgAction, Command};
use serde_json::Value;
use std::ffi::OsString;

/// What the Java replayer's variables begin with. Those of Kafka are read where the options of Kafka are.
const PREFIX: &str = "TRAFFIC_REPLAYER_";

/// Options that have another meaning, another form, or none here.
const SPECIAL: [&str; 17] = [
    "insecure",
    "mode",
    "numclientthreads",
    "otelmetricscollectorendpoint",
    "oteltracecollectorendpoint",
    "responsepostprocessorconfig",
    "sigv4authheaderserviceregion",
    "targetpassword",
    "targetresponsetimeout",
    "targetresponsetimeoutseconds",
    "targetusername",
    "transformerconfig",
    "transformerconfigencoded",
    "tupletransformerconfig",
    "tupletransformerconfigbase64",
    "tupletransformerconfigfile",
    "tuples3prefix",
];

/// How large a file of options may be.
const MAX_FILE: u64 = 1 << 20;

/// The arguments of `ferry replay` with what is in the forms of the Java replayer written as our options. Others are as they were.
pub(crate) fn translated(
    command: &Command,
    arguments: Vec<OsString>,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Vec<OsString>> {
    let Some(replay) = command.find_subcommand("replay") else { return Ok(arguments) };
    if arguments.get(1).is_none_or(|word| word != "replay") {
        return Ok(arguments);
    }
    let mut translated = Translated { replay, arguments: arguments.iter().take(2).cloned().collect() };
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
    Ok(translated.arguments)
}

struct Translated<'a> {
    replay: &'a Command,
    arguments: Vec<OsString>,
}

/// What an option of the Java replayer is here.
enum Meaning {
    /// These options with their values.
    Options(Vec<(&'static str, String)>),
    /// A switch.
    Switch(&'static str),
    /// Nothing: it has no use here.
    Nothing,
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
        let decoded = (!text.trim_start().starts_with(['{', '['])).then(|| decoded(text)).transpose()?;
        let value: Value =
            serde_json::from_str(decoded.as_deref().unwrap_or(text)).context("the JSON of options")?;
        let Value::Object(options) = value else { bail!("the JSON of options: expected an object") };
        options
            .iter()
            .try_for_each(|(name, value)| self.add(name, value).with_context(|| format!("`{name}`")))
    }

    fn add_unless_given(&mut self, name: &str, value: &Value) -> Result<()> {
        let option = self.option(name);
        let is_given = |flag: &str| {
            let starts = format!("{flag}=");
            self.arguments
                .iter()
                .filter_map(|argument| argument.to_str())
                .any(|text| text == flag || text.starts_with(&starts))
        };
        if let Some(option) = option {
            let names = option.get_all_aliases().unwrap_or_default().into_iter().chain(option.get_long());
            let is_set = option.get_env().is_some_and(|variable| std::env::var_os(variable).is_some());
            if is_set || names.map(|name| format!("--{name}")).any(|flag| is_given(&flag)) {
                return Ok(());
            }
        }
        self.add(name, value)
    }

    fn add(&mut self, name: &str, value: &Value) -> Result<()> {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(is_on) => is_on.to_string(),
            Value::Null => return Ok(()),
            _ => value.to_string(),
        };
        let wanted = plain(name);
        if let Some(meaning) = meaning(&wanted, &text)? {
            match meaning {
                Meaning::Options(options) => {
                    self.arguments
                        .extend(options.into_iter().map(|(flag, value)| format!("{flag}={value}").into()));
                }
                Meaning::Switch(switch) if text == "true" => self.arguments.push(switch.into()),
                Meaning::Switch(_) => {}
                Meaning::Nothing => tracing::warn!("`{name}` has no use here and is passed over"),
            }
            return Ok(());
        }
        let option = self.option(name).ok_or_else(|| anyhow!("there is no such option"))?;
        let flag = format!("--{}", option.get_long().unwrap_or_default());
        if matches!(option.get_action(), ArgAction::SetTrue) {
            self.arguments.extend((text == "true").then(|| flag.into()));
        } else {
            self.arguments.push(format!("{flag}={text}").into());
        }
        Ok(())
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

/// What options mean that are not here under one of their names.
fn meaning(name: &str, value: &str) -> Result<Option<Meaning>> {
    let one = |flag: &'static str| Meaning::Options(vec![(flag, value.to_owned())]);
    Ok(Some(match name {
        "insecure" => Meaning::Switch("--target-insecure"),
        "targetusername" => one("--target-user"),
        "targetresponsetimeout" | "targetresponsetimeoutseconds" => one("--target-timeout"),
        "sigv4authheaderserviceregion" => match value.split_once(',') {
            Some((service, region)) => Meaning::Options(vec![
                ("--target-aws-service", service.trim().to_owned()),
                ("--target-aws-region", region.trim().to_owned()),
            ]),
            None if value.is_empty() => Meaning::Options(Vec::new()),
            None => bail!("expected `service,region`, such as `es,us-east-1`, found `{value}`"),
        },
        "tuples3prefix" if !value.is_empty() => {
            bail!("give bucket and prefix as one: `--tuples s3://bucket/prefix`")
        }
        "numclientthreads" | "oteltracecollectorendpoint" | "otelmetricscollectorendpoint" => {
            Meaning::Nothing
        }
        "mode" if value.is_empty() || value == "replay" => Meaning::Nothing,
        "mode" => bail!("`--mode {value}` is `ferry replay dump` here"),
        "targetpassword" if !value.is_empty() => {
            bail!(
                "a password on the command line is seen by everybody: give `--target-password-file`, or set FERRY_TARGET_PASSWORD"
            )
        }
        "tupletransformerconfig"
        | "tupletransformerconfigfile"
        | "tupletransformerconfigbase64"
        | "responsepostprocessorconfig"
            if !value.is_empty() =>
        {
            bail!("tuples are not transformed here; credentials are left out of them without being asked for")
        }
        "transformerconfig" | "transformerconfigencoded" if !value.is_empty() => {
            bail!("write the configuration into a file and give it as `--transform FILE`")
        }
        _ => return Ok(None),
    }))
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

fn decoded(text: &str) -> Result<String> {
    let bytes = base64::prelude::BASE64_STANDARD
        .decode(text.trim())
        .context("the JSON of options: neither JSON nor base64")?;
    String::from_utf8(bytes).context("the JSON of options: not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Cli;
    use clap::CommandFactory;

    fn all(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Vec<String>> {
        let arguments = arguments.iter().map(OsString::from).collect();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let translated = translated(&Cli::command(), arguments, variables)?;
        Ok(translated.into_iter().skip(2).map(|argument| argument.into_string().unwrap()).collect())
    }

    #[test]
    fn options_that_mean_something_else_here_are_translated_and_all_others_stay() {
        let given = [
            "ferry",
            "replay",
            "--targetUri",
            "http://t",
            "--insecure",
            "--sigv4-auth-header-service-region",
            "es,eu-west-1",
            "--target-username=u",
        ];
        assert_eq!(
            all(&given, &[]).unwrap(),
            [
                "--targetUri",
                "http://t",
                "--target-insecure",
                "--target-aws-service=es",
                "--target-aws-region=eu-west-1",
                "--target-user=u"
            ]
        );
        assert_eq!(all(&["ferry", "verify", "--insecure"], &[]).unwrap(), ["--insecure"]);
    }

    #[test]
    fn variables_are_options_that_the_command_line_wins_over() {
        let variables = [
            ("TRAFFIC_REPLAYER_TARGET_URI", "http://t"),
            ("TRAFFIC_REPLAYER_SPEEDUP_FACTOR", "2"),
            ("TRAFFIC_REPLAYER_REMOVE_AUTH_HEADER", "true"),
            ("TRAFFIC_REPLAYER_KAFKA_TRAFFIC_TOPIC", "elsewhere"),
            ("OTHER", "x"),
        ];
        let found = all(&["ferry", "replay", "--speedupFactor", "3"], &variables).unwrap();
        assert_eq!(found, ["--speedupFactor", "3", "--target=http://t", "--remove-auth-header"]);
    }

    #[test]
    fn a_json_of_options_may_be_in_base64() {
        let options =
            r#"{"targetUri":"http://t","maxConcurrentRequests":7,"insecure":true,"removeAuthHeader":false}"#;
        let expected = ["--max-concurrent-requests=7", "--target-insecure", "--target=http://t"];
        let sorted = |form: &str| {
            let mut found = all(&["ferry", "replay", "---INLINE-JSON", form], &[]).unwrap();
            found.sort();
            found
        };
        assert_eq!(sorted(options), expected);
        assert_eq!(sorted(&base64::prelude::BASE64_STANDARD.encode(options)), expected);
        let error = all(&["ferry", "replay", "---INLINE-JSON", r#"{"nonsense":1}"#], &[]).unwrap_err();
        assert_eq!(format!("{error:#}"), "`nonsense`: there is no such option");
    }

    #[test]
    fn what_cannot_be_done_is_refused_with_the_way_to_do_it() {
        for (option, says) in [
            ("--mode", "ferry replay dump"),
            ("--transformer-config", "--transform FILE"),
            ("--target-password", "FERRY_TARGET_PASSWORD"),
        ] {
            let error = all(&["ferry", "replay", option, "dump-raw"], &[]).unwrap_err();
            assert!(format!("{error:#}").contains(says), "{error:#}");
        }
    }
}
