//! Settings from outside of a flow: variables, the AWS profile, certificates, proxies.

use crate::flow::SinkSettings;
use spillway::credentials;
use spillway::egress::{self, Proxies};
use spillway::problem::Problem;

use super::environment::{self, Filled};
use super::{Known, Request, chain};

/// Settings from outside of the flow.
#[derive(Default)]
pub(super) struct Surroundings {
    /// The fields of the component's configuration that come from there.
    pub(super) filled: Filled,
    /// Whether requests to the store use plain HTTP.
    pub(super) is_plain: bool,
    /// The file of certificates to trust, and what names it.
    pub(super) ca_bundle: Option<(String, String)>,
    pub(super) proxies: Proxies,
}

impl Request {
    /// What there is around a flow that it says nothing of. A server of this process has nothing
    /// around it.
    pub(super) fn surroundings(
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
