//! Whose credentials the component asks for.

use std::sync::{Arc, Mutex};

use spillway::contract::Ending;
use spillway::credentials::{Credentials, Provided, Provider};
use spillway::grants::Grants;
use spillway_simulation::bucket::BucketOptions;
use spillway_tests::bucket_transport::BucketTransport;

use super::setup::{AUTHORITY, config, credentials, event, grants, sink};

/// Notes who asks.
struct Noting {
    credentials: Credentials,
    asked: Mutex<Vec<(String, bool)>>,
}

impl Provider for Noting {
    fn get<'a>(&'a self, identity: &'a str, fresh: bool) -> Provided<'a> {
        self.asked.lock().unwrap().push((identity.to_owned(), fresh));
        self.credentials.get(identity, fresh)
    }
}

#[tokio::test]
async fn the_component_asks_for_the_credentials_of_its_bucket() {
    let transport = BucketTransport::new(BucketOptions::default());
    let noting = Arc::new(Noting { credentials: credentials(), asked: Mutex::default() });
    let grants = Grants { credentials: noting.clone(), ..grants(transport, AUTHORITY) };
    let config = config(&format!("http://{AUTHORITY}"), "");
    let mut sink = sink().open(&config, None, &grants).await.unwrap();
    sink.write(&[event("a", 0, vec![b'x'])]).await.unwrap();
    assert_eq!(sink.close(Ending::Complete).await.unwrap().durable, 1);
    assert_eq!(*noting.asked.lock().unwrap(), [("bucket".to_owned(), false)]);
}
