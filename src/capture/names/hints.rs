//! What a DNS response tells of addresses beside an answer about addresses: hints of HTTPS and SVCB
//! records (RFC 9460 §7.3), and additional records.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use crate::evidence::DnsRecord;
use crate::flow::Fqdn;

use super::cursor::Cursor;
use super::dns::Record;
use super::dns::name;

const IPV4_HINT: u16 = 4;
const IPV6_HINT: u16 = 6;
/// Addresses that are taken from one response. A service has a few endpoints, each with a few
/// addresses.
const MOST_HINTS: usize = 64;
/// Steps from the name that was asked for to the name that has the address, as with aliases.
const MOST_STEPS: usize = 16;

/// The addresses that a response tells beside an answer.
#[derive(Debug)]
pub(super) struct Hints {
    told: Vec<(Fqdn, IpAddr)>,
    /// Names that stand for others.
    leads: Vec<(Fqdn, Fqdn)>,
    /// Whether none is missing.
    is_whole: bool,
}

impl Hints {
    pub(super) fn new() -> Hints {
        Hints { told: Vec::new(), leads: Vec::new(), is_whole: true }
    }

    /// Notes that records were cut off or damaged.
    pub(super) fn lose(&mut self) {
        self.is_whole = false;
    }

    /// Takes an HTTPS or SVCB record: a name, and where it is served.
    pub(super) fn service(&mut self, message: &[u8], record: &Record<'_>) {
        let Some(owner) = record.owner() else { return };
        if self.read_service(message, served(owner), record.data).is_none() {
            self.is_whole = false;
        }
    }

    /// Takes a record that leads from a name to an alias or address.
    pub(super) fn record(&mut self, record: DnsRecord) {
        match record {
            DnsRecord::Address { owner, address, ttl: _ } => self.tell(owner, address),
            DnsRecord::Alias { owner, target, ttl: _ } => self.lead(owner, target),
            DnsRecord::Lost => self.is_whole = false,
        }
    }

    /// Each address with the names that it is told of, and whether none is missing. `aliases` are
    /// those of the answer.
    pub(super) fn finish(mut self, aliases: &[DnsRecord]) -> (Vec<(Fqdn, IpAddr)>, bool) {
        if self.told.is_empty() {
            return (self.told, self.is_whole);
        }
        for record in aliases {
            if let DnsRecord::Alias { owner, target, ttl: _ } = record {
                self.lead(owner.clone(), target.clone());
            }
        }
        // Whoever stands for a name has its addresses.
        let mut from = 0;
        for _ in 0..MOST_STEPS {
            let (until, mut more) = (self.told.len(), Vec::new());
            for (name, address) in self.told.get(from..).unwrap_or_default() {
                let owners = self.leads.iter().filter(|(_, target)| target == name);
                more.extend(owners.map(|(owner, _)| (owner.clone(), *address)));
            }
            more.into_iter().for_each(|(owner, address)| self.tell(owner, address));
            if self.told.len() == until {
                break;
            }
            from = until;
        }
        (self.told, self.is_whole)
    }

    fn read_service(&mut self, message: &[u8], owner: Fqdn, data: &[u8]) -> Option<()> {
        let mut cursor = Cursor(data);
        let _priority = cursor.u16()?;
        // The root stands for the owner (RFC 9460 §2.5).
        let target = name(message, &mut cursor)?.fqdn().unwrap_or_else(|| owner.clone());
        while !cursor.is_empty() {
            let (key, value) = (cursor.u16()?, cursor.vector16()?);
            match key {
                IPV4_HINT => self.addresses::<4>(&target, value, |b| Ipv4Addr::from(b).into())?,
                IPV6_HINT => self.addresses::<16>(&target, value, |b| Ipv6Addr::from(b).into())?,
                _ => {}
            }
        }
        if target != owner {
            self.lead(owner, target);
        }
        Some(())
    }

    fn addresses<const N: usize>(
        &mut self,
        target: &Fqdn,
        mut value: Cursor<'_>,
        address: fn([u8; N]) -> IpAddr,
    ) -> Option<()> {
        while !value.is_empty() {
            let bytes = value.array::<N>()?;
            self.tell(target.clone(), address(bytes));
        }
        Some(())
    }

    fn tell(&mut self, name: Fqdn, address: IpAddr) {
        let one = (name, address);
        if self.told.contains(&one) {
            return;
        }
        if self.told.len() >= MOST_HINTS {
            self.is_whole = false;
            return;
        }
        self.told.push(one);
    }

    fn lead(&mut self, owner: Fqdn, target: Fqdn) {
        if self.leads.len() >= MOST_HINTS {
            self.is_whole = false;
            return;
        }
        self.leads.push((owner, target));
    }
}

/// The name that a record is about: before it may stand a port and a scheme, as in
/// `_8443._https.www.example.com` (RFC 9460 §2.3).
fn served(owner: Fqdn) -> Fqdn {
    let text = owner.as_str();
    let behind: usize = owner
        .labels()
        .take_while(|label| label.starts_with('_'))
        .map(|label| label.len() + 1)
        .sum();
    let name = if behind == 0 { None } else { text.get(behind..) };
    name.and_then(|name| name.parse().ok()).unwrap_or(owner)
}
