//! Flow logs of Azure's virtual networks and network security groups (`flow-inputs.md §4`, `§5`).
//!
//! The tuples of one connection are one flow: its begin, what it sent every five minutes, its end.
//! Where two network interfaces log it, the second one's tuples are copies of the first's: the same
//! ends at the same time are the same connection. What either denies is denied.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::sync::Arc;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::DeserializeSeed;
use serde::de::SeqAccess;
use serde::de::Visitor;

use super::flow;
use super::flow::Ends;
use super::open::MOST_FLOWS;
use super::open::Microseconds;
use super::open::Open;
use super::open::Weighs;
use super::open::hours;
use super::open::minutes;
use super::text::Holds;
use super::text::Several;
use super::text::Text;
use super::time;
use super::tuple::Shape;
use super::tuple::State;
use super::tuple::Tuple;
use crate::capture::captured::CapturedFlow;
use crate::flow::IpProtocol;
use crate::flow::Recorded;
use crate::flow::RecordedRule;
use crate::flow::RecordedVerdict;
use crate::flow::Recorder;

/// How long a flow without tuples is followed. It is logged every five minutes
/// (`flow-inputs.md §4`); an hour is what captures have, and longer than the firewall's idle time.
const IDLE: Microseconds = hours(1);
/// How long another interface's tuples are waited for when a flow has ended: records are of a
/// minute.
const LINGER: Microseconds = minutes(2);

/// What stands in place of a rule where traffic was denied since it was not encrypted
/// (`flow-inputs.md §4`).
const NO_RULE: &str = "unspecified";

/// What names a connection: addresses as IPv6 has them, so that they compare fast.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct Key {
    source: u128,
    destination: u128,
    ports: u32,
    protocol: u8,
}

impl Key {
    fn of(tuple: &Tuple) -> Key {
        Key {
            source: wide(tuple.source),
            destination: wide(tuple.destination),
            ports: u32::from(tuple.source_port) << 16 | u32::from(tuple.destination_port),
            protocol: tuple.protocol.0,
        }
    }
}

fn wide(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => Ipv6Addr::to_bits(v4.to_ipv6_mapped()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn narrow(bits: u128) -> IpAddr {
    let v6 = Ipv6Addr::from_bits(bits);
    v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)
}

/// Which interface logged a tuple, and as which end of the flow.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Vantage {
    interface: u64,
    is_inbound: bool,
}

/// A connection that is followed.
#[derive(Debug)]
struct Connection {
    key: Key,
    /// Milliseconds since 1970.
    first: i64,
    last: i64,
    frame: u64,
    /// Where it was logged first. Only its tuples are counted.
    vantage: Vantage,
    began: bool,
    /// When its end was logged there.
    ended: Option<i64>,
    answered: bool,
    packets: Option<u64>,
    bytes: Option<u64>,
    copies: u64,
    recorded: Arc<Recorded>,
}

impl Weighs for Connection {}

impl Connection {
    fn new(
        key: Key,
        tuple: &Tuple,
        vantage: Vantage,
        recorded: &Arc<Recorded>,
        frame: u64,
    ) -> Self {
        let mut connection = Connection {
            key,
            first: tuple.at,
            last: tuple.at,
            frame,
            vantage,
            began: false,
            ended: None,
            answered: false,
            packets: None,
            bytes: None,
            copies: 0,
            recorded: Arc::clone(recorded),
        };
        connection.take(tuple, vantage, recorded);
        connection
    }

    /// Whether a tuple is of another connection between the same ends: one that begins where this
    /// one began before. Logs may be sorted with the latest record first, so that the order of tuples
    /// says nothing, but their times do.
    fn is_over(&self, tuple: &Tuple, vantage: Vantage) -> bool {
        let is_denied = self.recorded.verdict == RecordedVerdict::Denied;
        match tuple.state {
            State::Begin if self.lacks_begin() && tuple.at <= self.first => false,
            State::Begin if vantage == self.vantage => true,
            State::Begin => {
                let between = tuple.at.saturating_sub(self.first).saturating_abs();
                between.saturating_mul(1000) > LINGER
            }
            State::Denied | State::Unencrypted if vantage == self.vantage => !is_denied,
            State::Continuing | State::End if vantage == self.vantage => {
                let is_after = self.ended.is_some_and(|end| tuple.at > end);
                let is_before = self.began && tuple.at < self.first;
                let is_second_end = tuple.state == State::End && self.ended.is_some();
                is_after || is_before || is_second_end
            }
            State::Continuing
            | State::End
            | State::Denied
            | State::Unencrypted
            | State::Allowed => false,
        }
    }

    /// Whether it was logged how it went on and not how it began; version 1 of NSG flow logs tells
    /// neither.
    fn lacks_begin(&self) -> bool {
        !self.began && self.packets.is_some()
    }

    fn take(&mut self, tuple: &Tuple, vantage: Vantage, recorded: &Arc<Recorded>) {
        self.first = self.first.min(tuple.at);
        self.last = self.last.max(tuple.at);
        self.began |= matches!(tuple.state, State::Begin | State::Denied | State::Unencrypted);
        if recorded.verdict == RecordedVerdict::Denied {
            self.recorded = Arc::clone(recorded);
        }
        if tuple.state == State::End && vantage == self.vantage {
            self.ended = Some(tuple.at);
        }
        let Some(counts) = tuple.counts else { return };
        self.answered |= counts.packets_received > 0;
        let packets = counts.packets_sent.saturating_add(counts.packets_received);
        if vantage == self.vantage {
            let bytes = counts.bytes_sent.saturating_add(counts.bytes_received);
            self.packets = Some(self.packets.unwrap_or(0).saturating_add(packets));
            self.bytes = Some(self.bytes.unwrap_or(0).saturating_add(bytes));
        } else {
            self.copies = self.copies.saturating_add(packets);
        }
    }

    fn captured(self) -> CapturedFlow {
        let protocol = IpProtocol(self.key.protocol);
        let [a, b, c, d] = self.key.ports.to_be_bytes();
        let ends = Ends {
            protocol,
            source: narrow(self.key.source),
            source_port: u16::from_be_bytes([a, b]),
            destination: Some(narrow(self.key.destination)),
            destination_port: u16::from_be_bytes([c, d]),
        };
        let mut captured = ends.flow(time::of_milliseconds(self.first), self.frame);
        captured.last = time::of_milliseconds(self.last);
        captured.packets = self.packets;
        captured.bytes = self.bytes;
        captured.syn = self.began && protocol == IpProtocol::TCP;
        captured.answered = self.answered;
        captured.copies = self.copies;
        captured.recorded = Some(self.recorded);
        flow::complete(&mut captured, flow::unknown_payload(protocol));
        captured
    }
}

/// What a record gave.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Told {
    /// Tuples that were read.
    pub(super) tuples: u64,
    /// Those that could not be read.
    pub(super) unreadable: u64,
    /// Whether more flows were open than are followed.
    pub(super) is_over: bool,
}

/// The connections of a log.
#[derive(Debug)]
pub(super) struct AzureFlows {
    open: Open<Key, Connection>,
    /// Tuples so far.
    tuples: u64,
}

impl AzureFlows {
    pub(super) fn new() -> AzureFlows {
        AzureFlows { open: Open::new(MOST_FLOWS), tuples: 0 }
    }

    /// Takes a record of a VNet flow log.
    pub(super) fn vnet(
        &mut self,
        bytes: &[u8],
        out: &mut impl FnMut(CapturedFlow),
    ) -> serde_json::Result<Told> {
        let record: VnetRecord<'_> = serde_json::from_slice(bytes)?;
        let interface = print_of(record.mac.get());
        let mut told = Told::default();
        for flow in record.flow_records.flows.0 {
            for group in flow.groups.0 {
                self.group(group.rule.get(), interface, &group.tuples, &mut told, out);
            }
        }
        Ok(told)
    }

    /// Takes a record of an NSG flow log.
    pub(super) fn nsg(
        &mut self,
        bytes: &[u8],
        out: &mut impl FnMut(CapturedFlow),
    ) -> serde_json::Result<Told> {
        let record: NsgRecord<'_> = serde_json::from_slice(bytes)?;
        let mut told = Told::default();
        for rule in record.properties.flows.0 {
            for flow in rule.flows.0 {
                let interface = print_of(flow.mac.get());
                self.group(rule.rule.get(), interface, &flow.tuples, &mut told, out);
            }
        }
        Ok(told)
    }

    /// Ends the log.
    pub(super) fn finish(&mut self, out: &mut impl FnMut(CapturedFlow)) {
        self.open.finish(&mut |connection| out(connection.captured()));
    }

    fn group<const NSG: bool>(
        &mut self,
        rule: Option<&str>,
        interface: u64,
        tuples: &Tuples<NSG>,
        told: &mut Told,
        out: &mut impl FnMut(CapturedFlow),
    ) {
        let group = rule;
        let rule = rule.map(|rule| RecordedRule::from(&*flow::words(bare(rule))));
        let said = |verdict| {
            let (by, rule) = (Recorder::SecurityGroup, rule.clone());
            Arc::new(Recorded { verdict, by, rule, reason: None })
        };
        let (allowed, denied) = (said(RecordedVerdict::Allowed), said(RecordedVerdict::Denied));
        let unencrypted = Arc::new(Recorded {
            verdict: RecordedVerdict::Denied,
            by: Recorder::Encryption,
            rule: None,
            reason: None,
        });
        for tuple in &tuples.read {
            let recorded = match tuple.state {
                State::Unencrypted if group.is_some_and(|group| group == NO_RULE) => &unencrypted,
                State::Denied | State::Unencrypted => &denied,
                State::Begin | State::Continuing | State::End | State::Allowed => &allowed,
            };
            told.is_over |= !self.tuple(tuple, interface, recorded, out);
        }
        told.tuples += tuples.read.len() as u64;
        told.unreadable += tuples.unreadable;
        // Flows say which tuple they began with, so that those that cannot be read count.
        self.tuples += tuples.unreadable;
    }

    /// Takes a tuple; false where a flow had to end for it.
    fn tuple(
        &mut self,
        tuple: &Tuple,
        interface: u64,
        recorded: &Arc<Recorded>,
        out: &mut impl FnMut(CapturedFlow),
    ) -> bool {
        self.tuples += 1;
        let out = &mut |connection: Connection| out(connection.captured());
        self.open.come_to_microsecond(tuple.at.saturating_mul(1000), out);
        let key = Key::of(tuple);
        let vantage = Vantage { interface, is_inbound: tuple.is_inbound };
        let idle = match tuple.state {
            State::End => LINGER,
            State::Begin
            | State::Continuing
            | State::Denied
            | State::Unencrypted
            | State::Allowed => IDLE,
        };
        if let Some(connection) = self.open.touch(&key, idle)
            && !connection.is_over(tuple, vantage)
        {
            connection.take(tuple, vantage, recorded);
            return true;
        }
        let connection = Connection::new(key, tuple, vantage, recorded, self.tuples);
        self.open.begin(key, connection, idle, out)
    }
}

/// A rule's name without what NSG flow logs put before it (`flow-inputs.md §4`).
fn bare(rule: &str) -> &str {
    let bare = rule.strip_prefix("UserRule_").or_else(|| rule.strip_prefix("DefaultRule_"));
    bare.unwrap_or(rule)
}

/// A number that stands for an interface: FNV-1a of its MAC address.
fn print_of(mac: Option<&str>) -> u64 {
    let bytes = mac.unwrap_or_default().bytes();
    bytes.fold(0xcbf2_9ce4_8422_2325, |print, byte| {
        (print ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[derive(Deserialize)]
struct VnetRecord<'a> {
    #[serde(borrow, default, rename = "macAddress")]
    mac: Text<'a>,
    #[serde(borrow, rename = "flowRecords")]
    flow_records: VnetFlows<'a>,
}

#[derive(Deserialize)]
struct VnetFlows<'a> {
    #[serde(borrow, default)]
    flows: Several<VnetFlow<'a>>,
}

#[derive(Deserialize)]
struct VnetFlow<'a> {
    #[serde(borrow, default, rename = "flowGroups")]
    groups: Several<VnetGroup<'a>>,
}

#[derive(Deserialize)]
struct VnetGroup<'a> {
    #[serde(borrow, default)]
    rule: Text<'a>,
    #[serde(default, rename = "flowTuples")]
    tuples: Tuples<false>,
}

#[derive(Deserialize)]
struct NsgRecord<'a> {
    #[serde(borrow)]
    properties: NsgProperties<'a>,
}

#[derive(Deserialize)]
struct NsgProperties<'a> {
    #[serde(borrow, default)]
    flows: Several<NsgRule<'a>>,
}

#[derive(Deserialize)]
struct NsgRule<'a> {
    #[serde(borrow, default)]
    rule: Text<'a>,
    #[serde(borrow, default)]
    flows: Several<NsgFlow<'a>>,
}

#[derive(Deserialize)]
struct NsgFlow<'a> {
    #[serde(borrow, default)]
    mac: Text<'a>,
    #[serde(default, rename = "flowTuples")]
    tuples: Tuples<true>,
}

impl Holds for VnetFlow<'_> {
    fn holds(&self) -> bool {
        self.groups.holds()
    }
}

impl Holds for VnetGroup<'_> {
    fn holds(&self) -> bool {
        self.tuples.holds()
    }
}

impl Holds for NsgRule<'_> {
    fn holds(&self) -> bool {
        self.flows.holds()
    }
}

impl Holds for NsgFlow<'_> {
    fn holds(&self) -> bool {
        self.tuples.holds()
    }
}

/// The tuples of an array, read as they come.
#[derive(Debug, Default)]
struct Tuples<const NSG: bool> {
    read: Vec<Tuple>,
    unreadable: u64,
}

impl<const NSG: bool> Holds for Tuples<NSG> {
    fn holds(&self) -> bool {
        !self.read.is_empty() || self.unreadable > 0
    }
}

impl<'de, const NSG: bool> Deserialize<'de> for Tuples<NSG> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Tuples<NSG>, D::Error> {
        from.deserialize_seq(ReadTuples)
    }
}

struct ReadTuples<const NSG: bool>;

impl<'de, const NSG: bool> Visitor<'de> for ReadTuples<NSG> {
    type Value = Tuples<NSG>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of flow tuples")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tuples<NSG>, A::Error> {
        let shape = if NSG { Shape::Nsg } else { Shape::Vnet };
        let mut tuples = Tuples { read: Vec::new(), unreadable: 0 };
        while let Some(tuple) = items.next_element_seed(ReadTuple(shape))? {
            match tuple {
                Some(tuple) => tuples.read.push(tuple),
                None => tuples.unreadable += 1,
            }
        }
        Ok(tuples)
    }
}

#[derive(Clone, Copy)]
struct ReadTuple(Shape);

impl<'de> DeserializeSeed<'de> for ReadTuple {
    type Value = Option<Tuple>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Option<Tuple>, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for ReadTuple {
    type Value = Option<Tuple>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a flow tuple")
    }

    fn visit_str<E>(self, text: &str) -> Result<Option<Tuple>, E> {
        Ok(Tuple::parse(text, self.0))
    }
}
