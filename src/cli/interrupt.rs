//! The user's wish that a run ends now, as by Ctrl-C.

use std::io;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

/// How long the user waits at most until a run heeds the wish.
const PATIENCE: Duration = Duration::from_millis(100);
/// Bytes read from a stream at a time.
const CHUNK: usize = 256 * 1024;
/// Chunks that are read ahead.
const AHEAD: usize = 2;

/// Whether the user wants the run to end. A command that reads captures then tells of what it has
/// read; any other is ended from outside.
#[derive(Debug, Default)]
pub struct Interrupt {
    is_heeded: AtomicBool,
    is_asked: AtomicBool,
}

impl Interrupt {
    /// To be called when the user asks for the end. Tells whether the run is ending by itself; where
    /// not, and when the user asks again, it is to be ended from outside.
    pub fn ask(&self) -> bool {
        let is_first = !self.is_asked.swap(true, Ordering::SeqCst);
        is_first && self.is_heeded.load(Ordering::SeqCst)
    }

    /// Whether from now on the run ends by itself when it is asked to.
    pub(super) fn heed(&self, heeded: bool) {
        self.is_heeded.store(heeded, Ordering::SeqCst);
    }

    pub(super) fn is_asked(&self) -> bool {
        self.is_asked.load(Ordering::SeqCst)
    }
}

/// A stream that may be silent for long, such as a pipe. It ends when the user wants the run to end,
/// also while nothing comes.
#[derive(Debug)]
pub struct Stream<R> {
    interrupt: Arc<Interrupt>,
    /// The stream itself, until it is first read from.
    input: Option<R>,
    /// What comes of it, read by a thread which waits as long as it takes.
    chunks: Option<Receiver<io::Result<Vec<u8>>>>,
    chunk: io::Cursor<Vec<u8>>,
}

impl<R: Read + Send + 'static> Stream<R> {
    /// Reads from `input` until `interrupt` is asked for.
    pub fn new(input: R, interrupt: Arc<Interrupt>) -> Stream<R> {
        Stream { interrupt, input: Some(input), chunks: None, chunk: io::Cursor::default() }
    }

    /// Waits for the next chunk; an empty one is the end.
    fn next(&mut self) -> io::Result<Vec<u8>> {
        if let Some(input) = self.input.take() {
            self.chunks = Some(read_ahead(input)?);
        }
        let Some(chunks) = &self.chunks else { return Ok(Vec::new()) };
        while !self.interrupt.is_asked() {
            match chunks.recv_timeout(PATIENCE) {
                Ok(chunk) => return chunk,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Ok(Vec::new())
    }
}

impl<R: Read + Send + 'static> Read for Stream<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let length = self.chunk.read(into)?;
        if length > 0 || into.is_empty() {
            return Ok(length);
        }
        self.chunk = io::Cursor::new(self.next()?);
        self.chunk.read(into)
    }
}

/// Reads `input` on a thread of its own, which ends with it or with whoever takes the chunks.
fn read_ahead(mut input: impl Read + Send + 'static) -> io::Result<Receiver<io::Result<Vec<u8>>>> {
    let (give, chunks) = sync_channel(AHEAD);
    thread::Builder::new().spawn(move || {
        loop {
            let mut chunk = vec![0; CHUNK];
            let read = match input.read(&mut chunk) {
                Ok(0) => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(length) => {
                    chunk.truncate(length);
                    Ok(chunk)
                }
                Err(error) => Err(error),
            };
            let is_over = read.is_err();
            if give.send(read).is_err() || is_over {
                return;
            }
        }
    })?;
    Ok(chunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_gives_what_was_written_in_its_order() {
        let text: Vec<u8> = (0..600_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut stream = Stream::new(io::Cursor::new(text.clone()), Arc::default());
        let mut read = Vec::new();
        stream.read_to_end(&mut read).unwrap();
        assert!(read == text);
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "the end stays the end");
    }

    #[test]
    fn a_silent_stream_ends_when_the_user_wants_it_to() {
        let (silent, other_end) = io::pipe().unwrap();
        let interrupt = Arc::new(Interrupt::default());
        interrupt.heed(true);
        let mut stream = Stream::new(silent, Arc::clone(&interrupt));
        let asking = thread::spawn(move || interrupt.ask());
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
        assert!(asking.join().unwrap());
        drop(other_end);
    }

    #[test]
    fn a_run_ends_by_itself_where_it_heeds_and_is_asked_once() {
        let interrupt = Interrupt::default();
        assert!(!interrupt.ask(), "nobody heeds it");
        let interrupt = Interrupt::default();
        interrupt.heed(true);
        assert!(!interrupt.is_asked());
        assert!(interrupt.ask());
        assert!(interrupt.is_asked());
        assert!(!interrupt.ask(), "the second time the user means it");
    }
}
