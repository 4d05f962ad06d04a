//! From the bytes of a file to its frames: format, and what lies across two pieces.

use jiff::SignedDuration;

use super::error::CaptureError;
use super::error::Damage;
use super::error::StepsBack;
use super::error::Summary;
use super::error::Truncation;
use super::error::UnreadBlocks;
use super::file::Format;
use super::file::Frame;
use super::file::Step;
use super::file::UNTIMED;
use super::link::LinkType;
use super::log::Log;
use super::log::Sniffed;
use super::log::sniff;
use super::moment::Moment;
use super::moment::SECOND;
use super::wrapper::BadWrapper;
use super::wrapper::Wrapper;

/// Bytes that are waited for where it is not clear yet which log a file is.
const LOOKED_AT: usize = 4 * 1024;

/// How far back the time of a frame may be without a clock that was set, in nanoseconds. Packets of one
/// interface wait up to a second in a buffer (`tcpdump`) while those of others are written; twice that
/// is no waiting.
const OUT_OF_ORDER: i64 = 2 * SECOND;

/// Takes what a file holds, in its order.
pub(super) trait Frames {
    /// Takes the link type of the whole file, where the format has one.
    fn link(&mut self, link: LinkType);

    /// Takes the next frame of a capture.
    fn frame(&mut self, frame: Frame<'_>) -> Result<(), CaptureError>;

    /// Takes the reader of the log that the file is. All that follows goes to [`Frames::bytes`].
    fn log(&mut self, log: Log);

    /// Takes the next bytes of a log.
    fn bytes(&mut self, bytes: &[u8]);
}

/// What is known of a file when it has ended, besides its frames or records.
#[derive(Debug, Default)]
pub(super) struct Ended {
    truncated: Option<Truncation>,
    steps_back: Option<StepsBack>,
    unread: UnreadBlocks,
    dropped: u64,
}

impl Ended {
    /// The summary of the file, of whose frames or records `summary` tells.
    pub(super) fn tell(self, summary: Summary) -> Summary {
        let Ended { truncated, steps_back, unread, dropped } = self;
        let truncated = truncated.or(summary.truncated);
        Summary { truncated, steps_back, unread, dropped, ..summary }
    }
}

/// Takes the bytes of a file apart. It knows of no flow.
#[derive(Debug, Default)]
pub(super) struct Framing {
    pub(super) wrapper: Wrapper,
    pub(super) file: File,
}

impl Framing {
    /// Takes the next bytes of the file.
    pub(super) fn feed(&mut self, bytes: &[u8], out: &mut impl Frames) -> Result<(), CaptureError> {
        let Framing { wrapper, file } = self;
        match wrapper.feed(bytes, &mut |plain| file.feed(plain, out))? {
            Ok(()) => Ok(()),
            Err(bad) => self.file.damaged(bad),
        }
    }

    /// Ends the file.
    pub(super) fn finish(self, out: &mut impl Frames) -> Result<Ended, CaptureError> {
        let Framing { wrapper, mut file } = self;
        if let Err(bad) = wrapper.finish(&mut |plain| file.feed(plain, out))? {
            file.damaged(bad)?;
        }
        file.finish(out)
    }
}

/// The file inside its wrapper.
#[derive(Debug, Default)]
pub(super) struct File {
    /// Known once the file header is complete.
    format: Option<Format>,
    /// Whether the file is a log.
    is_log: bool,
    /// Bytes not yet taken: less than one record.
    rest: Vec<u8>,
    /// How many bytes `rest` has to have before there is more to be known.
    need: usize,
    /// The position of `rest` in the file.
    offset: u64,
    /// The record that is being passed over.
    skipping: Option<Skipped>,
    /// Set once the file can be read no further.
    truncated: Option<Truncation>,
    clock: Clock,
}

/// A record that is of no interest, and goes on in what is still to come.
#[derive(Clone, Copy, Debug)]
struct Skipped {
    begins: u64,
    length: u64,
    left: u64,
}

/// The times of the frames.
#[derive(Debug, Default)]
struct Clock {
    /// The latest since it was set back.
    latest: Option<Moment>,
    steps_back: Option<StepsBack>,
}

impl Clock {
    #[inline]
    fn pass(&mut self, at: Moment) {
        if self.latest <= Some(at) {
            self.latest = Some(at);
        } else {
            self.look_back(at);
        }
    }

    #[cold]
    fn look_back(&mut self, at: Moment) {
        let Some(latest) = self.latest else { return };
        let back = latest.since(at);
        if back <= OUT_OF_ORDER || at == UNTIMED {
            return;
        }
        self.latest = Some(at);
        // Finer than anybody sets a clock.
        let by = SignedDuration::from_millis(back / (SECOND / 1000));
        let first = StepsBack { number: 0, first: latest.timestamp(), by };
        self.steps_back.get_or_insert(first).number += 1;
    }
}

impl File {
    fn feed(&mut self, bytes: &[u8], out: &mut impl Frames) -> Result<(), CaptureError> {
        let mut bytes = bytes;
        while self.truncated.is_none() && !bytes.is_empty() {
            if self.is_log {
                out.bytes(bytes);
                self.offset += count(bytes.len());
                return Ok(());
            }
            let skipped = self.skip_over(bytes.len());
            bytes = bytes.get(skipped..).unwrap_or_default();
            if self.rest.is_empty() {
                let taken = self.take_records(bytes, out)?;
                self.rest.extend_from_slice(bytes.get(taken..).unwrap_or_default());
                return Ok(());
            }
            // Only a record that lies across two pieces is copied.
            let missing = self.need.saturating_sub(self.rest.len()).max(1).min(bytes.len());
            let (here, behind) = bytes.split_at(missing);
            bytes = behind;
            let mut rest = std::mem::take(&mut self.rest);
            rest.extend_from_slice(here);
            let taken = self.take_records(&rest, out)?;
            rest.drain(..taken.min(rest.len()));
            self.rest = rest;
        }
        Ok(())
    }

    /// Passes over what is to be skipped of so many bytes, and tells how much that is.
    fn skip_over(&mut self, bytes: usize) -> usize {
        let Some(skipping) = &mut self.skipping else { return 0 };
        let here = usize::try_from(skipping.left).unwrap_or(usize::MAX).min(bytes);
        skipping.left -= count(here);
        self.offset += count(here);
        if skipping.left == 0 {
            self.skipping = None;
        }
        here
    }

    /// Takes what is complete off the front of `bytes` and tells how much that was.
    fn take_records(&mut self, bytes: &[u8], out: &mut impl Frames) -> Result<usize, CaptureError> {
        let mut taken = 0;
        if self.format.is_none() {
            let opened = match Format::open(bytes) {
                Err(CaptureError::UnknownFormat { .. }) if self.may_be_log(bytes, false, out) => {
                    self.need = bytes.len() + LOOKED_AT;
                    return Ok(if self.is_log { bytes.len() } else { 0 });
                }
                opened => opened?,
            };
            let Some((format, header)) = opened else {
                self.need = bytes.len() + 1;
                return Ok(0);
            };
            if let Some(link) = format.link() {
                out.link(link);
            }
            self.format = Some(format);
            taken = header;
        }
        let Some(format) = &mut self.format else { return Ok(taken) };
        while let Some(rest) = bytes.get(taken..) {
            match format.step(rest) {
                Ok(Step::More { need }) => {
                    self.need = need;
                    break;
                }
                Ok(Step::Taken { length, frame }) => {
                    taken += length;
                    if let Some(frame) = frame {
                        self.clock.pass(frame.at);
                        out.frame(frame)?;
                    }
                }
                Ok(Step::Skip { length }) => {
                    let here = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
                    let (begins, left) = (self.offset + count(taken), length - count(here));
                    taken += here;
                    if left > 0 {
                        self.skipping = Some(Skipped { begins, length, left });
                        break;
                    }
                }
                Err(what) => {
                    let offset = self.offset + count(taken);
                    self.truncated = Some(Truncation { offset, what });
                    break;
                }
            }
        }
        self.offset += count(taken);
        Ok(taken)
    }

    /// Whether the file is a log, or may be one. The bytes of one that is are taken.
    fn may_be_log(&mut self, bytes: &[u8], is_all: bool, out: &mut impl Frames) -> bool {
        match sniff(bytes, is_all) {
            Sniffed::No => false,
            Sniffed::More => true,
            Sniffed::Log(log, begins) => {
                out.log(log);
                out.bytes(bytes.get(begins..).unwrap_or_default());
                self.is_log = true;
                self.offset += count(bytes.len());
                true
            }
        }
    }

    /// Ends the reading where the wrapper is damaged.
    pub(super) fn damaged(&mut self, bad: BadWrapper) -> Result<(), CaptureError> {
        let BadWrapper { wrapper, what } = bad;
        if self.format.is_none() && !self.is_log {
            return Err(CaptureError::Wrapper { wrapper, what });
        }
        let offset = self.offset;
        self.truncated
            .get_or_insert(Truncation { offset, what: Damage::Wrapper { wrapper, what } });
        Ok(())
    }

    fn finish(mut self, out: &mut impl Frames) -> Result<Ended, CaptureError> {
        if self.format.is_none() && !self.is_log && self.truncated.is_none() {
            let rest = std::mem::take(&mut self.rest);
            self.may_be_log(&rest, true, out);
            self.rest = rest;
        }
        if self.is_log {
            return Ok(Ended { truncated: self.truncated, ..Ended::default() });
        }
        let have = count(self.rest.len());
        let Some(format) = &self.format else {
            // A text that turned out to be no log.
            Format::open(&self.rest)?;
            let need = count(Format::header_length(&self.rest));
            return Err(match have {
                0 => CaptureError::Empty,
                _ => CaptureError::CutInHeader { need, have },
            });
        };
        let cut = match self.skipping {
            Some(Skipped { begins, length, left }) => Some((begins, length, length - left)),
            None if have > 0 => Some((self.offset, count(self.need), have)),
            None => None,
        };
        // The options of a section header are a part of the file header, too.
        if let Some((0, need, have)) = cut {
            return Err(match self.truncated.map(|truncation| truncation.what) {
                Some(Damage::Wrapper { wrapper, what }) => CaptureError::Wrapper { wrapper, what },
                Some(_) | None => CaptureError::CutInHeader { need, have },
            });
        }
        if let Some((offset, need, have)) = cut {
            self.truncated.get_or_insert(Truncation { offset, what: Damage::Cut { need, have } });
        }
        let (steps_back, unread) = (self.clock.steps_back, format.unread());
        Ok(Ended { truncated: self.truncated, steps_back, unread, dropped: format.dropped() })
    }
}

/// A length in memory as a length in a file; no machine has more than 64 bits.
fn count(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
