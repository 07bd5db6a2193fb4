//! A flow as meant: read, proven, and opened, or everything that is wrong with it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkpoint::{self, CheckpointSettings};
use crate::dead_letters::{self, OnFailed};
use crate::events::Events;
use crate::flow::{self, Config, Draft, FlowError, SinkSettings, Variables};
use crate::map::{MapSettings, OnRejected};
use crate::source::{Input, Source, SourceSettings, Start};
use anyhow::Context as _;
use spillway::credentials::{self, Credentials, Environment, Provider};
use spillway::egress::{self, Client, ClientError, ClientOptions, Proxies};
use spillway::engine::{Engine, Limits};
use spillway::problem::Problem;
use spillway::sink::{Grants, OpenSink, Sink, SinkError, Source as ComponentSource};

use super::environment::{self, Filled};
use super::exit::{CliError, is_shortage};
use super::resume::{self, Resume};

/// What is said on the command line about a flow.
#[derive(Clone)]
pub(crate) struct Request {
    /// The flow, as it is called in messages.
    pub(crate) name: String,
    /// The component's file, where the command line names one.
    pub(crate) component: Option<PathBuf>,
    /// Where variables come from.
    pub(crate) variables: Variables,
    /// What takes the place of the flow's own configuration.
    config: Config,
    /// What takes the place of the flow's own credentials.
    credentials: Option<Arc<dyn Provider>>,
    /// What takes the place of the flow's own list of authorities.
    egress: Option<Vec<String>>,
}

/// All that a run needs, and nothing that could be wrong with it before it begins.
pub(crate) struct Plan {
    pub(crate) source: SourceSettings,
    pub(crate) map: MapSettings,
    pub(crate) sink: Sink,
    pub(crate) config: String,
    pub(crate) grants: Grants,
    pub(crate) on_failed: OnFailed,
    pub(crate) checkpoint: Option<CheckpointSettings>,
    /// Whether there are credentials. Of some that is known only when they are asked for.
    pub(crate) credentials_proven: bool,
    /// What comes from elsewhere than the flow, or is set there and not used.
    pub(crate) notes: Vec<String>,
}

/// What else is known of where a flow goes.
#[derive(Default)]
struct Known {
    credentials_proven: bool,
    notes: Vec<String>,
}

/// Where a flow goes: all that is needed to ask its store something.
pub(crate) struct Destination {
    pub(crate) sink: Sink,
    pub(crate) config: String,
    pub(crate) grants: Grants,
}

impl Request {
    /// What a person asks for who names a flow.
    pub(crate) fn of(flow: &Path, component: Option<PathBuf>) -> Request {
        let name = flow.display().to_string();
        Request { component, ..Request::named(name, Variables::Environment) }
    }

    /// What the flow asks for that goes by this name.
    pub(crate) fn named(name: String, variables: Variables) -> Request {
        Request {
            name,
            component: None,
            variables,
            config: Config::new(),
            credentials: None,
            egress: None,
        }
    }

    /// Puts a server of this process under the flow, and nothing else within its reach.
    pub(crate) fn talk_to(&mut self, endpoint: &str, credentials: Credentials) {
        self.config.insert("endpoint", Some(endpoint.to_owned()));
        // The server has an address, and no names below it; it is nobody's but ours, and has one
        // storage class.
        for field in ["addressing", "provider", "dualstack", "fips", "accelerate", "storage_class"]
        {
            self.config.insert(field, None);
        }
        self.credentials = Some(Arc::new(credentials));
        self.egress = Some(vec![endpoint.trim_start_matches("http://").to_owned()]);
    }

    /// The flow in that text.
    pub(crate) fn parse(&self, text: &str) -> Result<Draft, CliError> {
        Draft::parse(text, &self.variables, &self.config).map_err(wrong_flow)
    }

    /// Proves all that can be proven without writing anything.
    pub(crate) async fn plan(self, draft: Draft) -> Result<Plan, CliError> {
        let Draft { source, map, sink, credentials, checkpoint, mut problems } = draft;
        if let Some(source) = &source {
            let message = unusable(Source::check(source))?;
            problems.extend(message.map(|message| Problem::new("source.path", message)));
        }
        let on_failed = sink.as_ref().map(|sink| sink.on_failed.clone()).unwrap_or_default();
        let mut letters = Vec::new();
        if let Some(OnRejected::File(path)) = map.as_ref().map(|map| &map.on_rejected) {
            letters.push(("map.on_rejected.file", path.as_path()));
        }
        if let OnFailed::File(path) = &on_failed {
            letters.push(("sink.on_failed.file", path.as_path()));
        }
        for (field, path) in &letters {
            let message = match self.taken(path, source.as_ref()) {
                Some(taken) => Some(taken),
                None => unusable(dead_letters::check(path))?,
            };
            problems.extend(message.map(|message| Problem::new(*field, message)));
        }
        if let Some(CheckpointSettings { path, .. }) = &checkpoint {
            let [lock, temporary] = checkpoint::names_beside(path);
            let taken = [path, &lock, &temporary].into_iter().find_map(|name| {
                let taken = taken_by_letters(name, &letters);
                taken.or_else(|| self.taken(name, source.as_ref()))
            });
            let message = match taken {
                Some(taken) => Some(taken),
                None => unusable(checkpoint::check(path))?,
            };
            problems.extend(message.map(|message| Problem::new("checkpoint.path", message)));
        } else if !problems.iter().any(|problem| problem.field.starts_with("checkpoint"))
            && sink.as_ref().is_some_and(commits_checkpoints)
        {
            problems.push(Problem::new(format!("sink.config.{}", flow::COMMIT), NO_CHECKPOINTS));
        }
        let destination = self.find(sink, credentials, &mut problems).await?;
        if let (Some(checkpoint), Some(source)) = (&checkpoint, &source) {
            let destination = destination.as_ref().map(|(destination, _)| destination);
            resume::prove(checkpoint, source, destination, &mut problems).await?;
        }
        match (source, map, destination) {
            (Some(source), Some(map), Some(destination)) if problems.is_empty() => {
                let (Destination { sink, config, grants }, known) = destination;
                let Known { credentials_proven, notes } = known;
                Ok(Plan {
                    source,
                    map,
                    sink,
                    config,
                    grants,
                    on_failed,
                    checkpoint,
                    credentials_proven,
                    notes,
                })
            }
            _ => Err(CliError::Problems(self.name, problems)),
        }
    }

    /// Proves what can be proven of where a flow goes, whatever is wrong with where it comes from.
    pub(crate) async fn destination(self, draft: Draft) -> Result<Destination, CliError> {
        let Draft { sink, credentials, mut problems, .. } = draft;
        problems.retain(|problem| {
            let section = problem.field.split('.').next().unwrap_or_default();
            section != "source" && section != "map"
        });
        match self.find(sink, credentials, &mut problems).await? {
            Some((destination, _)) if problems.is_empty() => Ok(destination),
            _ => Err(CliError::Problems(self.name, problems)),
        }
    }

    /// What else of the flow has the path, if anything.
    fn taken(&self, path: &Path, source: Option<&SourceSettings>) -> Option<String> {
        if source.is_some_and(|source| is_read(source, path)) {
            // What is set aside would be read, and set aside, again and again.
            return Some(format!("{} is the source; name another file", path.display()));
        }
        let is_flow = is_same(Path::new(&self.name), path);
        is_flow.then(|| format!("{} is the flow; name another file", path.display()))
    }

    /// Where a flow goes, and what else is known of that.
    async fn find(
        &self,
        sink: Option<SinkSettings>,
        credentials: Option<credentials::Settings>,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<(Destination, Known)>, CliError> {
        let mut known = Known { credentials_proven: true, notes: Vec::new() };
        let mut sink = sink.map(|sink| SinkSettings {
            component: self.component.clone().or(sink.component),
            egress: self.egress.clone().or(sink.egress),
            ..sink
        });
        if let (None, Some(settings)) = (&self.credentials, &credentials) {
            problems.extend(settings.problems().await);
            known.credentials_proven = settings.is_all_here();
        }
        let surroundings = match &mut sink {
            Some(sink) => self.surroundings(sink, credentials.as_ref(), &mut known, problems),
            None => Surroundings::default(),
        };
        let credentials = match (self.credentials.clone(), credentials) {
            (Some(given), _) => given,
            // That is a problem already, and must not hide those of the sink.
            (None, None) => Arc::new(Environment::default()),
            (None, Some(settings)) => {
                settings.provider(sink.as_ref().and_then(SinkSettings::aws_region))
            }
        };
        let Some(settings) = sink else { return Ok(None) };
        let notes = &mut known.notes;
        let destination = load(settings, surroundings, credentials, notes, problems).await?;
        Ok(destination.map(|destination| (destination, known)))
    }

    /// What there is around a flow that it says nothing of. A server of this process has nothing
    /// around it.
    fn surroundings(
        &self,
        sink: &mut SinkSettings,
        credentials: Option<&credentials::Settings>,
        known: &mut Known,
        problems: &mut Vec<Problem>,
    ) -> Surroundings {
        if self.credentials.is_some() {
            return Surroundings { is_plain: true, ..Surroundings::default() };
        }
        let variables = |name: &str| self.variables.get(name);
        let mut filled = Filled::default();
        let is_embedded = sink.component.is_none();
        let is_asked = is_embedded && environment::is_silent(&sink.config);
        // Files that are broken are no matter of a flow that needs nothing of them.
        let problems_of_files = if is_asked { &mut *problems } else { &mut Vec::new() };
        let profile = credentials.and_then(|c| profile(c, problems_of_files));
        let profile = profile.as_ref().map(|profile| profile as &dyn environment::Profile);
        if is_embedded {
            filled = environment::fill_in(&mut sink.config, &variables, profile, problems);
            known.notes.extend(filled.describe());
            known.notes.extend(environment::unused_region(&sink.config, &variables, profile));
        }
        let is_plain = is_embedded && environment::is_plain(&sink.config);
        let bundle = environment::ca_bundle(&variables, profile);
        let ca_bundle = bundle.filter(|_| sink.ca_file.is_none() && !is_plain);
        if let Some((from, path)) = &ca_bundle {
            known.notes.push(format!("the trusted certificates are those of {from}: {path}"));
        } else if !is_plain && let Err(error) = egress::check_system() {
            problems.push(Problem::new(error.variable, chain(&error)));
        }
        Surroundings { filled, is_plain, ca_bundle, proxies: Proxies::from_variables(variables) }
    }
}

/// What there is around a flow.
#[derive(Default)]
struct Surroundings {
    /// What of the component's configuration comes from there.
    filled: Filled,
    /// Whether the store is talked to without TLS.
    is_plain: bool,
    /// The file of certificates to trust, and what names it.
    ca_bundle: Option<(String, String)>,
    proxies: Proxies,
}

#[cfg(feature = "aws-chain")]
fn profile(
    credentials: &credentials::Settings,
    problems: &mut Vec<Problem>,
) -> Option<credentials::Properties> {
    match credentials.profile() {
        Ok(profile) => Some(profile),
        Err(error) => {
            let message = format!("the files of AWS profiles cannot be read: {error}");
            // Where the credentials need the files, too, that is said of them.
            if !problems.iter().any(|problem| problem.message == message) {
                problems.push(Problem::new("credentials", message));
            }
            None
        }
    }
}

/// A build without the chain reads no profiles.
#[cfg(not(feature = "aws-chain"))]
fn profile(_: &credentials::Settings, _: &mut Vec<Problem>) -> Option<std::convert::Infallible> {
    None
}

impl Destination {
    /// Opens the sink, which makes no request.
    pub(crate) async fn open(&self) -> Result<OpenSink, CliError> {
        let opened = self.sink.open(&self.config, None, &self.grants).await;
        opened.map_err(|error| CliError::Failed(error.into()))
    }
}

impl Plan {
    /// Where it goes.
    pub(crate) fn destination(self) -> Destination {
        let Plan { sink, config, grants, .. } = self;
        Destination { sink, config, grants }
    }

    /// Opens the source: where it was left, or at its beginning.
    pub(crate) fn events(
        source: &SourceSettings,
        map: MapSettings,
        config: &str,
        resume: Option<&Resume>,
    ) -> Result<(Events, OnRejected), CliError> {
        let opened = match resume {
            Some(resume) => resume.open(source),
            None => Source::open(source, Start::default()),
        };
        let opened = opened.map_err(|error| CliError::Usage(error.into()))?;
        let (place, begun) = resume.map_or_else(Default::default, Resume::place);
        let events = Events::new(opened, map.map, framing(config), place, begun);
        Ok((events.map_err(|error| CliError::Failed(error.into()))?, map.on_rejected))
    }
}

/// The framing that costs least: the one that the sink need not touch, and lines as they lie in
/// their file where it must touch events in any case. A component that means something else by the
/// word is served all the same: a run says how it is framed.
fn framing(config: &str) -> crate::batch::Framing {
    let config: serde_json::Value = serde_json::from_str(config).unwrap_or_default();
    match config["framing"].as_str() {
        Some("none") => crate::batch::Framing::Bare,
        _ => crate::batch::Framing::Newline,
    }
}

/// The text of the flow in that file.
pub(crate) fn read(path: &Path) -> Result<String, CliError> {
    flow::read(path).map_err(wrong_flow)
}

fn wrong_flow(error: FlowError) -> CliError {
    CliError::Usage(error.into())
}

/// Why something that a flow names cannot be used, if so. Where the machine is short of what that
/// needs, the flow is not what is wrong.
pub(crate) fn unusable<E>(checked: Result<(), E>) -> Result<Option<String>, CliError>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let Err(error) = checked else { return Ok(None) };
    let text = chain(&error);
    let error = anyhow::Error::new(error);
    if error.chain().any(is_shortage) { Err(CliError::Failed(error)) } else { Ok(Some(text)) }
}

fn commits_checkpoints(sink: &SinkSettings) -> bool {
    sink.config.get(flow::COMMIT).is_some_and(|commit| commit == flow::CHECKPOINTED)
}

fn is_read(source: &SourceSettings, path: &Path) -> bool {
    matches!(&source.input, Input::File(source) if is_same(source, path))
}

/// Whether dead letters go to a file that a checkpoint is, or that is used with it.
fn taken_by_letters(path: &Path, letters: &[(&str, &Path)]) -> Option<String> {
    let (field, letters) = letters.iter().find(|(_, letters)| is_same(path, letters))?;
    Some(format!("{} is the file of {field}; name another file", letters.display()))
}

/// Whether both are one file, or will be.
fn is_same(one: &Path, other: &Path) -> bool {
    let file = |path: &Path| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let name = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    match (file(one), file(other)) {
        (Some(one), Some(other)) => one == other,
        _ => name(one).is_some_and(|one| name(other) == Some(one)),
    }
}

async fn load(
    settings: SinkSettings,
    surroundings: Surroundings,
    credentials: Arc<dyn Provider>,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) -> Result<Option<Destination>, CliError> {
    let Surroundings { filled, is_plain, ca_bundle, proxies } = surroundings;
    let (from, ca_bundle) = ca_bundle.unzip();
    let options = ClientOptions {
        ca_file: settings.ca_file,
        ca_bundle: ca_bundle.map(PathBuf::from),
        proxies: proxies.clone(),
    };
    let client = Client::new(&options).map_err(|error| {
        let field = match &error {
            ClientError::CaFile(_) => "sink.ca_file".to_owned(),
            ClientError::CaBundle(_) => from.unwrap_or_default(),
        };
        problems.push(Problem::new(field, chain(&error)));
    });
    let engine = engine()?;
    let source = settings.component.clone();
    let source = source.map_or(ComponentSource::Embedded, ComponentSource::File);
    // To compile it may take seconds, and a signal is heard meanwhile.
    let loading = tokio::task::spawn_blocking(move || Sink::load(&engine, &source));
    let sink =
        match loading.await.context("the component was not loaded").map_err(CliError::Failed)? {
            Ok(sink) => sink,
            Err(error) => {
                problems.push(Problem::new("sink.component", chain(&error)));
                return Ok(None);
            }
        };
    let config = serde_json::Value::Object(settings.config).to_string();
    let wanted = match sink.egress(&config).await {
        Ok(wanted) => wanted,
        Err(SinkError::Refused(error)) => {
            refused(error, &filled, problems);
            return Ok(None);
        }
        Err(error) => return Err(CliError::Failed(error.into())),
    };
    let egress = granted(&sink, wanted, settings.egress, problems);
    for (authority, why) in egress.iter().filter_map(|a| Some((a, egress::prohibited(a)?))) {
        let field = filled.from("endpoint").unwrap_or(match sink.is_embedded() {
            true => "sink.config.endpoint",
            false => "sink.egress",
        });
        problems.push(Problem::new(field, format!("{authority} is not allowed: {why}")));
    }
    proxied(&proxies, &egress, is_plain, notes, problems);
    let mut limits = Limits::default();
    if sink.is_embedded() {
        // Its own settings bound what it holds, and they are checked before it starts.
        limits.memory_bytes_max = EMBEDDED_MEMORY_BYTES_MAX;
    }
    if let Some(bytes) = settings.memory_bytes_max {
        limits.memory_bytes_max = bytes;
    }
    let Ok(client) = client else { return Ok(None) };
    let grants = Grants { egress, transport: Arc::new(client), credentials, limits };
    Ok(Some(Destination { sink, config, grants }))
}

/// The embedded component may talk to whom its configuration names. Another one may be lying about
/// that, so the flow must say it.
fn granted(
    sink: &Sink,
    wanted: Vec<String>,
    allowed: Option<Vec<String>>,
    problems: &mut Vec<Problem>,
) -> Vec<String> {
    let Some(allowed) = allowed else {
        if !sink.is_embedded() {
            let list = wanted.iter().map(|w| format!("\"{w}\"")).collect::<Vec<_>>().join(", ");
            let message = format!(
                "the component is not the built-in one, and wants to connect to {list}; to allow \
                 it, write: egress = [{list}]"
            );
            problems.push(Problem::new("sink.egress", message));
        }
        return wanted;
    };
    for authority in allowed.iter().filter(|a| !is_authority(a)) {
        let message = format!("`{authority}` is not an authority such as `s3.example.com:443`");
        problems.push(Problem::new("sink.egress", message));
    }
    for authority in wanted.iter().filter(|w| !allowed.contains(w)) {
        let message = format!("the component needs {authority}, which is not listed in `egress`");
        problems.push(Problem::new("sink.egress", message));
    }
    wanted
}

/// Says which proxies are on the way, and what is wrong with those that should be.
fn proxied(
    proxies: &Proxies,
    authorities: &[String],
    is_plain: bool,
    notes: &mut Vec<String>,
    problems: &mut Vec<Problem>,
) {
    for authority in authorities {
        let scheme = if is_plain || authority.ends_with(":80") { "http" } else { "https" };
        let Ok(url) = format!("{scheme}://{authority}/").parse() else { continue };
        match proxies.on_the_way_to(&url) {
            Ok(None) => {}
            Ok(Some((variable, proxy))) => {
                notes.push(format!(
                    "it connects to {authority} through the proxy of {variable}: {proxy}"
                ));
            }
            Err((variable, wrong)) => problems.push(Problem::new(variable, wrong)),
        }
    }
}

/// Whether it is a host and a port, and nothing else.
fn is_authority(text: &str) -> bool {
    let parsed = text.parse::<http::uri::Authority>();
    parsed.is_ok_and(|authority| authority.port_u16().is_some() && !text.contains('@'))
}

/// What the component does not like, by where it is said.
fn refused(error: spillway::contract::Error, filled: &Filled, problems: &mut Vec<Problem>) {
    let spillway::contract::Error::Invalid(found) = error else {
        problems.push(Problem::new("sink.config", spillway::sink::explain(&error)));
        return;
    };
    let before = problems.len();
    for problem in found {
        let field = format!("sink.config.{}", problem.field);
        let field = field.trim_end_matches('.');
        let field = filled.from(&problem.field).unwrap_or(field).to_owned();
        // What a variable should have filled in is wrong only once.
        if !problems[..before].iter().any(|known| known.field == field) {
            problems.push(Problem::new(field, problem.message));
        }
    }
}

/// An engine with the user's cache, or without one where there is nowhere to keep it.
pub(crate) fn engine() -> Result<Engine, CliError> {
    let engine = Engine::new(Engine::default_cache()).or_else(|_| Engine::new(None));
    engine.context("wasmtime could not be started").map_err(CliError::Failed)
}

/// The error and its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // Some say what their cause says.
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

const NO_CHECKPOINTS: &str = "is \"checkpointed\": no object becomes visible before a checkpoint \
                              is stored, and the flow stores none; add [checkpoint] with a path, \
                              or remove this line";
/// All that a 32-bit component can address.
const EMBEDDED_MEMORY_BYTES_MAX: usize = 4 << 30;
