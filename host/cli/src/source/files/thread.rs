//! The thread that follows files.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::clock::Clock;
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
    stats: &Mutex<Arc<[FileStats]>>,
) -> Result<(), SourceError> {
    let mut follower = Follower::new(settings, lines, start, resumed, Clock::System);
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
        if follower.wants_look() {
            next_look = next_look.min(follower.soon());
        }
        // What a look has found is one: a checkpoint knows of all of it, or of nothing.
        producer.add_all(follower.take());
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;

    use super::*;
    use crate::source::files::{Compression, Paths, StartAt};
    use crate::source::queue::{Consumer, queue};
    use crate::source::{Codec, LastLine, Piece};

    /// Each line comes right behind a look, so that the next one is a second away.
    #[tokio::test]
    async fn what_the_system_tells_of_does_not_wait_for_the_next_look() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let mut log = File::create(&path).unwrap();
        let settings = FilesSettings {
            paths: Paths::one(&path),
            follow: true,
            start_at: StartAt::Beginning,
            compression: Compression::None,
            rotate_wait: Duration::from_secs(30),
            partial_line_after: None,
        };
        let lines = LineSettings { last_line: LastLine::Leave, ..LineSettings::of(Codec::Raw) };
        let (producer, mut consumer) = queue();
        let thread = std::thread::spawn(move || {
            follow(settings, lines, Start::default(), None, &producer, &Mutex::default())
        });
        log.write_all(b"first\n").unwrap();
        a_line(&mut consumer).await;
        let begun = Instant::now();
        for _ in 0..LINES {
            log.write_all(b"one\n").unwrap();
            a_line(&mut consumer).await;
        }
        let elapsed = begun.elapsed();
        assert!(elapsed < LOOK_EVERY * LINES / 2, "{elapsed:?}");
        drop(consumer);
        thread.join().unwrap().unwrap();
    }

    async fn a_line(consumer: &mut Consumer) {
        loop {
            let piece = consumer.next().await.unwrap().expect("it goes on");
            if matches!(piece, Piece::Lines(_)) {
                return;
            }
        }
    }

    const LINES: u32 = 10;
}
