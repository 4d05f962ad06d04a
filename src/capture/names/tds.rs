//! TDS: the packets of SQL Server's protocol, and the ClientHello inside its pre-login ([MS-TDS]).

use super::Shown;
use super::cursor::Cursor;
use super::first::Match;
use super::first::Place;
use super::tls::ClientHello;
use super::tls::Hello;
use super::tls::HelloReader;

/// Length of a packet header ([MS-TDS] §2.2.3.1).
const HEADER: usize = 8;
/// The longest packet that a server agrees to ([MS-TDS] §2.2.6.4).
const MOST_PACKET_BYTES: usize = 32 * 1024;

const LOGIN7: u8 = 0x10;
const PRE_LOGIN: u8 = 0x12;
/// The token that ends the options of a pre-login.
const TERMINATOR: u8 = 0xff;

/// Whether `bytes` begin with a pre-login or a login.
pub(in crate::capture) fn begins(bytes: &[u8], place: Place) -> Match {
    match bytes {
        [kind, ..] if !matches!(*kind, PRE_LOGIN | LOGIN7) => Match::No,
        [_, status, ..] if *status > 1 => Match::No,
        [kind, _, l0, l1, _, _, _, window, body @ ..] => {
            let length = usize::from(u16::from_be_bytes([*l0, *l1]));
            if !(HEADER + 1..=MOST_PACKET_BYTES).contains(&length) || *window != 0 {
                return Match::No;
            }
            let Some(body) = body.get(..length - HEADER) else {
                return if place == Place::Start { Match::Unsettled } else { Match::No };
            };
            let fits = if *kind == PRE_LOGIN { is_pre_login(body) } else { is_login(body) };
            if fits.is_some() { Match::Yes } else { Match::No }
        }
        _ => Match::Unsettled,
    }
}

/// Whether `bytes`, on the port of SQL Server and with what came before missing, are a packet of any
/// type: it ends here, goes on, or the next header follows.
pub(in crate::capture) fn continues(bytes: &[u8]) -> Match {
    let is_header = |bytes: &[u8]| match bytes {
        [kind, status, l0, l1, _, _, _, window, ..] => {
            let length = usize::from(u16::from_be_bytes([*l0, *l1]));
            let fits = matches!(*kind, 1..=4 | 6..=8 | 14 | 16..=18) && *status < 0x20;
            (fits && *window == 0 && (HEADER + 1..=MOST_PACKET_BYTES).contains(&length))
                .then_some(length)
        }
        _ => None,
    };
    match is_header(bytes).map(|length| bytes.get(length..).unwrap_or_default()) {
        Some([]) => Match::Yes,
        Some(next) if is_header(next).is_some() => Match::Yes,
        Some(_) | None => Match::No,
    }
}

/// Whether a body is a list of options of which the first is the version ([MS-TDS] §2.2.6.5).
fn is_pre_login(body: &[u8]) -> Option<()> {
    let mut cursor = Cursor(body);
    let mut expects_version = true;
    loop {
        let token = cursor.u8()?;
        if token == TERMINATOR {
            return (!expects_version).then_some(());
        }
        let offset = usize::from(cursor.u16()?);
        let length = usize::from(cursor.u16()?);
        body.get(offset..)?.get(..length)?;
        if token > 0x20 || (expects_version && (token != 0 || length != 6)) {
            return None;
        }
        expects_version = false;
    }
}

/// Whether a body is a LOGIN7: its own length, and a version of 7 ([MS-TDS] §2.2.6.4).
fn is_login(body: &[u8]) -> Option<()> {
    let mut cursor = Cursor(body);
    let length = u32::from_le_bytes(cursor.array()?);
    let [_, _, _, version] = cursor.array()?;
    let fits = usize::try_from(length).ok()? == body.len() && matches!(version, 0x70..=0x74);
    fits.then_some(())
}

/// Reads the client's direction from the pre-login to the hello inside it, or to the login.
#[derive(Debug, Default)]
pub(in crate::capture) struct LoginReader {
    header: Vec<u8>,
    /// Bytes that are left of the current packet.
    packet: usize,
    /// Whether the first packet, which holds the options, is over.
    past_options: bool,
    hello: HelloReader,
}

impl LoginReader {
    /// Bytes held back.
    pub(in crate::capture) fn held(&self) -> usize {
        self.hello.held()
    }

    /// Takes the next bytes of the stream.
    pub(in crate::capture) fn push(&mut self, bytes: &[u8]) -> Hello {
        let mut rest = bytes;
        while !rest.is_empty() {
            let left = match self.packet {
                0 => {
                    let missing = HEADER.saturating_sub(self.header.len());
                    let (taken, after) = rest.split_at(rest.len().min(missing));
                    self.header.extend_from_slice(taken);
                    rest = after;
                    let [kind, _, l0, l1, _, _, _, _] = *self.header.as_slice() else {
                        return Hello::Unsettled;
                    };
                    self.header.clear();
                    match kind {
                        PRE_LOGIN => {}
                        // The login in the clear: no hello comes before it.
                        LOGIN7 => return Hello::Client(ClientHello::named(Shown::Nothing)),
                        _ => return Hello::None,
                    }
                    let length = usize::from(u16::from_be_bytes([l0, l1]));
                    let Some(left) = length.checked_sub(HEADER) else {
                        return Hello::Unreadable;
                    };
                    left
                }
                left => left,
            };
            let (taken, after) = rest.split_at(rest.len().min(left));
            rest = after;
            self.packet = left - taken.len();
            if self.past_options && !taken.is_empty() {
                match self.hello.push(taken) {
                    Hello::Unsettled => {}
                    settled => return settled,
                }
            }
            if self.packet == 0 {
                self.past_options = true;
            }
        }
        Hello::Unsettled
    }
}
