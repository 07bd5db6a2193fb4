//! `[credentials]`: where they come from.

use serde::Deserialize;

use spillway::credentials::{Base, Environment, Role, Settings};
use spillway::problem::Problem;

/// As written. The spellings that begin with `aws_` are those that the origin of this flow
/// published.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Written {
    source: Option<String>,
    profile: Option<String>,
    role_arn: Option<String>,
    external_id: Option<String>,
    role_session_name: Option<String>,
    #[serde(alias = "aws_access_token", alias = "aws_access_key_id")]
    access_key_id_env: Option<String>,
    #[serde(alias = "aws_secret_access_key")]
    secret_access_key_env: Option<String>,
    #[serde(alias = "aws_session_token")]
    session_token_env: Option<String>,
}

/// The names of the fields.
pub(super) const FIELDS: &[&str] = &[
    "source",
    "profile",
    "role_arn",
    "external_id",
    "role_session_name",
    "access_key_id_env",
    "secret_access_key_env",
    "session_token_env",
    "aws_access_token",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
];

/// Where they come from. With named variables, no other source is used.
pub(super) fn meant(written: Written) -> Result<Settings, Vec<Problem>> {
    let mut problems = Vec::new();
    let base = base(&written, &mut problems);
    let role = role(&written, &mut problems);
    if !HAS_CHAIN {
        problems.extend(lacking(&written));
    }
    if problems.is_empty() { Ok(settings(base, role)) } else { Err(problems) }
}

#[derive(Clone, Copy)]
enum Source {
    Chain,
    Environment,
}

fn base(written: &Written, problems: &mut Vec<Problem>) -> Base {
    let names = [
        ("access_key_id_env", &written.access_key_id_env),
        ("secret_access_key_env", &written.secret_access_key_env),
        ("session_token_env", &written.session_token_env),
    ];
    let named = names.iter().find(|(_, name)| name.is_some()).map(|(field, _)| *field);
    let mut problem = |field: &str, message: String| {
        problems.push(Problem::new(format!("credentials.{field}"), message));
        Base::Standard
    };
    let source = match written.source.as_deref() {
        None => None,
        Some("chain") => Some(Source::Chain),
        Some("environment") => Some(Source::Environment),
        Some(source) => {
            let message = format!("is \"{source}\", expected \"chain\" or \"environment\"");
            return problem("source", message);
        }
    };
    match (source, named, &written.profile) {
        (Some(Source::Chain), Some(field), _) => {
            problem(field, "has no meaning with source = \"chain\"".to_owned())
        }
        (Some(Source::Environment), _, Some(_)) => {
            problem("profile", "has no meaning with source = \"environment\"".to_owned())
        }
        (None, Some(field), Some(_)) => {
            problem("profile", format!("has no meaning together with `{field}`"))
        }
        (_, None, Some(profile)) if profile.is_empty() => {
            problem("profile", "is empty; name a profile, or remove the line".to_owned())
        }
        (_, None, Some(profile)) => Base::Profile(profile.clone()),
        (Some(Source::Environment), _, None) | (None, Some(_), None) => {
            Base::Environment(environment(written, problems))
        }
        (Some(Source::Chain) | None, None, None) => Base::Standard,
    }
}

/// The variables meant; those that are not named are the standard ones.
fn environment(written: &Written, problems: &mut Vec<Problem>) -> Environment {
    let standard = Environment::default();
    let mut name = |field: &str, written: &Option<String>, standard: String| match written {
        None => standard,
        Some(name) if is_name(name) => name.clone(),
        Some(_) => {
            // It may be a secret that was put in the wrong place, so it is not shown.
            let message = "must be the name of an environment variable; the value itself does not \
                           belong in a flow";
            problems.push(Problem::new(format!("credentials.{field}"), message));
            String::new()
        }
    };
    let (id, secret) = (&written.access_key_id_env, &written.secret_access_key_env);
    Environment {
        access_key_id: name("access_key_id_env", id, standard.access_key_id),
        secret_access_key: name("secret_access_key_env", secret, standard.secret_access_key),
        session_token: name(
            "session_token_env",
            &written.session_token_env,
            standard.session_token,
        ),
    }
}

fn is_name(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let begins = text.chars().next().is_some_and(|c| !c.is_ascii_digit());
    // Access key ids have 20 characters and begin so; they would pass for names.
    let is_key_id = text.len() == 20 && (text.starts_with("AKIA") || text.starts_with("ASIA"));
    begins && text.chars().all(legal) && !is_key_id
}

fn role(written: &Written, problems: &mut Vec<Problem>) -> Option<Role> {
    let Written { role_arn, external_id, role_session_name, .. } = written;
    let mut check =
        |field: &str, text: &Option<String>, is_right: fn(&str) -> bool, wanted: &str| {
            let Some(text) = text else { return };
            if role_arn.is_none() {
                let message = "has no meaning without `role_arn`";
                problems.push(Problem::new(format!("credentials.{field}"), message));
            } else if !is_right(text) {
                // It may be something else that was put in the wrong place, so it is not shown.
                problems
                    .push(Problem::new(format!("credentials.{field}"), format!("is no {wanted}")));
            }
        };
    let arn = "ARN of a role, as `arn:aws:iam::123456789012:role/writer`";
    check("role_arn", role_arn, Role::is_arn, arn);
    let id = "external id, which has 2 to 1224 letters, digits and `_+=,.@:/-`";
    check("external_id", external_id, Role::is_external_id, id);
    let name = "name of a session, which has 2 to 64 letters, digits and `_+=,.@-`";
    check("role_session_name", role_session_name, Role::is_session_name, name);
    Some(Role {
        arn: role_arn.clone()?,
        external_id: external_id.clone(),
        session_name: role_session_name.clone().unwrap_or(Role::SESSION_NAME.to_owned()),
    })
}

/// What a build without the chain cannot do.
fn lacking(written: &Written) -> Vec<Problem> {
    let asks_for_chain = written.source.as_deref() == Some("chain");
    let asked = [
        ("source", asks_for_chain),
        ("profile", written.profile.is_some()),
        ("role_arn", written.role_arn.is_some()),
    ];
    let asked = asked.into_iter().filter(|(_, is_asked)| *is_asked);
    let message = "this build of spillway reads credentials from environment variables alone; \
                   build it with the cargo feature `aws-chain`";
    asked.map(|(field, _)| Problem::new(format!("credentials.{field}"), message)).collect()
}

#[cfg(feature = "aws-chain")]
fn settings(base: Base, role: Option<Role>) -> Settings {
    match (base, role) {
        (Base::Environment(environment), None) => Settings::Environment(environment),
        (base, role) => Settings::Aws(spillway::credentials::AwsChain { base, role, region: None }),
    }
}

#[cfg(not(feature = "aws-chain"))]
fn settings(base: Base, _: Option<Role>) -> Settings {
    match base {
        Base::Environment(environment) => Settings::Environment(environment),
        // `lacking` has refused a profile.
        Base::Standard | Base::Profile(_) => Settings::default(),
    }
}

const HAS_CHAIN: bool = cfg!(feature = "aws-chain");

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Written {
        toml::from_str(text).unwrap()
    }

    fn problems(text: &str) -> Vec<String> {
        let problems = meant(written(text)).err().unwrap_or_default();
        problems.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_spellings_of_the_origin_name_variables() {
        let text = "aws_access_token = 'A'\naws_secret_access_key = 'S'";
        let Settings::Environment(environment) = meant(written(text)).unwrap() else {
            panic!("they are variables, and nothing else")
        };
        assert_eq!(environment.access_key_id, "A");
        assert_eq!(environment.secret_access_key, "S");
        assert_eq!(environment.session_token, "AWS_SESSION_TOKEN");
    }

    #[test]
    fn a_value_in_the_place_of_a_name_is_refused_and_not_shown() {
        for value in ["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG", "", "7UP"] {
            let written =
                Written { secret_access_key_env: Some(value.to_owned()), ..Written::default() };
            let problems = meant(written).unwrap_err();
            assert_eq!(problems[0].field, "credentials.secret_access_key_env", "{value}");
            assert!(value.is_empty() || !problems[0].message.contains(value), "{value}");
        }
    }

    #[test]
    #[cfg(feature = "aws-chain")]
    fn what_is_said_of_the_chain_is_what_is_meant() {
        let chain = |text: &str| match meant(written(text)).unwrap() {
            Settings::Aws(chain) => chain,
            Settings::Environment(_) => panic!("{text}: only variables"),
        };
        for text in ["", "source = 'chain'"] {
            let chain = chain(text);
            assert!(matches!(chain.base, Base::Standard) && chain.role.is_none(), "{text}");
        }
        for text in ["profile = 'p'", "source = 'chain'\nprofile = 'p'"] {
            assert!(matches!(chain(text).base, Base::Profile(name) if name == "p"), "{text}");
        }
        let arn = "role_arn = 'arn:aws:iam::123456789012:role/r'";
        let role = chain(arn).role.unwrap();
        assert_eq!((role.external_id, role.session_name.as_str()), (None, "spillway"));
        let text = format!("{arn}\nexternal_id = 'id'\nrole_session_name = 'me'\nsource = 'chain'");
        let role = chain(&text).role.unwrap();
        assert_eq!((role.external_id.as_deref(), role.session_name.as_str()), (Some("id"), "me"));
        let text = format!("{arn}\nsource = 'environment'\naccess_key_id_env = 'ID'");
        let Base::Environment(environment) = chain(&text).base else { panic!("{text}") };
        assert_eq!(environment.access_key_id, "ID");
        let environment = meant(written("source = 'environment'")).unwrap();
        assert!(matches!(environment, Settings::Environment(_)));
    }

    #[test]
    fn what_is_asked_of_a_build_without_the_chain_is_named() {
        let fields = |text: &str| {
            let problems = lacking(&written(text)).into_iter();
            problems.map(|problem| problem.field).collect::<Vec<_>>()
        };
        assert_eq!(fields("source = 'chain'"), ["credentials.source"]);
        assert_eq!(fields("profile = 'p'"), ["credentials.profile"]);
        assert_eq!(fields("role_arn = 'r'"), ["credentials.role_arn"]);
        assert!(fields("").is_empty() && fields("source = 'environment'").is_empty());
    }

    #[test]
    #[cfg(not(feature = "aws-chain"))]
    fn a_build_without_the_chain_reads_variables() {
        for text in ["", "source = 'environment'"] {
            assert!(matches!(meant(written(text)).unwrap(), Settings::Environment(_)), "{text}");
        }
        assert!(problems("source = 'chain'")[0].contains("the cargo feature `aws-chain`"));
    }

    #[test]
    fn what_does_not_go_together_is_named() {
        let arn = "role_arn = 'arn:aws:iam::123456789012:role/r'\n";
        let of = |field: &str| format!("{arn}{field} = 'nobody ever sees this'");
        let cases = [
            ("source = 'imds'", "source: is \"imds\", expected \"chain\" or \"environment\""),
            (
                "source = 'chain'\nsecret_access_key_env = 'S'",
                "secret_access_key_env: has no meaning with source = \"chain\"",
            ),
            (
                "source = 'environment'\nprofile = 'p'",
                "profile: has no meaning with source = \"environment\"",
            ),
            (
                "aws_session_token = 'T'\nprofile = 'p'",
                "profile: has no meaning together with `session_token_env`",
            ),
            ("profile = ''", "profile: is empty"),
            ("external_id = 'id'", "external_id: has no meaning without `role_arn`"),
            ("role_session_name = 'me'", "role_session_name: has no meaning without `role_arn`"),
            ("role_arn = 'me'", "role_arn: is no ARN of a role, as `arn:aws:iam::123456789012:"),
            (&of("external_id"), "external_id: is no external id, which has 2 to 1224 "),
            (&of("role_session_name"), "role_session_name: is no name of a session, which has"),
        ];
        for (text, said) in cases {
            let problems = problems(text);
            let said = format!("credentials.{said}");
            assert!(problems.iter().any(|p| p.starts_with(&said)), "{text}: {problems:?}");
            assert!(!problems.concat().contains("nobody ever sees this"), "{problems:?}");
        }
    }
}
