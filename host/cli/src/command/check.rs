//! `spillway check`.

use std::path::{Path, PathBuf};

use anyhow::Error;
use spillway::contract::Ending;
use spillway::sink::{Sink, SinkError};

use crate::checkpoint::{BucketSettings, bucket};
use crate::escape;
use crate::plan::{Destination, Plan, PlanError, Request, listed, read};
use crate::source::Partition;

use super::args::CheckArguments;
use super::asking::{Asking, CLEARING_TIME_MAX};
use super::exit::{CliError, Exit};
use super::output::outln;
use super::position;
use super::terminal;

pub(crate) async fn check(arguments: CheckArguments) -> Result<Exit, CliError> {
    let CheckArguments { flow, connect, component } = arguments;
    let (plan, valid) = prove(&flow, component).await?;
    let goes_on = match &plan.checkpoint {
        Some(settings) => position::describe(settings, &plan, connect).await?,
        None => None,
    };
    outln!("{valid}");
    plan.notes.iter().for_each(|note| outln!("{}", escape::line(note)));
    for (index, through) in plan.transforms.identity().iter().enumerate() {
        let (name, version) = (escape::line(&through.name), escape::line(&through.version));
        outln!("transform[{index}] is {name} {version}");
    }
    if let Some(text) = goes_on {
        outln!("{text}");
    }
    let credentials_proven = plan.credentials_proven;
    let in_bucket = in_bucket(&plan);
    let destination = plan.destination();
    look(&destination, connect).await?;
    if connect {
        outln!("the bucket can be written; the test upload was aborted");
        if let Some(settings) = in_bucket {
            bucket::check(destination.bucket(), &settings).await.map_err(PlanError::from)?;
            outln!("the bucket keeps checkpoints: conditional writes are evaluated");
        }
    } else if !credentials_proven {
        outln!("Its credentials are loaded when it runs.");
    }
    Ok(Exit::Done)
}

/// The checkpoint in the bucket, if there is one; of many partitions, the one of a first.
fn in_bucket(plan: &Plan) -> Option<BucketSettings> {
    let settings = plan.checkpoint.as_ref()?;
    let settings = match plan.source.kafka() {
        Some(kafka) => {
            let is_name = |topic: &&String| !topic.starts_with('^');
            let topic = kafka.topics.iter().find(is_name).map_or("topic", String::as_str);
            settings.of_partition(&Partition { topic: topic.to_owned(), number: 0 })
        }
        None => settings.clone(),
    };
    settings.store.bucket().cloned()
}

/// Proves all that can be proven of a flow without a request and without writing anything. Returns
/// its plan, and that it is valid, as a line.
pub(crate) async fn prove(
    flow: &Path,
    component: Option<PathBuf>,
) -> Result<(Plan, String), CliError> {
    let request = Request::of(flow, component);
    let draft = request.parse(&read(flow)?)?;
    let plan = request.plan(draft).await?;
    let egress = listed(&plan.grants.egress, |authority| authority);
    let egress = escape::line(&egress);
    let valid = format!("{} is valid; it connects to {egress}", flow.display());
    Ok((plan, valid))
}

/// Opens the sink, sends a test upload if `asks`, and prints the notices of the sink.
pub(crate) async fn look(destination: &Destination, asks: bool) -> Result<(), CliError> {
    let mut sink = destination.open().await?;
    if !asks {
        return close(&mut sink, Ok(())).await;
    }
    let asking = Asking::of(&sink, CLEARING_TIME_MAX)?;
    let checked = sink.check().await;
    let asked = close(&mut sink, checked).await;
    asking.end(asked, LEFT)
}

/// Ends the sink: what could not be cleared away after the first answer is tried once more.
async fn close(sink: &mut Sink, checked: Result<(), SinkError>) -> Result<(), CliError> {
    let closed = sink.close(Ending::Abort).await;
    if let Ok(progress) = &closed {
        progress.notices.iter().for_each(terminal::say_notice);
    }
    checked.map_err(|error| {
        CliError::Failed(Error::new(error).context("the bucket cannot be written"))
    })?;
    closed.map_err(|error| CliError::Failed(error.into()))?;
    Ok(())
}

const LEFT: &str = "the test upload may remain in the bucket, with a key that begins with \
                    `spillway-check-`; `spillway uploads` lists and aborts it";
