//! QUIC: the first datagram of a client (RFC 9000 §17.2.2, RFC 9001 §5).

use crate::flow::Host;
use crate::quic::InitialKeys;
use crate::quic::Version;
use crate::quic::write_varint;

use super::tls;

/// A long header of an Initial, with a packet number of four bytes.
const INITIAL: u8 = 0xc3;
const CRYPTO: u8 = 0x06;
/// The least length of a datagram with an Initial (RFC 9000 §14.1).
const DATAGRAM: usize = 1200;
/// The tag behind what is protected (RFC 9001 §5.3).
const TAG: usize = 16;
const PACKET_NUMBER: [u8; 4] = [0; 4];

/// The datagram of a client that wants `name`, if it says what it wants. `nonce` stands where a
/// client has random bytes. `None` where the hello does not fit, which none with a host name does.
pub(super) fn initial(name: Option<&Host>, nonce: u16) -> Option<Vec<u8>> {
    let hello = tls::quic_client_hello(name, nonce);
    let [high, low] = nonce.to_be_bytes();
    let destination_id = [high, low, 0, 1, 2, 3, 4, 5];
    let mut header = vec![INITIAL];
    header.extend(Version::V1.0.to_be_bytes());
    header.push(8);
    header.extend(destination_id);
    // Neither a source connection id nor a token.
    header.extend([0, 0]);
    // The length, in two bytes, and the packet number stand before what is protected.
    let room = DATAGRAM.checked_sub(header.len() + 2 + PACKET_NUMBER.len() + TAG)?;
    let length = u64::try_from(room + PACKET_NUMBER.len() + TAG).ok()?;
    write_varint(length, &mut header);
    header.extend(PACKET_NUMBER);
    let mut frames = vec![CRYPTO, 0];
    write_varint(u64::try_from(hello.len()).ok()?, &mut frames);
    frames.extend(hello);
    // Padding is frames of type 0.
    let padding = room.checked_sub(frames.len())?;
    frames.extend(std::iter::repeat_n(0, padding));
    let suite = Version::V1.suites().first()?;
    InitialKeys::client(suite, &destination_id)?.seal(&header, &frames)
}
