//! Reading with several threads: one takes the file apart and reads headers, one follows the flows,
//! and the one that asked is given what they find.
//!
//! What comes out is what a [`Reader`] gives, in the same order: frames go from thread to thread in
//! the order of the file, in batches, and a batch is handed over as soon as a read returns.

use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::channel;
use std::sync::mpsc::sync_channel;
use std::thread;

use super::captured::CapturedFlow;
use super::captured::Sink;
use super::copies::PrintKey;
use super::dissect::Dissected;
use super::dissect::dissect;
use super::error::CaptureError;
use super::error::Summary;
use super::file::Frame;
use super::framing::Ended;
use super::framing::Frames;
use super::framing::Framing;
use super::link::LinkType;
use super::log::Log;
use super::moment::Moment;
use super::reader::Reader;
use super::tracker::Tracker;
use crate::evidence::DnsAnswer;

/// Bytes that are read at a time.
const CHUNK: usize = 256 * 1024;
/// Batches on their way to the thread that follows flows. With the longest records that a chunk can
/// hold most of, the shortest, a batch has some 3 MB.
const MOST_BATCHES: usize = 4;
/// Frames of a batch that is not what one read gave: as many as the shortest records in a read.
const MOST_FRAMES: usize = CHUNK / 16;
/// Flows and answers that are handed over together, and how many such parts may wait.
const PART: usize = 256;
const MOST_PARTS: usize = 4;

/// Why a file was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Its bytes could not be had.
    #[error(transparent)]
    Input(#[from] io::Error),
    /// It is no capture, or one of a kind that is not read.
    #[error(transparent)]
    Capture(#[from] CaptureError),
}

/// Reads a capture or flow log from `input` to its end, with up to three threads if `threads` is
/// more than one, and gives `sink` what it holds. A log is read on the thread that calls, and so is
/// the beginning of a capture.
///
/// # Errors
/// What `input` fails with, and what a [`Reader`] refuses. What was read before that has gone to
/// `sink`.
pub fn read(
    input: impl Read + Send,
    threads: usize,
    sink: &mut impl Sink,
) -> Result<Summary, ReadError> {
    let mut input = input;
    let mut chunk = vec![0; CHUNK];
    let mut reader = Reader::new();
    loop {
        let length = read_some(&mut input, &mut chunk)?;
        if length == 0 {
            return Ok(reader.finish(sink)?);
        }
        if threads > 1 && reader.framing.is_capture() {
            return in_threads(input, reader, (chunk, length), sink);
        }
        reader.feed(chunk.get(..length).unwrap_or_default(), sink)?;
    }
}

/// Reads what there is, up to the length of `chunk`; 0 at the end.
fn read_some(input: &mut impl Read, chunk: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(chunk) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

fn in_threads(
    input: impl Read + Send,
    reader: Reader,
    read: (Vec<u8>, usize),
    sink: &mut impl Sink,
) -> Result<Summary, ReadError> {
    let Reader { framing, tracker } = reader;
    let (to_tracker, batches) = sync_channel(MOST_BATCHES);
    let (give_back, used) = channel();
    let (parts, found) = sync_channel(MOST_PARTS);
    let key = tracker.key().clone();
    let splitter = Splitter { batch: Batch::default(), key, to_tracker, used };
    thread::scope(|scope| {
        scope.spawn(move || splitter.run(input, framing, read));
        let followed = scope.spawn(move || follow(tracker, &batches, &give_back, parts));
        for event in found.into_iter().flatten() {
            match event {
                Event::Flow(flow) => sink.flow(flow),
                Event::Answer(answer) => sink.answer(answer),
            }
        }
        followed.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Frames on their way, with the bytes that they lie in.
#[derive(Debug, Default)]
struct Batch {
    /// What was read of the file.
    read: Vec<u8>,
    /// What lay across two reads, or was compressed.
    copied: Vec<u8>,
    frames: Vec<Batched>,
    /// Whether some frame lies in `read`.
    is_in_read: bool,
    /// How the file ended, if it has.
    end: Option<Result<Ended, ReadError>>,
}

/// A frame of a batch.
#[derive(Debug)]
enum Batched {
    Dissected { dissected: Dissected<'static>, interface: u32, link: LinkType, payload: Place },
    Whole { at: Moment, interface: u32, link: LinkType, original: u32, data: Place },
}

/// Where bytes of a batch are.
#[derive(Clone, Copy, Debug)]
struct Place {
    is_copied: bool,
    from: usize,
    length: usize,
}

impl Batch {
    fn bytes(&self, Place { is_copied, from, length }: Place) -> &[u8] {
        let all = if is_copied { &self.copied } else { &self.read };
        all.get(from..).and_then(|behind| behind.get(..length)).unwrap_or_default()
    }

    /// Notes where `bytes` are, and copies them unless they lie in `read`.
    fn place(&mut self, bytes: &[u8], read: &[u8]) -> Place {
        let length = bytes.len();
        if let Some(from) = position(bytes, read) {
            self.is_in_read = true;
            return Place { is_copied: false, from, length };
        }
        let from = self.copied.len();
        self.copied.extend_from_slice(bytes);
        Place { is_copied: true, from, length }
    }

    fn clear(&mut self) {
        self.copied.clear();
        self.frames.clear();
        self.is_in_read = false;
    }
}

/// Where `part` begins in `whole`, if it is a part of it.
fn position(part: &[u8], whole: &[u8]) -> Option<usize> {
    let from = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    (from.checked_add(part.len())? <= whole.len()).then_some(from)
}

/// Takes a file apart into batches.
struct Splitter {
    batch: Batch,
    key: PrintKey,
    to_tracker: SyncSender<Batch>,
    /// Batches that were used up, to be filled again.
    used: Receiver<Batch>,
}

impl Splitter {
    /// Goes on with the first bytes of a chunk, then with the rest of the input.
    fn run(
        mut self,
        mut input: impl Read,
        mut framing: Framing,
        (mut chunk, mut length): (Vec<u8>, usize),
    ) {
        let end = loop {
            if length == 0 {
                break self.finish(framing);
            }
            let read = chunk.get(..length).unwrap_or_default();
            if let Err(error) = framing.feed(read, &mut Splitting { splitter: &mut self, read }) {
                break Err(error.into());
            }
            self.batch.read = chunk;
            let Some(next) = self.hand_over() else { return };
            chunk = next;
            length = match read_some(&mut input, &mut chunk) {
                Ok(length) => length,
                Err(error) => break Err(error.into()),
            };
        };
        // Frames before an error may lie in what was read with it.
        self.batch.read = chunk;
        self.batch.end = Some(end);
        self.hand_over();
    }

    /// Hands over frames that lie in no chunk.
    fn hand_over_copies(&mut self) {
        let mut next = self.used.try_recv().unwrap_or_default();
        next.clear();
        // Where nobody takes them, the next chunk is the last.
        let _ = self.to_tracker.send(std::mem::replace(&mut self.batch, next));
    }

    fn finish(&mut self, framing: Framing) -> Result<Ended, ReadError> {
        Ok(framing.finish(&mut Splitting { splitter: self, read: &[] })?)
    }

    /// Hands the batch over and gives room for the next chunk; `None` where nobody takes it.
    fn hand_over(&mut self) -> Option<Vec<u8>> {
        let mut next = self.used.try_recv().unwrap_or_default();
        next.clear();
        let mut chunk = std::mem::take(&mut next.read);
        // Only a new one is filled with zeros.
        chunk.resize(CHUNK, 0);
        self.to_tracker.send(std::mem::replace(&mut self.batch, next)).ok()?;
        Some(chunk)
    }
}

/// Fills batches with the frames of what was `read`.
struct Splitting<'a> {
    splitter: &'a mut Splitter,
    read: &'a [u8],
}

impl Frames for Splitting<'_> {
    /// The format is known before there are threads.
    fn link(&mut self, _link: LinkType) {}

    fn frame(&mut self, frame: Frame<'_>) -> Result<(), CaptureError> {
        let Frame { at, interface, link, data, original } = frame;
        let batch = &mut self.splitter.batch;
        let batched = if let Some(dissected) = dissect(&frame, &self.splitter.key) {
            let payload = batch.place(dissected.packet.payload, self.read);
            let dissected = dissected.without_payload();
            Batched::Dissected { dissected, interface, link, payload }
        } else {
            let data = batch.place(data, self.read);
            Batched::Whole { at, interface, link, original, data }
        };
        batch.frames.push(batched);
        // Compressed files unfold to much more than was read, and frames may have no bytes.
        let is_full = batch.copied.len() >= CHUNK || batch.frames.len() >= MOST_FRAMES;
        if is_full && !batch.is_in_read {
            self.splitter.hand_over_copies();
        }
        // The frame is refused where flows are followed; there is nothing more to be read.
        if link.is_supported() { Ok(()) } else { Err(CaptureError::LinkType { link }) }
    }

    fn log(&mut self, _log: &mut Log, _bytes: &[u8]) {}
}

/// A flow or an answer on its way to whoever asked.
#[derive(Debug)]
enum Event {
    Flow(CapturedFlow),
    Answer(DnsAnswer),
}

/// Hands over what was found, a part at a time.
struct Events {
    part: Vec<Event>,
    parts: SyncSender<Vec<Event>>,
}

impl Events {
    fn push(&mut self, event: Event) {
        self.part.push(event);
        if self.part.len() >= PART {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        if !self.part.is_empty() {
            // Nobody takes it only where whoever asked has come to an end before its time.
            let _ = self.parts.send(std::mem::replace(&mut self.part, Vec::with_capacity(PART)));
        }
    }
}

impl Sink for Events {
    fn flow(&mut self, flow: CapturedFlow) {
        self.push(Event::Flow(flow));
    }

    fn answer(&mut self, answer: DnsAnswer) {
        self.push(Event::Answer(answer));
    }
}

/// Follows the flows of all batches.
fn follow(
    tracker: Tracker,
    batches: &Receiver<Batch>,
    give_back: &Sender<Batch>,
    parts: SyncSender<Vec<Event>>,
) -> Result<Summary, ReadError> {
    let mut events = Events { part: Vec::with_capacity(PART), parts };
    let followed = follow_batches(tracker, batches, give_back, &mut events);
    events.hand_over();
    followed
}

fn follow_batches(
    mut tracker: Tracker,
    batches: &Receiver<Batch>,
    give_back: &Sender<Batch>,
    events: &mut Events,
) -> Result<Summary, ReadError> {
    for mut batch in batches {
        for frame in &batch.frames {
            follow_frame(&mut tracker, &batch, frame, events)?;
        }
        events.hand_over();
        if let Some(end) = batch.end.take() {
            return Ok(end?.tell(tracker.finish(events)));
        }
        // The other thread may have ended already.
        let _ = give_back.send(batch);
    }
    Err(io::Error::from(ErrorKind::UnexpectedEof).into())
}

fn follow_frame(
    tracker: &mut Tracker,
    batch: &Batch,
    frame: &Batched,
    events: &mut Events,
) -> Result<(), CaptureError> {
    match *frame {
        Batched::Dissected { ref dissected, interface, link, payload } => {
            let mut dissected: Dissected<'_> = *dissected;
            dissected.packet.payload = batch.bytes(payload);
            tracker.dissected(&mut dissected, interface, link, events);
            Ok(())
        }
        Batched::Whole { at, interface, link, original, data } => {
            let data = batch.bytes(data);
            tracker.undissected(Frame { at, interface, link, data, original }, events)
        }
    }
}
