//! Groups events into runs, the shape in which they cross into a sink.

use std::mem;

use spillway::contract::{self, Boundaries};

/// Consecutive events for one key, their payloads back to back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What the events belong to.
    pub key: String,
    /// Position of the first event. The others follow, one by one.
    pub first: u64,
    /// When the first event happened, in nanoseconds since 1970 (UTC), if that is known.
    pub at: Option<u64>,
    /// The events' bytes, framed as `framing` says.
    pub payload: Vec<u8>,
    /// Where each event ends in `payload`, in bytes, its separator included. The last is the length
    /// of `payload`.
    pub ends: Vec<u32>,
    /// The separator of events.
    pub framing: Framing,
}

/// Where the events of a run end that the command gave to its sink: it gives them as numbers, since
/// it knows them, and the sink need not look for them.
pub fn ends(run: &contract::Run) -> &[u32] {
    match &run.boundaries {
        Boundaries::At(ends) => ends,
        Boundaries::Lines(_) => unreachable!("the command says where events end"),
    }
}

/// The position behind the last event of a run.
pub fn end(run: &contract::Run) -> u64 {
    spillway::transform::positions(run).end
}

impl Run {
    /// The position behind the last event.
    pub fn end(&self) -> u64 {
        self.first + self.ends.len() as u64
    }

    /// The events' payloads, each without what separates it from the next.
    pub fn payloads(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| {
            let framed = &self.payload[start as usize..*end as usize];
            match self.framing {
                Framing::Newline => framed.strip_suffix(b"\n").unwrap_or(framed),
                Framing::Bare => framed,
            }
        })
    }

    /// Drops the first `count` events.
    pub fn skip(&mut self, count: usize) {
        let Some(last) = count.checked_sub(1) else { return };
        let start = self.ends[last];
        self.first += count as u64;
        self.payload.drain(..start as usize);
        self.ends.drain(..count);
        self.ends.iter_mut().for_each(|end| *end -= start);
    }
}

/// The separator of the events of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Nothing.
    Bare,
    /// A newline after each.
    Newline,
}

/// The payloads of a run would go beyond what 32-bit offsets reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payload does not fit in a run, which holds at most 4,294,967,295 bytes")]
pub struct TooLarge;

/// Groups events into runs.
///
/// An event goes into the run of the event before it if it has the same key, the next position and,
/// where times are known, the same second. So a sink that takes the time of a run for that of any
/// of its events is right to the second. A run that has reached 1 MiB is not added to.
#[derive(Debug)]
pub struct Batcher {
    framing: Framing,
    runs: Vec<Run>,
    bytes: usize,
}

impl Batcher {
    /// Makes runs with this framing.
    pub fn new(framing: Framing) -> Batcher {
        Batcher { framing, runs: Vec::new(), bytes: 0 }
    }

    /// Adds an event, whose payload `append` appends to the run's arena.
    ///
    /// # Errors
    ///
    /// The payload is too large. Nothing was added.
    pub fn push(
        &mut self,
        key: &str,
        position: u64,
        at: Option<u64>,
        append: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), TooLarge> {
        let framing = self.framing;
        let run = self.run_for(key, position, at);
        let start = run.payload.len();
        append(&mut run.payload);
        if framing == Framing::Newline {
            run.payload.push(b'\n');
        }
        let added = run.payload.len() - start;
        if let Ok(end) = u32::try_from(run.payload.len()) {
            run.ends.push(end);
            self.bytes += added;
            return Ok(());
        }
        run.payload.truncate(start);
        if run.ends.is_empty() {
            self.runs.pop();
        }
        Err(TooLarge)
    }

    /// Adds a block of lines as one event each, each with its newline. The framing must be
    /// [`Framing::Newline`].
    ///
    /// A block that begins a run becomes its arena untouched. One that goes on a run is copied
    /// behind it if it is small, as blocks from a pipe are, and otherwise begins another run.
    pub fn push_lines(&mut self, key: &str, first: u64, block: Vec<u8>, ends: Vec<u32>) {
        debug_assert_eq!(self.framing, Framing::Newline, "lines bring their newlines");
        self.bytes += block.len();
        match self.runs.last_mut() {
            Some(run)
                if goes_on(run, key, first, None)
                    && run.payload.len() + block.len() <= JOINED_BYTES_MAX =>
            {
                let start = run.payload.len() as u32;
                run.payload.extend_from_slice(&block);
                run.ends.extend(ends.iter().map(|end| start + end));
            }
            _ => self.runs.push(self.new_run(key, first, None, block, ends)),
        }
    }

    /// Adds a run with this framing, which goes on with the one before it or begins behind it.
    pub fn push_run(&mut self, run: Run) {
        debug_assert_eq!(self.framing, run.framing, "all runs have one framing");
        self.bytes += run.payload.len();
        match self.runs.last_mut() {
            Some(last)
                if goes_on(last, &run.key, run.first, run.at)
                    && last.payload.len() + run.payload.len() <= JOINED_BYTES_MAX =>
            {
                let start = last.payload.len() as u32;
                last.payload.extend_from_slice(&run.payload);
                last.ends.extend(run.ends.iter().map(|end| start + end));
            }
            _ => self.runs.push(run),
        }
    }

    /// The position behind the last event, if there is one.
    pub fn next_position(&self) -> u64 {
        self.runs.last().map_or(0, Run::end)
    }

    /// How many runs there are.
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    /// How many bytes they hold.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes the runs out.
    pub fn take(&mut self) -> Vec<Run> {
        self.bytes = 0;
        mem::take(&mut self.runs)
    }

    fn run_for(&mut self, key: &str, position: u64, at: Option<u64>) -> &mut Run {
        let is_open = |run: &Run| run.payload.len() < JOINED_BYTES_MAX;
        if !self.runs.last().is_some_and(|run| is_open(run) && goes_on(run, key, position, at)) {
            // Events are often of one size, and where keys alternate each is a run of its own.
            let mean = |run: &Run| run.payload.len().div_ceil(run.ends.len().max(1));
            let payload = Vec::with_capacity(self.runs.last().map_or(0, mean));
            let run = self.new_run(key, position, at, payload, Vec::new());
            self.runs.push(run);
        }
        let last = self.runs.len() - 1;
        &mut self.runs[last]
    }

    fn new_run(
        &self,
        key: &str,
        first: u64,
        at: Option<u64>,
        payload: Vec<u8>,
        ends: Vec<u32>,
    ) -> Run {
        Run { key: key.to_owned(), first, at, payload, ends, framing: self.framing }
    }
}

fn goes_on(run: &Run, key: &str, position: u64, at: Option<u64>) -> bool {
    let second = |at: u64| at / 1_000_000_000;
    run.first + run.ends.len() as u64 == position
        && run.key == key
        && run.at.map(second) == at.map(second)
}

/// How large a run may become by copying blocks of lines or runs behind each other, and from how
/// many bytes on no event is added to it: 1 MiB.
const JOINED_BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_change_or_a_gap_ends_a_run() {
        let mut batcher = Batcher::new(Framing::Newline);
        for (key, position, text) in
            [("a", 0, "one"), ("a", 1, ""), ("b", 2, "three"), ("b", 4, "five"), ("a", 5, "six")]
        {
            batcher
                .push(key, position, None, |arena| arena.extend_from_slice(text.as_bytes()))
                .unwrap();
        }
        assert_eq!((batcher.runs(), batcher.bytes()), (4, 20));
        let runs = batcher.take();
        let shown: Vec<_> = runs.iter().map(|run| (run.key.as_str(), run.first)).collect();
        assert_eq!(shown, [("a", 0), ("b", 2), ("b", 4), ("a", 5)]);
        assert_eq!((&*runs[0].payload, &*runs[0].ends), (&b"one\n\n"[..], &[4, 5][..]));
        assert_eq!((batcher.runs(), batcher.bytes()), (0, 0));
    }

    #[test]
    fn bare_events_lie_back_to_back() {
        let mut batcher = Batcher::new(Framing::Bare);
        batcher.push("a", 7, None, |arena| arena.extend_from_slice(b"one")).unwrap();
        batcher.push("a", 8, None, |arena| arena.extend_from_slice(b"two")).unwrap();
        let [run] = &batcher.take()[..] else { panic!() };
        assert_eq!((&*run.payload, &*run.ends), (&b"onetwo"[..], &[3, 6][..]));
        assert_eq!((run.first, run.framing, run.at), (7, Framing::Bare, None));
    }

    #[test]
    fn another_second_begins_a_run_that_has_the_time_of_its_first_event() {
        let mut batcher = Batcher::new(Framing::Bare);
        let times = [Some(1_000_000_007), Some(1_999_999_999), Some(2_000_000_000), None, None];
        for (position, at) in (0..).zip(times) {
            batcher.push("a", position, at, |arena| arena.push(b'x')).unwrap();
        }
        let runs = batcher.take();
        let shown: Vec<_> = runs.iter().map(|run| (run.first, run.at, run.ends.len())).collect();
        assert_eq!(shown, [(0, Some(1_000_000_007), 2), (2, Some(2_000_000_000), 1), (3, None, 2)]);
    }

    #[test]
    fn a_block_of_lines_that_begins_a_run_is_not_copied() {
        let mut batcher = Batcher::new(Framing::Newline);
        let block = b"one\ntwo\n".to_vec();
        let memory = block.as_ptr();
        batcher.push_lines("a", 5, block, vec![4, 8]);
        let [run] = &batcher.take()[..] else { panic!() };
        assert_eq!((run.first, run.payload.as_ptr(), &*run.ends), (5, memory, &[4, 8][..]));
    }

    #[test]
    fn small_blocks_of_lines_are_joined_and_large_ones_are_not() {
        let mut batcher = Batcher::new(Framing::Newline);
        batcher.push_lines("a", 0, b"one\ntwo\n".to_vec(), vec![4, 8]);
        batcher.push_lines("a", 2, b"three\n".to_vec(), vec![6]);
        let large = vec![b'\n'; JOINED_BYTES_MAX];
        batcher.push_lines("a", 3, large.clone(), (1..=large.len() as u32).collect());
        let [joined, alone] = &batcher.take()[..] else { panic!() };
        assert_eq!((&*joined.payload, &*joined.ends), (&b"one\ntwo\nthree\n"[..], &[4, 8, 14][..]));
        assert_eq!((alone.first, alone.payload == large), (3, true));
    }

    #[test]
    fn a_run_that_has_its_mebibyte_is_not_added_to() {
        let mut batcher = Batcher::new(Framing::Newline);
        for (position, bytes) in (0..).zip([1, JOINED_BYTES_MAX, 1, 1]) {
            let append = |arena: &mut Vec<u8>| arena.extend(std::iter::repeat_n(b'x', bytes));
            batcher.push("a", position, None, append).unwrap();
        }
        let shown: Vec<_> = batcher.take().iter().map(|run| (run.first, run.ends.len())).collect();
        assert_eq!(shown, [(0, 2), (2, 2)]);
    }

    #[test]
    fn small_runs_are_joined_where_they_go_on() {
        let mut batcher = Batcher::new(Framing::Newline);
        for (key, first, text) in
            [("a", 0, "1\n2\n"), ("a", 2, "3\n"), ("a", 4, "5\n"), ("b", 5, "6\n")]
        {
            batcher.push_run(run(key, first, text));
        }
        batcher.push("b", 6, None, |arena| arena.push(b'7')).unwrap();
        let runs = batcher.take();
        let shown: Vec<_> = runs.iter().map(|run| (run.first, &*run.payload, &*run.ends)).collect();
        let wanted: [(u64, &[u8], &[u32]); 3] =
            [(0, b"1\n2\n3\n", &[2, 4, 6]), (4, b"5\n", &[2]), (5, b"6\n7\n", &[2, 4])];
        assert_eq!(shown, wanted);
    }

    #[test]
    fn the_first_events_of_a_run_are_dropped() {
        let whole = run("a", 7, "one\ntwo\nthree\n");
        assert_eq!(whole.payloads().collect::<Vec<_>>(), [&b"one"[..], b"two", b"three"]);
        for (count, left) in ["one\ntwo\nthree\n", "two\nthree\n", "three\n", ""].iter().enumerate()
        {
            let mut rest = whole.clone();
            rest.skip(count);
            assert_eq!(rest, run("a", 7 + count as u64, left));
            assert_eq!(rest.end(), 10);
        }
    }

    fn run(key: &str, first: u64, lines: &str) -> Run {
        let payload = lines.as_bytes().to_vec();
        let ends = memchr::memchr_iter(b'\n', &payload).map(|at| at as u32 + 1).collect();
        Run { key: key.to_owned(), first, at: None, payload, ends, framing: Framing::Newline }
    }
}
