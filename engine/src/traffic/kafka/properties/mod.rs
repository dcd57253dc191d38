//! Properties of Kafka's Java client, and what librdkafka calls them.

mod jaas;
mod parse;
mod table;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use secrecy::SecretString;

use super::options::KafkaOptions;
use crate::error::{Error, Result};
use table::{Meaning, meaning};

/// A file of properties has fewer bytes, with certificates in it too.
const LARGEST_FILE: u64 = 1 << 20;

/// What the properties say, in librdkafka's words.
#[derive(Default)]
pub(super) struct Properties {
    /// Settings of librdkafka. Passwords and keys are among them.
    pub(super) settings: Vec<(String, String)>,
    /// The user and password of a SASL login.
    pub(super) login: Option<(String, SecretString)>,
    /// Whether an AWS identity is to be shown.
    pub(super) is_msk_iam: bool,
    /// What does nothing here, with the reason.
    pub(super) ignored: Vec<(String, &'static str)>,
}

impl Properties {
    /// Reads the file, if there is one, and the properties that win over it.
    pub(super) fn read(options: &KafkaOptions) -> Result<Self> {
        let (mut given, source) = match &options.property_file {
            Some(file) => (
                parse::parse(&read_file(file)?).map_err(|reason| bad_file(file, reason))?,
                file.display().to_string(),
            ),
            None => (Vec::new(), "the options".to_owned()),
        };
        given.extend(options.properties.iter().cloned());
        Self::translate(given).map_err(|(key, reason)| Error::InvalidOption {
            option: "the Kafka property",
            value: key,
            reason: format!("{reason} (from {source})"),
        })
    }

    /// The error is the key and what is wrong with it: never a value.
    fn translate(given: Vec<(String, String)>) -> Result<Self, (String, String)> {
        let mut properties = Self::default();
        // The last one wins, as in Java.
        let value_of =
            |key: &str| given.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        let stores = Stores { trust: value_of("ssl.truststore.type"), key: value_of("ssl.keystore.type") };
        for (key, value) in &given {
            if value_of(key) != Some(value.as_str()) {
                continue;
            }
            properties.add(key, value.trim(), &stores).map_err(|reason| (key.clone(), reason))?;
        }
        if value_of("sasl.mechanism") == Some("OAUTHBEARER") && !properties.is_msk_iam {
            let reason =
                "OAUTHBEARER is supported for Amazon MSK only: `sasl.jaas.config` must have its login module";
            return Err(("sasl.mechanism".to_owned(), reason.to_owned()));
        }
        Ok(properties)
    }

    fn add(&mut self, key: &str, value: &str, stores: &Stores<'_>) -> Result<(), String> {
        match meaning(key) {
            Meaning::Same => self.set(key, value),
            Meaning::Renamed(name) => self.set(name, value),
            Meaning::Ignored(reason) => self.ignored.push((key.to_owned(), reason)),
            Meaning::Refused(reason) => return Err(reason.to_owned()),
            Meaning::Buffer(name) => self.set(name, if value == "-1" { "0" } else { value }),
            Meaning::Protocol => self.set(key, &value.to_lowercase()),
            Meaning::HostNameCheck => self.set(key, if value.is_empty() { "none" } else { value }),
            Meaning::Mechanism => self.mechanism(value)?,
            Meaning::Jaas => self.jaas(value)?,
            Meaning::TrustStore => self.set("ssl.ca.location", pem_only(value, stores.trust)?),
            Meaning::KeyStore => self.key_store(value, stores.key)?,
            Meaning::StoreType => {}
            Meaning::Native => self.set(key.trim_start_matches(table::NATIVE), value),
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    fn mechanism(&mut self, value: &str) -> Result<(), String> {
        match value {
            "AWS_MSK_IAM" => self.is_msk_iam = true,
            "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" => self.set("sasl.mechanism", value),
            // `sasl.jaas.config` says the rest.
            "OAUTHBEARER" => {}
            _ => {
                return Err(format!(
                    "the mechanism `{value}` is not supported: use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or AWS_MSK_IAM"
                ));
            }
        }
        Ok(())
    }

    fn jaas(&mut self, value: &str) -> Result<(), String> {
        match jaas::parse(value)? {
            jaas::Login::Password { user, password } => self.login = Some((user, password)),
            jaas::Login::MskIam => self.is_msk_iam = true,
        }
        Ok(())
    }

    fn key_store(&mut self, value: &str, form: Option<&str>) -> Result<(), String> {
        match form.unwrap_or("JKS").to_uppercase().as_str() {
            // Java's PEM form has the key and the certificates in one file.
            "PEM" => {
                self.set("ssl.certificate.location", value);
                self.set("ssl.key.location", value);
            }
            "PKCS12" => self.set("ssl.keystore.location", value),
            other => {
                return Err(format!(
                    "a key store of type {other} cannot be read: convert it with `keytool -importkeystore -srckeystore FILE \
                     -destkeystore FILE.p12 -deststoretype PKCS12` and set `ssl.keystore.type=PKCS12`"
                ));
            }
        }
        Ok(())
    }
}

/// The forms of the two stores, as they are given.
struct Stores<'a> {
    trust: Option<&'a str>,
    key: Option<&'a str>,
}

fn pem_only<'a>(value: &'a str, form: Option<&str>) -> Result<&'a str, String> {
    match form.unwrap_or("JKS").to_uppercase().as_str() {
        "PEM" => Ok(value),
        other => Err(format!(
            "a trust store of type {other} cannot be read: export its certificates with `keytool -exportcert -rfc -keystore FILE \
             -alias NAME` and give them as `ssl.truststore.type=PEM`, or as the option for the CA file"
        )),
    }
}

fn read_file(file: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|opened| opened.take(LARGEST_FILE + 1).read_to_end(&mut bytes));
    match read {
        Err(error) => Err(bad_file(file, error.to_string())),
        Ok(_) if bytes.len() as u64 > LARGEST_FILE => {
            Err(bad_file(file, format!("it has more than {LARGEST_FILE} bytes")))
        }
        Ok(_) => Ok(bytes),
    }
}

fn bad_file(file: &Path, reason: String) -> Error {
    Error::InvalidOption { option: "the Kafka property file", value: file.display().to_string(), reason }
}

#[cfg(test)]
mod tests;
