//! What Hubble writes of a flow, and what that says.

use crate::capture::captured::Application;
use crate::capture::captured::CapturedFlow;
use crate::capture::captured::NameOrigin;
use crate::capture::log::dns;
use crate::capture::log::dns::Asked;
use crate::capture::log::dns::Chain;
use crate::capture::log::flow;
use crate::capture::log::flow::Ends;
use crate::capture::log::text::Field;
use crate::capture::log::text::Text;
use crate::evidence::DnsAnswer;
use crate::evidence::ResponseCode;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::Recorded;
use crate::flow::RecordedRule;
use crate::flow::RecordedVerdict;
use crate::flow::Recorder;
use crate::flow::Request;
use jiff::Timestamp;
use serde::Deserialize;
use std::net::IpAddr;

#[derive(Deserialize)]
pub(super) struct Wrapper<'a> {
    #[serde(borrow)]
    pub(super) flow: Option<Event<'a>>,
    #[serde(borrow)]
    pub(super) lost_events: Option<Lost<'a>>,
    #[serde(borrow, default)]
    pub(super) time: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Lost<'a> {
    #[serde(borrow, default, rename = "num_events_lost")]
    pub(super) number: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow, default, rename = "Type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) time: Text<'a>,
    #[serde(borrow, default)]
    pub(super) verdict: Text<'a>,
    #[serde(borrow, default)]
    pub(super) drop_reason_desc: Text<'a>,
    #[serde(borrow, rename = "IP")]
    pub(super) ip: Option<Addresses<'a>>,
    #[serde(borrow)]
    pub(super) l4: Option<Transport<'a>>,
    #[serde(borrow)]
    pub(super) l7: Option<Layer7<'a>>,
    #[serde(borrow)]
    pub(super) destination_names: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    pub(super) traffic_direction: Text<'a>,
    #[serde(borrow, default)]
    pub(super) is_reply: Text<'a>,
    /// The same, until Cilium 1.8.
    #[serde(borrow, default)]
    pub(super) reply: Text<'a>,
    #[serde(borrow, default)]
    pub(super) trace_observation_point: Text<'a>,
    #[serde(borrow, default)]
    pub(super) sock_xlate_point: Text<'a>,
    #[serde(borrow)]
    pub(super) egress_allowed_by: Option<Vec<Policy<'a>>>,
    #[serde(borrow)]
    pub(super) egress_denied_by: Option<Vec<Policy<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Addresses<'a> {
    #[serde(borrow, default)]
    pub(super) source: Text<'a>,
    #[serde(borrow, default)]
    pub(super) destination: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Transport<'a> {
    #[serde(borrow, rename = "TCP")]
    pub(super) tcp: Option<Ports<'a>>,
    #[serde(borrow, rename = "UDP")]
    pub(super) udp: Option<Ports<'a>>,
    #[serde(borrow, rename = "SCTP")]
    pub(super) sctp: Option<Ports<'a>>,
    #[serde(borrow, rename = "ICMPv4")]
    pub(super) icmp: Option<Ports<'a>>,
    #[serde(borrow, rename = "ICMPv6")]
    pub(super) icmpv6: Option<Ports<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Ports<'a> {
    #[serde(borrow, default)]
    pub(super) source_port: Text<'a>,
    #[serde(borrow, default)]
    pub(super) destination_port: Text<'a>,
    #[serde(borrow)]
    pub(super) flags: Option<Flags<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Flags<'a> {
    #[serde(borrow, default, rename = "SYN")]
    pub(super) syn: Text<'a>,
    #[serde(borrow, default, rename = "ACK")]
    pub(super) ack: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Layer7<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) dns: Option<Dns<'a>>,
    #[serde(borrow)]
    pub(super) http: Option<Http<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Dns<'a> {
    #[serde(borrow, default)]
    pub(super) query: Text<'a>,
    #[serde(borrow)]
    pub(super) ips: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) cnames: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    pub(super) qtypes: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    pub(super) ttl: Text<'a>,
    #[serde(borrow, default)]
    pub(super) rcode: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Http<'a> {
    #[serde(borrow, default)]
    pub(super) url: Text<'a>,
    #[serde(borrow)]
    pub(super) headers: Option<Vec<Header<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Header<'a> {
    #[serde(borrow, default)]
    pub(super) key: Text<'a>,
    #[serde(borrow, default)]
    pub(super) value: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Policy<'a> {
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
}

impl Event<'_> {
    /// The ends of its packet.
    ///
    /// # Errors
    /// That it does not tell the protocol, or that a port cannot be read. Without addresses it is
    /// `None`.
    pub(super) fn ends(&self) -> Result<Option<Ends>, String> {
        let address = |text: &Text<'_>| flow::address(text.get()?);
        let ip = self.ip.as_ref();
        let ends = ip.and_then(|ip| Some((address(&ip.source)?, address(&ip.destination)?)));
        let Some((source, destination)) = ends else { return Ok(None) };
        let (protocol, ports) = match &self.l4 {
            Some(Transport { tcp: Some(ports), .. }) => (IpProtocol::TCP, Some(ports)),
            Some(Transport { udp: Some(ports), .. }) => (IpProtocol::UDP, Some(ports)),
            Some(Transport { sctp: Some(ports), .. }) => (IpProtocol::SCTP, Some(ports)),
            Some(Transport { icmp: Some(_), .. }) => (IpProtocol::ICMP, None),
            Some(Transport { icmpv6: Some(_), .. }) => (IpProtocol::ICMPV6, None),
            // Cilium leaves out what it does not decode: ESP, GRE, fragments.
            Some(_) => return Err("its `l4` is of a protocol that is not known".to_owned()),
            None => return Err(Field::new("l4", None).lacks()),
        };
        let port = |name, text: Option<&Text<'_>>| {
            flow::port(Field::new(name, text.and_then(Text::get)), protocol)
        };
        Ok(Some(Ends {
            protocol,
            source,
            source_port: port("source_port", ports.map(|ports| &ports.source_port))?,
            destination: Some(destination),
            destination_port: port("destination_port", ports.map(|ports| &ports.destination_port))?,
        }))
    }

    /// Whether it is of a socket, whose addresses Cilium changes before there is a packet. It knows one
    /// port alone, and the packets are told of besides.
    pub(super) fn is_of_socket(&self) -> bool {
        let point = self.sock_xlate_point.get();
        matches!(self.kind.get(), Some("SOCK" | "3"))
            || point.is_some_and(|point| !matches!(point, "SOCK_XLATE_POINT_UNKNOWN" | "0"))
    }

    pub(super) fn is_reply(&self) -> Option<bool> {
        self.is_reply.parse().or(self.reply.parse())
    }

    /// Whether it was seen as it came from the network; the numbers are those of `flow.proto`.
    pub(super) fn comes_from_network(&self) -> bool {
        let point = self.trace_observation_point.get();
        matches!(point, Some("FROM_NETWORK" | "10" | "FROM_OVERLAY" | "9"))
    }

    /// Whether it is the packet with which a server accepts a connection (RFC 9293 §3.5).
    pub(super) fn is_accept(&self) -> bool {
        let tcp = self.l4.as_ref().and_then(|l4| l4.tcp.as_ref());
        let flags = tcp.and_then(|ports| ports.flags.as_ref());
        let is = |text: &Text<'_>| text.get() == Some("true");
        flags.is_some_and(|flags| is(&flags.syn) && is(&flags.ack))
    }

    /// Whether it was seen where the flow comes in. Of what comes from the network Cilium may not say
    /// the direction.
    pub(super) fn is_inbound(&self) -> bool {
        match self.traffic_direction.get() {
            Some("INGRESS" | "1") => true,
            None | Some("TRAFFIC_DIRECTION_UNKNOWN" | "0") => self.comes_from_network(),
            Some(_) => false,
        }
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
    pub(super) fn tell(&self, flow: &mut CapturedFlow, at: Timestamp, frame: u64) {
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
            let was_refused = flow.recorded.as_ref().is_some_and(|before| {
                before.verdict == RecordedVerdict::Denied && !flow.openings.is_empty()
            });
            let stays = was_refused && self.l7.is_none();
            if !stays && flow.recorded.as_deref() != Some(&recorded) {
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

    pub(super) fn answer(&self, ends: &Ends, at: Timestamp) -> Option<DnsAnswer> {
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
