//! TDS: a pre-login from both ends, as before the TLS inside it ([MS-TDS] §2.2.6.5).

const PRE_LOGIN: u8 = 0x12;
/// The type of what a server sends.
const RESPONSE: u8 = 0x04;
const END_OF_MESSAGE: u8 = 1;
/// Length of a packet header ([MS-TDS] §2.2.3.1).
const HEADER: usize = 8;

const VERSION: u8 = 0;
const ENCRYPTION: u8 = 1;
const TERMINATOR: u8 = 0xff;
/// SQL Server 2012 and what followed it speak TDS 7.4.
const SQL_SERVER_2012: [u8; 6] = [11, 0, 0, 0, 0, 0];
/// `ENCRYPT_ON`: the hello of TLS comes next.
const ENCRYPTED: [u8; 1] = [1];
/// Length of an option's token, offset and length.
const OPTION: usize = 5;

/// What the client sends first.
pub(super) fn pre_login() -> Vec<u8> {
    packet(PRE_LOGIN, &options())
}

/// What the server answers.
pub(super) fn pre_login_response() -> Vec<u8> {
    packet(RESPONSE, &options())
}

/// TLS records of the client, as they travel until the session is encrypted.
pub(super) fn wrapped(records: &[u8]) -> Vec<u8> {
    packet(PRE_LOGIN, records)
}

fn options() -> Vec<u8> {
    let offered: [(u8, &[u8]); 2] = [(VERSION, &SQL_SERVER_2012), (ENCRYPTION, &ENCRYPTED)];
    let mut at = offered.len() * OPTION + 1;
    let mut list = Vec::new();
    let mut values: Vec<u8> = Vec::new();
    for (token, value) in offered {
        list.push(token);
        list.extend(length(at));
        list.extend(length(value.len()));
        values.extend(value);
        at += value.len();
    }
    list.push(TERMINATOR);
    list.extend(values);
    list
}

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let [l0, l1] = length(HEADER + body.len());
    [&[kind, END_OF_MESSAGE, l0, l1, 0, 0, 1, 0][..], body].concat()
}

/// Lengths here are of hellos, which are far below 64 KiB.
fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes()
}
