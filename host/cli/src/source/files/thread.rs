//! The thread that follows files.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::follower::Follower;
use super::mark::FileMark;
use super::settings::FilesSettings;
use super::stats::FileStats;
use super::watch::Watch;
use crate::source::queue::Producer;
use crate::source::{LineSettings, SourceError, Start};

/// Follows files until nobody takes what comes of them; or, where they are not followed, until all
/// are at their ends.
pub(in crate::source) fn follow(
    settings: FilesSettings,
    lines: LineSettings,
    start: Start,
    resumed: Option<Vec<FileMark>>,
    producer: &Producer,
    stats: &Mutex<Vec<FileStats>>,
) -> Result<(), SourceError> {
    let mut follower = Follower::new(settings, lines, start, resumed);
    let mut watch = follower.is_following().then(|| Watch::new(producer.waker()));
    let mut next_look = Instant::now();
    while !producer.is_abandoned() {
        let now = Instant::now();
        if let Some(watch) = &watch {
            let heard = watch.take();
            let is_unknown = |path: &PathBuf| follower.glance(path, now);
            // All are asked, and none is left out since one before it is not known.
            let unknown = heard.files.iter().map(is_unknown).filter(|unknown| *unknown).count();
            if heard.names || unknown > 0 {
                next_look = next_look.min(follower.soon());
            }
        }
        if now >= next_look {
            follower.look(now);
            if let Some(watch) = &mut watch {
                watch.set(follower.folders().into_iter().collect::<HashSet<_>>());
            }
            *stats.lock().unwrap_or_else(PoisonError::into_inner) = follower.stats();
            next_look = now + LOOK_EVERY;
        }
        let is_read =
            producer.has_room() && follower.turn(now, || producer.spare().unwrap_or_default())?;
        for piece in follower.take() {
            producer.add(piece);
        }
        if is_read {
            continue;
        }
        if producer.has_room() && follower.is_through() {
            return Ok(());
        }
        producer.wait_until(next_look);
    }
    Ok(())
}

/// How often all files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
