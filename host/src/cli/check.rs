//! `spillway check`.

use anyhow::Error;
use spillway::contract::Ending;

use super::args::CheckArguments;
use super::exit::{Exit, Stop};
use super::plan::{Destination, Request, read};
use super::say::say;
use super::take_up;
use super::terminal;

pub(crate) async fn check(arguments: CheckArguments) -> Result<Exit, Stop> {
    let CheckArguments { flow, connect, component } = arguments;
    let request = Request::of(&flow, component);
    let draft = request.parse(&read(&flow)?)?;
    let plan = request.plan(draft).await?;
    let goes_on = plan.checkpoint.as_ref().map(take_up::in_words).transpose()?;
    let egress = plan.grants.egress.join(", ");
    say!("{} is in order; it would talk to {egress}", flow.display());
    plan.notes.iter().for_each(|note| say!("{note}"));
    if let Some(text) = goes_on {
        say!("{text}");
    }
    if connect {
        ask(&plan.destination()).await?;
        say!("the store takes what it would write; nothing is left of the proof");
    } else if !plan.credentials_proven {
        say!("Its credentials come from elsewhere, and are asked for when it runs.");
    }
    Ok(Exit::Done)
}

/// Asks the store. What could not be cleared away after the first answer is tried once more.
async fn ask(destination: &Destination) -> Result<(), Stop> {
    let mut sink = destination.open().await?;
    let checked = sink.check().await;
    let closed = sink.close(Ending::Abort).await;
    if let Ok(progress) = &closed {
        progress.notices.iter().for_each(terminal::say_notice);
    }
    checked.map_err(|error| {
        Stop::Failed(Error::new(error).context("the store does not take what it would write"))
    })?;
    closed.map_err(|error| Stop::Failed(error.into()))?;
    Ok(())
}
