//! Credentials that are not there, or do not come: which source was asked, and what it said. No
//! text holds a secret; `run` looks for them.

use std::net::TcpListener;

use spillway_tests::scripted::{Reply, Request, Scripted};
use spillway_tests::server::Server;

use super::super::support::*;
use super::services::*;
use super::sources::{answer_file, in_container, on_instance, write_login, write_profiles};

/// A flow that asks twice and gives up.
fn impatient(credentials: &str) -> String {
    flow(credentials).replace("attempts_max = 2", "attempts_max = 2\nretry_time_max_ms = 0")
}

/// The flow fails for want of credentials, which is said so, and nobody asks the store.
#[track_caller]
fn fails(place: Place, said: &[&str]) {
    let server = Server::start();
    let ended = run(&place.at(&server));
    assert_fails(&ended, 1, said);
    assert_eq!(server.requests_total(), 0);
}

const NONE: &str = "no credentials are configured: ";
const BROKEN: &str = "the credentials could not be loaded: ";
const UNSET: &str = "environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set; ";

/// The sink is in the middle of a call while it waits for them.
#[test]
fn a_second_signal_ends_a_run_that_waits_for_them() {
    let service = Scripted::start(|_| Reply::Silence);
    let url = format!("{}/role", service.endpoint());
    let place = nowhere(FLOW).with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    let place = place.with("ENDPOINT", "http://127.0.0.1:1");
    let mut running = place.start(&["run", "flow.toml", "--json"]);
    service.wait_for("request", |_| true);
    running.signal("INT");
    running.wait_for("stopping: ");
    running.signal("INT");
    let ended = guarded(running.ends());
    let summary = summary(&ended);
    assert_eq!((ended.code, &summary["stored_events"]), (Some(130), &0.into()), "{ended:?}");
}

#[test]
fn nothing_is_configured() {
    let everybody = [
        &format!("{NONE}{UNSET}"),
        "; profile `default`: no file has it, or it contains no credentials; ",
        "; web identity (AWS_WEB_IDENTITY_TOKEN_FILE): $AWS_WEB_IDENTITY_TOKEN_FILE was not set; ",
        "; container metadata (AWS_CONTAINER_*): ECS provider not configured; ",
        "; instance metadata: IMDS disabled by AWS_EC2_METADATA_DISABLED",
    ];
    fails(nowhere(FLOW), &everybody);
    // A port that was free a moment ago.
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = nowhere(FLOW).without("AWS_EC2_METADATA_DISABLED");
    let place = place.with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &format!("http://{nobody}"));
    let said = "; instance metadata: could not communicate with IMDS";
    fails(place, &[&format!("{NONE}{UNSET}"), said, "Connection refused"]);
}

/// As an address that leads nowhere, or a proxy in between.
#[test]
fn a_metadata_service_that_never_answers_is_given_up() {
    let instance = Scripted::start(|_| Reply::Silence);
    let place = on_instance(nowhere(&impatient("")), &instance);
    fails(place, &[NONE, "; instance metadata: could not communicate with IMDS"]);
}

#[test]
fn an_instance_without_a_role() {
    let instance = Scripted::start(|request| match request.method.as_str() {
        "PUT" => instance(request, GOOD),
        _ => Reply::status(404),
    });
    let place = on_instance(nowhere(FLOW), &instance);
    fails(place, &[NONE, "; instance metadata: received 404 from IMDS"]);
}

/// Other clouds have services of their own at that address.
#[test]
fn metadata_that_is_no_instances() {
    for status in [200, 400, 403, 404, 405] {
        let other = Scripted::start(move |_| {
            Reply::Answer(status, vec![], format!("<html>{SESSION_TOKEN}</html>"))
        });
        let place = on_instance(nowhere(FLOW), &other);
        fails(place, &[NONE, "; instance metadata: failed to load IMDS session token: "]);
        assert_eq!(other.rest().len(), 1);
    }
}

/// It shows a number, and nothing of what comes with it.
#[test]
fn metadata_that_breaks() {
    let instance = Scripted::start(|request| match request.method.as_str() {
        "PUT" => instance(request, GOOD),
        _ => Reply::Answer(500, vec![], metadata(GOOD, "Success")),
    });
    let place = on_instance(nowhere(&impatient("")), &instance);
    fails(place, &[BROKEN, "; instance metadata: status 500"]);
}

#[test]
fn metadata_that_holds_no_credentials() {
    let torn = metadata(GOOD, "Success").replace(",\"Type\"", ",Type");
    let lacking = metadata(GOOD, "Success").replace("Expiration", "Exhalation");
    let timeless = metadata(GOOD, "Success").replace("2099-01-01T00:00:00Z", SESSION_TOKEN);
    let refused = "{\"Code\": \"Busy\", \"Message\": \"come back\"}".to_owned();
    for (body, said) in [
        (torn, "invalid JSON"),
        (lacking, "`Expiration`"),
        (timeless, "`Expiration`"),
        (refused, "Busy"),
    ] {
        let of_instance = body.clone();
        let instance = Scripted::start(move |request| match request.target.as_str() {
            target if target.ends_with("/writer") => answer(&of_instance),
            _ => instance(request, GOOD),
        });
        let place = on_instance(nowhere(&impatient("")), &instance);
        fails(place, &[BROKEN, UNSET, "; instance metadata: ", said]);
        let container = Scripted::start(move |_| answer(&body));
        let place = in_container(nowhere(&impatient("")), &container);
        fails(place, &[BROKEN, UNSET, "; container metadata (AWS_CONTAINER_*): ", said]);
    }
}

#[test]
fn a_container_that_is_configured_is_the_last_that_is_asked() {
    let instance = Scripted::start(|request| instance(request, GOOD));
    let container = Scripted::start(|request| container(request, GOOD));
    let place = in_container(on_instance(nowhere(&impatient("")), &instance), &container);
    fails(place, &[BROKEN, "; container metadata (AWS_CONTAINER_*): ", "401"]);
    assert!(instance.rest().is_empty());
}

/// Services that it may not ask are no matter of trying again.
#[test]
fn a_container_service_may_not_be_anywhere() {
    let place = nowhere(FLOW).with("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/role");
    fails(
        place,
        &[
            NONE,
            "; container metadata (AWS_CONTAINER_*): invalid full URI",
            "not refer to an allowed IP",
        ],
    );
}

#[test]
fn a_role_that_may_not_be_assumed() {
    let sts = Scripted::start(|request| sts(request, &[("ExternalId", "theirs")], GOOD));
    let role = format!("role_arn = \"{ROLE}\"\nexternal_id = \"another\"");
    let place = Place::of(&impatient(&role), &event("a", "1"));
    let place = place.with("AWS_ENDPOINT_URL_STS", &sts.endpoint());
    let said = format!("{BROKEN}role {ROLE}: ");
    fails(place, &[&said, "AccessDenied: ExternalId is Some(\"another\")"]);
}

#[test]
fn a_web_identity_that_is_no_more() {
    let sts = Scripted::start(|_| denied("who is that"));
    let identity = |flow: &str| {
        let place = nowhere(flow).with("AWS_ENDPOINT_URL_STS", &sts.endpoint());
        let file = place.path("identity").display().to_string();
        place.with("AWS_WEB_IDENTITY_TOKEN_FILE", &file).with("AWS_ROLE_ARN", ROLE)
    };
    fails(
        identity(&impatient("")),
        &[BROKEN, "; web identity (AWS_WEB_IDENTITY_TOKEN_FILE): ", "No such file"],
    );
    let place = identity(&impatient(""));
    place.write("identity", LOGIN);
    fails(
        place,
        &[BROKEN, "; web identity (AWS_WEB_IDENTITY_TOKEN_FILE): ", "AccessDenied: who is that"],
    );
}

/// The request is not sent, and its token is not shown either.
#[test]
fn an_endpoint_that_is_none() {
    let place = nowhere(&impatient("")).with("AWS_ENDPOINT_URL_STS", "nonsense");
    place.write("identity", LOGIN);
    let file = place.path("identity").display().to_string();
    let place = place.with("AWS_WEB_IDENTITY_TOKEN_FILE", &file).with("AWS_ROLE_ARN", ROLE);
    fails(place, &[BROKEN, "failed to apply endpoint `nonsense`", "endpoint must contain scheme"]);
}

#[test]
fn a_login_that_is_over_or_was_never_made() {
    let portal = Scripted::start(|request| portal(request, GOOD));
    let person = || {
        let place = nowhere(&impatient("profile = \"person\""));
        let place = place.with("AWS_ENDPOINT_URL_SSO", &portal.endpoint());
        write_login(&place, "2001-01-01T00:00:00Z");
        place
    };
    fails(person(), &[BROKEN, "profile `person`: ", "expired"]);
    let place = person();
    std::fs::remove_dir_all(place.path(".aws/sso")).unwrap();
    let said = "failed to load the cached SSO token: log in again, as with `aws sso login`";
    fails(place, &[BROKEN, "profile `person`: ", said]);
    assert!(portal.rest().is_empty());
}

#[test]
fn a_process_that_fails() {
    let Key { secret, .. } = GOOD;
    let unsound = printed(GOOD).replace(secret, &format!("{secret}\\n"));
    let scripts = [
        (format!("echo {secret} >&2; exit 3"), "exited with code exit status: 3; run it by hand"),
        (format!("echo {secret}"), "could not parse response: invalid JSON"),
        (format!("echo '{{\"Version\": 1, \"SecretAccessKey\": \"{secret}\"}}'"), "`AccessKeyId`"),
        (format!("echo '{{\"Version\": 7, \"SecretAccessKey\": \"{secret}\"}}'"), "7"),
        (format!("cat <<'END'\n{unsound}\nEND"), "contains a blank, a line end or"),
    ];
    for (script, said) in scripts {
        let place = nowhere(&impatient("profile = \"tool\""));
        place.write("tool.sh", script);
        let tool = place.path("tool.sh").display().to_string();
        let config = format!("[profile tool]\ncredential_process = sh {tool} {secret}\n");
        write_profiles(&place, &config, "");
        fails(place, &[BROKEN, "profile `tool`: ", said]);
    }
}

#[test]
fn a_profile_that_does_not_fit_together() {
    let cases = [
        ("[profile p]\nregion = us-east-1\n", "profile `p`: no file has it, or it contains no"),
        ("[profile p]\nsso_session = none\nsso_account_id = 1\nsso_role_name = r\n", "`none`"),
        ("[profile p]\nrole_arn = r\nsource_profile = q\n", "`q`"),
    ];
    for (config, said) in cases {
        let place = nowhere(&flow("profile = \"p\""));
        write_profiles(&place, config, "");
        fails(place, &[NONE, said]);
    }
}

/// Not even where another source would have credentials: they are not those that were meant.
#[test]
fn a_profile_that_is_missing_is_not_passed_over() {
    let instance = Scripted::start(|request| instance(request, GOOD));
    let profiles = [
        ("[profile other]\nregion = us-east-1\n", "wrtier"),
        ("[profile p]\nrole_arn = r\nsource_profile = q\n", "p"),
        ("[default]\nrole_arn = r\nsource_profile = q\n", ""),
    ];
    for (config, selected) in profiles {
        let place = on_instance(nowhere(FLOW), &instance).with("AWS_PROFILE", selected);
        write_profiles(&place, config, "");
        let name = if selected.is_empty() { "default" } else { selected };
        fails(place, &[NONE, &format!("; profile `{name}`: "), "was not defined"]);
    }
    assert!(instance.rest().is_empty());
}

/// What can be known of the chain without asking anybody is known before anything is sent.
#[test]
fn a_profile_that_is_nowhere_is_named_beforehand() {
    let place = nowhere(&flow("profile = \"wrtier\""));
    write_profiles(&place, "[profile writer]\nregion = us-east-1\n", "");
    for command in ["check", "run"] {
        let ended = place.spillway(&[command, "flow.toml"]);
        let said = "credentials.profile: no file of AWS profiles has `wrtier`; there are writer";
        assert_fails(&ended, 2, &[said]);
    }
    write_profiles(&place, "[profile writer\n", "");
    let ended = place.spillway(&["run", "flow.toml"]);
    assert_fails(&ended, 2, &["credentials.profile: the files of AWS profiles cannot be read: "]);
}

#[test]
fn a_check_asks_nobody_and_says_so() {
    let nobody = Scripted::start(|_| Reply::status(500));
    let place =
        on_instance(nowhere(FLOW), &nobody).with("AWS_ENDPOINT_URL_STS", &nobody.endpoint());
    let place = place.with("ENDPOINT", &nobody.endpoint());
    let note = "\nIts credentials are loaded when it runs.\n";
    let checked = |place: &Place| {
        let ended = place.spillway(&["check", "flow.toml"]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
        ended.out.ends_with(note)
    };
    assert!(checked(&place));
    let place = in_container(place, &nobody);
    assert!(checked(&place));
    let place = place.with("AWS_ACCESS_KEY_ID", "id").with("AWS_SECRET_ACCESS_KEY", "secret");
    assert!(!checked(&place));
    place.write("flow.toml", flow(&format!("role_arn = \"{ROLE}\"")));
    assert!(checked(&place));
    let asked: Vec<Request> = nobody.rest();
    assert!(asked.is_empty(), "{asked:?}");
}

#[test]
fn a_process_is_not_run_by_a_check() {
    let place = nowhere(&flow("profile = \"tool\"")).with("ENDPOINT", "http://127.0.0.1:1");
    let touched = answer_file(&place);
    write_profiles(&place, &format!("[profile tool]\ncredential_process = touch {touched}\n"), "");
    assert_eq!(place.spillway(&["check", "flow.toml"]).code, Some(0));
    assert!(!place.path("answer.json").exists());
}
