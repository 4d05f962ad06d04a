//! Reading several files on one time line: of captures, what was captured first comes first, so that a
//! connection goes on from one file into the next, and what was captured in several places is one flow.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::collections::BinaryHeap;
use std::collections::VecDeque;
use std::io::BufRead as _;
use std::io::BufReader;
use std::io::ErrorKind;
use std::io::Read;
use std::ops::Range;

use super::captured::Sink;
use super::error::CaptureError;
use super::error::Summary;
use super::file::Frame;
use super::framing::Ended;
use super::framing::Frames;
use super::framing::Framing;
use super::link::LinkType;
use super::log::Log;
use super::moment::Moment;
use super::threaded::ReadError;
use super::tracker::Tracker;
use super::wrapper::Wrapper;

/// The most files that are read on one time line. All of them are open at once, and of each the next
/// frames are held: 1 MB at most, where a file is made to unfold.
pub const MOST_TOGETHER: usize = 512;

/// Bytes read from a file at a time.
const CHUNK: usize = 16 * 1024;
/// Bytes that are taken apart at a time; of Zstandard no more than a block takes, as each may unfold to
/// 128 kB, and of a file that is not known yet as many as tell what it is.
const PIECE: usize = 1024;
const PIECE_OF_ZSTANDARD: usize = 4;
const PIECE_OF_UNKNOWN: usize = 2;
/// Interfaces of one place that are told apart.
const INTERFACES: u32 = 1 << 16;

/// Why one of several files was not read to its end.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct FileError {
    /// Which of the files, from 0.
    pub file: usize,
    /// Why.
    pub error: ReadError,
}

/// Reads several captures and flow logs, at most [`MOST_TOGETHER`], to their ends, and gives `sink`
/// what they hold, with the number of the file in [`CapturedFlow::file`]. Frames of captures are taken by
/// their times, those of one capture in its own order; logs come before them.
///
/// A summary of each file, in their order. What cannot be told of one capture, such as fragments that are left,
/// is told of the last. Where `is_stopped` says of a file that it ended only since nobody waits for
/// more of it, it is no error that too little came to tell what it is.
///
/// # Errors
/// What a file fails with, or what a [`Reader`](super::reader::Reader) refuses. What was read before
/// that has gone to `sink`.
///
/// [`CapturedFlow::file`]: super::captured::CapturedFlow::file
pub fn read_together<R: Read>(
    inputs: Vec<R>,
    is_stopped: impl Fn(usize) -> bool,
    sink: &mut impl Sink,
) -> Result<Vec<Summary>, FileError> {
    let mut tracker = Tracker::default();
    let mut places = BTreeSet::new();
    let mut order: BinaryHeap<Reverse<(Moment, usize)>> = BinaryHeap::new();
    let mut files: Vec<Ahead<R>> = Vec::with_capacity(inputs.len());
    for (number, input) in inputs.into_iter().enumerate() {
        let mut file = Ahead::new(input, number);
        match file.fill(sink) {
            Err(_) if is_stopped(number) => file.end = Some(End::default()),
            filled => filled?,
        }
        order.extend(file.next().map(|at| Reverse((at, number))));
        files.push(file);
    }
    while let Some(Reverse((_, number))) = order.pop() {
        let Some(file) = files.get_mut(number) else { continue };
        tracker.turn_to(number);
        let before_others = |at| order.peek().is_none_or(|Reverse(other)| (at, number) <= *other);
        let next = file.follow(&mut tracker, &mut places, before_others, sink)?;
        order.extend(next.map(|at| Reverse((at, number))));
    }
    let summaries = tracker.finish_each(files.len(), sink);
    let ended = files.into_iter().zip(summaries).map(|(file, of_frames)| match file.end {
        Some(End { ended, of_log }) => ended.tell(of_log.unwrap_or(of_frames)),
        None => of_frames,
    });
    Ok(ended.collect())
}

/// A file, and the frames of it that were read and not yet taken.
struct Ahead<R> {
    number: usize,
    input: BufReader<R>,
    framing: Framing,
    /// The log that the file is, if it is one.
    log: Option<Log>,
    end: Option<End>,
    frames: VecDeque<Held>,
    /// The bytes of the frames.
    bytes: Vec<u8>,
    /// The link type of the whole file, until the tracker knows it.
    link: Option<LinkType>,
    /// Where it was captured, told from other places where that was at the same time.
    place: Option<u32>,
}

/// How a file ended.
#[derive(Default)]
struct End {
    ended: Ended,
    /// What is told of its records, if it is a log.
    of_log: Option<Summary>,
}

/// A frame that waits.
struct Held {
    at: Moment,
    interface: u32,
    link: LinkType,
    original: u32,
    data: Range<usize>,
}

impl<R: Read> Ahead<R> {
    fn new(input: R, number: usize) -> Ahead<R> {
        Ahead {
            number,
            input: BufReader::with_capacity(CHUNK, input),
            framing: Framing::default(),
            log: None,
            end: None,
            frames: VecDeque::new(),
            bytes: Vec::new(),
            link: None,
            place: None,
        }
    }

    /// The time of the next frame.
    fn next(&self) -> Option<Moment> {
        self.frames.front().map(|frame| frame.at)
    }

    /// Reads until there is a frame or the file is over.
    fn fill(&mut self, sink: &mut impl Sink) -> Result<(), FileError> {
        self.bytes.clear();
        while self.frames.is_empty() && self.end.is_none() {
            self.read_on(sink).map_err(|error| FileError { file: self.number, error })?;
        }
        Ok(())
    }

    fn read_on(&mut self, sink: &mut impl Sink) -> Result<(), ReadError> {
        let mut filling = Filling {
            frames: &mut self.frames,
            bytes: &mut self.bytes,
            link: &mut self.link,
            log: &mut self.log,
            sink,
        };
        let read = match self.input.fill_buf() {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            read => read?,
        };
        if read.is_empty() {
            let ended = std::mem::take(&mut self.framing).finish(&mut filling)?;
            let of_log = self.log.take().map(|log| log.finish(sink)).transpose()?;
            self.end = Some(End { ended, of_log });
            return Ok(());
        }
        let most = match self.framing.wrapper {
            Wrapper::Plain | Wrapper::Damaged | Wrapper::Gzip(_) => PIECE,
            Wrapper::Zstd(_) => PIECE_OF_ZSTANDARD,
            Wrapper::Unknown(_) => PIECE_OF_UNKNOWN,
        };
        let piece = read.get(..most).unwrap_or(read);
        self.framing.feed(piece, &mut filling)?;
        let length = piece.len();
        self.input.consume(length);
        Ok(())
    }

    /// Gives frames to `tracker` as long as `is_first` says that the next one comes before those of
    /// other files; the time of the next one after that.
    fn follow(
        &mut self,
        tracker: &mut Tracker,
        places: &mut BTreeSet<u32>,
        is_first: impl Fn(Moment) -> bool,
        sink: &mut impl Sink,
    ) -> Result<Option<Moment>, FileError> {
        let place = *self.place.get_or_insert_with(|| take_lowest(places));
        if let Some(link) = self.link.take() {
            tracker.link(link);
        }
        while let Some(at) = self.next() {
            if !is_first(at) {
                return Ok(Some(at));
            }
            let Some(Held { at, interface, link, original, data }) = self.frames.pop_front() else {
                break;
            };
            let data = self.bytes.get(data).unwrap_or_default();
            let interface = place * INTERFACES + interface.min(INTERFACES - 1);
            let frame = Frame { at, interface, link, data, original };
            let taken = tracker.frame(frame, sink);
            taken.map_err(|error| FileError { file: self.number, error: error.into() })?;
            if self.frames.is_empty() {
                self.fill(sink)?;
            }
        }
        places.remove(&place);
        Ok(None)
    }
}

/// The lowest number that is free. Files that follow each other, as when a capture goes on in a new file,
/// are of one place.
fn take_lowest(places: &mut BTreeSet<u32>) -> u32 {
    let most = u32::try_from(places.len()).unwrap_or(u32::MAX);
    let free = (0..=most).find(|place| !places.contains(place)).unwrap_or(most);
    places.insert(free);
    free
}

/// Holds the frames of what is read.
struct Filling<'a, S> {
    frames: &'a mut VecDeque<Held>,
    bytes: &'a mut Vec<u8>,
    link: &'a mut Option<LinkType>,
    log: &'a mut Option<Log>,
    sink: &'a mut S,
}

impl<S: Sink> Frames for Filling<'_, S> {
    fn link(&mut self, link: LinkType) {
        *self.link = Some(link);
    }

    fn frame(&mut self, frame: Frame<'_>) -> Result<(), CaptureError> {
        let Frame { at, interface, link, data, original } = frame;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(data);
        let data = start..self.bytes.len();
        self.frames.push_back(Held { at, interface, link, original, data });
        Ok(())
    }

    fn log(&mut self, log: Log) {
        *self.log = Some(log);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if let Some(log) = self.log {
            log.feed(bytes, self.sink);
        }
    }
}
