//! Loads the file of a component: reads it, bounds what it costs to compile, and compiles it.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use wasmtime::component::types::ComponentItem;

use crate::engine::{Engine, NOTHING_RAISES};
use crate::metadata::Metadata;
use crate::scan::{Excess, bytes_max, scan};

/// Where a component comes from.
#[derive(Clone, Debug)]
pub enum ComponentSource {
    /// The one that this crate was built with: Spillway's own S3 sink.
    Embedded,
    /// A `.wasm` file.
    File(PathBuf),
    /// The bytes of one.
    Bytes(Vec<u8>),
}

impl ComponentSource {
    /// The bytes of it. Of a file that is too large to be compiled in this time, a beginning that
    /// is refused for that: it is not read to its end.
    ///
    /// # Errors
    ///
    /// [`LoadError::Read`].
    pub fn read(&self, compile_max: Duration) -> Result<Cow<'static, [u8]>, LoadError> {
        match self {
            ComponentSource::Embedded => Ok(Cow::Borrowed(EMBEDDED)),
            ComponentSource::Bytes(bytes) => Ok(bytes.clone().into()),
            ComponentSource::File(path) => {
                let bytes_max = bytes_max(compile_max).max(EMBEDDED.len());
                let read = read(path, bytes_max as u64 + 1);
                read.map(Cow::Owned).map_err(|error| LoadError::Read(path.clone(), error))
            }
        }
    }
}

/// Why a component is no sink, or one does not open.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file could not be read.
    #[error("cannot read the component {path}", path = .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    /// It is no WebAssembly at all.
    #[error("not a WebAssembly component: the file has another format")]
    NotWebAssembly,
    /// It is a core module.
    #[error(
        "a WebAssembly module, not a component; `wasm-tools component new` converts a module that \
         was built for it"
    )]
    CoreModule,
    /// It is no component that the engine takes.
    #[error("not a usable WebAssembly component")]
    NotAComponent(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It exports no sink.
    #[error("the component does not export {CONTRACT}; it exports {}", list(.0))]
    NotASink(Vec<String>),
    /// It exports a sink of another version of the contract.
    #[error("the component was built for {0}, but this host speaks {CONTRACT}")]
    OtherVersion(String),
    /// It wants more than a sink is given.
    #[error("the component imports {}, which a sink may not import", list(.0))]
    NotGranted(Vec<String>),
    /// It has the right names, and other types behind them.
    #[error("the component does not match {CONTRACT}")]
    Misfit(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It is too large to be compiled in the time that there is for that.
    #[error("{what}, since it is to compile within {compile_max:?}; `compile_max` raises that")]
    TooLarge {
        /// What it has too much of, and how much there may be.
        what: String,
        /// How long it may take to compile.
        compile_max: Duration,
    },
    /// It has more of something than any component may have: what, and how much is allowed.
    #[error("{0}; {NOTHING_RAISES}")]
    TooIntricate(String),
    /// It took longer to compile.
    #[error("the component takes longer than {0:?} to compile; `compile_max` raises that")]
    TooSlow(Duration),
}

impl LoadError {
    /// Whether the component is more than may be compiled, so that it may be the right one all the
    /// same.
    pub fn is_limit(&self) -> bool {
        use LoadError::{TooIntricate, TooLarge, TooSlow};
        matches!(self, TooLarge { .. } | TooIntricate(_) | TooSlow(_))
    }
}

/// What any component imports, exports and says of itself, be it a sink or not.
#[derive(Clone, Debug)]
pub struct Outline {
    imports: Vec<String>,
    exports: Vec<String>,
    metadata: Metadata,
}

impl Outline {
    /// Compiles a component, which may take [`COMPILE_MAX`], and runs nothing of it.
    ///
    /// # Errors
    ///
    /// [`LoadError`] where it is no component, or takes too long to compile.
    pub fn load(engine: &Engine, source: &ComponentSource) -> Result<Outline, LoadError> {
        let Loaded { imports, exports, metadata, .. } = Loaded::new(engine, source, COMPILE_MAX)?;
        Ok(Outline { imports, exports, metadata })
    }

    /// The names of what it imports, in their order.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// The names of what it exports, in their order.
    pub fn exports(&self) -> &[String] {
        &self.exports
    }

    /// What its file says of itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }
}

/// A component that was compiled, whatever it exports.
pub(crate) struct Loaded {
    pub(crate) component: wasmtime::component::Component,
    /// The names of what it imports, in their order.
    pub(crate) imports: Vec<String>,
    /// The names of what it exports, in their order.
    pub(crate) exports: Vec<String>,
    pub(crate) metadata: Metadata,
    /// Whether it is the one that this crate was built with.
    pub(crate) embedded: bool,
}

impl Loaded {
    /// Reads a component and compiles it, which may take so long.
    pub(crate) fn new(
        engine: &Engine,
        source: &ComponentSource,
        compile_max: Duration,
    ) -> Result<Loaded, LoadError> {
        let bytes = source.read(compile_max)?;
        let embedded = *bytes == *EMBEDDED;
        check_preamble(&bytes)?;
        if !embedded {
            scan(&bytes, compile_max).map_err(|excess| match excess {
                Excess::OfTime(what) => LoadError::TooLarge { what, compile_max },
                Excess::Fixed(what) => LoadError::TooIntricate(what),
            })?;
        }
        let metadata = Metadata::read(&bytes);
        let component = compile(engine, bytes, compile_max)?;
        let (imports, exports) = names(engine, &component);
        Ok(Loaded { component, imports, exports, metadata, embedded })
    }
}

/// Compiles on a thread of its own: nothing ends that before it is through.
fn compile(
    engine: &Engine,
    bytes: Cow<'static, [u8]>,
    compile_max: Duration,
) -> Result<wasmtime::component::Component, LoadError> {
    let (done, ended) = channel();
    let engine = engine.wasmtime().clone();
    let compiling =
        std::thread::Builder::new().name("spillway-compile".to_owned()).spawn(move || {
            let compiled = wasmtime::component::Component::new(&engine, &bytes);
            // Nobody may wait for it any more.
            let _ = done.send(compiled);
        });
    let compiling = compiling.map_err(|error| LoadError::NotAComponent(error.into()))?;
    match ended.recv_timeout(compile_max) {
        Ok(compiled) => {
            // It has nothing left to do.
            let _ = compiling.join();
            compiled.map_err(|error| LoadError::NotAComponent(short(&error)))
        }
        Err(RecvTimeoutError::Timeout) => Err(LoadError::TooSlow(compile_max)),
        Err(RecvTimeoutError::Disconnected) => {
            Err(LoadError::NotAComponent("its compiler panicked".into()))
        }
    }
}

/// An error in one line: it may have names of a component in it, which are as long as it likes.
pub(crate) fn short(error: &wasmtime::Error) -> Box<dyn std::error::Error + Send + Sync> {
    cut(&format!("{error:#}").replace('\n', " "), CHARS_MAX).into()
}

fn cut(text: &str, chars_max: usize) -> String {
    match text.char_indices().nth(chars_max) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn read(path: &Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What the first eight bytes say. The engine says it, too, in words for those who build engines.
fn check_preamble(bytes: &[u8]) -> Result<(), LoadError> {
    match bytes {
        [b'\0', b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(LoadError::CoreModule),
        [b'\0', b'a', b's', b'm', ..] => Ok(()),
        _ => Err(LoadError::NotWebAssembly),
    }
}

fn names(
    engine: &Engine,
    component: &wasmtime::component::Component,
) -> (Vec<String>, Vec<String>) {
    let ty = component.component_type();
    let engine = engine.wasmtime();
    let names = |(name, _): (&str, ComponentItem)| name.to_owned();
    (
        ty.imports(engine).map(|(n, e)| names((n, e.ty))).collect(),
        ty.exports(engine).map(|(n, e)| names((n, e.ty))).collect(),
    )
}

pub(crate) fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    let shown = names.iter().take(NAMES_MAX).map(|name| cut(name, NAME_CHARS_MAX));
    let shown = shown.collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// The contract that this host speaks.
pub const CONTRACT: &str = "spillway:sink/sink@0.2.0";
/// How long a component may take to compile, where nothing else is said.
pub const COMPILE_MAX: Duration = Duration::from_secs(60);
const NAMES_MAX: usize = 20;
const NAME_CHARS_MAX: usize = 200;
const CHARS_MAX: usize = 1_000;
/// The component that this crate was built with.
pub(crate) const EMBEDDED: &[u8] = include_bytes!(env!("SPILLWAY_S3"));
