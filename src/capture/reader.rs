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
use super::wrapper::BadWrapper;

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
    pub(super) tracker: Tracker,
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
        self.framing.feed(bytes, &mut Following { tracker: &mut self.tracker, sink })
    }

    /// Ends the reading where the file that the bytes lay in is damaged.
    pub(super) fn damaged(&mut self, bad: BadWrapper) -> Result<(), CaptureError> {
        self.framing.file.damaged(bad)
    }

    /// Ends the capture: the flows that are still open go to `sink`.
    ///
    /// # Errors
    /// An empty file, or one that is cut in its file header.
    pub fn finish(mut self, sink: &mut impl Sink) -> Result<Summary, CaptureError> {
        let ended = self.framing.finish(&mut Following { tracker: &mut self.tracker, sink })?;
        match ended {
            Ended::Log(log) => log.finish(sink),
            Ended::Capture(capture) => Ok(capture.tell(self.tracker.finish(sink))),
        }
    }
}

/// Follows the flows of a capture as its frames come.
struct Following<'a, S> {
    tracker: &'a mut Tracker,
    sink: &'a mut S,
}

impl<S: Sink> Frames for Following<'_, S> {
    fn link(&mut self, link: LinkType) {
        self.tracker.link(link);
    }

    fn frame(&mut self, frame: Frame<'_>) -> Result<(), CaptureError> {
        self.tracker.frame(frame, self.sink)
    }

    fn log(&mut self, log: &mut Log, bytes: &[u8]) {
        log.feed(bytes, self.sink);
    }
}
