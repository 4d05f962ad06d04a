//! Reading with several threads: one reads the file and unpacks it, one follows the flows, and the
//! one that asked is given what they find.
//!
//! What comes out is what a [`Reader`] gives, in the same order: bytes go from thread to thread in
//! the order of the file, and those of a read are handed over as soon as it returns.

use std::io;
use std::io::ErrorKind;
use std::io::Read;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SendError;
use std::sync::mpsc::Sender;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::channel;
use std::sync::mpsc::sync_channel;
use std::thread;

use super::captured::CapturedFlow;
use super::captured::Sink;
use super::error::CaptureError;
use super::error::Summary;
use super::framing::Framing;
use super::reader::Reader;
use super::wrapper::BadWrapper;
use super::wrapper::Wrapper;
use crate::evidence::DnsAnswer;

/// Bytes that are read, and handed over, at a time.
const CHUNK: usize = 256 * 1024;
/// Chunks on their way to the thread that follows flows.
const MOST_CHUNKS: usize = 4;
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
/// more than one, and gives `sink` what it holds. What a first read gives is read on the thread that
/// calls: a short file needs no other.
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
    let Reader { framing: Framing { wrapper, file }, tracker } = reader;
    let unwrapped = Reader { framing: Framing { wrapper: Wrapper::Plain, file }, tracker };
    let (to_reader, handed) = sync_channel(MOST_CHUNKS);
    let (give_back, used) = channel();
    let (parts, found) = sync_channel(MOST_PARTS);
    let unpacking = Unpacking { gathered: Vec::new(), to_reader, used };
    thread::scope(|scope| {
        // Where nobody takes what it hands over, there is nobody to tell.
        scope.spawn(move || unpacking.run(input, wrapper));
        let followed = scope.spawn(move || follow(unwrapped, &handed, &give_back, parts));
        for event in found.into_iter().flatten() {
            match event {
                Event::Flow(flow) => sink.flow(flow),
                Event::Answer(answer) => sink.answer(answer),
            }
        }
        followed.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// What the thread that reads hands over.
#[derive(Debug)]
enum Handed {
    /// The next bytes of the file, unpacked.
    Bytes(Vec<u8>),
    /// It cannot be unpacked further.
    Damaged(BadWrapper),
    /// Nothing more will come, and why.
    End(io::Result<()>),
}

/// Reads a file and unpacks it.
struct Unpacking {
    /// What was unpacked and not yet handed over.
    gathered: Vec<u8>,
    to_reader: SyncSender<Handed>,
    /// Chunks that were used up, to be filled again.
    used: Receiver<Vec<u8>>,
}

impl Unpacking {
    fn run(mut self, mut input: impl Read, mut wrapper: Wrapper) -> Result<(), SendError<Handed>> {
        loop {
            let mut chunk = self.room();
            // Only a new one is filled with zeros.
            chunk.resize(CHUNK, 0);
            let length = match read_some(&mut input, &mut chunk) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) => return self.to_reader.send(Handed::End(Err(error))),
            };
            chunk.truncate(length);
            if matches!(wrapper, Wrapper::Plain) {
                self.to_reader.send(Handed::Bytes(chunk))?;
                continue;
            }
            let unpacked = wrapper.feed(&chunk, &mut |plain| self.gather(plain))?;
            self.hand_over(unpacked)?;
        }
        let unpacked = wrapper.finish(&mut |plain| self.gather(plain))?;
        self.hand_over(unpacked)?;
        self.to_reader.send(Handed::End(Ok(())))
    }

    fn room(&self) -> Vec<u8> {
        self.used.try_recv().unwrap_or_default()
    }

    /// Takes in what was unpacked, and hands over what is enough for a chunk.
    fn gather(&mut self, plain: &[u8]) -> Result<(), SendError<Handed>> {
        let mut rest = plain;
        while let Some((here, behind)) = rest.split_at_checked(CHUNK - self.gathered.len()) {
            self.gathered.extend_from_slice(here);
            rest = behind;
            self.hand_over_gathered()?;
        }
        self.gathered.extend_from_slice(rest);
        Ok(())
    }

    fn hand_over_gathered(&mut self) -> Result<(), SendError<Handed>> {
        let mut next = self.room();
        next.clear();
        self.to_reader.send(Handed::Bytes(std::mem::replace(&mut self.gathered, next)))
    }

    /// Hands over what is left of a read.
    fn hand_over(&mut self, unpacked: Result<(), BadWrapper>) -> Result<(), SendError<Handed>> {
        if !self.gathered.is_empty() {
            self.hand_over_gathered()?;
        }
        match unpacked {
            Ok(()) => Ok(()),
            Err(bad) => self.to_reader.send(Handed::Damaged(bad)),
        }
    }
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

/// Follows the flows of what is handed over.
fn follow(
    reader: Reader,
    handed: &Receiver<Handed>,
    give_back: &Sender<Vec<u8>>,
    parts: SyncSender<Vec<Event>>,
) -> Result<Summary, ReadError> {
    let mut events = Events { part: Vec::with_capacity(PART), parts };
    let followed = follow_all(reader, handed, give_back, &mut events);
    events.hand_over();
    followed
}

fn follow_all(
    mut reader: Reader,
    handed: &Receiver<Handed>,
    give_back: &Sender<Vec<u8>>,
    events: &mut Events,
) -> Result<Summary, ReadError> {
    // What was found waits for more of it only as long as there is something to read.
    let next = |events: &mut Events| {
        handed.try_recv().ok().or_else(|| {
            events.hand_over();
            handed.recv().ok()
        })
    };
    while let Some(handed) = next(events) {
        match handed {
            Handed::Bytes(chunk) => {
                reader.feed(&chunk, events)?;
                // The other thread may have ended already.
                let _ = give_back.send(chunk);
            }
            Handed::Damaged(bad) => reader.damaged(bad)?,
            Handed::End(ended) => {
                ended?;
                return Ok(reader.finish(events)?);
            }
        }
    }
    Err(io::Error::from(ErrorKind::UnexpectedEof).into())
}
