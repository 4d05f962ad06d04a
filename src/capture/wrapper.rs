//! What a file is wrapped in: nothing, gzip or Zstandard.

use std::io::Write;

use flate2::write::MultiGzDecoder;

use super::zstd;

/// What gzip files begin with (RFC 1952 §2.3.1).
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Compressed bytes are unpacked in pieces of this size: deflate yields at most 1032 times as much,
/// so that 4 MiB are held of a file made to burst its reader.
const GZIP_PIECE: usize = 4 * 1024;

/// What may be wrong with a file that could be unpacked to its end; the decoder does not tell which.
const UNSOUND: &str = "it ends early, or its checksum is that of other bytes";

/// The name of the wrapper that a file beginning so has.
pub(super) fn name(begins: [u8; 4]) -> Option<&'static str> {
    if begins.starts_with(&GZIP) {
        Some("gzip")
    } else if begins == zstd::MAGIC {
        Some("Zstandard")
    } else {
        None
    }
}

/// Takes the wrapper off a file.
#[derive(Debug)]
pub(super) enum Wrapper {
    /// Not known before two bytes were seen; the first of them, where there is one.
    Unknown(Option<u8>),
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Zstd(Box<zstd::Unpacker>),
    /// Nothing behind damage is unpacked: a decoder that has failed may be in any state.
    Damaged,
}

/// A wrapper that cannot be taken off.
#[derive(Debug)]
pub(super) struct BadWrapper {
    /// What it is called.
    pub(super) wrapper: &'static str,
    /// What is wrong with it.
    pub(super) what: String,
}

impl Default for Wrapper {
    fn default() -> Wrapper {
        Wrapper::Unknown(None)
    }
}

impl Wrapper {
    fn of(begins: [u8; 2]) -> Wrapper {
        if begins == GZIP {
            Wrapper::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))
        } else if zstd::MAGIC.starts_with(&begins) {
            Wrapper::Zstd(Box::default())
        } else {
            Wrapper::Plain
        }
    }

    /// Takes the next bytes of the file and gives `out` what is inside.
    pub(super) fn feed<E>(
        &mut self,
        bytes: &[u8],
        out: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Result<(), BadWrapper>, E> {
        let fed = self.take_off(bytes, out)?;
        if fed.is_err() {
            *self = Wrapper::Damaged;
        }
        Ok(fed)
    }

    fn take_off<E>(
        &mut self,
        bytes: &[u8],
        out: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Result<(), BadWrapper>, E> {
        match self {
            Wrapper::Damaged => {}
            Wrapper::Plain => out(bytes)?,
            Wrapper::Gzip(decoder) => {
                for piece in bytes.chunks(GZIP_PIECE) {
                    let written = decoder.write_all(piece);
                    if written.is_err() {
                        hand_over(decoder);
                    }
                    out(&std::mem::take(decoder.get_mut()))?;
                    if let Err(error) = written {
                        return Ok(Err(BadWrapper::gzip(&error)));
                    }
                }
            }
            Wrapper::Zstd(unpacker) => {
                return Ok(unpacker.push(bytes, out)?.map_err(BadWrapper::zstd));
            }
            Wrapper::Unknown(first) => match (*first, bytes) {
                (_, []) => {}
                (None, [only]) => *first = Some(*only),
                (None, [first, second, ..]) => {
                    *self = Wrapper::of([*first, *second]);
                    return self.take_off(bytes, out);
                }
                (Some(first), [second, ..]) => {
                    *self = Wrapper::of([first, *second]);
                    if let Err(bad) = self.take_off(&[first], out)? {
                        return Ok(Err(bad));
                    }
                    return self.take_off(bytes, out);
                }
            },
        }
        Ok(Ok(()))
    }

    /// Ends the file; what is left inside goes to `out`.
    pub(super) fn finish<E>(
        self,
        out: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Result<(), BadWrapper>, E> {
        match self {
            Wrapper::Plain | Wrapper::Unknown(None) | Wrapper::Damaged => Ok(Ok(())),
            Wrapper::Unknown(Some(only)) => out(&[only]).map(Ok),
            Wrapper::Gzip(mut decoder) => {
                // It hands over what it has before it fails; to write to it again would never end.
                let finished = decoder.try_finish();
                out(decoder.get_ref())?;
                let unsound = |_| BadWrapper { wrapper: "gzip", what: UNSOUND.to_owned() };
                Ok(finished.map_err(unsound))
            }
            Wrapper::Zstd(unpacker) => Ok(unpacker.finish().map_err(BadWrapper::zstd)),
        }
    }
}

impl BadWrapper {
    fn gzip(error: &std::io::Error) -> BadWrapper {
        BadWrapper { wrapper: "gzip", what: error.to_string() }
    }

    fn zstd(what: String) -> BadWrapper {
        BadWrapper { wrapper: "Zstandard", what }
    }
}

/// Has a decoder that failed hand over what it unpacked before the damage, which it keeps to itself
/// until it is written to again. Without this, how much is read of a damaged file would depend on
/// how it was cut into pieces.
fn hand_over(failed: &mut MultiGzDecoder<Vec<u8>>) {
    // It fails again, and that it is damaged is known.
    let _ = failed.write(&[0]);
}
