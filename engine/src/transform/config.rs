//! The file of transforms, as it is written: YAML or JSON.

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use std::fmt;
use std::marker::PhantomData;

/// The steps of a file, in order.
pub(super) type Steps = Vec<Spanned<Step>>;

/// One step. The names in capitals are those of the Java migrator, whose files are read as well.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    RenameIndex(RenameIndex),
    #[serde(alias = "TypeMappingSanitizationTransformerProvider")]
    Types(Types),
    #[serde(alias = "JsonTransformerForDocumentTypeRemovalProvider")]
    DropType(Nothing),
    DataStream(Nothing),
    DropFields(Vec<Spanned<String>>),
    RenameFields(Pairs<Spanned<String>>),
    SetFields(Pairs<Json>),
    CopyFields(Pairs<Spanned<String>>),
    Filter(Spanned<String>),
    Jq(Spanned<String>),
    #[serde(alias = "JsonJSTransformerProvider")]
    Javascript(JavaScript),
    When(When),
    #[serde(rename = "NoopTransformerProvider")]
    Noop(Nothing),
}

/// No settings: nothing, an empty mapping, or an empty text.
#[derive(Debug)]
pub(super) struct Nothing;

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Json(json) = Json::deserialize(deserializer)?;
        match json.as_str() {
            "null" | "{}" | "\"\"" => Ok(Self),
            _ => Err(de::Error::custom("this step has no settings")),
        }
    }
}

/// `rename_index`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RenameIndex {
    pub(super) from: Option<Spanned<String>>,
    pub(super) regex: Option<Spanned<String>>,
    pub(super) to: Spanned<String>,
}

/// `types`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Types {
    #[serde(default, alias = "staticMappings")]
    pub(super) static_mappings: Pairs<Pairs<Spanned<String>>>,
    #[serde(alias = "regexMappings")]
    pub(super) regex_mappings: Option<Vec<TypePattern>>,
    /// The Java migrator asks for it; here nothing depends on it.
    #[serde(rename = "sourceProperties", alias = "source_properties")]
    pub(super) _source_properties: Option<Json>,
}

/// One of `regex_mappings`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TypePattern {
    #[serde(alias = "sourceIndexPattern")]
    pub(super) source_index_pattern: Spanned<String>,
    #[serde(alias = "sourceTypePattern")]
    pub(super) source_type_pattern: Spanned<String>,
    #[serde(alias = "targetIndexPattern")]
    pub(super) target_index_pattern: Spanned<String>,
}

/// `javascript`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JavaScript {
    #[serde(alias = "initializationScript")]
    pub(super) initialization_script: Option<Spanned<String>>,
    #[serde(alias = "initializationScriptFile")]
    pub(super) initialization_script_file: Option<Spanned<String>>,
    #[serde(alias = "bindingsObject")]
    pub(super) bindings_object: Option<Spanned<Json>>,
    pub(super) time_limit_ms: Option<Spanned<u64>>,
    pub(super) memory_limit_mib: Option<Spanned<u64>>,
}

/// `when`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct When {
    pub(super) index: Option<Spanned<String>>,
    pub(super) jq: Option<Spanned<String>>,
    pub(super) steps: Steps,
}

/// A mapping in the order in which it is written.
#[derive(Debug)]
pub(super) struct Pairs<T>(pub(super) Vec<(Spanned<String>, T)>);

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
pub(super) struct Json(pub(super) String);

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
