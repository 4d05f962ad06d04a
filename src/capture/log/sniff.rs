//! Which kind of log a file is, by its beginning.

use memchr::memchr;

use super::Log;
use super::Shape;
use super::aws;
use super::csv;
use super::lines::Lines;
use super::objects::Objects;
use super::zeek;

/// The longest first line of a text: the columns of a table.
const MOST_FIRST_LINE: usize = 64 * 1024;
/// What a text may begin with and has no meaning (RFC 3629 §6).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// What texts of two bytes a character begin with (RFC 2781 §3.2), or an object in them.
const UTF_16: [&[u8]; 4] = [b"\xff\xfe", b"\xfe\xff", b"{\0", b"\0{"];
/// What tables of Zeek begin with.
const ZEEK: &[u8] = b"#separator ";

/// What a file begins as.
#[derive(Debug)]
pub(in crate::capture) enum Sniffed {
    /// More bytes are needed to tell.
    More,
    /// No log that is read.
    No,
    /// A log, which begins behind so many bytes.
    Log(Log, usize),
}

/// Looks at the first bytes of a file; `is_all` says that it has no more.
pub(in crate::capture) fn sniff(bytes: &[u8], is_all: bool) -> Sniffed {
    let unsure = if is_all { Sniffed::No } else { Sniffed::More };
    let foreign = |what| Sniffed::Log(Log::new(Shape::Foreign(what), 0), 0);
    if UTF_16.iter().any(|begins| bytes.starts_with(begins)) {
        return foreign(
            "the text is in UTF-16, expected UTF-8; convert it with \
             `iconv -f UTF-16 -t UTF-8 FILE`, or save it as UTF-8",
        );
    }
    if UTF_16.iter().any(|begins| begins.starts_with(bytes)) && !is_all {
        return Sniffed::More;
    }
    if bytes.len() < BYTE_ORDER_MARK.len() && BYTE_ORDER_MARK.starts_with(bytes) {
        return unsure;
    }
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let marked = bytes.len() - text.len();
    let blank = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let text = text.get(blank..).unwrap_or_default();
    let log = |shape, before: usize| Sniffed::Log(Log::new(shape, before as u64), before);
    match text.first() {
        None if blank > MOST_FIRST_LINE => Sniffed::No,
        None => unsure,
        // Blank lines are left to the log, so that it counts them.
        Some(b'{' | b'[') => log(Shape::Json(Objects::new()), marked),
        Some(b'#') => match is_zeek(text) {
            Some(true) => log(Shape::Zeek(Lines::new(false), zeek::Table::default()), marked),
            Some(false) => Sniffed::No,
            None => unsure,
        },
        Some(byte) if byte.is_ascii_graphic() => {
            let Some(line) = first_line(text, is_all) else {
                return if text.len() > MOST_FIRST_LINE { Sniffed::No } else { Sniffed::More };
            };
            let Ok(line) = str::from_utf8(line) else { return Sniffed::No };
            if aws::is_header(line) || aws::is_default(line) {
                log(Shape::Aws(Lines::new(false)), marked)
            } else if csv::is_header(line) {
                log(Shape::Csv(Lines::new(true), csv::Table::default()), marked)
            } else if csv::is_header(&line.replace(';', ",")) {
                foreign(
                    "its columns are set apart by semicolons, expected commas; export it from the \
                     portal again, or save it with commas",
                )
            } else if csv::is_header(&line.replace('\t', ",")) {
                foreign(
                    "its columns are set apart by tabs, expected commas; export it from the portal \
                     again, or save it with commas",
                )
            } else if aws::may_be_custom(line) {
                foreign(
                    "it looks like a flow log of AWS in a format of its own; put the names of its \
                     fields on the first line, such as `version srcaddr dstaddr`",
                )
            } else {
                Sniffed::No
            }
        }
        Some(_) => Sniffed::No,
    }
}

/// Whether a text that begins with a hash is a table of Zeek; `None` where its first lines do not
/// tell. Other comments may stand before the header.
fn is_zeek(text: &[u8]) -> Option<bool> {
    let start = text.get(..text.len().min(MOST_FIRST_LINE))?;
    for line in start.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(ZEEK) {
            return Some(true);
        }
        if !line.starts_with(b"#") {
            return Some(false);
        }
    }
    (text.len() > MOST_FIRST_LINE).then_some(false)
}

fn first_line(text: &[u8], is_all: bool) -> Option<&[u8]> {
    let start = text.get(..text.len().min(MOST_FIRST_LINE))?;
    match memchr(b'\n', start) {
        Some(end) => start.get(..end),
        None if is_all && text.len() <= MOST_FIRST_LINE => Some(text),
        None => None,
    }
}
