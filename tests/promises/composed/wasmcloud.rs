//! The handler of wasmCloud with a sink and credentials, in a host that has messages.

use std::collections::BTreeSet;

use spillway::component::Component as Embedded;
use spillway::parts::Part;
use spillway_tests::server::Server;
use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime_wasi::WasiCtx;

use super::plain::{self, Host, engine, variables};
use super::{compose, names};
use bindings::Handler;
use bindings::exports::wasmcloud::messaging::handler::BrokerMessage;
use bindings::wasi::config::store::{self, Error};

#[allow(missing_docs, unused_qualifications, reason = "generated")]
#[allow(clippy::all, reason = "generated")]
mod bindings {
    wasmtime::component::bindgen!({
        path: [
            "../guest/compose/wasmcloud/wit/messaging.wit",
            "../guest/compose/wasmcloud/wit/config.wit",
        ],
        inline: "
            package test:host;
            world handler {
                import wasi:config/store@0.2.0-rc.1;
                export wasmcloud:messaging/handler@0.2.0;
            }
        ",
        world: "test:host/handler",
        exports: { default: async },
    });
}

impl store::Host for Host {
    fn get(&mut self, key: String) -> Result<Option<String>, Error> {
        match self.config.get(&key).map(String::as_str) {
            Some("fails") => Err(Error::Upstream("the vault is sealed".to_owned())),
            value => Ok(value.map(str::to_owned)),
        }
    }

    fn get_all(&mut self) -> Result<Vec<(String, String)>, Error> {
        Ok(self.config.clone().into_iter().collect())
    }
}

/// An instance that is given this configuration.
async fn instance(config: Option<&str>) -> (Store<Host>, Handler) {
    let sink = compose(Embedded::embedded(), &[Part::EnvCredentials.bytes()]);
    let bytes = compose(Part::Wasmcloud.bytes(), &[&sink]);
    assert_eq!(names(&bytes).1, ["wasmcloud:messaging/handler@0.2.0"]);
    let component = Component::new(engine(), &bytes).unwrap();
    let mut linker: Linker<Host> = plain::linker();
    store::add_to_linker::<_, HasSelf<Host>>(&mut linker, |host| host).unwrap();
    let mut store = plain::store(WasiCtx::builder().envs(&variables()).build());
    let config = config.map(|config| ("spillway_config".to_owned(), config.to_owned()));
    store.data_mut().config.extend(config);
    let handler = Handler::instantiate_async(&mut store, &component, &linker).await.unwrap();
    (store, handler)
}

async fn handle(
    (store, handler): &mut (Store<Host>, Handler),
    subject: &str,
    body: &[u8],
) -> Result<(), String> {
    let (subject, body) = (subject.to_owned(), body.to_vec());
    let message = BrokerMessage { subject, body, reply_to: Some("inbox".to_owned()) };
    handler.wasmcloud_messaging_handler().call_handle_message(store, &message).await.unwrap()
}

fn config(server: &Server, more: &str) -> String {
    let endpoint = server.endpoint();
    format!(r#"{{"bucket": "events", "endpoint": "{endpoint}", "attempts_max": 1{more}}}"#)
}

const NAMED: &str = r#", "key_template": "{key}/{uuid}", "framing": "none""#;

#[test]
fn what_is_acknowledged_is_stored() {
    let server = Server::start();
    server.runtime().block_on(async {
        let mut one = instance(Some(&config(&server, NAMED))).await;
        let mut other = instance(Some(&config(&server, NAMED))).await;
        let mut wanted = BTreeSet::new();
        for n in 0..20 {
            // A host may keep an instance, or not.
            let instance = if n % 2 == 0 { &mut one } else { &mut other };
            let body = [&[0xff, b'\n', n][..], &vec![b'x'; usize::from(n) * 100]].concat();
            handle(instance, "orders.new", &body).await.unwrap();
            wanted.insert(body);
            let stored: BTreeSet<_> = server.contents().into_values().collect();
            assert!(stored == wanted, "message {n} is there as soon as it is acknowledged");
        }
        assert!(server.contents().keys().all(|key| key.starts_with("orders.new/")));
        // Braces that stand for themselves hide no placeholder.
        let braced = r#", "key_template": "{{{key}}}/{uuid}", "framing": "none""#;
        let mut braced = instance(Some(&config(&server, braced))).await;
        handle(&mut braced, "braced", b"braced").await.unwrap();
        assert!(server.contents().keys().any(|key| key.starts_with("{braced}/")));
        // An empty one is one, too.
        handle(&mut one, "empty", b"").await.unwrap();
        assert_eq!(server.objects().len(), 22);
    });
}

#[test]
fn what_is_not_stored_is_not_acknowledged() {
    let server = Server::start();
    let good = config(&server, NAMED);
    let other = good.replace("events", "no-such-bucket");
    let no_name = config(&server, "");
    let replaced = config(&server, r#", "key_template": "{key}""#);
    let literal = config(&server, r#", "key_template": "{key}/{{uuid}}""#);
    let waits = config(&server, r#", "key_template": "{uuid}", "commit": "checkpointed""#);
    for (config, subject, said) in [
        (None, "a", "wasi:config/store has no `spillway_config`"),
        (Some("fails"), "a", "wasi:config/store cannot be read: the vault is sealed"),
        (Some("{"), "a", "spillway_config: key_template: expected a name with {uuid}"),
        (Some(&*no_name), "a", "spillway_config: key_template: expected a name with {uuid}"),
        (Some(&*replaced), "a", "spillway_config: key_template: expected a name with {uuid}"),
        (Some(&*literal), "a", "spillway_config: key_template: expected a name with {uuid}"),
        (Some(&*good), "", "the message has no subject"),
        (Some(&*good), &*"x".repeat(1_024), "bytes, but S3 allows 1024"),
        (Some(&*other), "a", "no-such-bucket"),
        (Some(&*waits), "a", "the sink does not say that the message is stored"),
    ] {
        server.runtime().block_on(async {
            let mut instance = instance(config).await;
            let error = handle(&mut instance, subject, b"x").await.expect_err(said);
            assert!(error.contains(said), "{said}: {error}");
            // Nor later, with a message that is taken.
            let _ = handle(&mut instance, subject, b"x").await.expect_err(said);
        });
        assert!(server.objects().is_empty(), "{said}");
    }
}
