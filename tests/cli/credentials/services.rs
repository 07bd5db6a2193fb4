//! The services of AWS that hand out credentials, as answers to one request.

use spillway_tests::program::Ended;
use spillway_tests::scripted::{Reply, Request};
use spillway_tests::server::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, Server};

use super::super::support::*;

/// Temporary credentials.
#[derive(Clone, Copy)]
pub struct Key {
    pub id: &'static str,
    pub secret: &'static str,
}

/// What a [`Server`] takes.
pub const GOOD: Key = Key { id: ACCESS_KEY_ID, secret: SECRET_ACCESS_KEY };
/// Comes with each [`Key`], and is shown nowhere.
pub const SESSION_TOKEN: &str = "a+session/token==of+nobody/knows+whom";
/// What is asked of who asks a metadata service.
pub const METADATA_TOKEN: &str = "a-metadata-token-of-nobody-knows-whom";
/// A web identity, or the login of a person.
pub const LOGIN: &str = "a.login.of-nobody-knows-whom";
/// The role that is assumed.
pub const ROLE: &str = "arn:aws:iam::123456789012:role/writer";

/// A place without credentials, and a store for what it runs.
pub fn place(flow: &str, server: &Server) -> Place {
    nowhere(flow).at(server)
}

/// A place without credentials.
pub fn nowhere(flow: &str) -> Place {
    let place = Place::of(flow, &event("a", "1"));
    place.without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY")
}

/// The flow with this in `[credentials]`.
pub fn flow(credentials: &str) -> String {
    format!("{FLOW}\n[credentials]\n{credentials}\n")
}

/// Runs the flow, which says no secret.
pub fn run(place: &Place) -> Ended {
    let ended = place.spillway(&["run", "flow.toml"]);
    for secret in [SECRET_ACCESS_KEY, SESSION_TOKEN, METADATA_TOKEN, LOGIN] {
        let shown = ended.out.contains(secret) || ended.err.contains(secret);
        assert!(!shown, "{secret:?} is shown: {ended:?}");
    }
    ended
}

/// Runs the flow, which stores its object.
pub fn stores(place: &Place, server: &Server) {
    let ended = run(place);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(server.objects().len(), 1);
}

/// The instance metadata service, version 2, of an instance with the role `writer`.
pub fn instance(request: &Request, key: Key) -> Reply {
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    match (request.method.as_str(), request.target.as_str()) {
        ("PUT", "/latest/api/token") => {
            let name = "x-aws-ec2-metadata-token-ttl-seconds";
            let ttl = header(request, name).expect("a lifetime is asked for");
            Reply::Answer(200, vec![format!("{name}: {ttl}")], METADATA_TOKEN.to_owned())
        }
        ("GET", _) if header(request, "x-aws-ec2-metadata-token") != Some(METADATA_TOKEN) => {
            Reply::status(401)
        }
        ("GET", ROLES) => answer("writer"),
        ("GET", target) if target.strip_prefix(ROLES) == Some("writer") => {
            answer(&metadata(key, "Success"))
        }
        _ => Reply::status(404),
    }
}

/// The metadata service of a container, behind `/role?id=1`.
pub fn container(request: &Request, key: Key) -> Reply {
    match (request.method.as_str(), request.target.as_str(), header(request, "authorization")) {
        ("GET", "/role?id=1", Some(METADATA_TOKEN)) => answer(&metadata(key, "Success")),
        ("GET", "/role?id=1", _) => Reply::status(401),
        _ => Reply::status(404),
    }
}

/// STS: AssumeRole where `fields` are those of the request, whichever they are beside.
pub fn sts(request: &Request, fields: &[(&str, &str)], key: Key) -> Reply {
    let form = form(request);
    let said = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    for (name, value) in fields {
        if said(name) != Some(value) {
            return denied(&format!("{name} is {:?}", said(name)));
        }
    }
    let action = said("Action").unwrap_or_default();
    let Key { id, secret } = key;
    answer(&format!(
        "<{action}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{action}Result>\
         <AssumedRoleUser><AssumedRoleId>AROA:me</AssumedRoleId>\
         <Arn>arn:aws:sts::123456789012:assumed-role/writer/me</Arn></AssumedRoleUser>\
         <Credentials><AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{SESSION_TOKEN}</SessionToken><Expiration>{END}</Expiration></Credentials>\
         </{action}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>\
         </{action}Response>"
    ))
}

/// STS does not allow it.
pub fn denied(message: &str) -> Reply {
    let body = format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
         <Type>Sender</Type><Code>AccessDenied</Code><Message>{message}</Message></Error>\
         <RequestId>1</RequestId></ErrorResponse>"
    );
    Reply::Answer(403, vec!["content-type: text/xml".to_owned()], body)
}

/// The portal of IAM Identity Center, for the person of [`LOGIN`].
pub fn portal(request: &Request, key: Key) -> Reply {
    let asked = (request.target.as_str(), header(request, "x-amz-sso_bearer_token"));
    let role = "/federation/credentials?role_name=writer&account_id=123456789012";
    if asked != (role, Some(LOGIN)) {
        return Reply::status(401);
    }
    let credentials = serde_json::json!({
        "accessKeyId": key.id, "secretAccessKey": key.secret, "sessionToken": SESSION_TOKEN,
        "expiration": END_MILLISECONDS,
    });
    answer(&serde_json::json!({ "roleCredentials": credentials }).to_string())
}

/// What a metadata service answers.
pub fn metadata(key: Key, code: &str) -> String {
    serde_json::json!({
        "Code": code, "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z",
        "AccessKeyId": key.id, "SecretAccessKey": key.secret, "Token": SESSION_TOKEN,
        "Expiration": END,
    })
    .to_string()
}

/// What a credential process prints.
pub fn printed(key: Key) -> String {
    serde_json::json!({
        "Version": 1, "AccessKeyId": key.id, "SecretAccessKey": key.secret,
        "SessionToken": SESSION_TOKEN, "Expiration": END,
    })
    .to_string()
}

pub fn answer(body: &str) -> Reply {
    Reply::Answer(200, vec![], body.to_owned())
}

/// The value of a header.
pub fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.iter().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The fields of a form.
pub fn form(request: &Request) -> Vec<(String, String)> {
    let body = std::str::from_utf8(&request.body).unwrap();
    let fields = body.split('&').filter_map(|field| field.split_once('='));
    fields.map(|(name, value)| (plain(name), plain(value))).collect()
}

fn plain(text: &str) -> String {
    let mut pieces = text.split('%');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| {
        let (code, rest) = piece.split_at(2);
        text + &char::from(u8::from_str_radix(code, 16).unwrap()).to_string() + rest
    })
}

const END: &str = "2099-01-01T00:00:00Z";
const END_MILLISECONDS: u64 = 4_070_908_800_000;
