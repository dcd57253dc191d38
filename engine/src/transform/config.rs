//! The file of transforms, as it is written: YAML or JSON.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::fmt;
use std::marker::PhantomData;

/// The steps of a file, in order.
pub(crate) type Steps = Vec<Spanned<Step>>;

/// One step: a name and its settings, or a name alone.
#[derive(Debug)]
pub(crate) enum Step {
    RenameIndex(RenameIndex),
    Types(Types),
    DropType,
    DataStream,
    DropFields(Vec<Spanned<String>>),
    RenameFields(Pairs<Spanned<String>>),
    SetFields(Pairs<Json>),
    CopyFields(Pairs<Spanned<String>>),
    Filter(Spanned<String>),
    Jq(Spanned<String>),
    Javascript(Box<JavaScript>),
    When(When),
    Noop,
}

/// The names of steps, for errors.
const STEPS: &[&str] = &[
    "rename_index",
    "types",
    "drop_type",
    "data_stream",
    "drop_fields",
    "rename_fields",
    "set_fields",
    "copy_fields",
    "filter",
    "jq",
    "javascript",
    "when",
];

impl Step {
    /// A step without settings.
    fn of_name(name: &str) -> Option<Self> {
        Some(match name {
            "drop_type" | "JsonTransformerForDocumentTypeRemovalProvider" => Self::DropType,
            "data_stream" => Self::DataStream,
            "NoopTransformerProvider" => Self::Noop,
            _ => return None,
        })
    }

    /// A step by its name; the names in capitals are those of the Java migrator, whose files are read as well.
    fn of_map<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Self, A::Error> {
        Ok(match name {
            "rename_index" => Self::RenameIndex(map.next_value()?),
            "types" | "TypeMappingSanitizationTransformerProvider" => Self::Types(map.next_value()?),
            "drop_fields" => Self::DropFields(map.next_value()?),
            "rename_fields" => Self::RenameFields(map.next_value()?),
            "set_fields" => Self::SetFields(map.next_value()?),
            "copy_fields" => Self::CopyFields(map.next_value()?),
            "filter" => Self::Filter(map.next_value()?),
            "jq" => Self::Jq(map.next_value()?),
            "javascript" | "JsonJSTransformerProvider" => Self::Javascript(map.next_value()?),
            "when" => Self::When(map.next_value()?),
            name => {
                let step = Self::of_name(name).ok_or_else(|| de::Error::unknown_variant(name, STEPS))?;
                let Json(settings) = map.next_value()?;
                if !matches!(settings.as_str(), "null" | "{}" | "\"\"") {
                    return Err(de::Error::custom(format_args!("`{name}` has no settings")));
                }
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
                if STEPS.contains(&name) && Step::of_name(name).is_none() {
                    return Err(E::custom(format_args!("`{name}` needs settings")));
                }
                Step::of_name(name).ok_or_else(|| E::unknown_variant(name, STEPS))
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

/// `rename_index`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenameIndex {
    pub(crate) from: Option<Spanned<String>>,
    pub(crate) regex: Option<Spanned<String>>,
    pub(crate) to: Spanned<String>,
}

/// `types`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Types {
    #[serde(default, alias = "staticMappings")]
    pub(crate) static_mappings: Pairs<Pairs<Spanned<String>>>,
    #[serde(alias = "regexMappings")]
    pub(crate) regex_mappings: Option<Vec<TypePattern>>,
    /// The Java migrator asks for it; of documents nothing depends on it.
    #[serde(alias = "sourceProperties")]
    pub(crate) source_properties: Option<Spanned<Json>>,
    /// The Java migrator takes it, and does nothing with it.
    #[serde(rename = "featureFlags")]
    pub(crate) _feature_flags: Option<Json>,
}

/// One of `regex_mappings`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TypePattern {
    #[serde(alias = "sourceIndexPattern")]
    pub(crate) source_index_pattern: Spanned<String>,
    #[serde(alias = "sourceTypePattern")]
    pub(crate) source_type_pattern: Spanned<String>,
    #[serde(alias = "targetIndexPattern")]
    pub(crate) target_index_pattern: Spanned<String>,
}

/// `javascript`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JavaScript {
    #[serde(alias = "initializationScript")]
    pub(crate) initialization_script: Option<Spanned<String>>,
    #[serde(alias = "initializationScriptFile")]
    pub(crate) initialization_script_file: Option<Spanned<String>>,
    #[serde(alias = "bindingsObject")]
    pub(crate) bindings_object: Option<Spanned<Json>>,
    pub(crate) time_limit_ms: Option<Spanned<u64>>,
    pub(crate) memory_limit_mib: Option<Spanned<u64>>,
    /// What only the Java migrator has: refused with a word about what to do instead.
    #[serde(rename = "initializationResourcePath")]
    pub(crate) resource_path: Option<Spanned<Json>>,
    #[serde(rename = "bindingsObjectDirs", alias = "bindingsObjectFiles")]
    pub(crate) bindings_files: Option<Spanned<Json>>,
}

/// `when`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct When {
    pub(crate) index: Option<Spanned<String>>,
    pub(crate) jq: Option<Spanned<String>>,
    pub(crate) steps: Steps,
}

/// A mapping in the order in which it is written.
#[derive(Debug)]
pub(crate) struct Pairs<T>(pub(crate) Vec<(Spanned<String>, T)>);

impl<T> Default for Pairs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
            type Value = Pairs<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor(PhantomData))
    }
}

/// Any value, as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Json(pub(crate) String);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value that JSON can write")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Json, E> {
        Ok(Json("null".to_owned()))
    }

    fn visit_none<E: de::Error>(self) -> Result<Json, E> {
        self.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json(value.to_string()))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json(value.to_string()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Json, E> {
        Ok(Json(value.to_string()))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Json, E> {
        Ok(Json(value.to_string()))
    }

    fn visit_u128<E: de::Error>(self, value: u128) -> Result<Json, E> {
        Ok(Json(value.to_string()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Json, E> {
        if !value.is_finite() {
            return Err(E::custom(format_args!("JSON cannot write the number {value}")));
        }
        serde_json::to_string(&value).map(Json).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Json, E> {
        serde_json::to_string(value).map(Json).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let mut elements = Vec::new();
        while let Some(Json(element)) = seq.next_element()? {
            elements.push(element);
        }
        Ok(Json(format!("[{}]", elements.join(","))))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
        let mut members = Vec::new();
        while let Some((name, Json(value))) = map.next_entry::<String, Json>()? {
            let name = serde_json::to_string(&name).map_err(de::Error::custom)?;
            members.push(format!("{name}:{value}"));
        }
        Ok(Json(format!("{{{}}}", members.join(","))))
    }
}
