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
            for (owner, address) in more {
                self.tell(owner, address);
            }
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

#[cfg(test)]
mod tests {
    use super::super::dns;

    /// `www.a.test`, which is asked for and stands at 12.
    const ASKED: &[u8] = b"\x03www\x01a\x04test\x00";

    /// A response to a question of the type `kind` for `www.a.test`, with answers and additional
    /// records.
    fn response(kind: u8, answers: &[Vec<u8>], others: &[Vec<u8>]) -> Vec<u8> {
        let number = |records: &[Vec<u8>]| u16::try_from(records.len()).unwrap().to_be_bytes();
        let mut bytes = vec![0, 7, 0x81, 0x80, 0, 1];
        bytes.extend([number(answers), [0, 0], number(others)].concat());
        bytes.extend(ASKED);
        bytes.extend([0, kind, 0, 1]);
        bytes.extend(answers.iter().chain(others).flatten());
        bytes
    }

    fn record(owner: &[u8], kind: u8, data: &[u8]) -> Vec<u8> {
        let mut bytes = owner.to_vec();
        bytes.extend([0, kind, 0, 1, 0, 0, 0, 30]);
        bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        bytes.extend(data);
        bytes
    }

    fn service(target: &[u8], hints: &[[u8; 4]]) -> Vec<u8> {
        // A list of protocols stands before the addresses.
        let length = u16::try_from(4 * hints.len()).unwrap().to_be_bytes();
        [&[0, 1], target, &[0, 1, 0, 3, 2, b'h', b'2', 0, 4], &length, hints.as_flattened()]
            .concat()
    }

    /// The hints as `name address`, and whether they are all.
    fn hints(bytes: &[u8]) -> Option<(Vec<String>, bool)> {
        let read = dns::response(bytes)?;
        let told = read.hints.iter().map(|(name, address)| format!("{name} {address}"));
        Some((told.collect(), read.is_whole))
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: &[&str]) {
        let expected = expected.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(hints(bytes), Some((expected, true)));
    }

    const SELF: &[u8] = &[0xc0, 12];
    const EDGE: &[u8] = b"\x04edge\x04test\x00";
    const ROOT: &[u8] = &[0];
    const HTTPS: u8 = 65;

    #[test]
    fn addresses_are_told_of_each_name_that_leads_to_them() {
        let own = record(SELF, HTTPS, &service(ROOT, &[[192, 0, 2, 1], [192, 0, 2, 2]]));
        check(&response(HTTPS, &[own], &[]), &["www.a.test 192.0.2.1", "www.a.test 192.0.2.2"]);
        // Another endpoint, with an address behind it.
        let other = record(SELF, HTTPS, &service(EDGE, &[[192, 0, 2, 1]]));
        let behind = [record(EDGE, 1, &[192, 0, 2, 9])];
        check(
            &response(HTTPS, &[other], &behind),
            &[
                "edge.test 192.0.2.1",
                "edge.test 192.0.2.9",
                "www.a.test 192.0.2.1",
                "www.a.test 192.0.2.9",
            ],
        );
        // An alias of the name; hints of IPv6.
        let alias = record(SELF, 5, EDGE);
        let v6 = [&[0, 1, 0, 0, 6, 0, 16, 0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1]].concat();
        let of_alias = record(EDGE, HTTPS, &v6);
        check(
            &response(HTTPS, &[alias.clone(), of_alias], &[]),
            &["edge.test 2001:db8::1", "www.a.test 2001:db8::1"],
        );
        // Beside an answer about addresses.
        check(&response(28, &[alias], &behind), &["edge.test 192.0.2.9", "www.a.test 192.0.2.9"]);
        check(&response(15, &[], &behind), &["edge.test 192.0.2.9"]);
        // An answer about addresses is none.
        check(&response(1, &behind, &[]), &[]);
    }

    #[test]
    fn names_that_stand_for_each_other_end() {
        let there = record(SELF, HTTPS, &service(EDGE, &[[192, 0, 2, 1]]));
        let back = record(EDGE, HTTPS, &service(SELF, &[]));
        check(
            &response(HTTPS, &[there, back], &[]),
            &["edge.test 192.0.2.1", "www.a.test 192.0.2.1"],
        );
    }

    #[test]
    fn hints_that_are_cut_or_damaged_say_so() {
        let other = record(SELF, HTTPS, &service(EDGE, &[[192, 0, 2, 1]]));
        let whole = response(HTTPS, &[other], &[record(EDGE, 1, &[192, 0, 2, 9])]);
        let all = hints(&whole).unwrap();
        for length in 0..whole.len() {
            if let Some((told, is_whole)) = hints(&whole[..length]) {
                assert!(!is_whole, "{length} bytes: {told:?}");
                assert!(told.iter().all(|one| all.0.contains(one)), "{length} bytes: {told:?}");
            }
        }
        for at in 12..whole.len() {
            for byte in [0, 1, 0x3f, 0xc0, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                let _ = hints(&damaged);
            }
        }
        let many: Vec<[u8; 4]> = (0..=255).map(|last| [192, 0, 2, last]).collect();
        let (told, is_whole) =
            hints(&response(HTTPS, &[record(SELF, HTTPS, &service(ROOT, &many))], &[])).unwrap();
        assert_eq!((told.len(), is_whole), (super::MOST_HINTS, false));
    }

    /// An error says nothing of addresses.
    #[test]
    fn what_stands_beside_an_error_is_not_believed() {
        let own = record(SELF, HTTPS, &service(ROOT, &[[192, 0, 2, 1]]));
        let mut bytes = response(HTTPS, &[own], &[]);
        bytes[3] |= 3;
        check(&bytes, &[]);
    }
}
