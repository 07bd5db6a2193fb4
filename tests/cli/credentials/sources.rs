//! Each source, with a store that takes no other credentials than those it hands out.

use spillway_tests::scripted::{Reply, Request, Scripted};
use spillway_tests::server::Server;

use super::super::support::*;
use super::services::*;

#[test]
fn the_metadata_of_an_instance() {
    let server = Server::start();
    let instance = Scripted::start(|request| instance(request, GOOD));
    let place = on_instance(place(FLOW, &server), &instance);
    stores(&place, &server);
    let requests: Vec<_> = instance.rest().iter().map(|r| r.method.clone()).collect();
    assert_eq!(requests, ["PUT", "GET", "GET"]);
}

#[test]
fn the_metadata_of_a_container() {
    let server = Server::start();
    let container = Scripted::start(|request| container(request, GOOD));
    let place = in_container(place(FLOW, &server), &container);
    stores(&place.with("AWS_CONTAINER_AUTHORIZATION_TOKEN", METADATA_TOKEN), &server);
}

#[test]
fn the_token_of_a_container_may_be_in_a_file() {
    let server = Server::start();
    let container = Scripted::start(|request| container(request, GOOD));
    let place = in_container(place(FLOW, &server), &container);
    place.write("token", METADATA_TOKEN);
    let file = place.path("token").display().to_string();
    stores(&place.with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file), &server);
}

#[test]
fn a_web_identity() {
    let server = Server::start();
    let sts = Scripted::start(|request| {
        let fields = [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("RoleArn", ROLE),
            ("RoleSessionName", "me"),
            ("WebIdentityToken", LOGIN),
        ];
        sts(request, &fields, GOOD)
    });
    let place = place(FLOW, &server).with("AWS_ENDPOINT_URL_STS", &sts.endpoint());
    place.write("identity", LOGIN);
    let file = place.path("identity").display().to_string();
    let place = place.with("AWS_WEB_IDENTITY_TOKEN_FILE", &file).with("AWS_ROLE_ARN", ROLE);
    stores(&place.with("AWS_ROLE_SESSION_NAME", "me"), &server);
}

/// The role of a profile is assumed with the keys of another one.
#[test]
fn a_role_of_a_profile() {
    let server = Server::start();
    let sts = Scripted::start(|request| {
        let fields = [
            ("Action", "AssumeRole"),
            ("RoleArn", ROLE),
            ("RoleSessionName", "me"),
            ("ExternalId", "an-id"),
        ];
        sts(request, &fields, GOOD)
    });
    let place = place(FLOW, &server).with("AWS_ENDPOINT_URL_STS", &sts.endpoint());
    write_profiles(
        &place,
        &format!(
            "[profile writer]\nrole_arn = {ROLE}\nsource_profile = base\nexternal_id = an-id\n\
             role_session_name = me\nregion = eu-central-1\n"
        ),
        "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base/secret\n",
    );
    stores(&place.with("AWS_PROFILE", "writer"), &server);
    assert_signed(&sts.rest()[0], "AKIABASE", "eu-central-1");
}

#[test]
fn a_profile_that_the_flow_names_goes_before_variables() {
    let server = Server::start();
    let place = place(&flow("profile = \"mine\""), &server);
    let place = place.with("AWS_ACCESS_KEY_ID", "AKIAOTHER").with("AWS_SECRET_ACCESS_KEY", "other");
    write_profiles(&place, "", &keys_of("mine"));
    stores(&place.with("AWS_PROFILE", "other"), &server);
}

#[test]
fn the_default_profile_and_variables_before_it() {
    let server = Server::start();
    let place = place(&flow("source = \"chain\""), &server);
    write_profiles(&place, "", &keys_of("default"));
    stores(&place, &server);
    let wrong = "[default]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = other\n";
    write_profiles(&place, "", wrong);
    let place = place.with("AWS_ACCESS_KEY_ID", GOOD.id);
    stores(&place.with("AWS_SECRET_ACCESS_KEY", GOOD.secret), &server);
}

#[test]
fn a_process() {
    let server = Server::start();
    let place = place(&flow("profile = \"tool\""), &server);
    place.write("answer.json", printed(GOOD));
    let config = format!("[profile tool]\ncredential_process = cat {}\n", answer_file(&place));
    write_profiles(&place, &config, "");
    stores(&place, &server);
}

/// What comes by standard input are events, also where the process would read it to its end.
#[test]
fn a_process_takes_no_events() {
    let server = Server::start();
    let file = "type = \"file\"\npath = \"events.json\"";
    let from_stdin = flow("profile = \"tool\"").replace(file, "type = \"stdin\"");
    let place = place(&from_stdin, &server);
    place.write("answer.json", printed(GOOD));
    let config =
        format!("[profile tool]\ncredential_process = cat > taken; cat {}\n", answer_file(&place));
    write_profiles(&place, &config, "");
    let mut running = place.start(&["run", "flow.toml"]);
    running.write(event("a", "1").as_bytes());
    running.write(event("b", "2").as_bytes());
    eventually("the first object", || server.contents().contains_key("a"));
    let rest: String = (0..100).map(|number| event("c", &number.to_string())).collect();
    running.write(rest.as_bytes());
    let ended = guarded(running.end());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(place.files(".")["taken"], b"");
    let stored = server.contents()["c"].iter().filter(|byte| **byte == b'\n').count();
    assert_eq!((stored, server.objects().len()), (100, 3));
}

#[test]
fn the_login_of_a_person() {
    let server = Server::start();
    let portal = Scripted::start(|request| portal(request, GOOD));
    let place = place(&flow("profile = \"person\""), &server);
    let place = place.with("AWS_ENDPOINT_URL_SSO", &portal.endpoint());
    write_login(&place, "2099-01-01T00:00:00Z");
    stores(&place, &server);
    assert_eq!(portal.rest().len(), 1);
}

/// As the store is, while metadata is near.
#[test]
fn services_are_asked_through_a_proxy() {
    let server = Server::start();
    let proxy = Scripted::start(|request| match request.target.split_once(".invalid") {
        Some(("http://sts", _)) => {
            sts(request, &[("Action", "AssumeRoleWithWebIdentity"), ("RoleArn", ROLE)], GOOD)
        }
        Some(("http://sso", target)) => {
            portal(&Request { target: target.to_owned(), ..request.clone() }, GOOD)
        }
        _ => Reply::status(502),
    });
    let through = |place: Place, service: &str| {
        let place = place.with("HTTP_PROXY", &proxy.endpoint());
        place.with(&format!("AWS_ENDPOINT_URL_{}", service.to_uppercase()), &{
            format!("http://{service}.invalid")
        })
    };
    let place = through(place(FLOW, &server), "sts");
    place.write("identity", LOGIN);
    let file = place.path("identity").display().to_string();
    stores(&place.with("AWS_WEB_IDENTITY_TOKEN_FILE", &file).with("AWS_ROLE_ARN", ROLE), &server);
    let place = through(nowhere(&flow("profile = \"person\"")).at(&server), "sso");
    write_login(&place, "2099-01-01T00:00:00Z");
    stores(&place, &server);
    assert_eq!(proxy.rest().len(), 2);

    let instance = Scripted::start(|request| instance(request, GOOD));
    let place = on_instance(nowhere(FLOW).at(&server), &instance);
    stores(&place.with("HTTP_PROXY", &proxy.endpoint()), &server);
    assert_eq!(proxy.rest().len(), 0);
}

/// Which the flow asks for itself, with whatever the chain finds.
#[test]
fn a_role_of_the_flow() {
    let server = Server::start();
    let sts = Scripted::start(|request| {
        let fields = [
            ("Action", "AssumeRole"),
            ("RoleArn", ROLE),
            ("RoleSessionName", "a-session"),
            ("ExternalId", "an:id/of-theirs"),
        ];
        sts(request, &fields, GOOD)
    });
    let role = format!(
        "role_arn = \"{ROLE}\"\nexternal_id = \"an:id/of-theirs\"\n\
         role_session_name = \"a-session\""
    );
    let place = place(&flow(&role), &server).with("AWS_ENDPOINT_URL_STS", &sts.endpoint());
    let place = place.with("AWS_ACCESS_KEY_ID", "AKIABASE").with("AWS_SECRET_ACCESS_KEY", "secret");
    stores(&place.with("AWS_REGION", "ap-south-1"), &server);
    assert_signed(&sts.rest()[0], "AKIABASE", "ap-south-1");
}

/// The bucket is not at AWS, so its region says nothing of STS.
#[test]
fn a_role_of_the_flow_on_top_of_named_variables() {
    let server = Server::start();
    let fields = [("Action", "AssumeRole"), ("RoleSessionName", "spillway")];
    let sts = Scripted::start(move |request| {
        let is_bare = !form(request).iter().any(|(name, _)| name == "ExternalId");
        if is_bare { sts(request, &fields, GOOD) } else { denied("there is an external id") }
    });
    let role = format!(
        "role_arn = \"{ROLE}\"\naccess_key_id_env = \"MY_ID\"\nsecret_access_key_env = \"MY_KEY\""
    );
    let flow = flow(&role).replace("bucket =", "region = \"elsewhere\"\nbucket =");
    let place = place(&flow, &server).with("AWS_ENDPOINT_URL_STS", &sts.endpoint());
    stores(&place.with("MY_ID", "AKIAMINE").with("MY_KEY", "secret"), &server);
    assert_signed(&sts.rest()[0], "AKIAMINE", "us-east-1");
}

/// The example of the repository, with a bucket on this machine.
#[test]
fn the_example_runs() {
    let server = Server::start();
    let sts = Scripted::start(|request| {
        let fields = [("RoleArn", ROLE), ("ExternalId", "theirs"), ("RoleSessionName", "spillway")];
        sts(request, &fields, GOOD)
    });
    let example = std::fs::read_to_string(repository().join("examples/role.toml")).unwrap();
    let flow = example.replace("[sink.config]", "[sink.config]\nendpoint = \"${ENDPOINT}\"");
    let place = place(&flow, &server).with("AWS_ENDPOINT_URL_STS", &sts.endpoint());
    std::fs::create_dir(place.path("examples")).unwrap();
    let sample = "examples/sample.json";
    std::fs::copy(repository().join(sample), place.path(sample)).unwrap();
    write_profiles(&place, "", "[default]\naws_access_key_id = I\naws_secret_access_key = S\n");
    let place = place.with("BUCKET", spillway_tests::server::BUCKET);
    let ended = run(&place.with("EXTERNAL_ID", "theirs"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(server.objects().len(), 3);
}

/// Points the chain at a metadata service of an instance.
pub fn on_instance(place: Place, service: &Scripted) -> Place {
    let place = place.without("AWS_EC2_METADATA_DISABLED");
    place.with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &service.endpoint())
}

/// Points the chain at a metadata service of a container.
pub fn in_container(place: Place, service: &Scripted) -> Place {
    let url = format!("{}/role?id=1", service.endpoint());
    place.with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)
}

/// Writes the files that AWS tools keep profiles in.
pub fn write_profiles(place: &Place, config: &str, credentials: &str) {
    std::fs::create_dir_all(place.path(".aws")).unwrap();
    place.write(".aws/config", config);
    place.write(".aws/credentials", credentials);
}

/// Writes the profile `person`, whose login ends then.
pub fn write_login(place: &Place, end: &str) {
    let config = "[profile person]\nsso_session = fake\nsso_account_id = 123456789012\n\
                  sso_role_name = writer\n[sso-session fake]\nsso_region = us-east-1\n\
                  sso_start_url = https://fake.awsapps.com/start\n";
    write_profiles(place, config, "");
    std::fs::create_dir_all(place.path(".aws/sso/cache")).unwrap();
    let login = serde_json::json!({
        "accessToken": LOGIN, "expiresAt": end, "region": "us-east-1",
        "startUrl": "https://fake.awsapps.com/start",
    });
    // The SHA-1 of the session's name, `fake`.
    let file = ".aws/sso/cache/c053ecf9ed41df0311b9df13cc6c3b6078d2d3c2.json";
    place.write(file, login.to_string());
}

/// A file for a credential process to print.
pub fn answer_file(place: &Place) -> String {
    place.path("answer.json").display().to_string()
}

fn keys_of(profile: &str) -> String {
    let Key { id, secret } = GOOD;
    format!("[{profile}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\n")
}

#[track_caller]
fn assert_signed(request: &Request, id: &str, region: &str) {
    let authorization = header(request, "authorization").unwrap();
    let scope = |text: &str| authorization.contains(text);
    assert!(scope(&format!("Credential={id}/")), "{authorization}");
    assert!(scope(&format!("/{region}/sts/aws4_request")), "{authorization}");
}
