//! A host with nothing of Spillway in it but the file of its component and `wit/`: wasmtime, its
//! WASI crates, and a pooled HTTP client. It stores lines from standard input.
//!
//! ```text
//! AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… bare COMPONENT CONFIG HOST:PORT < LINES
//! ```
//!
//! `COMPONENT` is what `spillway component` writes, `CONFIG` a file of JSON, and `HOST:PORT` the
//! one server that the component may reach. The comments say what each step is there for.
//! `docs/embedding.md` lists what a bare host must know.

use std::io::BufRead;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use http::uri::Scheme;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::mpsc;
use wasmtime::component::{Component, HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{
    Config, Engine, Store, StoreContextMut, StoreLimits, StoreLimitsBuilder, UpdateDeadline,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::LinkOptions;
use wasmtime_wasi_http::p2::bindings::http::{outgoing_handler, types as http_types};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks,
    WasiHttpView,
};

mod contract {
    // The world `spillway:s3/s3` without its imports from WASI: wasmtime has bindings for those.
    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package example:bare;
            world component {
                import spillway:s3/credentials@0.2.0;
                export spillway:sink/sink@0.2.0;
            }
        ",
        world: "example:bare/component",
        imports: { default: async },
        exports: { default: async },
    });
}

use contract::ComponentPre;
use contract::spillway::s3::credentials::{self, CredentialSet, Failure};
use contract::spillway::sink::types::{Boundaries, Ending, Framing, Payload, Progress, Run};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [component, config, server] = arguments.as_slice() else {
        bail!("usage: bare COMPONENT CONFIG HOST:PORT < LINES")
    };
    let config = std::fs::read_to_string(config).context("cannot read CONFIG")?;

    let engine = engine()?;
    let component = Component::from_file(&engine, component)?;
    let mut linker = Linker::new(&engine);
    link(&mut linker)?;
    let component = ComponentPre::new(linker.instantiate_pre(&component)?)?;
    let mut store = store(&engine, server)?;
    let component = component.instantiate_async(&mut store).await?;
    let sink = component.spillway_sink_sink();

    // What it wants to reach. This host has its own list, and only says what is wrong early.
    let wanted = sink.call_egress(&mut store, &config).await?.map_err(refused)?;
    ensure!(wanted == [server.as_str()], "the component wants to reach {wanted:?}");

    let calls = sink.sink();
    allow_compute(&mut store);
    let opened = calls.call_open(&mut store, &config, None).await?.map_err(refused)?;
    let mut lines = lines_of_standard_input();
    let mut first = 0;
    loop {
        // A sink does nothing between calls: while there is nothing to write, `poll` ends objects
        // whose time is over and starts the next requests.
        let run = match tokio::time::timeout(POLL_INTERVAL, lines.recv()).await {
            Ok(Some(lines)) => Some(lines?),
            Ok(None) => break,
            Err(_) => None,
        };
        if let Some((lines, count)) = run {
            let run = Run {
                key: "lines".to_owned(),
                first,
                at: None,
                payload: Payload::Bytes(lines),
                boundaries: Boundaries::Lines(count),
                framing: Framing::Newline,
            };
            first += u64::from(count);
            allow_compute(&mut store);
            let rejected = calls.call_write(&mut store, opened, &[run]).await?.map_err(refused)?;
            ensure!(rejected.is_empty(), "rejected: {rejected:?}");
        }
        allow_compute(&mut store);
        report(&calls.call_poll(&mut store, opened).await?.map_err(refused)?)?;
    }
    allow_compute(&mut store);
    let closed = calls.call_close(&mut store, opened, Ending::Complete).await?;
    let progress = closed.map_err(refused)?;
    report(&progress)?;
    // A component may be wrong, or lie: what it says is compared with what it was given.
    ensure!(progress.durable == first, "{} of {first} lines are durable", progress.durable);
    eprintln!("stored {first} lines");
    Ok(())
}

/// The engine, and a clock that lets a call be interrupted.
fn engine() -> wasmtime::Result<Engine> {
    let mut config = Config::new();
    // On by default, and of no use to components of WASI 0.2: without it each call is cheaper.
    config.concurrency_support(false);
    // Without interruptions, a component that loops blocks its thread for ever.
    config.epoch_interruption(true);
    let engine = Engine::new(&config)?;
    let weak = engine.weak();
    std::thread::spawn(move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            std::thread::sleep(TICK);
        }
    });
    Ok(engine)
}

/// A store with bounds on all that a component may use up.
fn store(engine: &Engine, server: &str) -> anyhow::Result<Store<State>> {
    let mut table = ResourceTable::new();
    // Handles: of requests, bodies, streams. Unbounded by default.
    table.set_max_capacity(HANDLES_MAX);
    let state = State {
        table,
        // No arguments, no variables, no files; standard streams that hold nothing.
        wasi: WasiCtx::builder().build(),
        http: WasiHttpCtx::new(),
        hooks: Hooks { client: client()?, server: server.to_lowercase() },
        limits: StoreLimitsBuilder::new().memory_size(MEMORY_BYTES_MAX).build(),
        ticks_left: 0,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limits);
    // How much one call may hand over, 128 MiB by default. A checkpoint may be larger.
    store.set_hostcall_fuel(MEMORY_BYTES_MAX);
    // Counts ticks that find the component running. `set_epoch_deadline` alone would also count the
    // time in which it waits for the store, and end it after a slow answer.
    store.epoch_deadline_callback(|mut store| {
        let left = &mut store.data_mut().ticks_left;
        *left = left.checked_sub(1).ok_or_else(|| wasmtime::format_err!("it computes too long"))?;
        Ok(UpdateDeadline::Yield(1))
    });
    store.set_epoch_deadline(1);
    allow_compute(&mut store);
    Ok(store)
}

/// Before each call: how long it may compute.
fn allow_compute(store: &mut Store<State>) {
    store.data_mut().ticks_left = COMPUTE_TICKS;
}

/// Links credentials, WASI without files and sockets, and HTTP requests. Not with
/// `wasmtime_wasi_http::p2::add_to_linker_async`: wasmtime 48 never drops the options of a request,
/// so each request leaves a handle in the table, which is full after `HANDLES_MAX` requests. The
/// `handle` of this host drops them.
fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    credentials::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    wasmtime_wasi::p2::add_to_linker_proxy_interfaces_async(linker)?;
    let options = LinkOptions::default();
    http_types::add_to_linker::<_, WasiHttp>(linker, &options.into(), State::http)?;
    linker.instance("wasi:http/outgoing-handler@0.2.0")?.func_wrap("handle", handle)
}

type Handled = Result<Resource<HostFutureIncomingResponse>, outgoing_handler::ErrorCode>;

fn handle(
    mut store: StoreContextMut<'_, State>,
    (request, options): (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>),
) -> wasmtime::Result<(Handled,)> {
    let mut http = store.data_mut().http();
    let number = options.as_ref().map(Resource::rep);
    let handled = outgoing_handler::Host::handle(&mut http, request, options);
    if let Some(number) = number {
        // An error means that a later wasmtime has dropped them.
        let _ = http.table.delete(Resource::<RequestOptions>::new_own(number));
    }
    Ok((match handled {
        Ok(answer) => Ok(answer),
        Err(error) => Err(error.downcast()?),
    },))
}

/// What the component shares with this host.
struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    hooks: Hooks,
    limits: StoreLimits,
    ticks_left: u64,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.hooks, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Asked before the first request, again before `expires_at`, and with `fresh` after the store
/// called a token expired.
impl credentials::Host for State {
    async fn get(&mut self, _identity: String, _fresh: bool) -> Result<CredentialSet, Failure> {
        let variable = |name: &str| {
            std::env::var(name).map_err(|_| Failure::NotConfigured(format!("{name} is not set")))
        };
        Ok(CredentialSet {
            access_key_id: variable("AWS_ACCESS_KEY_ID")?,
            secret_access_key: variable("AWS_SECRET_ACCESS_KEY")?,
            session_token: variable("AWS_SESSION_TOKEN").ok(),
            expires_at: None,
        })
    }
}

/// The way out. What `wasmtime-wasi-http` does by default knows no list of servers, opens a
/// connection for each request, and waits ten minutes for an answer.
struct Hooks {
    client: Client<HttpsConnector<HttpConnector>, WasiBody>,
    server: String,
}

type Done = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<WasiBody>, Done), Error>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Done,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let (client, allowed) = (self.client.clone(), self.server.clone());
        let first_byte = options.and_then(|options| options.first_byte_timeout);
        Box::new(async move {
            if authority(request.uri()) != Some(allowed) {
                // The component may still be writing the body, and is told of the refusal then.
                let _ = request.into_body().collect().await;
                return Err(Error::HttpRequestDenied);
            }
            let exchange = async {
                let response = client.request(request).await.map_err(error_of)?;
                let (head, body) = response.into_parts();
                let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
                let body = body.map_err(|_| Error::HttpResponseIncomplete)?.to_bytes();
                let body = Full::new(body).map_err(Error::from).boxed_unsync();
                Ok((http::Response::from_parts(head, body), Box::new(async { Ok(()) }) as Done))
            };
            // The component sets a limit for each request and relies on it: a store that says
            // nothing would hold it up for ever. Sending the body counts here.
            let limit = first_byte.unwrap_or(ANSWER_TIME_MAX) + SENDING_TIME_MAX;
            tokio::time::timeout(limit, exchange).await.unwrap_or(Err(Error::ConnectionReadTimeout))
        })
    }
}

/// The server of a request with its port, in small letters.
fn authority(uri: &http::Uri) -> Option<String> {
    let default = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    Some(format!("{}:{}", uri.host()?.to_lowercase(), uri.port_u16().unwrap_or(default)))
}

/// The component sends a request again at once where nothing of it was sent, and asks the store
/// first where it may have arrived. So the difference has to be told.
fn error_of(error: hyper_util::client::legacy::Error) -> Error {
    let why = std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string);
    match error.is_connect() {
        true => Error::InternalError(Some(format!("no connection: {why}"))),
        false => Error::InternalError(Some(why)),
    }
}

/// A client that keeps connections, and trusts what the system trusts.
fn client() -> anyhow::Result<Client<HttpsConnector<HttpConnector>, WasiBody>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider);
    let tls = tls.with_safe_default_protocol_versions()?;
    let tls = tls.with_root_certificates(roots).with_no_client_auth();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIME_MAX));
    let https = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
    let client = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).clone();
    Ok(client.build(https.wrap_connector(http)))
}

type Lines = anyhow::Result<(Vec<u8>, u32)>;

/// Lines from standard input, about a MiB at a time, read by a thread of their own.
fn lines_of_standard_input() -> mpsc::Receiver<Lines> {
    let (sender, receiver) = mpsc::channel(2);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        while let Some(lines) = next_lines(&mut input).transpose() {
            if sender.blocking_send(lines).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A call has a price of its own, so many lines cross in one. Each ends with a line feed, also the
/// last one of the input.
fn next_lines(input: &mut impl BufRead) -> anyhow::Result<Option<(Vec<u8>, u32)>> {
    let (mut lines, mut count) = (Vec::new(), 0);
    while lines.len() < RUN_BYTES {
        match input.read_until(b'\n', &mut lines) {
            Ok(0) => break,
            Ok(_) => count += 1,
            Err(error) => return Err(error.into()),
        }
    }
    if count > 0 && !lines.ends_with(b"\n") {
        lines.push(b'\n');
    }
    Ok((count > 0).then_some((lines, count)))
}

fn report(progress: &Progress) -> anyhow::Result<()> {
    for notice in &progress.notices {
        eprintln!("{}", notice.message.escape_default());
    }
    ensure!(progress.failed.is_empty(), "not stored: {:?}", progress.failed);
    Ok(())
}

fn refused(error: contract::spillway::sink::types::Error) -> anyhow::Error {
    anyhow::anyhow!("the component refuses: {error:?}")
}

const RUN_BYTES: usize = 1 << 20;
const POLL_INTERVAL: Duration = Duration::from_millis(500);
const MEMORY_BYTES_MAX: usize = 1 << 30;
const HANDLES_MAX: usize = 1_000;
const TICK: Duration = Duration::from_millis(10);
/// A minute.
const COMPUTE_TICKS: u64 = 6_000;
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
const SENDING_TIME_MAX: Duration = Duration::from_secs(120);
const ANSWER_BYTES_MAX: usize = 16 << 20;
