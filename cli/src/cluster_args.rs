//! How a cluster is reached: one group of options for each cluster that a command talks to, all alike but for their prefix.

use std::io::{IsTerminal, Read};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use engine::target::{
    Auth, AwsService, Client, ClientOptions, SecretString, TlsOptions, cluster_url, secret,
};

/// Makes a group of options: the type, the prefix of its flags, that of its environment variables, and its heading in the help.
macro_rules! cluster_args {
    ($name:ident, $prefix:literal, $variable:literal, $heading:literal) => {
        #[doc = concat!("How the cluster of the `--", $prefix, "-…` options is reached.")]
        #[derive(Debug, clap::Args)]
        #[group(skip)]
        #[command(next_help_heading = $heading)]
        pub(crate) struct $name {
            #[arg(
                id = concat!($prefix, "-user"),
                long = concat!($prefix, "-user"),
                env = concat!($variable, "_USER"),
                value_name = "NAME",
                help = concat!(
                    "User name; the password comes from `--", $prefix, "-password-file`, from `--", $prefix,
                    "-password-stdin`, or from ", $variable, "_PASSWORD"
                )
            )]
            user: Option<String>,
            #[arg(
                id = concat!($prefix, "-password-file"),
                long = concat!($prefix, "-password-file"),
                env = concat!($variable, "_PASSWORD_FILE"),
                value_name = "FILE",
                help = "File with the password; a newline at its end is cut off"
            )]
            password_file: Option<PathBuf>,
            #[arg(
                id = concat!($prefix, "-password-stdin"),
                long = concat!($prefix, "-password-stdin"),
                env = concat!($variable, "_PASSWORD_STDIN"),
                help = "Read the password from standard input"
            )]
            password_stdin: bool,
            #[arg(
                id = concat!($prefix, "-cacert"),
                long = concat!($prefix, "-cacert"),
                env = concat!($variable, "_CACERT"),
                value_name = "FILE",
                help = "CA certificates (PEM) that are trusted, in place of those of the system"
            )]
            cacert: Option<PathBuf>,
            #[arg(
                id = concat!($prefix, "-client-cert"),
                long = concat!($prefix, "-client-cert"),
                env = concat!($variable, "_CLIENT_CERT"),
                value_name = "FILE",
                help = "Client certificate (PEM), with those between it and its CA"
            )]
            client_cert: Option<PathBuf>,
            #[arg(
                id = concat!($prefix, "-client-key"),
                long = concat!($prefix, "-client-key"),
                env = concat!($variable, "_CLIENT_KEY"),
                value_name = "FILE",
                help = "Key of the client certificate (PEM: PKCS#8, PKCS#1 or SEC1)"
            )]
            client_key: Option<PathBuf>,
            #[arg(
                id = concat!($prefix, "-insecure"),
                long = concat!($prefix, "-insecure"),
                env = concat!($variable, "_INSECURE"),
                help = "Accept any certificate: whoever is in between can read and change everything"
            )]
            insecure: bool,
            #[arg(
                id = concat!($prefix, "-aws-region"),
                long = concat!($prefix, "-aws-region"),
                env = concat!($variable, "_AWS_REGION"),
                value_name = "REGION",
                help = "Sign requests with AWS credentials, for this region"
            )]
            aws_region: Option<String>,
            #[arg(
                id = concat!($prefix, "-aws-service"),
                long = concat!($prefix, "-aws-service"),
                env = concat!($variable, "_AWS_SERVICE"),
                value_name = "SERVICE",
                help = "Sign requests for `es` (OpenSearch Service) or `aoss` (OpenSearch Serverless)"
            )]
            aws_service: Option<AwsService>,
            #[arg(
                id = concat!($prefix, "-timeout"),
                long = concat!($prefix, "-timeout"),
                env = concat!($variable, "_TIMEOUT"),
                value_name = "SECONDS",
                default_value = "60",
                help = "How long an answer may take"
            )]
            timeout: NonZeroU32,
        }

        impl $name {
            /// A client of the cluster at this URL. Reads the password, which standard input gives once only.
            pub(crate) fn client(&self, url: &str) -> Result<Client> {
                Ok(Client::new(self.client_options(url)?)?)
            }

            /// How the cluster at this URL is reached. Reads the password, which standard input gives once only.
            pub(crate) fn client_options(&self, url: &str) -> Result<ClientOptions> {
                self.options(url, Passwords::of_process(concat!($variable, "_PASSWORD"))?)
            }

            fn options(&self, url: &str, passwords: Passwords<'_>) -> Result<ClientOptions> {
                let given = Given {
                    prefix: $prefix,
                    variable: concat!($variable, "_PASSWORD"),
                    user: self.user.as_deref(),
                    password_file: self.password_file.as_ref(),
                    password_stdin: self.password_stdin,
                    cacert: self.cacert.as_ref(),
                    client_cert: self.client_cert.as_ref(),
                    client_key: self.client_key.as_ref(),
                    insecure: self.insecure,
                    aws_region: self.aws_region.as_deref(),
                    aws_service: self.aws_service,
                };
                let (url, tls) = (cluster_url(url)?, given.tls()?);
                let timeout = Duration::from_secs(self.timeout.get().into());
                Ok(ClientOptions { timeout, tls, auth: given.auth(passwords)?, ..ClientOptions::new(url) })
            }
        }
    };
}

cluster_args!(TargetArgs, "target", "FERRY_TARGET", "Target cluster");
cluster_args!(SourceArgs, "source", "FERRY_SOURCE", "Source cluster");
cluster_args!(CoordinatorArgs, "coordinator", "FERRY_COORDINATOR", "Coordinating cluster");

/// Where a password can come from but a file.
struct Passwords<'a> {
    variable: Option<SecretString>,
    stdin: Box<dyn Read + 'a>,
    /// What is typed there is shown.
    stdin_is_terminal: bool,
}

impl Passwords<'_> {
    fn of_process(variable: &str) -> Result<Self> {
        let stdin = std::io::stdin();
        let stdin_is_terminal = stdin.is_terminal();
        Ok(Self { variable: secret::from_env(variable)?, stdin: Box::new(stdin), stdin_is_terminal })
    }
}

/// The options of a group, whatever its prefix.
struct Given<'a> {
    prefix: &'static str,
    /// The environment variable of the password.
    variable: &'static str,
    user: Option<&'a str>,
    password_file: Option<&'a PathBuf>,
    password_stdin: bool,
    cacert: Option<&'a PathBuf>,
    client_cert: Option<&'a PathBuf>,
    client_key: Option<&'a PathBuf>,
    insecure: bool,
    aws_region: Option<&'a str>,
    aws_service: Option<AwsService>,
}

impl Given<'_> {
    fn tls(&self) -> Result<TlsOptions> {
        let prefix = self.prefix;
        if self.insecure && self.cacert.is_some() {
            bail!(
                "`--{prefix}-insecure` accepts any certificate, so `--{prefix}-cacert` is of no use: give one of the two"
            );
        }
        if self.client_cert.is_some() != self.client_key.is_some() {
            bail!("`--{prefix}-client-cert` and `--{prefix}-client-key` go together: give both or neither");
        }
        Ok(TlsOptions {
            ca_file: self.cacert.cloned(),
            client_certificate: self.client_cert.cloned(),
            client_key: self.client_key.cloned(),
            insecure: self.insecure,
        })
    }

    fn auth(&self, passwords: Passwords<'_>) -> Result<Auth> {
        let prefix = self.prefix;
        let sources = self.password_sources(&passwords);
        let is_basic = self.user.is_some() || !sources.is_empty();
        match (self.aws_region, self.aws_service) {
            (Some(region), Some(service)) if !is_basic => {
                return Ok(Auth::SigV4 { service, region: region.to_owned(), credentials: None });
            }
            (Some(_), Some(_)) => bail!(
                "requests are either signed (`--{prefix}-aws-…`) or sent with user and password (`--{prefix}-user`, {}): \
                 give one of the two",
                if sources.is_empty() { "password".to_owned() } else { sources.join(", ") }
            ),
            (None, None) => {}
            _ => bail!(
                "`--{prefix}-aws-region` and `--{prefix}-aws-service` go together: give both or neither"
            ),
        }
        let Some(user) = self.user else {
            match sources.first() {
                Some(source) => bail!("there is a password ({source}), but no user: give `--{prefix}-user`"),
                None => return Ok(Auth::None),
            }
        };
        if sources.len() > 1 {
            bail!("there is more than one password: {}: give one", sources.join(", "));
        }
        Ok(Auth::Basic { user: user.to_owned(), password: self.password(passwords)? })
    }

    /// Where a password is said to be.
    fn password_sources(&self, passwords: &Passwords<'_>) -> Vec<String> {
        let Self { prefix, variable, .. } = self;
        let sources = [
            (self.password_file.is_some(), format!("`--{prefix}-password-file`")),
            (self.password_stdin, format!("`--{prefix}-password-stdin`")),
            (passwords.variable.is_some(), (*variable).to_owned()),
        ];
        sources.into_iter().filter_map(|(is_given, source)| is_given.then_some(source)).collect()
    }

    fn password(&self, passwords: Passwords<'_>) -> Result<SecretString> {
        let Self { prefix, variable, .. } = self;
        if let Some(file) = self.password_file {
            return Ok(secret::from_file(file)?);
        }
        if let Some(password) = passwords.variable {
            return Ok(password);
        }
        if !self.password_stdin {
            bail!(
                "the user has no password: give `--{prefix}-password-file`, `--{prefix}-password-stdin`, or set {variable}"
            );
        }
        if passwords.stdin_is_terminal {
            bail!(
                "standard input is a terminal, which shows the password: pipe it in, or give `--{prefix}-password-file`"
            );
        }
        Ok(secret::from_reader("standard input", passwords.stdin)?)
    }
}

#[cfg(test)]
mod tests;
