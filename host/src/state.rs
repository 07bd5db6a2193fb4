//! What a store holds, and exactly what a guest is linked to.

use std::sync::Arc;

use wasmtime::component::{HasData, HasSelf, Linker, Resource, ResourceTable};
use wasmtime::{ResourceLimiter, StoreContextMut};
use wasmtime_wasi::cli::{WasiCli, WasiCliCtx, WasiCliCtxView, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksCtx, WasiClocksCtxView, WasiClocksView};
use wasmtime_wasi::filesystem::{
    WasiFilesystem, WasiFilesystemCtx, WasiFilesystemCtxView, WasiFilesystemView,
};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random};
use wasmtime_wasi::random::{WasiRandom, WasiRandomCtx};
use wasmtime_wasi_http::p2::bindings::{LinkOptions, http};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{RequestOptions, WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpView};
use wasmtime_wasi_io::bindings::wasi::io;

use crate::contract::credentials;
use crate::credentials::Provider;
use crate::egress::Egress;
use crate::engine::{INSTANCES_MAX, Limits, TABLE_ELEMENTS_MAX};
use crate::meter::Meter;
use crate::ticker::Ticker;
use crate::trap::Exceeded;

/// One guest's share of the host.
pub(crate) struct State {
    table: ResourceTable,
    clocks: WasiClocksCtx,
    random: WasiRandomCtx,
    http: WasiHttpCtx,
    /// No variables, no arguments, and streams that nobody hears.
    cli: WasiCliCtx,
    /// No folder, and so no file.
    filesystem: WasiFilesystemCtx,
    pub(crate) egress: Egress,
    credentials: Arc<dyn Provider>,
    /// Whether there were none when they were last asked for.
    credentials_fail: bool,
    pub(crate) meter: Arc<Meter>,
    pub(crate) bounds: Bounds,
    pub(crate) limits: Limits,
}

impl State {
    pub(crate) fn new(
        egress: Egress,
        credentials: Arc<dyn Provider>,
        limits: &Limits,
        ticker: Arc<Ticker>,
    ) -> State {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.resources_max);
        let meter = Arc::new(Meter::new(ticker));
        State {
            table,
            clocks: WasiClocksCtx::default(),
            random: WasiRandomCtx::default(),
            http: WasiHttpCtx::new(),
            cli: WasiCliCtx::default(),
            filesystem: WasiFilesystemCtx::default(),
            egress,
            credentials,
            credentials_fail: false,
            bounds: Bounds {
                memory_bytes_left: limits.memory_bytes_max,
                table_elements_left: TABLE_ELEMENTS_MAX,
                meter: meter.clone(),
            },
            meter,
            limits: *limits,
        }
    }
}

/// What is left for a guest to grow by. It counts over all of its memories and tables: those that
/// wasmtime brings along limit each one alone, and a component may have many.
pub(crate) struct Bounds {
    memory_bytes_left: usize,
    table_elements_left: usize,
    meter: Arc<Meter>,
}

impl ResourceLimiter for Bounds {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let is_granted = grow(&mut self.memory_bytes_left, current, desired, maximum);
        if !is_granted {
            self.meter.refuse_memory();
        }
        Ok(is_granted)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let is_granted = grow(&mut self.table_elements_left, current, desired, maximum);
        if !is_granted {
            self.meter.refuse_elements();
        }
        Ok(is_granted)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        INSTANCES_MAX
    }

    fn memories(&self) -> usize {
        INSTANCES_MAX
    }
}

/// Takes from what is left, where there is enough and the maximum of its own allows it. Growth that
/// then fails for another reason stays taken, which errs on the safe side.
fn grow(left: &mut usize, current: usize, desired: usize, maximum: Option<usize>) -> bool {
    let more = desired.saturating_sub(current);
    if more > *left || maximum.is_some_and(|maximum| desired > maximum) {
        return false;
    }
    *left -= more;
    true
}

/// Links what the world names, and what a standard library asks for, with nothing behind it.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    link_world(linker)?;
    link_empty(linker)
}

fn link_world(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    credentials::add_to_linker::<_, HasSelf<State>>(linker, |state| state)?;
    io::error::add_to_linker::<_, Io>(linker, |state| &mut state.table)?;
    io::poll::add_to_linker::<_, Io>(linker, |state| &mut state.table)?;
    io::streams::add_to_linker::<_, Io>(linker, |state| &mut state.table)?;
    clocks::wall_clock::add_to_linker::<_, WasiClocks>(linker, State::clocks)?;
    clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(linker, State::clocks)?;
    random::random::add_to_linker::<_, WasiRandom>(linker, |state| &mut state.random)?;
    linker.instance("wasi:http/outgoing-handler@0.2.0")?.func_wrap("handle", handle)?;
    http::types::add_to_linker::<_, WasiHttp>(linker, &LinkOptions::default().into(), State::http)
}

/// What a component imports that was built for `wasm32-wasip2`, whether it uses it or not. None of
/// it leads anywhere.
fn link_empty(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    cli::environment::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::exit::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, State::cli)?;
    filesystem::types::add_to_linker::<_, WasiFilesystem>(linker, State::filesystem)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(linker, State::filesystem)?;
    random::insecure::add_to_linker::<_, WasiRandom>(linker, |state| &mut state.random)?;
    random::insecure_seed::add_to_linker::<_, WasiRandom>(linker, |state| &mut state.random)
}

/// The interfaces that [`link`] provides, without their versions, and one that has only types.
pub(crate) const GRANTED: &[&str] = &[
    "spillway:s3/credentials",
    "spillway:sink/types",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

/// `wasi:http/outgoing-handler` as wasmtime has it, but for the options of a request: those come to
/// belong to the host, and wasmtime 48 never drops them. A sink would run out of handles after
/// [`Limits::resources_max`] requests.
fn handle(
    mut store: StoreContextMut<'_, State>,
    (request, options): (Resource<HostOutgoingRequest>, Option<Resource<RequestOptions>>),
) -> wasmtime::Result<(Result<Resource<HostFutureIncomingResponse>, http::types::ErrorCode>,)> {
    let state = store.data_mut();
    if state.egress.in_flight() >= state.limits.requests_in_flight_max {
        return Err(Exceeded::Requests(state.limits.requests_in_flight_max).into());
    }
    let mut view = state.http();
    let given = options.as_ref().map(Resource::rep);
    let future = http::outgoing_handler::Host::handle(&mut view, request, options);
    if let Some(rep) = given {
        // Where it is gone already, wasmtime has come to drop it.
        let _ = view.table.delete(Resource::<RequestOptions>::new_own(rep));
    }
    Ok((match future {
        Ok(future) => Ok(future),
        Err(error) => Err(http::types::Host::convert_error_code(&mut view, error)?),
    },))
}

impl WasiClocksView for State {
    fn clocks(&mut self) -> WasiClocksCtxView<'_> {
        WasiClocksCtxView { ctx: &mut self.clocks, table: &mut self.table }
    }
}

impl WasiCliView for State {
    fn cli(&mut self) -> WasiCliCtxView<'_> {
        WasiCliCtxView { ctx: &mut self.cli, table: &mut self.table }
    }
}

impl WasiFilesystemView for State {
    fn filesystem(&mut self) -> WasiFilesystemCtxView<'_> {
        WasiFilesystemCtxView { ctx: &mut self.filesystem, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.egress, table: &mut self.table, ctx: &mut self.http }
    }
}

impl credentials::Host for State {
    async fn get(
        &mut self,
        identity: String,
        fresh: bool,
    ) -> Result<credentials::CredentialSet, credentials::Failure> {
        self.meter.waited.begin();
        let credentials = self.credentials.get(&identity, fresh).await;
        self.meter.waited.end();
        let is_first = !std::mem::replace(&mut self.credentials_fail, credentials.is_err());
        let credentials = credentials.inspect_err(|failure| {
            // The component says so, too, but only when the call is over in which it waits for
            // them.
            if let credentials::Failure::Failed(why) = failure
                && is_first
            {
                tracing::warn!(target: "spillway", event = "notice", "{why}");
            }
        })?;
        Ok(credentials::CredentialSet {
            access_key_id: credentials.access_key_id,
            secret_access_key: credentials.secret_access_key.0,
            session_token: credentials.session_token.map(|token| token.0),
            expires_at: credentials.expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_are_bounded_all_in_all() {
        let mut bounds =
            Bounds { memory_bytes_left: 100, table_elements_left: 10, meter: Arc::default() };
        for (current, desired, maximum, granted) in [
            (0, 40, None, true),
            (0, 61, None, false),
            (0, 60, Some(50), false),
            (40, 60, Some(60), true),
            (0, 40, None, true),
            (40, 41, None, false),
        ] {
            let grown = bounds.memory_growing(current, desired, maximum).unwrap();
            assert_eq!(grown, granted, "{current} to {desired}");
        }
        assert!(bounds.table_growing(0, 10, None).unwrap());
        assert!(!bounds.table_growing(0, 1, None).unwrap());
    }
}
