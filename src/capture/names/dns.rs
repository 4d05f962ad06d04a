//! DNS messages (RFC 1035 §4): what a response says, and whether bytes are a message at all.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use crate::evidence::DnsRecord;
use crate::evidence::RecordType;
use crate::evidence::ResponseCode;
use crate::flow::Fqdn;

use super::cursor::Cursor;
use super::first::Match;
use super::first::Place;
use super::hints::Hints;

const HEADER: usize = 12;
const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
const ANY: u16 = 255;
const INTERNET: u16 = 1;
/// The longest name on the wire (RFC 1035 §2.3.4).
const MOST_NAME_BYTES: usize = 255;

/// What tells one question between two ends from another (RFC 5452 §9.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::capture) struct QuestionKey {
    id: u16,
    pub(in crate::capture) name: Fqdn,
    kind: u16,
}

impl QuestionKey {
    /// The type of record that was asked for, where it is one of addresses.
    pub(in crate::capture) fn asked(&self) -> Option<RecordType> {
        match self.kind {
            A => Some(RecordType::A),
            AAAA => Some(RecordType::Aaaa),
            _ => None,
        }
    }

    /// Whether an answer can tell an address of the name.
    pub(in crate::capture) fn is_about_addresses(&self) -> bool {
        matches!(self.kind, A | AAAA | SVCB | HTTPS | ANY)
    }
}

/// A response, as far as it leads from names to addresses.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::capture) struct Response {
    pub(in crate::capture) question: QuestionKey,
    pub(in crate::capture) code: ResponseCode,
    pub(in crate::capture) records: Vec<DnsRecord>,
    /// Addresses that it tells beside an answer, each of a name.
    pub(in crate::capture) hints: Vec<(Fqdn, IpAddr)>,
    /// Whether the records have all addresses that the server told of the name.
    pub(in crate::capture) is_whole: bool,
}

/// Whether a datagram to or from port 53 is a message: its header is one whatever became of the
/// names behind it, or its first question can be read whatever became of the header.
pub(in crate::capture) fn is_message(bytes: &[u8]) -> bool {
    Header::parse(bytes).is_some_and(|header| {
        // The operations that are assigned (RFC 6895 §2.2), and no more than one question
        // (RFC 9619).
        let is_plain = header.flags & RESERVED == 0
            && matches!((header.flags & OPCODE) >> 11, 0..=2 | 4..=6)
            && header.questions <= 1;
        is_plain || question(bytes, &mut after_header(bytes)).is_some()
    })
}

/// Whether a datagram on any port is a message beyond doubt: one question, every record whole and
/// of the Internet class, and nothing behind the last.
pub(in crate::capture) fn is_message_beyond_doubt(bytes: &[u8]) -> bool {
    is_strict(bytes).is_some()
}

fn is_strict(bytes: &[u8]) -> Option<()> {
    let header = Header::parse(bytes)?;
    let plain = header.flags & (OPCODE | RESERVED) == 0 && header.questions == 1;
    let answered = header.flags & RESPONSE != 0;
    if !plain || (!answered && (header.answers > 0 || header.authorities > 0)) {
        return None;
    }
    let mut cursor = after_header(bytes);
    let asked = question(bytes, &mut cursor)?;
    if asked.class != INTERNET || asked.name.is_none() || asked.kind == 0 {
        return None;
    }
    let records =
        usize::from(header.answers) + usize::from(header.authorities) + usize::from(header.others);
    for _ in 0..records {
        record(bytes, &mut cursor)?;
    }
    cursor.is_empty().then_some(())
}

/// Whether `bytes` begin with the length of a message and the message (RFC 1035 §4.2.2).
pub(in crate::capture) fn begins_stream(bytes: &[u8], place: Place) -> Match {
    let Some(([l0, l1], message)) = bytes.split_first_chunk::<2>() else {
        return Match::Unsettled;
    };
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    if length < HEADER {
        return Match::No;
    }
    match (message.get(..length), place) {
        (Some(message), _) if is_message(message) => Match::Yes,
        (None, Place::Start) if message.len() < HEADER => Match::Unsettled,
        (None, Place::Start) if is_message(message) => Match::Yes,
        (Some(_) | None, Place::Start | Place::Middle) => Match::No,
    }
}

/// Whether the message is a response, by its header.
pub(in crate::capture) fn is_response(bytes: &[u8]) -> bool {
    Header::parse(bytes).is_some_and(|header| header.flags & RESPONSE != 0)
}

/// Reads a question; `None` where the bytes are a response, damaged, or no answer would tell an
/// address of a host name.
pub(in crate::capture) fn query(bytes: &[u8]) -> Option<QuestionKey> {
    let header = Header::parse(bytes)?;
    if header.flags & (RESPONSE | OPCODE) != 0 || header.questions != 1 {
        return None;
    }
    let asked = question(bytes, &mut after_header(bytes)).filter(Question::is_of_internet)?;
    let key = QuestionKey { id: header.id, name: asked.name?, kind: asked.kind };
    key.is_about_addresses().then_some(key)
}

/// Reads a response; `None` where the bytes are a query, damaged, or about what is no host name.
///
/// Records behind damage in the answer section are left out, as are those that the server left out
/// (TC, RFC 1035 §4.1.1), and one of [`DnsRecord::Lost`] stands for them.
pub(in crate::capture) fn response(bytes: &[u8]) -> Option<Response> {
    let header = Header::parse(bytes)?;
    if header.flags & RESPONSE == 0 || header.flags & OPCODE != 0 || header.questions == 0 {
        return None;
    }
    let mut cursor = after_header(bytes);
    let asked = question(bytes, &mut cursor).filter(Question::is_of_internet)?;
    for _ in 1..header.questions {
        question(bytes, &mut cursor)?;
    }
    let question = QuestionKey { id: header.id, name: asked.name?, kind: asked.kind };
    let mut records = Vec::new();
    let mut hints = Hints::new();
    for _ in 0..header.answers {
        let Some(record) = record(bytes, &mut cursor) else {
            records.push(DnsRecord::Lost);
            break;
        };
        match record.leads_on(bytes) {
            Some(record) if question.asked().is_none() => hints.record(record),
            Some(record) => records.push(record),
            None if matches!(record.kind, SVCB | HTTPS) => hints.service(bytes, &record),
            None => {}
        }
    }
    if header.flags & TRUNCATED != 0 && records.last() != Some(&DnsRecord::Lost) {
        records.push(DnsRecord::Lost);
    }
    let is_cut = records.last() == Some(&DnsRecord::Lost);
    let behind = if is_cut { None } else { additional(bytes, cursor, &header, &mut hints) };
    if behind.is_none() {
        // What stands beside a whole answer about addresses is seldom more than options.
        if question.asked().is_none() {
            hints.lose();
        }
    }
    // Without the options an error looks like an answer that has nothing.
    let has_address = |record: &DnsRecord| matches!(record, DnsRecord::Address { .. });
    if behind.is_none() && !is_cut && header.others > 0 && !records.iter().any(has_address) {
        records.push(DnsRecord::Lost);
    }
    let upper_bits = u16::from(behind.unwrap_or(0)) << CODE.count_ones();
    let code = ResponseCode(upper_bits | header.flags & CODE);
    let (mut hints, is_whole) = hints.finish(&records);
    if code != ResponseCode::NO_ERROR {
        hints.clear();
    }
    let is_whole = is_whole || !question.is_about_addresses();
    Some(Response { question, code, records, hints, is_whole })
}

/// Reads the records behind those of the answer, adds the addresses among the additional ones, and gives
/// the upper bits of the response code (RFC 6891 §6.1.3); `None` where they are damaged.
fn additional<'a>(
    bytes: &'a [u8],
    mut cursor: Cursor<'a>,
    header: &Header,
    hints: &mut Hints,
) -> Option<u8> {
    let mut upper_bits = 0;
    if header.others == 0 {
        return Some(upper_bits);
    }
    // Most responses have no more than this.
    if let (1, Some(options)) = (header.others, cursor.0.strip_prefix(OPTIONS)) {
        return options.get(size_of::<u16>()).copied();
    }
    for _ in 0..header.authorities {
        record(bytes, &mut cursor)?;
    }
    for _ in 0..header.others {
        let record = record(bytes, &mut cursor)?;
        if record.kind == OPT {
            [upper_bits, ..] = record.ttl.to_be_bytes();
        } else if let Some(address @ DnsRecord::Address { .. }) = record.leads_on(bytes) {
            hints.record(address);
        }
    }
    Some(upper_bits)
}

/// The type of the record of options, and how it begins: it is no record of the root
/// (RFC 6891 §6.1.2). Behind that stand a size and, in the place of a TTL, the upper bits of the
/// response code.
const OPT: u16 = 41;
const OPTIONS: &[u8] = &[0, 0, 41];

const RESPONSE: u16 = 0x8000;
const TRUNCATED: u16 = 0x0200;
const OPCODE: u16 = 0x7800;
const RESERVED: u16 = 0x0040;
const CODE: u16 = 0x000f;

struct Header {
    id: u16,
    flags: u16,
    questions: u16,
    answers: u16,
    authorities: u16,
    others: u16,
}

impl Header {
    fn parse(bytes: &[u8]) -> Option<Header> {
        let mut cursor = Cursor(bytes);
        let (id, flags) = (cursor.u16()?, cursor.u16()?);
        let questions = cursor.u16()?;
        let (answers, authorities, others) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
        Some(Header { id, flags, questions, answers, authorities, others })
    }
}

fn after_header(bytes: &[u8]) -> Cursor<'_> {
    Cursor(bytes.get(HEADER..).unwrap_or_default())
}

struct Question {
    /// `None` where it is no host name, such as the root.
    name: Option<Fqdn>,
    kind: u16,
    class: u16,
}

impl Question {
    fn is_of_internet(&self) -> bool {
        self.class == INTERNET
    }
}

fn question<'a>(message: &'a [u8], cursor: &mut Cursor<'a>) -> Option<Question> {
    let name = name(message, cursor)?;
    Some(Question { name: name.fqdn(), kind: cursor.u16()?, class: cursor.u16()? })
}

pub(super) struct Record<'a> {
    owner: Name<'a>,
    kind: u16,
    class: u16,
    ttl: u32,
    pub(super) data: &'a [u8],
}

fn record<'a>(message: &'a [u8], cursor: &mut Cursor<'a>) -> Option<Record<'a>> {
    let owner = name(message, cursor)?;
    let (kind, class, ttl) = (cursor.u16()?, cursor.u16()?, cursor.u32()?);
    let length = cursor.u16()?;
    let data = cursor.take(length.into())?;
    Some(Record { owner, kind, class, ttl, data })
}

impl<'a> Record<'a> {
    /// The name that it is about; `None` where that is no host name, or not of the internet.
    pub(super) fn owner(&self) -> Option<Fqdn> {
        if self.class == INTERNET { self.owner.fqdn() } else { None }
    }

    /// The record, where it leads from its owner to an alias or address.
    fn leads_on(&self, message: &'a [u8]) -> Option<DnsRecord> {
        if self.class != INTERNET {
            return None;
        }
        let owner = self.owner.fqdn()?;
        let ttl = self.ttl;
        match self.kind {
            A => {
                let address = IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(self.data).ok()?));
                Some(DnsRecord::Address { owner, address, ttl })
            }
            AAAA => {
                let address = IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(self.data).ok()?));
                Some(DnsRecord::Address { owner, address, ttl })
            }
            CNAME => {
                let target = name(message, &mut Cursor(self.data))?.fqdn()?;
                Some(DnsRecord::Alias { owner, target, ttl })
            }
            _ => None,
        }
    }
}

/// A name that a message has at some place; labels may hold any byte.
#[derive(Clone, Copy)]
pub(super) struct Name<'a> {
    message: &'a [u8],
    at: Cursor<'a>,
}

impl Name<'_> {
    /// The name, where it is a host name.
    pub(super) fn fqdn(&self) -> Option<Fqdn> {
        let mut text = [0; MOST_NAME_BYTES];
        let mut end = 0;
        labels(self.message, self.at, |label| {
            // It would be read as two labels; no host name has one.
            if label.contains(&b'.') {
                return None;
            }
            let (place, dot) = text.get_mut(end..=end + label.len())?.split_at_mut(label.len());
            place.copy_from_slice(label);
            dot.fill(b'.');
            end += label.len() + 1;
            Some(())
        })?;
        str::from_utf8(text.get(..end)?).ok().filter(|text| text.is_ascii())?.parse().ok()
    }
}

/// Reads a name, which may end in a pointer to an earlier one (RFC 1035 §4.1.4).
pub(super) fn name<'a>(message: &'a [u8], cursor: &mut Cursor<'a>) -> Option<Name<'a>> {
    let name = Name { message, at: *cursor };
    let mut length = 0;
    *cursor = labels(message, *cursor, |label| {
        length += label.len() + 1;
        (length <= MOST_NAME_BYTES).then_some(())
    })?;
    Some(name)
}

/// Gives each label of the name that begins at `here`, until `each` wants no more; what stands behind
/// the name.
fn labels<'a>(
    message: &'a [u8],
    here: Cursor<'a>,
    mut each: impl FnMut(&'a [u8]) -> Option<()>,
) -> Option<Cursor<'a>> {
    let mut here = here;
    let mut behind = None;
    // Pointers must lead backwards, so that following them ends, and soon: a name has no more
    // labels than this, and no sender needs a pointer to a pointer.
    let mut limit = message.len();
    for _ in 0..=MOST_NAME_BYTES {
        let length = here.u8()?;
        match length {
            0 => return Some(behind.unwrap_or(here)),
            1..=63 => each(here.take(length.into())?)?,
            0xc0.. => {
                let low = here.u8()?;
                behind.get_or_insert(here);
                let target = usize::from(u16::from_be_bytes([length & 0x3f, low]));
                if target >= limit {
                    return None;
                }
                limit = target;
                here = Cursor(message.get(target..)?);
            }
            64..0xc0 => return None,
        }
    }
    None
}

/// Takes messages out of a stream in which each has its length before it.
#[derive(Debug, Default)]
pub(in crate::capture) struct StreamReader {
    held: Vec<u8>,
}

impl StreamReader {
    /// Bytes held back: less than one message.
    pub(in crate::capture) fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes the next bytes of the stream and gives each message that they complete to `seen`.
    pub(in crate::capture) fn push(&mut self, bytes: &[u8], mut seen: impl FnMut(&[u8])) {
        self.held.extend_from_slice(bytes);
        let mut cursor = Cursor(&self.held);
        let mut rest = cursor;
        while let Some(message) = cursor.vector16() {
            seen(message.0);
            rest = cursor;
        }
        let taken = self.held.len() - rest.0.len();
        self.held.drain(..taken);
    }
}
