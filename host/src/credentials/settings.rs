//! What a flow says of its credentials.

use std::sync::Arc;

use crate::contract::credentials::Failure;
use crate::problem::Problem;

#[cfg(feature = "aws-chain")]
use super::profiles::{Broken, Profiles, Properties};
#[cfg(feature = "aws-chain")]
use super::{AwsChain, Cached};
use super::{Environment, Provider};

/// Where the credentials of a flow come from.
#[derive(Clone, Debug)]
pub enum Settings {
    /// Variables of these names, and nothing else.
    Environment(Environment),
    /// What AWS tools would ask, with or without a role on top.
    #[cfg(feature = "aws-chain")]
    Aws(AwsChain),
}

/// Where credentials are looked for.
#[derive(Clone, Debug, Default)]
pub enum Base {
    /// The standard variables; then the profile that `AWS_PROFILE` names, a web identity, the
    /// metadata service of a container and the one of an instance. The first that is set up counts.
    #[default]
    Standard,
    /// The profile of this name, and nothing else.
    Profile(String),
    /// Variables of these names, and nothing else.
    Environment(Environment),
}

impl Default for Settings {
    /// The whole chain, where this build has it.
    fn default() -> Settings {
        #[cfg(feature = "aws-chain")]
        return Settings::Aws(AwsChain::default());
        #[cfg(not(feature = "aws-chain"))]
        return Settings::Environment(Environment::default());
    }
}

impl Settings {
    /// What is wrong with them as far as this machine alone can tell: variables and files are
    /// looked at, and nobody is asked.
    pub async fn problems(&self) -> Vec<Problem> {
        match self {
            Settings::Environment(environment) => wrong(environment).into_iter().collect(),
            #[cfg(feature = "aws-chain")]
            Settings::Aws(chain) => chain.problems().await,
        }
    }

    /// Whether having no [`problems`](Settings::problems) means having credentials.
    pub fn is_all_here(&self) -> bool {
        match self {
            Settings::Environment(_) => true,
            #[cfg(feature = "aws-chain")]
            Settings::Aws(chain) => chain.is_all_here(),
        }
    }

    /// What the profile says of other things, which is in force beside the credentials.
    ///
    /// # Errors
    ///
    /// Where a file of profiles cannot be read.
    #[cfg(feature = "aws-chain")]
    pub fn profile(&self) -> Result<Properties, Broken> {
        let base = match self {
            Settings::Environment(_) => None,
            Settings::Aws(chain) => Some(&chain.base),
        };
        Ok(Profiles::read()?.properties(&profile_name(base)))
    }

    /// What hands them out. `region` is the one to ask STS in where neither variables nor profiles
    /// name one.
    pub fn provider(self, region: Option<String>) -> Arc<dyn Provider> {
        #[cfg(not(feature = "aws-chain"))]
        let _ = region;
        match self {
            Settings::Environment(environment) => Arc::new(environment),
            #[cfg(feature = "aws-chain")]
            Settings::Aws(chain) => {
                Arc::new(Cached::new(AwsChain { region: chain.region.or(region), ..chain }))
            }
        }
    }
}

/// The profile that counts: the one that is named, or the one of `AWS_PROFILE`.
#[cfg(feature = "aws-chain")]
pub(super) fn profile_name(base: Option<&Base>) -> String {
    if let Some(Base::Profile(name)) = base {
        return name.clone();
    }
    let selected = std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
    selected.unwrap_or("default".to_owned())
}

/// What is wrong with the variables.
pub(super) fn wrong(environment: &Environment) -> Option<Problem> {
    let text = match environment.read().err()? {
        Failure::NotConfigured(text) => {
            format!("{text}; set what is missing, or name other variables in [credentials]")
        }
        Failure::Failed(text) => text,
    };
    Some(Problem::new("credentials", text))
}
