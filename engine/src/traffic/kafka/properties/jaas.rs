//! `sasl.jaas.config`: who logs in, in the form of Java's login modules.

use secrecy::SecretString;

/// Who logs in.
pub(super) enum Login {
    Password { user: String, password: SecretString },
    MskIam,
}

/// Understands `org.example.ScramLoginModule required username="…" password="…";`. The error never has a value in it.
pub(super) fn parse(text: &str) -> Result<Login, String> {
    let words = words(text)?;
    let module = words.first().and_then(|class| class.rsplit('.').next()).unwrap_or_default();
    let mut options = words.iter().skip(2).filter_map(|word| word.split_once('='));
    match module {
        "ScramLoginModule" | "PlainLoginModule" => {
            let option = |name: &str| options.clone().find(|(key, _)| *key == name);
            match (option("username"), option("password")) {
                (Some((_, user)), Some((_, password))) => Ok(Login::Password {
                    user: user.to_owned(),
                    password: SecretString::from(password.to_owned()),
                }),
                _ => Err(format!("`{module}` needs `username=\"…\"` and `password=\"…\"`")),
            }
        }
        "IAMLoginModule" => match options.find(|(key, _)| *key != "awsDebugCreds") {
            Some((key, _)) => Err(format!(
                "`{key}` is not supported: the identity comes from the AWS credential chain, so set AWS_PROFILE or the role there"
            )),
            None => Ok(Login::MskIam),
        },
        "OAuthBearerLoginModule" => Ok(Login::MskIam),
        _ => Err("this login module is not supported: use those for SCRAM, PLAIN or MSK IAM".to_owned()),
    }
}

/// Words apart by white space; quotes are taken off, inside of them `\` takes the meaning of the next character.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = text.trim().trim_end_matches(';').chars();
    while let Some(char) = chars.next() {
        match char {
            '"' | '\'' => quoted(&mut chars, char, &mut word)?,
            char if char.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            char => word.push(char),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

fn quoted(chars: &mut std::str::Chars<'_>, quote: char, word: &mut String) -> Result<(), String> {
    while let Some(char) = chars.next() {
        match char {
            char if char == quote => return Ok(()),
            '\\' => word.extend(chars.next()),
            char => word.push(char),
        }
    }
    Err(format!("a closing {quote} is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn password(text: &str) -> (String, String) {
        match parse(text) {
            Ok(Login::Password { user, password }) => (user, password.expose_secret().to_owned()),
            Ok(Login::MskIam) => panic!("MSK"),
            Err(error) => panic!("{error}"),
        }
    }

    fn refused(text: &str) -> String {
        parse(text).map(|_| ()).unwrap_err()
    }

    #[test]
    fn user_and_password_are_taken_out_of_their_quotes() {
        let module = "org.apache.kafka.common.security.scram.ScramLoginModule required";
        let expected = ("replayer".to_owned(), "a b=;\"c\\".to_owned());
        assert_eq!(password(&format!(r#"{module} username="replayer" password="a b=;\"c\\";"#)), expected);
        assert_eq!(password(&format!(r#"{module}  password='a b=;"c\\'   username=replayer ;"#)), expected);
    }

    #[test]
    fn msk_login_modules_are_the_aws_identity() {
        for text in [
            "software.amazon.msk.auth.iam.IAMLoginModule required;",
            "software.amazon.msk.auth.iam.IAMLoginModule required awsDebugCreds=true;",
        ] {
            assert!(matches!(parse(text), Ok(Login::MskIam)), "{text}");
        }
        assert!(
            refused("x.IAMLoginModule required awsProfileName=\"dev\";")
                .starts_with("`awsProfileName` is not supported")
        );
    }

    #[test]
    fn what_is_missing_is_said_without_a_value() {
        assert_eq!(
            refused("x.ScramLoginModule required password=\"hunter2\";"),
            "`ScramLoginModule` needs `username=\"…\"` and `password=\"…\"`"
        );
        assert_eq!(
            refused("x.ScramLoginModule required username=a password=\"hunter2;"),
            "a closing \" is missing"
        );
        assert!(
            refused("com.sun.security.auth.module.Krb5LoginModule required;")
                .starts_with("this login module")
        );
    }
}
