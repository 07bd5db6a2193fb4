//! A host that knows nothing of Spillway: wasmtime with the linkers that `wasmtime run -S http`
//! has, and `-S config` for what `wasi:config/store` says.
//!
//! Requests are sent as `-S http` does, each over a connection of its own. The code for that is in
//! the feature `default-send-request` of wasmtime-wasi-http, which would come to be in the host as
//! well: cargo builds a crate once, with the features that all of the workspace want. It brings
//! certificates under a licence that nothing else here has. So what it does without TLS is
//! repeated.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Cache, CacheConfig, Config, Engine, Store};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::p2::pipe::{MemoryInputPipe, MemoryOutputPipe};
use wasmtime_wasi::{I32Exit, WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// What a component is run in.
pub struct Host {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    network: Network,
    /// What `wasi:config/store` has.
    pub config: BTreeMap<String, String>,
}

/// Sends requests to wherever they are for.
struct Network;

/// How a command ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Compiles components, and keeps them for the next run.
pub fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let mut cache = CacheConfig::new();
        cache.with_directory(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled"));
        let mut config = Config::new();
        config.cache(Some(Cache::new(cache).unwrap()));
        Engine::new(&config).unwrap()
    })
}

/// A linker with WASI and HTTP.
pub fn linker() -> Linker<Host> {
    let mut linker = Linker::new(engine());
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).unwrap();
    linker
}

/// A store for a component that is given this.
pub fn store(wasi: WasiCtx) -> Store<Host> {
    let host = Host {
        table: ResourceTable::new(),
        wasi,
        http: WasiHttpCtx::new(),
        network: Network,
        config: BTreeMap::new(),
    };
    Store::new(engine(), host)
}

/// Runs a component that exports `wasi:cli/run`.
pub async fn run(
    bytes: &[u8],
    arguments: &[&str],
    variables: &[(&str, &str)],
    input: &[u8],
) -> Ended {
    let component = Component::new(engine(), bytes).unwrap();
    let (out, err) = (MemoryOutputPipe::new(1 << 20), MemoryOutputPipe::new(1 << 20));
    let mut wasi = WasiCtx::builder();
    wasi.stdin(MemoryInputPipe::new(input.to_vec())).stdout(out.clone()).stderr(err.clone());
    wasi.arg("command.wasm").args(arguments).envs(variables);
    let mut store = store(wasi.build());
    let command = Command::instantiate_async(&mut store, &component, &linker()).await.unwrap();
    let code = match command.wasi_cli_run().call_run(&mut store).await {
        Ok(Ok(())) => 0,
        Ok(Err(())) => 1,
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(I32Exit(code)) => *code,
            None => panic!("it trapped: {error:?}"),
        },
    };
    let text = |pipe: MemoryOutputPipe| String::from_utf8(pipe.contents().to_vec()).unwrap();
    Ended { code, out: text(out), err: text(err) }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Host {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.network }
    }
}

type Done = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Sent = Result<(http::Response<WasiBody>, Done), Error>;

impl WasiHttpHooks for Network {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        Box::new(send(request, options.unwrap_or_default()))
    }
}

/// Sends a request over a new connection, and hands out what drives that until the answer is read.
async fn send(mut request: http::Request<WasiBody>, options: RequestOptions) -> Sent {
    let authority = request.uri().authority().ok_or(Error::HttpRequestUriInvalid)?.to_string();
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.ok_or(Error::HttpRequestUriInvalid)?.into();
    let connect_max = options.connect_timeout.unwrap_or(TIMEOUT_DEFAULT);
    let first_byte_max = options.first_byte_timeout.unwrap_or(TIMEOUT_DEFAULT);
    let connected = timeout(connect_max, TcpStream::connect(authority)).await;
    let stream = connected.map_err(|_| Error::ConnectionTimeout)?.map_err(Error::Connect)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = Box::pin(connection);
    let mut is_open = true;
    let answered = async {
        let mut answer = pin!(sender.send_request(request));
        tokio::select! {
            biased;
            answer = &mut answer => answer,
            ended = &mut connection => {
                is_open = false;
                ended?;
                answer.await
            }
        }
    };
    let answered = timeout(first_byte_max, answered).await;
    let response = answered.map_err(|_| Error::ConnectionReadTimeout)??;
    let done: Done = Box::new(async move {
        if is_open {
            connection.await?;
        }
        Ok(())
    });
    Ok((response.map(|body| body.map_err(Error::from).boxed_unsync()), done))
}

/// As `-S http` has it.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(600);

/// The credentials of the server of a test, as variables.
pub fn variables() -> [(&'static str, &'static str); 2] {
    use spillway_tests::server::{ACCESS_KEY_ID, SECRET_ACCESS_KEY};
    [("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID), ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)]
}
