//! Zstandard (RFC 8878), undone block by block as bytes come.
//!
//! The decoder is a library's, which pulls from a reader and unpacks what it finds at once. Here it
//! is given no more than one block at a time, of at most 128 KiB unpacked, so that a file made to
//! burst its reader does not.

use ruzstd::decoding::BlockDecodingStrategy;
use ruzstd::decoding::FrameDecoder;
use ruzstd::decoding::errors::FrameDecoderError;

/// What files begin with (RFC 8878 §3.1.1).
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const BLOCK_HEADER: usize = 3;
/// The longest block, packed or not (RFC 8878 §3.1.1.2).
const MOST_BLOCK_BYTES: usize = 128 * 1024;
/// The largest window that a frame may ask for: that of level 20, the highest without a warning. The
/// decoder holds up to twice as much.
const MOST_WINDOW: u64 = 32 << 20;
const CHECKSUM: usize = 4;

/// What comes next in the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    /// A frame, or one that is to be skipped.
    Frame,
    /// A block; whether a checksum follows the last one.
    Block { checksum: bool },
    /// So many bytes that are of no interest.
    Skipped(usize),
}

/// Unpacks a file.
pub(super) struct Unpacker {
    decoder: FrameDecoder,
    next: Next,
    /// Whether a frame has just ended.
    has_ended: bool,
    held: Vec<u8>,
    /// How many bytes `held` has to have before there is more to be known.
    need: usize,
}

/// What became of the bytes at hand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// Some were taken.
    Taken,
    /// So many are needed.
    More(usize),
}

impl std::fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Unpacker").field("next", &self.next).finish_non_exhaustive()
    }
}

impl Default for Unpacker {
    fn default() -> Unpacker {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MOST_WINDOW);
        Unpacker { decoder, next: Next::Frame, has_ended: false, held: Vec::new(), need: 0 }
    }
}

impl Unpacker {
    /// Takes the next bytes of the file and gives `out` what they unpack to, piece by piece. What is
    /// left of them is an unfinished block.
    pub(super) fn push<E>(
        &mut self,
        bytes: &[u8],
        mut out: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Result<(), String>, E> {
        self.held.extend_from_slice(bytes);
        if self.held.len() < self.need {
            return Ok(Ok(()));
        }
        let mut held = std::mem::take(&mut self.held);
        let mut rest = held.as_slice();
        loop {
            match self.step(&mut rest) {
                Ok(Step::Taken) => {}
                Ok(Step::More(need)) => {
                    self.need = need;
                    break;
                }
                Err(what) => return Ok(Err(what)),
            }
            if let Some(unpacked) = self.decoder.collect().filter(|bytes| !bytes.is_empty()) {
                out(&unpacked)?;
            }
            // What was handed over is what the checksum is of.
            if std::mem::take(&mut self.has_ended) && !self.is_sound() {
                return Ok(Err("its checksum is that of other bytes".to_owned()));
            }
        }
        let taken = held.len() - rest.len();
        held.drain(..taken);
        self.held = held;
        Ok(Ok(()))
    }

    /// Tells whether the file ends where it may.
    pub(super) fn finish(&self) -> Result<(), String> {
        match self.next {
            Next::Frame if self.held.is_empty() => Ok(()),
            Next::Frame | Next::Block { .. } | Next::Skipped(_) => {
                Err("it ends inside a frame".to_owned())
            }
        }
    }

    /// Takes what comes next off the front of `rest`.
    fn step(&mut self, rest: &mut &[u8]) -> Result<Step, String> {
        match self.next {
            Next::Skipped(0) => self.next = Next::Frame,
            Next::Skipped(_) if rest.is_empty() => return Ok(Step::More(1)),
            Next::Skipped(length) => {
                let here = length.min(rest.len());
                *rest = rest.get(here..).unwrap_or_default();
                self.next = Next::Skipped(length - here);
            }
            Next::Frame => return self.frame(rest),
            Next::Block { checksum } => return self.block(rest, checksum),
        }
        Ok(Step::Taken)
    }

    fn frame(&mut self, rest: &mut &[u8]) -> Result<Step, String> {
        let Some([first, b, c, d, l0, l1, l2, l3]) = rest.first_chunk::<8>() else {
            return Ok(Step::More(8));
        };
        // RFC 8878 §3.1.2.
        if matches!([*first, *b, *c, *d], [0x50..=0x5f, 0x2a, 0x4d, 0x18]) {
            let length = u32::from_le_bytes([*l0, *l1, *l2, *l3]);
            *rest = rest.get(8..).unwrap_or_default();
            self.next = Next::Skipped(usize::try_from(length).unwrap_or(usize::MAX));
            return Ok(Step::Taken);
        }
        let header = frame_header_bytes(*l0);
        if rest.len() < header {
            return Ok(Step::More(header));
        }
        self.decoder.reset(&mut *rest).map_err(|error| refused(&error))?;
        self.next = Next::Block { checksum: l0 & 0x04 != 0 };
        Ok(Step::Taken)
    }

    fn block(&mut self, rest: &mut &[u8], checksum: bool) -> Result<Step, String> {
        let Some([b0, b1, b2]) = rest.first_chunk::<BLOCK_HEADER>() else {
            return Ok(Step::More(BLOCK_HEADER));
        };
        let header = u32::from_le_bytes([*b0, *b1, *b2, 0]);
        let is_last = header & 1 == 1;
        let length = usize::try_from(header >> 3).unwrap_or(usize::MAX);
        if length > MOST_BLOCK_BYTES {
            return Err(format!(
                "a block claims {length} bytes, more than the {MOST_BLOCK_BYTES} of the longest one"
            ));
        }
        // A block of one byte that is repeated holds that byte.
        let content = if header >> 1 & 3 == 1 { 1 } else { length };
        let behind = if is_last && checksum { CHECKSUM } else { 0 };
        let whole = BLOCK_HEADER + content + behind;
        let Some((mut block, following)) = rest.split_at_checked(whole) else {
            return Ok(Step::More(whole));
        };
        let one = BlockDecodingStrategy::UptoBlocks(1);
        self.decoder.decode_blocks(&mut block, one).map_err(|error| error.to_string())?;
        *rest = following;
        if is_last {
            self.next = Next::Frame;
            self.has_ended = true;
        }
        Ok(Step::Taken)
    }

    /// Whether the frame that has ended has the checksum that it says, if it says one.
    fn is_sound(&self) -> bool {
        let written = self.decoder.get_checksum_from_data();
        written.is_none() || written == self.decoder.get_calculated_checksum()
    }
}

/// Why a frame is not begun.
fn refused(error: &FrameDecoderError) -> String {
    match error {
        FrameDecoderError::WindowSizeTooBig { requested, max } => format!(
            "it asks for a window of {requested} bytes, more than the {max} that are held; \
             compress it anew without `--long` and `--ultra`"
        ),
        other => other.to_string(),
    }
}

/// Bytes of a frame header whose descriptor is `descriptor` (RFC 8878 §3.1.1.1).
fn frame_header_bytes(descriptor: u8) -> usize {
    let is_single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied().unwrap_or(4);
    let content = match (descriptor >> 6, is_single) {
        (0, false) => 0,
        (0, true) => 1,
        (1, _) => 2,
        (2, _) => 4,
        _ => 8,
    };
    MAGIC.len() + 1 + usize::from(!is_single) + dictionary + content
}
