//! The file of request transforms, as it is written: YAML or JSON.

use crate::transform::config::{JavaScript, Json, Pairs, RenameIndex, Types};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_saphyr::Spanned;
use std::fmt;

/// One step: a name and its settings, or a name alone.
#[derive(Debug)]
pub(super) enum Step {
    SetHeaders(Pairs<Spanned<String>>),
    AppendHeaders(Pairs<Spanned<String>>),
    RemoveHeaders(Vec<Spanned<String>>),
    UserAgent(Spanned<String>),
    RewriteUri(RewriteUri),
    RenameIndex(RenameIndex),
    Types(Types),
    Filter(Spanned<String>),
    Jq(Spanned<String>),
    Javascript(Box<JavaScript>),
    When(Box<When>),
    Jolt(Jolts),
    Noop,
}

/// The names of steps, for errors.
const STEPS: &[&str] = &[
    "set_headers",
    "append_headers",
    "remove_headers",
    "user_agent",
    "rewrite_uri",
    "rename_index",
    "types",
    "filter",
    "jq",
    "javascript",
    "when",
];

/// Steps of the Java replayer that are not here, and what to do instead.
const NOT_HERE: [(&str, &str); 5] = [
    ("JsonJMESPathTransformerProvider", "JMESPath is not understood here: write it in jq, as the step `jq`"),
    (
        "JsonJMESPathPredicateProvider",
        "JMESPath is not understood here: write it in jq, as the step `filter`; `method == 'GET'` is `.method == \"GET\"` there",
    ),
    (
        "JsonConditionalTransformerProvider",
        "its conditions are JMESPath, which is not understood here: write it as the step `when`, with a condition in jq",
    ),
    (
        "JsonPythonTransformerProvider",
        "Python is not run here: write it in jq or JavaScript, as the step `jq` or `javascript`",
    ),
    (
        "JsonTransformerForDocumentTypeRemovalProvider",
        "it is for documents: types in requests are taken away by the step `types`",
    ),
];

impl Step {
    /// A step without settings.
    fn of_name(name: &str) -> Option<Self> {
        (name == "NoopTransformerProvider").then_some(Self::Noop)
    }

    /// A step by its name; the names in capitals are those of the Java replayer, whose configurations are read as well.
    fn of_map<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Self, A::Error> {
        if let Some((_, instead)) = NOT_HERE.iter().find(|(known, _)| *known == name) {
            return Err(de::Error::custom(format_args!("`{name}`: {instead}")));
        }
        Ok(match name {
            "set_headers" => Self::SetHeaders(map.next_value()?),
            "append_headers" => Self::AppendHeaders(map.next_value()?),
            "remove_headers" => Self::RemoveHeaders(map.next_value()?),
            "user_agent" => Self::UserAgent(map.next_value()?),
            "rewrite_uri" => Self::RewriteUri(map.next_value()?),
            "rename_index" => Self::RenameIndex(map.next_value()?),
            "types" | "TypeMappingSanitizationTransformerProvider" => Self::Types(map.next_value()?),
            "filter" => Self::Filter(map.next_value()?),
            "jq" => Self::Jq(map.next_value()?),
            "javascript" | "JsonJSTransformerProvider" => Self::Javascript(map.next_value()?),
            "when" => Self::When(map.next_value()?),
            "JsonJoltTransformerProvider" => Self::Jolt(map.next_value()?),
            name => {
                let step = Self::of_name(name).ok_or_else(|| de::Error::unknown_variant(name, STEPS))?;
                map.next_value::<de::IgnoredAny>()?; // the Java replayer takes anything there
                step
            }
        })
    }
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StepVisitor;
        impl<'de> Visitor<'de> for StepVisitor {
            type Value = Step;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a step: its name, a colon, its settings")
            }
            fn visit_str<E: de::Error>(self, name: &str) -> Result<Step, E> {
                match NOT_HERE.iter().find(|(known, _)| *known == name) {
                    Some((_, instead)) => Err(E::custom(format_args!("`{name}`: {instead}"))),
                    None if STEPS.contains(&name) => Err(E::custom(format_args!("`{name}` needs settings"))),
                    None => Step::of_name(name).ok_or_else(|| E::unknown_variant(name, STEPS)),
                }
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Step, A::Error> {
                let Some(name) = map.next_key::<String>()? else {
                    return Err(de::Error::custom("a step is empty"));
                };
                let step = Step::of_map(&name, &mut map)?;
                match map.next_key::<String>()? {
                    None => Ok(step),
                    Some(second) => Err(de::Error::custom(format_args!(
                        "`{second}` stands in the step `{name}`: each step begins with `- `"
                    ))),
                }
            }
        }
        deserializer.deserialize_any(StepVisitor)
    }
}

/// `rewrite_uri`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RewriteUri {
    pub(super) regex: Spanned<String>,
    pub(super) to: Spanned<String>,
}

/// `when`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    #[serde(default)]
    pub(super) methods: Vec<String>,
    #[serde(default)]
    pub(super) endpoints: Vec<String>,
    pub(super) class: Option<Spanned<String>>,
    pub(super) index: Option<Spanned<String>>,
    pub(super) jq: Option<Spanned<String>>,
    pub(super) steps: Vec<Spanned<Step>>,
}

/// What `JsonJoltTransformerProvider` is given: one, or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Jolts {
    Several(Vec<Jolt>),
    One(Jolt),
}

/// One transform of JOLT.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Jolt {
    pub(super) canned: Option<String>,
    pub(super) script: Option<Json>,
}
