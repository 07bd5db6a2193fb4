//! Where in `[sink.config]` the S3 sink is configured: a server of this process takes the place of
//! its endpoint.

use serde_json::Value;
use spillway::component::ComponentSource;
use spillway::engine::Limits;
use spillway::problem::Problem;

use super::component::{compiled, engine};
use super::{PlanError, Request};
use crate::flow::{Config, Draft};

impl Request {
    /// Finds the table of the S3 sink, so that [`talk_to`](Request::talk_to) changes that one. A
    /// component says by its schema where it is: at the top, or in `sink`, as a chain has it.
    ///
    /// # Errors
    ///
    /// Where the component has no field `endpoint` there: it may store elsewhere than in S3.
    pub(crate) async fn find_s3_sink(&mut self, flow: &str) -> Result<(), PlanError> {
        let Some(sink) = self.parse(flow)?.sink else { return Ok(()) };
        let Some(path) = self.component.clone().or(sink.component) else { return Ok(()) };
        let source = ComponentSource::File(path);
        // What is no sink is refused later, with all that is wrong.
        let Ok(component) = compiled(engine()?, source, sink.limits.compile_max()).await? else {
            return Ok(());
        };
        let limits = sink.limits.limits("[sink]", Limits::default().memory_bytes_max);
        let schema = component.describe(&limits).await?.configuration_schema;
        let depth = depth(&serde_json::from_str(&schema).unwrap_or_default());
        let Some(depth) = depth else {
            let problems = vec![Problem::new("sink.component", NO_ENDPOINT)];
            return Err(PlanError::Problems { flow: self.name.clone(), problems });
        };
        self.config.depth = depth;
        Ok(())
    }

    /// The table of the flow that configures the S3 sink.
    pub(crate) fn s3_table(&self) -> String {
        format!("sink.config{}", ".sink".repeat(self.config.depth))
    }

    /// The bucket that the flow names.
    pub(crate) fn bucket(&self, draft: &Draft) -> Option<String> {
        let Config { depth, .. } = self.config;
        let config = &draft.sink.as_ref()?.config;
        let mut names = std::iter::repeat_n(SINK, depth).chain(["bucket"]);
        let first = config.get(names.next()?);
        names.fold(first, |value, name| value?.get(name))?.as_str().map(str::to_owned)
    }
}

/// How many tables `sink` deep a schema has the endpoint.
fn depth(schema: &Value) -> Option<usize> {
    let properties = |schema: &Value| schema.get("properties").cloned();
    let mut at = properties(schema)?;
    for depth in 0..DEPTH_MAX {
        if at.get(ENDPOINT).is_some() {
            return Some(depth);
        }
        at = properties(at.get(SINK)?)?;
    }
    None
}

const NO_ENDPOINT: &str = "the configuration of this component has no field `endpoint`, neither at \
                           the top nor in `sink`, so --local cannot lead it to its server; run it \
                           without --local, with the address of its store in [sink.config]";
const ENDPOINT: &str = "endpoint";
const SINK: &str = "sink";
/// As many chains in a chain as anybody composes.
const DEPTH_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_endpoint_is_where_the_schema_has_it() {
        let of = |properties: Value| json!({ "properties": properties });
        let s3 = of(json!({ "bucket": {}, "endpoint": {} }));
        let chain = of(json!({ "transform": of(json!({ "endpoint": {} })), "sink": s3 }));
        assert_eq!(depth(&s3), Some(0));
        assert_eq!(depth(&chain), Some(1));
        assert_eq!(depth(&of(json!({ "sink": chain }))), Some(2));
        for other in [json!({}), json!(true), of(json!({ "sink": true, "bucket": {} }))] {
            assert_eq!(depth(&other), None);
        }
        let endless = (0..100).fold(s3, |inner, _| of(json!({ "sink": inner })));
        assert_eq!(depth(&endless), None);
    }
}
