//! Flows of Cilium's Hubble (`flow-inputs.md §6`): an object for each packet or request that Cilium
//! told of, bare or in a wrapper.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::Deserialize;

use super::dns;
use super::dns::Asked;
use super::dns::Chain;
use super::flow;
use super::flow::Ends;
use super::open::MOST_FLOWS;
use super::open::Microseconds;
use super::open::Open;
use super::open::hours;
use super::text::Text;
use super::time;
use crate::capture::captured::Application;
use crate::capture::captured::CapturedFlow;
use crate::capture::captured::NameOrigin;
use crate::capture::captured::Sink;
use crate::evidence::DnsAnswer;
use crate::evidence::DnsRecord;
use crate::evidence::RecordType;
use crate::evidence::ResponseCode;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::Recorded;
use crate::flow::RecordedRule;
use crate::flow::RecordedVerdict;
use crate::flow::Recorder;
use crate::flow::Request;

/// How long a flow without events is followed, as a captured one.
const IDLE: Microseconds = hours(1);

/// What became of a record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Taken {
    /// It told of a flow, or of an answer.
    Told,
    /// It is of a kind that tells of none: a reply, an inbound flow, an event of the node.
    PassedOver,
    /// It has no addresses, as those that AKS stores.
    NoAddresses,
    /// A flow had to end for it.
    Over,
}

/// The flows of a log.
#[derive(Debug)]
pub(super) struct Hubble {
    open: Open<Ends, CapturedFlow>,
}

impl Hubble {
    pub(super) fn new() -> Hubble {
        Hubble { open: Open::new(MOST_FLOWS) }
    }

    /// Takes an object with the flow in a wrapper.
    pub(super) fn wrapped(
        &mut self,
        bytes: &[u8],
        frame: u64,
        sink: &mut impl Sink,
    ) -> serde_json::Result<Taken> {
        let record: Wrapper<'_> = serde_json::from_slice(bytes)?;
        match record.flow {
            Some(event) => Ok(self.event(&event, &record.time, frame, sink)),
            None => Ok(Taken::PassedOver),
        }
    }

    /// Takes an object that is the flow.
    pub(super) fn bare(
        &mut self,
        bytes: &[u8],
        frame: u64,
        sink: &mut impl Sink,
    ) -> serde_json::Result<Taken> {
        let event: Event<'_> = serde_json::from_slice(bytes)?;
        Ok(self.event(&event, &Text::default(), frame, sink))
    }

    /// Ends the log.
    pub(super) fn finish(&mut self, sink: &mut impl Sink) {
        self.open.finish(&mut |flow| sink.flow(finished(flow)));
    }

    fn event(
        &mut self,
        event: &Event<'_>,
        outer: &Text<'_>,
        frame: u64,
        sink: &mut impl Sink,
    ) -> Taken {
        let at = event.time.get().or(outer.get()).and_then(time::iso);
        let at = at.unwrap_or(Timestamp::UNIX_EPOCH);
        let Some(ends) = event.ends() else { return Taken::NoAddresses };
        self.open.come_to(at, &mut |flow| sink.flow(finished(flow)));
        if let Some(answer) = event.answer(&ends, at) {
            sink.answer(answer);
        }
        if event.is_reply() == Some(true) {
            if let Some(flow) = self.open.touch(&ends.turned(), IDLE) {
                flow.answered = true;
                flow.last = flow.last.max(at);
            }
            return if event.l7.is_some() { Taken::Told } else { Taken::PassedOver };
        }
        if event.is_inbound() {
            return Taken::PassedOver;
        }
        self.held(event, &ends, at, sink);
        let has_room = match self.open.touch(&ends, IDLE) {
            Some(flow) => {
                event.tell(flow, at, frame);
                self.open.weigh(&ends, &mut |flow| sink.flow(finished(flow)))
            }
            None => {
                let mut flow = ends.flow(at, frame);
                event.tell(&mut flow, at, frame);
                self.open.begin(ends, flow, IDLE, &mut |flow| sink.flow(finished(flow)))
            }
        };
        if has_room { Taken::Told } else { Taken::Over }
    }

    /// Tells that the client looked up the names that Cilium's cache has for the destination, once
    /// for each flow.
    fn held(&mut self, event: &Event<'_>, ends: &Ends, at: Timestamp, sink: &mut impl Sink) {
        let Some(address) = ends.destination else { return };
        for name in event.destination_names.iter().flatten().filter_map(Text::get) {
            let Some(question) = dns::name(name) else { continue };
            let known = self.open.touch(ends, IDLE).is_some_and(|flow| {
                flow.names.iter().any(|seen| seen.name.name() == Some(&question))
            });
            if known {
                continue;
            }
            let owner = question.clone();
            sink.answer(DnsAnswer {
                at,
                client: ends.source,
                server: dns::UNKNOWN_SERVER,
                question,
                asked: RecordType::of(address),
                code: ResponseCode::NO_ERROR,
                records: vec![DnsRecord::Address { owner, address, ttl: 0 }],
            });
        }
    }
}

fn finished(mut flow: CapturedFlow) -> CapturedFlow {
    let payload = flow::unknown_payload(flow.protocol);
    flow::complete(&mut flow, payload);
    flow
}

#[derive(Deserialize)]
struct Wrapper<'a> {
    #[serde(borrow)]
    flow: Option<Event<'a>>,
    #[serde(borrow, default)]
    time: Text<'a>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    time: Text<'a>,
    #[serde(borrow, default)]
    verdict: Text<'a>,
    #[serde(borrow, default)]
    drop_reason_desc: Text<'a>,
    #[serde(borrow, rename = "IP")]
    ip: Option<Addresses<'a>>,
    #[serde(borrow)]
    l4: Option<Transport<'a>>,
    #[serde(borrow)]
    l7: Option<Layer7<'a>>,
    #[serde(borrow)]
    destination_names: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    traffic_direction: Text<'a>,
    #[serde(borrow, default)]
    is_reply: Text<'a>,
    #[serde(borrow)]
    egress_allowed_by: Option<Vec<Policy<'a>>>,
    #[serde(borrow)]
    egress_denied_by: Option<Vec<Policy<'a>>>,
}

#[derive(Deserialize)]
struct Addresses<'a> {
    #[serde(borrow, default)]
    source: Text<'a>,
    #[serde(borrow, default)]
    destination: Text<'a>,
}

#[derive(Deserialize)]
struct Transport<'a> {
    #[serde(borrow, rename = "TCP")]
    tcp: Option<Ports<'a>>,
    #[serde(borrow, rename = "UDP")]
    udp: Option<Ports<'a>>,
    #[serde(borrow, rename = "SCTP")]
    sctp: Option<Ports<'a>>,
    #[serde(borrow, rename = "ICMPv4")]
    icmp: Option<Ports<'a>>,
    #[serde(borrow, rename = "ICMPv6")]
    icmpv6: Option<Ports<'a>>,
}

#[derive(Deserialize)]
struct Ports<'a> {
    #[serde(borrow, default)]
    source_port: Text<'a>,
    #[serde(borrow, default)]
    destination_port: Text<'a>,
    #[serde(borrow)]
    flags: Option<Flags<'a>>,
}

#[derive(Deserialize)]
struct Flags<'a> {
    #[serde(borrow, default, rename = "SYN")]
    syn: Text<'a>,
    #[serde(borrow, default, rename = "ACK")]
    ack: Text<'a>,
}

#[derive(Deserialize)]
struct Layer7<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    dns: Option<Dns<'a>>,
    #[serde(borrow)]
    http: Option<Http<'a>>,
}

#[derive(Deserialize)]
struct Dns<'a> {
    #[serde(borrow, default)]
    query: Text<'a>,
    #[serde(borrow)]
    ips: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    cnames: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    qtypes: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    ttl: Text<'a>,
    #[serde(borrow, default)]
    rcode: Text<'a>,
}

#[derive(Deserialize)]
struct Http<'a> {
    #[serde(borrow, default)]
    url: Text<'a>,
    #[serde(borrow)]
    headers: Option<Vec<Header<'a>>>,
}

#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow, default)]
    key: Text<'a>,
    #[serde(borrow, default)]
    value: Text<'a>,
}

#[derive(Deserialize)]
struct Policy<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
}

impl Event<'_> {
    fn ends(&self) -> Option<Ends> {
        let ip = self.ip.as_ref()?;
        let source = flow::address(ip.source.get()?)?;
        let destination = flow::address(ip.destination.get()?)?;
        let (protocol, ports) = match &self.l4 {
            Some(Transport { tcp: Some(ports), .. }) => (IpProtocol::TCP, Some(ports)),
            Some(Transport { udp: Some(ports), .. }) => (IpProtocol::UDP, Some(ports)),
            Some(Transport { sctp: Some(ports), .. }) => (IpProtocol::SCTP, Some(ports)),
            Some(Transport { icmpv6: Some(_), .. }) => (IpProtocol::ICMPV6, None),
            Some(Transport { icmp: Some(_), .. }) | Some(_) | None => (IpProtocol::ICMP, None),
        };
        let port = |text: Option<&Text<'_>>| text.and_then(Text::parse).unwrap_or(0);
        Some(Ends {
            protocol,
            source,
            source_port: port(ports.map(|ports| &ports.source_port)),
            destination: Some(destination),
            destination_port: port(ports.map(|ports| &ports.destination_port)),
        })
    }

    fn is_reply(&self) -> Option<bool> {
        self.is_reply.parse()
    }

    /// Whether it was seen where the flow comes in.
    fn is_inbound(&self) -> bool {
        matches!(self.traffic_direction.get(), Some("INGRESS" | "1"))
    }

    /// What Cilium decided; the numbers are those of `flow.proto`.
    fn recorded(&self) -> Option<Recorded> {
        let verdict = match self.verdict.get()? {
            "FORWARDED" | "1" | "REDIRECTED" | "5" | "TRANSLATED" | "7" => RecordedVerdict::Allowed,
            "DROPPED" | "2" | "ERROR" | "3" => RecordedVerdict::Denied,
            "AUDIT" | "4" => RecordedVerdict::Noted,
            _ => return None,
        };
        let policies = match verdict {
            RecordedVerdict::Allowed => &self.egress_allowed_by,
            RecordedVerdict::Denied | RecordedVerdict::Noted => &self.egress_denied_by,
        };
        let rule = policies.iter().flatten().find_map(|policy| policy.name.get());
        Some(Recorded {
            verdict,
            by: Recorder::Cilium,
            rule: rule.map(|rule| RecordedRule::from(&*flow::words(rule))),
            reason: self.drop_reason_desc.get().map(flow::words),
        })
    }

    /// Adds what the event says to its flow.
    fn tell(&self, flow: &mut CapturedFlow, at: Timestamp, frame: u64) {
        flow.first = flow.first.min(at);
        flow.last = flow.last.max(at);
        let tcp = self.l4.as_ref().and_then(|l4| l4.tcp.as_ref());
        let is = |text: &Text<'_>| text.get() == Some("true");
        flow.syn |= tcp
            .and_then(|ports| ports.flags.as_ref())
            .is_some_and(|flags| is(&flags.syn) && !is(&flags.ack));
        for name in self.destination_names.iter().flatten().filter_map(Text::get) {
            if let Some(host) = flow::host(name) {
                flow::add_name(flow, host, NameOrigin::DnsAnswer, at);
            }
        }
        if let Some(recorded) = self.recorded() {
            // A request that was refused stays so, whatever its connection goes on with.
            let was = flow.recorded.as_ref().map(|before| before.verdict);
            let stays = was == Some(RecordedVerdict::Denied) && self.l7.is_none();
            if flow.recorded.as_deref() != Some(&recorded) && !(stays && !flow.openings.is_empty())
            {
                flow.recorded = Some(recorded.into());
            }
        }
        let Some(l7) = &self.l7 else { return };
        if l7.dns.is_some() && flow.openings.is_empty() {
            flow.application = Application::Dns;
        }
        let is_request = matches!(l7.kind.get(), Some("REQUEST" | "1"));
        if let Some(http) = l7.http.as_ref().filter(|_| is_request) {
            flow::ask(flow, Payload::Http(http.request()), at, frame);
        }
    }

    fn answer(&self, ends: &Ends, at: Timestamp) -> Option<DnsAnswer> {
        let l7 = self.l7.as_ref()?;
        let dns = l7.dns.as_ref()?;
        if !matches!(l7.kind.get(), Some("RESPONSE" | "2")) {
            return None;
        }
        let ips = || dns.ips.iter().flatten().filter_map(Text::get);
        let kind = dns.qtypes.iter().flatten().find_map(Text::get);
        let kind = kind.unwrap_or(match ips().find_map(flow::address) {
            Some(IpAddr::V6(_)) => "AAAA",
            Some(IpAddr::V4(_)) | None => "A",
        });
        let asked = Asked {
            at,
            client: ends.destination?,
            server: ends.source,
            question: dns.query.get()?,
            kind,
            // Proto3 leaves a zero out.
            code: dns.rcode.get().and_then(dns::code).unwrap_or(ResponseCode::NO_ERROR),
        };
        let ttl = dns.ttl.get().map_or(0, dns::ttl);
        asked.answered(|question| {
            let mut chain = Chain::new(question);
            let aliases = dns.cnames.iter().flatten().filter_map(Text::get);
            aliases.chain(ips()).for_each(|answer| chain.push(answer, ttl));
            chain.into_records()
        })
    }
}

impl Http<'_> {
    fn request(&self) -> Request {
        let url = self.url.get().unwrap_or_default();
        let behind = url.split_once("://").map(|(_, behind)| behind);
        let (authority, path) = match behind {
            Some(behind) => behind.split_once('/').unwrap_or((behind, "")),
            None => ("", url.strip_prefix('/').unwrap_or(url)),
        };
        let headers = self.headers.iter().flatten();
        let header = headers.into_iter().find_map(|header| {
            let key = header.key.get()?;
            let is_host = key.eq_ignore_ascii_case("host") || key == ":authority";
            is_host.then(|| header.value.get()).flatten()
        });
        flow::request(header.unwrap_or(authority), &format!("/{path}"))
    }
}
