use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use tokio::sync::Semaphore;

use super::super::Secret;
use super::*;

/// Hands out the next of its outcomes each time that it is let.
struct Script {
    outcomes: Vec<Result<Credentials, Failure>>,
    asked: AtomicUsize,
    gate: Semaphore,
}

impl Provider for Script {
    fn get<'a>(&'a self, _identity: &'a str, fresh: bool) -> Provided<'a> {
        assert!(fresh, "a provider below a cache keeps nothing");
        Box::pin(async {
            let number = self.asked.fetch_add(1, Ordering::Relaxed);
            self.gate.acquire().await.unwrap().forget();
            self.outcomes[number].clone()
        })
    }
}

fn cached(outcomes: Vec<Result<Credentials, Failure>>) -> Cached<Script> {
    let gate = Semaphore::new(outcomes.len());
    Cached::new(Script { outcomes, asked: AtomicUsize::new(0), gate })
}

fn key(id: &str, expires_in_seconds: Option<u64>) -> Result<Credentials, Failure> {
    let end = expires_in_seconds.map(|seconds| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        u64::try_from((now + Duration::from_secs(seconds)).as_nanos()).unwrap()
    });
    Ok(Credentials {
        access_key_id: id.to_owned(),
        secret_access_key: Secret::new("secret"),
        session_token: None,
        expires_at: end,
    })
}

fn failed(text: &str) -> Result<Credentials, Failure> {
    Err(Failure::Failed(text.to_owned()))
}

fn not_configured(text: &str) -> Result<Credentials, Failure> {
    Err(Failure::NotConfigured(text.to_owned()))
}

/// The id that was handed out, or what was said in its place.
async fn get(cached: &Cached<Script>, fresh: bool) -> String {
    get_for(cached, "bucket", fresh).await
}

async fn get_for(cached: &Cached<Script>, identity: &str, fresh: bool) -> String {
    match cached.get(identity, fresh).await {
        Ok(credentials) => credentials.access_key_id,
        Err(Failure::Failed(text)) => format!("failed: {text}"),
        Err(Failure::NotConfigured(text)) => format!("not configured: {text}"),
    }
}

#[tokio::test]
async fn what_lasts_is_kept_and_passed_over_for_fresh_ones() {
    for expiry in [None, Some(3_600)] {
        let cached = cached(vec![key("a", expiry), key("b", expiry)]);
        assert_eq!(get(&cached, false).await, "a");
        assert_eq!(get(&cached, false).await, "a");
        assert_eq!(get(&cached, true).await, "b");
        assert_eq!(get(&cached, false).await, "b");
    }
}

#[tokio::test]
async fn each_identity_has_its_own() {
    let cached = cached(vec![key("a", None), key("b", None)]);
    assert_eq!(get_for(&cached, "one", false).await, "a");
    assert_eq!(get_for(&cached, "two", false).await, "b");
    assert_eq!(get_for(&cached, "one", false).await, "a");
}

#[tokio::test]
async fn the_number_of_identities_that_are_kept_is_bounded() {
    let outcomes = (0..=IDENTITIES_MAX).map(|n| key(&n.to_string(), None)).collect();
    let cached = cached(outcomes);
    for n in 0..=IDENTITIES_MAX {
        assert_eq!(get_for(&cached, &n.to_string(), false).await, n.to_string());
    }
    assert_eq!(cached.entries.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn others_are_asked_for_before_the_end() {
    let margin = REFRESH_BEFORE.as_secs();
    let cached = cached(vec![key("a", Some(margin - 10)), key("b", Some(margin + 600))]);
    assert_eq!(get(&cached, false).await, "a");
    assert_eq!(get(&cached, false).await, "b");
    assert_eq!(get(&cached, false).await, "b");
}

#[tokio::test]
async fn what_was_delivered_serves_to_its_end_but_is_not_fresh() {
    let outcomes = vec![key("a", Some(100)), failed("away"), failed("still away"), key("b", None)];
    let cached = cached(outcomes);
    assert_eq!(get(&cached, false).await, "a");
    assert_eq!(get(&cached, false).await, "a");
    assert_eq!(get(&cached, true).await, "failed: still away");
    assert_eq!(get(&cached, false).await, "b");
}

#[tokio::test]
async fn what_has_ended_is_not_handed_out_when_a_refresh_fails() {
    let cached = cached(vec![key("a", Some(0)), failed("away")]);
    assert_eq!(get(&cached, false).await, "a");
    assert_eq!(get(&cached, false).await, "failed: away");
}

#[tokio::test]
async fn who_has_delivered_once_is_configured() {
    let cached = cached(vec![not_configured("none"), key("a", Some(0)), not_configured("away")]);
    assert_eq!(get(&cached, false).await, "not configured: none");
    assert_eq!(get(&cached, false).await, "a");
    assert_eq!(get(&cached, false).await, "failed: away");
}

/// All four wait for one load, whichever way it ends, and whatever they ask for.
#[tokio::test]
async fn those_who_ask_at_the_same_time_share_one_load() {
    for (outcome, said) in [(key("a", None), "a"), (failed("away"), "failed: away")] {
        let cached = Arc::new(cached(vec![outcome]));
        cached.inner.gate.forget_permits(1);
        let askers = [false, true, false, true].map(|fresh| {
            let cached = cached.clone();
            tokio::spawn(async move { get(&cached, fresh).await })
        });
        // On one thread, each of them runs until it waits.
        while cached.inner.asked.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        for _ in &askers {
            tokio::task::yield_now().await;
        }
        cached.inner.gate.add_permits(1);
        for asker in askers {
            assert_eq!(asker.await.unwrap(), said);
        }
        assert_eq!(cached.inner.asked.load(Ordering::Relaxed), 1);
    }
}

/// Who gives up in the middle of a load leaves it to the next.
#[tokio::test]
async fn a_load_that_is_dropped_is_made_by_the_next_who_asks() {
    let cached = cached(vec![failed("nobody sees this"), key("b", None)]);
    cached.inner.gate.forget_permits(2);
    tokio::select! {
        biased;
        _ = get(&cached, false) => panic!("nothing lets it through"),
        () = tokio::task::yield_now() => {}
    }
    cached.inner.gate.add_permits(1);
    assert_eq!(get(&cached, false).await, "b");
}
