//! Check, leftovers and discard, between uploads and under faults: a check leaves nothing, a list
//! has everything, and what is in use is never ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use spillway_core::http::Request;
use spillway_core::s3::{CreateMultipartUpload, CreateMultipartUploadResult, UploadPart};
use spillway_core::{Error, IncompleteUpload, Input, Reply, Settings};
use spillway_simulation::bucket::BucketOptions;
use spillway_simulation::client::Client;
use spillway_simulation::faults::Fault;
use spillway_simulation::world::{FaultPlan, World};

use crate::invariants::{hold, hold_at_the_end};
use crate::simulation;

#[test]
fn what_is_replied_is_true_whatever_goes_wrong() {
    for seed in 0..SEEDS {
        let mut random = Rng::with_seed(seed);
        let mut world = simulation::world(&mut random, seed);
        world.bucket.options.page_max = random.usize(1..5);
        let strangers = strangers(&mut world, &mut random);
        simulation::weather(&mut world, &mut random);
        let largest = between_writes(&mut world, &mut random);
        world.seal_and_settle();
        world.land_all();
        strangers.keys().for_each(|id| world.bucket.expire_upload(id));
        hold_at_the_end(&world, largest);
    }
}

/// Nobody who ends whatever is listed, or tries to end whatever is open, harms an object.
#[test]
fn what_is_in_use_is_never_ended() {
    let mut refused = 0;
    for seed in 0..SEEDS {
        let mut random = Rng::with_seed(seed);
        let mut world = simulation::world(&mut random, seed);
        let strangers = strangers(&mut world, &mut random);
        refused += (0..random.usize(5..30))
            .filter(|_| {
                write(&mut world, &mut random);
                end_something(&mut world, &mut random)
            })
            .count();
        world.seal_and_settle();
        strangers.keys().for_each(|id| world.bucket.expire_upload(id));
        hold_at_the_end(&world, LARGEST);
        if !world.failed.is_empty() || world.notices.iter().any(|n| n.message.contains("again")) {
            world.fail("an object was harmed");
        }
    }
    assert!(refused > SEEDS as usize, "only {refused} attempts met an upload in use");
}

/// Every placement of up to two faults over each inquiry.
#[test]
fn any_two_faults_of_an_inquiry() {
    for inquiry in [Inquiry::Check, Inquiry::Leftovers, Inquiry::Discard] {
        let requests = placed(inquiry, |_| None);
        for first_at in 0..requests {
            for first in Fault::ALL {
                let only_first = move |index| (index == first_at).then_some(first);
                let with_first = placed(inquiry, only_first);
                for second_at in first_at + 1..with_first {
                    for second in Fault::ALL {
                        placed(inquiry, move |index| match index {
                            _ if index == first_at => Some(first),
                            _ if index == second_at => Some(second),
                            _ => None,
                        });
                    }
                }
            }
        }
        for fault in Fault::ALL {
            placed(inquiry, move |_| Some(fault));
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Inquiry {
    Check,
    Leftovers,
    Discard,
}

/// One inquiry with faults by the number of the request. Returns how many requests it made.
fn placed(inquiry: Inquiry, fault: impl Fn(u64) -> Option<Fault> + 'static) -> u64 {
    let config = r#"{"bucket": "bucket", "endpoint": "http://s3.test", "attempts_max": 3}"#;
    let settings = Settings::parse(config).unwrap();
    let options = BucketOptions { page_max: 2, part_bytes_min: 1, ..BucketOptions::default() };
    let mut world = World::with_settings(settings, options, 1);
    let strangers: BTreeMap<_, _> =
        [("a", 1), ("b", 3), ("c", 0)].map(|(key, parts)| stranger(&mut world, key, parts)).into();
    world.on_request(move |info, random| FaultPlan::random(random).with(fault(info.index)));
    match inquiry {
        Inquiry::Check => check(&mut world),
        Inquiry::Leftovers => leftovers(&mut world, &strangers),
        Inquiry::Discard => {
            let id = strangers.keys().next().cloned().unwrap();
            discard(&mut world, &id);
        }
    }
    world.land_all();
    strangers.keys().for_each(|id| world.bucket.expire_upload(id));
    hold_at_the_end(&world, 0);
    world.requests()
}

/// Events with an inquiry now and then, each of which is looked at. Returns the longest event.
fn between_writes(world: &mut World, random: &mut Rng) -> u64 {
    for _ in 0..random.usize(3..25) {
        write(world, random);
        hold(world, LARGEST);
        match random.u8(..12) {
            0 => check(world),
            1 => {
                let open = world.bucket.open_uploads().iter();
                let strangers = open.filter(|(id, _)| is_stranger(world, id));
                let strangers = strangers.map(|(id, u)| (id.clone(), u.parts.len())).collect();
                leftovers(world, &strangers);
            }
            2 => {
                let open: Vec<String> = world.bucket.open_uploads().keys().cloned().collect();
                if let Some(id) = random.choice(&open) {
                    discard(world, id);
                }
            }
            3 => world.run_for(Duration::from_millis(random.u64(..60_000))),
            _ => {}
        }
    }
    LARGEST
}

fn check(world: &mut World) {
    let reply = world.ask(Input::Check);
    match reply {
        Ok(Reply::Writable) | Err(Error::Denied(_) | Error::Unavailable(_)) => {}
        other => world.fail(&format!("a check replies {other:?}")),
    }
    let probes = world.bucket.open_uploads().iter().filter(|(_, u)| u.key.contains("check"));
    let mut known = world.sink.left_uploads();
    for (id, upload) in probes {
        let found = known.iter().position(|l| {
            l.upload_id.as_ref() == Some(id)
                || (l.upload_id.is_none() && l.object_key == upload.key)
        });
        match found {
            Some(index) => drop(known.remove(index)),
            None => world.fail(&format!("{id} is left of a check, and nobody knows")),
        }
    }
    if world.bucket.visible_history().iter().any(|v| v.key.contains("check")) {
        world.fail("a check became visible");
    }
}

/// Lists, and compares with the uploads of others: they are open before, with so many parts.
fn leftovers(world: &mut World, strangers: &BTreeMap<String, usize>) {
    let mut unfinished = names_of_unfinished(world);
    let reply = world.ask(Input::IncompleteUploads);
    unfinished.extend(names_of_unfinished(world));
    let list = match reply {
        Ok(Reply::IncompleteUploads(list)) => list,
        Err(Error::Denied(_) | Error::Unavailable(_)) => return,
        other => world.fail(&format!("a list is {other:?}")),
    };
    if !list.is_sorted_by_key(|upload| upload.begun) {
        world.fail("the oldest does not come first");
    }
    for (id, parts) in strangers {
        let open = world.bucket.open_uploads().get(id);
        // While the id of an upload of ours is not known, it may be any of its name.
        let Some(open) = open.filter(|u| !unfinished.contains(&u.key)) else { continue };
        let mut found = list.iter().filter(|upload| upload.upload_id == *id);
        match (found.next(), found.next()) {
            (Some(upload), None) => {
                let counted = upload.parts.is_none_or(|count| count as usize == *parts);
                if !counted || upload.object_key != open.key {
                    world.fail(&format!("{upload:?} has {parts} parts"));
                }
            }
            _ => world.fail(&format!("{id} is not once in the list")),
        }
    }
}

fn names_of_unfinished(world: &World) -> BTreeSet<String> {
    world.sink.unfinished().map(|span| span.object_key.clone()).collect()
}

/// Ends an upload that is open.
fn discard(world: &mut World, id: &str) {
    match ask_to_discard(world, id) {
        Ok(Reply::Gone) if world.bucket.open_uploads().contains_key(id) => {
            world.fail(&format!("{id} is gone, and open"));
        }
        Ok(Reply::Gone) | Err(_) => {}
        other => world.fail(&format!("a discard replies {other:?}")),
    }
}

fn ask_to_discard(world: &mut World, id: &str) -> Result<Reply, Error> {
    let name = world.bucket.open_uploads()[id].key.clone();
    world.ask(Input::AbortUpload { object_key: name, upload_id: id.to_owned() })
}

/// Ends all that is listed, or one of what is open. Returns whether that was refused.
fn end_something(world: &mut World, random: &mut Rng) -> bool {
    match random.u8(..4) {
        0 => {
            let Ok(Reply::IncompleteUploads(list)) = world.ask(Input::IncompleteUploads) else {
                world.fail("it may list");
            };
            for IncompleteUpload { object_key: name, upload_id, .. } in list {
                let ended = world.ask(Input::AbortUpload { object_key: name, upload_id });
                if ended != Ok(Reply::Gone) {
                    world.fail("it was listed, and cannot be ended");
                }
            }
            false
        }
        1 | 2 => {
            let open: Vec<String> = world.bucket.open_uploads().keys().cloned().collect();
            let Some(id) = random.choice(&open) else { return false };
            matches!(ask_to_discard(world, id), Err(Error::Invalid(_)))
        }
        _ => false,
    }
}

fn write(world: &mut World, random: &mut Rng) {
    let payload: Vec<u8> = (0..random.usize(..30)).map(|_| random.alphanumeric() as u8).collect();
    world.write(&format!("key {}", random.u8(..3)), payload);
}

/// Uploads of somebody else, under names of ours and others, with how many parts they have.
fn strangers(world: &mut World, random: &mut Rng) -> BTreeMap<String, usize> {
    let count = random.usize(..8);
    (0..count)
        .map(|_| {
            let key = format!("key {}", random.u8(..5));
            stranger(world, &key, random.usize(..6))
        })
        .collect()
}

fn stranger(world: &mut World, key: &str, parts: usize) -> (String, usize) {
    let at = world.wall();
    let mut client = Client::new(&world.bucket.options, "s3.test");
    let address = client.address.clone();
    let mut send = |request: Request| {
        let signed = client.sign(request, at);
        world.bucket.handle(at, &signed)
    };
    let headers = &[("x-amz-meta-owner".into(), STRANGER.to_owned())];
    let created = send(CreateMultipartUpload { address: &address, key, headers }.request());
    let upload_id = CreateMultipartUploadResult::parse(&created).unwrap().upload_id;
    for part_number in 1..=u32::try_from(parts).unwrap() {
        let body = b"a part".to_vec().into();
        let (address, upload_id) = (&address, upload_id.as_str());
        let part = UploadPart { address, key, upload_id, part_number, headers: &[], body };
        assert_eq!(send(part.request()).status, 200);
    }
    (upload_id, parts)
}

fn is_stranger(world: &World, id: &str) -> bool {
    let upload = world.bucket.open_uploads().get(id);
    upload.is_some_and(|upload| upload.header("x-amz-meta-owner") == Some(STRANGER))
}

const STRANGER: &str = "somebody else";
const LARGEST: u64 = 30;
const SEEDS: u64 = 1_000;
