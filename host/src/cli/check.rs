//! `spillway check`.

use super::args::CheckArguments;
use super::exit::{Exit, Stop};
use super::plan::{Request, read};
use super::say::say;

pub(crate) async fn check(arguments: CheckArguments) -> Result<Exit, Stop> {
    let CheckArguments { flow, component } = arguments;
    let request = Request::of(&flow, component);
    let draft = request.parse(&read(&flow)?)?;
    let plan = request.plan(draft).await?;
    let egress = plan.grants.egress.join(", ");
    say!("{} is in order; it would talk to {egress}", flow.display());
    if !plan.credentials_proven {
        say!("Its credentials come from elsewhere, and are asked for when it runs.");
    }
    Ok(Exit::Done)
}
