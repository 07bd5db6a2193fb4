//! The sources that AWS tools ask for credentials, in their order.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>

mod http;
mod refusal;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::region::ProvideRegion as _;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::EnvConfigFiles;

use crate::contract::credentials::Failure;
use crate::egress::Proxies;
use crate::problem::Problem;

use super::profiles::{self, Profiles};
use super::settings::{self, Base};
use super::{Credentials, Environment, Provided, Provider, Role, Secret, is_sound};
use refusal::Refusal;

/// Credentials from where AWS tools find them, and a role that is assumed with them.
///
/// It keeps nothing: each time that it is asked, variables and files are read and services are
/// asked anew, so that a login of a moment ago counts. [`Cached`](super::Cached) keeps what it
/// hands out.
#[derive(Clone, Debug, Default)]
pub struct AwsChain {
    /// Where it looks.
    pub base: Base,
    /// The role to assume with what it finds.
    pub role: Option<Role>,
    /// Where STS is asked if neither `AWS_REGION`, `AWS_DEFAULT_REGION` nor the profile names a
    /// region; `us-east-1` without it.
    pub region: Option<String>,
}

impl Provider for AwsChain {
    fn get<'a>(&'a self, _identity: &'a str, _fresh: bool) -> Provided<'a> {
        Box::pin(self.load())
    }
}

impl AwsChain {
    /// What is wrong with variables and files. Nobody is asked for anything.
    pub(super) async fn problems(&self) -> Vec<Problem> {
        let problem = match (self.variables(), &self.base) {
            (Some(environment), _) => {
                // A role is assumed in the region of a profile.
                let wrong = settings::wrong(&environment);
                wrong.or_else(|| self.role.as_ref().and_then(|_| wrong_profile(None)))
            }
            (None, Base::Profile(name)) => wrong_profile(Some(name)),
            (None, Base::Standard | Base::Environment(_)) => wrong_profile(None),
        };
        problem.into_iter().collect()
    }

    /// Whether nobody has to be asked for anything.
    pub(super) fn is_all_here(&self) -> bool {
        self.variables().is_some() && self.role.is_none()
    }

    /// The variables that count, where they go before all others.
    fn variables(&self) -> Option<Environment> {
        match &self.base {
            Base::Environment(environment) => Some(environment.clone()),
            Base::Standard => Some(Environment::default()).filter(Environment::is_set),
            Base::Profile(_) => None,
        }
    }

    async fn load(&self) -> Result<Credentials, Failure> {
        let read = self.variables().map(|environment| environment.read()).transpose()?;
        let (read, role) = match (read, &self.role) {
            (Some(credentials), None) => return Ok(credentials),
            others => others,
        };
        let services = Services::new(self).await?;
        let base = match read {
            Some(credentials) => credentials,
            None => services.base().await?,
        };
        match role {
            Some(role) => services.assume(role, base).await,
            None => Ok(base),
        }
    }
}

/// What it takes to ask others.
struct Services<'a> {
    chain: &'a AwsChain,
    sdk: SdkConfig,
    config: ProviderConfig,
    /// For what is near, and has no proxy in between: metadata of containers and instances.
    near: ProviderConfig,
    files: EnvConfigFiles,
}

impl<'a> Services<'a> {
    async fn new(chain: &'a AwsChain) -> Result<Services<'a>, Failure> {
        let profiles = Profiles::read();
        let profiles = profiles.map_err(|broken| Failure::NotConfigured(broken.to_string()))?;
        let files = profiles.files();
        let properties = profiles.properties(&settings::profile_name(Some(&chain.base)));
        let ca_bundle = properties.get("ca_bundle").map(PathBuf::from);
        let proxies = Proxies::from_variables(|name| std::env::var(name).ok());
        let http = http::client(proxies, ca_bundle.clone());
        let region = chain.sts_region(&files).await;
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        loader = loader.http_client(http.clone()).region(region).no_credentials();
        loader = loader.profile_files(files.clone());
        loader = loader.profile_name(profiles::encoded(&settings::profile_name(Some(&chain.base))));
        let sdk = loader.load().await;
        let config = ProviderConfig::without_region()
            .with_http_client(http)
            .with_region(sdk.region().cloned())
            .with_use_fips(sdk.use_fips())
            .with_use_dual_stack(sdk.use_dual_stack());
        let near = config.clone().with_http_client(http::client(Proxies::default(), ca_bundle));
        Ok(Services { chain, sdk, config, near, files })
    }

    async fn base(&self) -> Result<Credentials, Failure> {
        let unset = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set".to_owned();
        let unset = ("environment".to_owned(), Refusal::Absent(unset));
        match &self.chain.base {
            Base::Profile(_) => first(vec![self.profile()], vec![]).await,
            Base::Standard => first(self.standard(), vec![unset]).await,
            Base::Environment(_) => first(vec![], vec![unset]).await,
        }
    }

    async fn assume(&self, role: &Role, base: Credentials) -> Result<Credentials, Failure> {
        first(vec![self.role(role, base).await], vec![]).await
    }

    fn standard(&self) -> Vec<Source> {
        let web_identity = WebIdentityTokenCredentialsProvider::builder().configure(&self.config);
        let container = EcsCredentialsProvider::builder().configure(&self.near);
        vec![
            self.profile(),
            Source::new("web identity (AWS_WEB_IDENTITY_TOKEN_FILE)", web_identity.build()),
            Source::new("container metadata (AWS_CONTAINER_*)", container.build()),
            self.instance_metadata(),
        ]
    }

    fn profile(&self) -> Source {
        let name = settings::profile_name(Some(&self.chain.base));
        let provider = ProfileFileCredentialsProvider::builder()
            .configure(&self.config)
            .profile_files(self.files.clone())
            .profile_name(profiles::encoded(&name));
        let source = Source::new(format!("profile `{name}`"), provider.build());
        Source { refusal: Refusal::of_profile, ..source }
    }

    fn instance_metadata(&self) -> Source {
        let client =
            imds::Client::builder().configure(&self.near).max_attempts(IMDS_ATTEMPTS_MAX).build();
        let provider = ImdsCredentialsProvider::builder().configure(&self.near);
        let source = Source::new("instance metadata", provider.imds_client(client).build());
        Source { patience: IMDS_PATIENCE, ..source }
    }

    async fn role(&self, role: &Role, base: Credentials) -> Source {
        let mut builder = AssumeRoleProvider::builder(&role.arn).session_name(&role.session_name);
        if let Some(external_id) = &role.external_id {
            builder = builder.external_id(external_id);
        }
        let base = aws_credential_types::Credentials::new(
            base.access_key_id,
            base.secret_access_key.0,
            base.session_token.map(|token| token.0),
            None,
            "spillway",
        );
        let provider = builder.configure(&self.sdk).build_from_provider(base).await;
        Source::new(format!("role {}", role.arn), provider)
    }
}

impl AwsChain {
    async fn sts_region(&self, files: &EnvConfigFiles) -> Region {
        let variable = |name| std::env::var(name).ok().filter(|region| !region.is_empty());
        if let Some(region) = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")) {
            return Region::new(region);
        }
        let name = profiles::encoded(&settings::profile_name(Some(&self.base)));
        let profile = ProfileFileRegionProvider::builder();
        let profile = profile.profile_files(files.clone()).profile_name(name);
        let fallback = || self.region.clone().map_or(Region::from_static(STS_REGION), Region::new);
        profile.build().region().await.unwrap_or_else(fallback)
    }
}

/// Asks one source after another, until one has credentials or should have had some.
async fn first(
    sources: Vec<Source>,
    mut refusals: Vec<(String, Refusal)>,
) -> Result<Credentials, Failure> {
    for source in sources {
        match source.ask().await {
            Ok(credentials) => return Ok(credentials),
            Err(refusal) => {
                let is_last = !matches!(refusal, Refusal::Absent(_));
                refusals.push((source.name, refusal));
                if is_last {
                    break;
                }
            }
        }
    }
    Err(Refusal::failure(refusals))
}

/// Somebody to ask for credentials.
struct Source {
    name: String,
    provider: Box<dyn ProvideCredentials>,
    patience: Duration,
    refusal: fn(&CredentialsError) -> Refusal,
}

impl Source {
    fn new(name: impl Into<String>, provider: impl ProvideCredentials + 'static) -> Source {
        Source {
            name: name.into(),
            provider: Box::new(provider),
            patience: PATIENCE,
            refusal: Refusal::of,
        }
    }

    async fn ask(&self) -> Result<Credentials, Refusal> {
        let asked = tokio::time::timeout(self.patience, self.provider.provide_credentials()).await;
        let Ok(answer) = asked else {
            let text = format!("no answer within {} s", self.patience.as_secs());
            return Err(Refusal::Failed(text));
        };
        let credentials = answer.map_err(|error| (self.refusal)(&error))?;
        let texts = [credentials.access_key_id(), credentials.secret_access_key()];
        if !texts.into_iter().chain(credentials.session_token()).all(is_sound) {
            let text = "its answer contains a blank, a line end or a control character".to_owned();
            return Err(Refusal::Failed(text));
        }
        Ok(Credentials {
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: Secret::new(credentials.secret_access_key()),
            session_token: credentials.session_token().map(Secret::new),
            expires_at: credentials.expiry().map(nanoseconds),
        })
    }
}

/// What is wrong with the files of profiles as far as they tell, and with the profile that is
/// named.
fn wrong_profile(name: Option<&str>) -> Option<Problem> {
    let field = if name.is_some() { "credentials.profile" } else { "credentials" };
    let message = match (Profiles::read(), name) {
        (Err(broken), _) => format!("the files of AWS profiles cannot be read: {broken}"),
        (Ok(_), None) => return None,
        (Ok(profiles), Some(name)) => {
            let known = profiles.names();
            if known.contains(&name) {
                return None;
            }
            let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            format!("no file of AWS profiles has `{name}`; there are {there}")
        }
    };
    Some(Problem::new(field, message))
}

fn nanoseconds(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// How long one source may take, its own retries included: a login or a process is slow.
const PATIENCE: Duration = Duration::from_secs(30);
/// An instance's metadata is near, or not there at all.
const IMDS_PATIENCE: Duration = Duration::from_secs(5);
const IMDS_ATTEMPTS_MAX: u32 = 3;
const STS_REGION: &str = "us-east-1";
