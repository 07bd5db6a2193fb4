//! What the tests of the follower share.

use super::*;

/// A folder, somebody who follows it, and what came of that.
pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    pub(super) settings: FilesSettings,
    pub(super) how: LineSettings,
    pub(super) follower: Follower,
    pub(super) clock: Clock,
    pub(super) now: Instant,
    /// All lines, and how many of them the ledger has taken.
    pub(super) lines: Vec<String>,
    pub(super) read: usize,
    pub(super) pieces: Vec<Piece>,
    pub(super) ledger: Ledger,
    pub(super) at: Start,
    pub(super) notices: Vec<String>,
}

impl World {
    pub(super) fn new(pattern: &str) -> World {
        World::with(pattern, |_| {})
    }

    pub(super) fn with(pattern: &str, change: impl FnOnce(&mut FilesSettings)) -> World {
        let folder = tempfile::tempdir().unwrap();
        let pattern = folder.path().join(pattern).display().to_string();
        let mut settings = FilesSettings {
            paths: Paths::new(&[pattern], &[]).unwrap(),
            follow: true,
            start_at: StartAt::Beginning,
            compression: Compression::Auto,
            rotate_wait: Duration::from_secs(30),
            partial_line_after: None,
        };
        change(&mut settings);
        let lines = lines();
        let now = Instant::now();
        let clock =
            Clock::Of(now, SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap());
        let (of, at) = (lines.clone(), Start::default());
        let follower = Follower::new(settings.clone(), of, at, None, clock);
        World {
            folder,
            settings,
            how: lines,
            follower,
            clock,
            now,
            lines: Vec::new(),
            read: 0,
            pieces: Vec::new(),
            ledger: Ledger::default(),
            at: Start::default(),
            notices: Vec::new(),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn create(&self, name: &str) -> File {
        OpenOptions::new().create_new(true).append(true).open(self.path(name)).unwrap()
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// As `gzip` and `zstd` do, but with another name at once.
    pub(super) fn compress(&self, from: &str, to: &str) {
        let content = fs::read(self.path(from)).unwrap();
        let file = self.create(to);
        if to.ends_with(".zst") {
            zstd::stream::copy_encode(&content[..], file, 1).unwrap();
        } else {
            let mut encoder = flate2::write::GzEncoder::new(file, Default::default());
            encoder.write_all(&content).unwrap();
            encoder.finish().unwrap();
        }
        fs::remove_file(self.path(from)).unwrap();
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    pub(super) fn look(&mut self) {
        self.follower.look(self.now);
        self.collect();
    }

    pub(super) fn turn(&mut self) -> bool {
        let turned = self.follower.turn(self.now, Vec::new).unwrap();
        self.collect();
        turned
    }

    /// Looks, and reads all there is. Returns the lines that came.
    pub(super) fn read(&mut self) -> Vec<String> {
        self.now += Duration::from_secs(1);
        self.look();
        while self.turn() {}
        self.lines[std::mem::replace(&mut self.read, self.lines.len())..].to_vec()
    }

    pub(super) fn collect(&mut self) {
        for piece in self.follower.take() {
            match &piece {
                Piece::Lines(lines) => {
                    assert_eq!((lines.first, lines.offset), (self.at.line, self.at.offset));
                    for index in 0..lines.ends.len() {
                        let line = lines.line(index, Crlf::Strip).to_vec();
                        self.lines.push(String::from_utf8(line).unwrap());
                    }
                    self.at.line += lines.ends.len() as u64;
                    self.at.offset = lines.offset_of(lines.ends.len());
                }
                Piece::TooLong(long) => {
                    assert_eq!((long.line, long.offset), (self.at.line, self.at.offset));
                    self.lines.push(format!("too long: {}", long.bytes));
                    self.at = Start { line: self.at.line + 1, offset: long.next_offset };
                }
                Piece::NoEvent(record) => panic!("{record:?}"),
                Piece::Note(note) => match &**note {
                    Note::Notice(notice) => self.notices.push(notice.message.clone()),
                    Note::GivenUp => {
                        self.lines.push("given up".to_owned());
                        self.at.line += 1;
                    }
                    note => self.ledger.add(note.clone()),
                },
            }
            self.pieces.push(piece);
        }
    }

    /// How far all that was read is.
    pub(super) fn ledger(&mut self) -> &Ledger {
        self.ledger.advance_to(self.at);
        &self.ledger
    }

    /// As after a crash behind a checkpoint of all that was read.
    pub(super) fn restart(&mut self) {
        let marks = self.ledger().marks(false);
        self.resume(as_written(marks));
    }

    /// As after a crash behind a checkpoint that lies within a line of the stream.
    pub(super) fn restart_within(&mut self, line: u64) {
        let place = self.place_of(line);
        self.ledger.advance_to(place);
        let marks = self.ledger.marks(true);
        self.lines.truncate(line as usize);
        self.pieces.clear();
        (self.at, self.read) = (place, line as usize);
        self.resume(as_written(marks));
    }

    /// Where a line of the stream begins.
    pub(super) fn place_of(&self, line: u64) -> Start {
        for piece in &self.pieces {
            if let Piece::Lines(lines) = piece
                && (lines.first..lines.first + lines.ends.len() as u64).contains(&line)
            {
                let offset = lines.offset_of((line - lines.first) as usize);
                return Start { line, offset };
            }
        }
        assert_eq!(line, self.at.line);
        self.at
    }

    pub(super) fn resume(&mut self, marks: Vec<FileMark>) {
        let settings = self.settings.clone();
        let slice_bytes = self.follower.slice_bytes;
        let (how, resumed) = (self.how.clone(), Some(marks.clone()));
        self.follower = Follower::new(settings, how, self.at, resumed, self.clock);
        self.follower.slice_bytes = slice_bytes;
        self.ledger = Ledger::new(marks, true);
    }
}

pub(super) fn lines() -> LineSettings {
    LineSettings { last_line: LastLine::Leave, ..LineSettings::of(Codec::Raw) }
}

/// As a checkpoint has them.
pub(super) fn as_written(marks: Vec<FileMark>) -> Vec<FileMark> {
    let json = serde_json::to_string(&marks).unwrap();
    let mut written: Vec<FileMark> = serde_json::from_str(&json).unwrap();
    for (written, mark) in written.iter_mut().zip(&marks) {
        (written.is_begun, written.nameless) = (mark.is_begun, mark.nameless);
    }
    written
}
