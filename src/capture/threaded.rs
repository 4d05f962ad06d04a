//! Reading with two threads: one reads the file, unpacks it, takes it apart and reads the headers of
//! packets; the one that asked follows the flows.
//!
//! What comes out is what a [`Reader`] gives, in the same order: what is read goes to the other thread
//! in the order of the file, and is handed over as soon as a read returns.

use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::Sender;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::channel;
use std::sync::mpsc::sync_channel;
use std::thread;

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
use super::reader::Following;
use super::reader::Reader;

/// Bytes that are read at a time.
const CHUNK: usize = 256 * 1024;
/// Batches on their way to the thread that follows flows. Of the shortest records a batch holds as
/// many as a read, which takes some 3 MB.
const MOST_BATCHES: usize = 4;
/// What a batch holds at most that is not what one read gave.
const MOST_ITEMS: usize = CHUNK / 16;

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

/// Reads a capture or flow log from `input` to its end, with two threads if `threads` is more than
/// one, and gives `sink` what it holds. What a first read gives is read on the thread that calls: a
/// short file needs no other.
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
        reader.feed(chunk.get(..length).unwrap_or_default(), sink)?;
        if threads > 1 {
            return in_threads(input, reader, sink);
        }
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
    sink: &mut impl Sink,
) -> Result<Summary, ReadError> {
    let Reader { framing, following } = reader;
    let (to_follow, batches) = sync_channel(MOST_BATCHES);
    let (give_back, used) = channel();
    let key = following.tracker.key().clone();
    let splitter = Splitter { batch: Batch::default(), key, to_follow, used };
    thread::scope(|scope| {
        let split = move || splitter.run(input, framing);
        thread::Builder::new().spawn_scoped(scope, split)?;
        follow(following, batches, &give_back, sink)
    })
}

/// A part of a file, taken apart, with the bytes that it lies in.
#[derive(Debug, Default)]
struct Batch {
    /// What was read of the file.
    read: Vec<u8>,
    /// What lay across two reads, or was compressed.
    copied: Vec<u8>,
    items: Vec<Item>,
    /// Whether some item lies in `read`.
    is_in_read: bool,
    /// How the file ended, if it has.
    end: Option<Result<Ended, ReadError>>,
}

/// What a batch holds, in the order of the file.
#[derive(Debug)]
enum Item {
    /// The link type of the whole file.
    Link(LinkType),
    /// A frame of which is told what it holds.
    Dissected { dissected: Dissected<'static>, interface: u32, link: LinkType, payload: Place },
    /// Any other frame.
    Whole { at: Moment, interface: u32, link: LinkType, original: u32, data: Place },
    /// The file is a log, and this reads it; taken out where it is followed.
    Log(Option<Box<Log>>),
    /// The next bytes of the log.
    Bytes(Place),
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
        self.items.clear();
        self.is_in_read = false;
    }
}

/// Where `part` begins in `whole`, if it is a part of it.
fn position(part: &[u8], whole: &[u8]) -> Option<usize> {
    let from = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    (from.checked_add(part.len())? <= whole.len()).then_some(from)
}

/// Nobody takes what is handed over: whoever asked has met an error.
struct Unwanted;

/// Takes a file apart into batches.
struct Splitter {
    batch: Batch,
    key: PrintKey,
    to_follow: SyncSender<Batch>,
    /// Batches that were used up, to be filled again.
    used: Receiver<Batch>,
}

impl Splitter {
    fn run(mut self, mut input: impl Read, mut framing: Framing) -> Result<(), Unwanted> {
        let end = loop {
            let mut chunk = std::mem::take(&mut self.batch.read);
            // Only a new one is filled with zeros.
            chunk.resize(CHUNK, 0);
            let length = match read_some(&mut input, &mut chunk) {
                Ok(0) => break self.finish(framing),
                Ok(length) => length,
                Err(error) => break Err(error.into()),
            };
            let read = chunk.get(..length).unwrap_or_default();
            let fed = framing.feed(read, &mut Splitting { splitter: &mut self, read });
            // What comes before an error may lie in what was read with it.
            self.batch.read = chunk;
            if let Err(error) = fed {
                break Err(error.into());
            }
            self.hand_over()?;
        };
        self.batch.end = Some(end);
        self.hand_over()
    }

    fn finish(&mut self, framing: Framing) -> Result<Ended, ReadError> {
        Ok(framing.finish(&mut Splitting { splitter: self, read: &[] })?)
    }

    fn hand_over(&mut self) -> Result<(), Unwanted> {
        let mut next = self.used.try_recv().unwrap_or_default();
        next.clear();
        let full = std::mem::replace(&mut self.batch, next);
        self.to_follow.send(full).map_err(|_| Unwanted)
    }
}

/// Fills batches with what was `read`.
struct Splitting<'a> {
    splitter: &'a mut Splitter,
    read: &'a [u8],
}

impl Splitting<'_> {
    fn push(&mut self, item: Item) {
        let batch = &mut self.splitter.batch;
        batch.items.push(item);
        // Compressed files unfold to much more than was read, and frames may have no bytes.
        let is_full = batch.copied.len() >= CHUNK || batch.items.len() >= MOST_ITEMS;
        if is_full && !batch.is_in_read {
            // Where nobody takes it, nobody takes what was read, either.
            let _ = self.splitter.hand_over();
        }
    }
}

impl Frames for Splitting<'_> {
    fn link(&mut self, link: LinkType) {
        self.push(Item::Link(link));
    }

    #[inline]
    fn frame(&mut self, frame: Frame<'_>) -> Result<(), CaptureError> {
        let Frame { at, interface, link, data, original } = frame;
        let Splitter { batch, key, .. } = &mut *self.splitter;
        let item = if let Some(dissected) = dissect(&frame, key) {
            let payload = batch.place(dissected.packet.payload, self.read);
            let dissected = dissected.with_payload(&[]);
            Item::Dissected { dissected, interface, link, payload }
        } else {
            let data = batch.place(data, self.read);
            Item::Whole { at, interface, link, original, data }
        };
        self.push(item);
        // The frame is refused where flows are followed; there is nothing more to be read.
        if link.is_supported() { Ok(()) } else { Err(CaptureError::LinkType { link }) }
    }

    fn log(&mut self, log: Log) {
        self.push(Item::Log(Some(Box::new(log))));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let place = self.splitter.batch.place(bytes, self.read);
        self.push(Item::Bytes(place));
    }
}

/// Follows what the batches hold.
fn follow(
    mut following: Following,
    batches: Receiver<Batch>,
    give_back: &Sender<Batch>,
    sink: &mut impl Sink,
) -> Result<Summary, ReadError> {
    for mut batch in batches {
        let mut items = std::mem::take(&mut batch.items);
        for item in &mut items {
            follow_item(&mut following, &batch, item, sink)?;
        }
        batch.items = items;
        if let Some(end) = batch.end.take() {
            return Ok(following.finish(end?, sink)?);
        }
        // The other thread may have ended already.
        let _ = give_back.send(batch);
    }
    Err(io::Error::from(ErrorKind::UnexpectedEof).into())
}

fn follow_item(
    following: &mut Following,
    batch: &Batch,
    item: &mut Item,
    sink: &mut impl Sink,
) -> Result<(), CaptureError> {
    match item {
        Item::Dissected { dissected, interface, link, payload } => {
            let mut dissected = dissected.with_payload(batch.bytes(*payload));
            following.tracker.dissected(&mut dissected, *interface, *link, sink);
        }
        Item::Whole { at, interface, link, original, data } => {
            let data = batch.bytes(*data);
            let frame =
                Frame { at: *at, interface: *interface, link: *link, data, original: *original };
            following.tracker.undissected(frame, sink)?;
        }
        Item::Link(link) => following.tracker.link(*link),
        Item::Log(log) => following.log = log.take().map(|log| *log),
        Item::Bytes(bytes) => following.bytes(batch.bytes(*bytes), sink),
    }
    Ok(())
}
