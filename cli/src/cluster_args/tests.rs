use super::*;
use clap::{CommandFactory, Parser};
use engine::target::ExposeSecret;

#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    source: SourceArgs,
}

const URL: &str = "https://search.example:9200";

fn parse(arguments: &str) -> Command {
    Command::try_parse_from(std::iter::once("ferry").chain(arguments.split_whitespace())).unwrap()
}

fn passwords(variable: Option<&str>, stdin: &'static str) -> Passwords<'static> {
    let variable = variable.map(SecretString::from);
    Passwords { variable, stdin: Box::new(stdin.as_bytes()), stdin_is_terminal: false }
}

fn options(arguments: &str, variable: Option<&str>, stdin: &'static str) -> Result<ClientOptions> {
    parse(arguments).target.options(URL, passwords(variable, stdin))
}

fn refused(arguments: &str, variable: Option<&str>) -> String {
    options(arguments, variable, "").unwrap_err().to_string()
}

fn basic(options: Result<ClientOptions>) -> (String, String) {
    match options.unwrap().auth {
        Auth::Basic { user, password } => (user, password.expose_secret().to_owned()),
        auth => panic!("{auth:?}"),
    }
}

#[test]
fn nothing_given_is_a_plain_client_with_a_minute_for_answers() {
    let options = options("", None, "").unwrap();
    assert_eq!(options.url.as_str(), "https://search.example:9200/");
    assert_eq!(options.timeout, Duration::from_secs(60));
    assert_eq!(options.tls, TlsOptions::default());
    assert!(matches!(options.auth, Auth::None));
}

#[test]
fn a_password_comes_from_a_file_standard_input_or_a_variable() {
    let expected = ("admin".to_owned(), "hunter2".to_owned());
    let file = std::env::temp_dir().join(format!("ferry-password-{}", std::process::id()));
    std::fs::write(&file, "hunter2\n").unwrap();
    let arguments = format!("--target-user admin --target-password-file {}", file.display());
    assert_eq!(basic(options(&arguments, None, "")), expected);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(basic(options("--target-user admin --target-password-stdin", None, "hunter2\n")), expected);
    assert_eq!(basic(options("--target-user admin", Some("hunter2"), "")), expected);
}

#[test]
fn a_password_is_not_typed_where_it_is_shown() {
    let passwords = Passwords { stdin_is_terminal: true, ..passwords(None, "hunter2") };
    let error =
        parse("--target-user admin --target-password-stdin").target.options(URL, passwords).unwrap_err();
    assert_eq!(
        error.to_string(),
        "standard input is a terminal, which shows the password: pipe it in, or give `--target-password-file`"
    );
}

#[test]
fn there_is_no_option_with_the_password_itself() {
    let error = Command::try_parse_from(["ferry", "--target-password", "hunter2"]).unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn signing_takes_region_and_service() {
    let options = options("--target-aws-region eu-central-1 --target-aws-service aoss", None, "").unwrap();
    assert_eq!(format!("{:?}", options.auth), r#"SigV4 { service: Serverless, region: "eu-central-1", .. }"#);
    let together = "`--target-aws-region` and `--target-aws-service` go together: give both or neither";
    assert_eq!(refused("--target-aws-region eu-central-1", None), together);
    assert_eq!(refused("--target-aws-service es", None), together);
    let error = Command::try_parse_from(["ferry", "--target-aws-service", "s3"]).unwrap_err().to_string();
    assert!(
        error.contains("expected `es` (OpenSearch Service) or `aoss` (OpenSearch Serverless)"),
        "{error}"
    );
}

#[test]
fn contradictions_are_refused() {
    let aws = "--target-aws-region eu-central-1 --target-aws-service es";
    assert_eq!(
        refused(&format!("{aws} --target-user admin"), Some("hunter2")),
        "requests are either signed (`--target-aws-…`) or sent with user and password (`--target-user`, \
         FERRY_TARGET_PASSWORD): give one of the two"
    );
    assert_eq!(
        refused("--target-user admin", None),
        "the user has no password: give `--target-password-file`, `--target-password-stdin`, or set FERRY_TARGET_PASSWORD"
    );
    assert_eq!(
        refused("", Some("hunter2")),
        "there is a password (FERRY_TARGET_PASSWORD), but no user: give `--target-user`"
    );
    assert_eq!(
        refused("--target-user admin --target-password-file x --target-password-stdin", Some("hunter2")),
        "there is more than one password: `--target-password-file`, `--target-password-stdin`, FERRY_TARGET_PASSWORD: \
         give one"
    );
    assert_eq!(
        refused("--target-insecure --target-cacert ca.pem", None),
        "`--target-insecure` accepts any certificate, so `--target-cacert` is of no use: give one of the two"
    );
    assert_eq!(
        refused("--target-client-cert client.pem", None),
        "`--target-client-cert` and `--target-client-key` go together: give both or neither"
    );
}

#[test]
fn a_url_with_credentials_is_refused() {
    let error =
        parse("").target.options("https://admin:hunter2@search.example", passwords(None, "")).unwrap_err();
    assert!(error.to_string().contains("credentials do not belong into a URL"), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn the_groups_are_apart() {
    let command = parse(
        "--target-timeout 5 --target-insecure --source-user admin --source-timeout 7 --source-cacert ca.pem",
    );
    let target = command.target.options(URL, passwords(None, "")).unwrap();
    assert_eq!((target.timeout, target.tls.insecure), (Duration::from_secs(5), true));
    let source = command.source.options(URL, passwords(Some("hunter2"), "")).unwrap();
    assert_eq!((source.timeout, source.tls.insecure), (Duration::from_secs(7), false));
    assert!(matches!(source.auth, Auth::Basic { .. }));
    assert_eq!(source.tls.ca_file, Some("ca.pem".into()));
    assert!(!format!("{source:?} {command:?}").contains("hunter2"));
}

#[test]
fn an_answer_cannot_take_no_time() {
    assert!(Command::try_parse_from(["ferry", "--target-timeout", "0"]).is_err());
}

#[test]
fn every_option_has_its_variable() {
    let command = Command::command();
    for argument in command.get_arguments().filter(|argument| argument.get_id() != "help") {
        let long = argument.get_long().unwrap();
        let expected = format!("FERRY_{}", long.replace('-', "_").to_uppercase());
        assert_eq!(argument.get_env().unwrap().to_str().unwrap(), expected, "--{long}");
    }
    assert_eq!(command.get_arguments().count(), 20);
}
