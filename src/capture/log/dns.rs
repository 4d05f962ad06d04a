//! DNS answers as logs write them.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::flow;
use crate::evidence::DnsAnswer;
use crate::evidence::DnsRecord;
use crate::evidence::RecordType;
use crate::evidence::ResponseCode;
use crate::evidence::Solicited;
use crate::flow::Fqdn;

/// Stands for a server that a log does not say. No firewall has this address, so that nothing is
/// taken for the firewall's own answer.
pub(super) const UNKNOWN_SERVER: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The longest chain of records that is kept of one answer.
const MOST_RECORDS: usize = 256;

/// The records that lead from a name to what answers hold, in their order: names are aliases of what
/// stands before them, and addresses are of the last name.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    owner: Fqdn,
    records: Vec<DnsRecord>,
}

impl Chain {
    pub(super) fn new(question: &Fqdn) -> Chain {
        Chain { owner: question.clone(), records: Vec::new() }
    }

    /// Takes the next answer. What is neither address nor name, such as the text of a TXT record,
    /// says nothing.
    pub(super) fn push(&mut self, answer: &str, ttl: u32) {
        if self.records.len() >= MOST_RECORDS {
            if self.records.last() != Some(&DnsRecord::Lost) {
                self.records.push(DnsRecord::Lost);
            }
            return;
        }
        if let Some(address) = flow::address(answer) {
            let owner = self.owner.clone();
            self.records.push(DnsRecord::Address { owner, address, ttl });
        } else if let Some(target) = name(answer) {
            let owner = std::mem::replace(&mut self.owner, target.clone());
            self.records.push(DnsRecord::Alias { owner, target, ttl });
        }
    }

    pub(super) fn into_records(self) -> Vec<DnsRecord> {
        self.records
    }
}

/// An answer, where question and type say something of addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) at: Timestamp,
    pub(super) client: IpAddr,
    pub(super) server: IpAddr,
    pub(super) question: &'a str,
    /// `A` or `AAAA`; other types are no evidence of addresses.
    pub(super) kind: &'a str,
    pub(super) code: ResponseCode,
}

impl Asked<'_> {
    /// The answer with the records that `fill` adds; `None` where it is no evidence.
    pub(super) fn answered(self, fill: impl FnOnce(&Fqdn) -> Vec<DnsRecord>) -> Option<DnsAnswer> {
        let question = name(self.question)?;
        let asked = record_type(self.kind)?;
        let records = fill(&question);
        Some(DnsAnswer {
            at: self.at,
            client: self.client,
            server: self.server,
            solicited: Solicited::Unsaid,
            question,
            asked,
            code: self.code,
            records,
        })
    }
}

/// A name as DNS has it, in lower case and without the final dot.
pub(super) fn name(text: &str) -> Option<Fqdn> {
    flow::host(text)?.name().cloned()
}

/// A TTL in seconds; logs write it as a number with a fraction, too.
pub(super) fn ttl(text: &str) -> u32 {
    let whole = text.split('.').next().unwrap_or_default();
    whole.parse().unwrap_or(if whole.is_empty() || whole.starts_with('-') { 0 } else { u32::MAX })
}

fn record_type(text: &str) -> Option<RecordType> {
    match text.trim() {
        "A" | "1" => Some(RecordType::A),
        "AAAA" | "28" => Some(RecordType::Aaaa),
        _ => None,
    }
}

/// A response code by its number or name (IANA "DNS RCODEs").
pub(super) fn code(text: &str) -> Option<ResponseCode> {
    const NAMES: [&str; 11] = [
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
        "NXRRSET", "NOTAUTH", "NOTZONE",
    ];
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(ResponseCode(number));
    }
    let place = NAMES.iter().position(|name| name.eq_ignore_ascii_case(text))?;
    u16::try_from(place).ok().map(ResponseCode)
}
