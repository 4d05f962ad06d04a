//! DNS messages (RFC 1035 §4): a question for the addresses of a name, and its answer.

use std::net::IpAddr;

use crate::flow::Fqdn;

use super::bytes::with_length8;
use super::bytes::with_length16;

const A: u16 = 1;
const AAAA: u16 = 28;
const INTERNET: u16 = 1;
/// A query that asks for recursion, and the answer of a server that gives it.
const QUERY: u16 = 0x0100;
const ANSWER: u16 = 0x8180;
/// Where the name of the question lies, as a pointer (RFC 1035 §4.1.4).
const NAME_OF_QUESTION: u16 = 0xc00c;
/// How long the answer holds, in seconds: for what comes right after it.
const TTL: u32 = 300;
/// A name that nobody has (RFC 6761 §6.4).
const NOBODYS: [&str; 2] = ["exeat", "invalid"];

/// The question for addresses of `name` of the family of `address`.
pub(super) fn query(id: u16, name: &Fqdn, address: IpAddr) -> Vec<u8> {
    message(id, QUERY, 0, &question(name.labels(), kind(address)))
}

/// The answer to it: `address`.
pub(super) fn answer(id: u16, name: &Fqdn, address: IpAddr) -> Vec<u8> {
    let mut body = question(name.labels(), kind(address));
    for part in [NAME_OF_QUESTION, kind(address), INTERNET] {
        body.extend(part.to_be_bytes());
    }
    body.extend(TTL.to_be_bytes());
    body.extend(match address {
        IpAddr::V4(v4) => with_length16(&v4.octets()),
        IpAddr::V6(v6) => with_length16(&v6.octets()),
    });
    message(id, ANSWER, 1, &body)
}

/// A question that stands for any.
pub(super) fn some_query(id: u16) -> Vec<u8> {
    message(id, QUERY, 0, &question(NOBODYS.into_iter(), A))
}

fn kind(address: IpAddr) -> u16 {
    if address.is_ipv4() { A } else { AAAA }
}

fn question<'a>(labels: impl Iterator<Item = &'a str>, kind: u16) -> Vec<u8> {
    let mut question: Vec<u8> =
        labels.flat_map(|label| with_length8(label.as_bytes())).chain([0]).collect();
    question.extend(kind.to_be_bytes());
    question.extend(INTERNET.to_be_bytes());
    question
}

fn message(id: u16, flags: u16, answers: u16, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    for part in [id, flags, 1, answers, 0, 0] {
        message.extend(part.to_be_bytes());
    }
    message.extend(body);
    message
}
