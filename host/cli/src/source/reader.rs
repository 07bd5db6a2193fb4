//! Opens an input and reads it on a thread of its own.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::files::{follow, line_feeds};
use super::lines::NoLines;
use super::queue::{Consumer, Producer, queue};
use super::sniff::{SNIFFED_BYTES, sniff};
use super::{
    Codec, FileMark, FilesSettings, Input, LineReader, LineSettings, Origin, Piece, SharedStats,
    SourceError, SourceSettings,
};

/// Where reading starts: at the beginning of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Start {
    /// How many lines the input has before it.
    pub line: u64,
    /// How many bytes the input has before it.
    pub offset: u64,
}

/// An input that is being read. Dropping it ends the reading.
///
/// The thread that reads may hang in a read that never returns (a terminal, an idle pipe). It keeps
/// no process from exiting: the end of `main` ends it.
pub struct Source {
    pieces: Consumer,
    name: String,
    lines: LineSettings,
    input_bytes: Option<u64>,
    offset: u64,
    is_file: bool,
    is_partition: bool,
    left: Arc<AtomicU64>,
    files: SharedStats,
}

impl Source {
    /// Starts to read what `settings` say.
    ///
    /// # Errors
    ///
    /// The file is missing, a directory or not readable, or does not reach to `start`.
    pub fn open(settings: &SourceSettings, start: Start) -> Result<Source, SourceError> {
        let lines = settings.lines.clone();
        match &settings.input {
            Input::File(path) => open_file(path, lines, start),
            Input::Files(files) => Source::of_files(files, lines, start, None),
            Input::Kafka(_) => Err(SourceError::Partitions),
            Input::Stdin => {
                let name = "standard input".to_owned();
                refuse_offset(&name, start)?;
                Source::spawn(name, false, None, || Ok((io::stdin(), None)), lines, start)
            }
        }
    }

    /// Starts to follow files, into a stream that has what lies before `start` behind it. `resumed`
    /// is what an earlier run has read of them, if there was one.
    ///
    /// # Errors
    ///
    /// The thread that reads cannot be started.
    pub fn of_files(
        settings: &FilesSettings,
        lines: LineSettings,
        start: Start,
        resumed: Option<Vec<FileMark>>,
    ) -> Result<Source, SourceError> {
        let name = settings.paths.written().join(", ");
        let files = SharedStats::default();
        let (settings, stats) = (settings.clone(), Arc::clone(&files));
        let of_thread = lines.clone();
        let read = move |producer: &Producer| {
            follow(settings, of_thread, start, resumed, producer, &stats).map_err(io::Error::other)
        };
        let pieces = on_a_thread(&name, read)?;
        let (offset, left) = (start.offset, Arc::default());
        let (input_bytes, is_file) = (None, true);
        let is_partition = false;
        Ok(Source { pieces, name, lines, input_bytes, offset, is_file, is_partition, left, files })
    }

    /// The records of a partition, as `pieces` bring them.
    #[cfg(feature = "kafka")]
    pub(super) fn of_partition(pieces: Consumer, name: String, lines: LineSettings) -> Source {
        let (left, files) = (Arc::default(), Arc::default());
        let (offset, input_bytes, is_file, is_partition) = (0, None, false, true);
        Source { pieces, name, lines, input_bytes, offset, is_file, is_partition, left, files }
    }

    /// Starts to read a regular file that is open. `path` is what errors call it.
    ///
    /// # Errors
    ///
    /// The file does not reach to `start`, or the system says something.
    pub fn of_file(
        path: &Path,
        mut file: File,
        lines: LineSettings,
        start: Start,
    ) -> Result<Source, SourceError> {
        let wrong = |source| SourceError::open(path, source);
        let length = file.metadata().map_err(wrong)?.len();
        let Some(left) = length.checked_sub(start.offset) else {
            let path = path.to_owned();
            return Err(SourceError::Shorter { path, offset: start.offset, length });
        };
        file.seek(SeekFrom::Start(start.offset)).map_err(wrong)?;
        let name = path.display().to_string();
        let origin = origin(&name, &lines, start);
        let is_counted = origin.is_some() && lines.multiline.is_some();
        let open = move || {
            let line = if is_counted { line_feeds(&file, start.offset)? } else { start.line };
            Ok((file, origin.map(|origin| Origin { line, ..origin })))
        };
        Source::spawn(name, true, Some(left), open, lines, start)
    }

    /// Looks whether the input can be read, without taking anything from it.
    ///
    /// # Errors
    ///
    /// The file is missing, a directory or not readable, or it begins as one does that holds no
    /// lines.
    pub fn check(settings: &SourceSettings) -> Result<(), SourceError> {
        let path = match &settings.input {
            Input::File(path) => path,
            Input::Files(files) => return files.check(),
            Input::Stdin | Input::Kafka(_) => return Ok(()),
        };
        let wrong = |source| SourceError::open(path, source);
        let kind = fs::metadata(path).map_err(wrong)?.file_type();
        if kind.is_dir() {
            return Err(SourceError::Directory { path: path.to_owned() });
        }
        if !kind.is_file() {
            // Whoever opens a pipe and leaves takes along what was in it.
            return Ok(());
        }
        let mut beginning = Vec::new();
        let file = File::open(path).map_err(wrong)?;
        file.take(SNIFFED_BYTES as u64).read_to_end(&mut beginning).map_err(wrong)?;
        match sniff(&beginning, settings.codec == Codec::Raw) {
            None => Ok(()),
            Some(foreign) => {
                Err(SourceError::NoLines { name: path.display().to_string(), file: true, foreign })
            }
        }
    }

    /// Starts to read anything else. `name` is what errors call it; `input` begins with the line at
    /// `start`.
    ///
    /// # Errors
    ///
    /// The thread that reads cannot be started.
    pub fn from_reader(
        name: impl Into<String>,
        input: impl Read + Send + 'static,
        lines: LineSettings,
        start: Start,
    ) -> Result<Source, SourceError> {
        Source::spawn(name.into(), false, None, || Ok((input, None)), lines, start)
    }

    /// The next piece; nothing at the end of the input. Cancel safe.
    ///
    /// # Errors
    ///
    /// Reading failed. All lines before were returned.
    pub async fn next(&mut self) -> Result<Option<Piece>, SourceError> {
        let next = self.pieces.next().await;
        let next = next.map_err(|error| {
            let error = match error.downcast::<SourceError>() {
                Ok(error) => return error,
                Err(error) => error,
            };
            let name = self.name.clone();
            match error.downcast::<NoLines>() {
                Ok(NoLines(foreign)) => SourceError::NoLines { name, file: self.is_file, foreign },
                Err(source) => SourceError::Read { name, offset: self.offset, source },
            }
        })?;
        Ok(next.inspect(|piece| self.pass(piece)))
    }

    /// The next piece if it was read already.
    pub fn try_next(&mut self) -> Option<Piece> {
        self.pieces.try_next().inspect(|piece| self.pass(piece))
    }

    /// Gives a block back, to be read into again.
    pub fn recycle(&self, block: Vec<u8>) {
        self.pieces.recycle(block);
    }

    /// How many bytes of a last line without a line feed were left, once the input is at its end:
    /// none where such a line is taken.
    pub fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }

    /// What a line is.
    pub fn lines(&self) -> LineSettings {
        self.lines.clone()
    }

    /// Whether it is a partition, beside which others are read.
    pub fn is_one_of_many(&self) -> bool {
        self.is_partition
    }

    /// How much there is to read, in bytes, if that is known: what a regular file had behind the
    /// start when it was opened.
    pub fn input_bytes(&self) -> Option<u64> {
        self.input_bytes
    }

    /// The numbers of the files that are followed, as of the last second.
    pub fn files(&self) -> SharedStats {
        Arc::clone(&self.files)
    }

    fn spawn<R: Read>(
        name: String,
        is_file: bool,
        input_bytes: Option<u64>,
        open: impl FnOnce() -> io::Result<(R, Option<Origin>)> + Send + 'static,
        lines: LineSettings,
        start: Start,
    ) -> Result<Source, SourceError> {
        let left = Arc::new(AtomicU64::new(0));
        let (of_thread, of_reader) = (Arc::clone(&left), lines.clone());
        let read = move |producer: &Producer| {
            let read = read_all(open, of_reader, start, producer);
            read.map(|left| of_thread.store(left, Ordering::Relaxed))
        };
        let pieces = on_a_thread(&name, read)?;
        let (offset, files) = (start.offset, Arc::default());
        let is_partition = false;
        Ok(Source { pieces, name, lines, input_bytes, offset, is_file, is_partition, left, files })
    }

    /// The end of a piece was handed over.
    fn pass(&mut self, piece: &Piece) {
        match piece {
            Piece::Lines(lines) => self.offset = lines.offset_of(lines.ends.len()),
            Piece::TooLong(long) => self.offset = long.next_offset,
            Piece::NoEvent(_) | Piece::Note(_) => {}
        }
    }
}

/// Starts a thread that reads.
fn on_a_thread(
    name: &str,
    read: impl FnOnce(&Producer) -> io::Result<()> + Send + 'static,
) -> Result<Consumer, SourceError> {
    let (producer, pieces) = queue();
    let read = move || producer.end(read(&producer));
    let thread = thread::Builder::new().name("spillway-source".to_owned()).spawn(read);
    match thread {
        Ok(_) => Ok(pieces),
        Err(source) => Err(SourceError::Thread { name: name.to_owned(), source }),
    }
}

fn open_file(path: &Path, lines: LineSettings, start: Start) -> Result<Source, SourceError> {
    let wrong = |source| SourceError::open(path, source);
    let kind = fs::metadata(path).map_err(wrong)?.file_type();
    if kind.is_dir() {
        return Err(SourceError::Directory { path: path.to_owned() });
    }
    if !kind.is_file() {
        // Opening a named pipe waits for its writer, so the thread does it.
        let name = path.display().to_string();
        refuse_offset(&name, start)?;
        let path = path.to_owned();
        let origin = origin(&name, &lines, start);
        let open = move || Ok((File::open(path)?, origin));
        return Source::spawn(name, true, None, open, lines, start);
    }
    Source::of_file(path, File::open(path).map_err(wrong)?, lines, start)
}

/// Where in a file the line at `start` is, if that is to be said.
fn origin(name: &str, lines: &LineSettings, start: Start) -> Option<Origin> {
    let Start { line, offset } = start;
    lines.origins.then(|| Origin { file: name.into(), line, offset })
}

fn refuse_offset(name: &str, start: Start) -> Result<(), SourceError> {
    match start.offset {
        0 => Ok(()),
        offset => Err(SourceError::NotSeekable { name: name.to_owned(), offset }),
    }
}

/// Reads to the end. Returns how much of a last line was left.
fn read_all<R: Read>(
    open: impl FnOnce() -> io::Result<(R, Option<Origin>)>,
    lines: LineSettings,
    start: Start,
    producer: &Producer,
) -> io::Result<u64> {
    let (input, origin) = open()?;
    let mut reader = LineReader::new(input, lines, start.line, start.offset).at(origin);
    while let Some(piece) = reader.next_piece()? {
        if !producer.push(piece) {
            break;
        }
        if let Some(block) = producer.spare() {
            reader.recycle(block);
        }
    }
    Ok(reader.left())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Codec;

    #[tokio::test]
    async fn a_file_from_its_beginning_and_from_its_middle() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in");
        fs::write(&path, "one\ntwo\n").unwrap();
        let mut whole = open(&path, 0).unwrap();
        assert_eq!(whole.input_bytes(), Some(8));
        assert_eq!(block(whole.next().await), "one\ntwo\n");
        assert!(whole.next().await.unwrap().is_none());
        let mut rest = open(&path, 4).unwrap();
        assert_eq!(rest.input_bytes(), Some(4));
        assert_eq!(block(rest.next().await), "two\n");
        assert!(open(&path, 8).unwrap().next().await.unwrap().is_none());
    }

    #[tokio::test]
    async fn files_that_cannot_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in");
        assert!(matches!(open(&path, 0), Err(SourceError::Missing { .. })));
        assert!(matches!(open(folder.path(), 0), Err(SourceError::Directory { .. })));
        fs::write(&path, "one\n").unwrap();
        assert!(matches!(open(&path, 5), Err(SourceError::Shorter { length: 4, .. })));
        assert!(matches!(open(&path.join("in"), 0), Err(SourceError::Open { .. })));
        let start = Start { line: 1, offset: 1 };
        let stdin = Source::open(&settings(Input::Stdin), start);
        assert!(matches!(stdin, Err(SourceError::NotSeekable { .. })));
        assert!(matches!(open(Path::new("/dev/null"), 1), Err(SourceError::NotSeekable { .. })));
    }

    #[tokio::test]
    async fn what_is_no_regular_file_is_read_too() {
        assert!(open(Path::new("/dev/null"), 0).unwrap().next().await.unwrap().is_none());
    }

    fn open(path: &Path, offset: u64) -> Result<Source, SourceError> {
        let start = Start { line: 0, offset };
        Source::open(&settings(Input::File(path.to_owned())), start)
    }

    fn settings(input: Input) -> SourceSettings {
        SourceSettings { input, codec: Codec::Raw, lines: LineSettings::of(Codec::Raw) }
    }

    fn block(piece: Result<Option<Piece>, SourceError>) -> String {
        match piece {
            Ok(Some(Piece::Lines(lines))) => String::from_utf8(lines.block).unwrap(),
            other => panic!("{other:?}"),
        }
    }
}
