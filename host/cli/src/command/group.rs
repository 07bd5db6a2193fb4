//! Runs a plan as a member of a consumer group: one run for each partition that is assigned to it.
//!
//! All runs have their sinks from the one component that was compiled. A partition that is taken
//! away stops as at a signal: what is open is completed, and the offset of what is stored is
//! committed before the group goes on. One that is lost is aborted.

mod part;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Error, anyhow};
use tokio::task::JoinSet;
use tracing::{info, warn};

use self::part::{Part, Seen, Surrounding};
use super::execute::{Executed, Surroundings};
use super::exit::CliError;
use super::log::SPILLWAY;
use super::stopping::Stopping;
use super::terminal::{Terminal, say_notice};
use super::view::counted;
use crate::checkpoint::CheckpointError;
use crate::map::OnRejected;
use crate::plan::{Plan, PlanError, Share, Shared};
use crate::run::{End, Observer as _, Ran, RunError, Totals};
use crate::shutdown::Shutdown;
use crate::source::{Assigned, Assignment, KafkaSettings, Member, News, TopicWriter};
use crate::telemetry::Monitor;
use spillway::contract::{Level, Notice};

/// Runs a plan that reads partitions of topics.
pub(super) async fn execute(
    mut plan: Plan,
    settings: KafkaSettings,
    surroundings: Surroundings<'_>,
) -> Result<Executed, CliError> {
    let Surroundings { shutdown, monitor, log, .. } = surroundings;
    let member = Member::join(&settings, &plan.source.lines).map_err(PlanError::Source)?;
    let letters = match &plan.on_rejected {
        OnRejected::Topic(topic) => Some(TopicWriter::new(&settings, topic)),
        OnRejected::Stop | OnRejected::Skip | OnRejected::File(_) => None,
    };
    let letters = letters.transpose().map_err(PlanError::Source)?;
    let delivery = if plan.checkpoint.is_some() { EXACTLY_ONCE } else { AT_LEAST_ONCE };
    info!(target: SPILLWAY, event = "delivery", group = settings.group, "{delivery}");
    let limit = plan.run.shutdown_timeout;
    let _stopping = Stopping::of(shutdown, monitor, plan.checkpoint.is_some(), limit);
    let terminal = Terminal::new(monitor.clone(), log, true);
    monitor.join(member.stats());
    let shared =
        Shared::with_default(&plan.sink, &plan.config, &plan.grants, Some(MEMORY_BYTES_DEFAULT));
    let shared = shared.await.map_err(PlanError::Sink)?;
    // The requests for checkpoints are of the same number.
    plan.grants = shared.grants();
    let runs = Runs {
        hand: member.hand(),
        plan: Arc::new(plan),
        letters,
        shared,
        terminal: Arc::new(Mutex::new(terminal)),
        monitor: monitor.clone(),
        shutdown: shutdown.clone(),
        parts: HashMap::new(),
        waiting: Vec::new(),
        tasks: JoinSet::new(),
        overtaken: HashMap::new(),
        notices_within: settings.session_timeout() + NEWS_WITHIN,
        totals: Totals::default(),
        end: End::Stopped,
        failed: None,
    };
    Ok(runs.run(member).await)
}

/// The runs of all partitions that this member has.
struct Runs {
    hand: crate::source::Hand,
    plan: Arc<Plan>,
    /// What writes dead letters to their topic, where they go to one.
    letters: Option<TopicWriter>,
    shared: Shared,
    terminal: Arc<Mutex<Terminal>>,
    monitor: Monitor,
    shutdown: Shutdown,
    parts: HashMap<Assignment, Running>,
    /// Partitions that came back while their last run has not ended.
    waiting: Vec<Assigned>,
    tasks: JoinSet<Ended>,
    /// Partitions that another process has taken over, and the group has not taken away yet.
    overtaken: HashMap<Assignment, Overtaken>,
    /// How long it may take until the group has noticed that, and this member has heard of it.
    notices_within: Duration,
    totals: Totals,
    end: End,
    /// Why it ends, if something failed.
    failed: Option<CliError>,
}

/// A run of a partition.
struct Running {
    shutdown: Shutdown,
    /// What the group has done with the partition since.
    fate: Fate,
}

/// What the group does with a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It stays.
    Kept,
    /// It waits for the run to end.
    Revoked,
    /// Others may have it already.
    Lost,
}

impl Running {
    /// Has it end, and keep what is open. It may have been told so before.
    fn stop(&self) {
        if self.shutdown.count() == 0 {
            self.shutdown.insist();
        }
    }

    /// Has it end at once.
    fn abort(&self) {
        while self.shutdown.count() < 2 {
            self.shutdown.insist();
        }
    }
}

/// What failed, and until when the group may take the partition away.
struct Overtaken {
    error: Error,
    until: Instant,
}

/// A run of a partition that has ended; nothing where it never had a record.
struct Ended {
    of: Assignment,
    monitor: Monitor,
    result: Result<Option<Ran>, CliError>,
}

impl Runs {
    /// Runs until it is told to stop, or something fails.
    async fn run(mut self, mut member: Member) -> Executed {
        let shutdown = self.shutdown.clone();
        let (mut told, mut is_gone) = (0, false);
        while told == 0 || !self.parts.is_empty() {
            let late = late(self.overtaken.values().map(|overtaken| overtaken.until).min());
            tokio::select! {
                biased;
                () = shutdown.reached(told + 1), if told < 2 => {
                    told += 1;
                    let end = if told == 1 { Running::stop } else { Running::abort };
                    self.parts.values().for_each(end);
                    self.waiting.drain(..).for_each(|assigned| self.hand.released(&assigned.of));
                }
                Some(ended) = self.tasks.join_next() => match ended {
                    Ok(ended) => self.ended(ended),
                    Err(error) => self.fail(CliError::Failed(error.into())),
                },
                news = member.next(), if !is_gone => match news {
                    Some(news) => self.hear(news),
                    None => {
                        is_gone = true;
                        self.fail(CliError::Failed(anyhow!("the consumer's thread has ended")));
                    }
                },
                // One that ends leaves the group, whatever that has noticed.
                () = late, if told == 0 => self.fail_overtaken(),
            }
        }
        self.monitor.close();
        if tokio::time::timeout(LEAVING_PATIENCE, member.leave()).await.is_err() {
            warn!(target: SPILLWAY, event = "notice", "{NOT_LEFT}");
        }
        let result = self.failed.map_or(Ok(self.end), Err);
        (self.totals, result)
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Assigned(assigned) => {
                let names = assigned.iter().map(|assigned| assigned.of.partition.to_string());
                self.say("assigned", &names.collect::<Vec<_>>());
                let partitions = self.parts.len() + assigned.len();
                if let Some(message) = self.shared.exceeded_by(partitions, "partitions") {
                    say_notice(&Notice { level: Level::Warning, message });
                }
                let share = self.shared.among(partitions);
                for assigned in assigned {
                    self.start(assigned, &share);
                }
            }
            News::Revoked(revoked) => self.take_away("revoked", Fate::Revoked, &revoked),
            // Another member reads again what is open.
            News::Lost(lost) => self.take_away("lost", Fate::Lost, &lost),
            News::Notice { is_warning, message } => {
                let level = if is_warning { Level::Warning } else { Level::Info };
                part::lock(&self.terminal).notice(&Notice { level, message });
            }
            News::Failed(error) => self.fail(CliError::from(RunError::Source(error))),
        }
    }

    fn say(&self, what: &'static str, names: &[String]) {
        if names.is_empty() {
            return;
        }
        let (count, names) = (names.len(), names.join(", "));
        let message = format!("{what}: {} ({names})", counted(count as u64, "partition"));
        match what {
            "lost" => say_notice(&Notice { level: Level::Warning, message }),
            _ => info!(target: SPILLWAY, event = what, count, partitions = names, "{message}"),
        }
    }

    /// Ends the runs of partitions that the group takes away.
    fn take_away(&mut self, what: &'static str, fate: Fate, taken: &[Assignment]) {
        let names = taken.iter().map(|of| of.partition.to_string());
        self.say(what, &names.collect::<Vec<_>>());
        for of in taken {
            self.overtaken.remove(of);
            let Some(part) = self.parts.get_mut(of) else {
                self.let_go(of);
                continue;
            };
            part.fate = fate;
            match fate {
                Fate::Lost => part.abort(),
                Fate::Kept | Fate::Revoked => part.stop(),
            }
        }
    }

    /// Nobody reads this partition, and nobody will.
    fn let_go(&mut self, of: &Assignment) {
        self.waiting.retain(|assigned| assigned.of != *of);
        self.hand.released(of);
    }

    fn start(&mut self, assigned: Assigned, share: &Share) {
        let of = assigned.of.clone();
        if self.shutdown.count() > 0 {
            self.hand.released(&of);
            return;
        }
        if self.parts.keys().any(|running| running.partition == of.partition) {
            // What its last run has in flight would meet what the next one sends.
            self.waiting.push(assigned);
            return;
        }
        let (shutdown, monitor) = (Shutdown::never(), self.monitor.part());
        let part = Part {
            plan: Arc::clone(&self.plan),
            share: share.clone(),
            letters: self.letters.as_ref().map(TopicWriter::another),
            around: Surrounding {
                hand: self.hand.clone(),
                shutdown: shutdown.clone(),
                monitor: monitor.clone(),
                seen: Seen::new(&self.terminal),
            },
        };
        self.parts.insert(of.clone(), Running { shutdown, fate: Fate::Kept });
        self.tasks.spawn(async move {
            let result = part.run(assigned).await;
            Ended { of, monitor, result }
        });
    }

    fn ended(&mut self, ended: Ended) {
        let Ended { of, monitor, result } = ended;
        self.monitor.part_ended(&monitor);
        self.hand.released(&of);
        let fate = self.parts.remove(&of).map_or(Fate::Kept, |part| part.fate);
        self.go_on(&of);
        let result = match result {
            Ok(Some(ran)) => {
                self.totals = self.totals.and(&ran.totals);
                ran.result.map_err(CliError::from)
            }
            Ok(None) => return,
            Err(error) => Err(error),
        };
        match result {
            // Whatever became of it, another member reads it again.
            _ if fate == Fate::Lost => {}
            Err(CliError::Failed(error)) if fate == Fate::Revoked && is_passing(&error) => {
                let partition = &of.partition;
                let message = format!("{partition} goes on from the checkpoint before: {error:#}");
                say_notice(&Notice { level: Level::Warning, message });
            }
            // The group has given it to another member, and this one does not know yet.
            Err(CliError::Failed(error)) if is_overtaken(&error) => {
                let message = format!(
                    "{}: another process has taken over its checkpoint, so nothing more of it is \
                     stored here; waiting for the group to take it away",
                    of.partition
                );
                say_notice(&Notice { level: Level::Warning, message });
                let until = Instant::now() + self.notices_within;
                self.overtaken.insert(of, Overtaken { error, until });
            }
            Ok(End::Aborted | End::GivenUp) if self.end == End::GivenUp => {}
            Ok(end @ (End::Aborted | End::GivenUp)) => self.end = end,
            Ok(_) => {}
            Err(error) => self.fail(error),
        }
    }

    /// Ends all runs where the group has not taken away in time what another process has taken
    /// over: that one is of another group.
    fn fail_overtaken(&mut self) {
        let (now, within) = (Instant::now(), humantime::format_duration(self.notices_within));
        let Some((of, Overtaken { error, .. })) =
            self.overtaken.extract_if(|_, overtaken| overtaken.until <= now).next()
        else {
            return;
        };
        let context = format!(
            "{} is this member's still, {within} after its checkpoint was taken over \
             (session.timeout.ms and {}): another group may use the same `name` of [checkpoint]",
            of.partition,
            humantime::format_duration(NEWS_WITHIN)
        );
        self.fail(CliError::Failed(error.context(context)));
    }

    /// Starts the next run of a partition whose last one has ended.
    fn go_on(&mut self, of: &Assignment) {
        let is_next = |assigned: &Assigned| assigned.of.partition == of.partition;
        if let Some(index) = self.waiting.iter().position(is_next) {
            let assigned = self.waiting.remove(index);
            let share = self.shared.among(self.parts.len() + 1);
            self.start(assigned, &share);
        }
    }

    /// Ends all runs. What one of them has stored is committed, and the others complete what they
    /// have.
    fn fail(&mut self, error: CliError) {
        self.failed.get_or_insert(error);
        if self.shutdown.count() == 0 {
            self.shutdown.insist();
        }
    }
}

/// Whether the last checkpoint of a partition that is handed over may be missing: its next owner
/// goes on from the one before.
fn is_passing(error: &Error) -> bool {
    causes(error).any(|cause| {
        matches!(cause, CheckpointError::Unavailable { .. } | CheckpointError::TakenOver { .. })
    })
}

/// Whether another process has taken over the checkpoint.
fn is_overtaken(error: &Error) -> bool {
    causes(error).any(|cause| matches!(cause, CheckpointError::TakenOver { .. }))
}

fn causes(error: &Error) -> impl Iterator<Item = &CheckpointError> {
    error.chain().filter_map(|cause| cause.downcast_ref::<CheckpointError>())
}

/// Waits until then, if there is a then.
async fn late(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => std::future::pending().await,
    }
}

/// The events in memory of all partitions together, where the flow does not say: 512 MiB.
const MEMORY_BYTES_DEFAULT: u64 = 512 << 20;
/// How long this member may take to hear what the group does: between polls it asks brokers.
const NEWS_WITHIN: Duration = Duration::from_secs(10);
/// How long leaving the group may take: brokers that are away do not answer.
const LEAVING_PATIENCE: Duration = Duration::from_secs(10);
const NOT_LEFT: &str = "the brokers did not answer within 10s: the group notices after its session \
                        timeout that this member is gone, and offsets may not be committed";
const AT_LEAST_ONCE: &str = "delivery is at least once, since the flow has no [checkpoint]: an \
                             offset is committed once all records before it are stored, and after \
                             a crash or a takeover the records behind it are stored again";
const EXACTLY_ONCE: &str = "delivery is exactly once: the checkpoint of each partition is kept in \
                            the bucket and has its offset, and the offset that the group commits \
                            follows it";
