//! TLS: a ClientHello with a server name (RFC 8446 §4.1.2, RFC 6066 §3).

use crate::flow::Host;

use super::bytes::with_length8;
use super::bytes::with_length16;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const TLS_1_0: [u8; 2] = [3, 1];
const TLS_1_2: [u8; 2] = [3, 3];
const TLS_1_3: [u8; 2] = [3, 4];

/// Those of TLS 1.3 (RFC 8446 §B.4), then ECDHE with AES for TLS 1.2 (RFC 5289).
const CIPHER_SUITES: [u16; 7] = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030];
const CIPHER_SUITES_1_3: [u16; 3] = [0x1301, 0x1302, 0x1303];
const NO_COMPRESSION: &[u8] = &[0];

const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const EC_POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
/// Which protocols the client would speak inside (RFC 7301 §3.1); QUIC has to say it.
const PROTOCOLS: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;

/// RFC 9001 §8.2.
const TRANSPORT_PARAMETERS: u16 = 57;

const HTTP_3: &[u8] = b"h3";
/// The one parameter that a client must give: its connection id, which is empty (RFC 9000 §18.2).
const SOURCE_CONNECTION_ID: &[u8] = &[0x0f, 0];

const X25519: u16 = 0x001d;
const SECP256R1: u16 = 0x0017;
const UNCOMPRESSED: &[u8] = &[0];
/// ECDSA and RSA-PSS with SHA-256, and RSA with PKCS #1 (RFC 8446 §4.2.3).
const SIGNATURES: [u16; 3] = [0x0403, 0x0804, 0x0401];

/// Length of the random, of a session id, and of a public key for X25519.
const KEY_BYTES: u8 = 32;

/// What a ClientHello is sent over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Over {
    Tcp,
    Quic,
}

/// A record with the ClientHello of a client that wants `name`, if it says what it wants. `nonce`
/// stands where a client has random bytes.
pub(super) fn client_hello(name: Option<&Host>, nonce: u16) -> Vec<u8> {
    let message = message(name, nonce, Over::Tcp);
    [&[HANDSHAKE][..], &TLS_1_0, &with_length16(&message)].concat()
}

/// The same as QUIC has it: no record, TLS 1.3 only, and without a session id (RFC 9001 §8.4).
pub(super) fn quic_client_hello(name: Option<&Host>, nonce: u16) -> Vec<u8> {
    message(name, nonce, Over::Quic)
}

fn message(name: Option<&Host>, nonce: u16, over: Over) -> Vec<u8> {
    let [high, low] = nonce.to_be_bytes();
    let filled =
        |purpose: u8| -> Vec<u8> { [high, low, purpose].into_iter().chain(3..KEY_BYTES).collect() };
    let (session, suites, versions) = match over {
        Over::Tcp => (filled(1), &CIPHER_SUITES[..], [TLS_1_3, TLS_1_2].concat()),
        Over::Quic => (Vec::new(), &CIPHER_SUITES_1_3[..], TLS_1_3.to_vec()),
    };
    let mut body = TLS_1_2.to_vec();
    body.extend(filled(0));
    body.extend(with_length8(&session));
    body.extend(with_length16(&numbers(suites)));
    body.extend(with_length8(NO_COMPRESSION));
    let mut extensions = Vec::new();
    if let Some(name) = name {
        let entry = [&[HOST_NAME][..], &with_length16(bare(name).as_bytes())].concat();
        extensions.extend(extension(SERVER_NAME, &with_length16(&entry)));
    }
    let groups = with_length16(&numbers(&[X25519, SECP256R1]));
    extensions.extend(extension(SUPPORTED_GROUPS, &groups));
    if over == Over::Tcp {
        extensions.extend(extension(EC_POINT_FORMATS, &with_length8(UNCOMPRESSED)));
    }
    extensions.extend(extension(SIGNATURE_ALGORITHMS, &with_length16(&numbers(&SIGNATURES))));
    extensions.extend(extension(SUPPORTED_VERSIONS, &with_length8(&versions)));
    let share = [&X25519.to_be_bytes()[..], &with_length16(&filled(2))].concat();
    extensions.extend(extension(KEY_SHARE, &with_length16(&share)));
    if over == Over::Quic {
        extensions.extend(extension(PROTOCOLS, &with_length16(&with_length8(HTTP_3))));
        extensions.extend(extension(TRANSPORT_PARAMETERS, SOURCE_CONNECTION_ID));
    }
    body.extend(with_length16(&extensions));
    // The length of a message has three bytes, of which the first is 0 here.
    [&[CLIENT_HELLO, 0][..], &with_length16(&body)].concat()
}

/// The host without the brackets that an address has elsewhere.
fn bare(host: &Host) -> String {
    match host {
        Host::Address(address) => address.to_string(),
        Host::Name(name) => name.to_string(),
    }
}

fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &with_length16(value)].concat()
}

fn numbers(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}
