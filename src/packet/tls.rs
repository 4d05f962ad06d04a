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
const NO_COMPRESSION: &[u8] = &[0];

const SERVER_NAME: u16 = 0;
const HOST_NAME: u8 = 0;
const SUPPORTED_GROUPS: u16 = 10;
const EC_POINT_FORMATS: u16 = 11;
const SIGNATURE_ALGORITHMS: u16 = 13;
const SUPPORTED_VERSIONS: u16 = 43;
const KEY_SHARE: u16 = 51;

const X25519: u16 = 0x001d;
const SECP256R1: u16 = 0x0017;
const UNCOMPRESSED: &[u8] = &[0];
/// ECDSA and RSA-PSS with SHA-256, and RSA with PKCS #1 (RFC 8446 §4.2.3).
const SIGNATURES: [u16; 3] = [0x0403, 0x0804, 0x0401];

/// Length of the random, of a session id, and of a public key for X25519.
const KEY_BYTES: u8 = 32;

/// A record with the ClientHello of a client that wants `name`, if it says what it wants. `nonce`
/// stands where a client has random bytes.
pub(super) fn client_hello(name: Option<&Host>, nonce: u16) -> Vec<u8> {
    let [high, low] = nonce.to_be_bytes();
    let filled =
        |purpose: u8| -> Vec<u8> { [high, low, purpose].into_iter().chain(3..KEY_BYTES).collect() };
    let mut body = TLS_1_2.to_vec();
    body.extend(filled(0));
    body.extend(with_length8(&filled(1)));
    body.extend(with_length16(&numbers(&CIPHER_SUITES)));
    body.extend(with_length8(NO_COMPRESSION));
    let mut extensions = Vec::new();
    if let Some(name) = name {
        let entry = [&[HOST_NAME][..], &with_length16(bare(name).as_bytes())].concat();
        extensions.extend(extension(SERVER_NAME, &with_length16(&entry)));
    }
    let groups = with_length16(&numbers(&[X25519, SECP256R1]));
    extensions.extend(extension(SUPPORTED_GROUPS, &groups));
    extensions.extend(extension(EC_POINT_FORMATS, &with_length8(UNCOMPRESSED)));
    extensions.extend(extension(SIGNATURE_ALGORITHMS, &with_length16(&numbers(&SIGNATURES))));
    let versions = with_length8(&[TLS_1_3, TLS_1_2].concat());
    extensions.extend(extension(SUPPORTED_VERSIONS, &versions));
    let share = [&X25519.to_be_bytes()[..], &with_length16(&filled(2))].concat();
    extensions.extend(extension(KEY_SHARE, &with_length16(&share)));
    body.extend(with_length16(&extensions));
    // The length of a message has three bytes, of which the first is 0 here.
    let message = [&[CLIENT_HELLO, 0][..], &with_length16(&body)].concat();
    [&[HANDSHAKE][..], &TLS_1_0, &with_length16(&message)].concat()
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
