//! What Suricata writes of an event, and whom it is about.

use crate::capture::log::dns;
use crate::capture::log::dns::Asked;
use crate::capture::log::dns::Chain;
use crate::capture::log::flow;
use crate::capture::log::flow::Ends;
use crate::capture::log::text::Field;
use crate::capture::log::text::Text;
use crate::capture::log::time;
use crate::evidence::DnsAnswer;
use crate::evidence::ResponseCode;
use jiff::Timestamp;
use serde::Deserialize;
use std::net::IpAddr;

#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow, default)]
    pub(super) timestamp: Text<'a>,
    #[serde(borrow, default)]
    pub(super) flow_id: Text<'a>,
    #[serde(borrow, default, rename = "event_type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) src_ip: Text<'a>,
    #[serde(borrow, default)]
    pub(super) src_port: Text<'a>,
    #[serde(borrow, default)]
    pub(super) dest_ip: Text<'a>,
    #[serde(borrow, default)]
    pub(super) dest_port: Text<'a>,
    #[serde(borrow, default)]
    pub(super) proto: Text<'a>,
    #[serde(borrow, default)]
    pub(super) app_proto: Text<'a>,
    /// What a flow began with, where it turned to another protocol.
    #[serde(borrow, default)]
    pub(super) app_proto_orig: Text<'a>,
    /// Of a packet: `to_server` or `to_client`.
    #[serde(borrow, default)]
    pub(super) direction: Text<'a>,
    #[serde(borrow)]
    pub(super) flow: Option<Flow<'a>>,
    #[serde(borrow)]
    pub(super) netflow: Option<Netflow<'a>>,
    #[serde(borrow)]
    pub(super) tcp: Option<Tcp<'a>>,
    #[serde(borrow)]
    pub(super) tls: Option<Hello<'a>>,
    #[serde(borrow)]
    pub(super) quic: Option<Hello<'a>>,
    #[serde(borrow)]
    pub(super) http: Option<Http<'a>>,
    #[serde(borrow)]
    pub(super) dns: Option<Dns<'a>>,
    #[serde(borrow)]
    pub(super) alert: Option<Alert<'a>>,
    /// What the packet of an alert was in.
    #[serde(borrow)]
    pub(super) tunnel: Option<Tunnel<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Tunnel<'a> {
    #[serde(borrow, default)]
    depth: Text<'a>,
}

impl Tunnel<'_> {
    /// How many IP headers lie outside.
    pub(super) fn depth(&self) -> u8 {
        self.depth.parse().unwrap_or(1).max(1)
    }
}

#[derive(Deserialize)]
pub(super) struct Flow<'a> {
    /// The initiator; events of one packet have it, whichever way the packet went.
    #[serde(borrow, default)]
    pub(super) src_ip: Text<'a>,
    #[serde(borrow, default)]
    pub(super) src_port: Text<'a>,
    #[serde(borrow, default)]
    pub(super) pkts_toserver: Text<'a>,
    #[serde(borrow, default)]
    pub(super) pkts_toclient: Text<'a>,
    #[serde(borrow, default)]
    pub(super) bytes_toserver: Text<'a>,
    #[serde(borrow, default)]
    pub(super) bytes_toclient: Text<'a>,
    #[serde(borrow, default)]
    pub(super) start: Text<'a>,
    #[serde(borrow, default)]
    pub(super) end: Text<'a>,
    #[serde(borrow, default)]
    pub(super) action: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Netflow<'a> {
    #[serde(borrow, default)]
    pub(super) pkts: Text<'a>,
    #[serde(borrow, default)]
    pub(super) bytes: Text<'a>,
    #[serde(borrow, default)]
    pub(super) start: Text<'a>,
    #[serde(borrow, default)]
    pub(super) end: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Tcp<'a> {
    #[serde(borrow, default)]
    pub(super) tcp_flags_ts: Text<'a>,
    #[serde(borrow, default)]
    pub(super) syn: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Hello<'a> {
    #[serde(borrow, default)]
    pub(super) sni: Text<'a>,
    #[serde(borrow, default)]
    pub(super) from_proto: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Http<'a> {
    #[serde(borrow, default)]
    pub(super) hostname: Text<'a>,
    #[serde(borrow, default, rename = "http_port")]
    pub(super) port: Text<'a>,
    #[serde(borrow, default)]
    pub(super) url: Text<'a>,
    #[serde(borrow, default, rename = "http_method")]
    pub(super) method: Text<'a>,
    /// All headers, where the log has them; of HTTP/2 the name stands there.
    #[serde(borrow)]
    pub(super) request_headers: Option<Vec<Header<'a>>>,
    #[serde(borrow)]
    pub(super) http2: Option<Http2<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Header<'a> {
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) value: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Http2<'a> {
    #[serde(borrow, default)]
    pub(super) stream_id: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Dns<'a> {
    #[serde(borrow, default)]
    pub(super) version: Text<'a>,
    #[serde(borrow, default, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow, default)]
    pub(super) rrname: Text<'a>,
    #[serde(borrow, default)]
    pub(super) rrtype: Text<'a>,
    #[serde(borrow, default)]
    pub(super) rcode: Text<'a>,
    #[serde(borrow)]
    pub(super) queries: Option<Vec<Record<'a>>>,
    #[serde(borrow)]
    pub(super) answers: Option<Vec<Record<'a>>>,
    #[serde(borrow)]
    pub(super) grouped: Option<Grouped<'a>>,
    #[serde(borrow, default)]
    pub(super) rdata: Text<'a>,
    #[serde(borrow, default)]
    pub(super) ttl: Text<'a>,
}

/// The answers by their type, which a log may have in place of those one by one; without TTLs.
#[derive(Deserialize)]
pub(super) struct Grouped<'a> {
    #[serde(borrow, rename = "CNAME")]
    pub(super) aliases: Option<Vec<Text<'a>>>,
    #[serde(borrow, rename = "A")]
    pub(super) v4: Option<Vec<Text<'a>>>,
    #[serde(borrow, rename = "AAAA")]
    pub(super) v6: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
pub(super) struct Record<'a> {
    #[serde(borrow, default)]
    pub(super) rrname: Text<'a>,
    #[serde(borrow, default)]
    pub(super) rrtype: Text<'a>,
    #[serde(borrow, default)]
    pub(super) ttl: Text<'a>,
    #[serde(borrow, default)]
    pub(super) rdata: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Alert<'a> {
    #[serde(borrow, default)]
    pub(super) action: Text<'a>,
    #[serde(borrow, default)]
    pub(super) signature: Text<'a>,
}

impl Event<'_> {
    /// When it was; of a flow, when that began: its event may bear an earlier time
    /// (`flow-inputs.md §8`).
    ///
    /// # Errors
    /// That it does not say so.
    pub(super) fn at(&self) -> Result<Timestamp, String> {
        let start = self.flow.as_ref().and_then(|flow| flow.start.get());
        let start = start.or(self.netflow.as_ref().and_then(|flow| flow.start.get()));
        match start.and_then(time::iso) {
            Some(start) => Ok(start),
            None => Field::new("timestamp", self.timestamp.get()).needed(time::iso),
        }
    }

    /// The ends of the packet or flow that it is about.
    ///
    /// # Errors
    /// That it lacks one, or that one cannot be read.
    pub(super) fn ends(&self) -> Result<Ends, String> {
        let protocol = Field::new("proto", self.proto.get()).needed(flow::protocol)?;
        let port = |name, text: &Text<'_>| flow::port(Field::new(name, text.get()), protocol);
        Ok(Ends {
            protocol,
            source: Field::new("src_ip", self.src_ip.get()).needed(flow::address)?,
            source_port: port("src_port", &self.src_port)?,
            destination: Some(Field::new("dest_ip", self.dest_ip.get()).needed(flow::address)?),
            destination_port: port("dest_port", &self.dest_port)?,
        })
    }

    /// Whether it tells of a whole flow; others have a flow as it was so far.
    pub(super) fn is_of_flow(&self) -> bool {
        self.kind.get() == Some("flow")
    }

    /// Whether the source of the event is the server: of a packet to the client, of a response of
    /// DNS, and of a packet from a port that things are served on where nothing else tells.
    pub(super) fn comes_from_server(&self, ends: &Ends) -> bool {
        let initiator = self.flow.as_ref().and_then(Flow::initiator);
        if let Some((source, port)) = initiator.filter(|_| !self.is_of_flow()) {
            return source != ends.source || port.is_some_and(|port| port != ends.source_port);
        }
        if let Some(dns) = &self.dns {
            return dns.is_answer() && dns.source_is_server(ends);
        }
        match self.direction.get() {
            Some("to_client") => return true,
            Some("to_server") => return false,
            Some(_) | None => {}
        }
        let is_low = ends.source_port < 1024 && ends.destination_port >= 1024;
        let is_of_packet = self.quic.is_some() || self.alert.is_some() || self.netflow.is_some();
        is_of_packet && is_low
    }
}

impl Flow<'_> {
    /// The address of who began it, and the port where it has one.
    fn initiator(&self) -> Option<(IpAddr, Option<u16>)> {
        Some((flow::address(self.src_ip.get()?)?, self.src_port.parse()))
    }
}

impl Dns<'_> {
    fn is_answer(&self) -> bool {
        matches!(self.kind.get(), Some("answer" | "response"))
    }

    /// Whether the source of an answer is who gave it: the end on the port of DNS, else by what
    /// each version of the format does (`flow-inputs.md §8`).
    fn source_is_server(&self, ends: &Ends) -> bool {
        match (ends.source_port, ends.destination_port) {
            (53, 53) => self.version.get() == Some("3"),
            (53, _) => true,
            (_, 53) => false,
            _ => self.version.get() == Some("3"),
        }
    }

    pub(super) fn answer(&self, ends: &Ends, at: Timestamp) -> Option<DnsAnswer> {
        if !self.is_answer() {
            return None;
        }
        let ends = if self.source_is_server(ends) { ends.turned() } else { *ends };
        let query = self.queries.iter().flatten().next();
        let question = self.rrname.get().or(query.and_then(|query| query.rrname.get()))?;
        let kind = self.rrtype.get().or(query.and_then(|query| query.rrtype.get()))?;
        let code = self.rcode.get().map_or(Some(ResponseCode::NO_ERROR), dns::code)?;
        let (client, server) = (ends.source, ends.destination?);
        let asked = Asked { at, client, server, question, kind, code };
        asked.answered(|question| {
            let mut chain = Chain::new(question);
            for record in self.answers.iter().flatten() {
                if matches!(record.rrtype.get(), Some("A" | "AAAA" | "CNAME")) {
                    let ttl = record.ttl.get().map_or(0, dns::ttl);
                    chain.push(record.rdata.get().unwrap_or_default(), ttl);
                }
            }
            if let Some(grouped) = self.grouped.as_ref().filter(|_| self.answers.is_none()) {
                let Grouped { aliases, v4, v6 } = grouped;
                for answer in [aliases, v4, v6].into_iter().flatten().flatten() {
                    chain.push(answer.get().unwrap_or_default(), 0);
                }
            }
            // Version 1 has a record for each answer.
            if let Some(only) = self.rdata.get() {
                chain.push(only, self.ttl.get().map_or(0, dns::ttl));
            }
            chain.into_records()
        })
    }
}
