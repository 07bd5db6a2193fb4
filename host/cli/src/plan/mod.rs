//! What a flow means: checked, and opened, or everything that is wrong with it.
//!
//! A [`Request`] names a flow and what takes the place of its parts. A [`Plan`] has passed every
//! check that can be made without a request. [`Resume`] is where a flow with a checkpoint begins.
//! Errors are a [`PlanError`]; the command decides how each of them exits.

mod authorities;
mod component;
mod environment;
mod error;
mod files;
mod fit;
mod lanes;
mod local;
mod resume;
mod share;
mod surroundings;
mod transform;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkpoint::bucket::Bucket;
use crate::checkpoint::{self, CheckpointSettings, CheckpointStore};
use crate::dead_letters::{self, OnFailed};
use crate::events::{self, Events};
use crate::flow::{self, Config, Draft, RunSettings, SinkSettings, Variables};
use crate::lanes::LaneSettings;
use crate::map::{Map, MapSettings, OnRejected};
#[cfg(feature = "kafka")]
use crate::place::{Begun, Place};
use crate::source::{KafkaSettings, Source, SourceSettings, Start};
use spillway::component::Component;
use spillway::credentials::{self, Credentials, Environment, Provider};
use spillway::grants::Grants;
use spillway::problem::Problem;
use spillway::sink::Sink;

pub(crate) use authorities::listed;
pub(crate) use component::engine;
pub(crate) use error::{PlanError, chain, is_shortage};
pub(crate) use lanes::LaneShares;
pub(crate) use resume::{Claim, Held, Resume, fits, is_kept};
#[cfg(feature = "kafka")]
pub(crate) use share::{Share, Shared};
pub(crate) use transform::Transforms;

use error::unusable;
use files::{is_read, is_same, taken_by_letters};
use surroundings::Surroundings;

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
    /// Whether a server of this process is under the flow.
    is_local: bool,
    /// Whether the flow takes the place of one that runs, and has its checkpoint.
    is_reload: bool,
}

/// All that a run needs, and nothing that could be wrong with it before it begins.
pub(crate) struct Plan {
    pub(crate) source: SourceSettings,
    pub(crate) map: Arc<Map>,
    pub(crate) on_rejected: OnRejected,
    pub(crate) transforms: Transforms,
    pub(crate) sink: Component,
    pub(crate) config: String,
    pub(crate) grants: Grants,
    pub(crate) lanes: LaneSettings,
    pub(crate) on_failed: OnFailed,
    pub(crate) checkpoint: Option<CheckpointSettings>,
    /// Whether its store is a server of this process.
    pub(crate) is_local: bool,
    pub(crate) run: RunSettings,
    /// Whether there are credentials. Of some that is known only when they are asked for.
    pub(crate) credentials_proven: bool,
    /// What comes from elsewhere than the flow, or is set there and not used.
    pub(crate) notes: Vec<String>,
}

/// Facts about the destination that `check` shows.
#[derive(Default)]
struct Known {
    credentials_proven: bool,
    notes: Vec<String>,
}

/// Where a flow goes: all that is needed to ask its store something.
pub(crate) struct Destination {
    pub(crate) sink: Component,
    pub(crate) config: String,
    pub(crate) grants: Grants,
    pub(crate) lanes: LaneSettings,
}

impl Request {
    /// The request of a user who names the file of a flow.
    pub(crate) fn of(flow: &Path, component: Option<PathBuf>) -> Request {
        let name = flow.display().to_string();
        Request { component, ..Request::named(name, Variables::Environment) }
    }

    /// A request for a flow with this name in messages.
    pub(crate) fn named(name: String, variables: Variables) -> Request {
        Request {
            name,
            component: None,
            variables,
            config: Config::default(),
            credentials: None,
            egress: None,
            is_local: false,
            is_reload: false,
        }
    }

    /// The same, for a flow that takes the place of the one that runs.
    pub(crate) fn for_reload(self) -> Request {
        Request { is_reload: true, ..self }
    }

    /// Puts a server of this process under the flow, and nothing else within its reach.
    pub(crate) fn talk_to(&mut self, endpoint: &str, credentials: Credentials) {
        self.is_local = true;
        self.config.fields.insert("endpoint", Some(endpoint.to_owned()));
        // The server has an address, and no names below it; it is nobody's but ours, and has one
        // storage class.
        for field in ["addressing", "provider", "dualstack", "fips", "accelerate", "storage_class"]
        {
            self.config.fields.insert(field, None);
        }
        self.credentials = Some(Arc::new(credentials));
        self.egress = Some(vec![endpoint.trim_start_matches("http://").to_owned()]);
    }

    /// The flow in that text.
    pub(crate) fn parse(&self, text: &str) -> Result<Draft, PlanError> {
        let stem = Path::new(&self.name).file_stem().unwrap_or_default().to_string_lossy();
        Ok(Draft::parse(text, &stem, &self.variables, &self.config)?)
    }

    /// Proves all that can be proven without writing anything.
    pub(crate) async fn plan(self, draft: Draft) -> Result<Plan, PlanError> {
        let Draft { source, map, transforms, sink, credentials, checkpoint, run, mut problems } =
            draft;
        if let Some(source) = &source {
            let message = unusable(Source::check(source))?;
            problems.extend(message.map(|message| Problem::new("source.path", message)));
            problems.extend(source.kafka().into_iter().flat_map(KafkaSettings::problems));
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
        if let Some(CheckpointSettings { store: CheckpointStore::File(path), .. }) = &checkpoint {
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
        } else if checkpoint.is_none()
            && !problems.iter().any(|problem| problem.field.starts_with("checkpoint"))
            && sink.as_ref().is_some_and(commits_checkpoints)
        {
            problems.push(Problem::new(format!("sink.config.{}", flow::COMMIT), NO_CHECKPOINTS));
        }
        let before = problems.len();
        let transforms = Transforms::load(transforms, &mut problems).await?;
        let mut are_known = problems.len() == before;
        let destination = self.find(sink, credentials, &mut problems).await?;
        if let Some((destination, _)) = &destination {
            let around = lanes::Around {
                source: source.as_ref(),
                on_rejected: map.as_ref().map(|map| &map.on_rejected),
                has_checkpoint: checkpoint.is_some(),
            };
            let before = problems.len();
            lanes::prove(destination, &around, &mut problems).await?;
            are_known &= problems.len() == before;
        }
        if let (Some(checkpoint), Some(source)) = (&checkpoint, &source)
            && !self.is_reload
        {
            let destination = destination.as_ref().map(|(destination, _)| destination);
            // Of transforms that are wrong it is not known whether they are others, and lanes that
            // are wrong cannot be opened.
            let destination = destination.filter(|_| are_known);
            let before = fit::Before {
                transforms: &transforms.identity(),
                are_read_again: on_failed != OnFailed::Stop,
            };
            let is_local = self.is_local;
            resume::prove(checkpoint, source, &before, destination, is_local, &mut problems)
                .await?;
        }
        match (source, map, destination) {
            (Some(source), Some(map), Some(destination)) if problems.is_empty() => {
                let (Destination { sink, config, grants, lanes }, known) = destination;
                let Known { credentials_proven, notes } = known;
                let MapSettings { map, on_rejected } = map;
                Ok(Plan {
                    source,
                    map: events::shared(map),
                    on_rejected,
                    transforms,
                    sink,
                    config,
                    grants,
                    lanes,
                    on_failed,
                    checkpoint,
                    is_local: self.is_local,
                    run,
                    credentials_proven,
                    notes,
                })
            }
            _ => Err(PlanError::Problems { flow: self.name, problems }),
        }
    }

    /// Proves what can be proven of where a flow goes, whatever is wrong with where it comes from.
    pub(crate) async fn destination(self, draft: Draft) -> Result<Destination, PlanError> {
        let Draft { sink, credentials, mut problems, .. } = draft;
        problems.retain(|problem| {
            let section = problem.field.split(['.', '[']).next().unwrap_or_default();
            !["source", "map", "transform", "run"].contains(&section)
        });
        match self.find(sink, credentials, &mut problems).await? {
            Some((destination, _)) if problems.is_empty() => Ok(destination),
            _ => Err(PlanError::Problems { flow: self.name, problems }),
        }
    }

    /// The message if the path is the source or the flow itself.
    fn taken(&self, path: &Path, source: Option<&SourceSettings>) -> Option<String> {
        if source.is_some_and(|source| is_read(source, path)) {
            // What is set aside would be read, and set aside, again and again.
            return Some(format!("{} is the source; name another file", path.display()));
        }
        let is_flow = is_same(Path::new(&self.name), path);
        is_flow.then(|| format!("{} is the flow; name another file", path.display()))
    }

    /// The destination of a flow, and facts about it.
    async fn find(
        &self,
        sink: Option<SinkSettings>,
        credentials: Option<credentials::Settings>,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<(Destination, Known)>, PlanError> {
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
        let destination =
            component::load(settings, surroundings, credentials, notes, problems).await?;
        // What it does not ask for is not loaded, either.
        known.credentials_proven |=
            destination.as_ref().is_some_and(|it| !component::takes_credentials(&it.sink));
        Ok(destination.map(|destination| (destination, known)))
    }
}

impl Destination {
    /// What keeps a checkpoint in the bucket.
    pub(crate) fn bucket(&self) -> Bucket<'_> {
        let Destination { sink: component, config, grants, .. } = self;
        Bucket { component, config, grants }
    }

    /// Opens the sink, which makes no request.
    pub(crate) async fn open(&self) -> Result<Sink, PlanError> {
        let opened = self.sink.open(&self.config, None, &self.grants).await;
        Ok(opened?)
    }
}

impl Plan {
    /// What keeps a checkpoint in the bucket.
    pub(crate) fn bucket(&self) -> Bucket<'_> {
        let Plan { sink: component, config, grants, .. } = self;
        Bucket { component, config, grants }
    }

    /// Where it goes.
    pub(crate) fn destination(self) -> Destination {
        let Plan { sink, config, grants, lanes, .. } = self;
        Destination { sink, config, grants, lanes }
    }

    /// Opens the source: where it was left, or at its beginning.
    pub(crate) fn events(
        source: &SourceSettings,
        map: &Arc<Map>,
        config: &str,
        resume: Option<&Resume>,
    ) -> Result<Events, PlanError> {
        let opened = match resume {
            Some(resume) => resume.open(source),
            None => Source::open(source, Start::default()),
        };
        let (place, begun) = resume.map_or_else(Default::default, Resume::place);
        Ok(Events::new(opened?, Arc::clone(map), framing(config), place, begun)?)
    }
}

#[cfg(feature = "kafka")]
impl Plan {
    /// The events of a source that is open, and begins at this place. What was `begun` of its line
    /// lies before it.
    pub(crate) fn events_of(
        &self,
        source: Source,
        place: Place,
        begun: Option<Begun>,
    ) -> Result<Events, PlanError> {
        Ok(Events::new(source, Arc::clone(&self.map), framing(&self.config), place, begun)?)
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
pub(crate) fn read(path: &Path) -> Result<String, PlanError> {
    Ok(flow::read(path)?)
}

fn commits_checkpoints(sink: &SinkSettings) -> bool {
    sink.config.get(flow::COMMIT).is_some_and(|commit| commit == flow::CHECKPOINTED)
}

const NO_CHECKPOINTS: &str = "is \"checkpointed\": no object becomes visible before a checkpoint \
                              is stored, and the flow stores none; add [checkpoint] with a path, \
                              or remove this line";
