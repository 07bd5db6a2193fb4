//! What variables and profiles of the AWS tools say of the store, where the flow says nothing.
//!
//! It is told to the built-in component as if the flow had said it. So the component may reach no
//! more than the one store that is named then. This is the one place of the host, beside the
//! server in `local/`, that knows these fields.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use spillway::problem::Problem;

/// Where the values of variables come from.
pub(crate) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a profile says, beside variables.
pub(crate) trait Profile {
    /// Its name.
    fn name(&self) -> &str;
    /// One of its properties.
    fn get(&self, property: &str) -> Option<&str>;
    /// The URL that it has for the service.
    fn endpoint_of(&self, service: &str) -> Option<&str>;
    /// The section of services that it refers to, where there is none.
    fn lacks_services(&self) -> Option<&str>;
}

/// The fields that were filled in, and what filled them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filled(BTreeMap<&'static str, String>);

impl Filled {
    /// What the value of a field of the component comes from, if not from the flow.
    pub(crate) fn from(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(String::as_str)
    }

    /// A sentence for each.
    pub(crate) fn describe(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(field, from)| format!("`{field}` is that of {from}"))
    }
}

/// Fills in what the flow does not say. A flow that chooses an endpoint of the store in any way has
/// chosen it.
pub(crate) fn fill_in(
    config: &mut Map<String, Value>,
    variables: Variables<'_>,
    profile: Option<&dyn Profile>,
    problems: &mut Vec<Problem>,
) -> Filled {
    let mut filled = Filled::default();
    if !is_silent(config) {
        return filled;
    }
    let set = |name: &str| variables(name).filter(|value| !value.is_empty());
    let mut flag = |name: &str, property: &str| {
        let variable = set(name).map(|value| (name.to_owned(), value));
        let (from, value) = variable.or_else(|| {
            let value = profile?.get(property)?.to_owned();
            Some((of_profile(property, profile), value))
        })?;
        if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") {
            return value.eq_ignore_ascii_case("true").then_some(from);
        }
        let value: String = value.chars().take(VALUE_CHARS_MAX).collect();
        problems.push(Problem::new(from, format!("is {value:?}, expected true or false")));
        None
    };
    let ignored = flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls");
    let fips = flag("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint");
    let dualstack = flag("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint");
    let endpoint = if ignored.is_some() { None } else { endpoint(&set, profile) };
    // What was meant to lead to another store must not lead to AWS.
    let is_of_variable = endpoint.as_ref().is_some_and(|(from, _)| from.starts_with("AWS_"));
    if let Some(lacking) = profile.and_then(Profile::lacks_services)
        && !is_of_variable
        && ignored.is_none()
    {
        let lacking: String = lacking.chars().take(VALUE_CHARS_MAX).collect();
        let message = format!("names a section [services {lacking}] that is in no file");
        problems.push(Problem::new(of_profile("services", profile), message));
    }
    if let Some((from, url)) = endpoint {
        for other in [&fips, &dualstack].into_iter().flatten() {
            let message = format!("has no meaning together with {from}; unset one of the two");
            problems.push(Problem::new(other.clone(), message));
        }
        config.insert("endpoint".to_owned(), url.into());
        filled.0.insert("endpoint", from);
        return filled;
    }
    for (field, from) in [("fips", fips), ("dualstack", dualstack)] {
        if let Some(from) = from {
            config.insert(field.to_owned(), true.into());
            filled.0.insert(field, from);
        }
    }
    filled
}

/// Whether the flow chooses no endpoint of the store.
pub(crate) fn is_silent(config: &Map<String, Value>) -> bool {
    !CHOICES.iter().any(|choice| config.contains_key(*choice))
}

/// The note about a region that is set but not used.
pub(crate) fn unused_region(
    config: &Map<String, Value>,
    variables: Variables<'_>,
    profile: Option<&dyn Profile>,
) -> Option<String> {
    if ["region", "aws_region", "endpoint"].iter().any(|field| config.contains_key(*field)) {
        return None;
    }
    let mut names = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter();
    let variable = names.find(|name| variables(name).is_some_and(|v| !v.is_empty()));
    let (what, region) = match variable {
        Some(name) => (name.to_owned(), format!("${{{name}}}")),
        None => {
            let region = profile?.get("region")?.chars().take(VALUE_CHARS_MAX).collect();
            (of_profile("region", profile), region)
        }
    };
    Some(format!(
        "{what} is set but not used, and the flow has no `region`; write region = {region:?} to \
         use it"
    ))
}

/// The file of certificates to trust in place of the system's, and what names it.
pub(crate) fn ca_bundle(
    variables: Variables<'_>,
    profile: Option<&dyn Profile>,
) -> Option<(String, String)> {
    let variable = variables("AWS_CA_BUNDLE").filter(|path| !path.is_empty());
    variable.map(|path| ("AWS_CA_BUNDLE".to_owned(), path)).or_else(|| {
        let path = profile?.get("ca_bundle")?.to_owned();
        Some((of_profile("ca_bundle", profile), path))
    })
}

/// The scheme of requests to the store, if it is known for this component.
pub(crate) fn is_plain(config: &Map<String, Value>) -> bool {
    let endpoint = config.get("endpoint").and_then(Value::as_str).unwrap_or_default();
    endpoint.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"))
}

fn endpoint(
    set: &impl Fn(&str) -> Option<String>,
    profile: Option<&dyn Profile>,
) -> Option<(String, String)> {
    let variable = |name: &str| Some((name.to_owned(), set(name)?));
    let of_service = || {
        let url = profile?.endpoint_of("s3")?.to_owned();
        Some((of_profile("services", profile), url))
    };
    let of_all = || {
        let url = profile?.get("endpoint_url")?.to_owned();
        Some((of_profile("endpoint_url", profile), url))
    };
    variable("AWS_ENDPOINT_URL_S3")
        .or_else(|| variable("AWS_ENDPOINT_URL"))
        .or_else(of_service)
        .or_else(of_all)
}

fn of_profile(property: &str, profile: Option<&dyn Profile>) -> String {
    let name = profile.map(Profile::name).unwrap_or_default();
    format!("{property} of the AWS profile `{name}`")
}

#[cfg(feature = "aws-chain")]
impl Profile for spillway::credentials::Properties {
    fn name(&self) -> &str {
        self.name()
    }

    fn get(&self, property: &str) -> Option<&str> {
        self.get(property)
    }

    fn endpoint_of(&self, service: &str) -> Option<&str> {
        self.of_service(service, "endpoint_url")
    }

    fn lacks_services(&self) -> Option<&str> {
        self.lacks_services()
    }
}

/// Fields that choose an endpoint.
const CHOICES: &[&str] = &["endpoint", "fips", "dualstack", "accelerate"];
const VALUE_CHARS_MAX: usize = 40;

/// A build without the chain has no profiles.
#[cfg(not(feature = "aws-chain"))]
impl Profile for std::convert::Infallible {
    fn name(&self) -> &str {
        match *self {}
    }

    fn get(&self, _: &str) -> Option<&str> {
        match *self {}
    }

    fn endpoint_of(&self, _: &str) -> Option<&str> {
        match *self {}
    }

    fn lacks_services(&self) -> Option<&str> {
        match *self {}
    }
}
