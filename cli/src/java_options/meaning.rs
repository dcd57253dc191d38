//! Options of the Java replayer that are not here under one of their names.

use anyhow::{Context, Result, bail};
use base64::Engine as _;

/// Their names, as [`plain`](super::plain) writes them.
pub(super) const SPECIAL: [&str; 25] = [
    "insecure",
    "mode",
    "numclientthreads",
    "otelmetricscollectorendpoint",
    "oteltracecollectorendpoint",
    "previewbytesread",
    "previewbyteswrite",
    "responsepostprocessorconfig",
    "sigv4authheaderserviceregion",
    "startoffset",
    "starttime",
    "endtime",
    "targetpassword",
    "targetresponsetimeout",
    "targetresponsetimeoutseconds",
    "targetusername",
    "transformerconfig",
    "transformerconfigencoded",
    "tuplemaxfilesizemb",
    "tuples3bucket",
    "tuples3endpoint",
    "tuples3prefix",
    "tupletransformerconfig",
    "tupletransformerconfigbase64",
    "tupletransformerconfigfile",
];

/// What an option of the Java replayer is here.
pub(super) enum Meaning {
    /// These options; a switch has no value.
    Options(Vec<(&'static str, Option<String>)>),
    /// A part of the place of tuples.
    Bucket,
    /// Another part of it.
    Prefix,
    /// Nothing: it has no use here.
    Nothing,
}

/// What an option means; none if it is here under one of its names. One that cannot be done is an error, with the way to do it.
pub(super) fn meaning(name: &str, value: &str) -> Result<Option<Meaning>> {
    if !SPECIAL.contains(&name) {
        return Ok(None);
    }
    if value.is_empty() {
        return Ok(Some(Meaning::Options(Vec::new())));
    }
    let one = |flag: &'static str, value: String| Meaning::Options(vec![(flag, Some(value))]);
    Ok(Some(match name {
        "insecure" => {
            let is_on = value == "true";
            Meaning::Options(is_on.then_some(("--target-insecure", None)).into_iter().collect())
        }
        "targetusername" => one("--target-user", value.to_owned()),
        "targetresponsetimeout" | "targetresponsetimeoutseconds" => one("--target-timeout", value.to_owned()),
        "sigv4authheaderserviceregion" => signing(value)?,
        "transformerconfig" => one("--transform-text", value.to_owned()),
        "transformerconfigencoded" => one("--transform-text", decoded(value)?),
        "tuplemaxfilesizemb" => one("--tuple-bytes", format!("{}MiB", value.trim())),
        "tuples3bucket" => Meaning::Bucket,
        "tuples3prefix" => Meaning::Prefix,
        // Servers other than that of AWS have their buckets in the path.
        "tuples3endpoint" => {
            Meaning::Options(vec![("--s3-endpoint", Some(value.to_owned())), ("--s3-path-style", None)])
        }
        _ => useless(name, value)?,
    }))
}

/// What has no use, or cannot be done.
fn useless(name: &str, value: &str) -> Result<Meaning> {
    match name {
        "mode" if value != "replay" => bail!("`--mode {value}` is `ferry replay dump` here"),
        "startoffset" | "starttime" | "endtime" => bail!(
            "this is an option of `ferry replay dump`; a replay has `--first-offset`, `--end-offset`, `--from` and `--until`"
        ),
        "targetpassword" => bail!(
            "a password on the command line is seen by everybody: give `--target-password-file`, or set FERRY_TARGET_PASSWORD"
        ),
        "tupletransformerconfig"
        | "tupletransformerconfigfile"
        | "tupletransformerconfigbase64"
        | "responsepostprocessorconfig" => {
            bail!("tuples are not transformed here; credentials are left out of them without being asked for")
        }
        _ => Ok(Meaning::Nothing),
    }
}

fn signing(value: &str) -> Result<Meaning> {
    match value.split_once(',') {
        Some((service, region)) => Ok(Meaning::Options(vec![
            ("--target-aws-service", Some(service.trim().to_owned())),
            ("--target-aws-region", Some(region.trim().to_owned())),
        ])),
        None => bail!("expected `service,region`, such as `es,us-east-1`, found `{value}`"),
    }
}

/// Text out of base64.
pub(super) fn decoded(text: &str) -> Result<String> {
    let bytes = base64::prelude::BASE64_STANDARD.decode(text.trim()).context("it is not base64")?;
    String::from_utf8(bytes).context("what is in the base64 is not UTF-8")
}
