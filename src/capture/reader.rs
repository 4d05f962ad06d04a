//! The reader: bytes in, as they come; flows and DNS answers out, as they end.

use super::captured::Sink;
use super::error::CaptureError;
use super::error::Summary;
use super::file::Frame;
use super::framing::Ended;
use super::framing::Frames;
use super::framing::Framing;
use super::link::LinkType;
use super::log::Log;
use super::tracker::Tracker;

/// Reads one capture, pcap or pcapng, or flow log, plain or compressed with gzip or Zstandard.
///
/// It is fed the bytes of the file in order, in pieces of any size, and never holds more of them
/// than one packet, block or record. The flows do not depend on how the file was cut into pieces.
///
/// ```
/// use exeat::capture::CapturedFlow;
/// use exeat::capture::Reader;
/// use exeat::capture::Sink;
/// use exeat::evidence::DnsAnswer;
///
/// #[derive(Default)]
/// struct Count(usize);
///
/// impl Sink for Count {
///     fn flow(&mut self, _: CapturedFlow) {
///         self.0 += 1;
///     }
///     fn answer(&mut self, _: DnsAnswer) {}
/// }
///
/// // A file header for Ethernet, and no packet.
/// let file = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0";
/// let mut count = Count::default();
/// let mut reader = Reader::new();
/// for piece in file.chunks(7) {
///     reader.feed(piece, &mut count)?;
/// }
/// assert_eq!(reader.finish(&mut count)?.frames, 0);
/// assert_eq!(count.0, 0);
/// # Ok::<(), exeat::capture::CaptureError>(())
/// ```
#[derive(Debug, Default)]
pub struct Reader {
    pub(super) framing: Framing,
    pub(super) following: Following,
}

impl Reader {
    /// A reader that has seen nothing.
    pub fn new() -> Reader {
        Reader::default()
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// What is no capture, or one of a kind that is not read. Damage behind the file header is no
    /// error: it ends the reading and is reported by [`Reader::finish`].
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Result<(), CaptureError> {
        self.framing.feed(bytes, &mut Given { following: &mut self.following, sink })
    }

    /// Ends the capture: the flows that are still open go to `sink`.
    ///
    /// # Errors
    /// An empty file, or one that is cut in its file header.
    pub fn finish(mut self, sink: &mut impl Sink) -> Result<Summary, CaptureError> {
        let ended = self.framing.finish(&mut Given { following: &mut self.following, sink })?;
        self.following.finish(ended, sink)
    }
}

/// Follows what a file holds: the flows of a capture, or those of a log.
#[derive(Debug, Default)]
pub(super) struct Following {
    pub(super) tracker: Tracker,
    /// The log that the file is, if it is one.
    pub(super) log: Option<Log>,
}

impl Following {
    /// Takes the next bytes of the log.
    pub(super) fn bytes(&mut self, bytes: &[u8], sink: &mut impl Sink) {
        if let Some(log) = &mut self.log {
            log.feed(bytes, sink);
        }
    }

    /// Ends all flows of a file that `ended`.
    pub(super) fn finish(
        self,
        ended: Ended,
        sink: &mut impl Sink,
    ) -> Result<Summary, CaptureError> {
        let summary = match self.log {
            Some(log) => log.finish(sink)?,
            None => self.tracker.finish(sink),
        };
        Ok(ended.tell(summary))
    }
}

/// What a file holds, given to what follows it as it comes.
struct Given<'a, S> {
    following: &'a mut Following,
    sink: &'a mut S,
}

impl<S: Sink> Frames for Given<'_, S> {
    fn link(&mut self, link: LinkType) {
        self.following.tracker.link(link);
    }

    fn frame(&mut self, frame: Frame<'_>) -> Result<(), CaptureError> {
        self.following.tracker.frame(frame, self.sink)
    }

    fn log(&mut self, log: Log) {
        self.following.log = Some(log);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.following.bytes(bytes, self.sink);
    }
}
