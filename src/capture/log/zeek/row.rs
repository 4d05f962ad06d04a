//! A row of a log, and what it says whichever log it is of.

use crate::capture::log::flow;
use crate::capture::log::flow::Ends;
use crate::capture::log::text::Text;
use crate::capture::log::time;
use crate::flow::IpProtocol;
use jiff::Timestamp;
use serde::Deserialize;
use serde::Deserializer;
use std::borrow::Cow;

/// The logs that tell of flows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Path {
    Conn,
    Ssl,
    Http,
    Quic,
    Dns,
}

impl Path {
    fn named(name: &str) -> Option<Path> {
        match name {
            "conn" => Some(Path::Conn),
            "ssl" => Some(Path::Ssl),
            "http" => Some(Path::Http),
            "quic" => Some(Path::Quic),
            "dns" => Some(Path::Dns),
            _ => None,
        }
    }
}

/// A row, as far as it is read.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow, default, rename = "_path")]
    pub(super) path: Text<'a>,
    #[serde(borrow, default)]
    pub(super) ts: Text<'a>,
    #[serde(borrow, default)]
    pub(super) uid: Text<'a>,
    #[serde(borrow, default, rename = "id.orig_h")]
    pub(super) originator: Text<'a>,
    #[serde(borrow, default, rename = "id.orig_p")]
    pub(super) originator_port: Text<'a>,
    #[serde(borrow, default, rename = "id.resp_h")]
    pub(super) responder: Text<'a>,
    #[serde(borrow, default, rename = "id.resp_p")]
    pub(super) responder_port: Text<'a>,
    #[serde(borrow, default)]
    pub(super) proto: Text<'a>,
    #[serde(borrow, default)]
    pub(super) ip_proto: Text<'a>,
    #[serde(borrow, default)]
    pub(super) service: Text<'a>,
    #[serde(borrow, default)]
    pub(super) duration: Text<'a>,
    #[serde(borrow, default)]
    pub(super) orig_bytes: Text<'a>,
    #[serde(borrow, default)]
    pub(super) orig_pkts: Text<'a>,
    #[serde(borrow, default)]
    pub(super) orig_ip_bytes: Text<'a>,
    #[serde(borrow, default)]
    pub(super) resp_pkts: Text<'a>,
    #[serde(borrow, default)]
    pub(super) resp_ip_bytes: Text<'a>,
    #[serde(borrow, default)]
    pub(super) conn_state: Text<'a>,
    #[serde(borrow, default)]
    pub(super) history: Text<'a>,
    #[serde(borrow, default)]
    pub(super) version: Text<'a>,
    #[serde(borrow, default)]
    pub(super) cipher: Text<'a>,
    #[serde(borrow, default)]
    pub(super) established: Text<'a>,
    #[serde(borrow, default)]
    pub(super) server_name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) next_protocol: Text<'a>,
    #[serde(borrow, default)]
    pub(super) ssl_history: Text<'a>,
    #[serde(borrow, default)]
    pub(super) client_initial_dcid: Text<'a>,
    #[serde(borrow, default)]
    pub(super) trans_depth: Text<'a>,
    #[serde(borrow, default)]
    pub(super) host: Text<'a>,
    #[serde(borrow, default)]
    pub(super) uri: Text<'a>,
    #[serde(borrow, default)]
    pub(super) trans_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) rtt: Text<'a>,
    #[serde(borrow, default)]
    pub(super) query: Text<'a>,
    #[serde(borrow, default)]
    pub(super) qtype_name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) rcode: Text<'a>,
    #[serde(borrow, default)]
    pub(super) rcode_name: Text<'a>,
    #[serde(borrow, default, deserialize_with = "items")]
    pub(super) answers: Vec<Text<'a>>,
    #[serde(borrow, default, rename = "TTLs", deserialize_with = "items")]
    pub(super) ttls: Vec<Text<'a>>,
}

/// The items of an array; some writers have null where there is none.
fn items<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Text<'de>>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

impl<'a> Row<'a> {
    /// Puts a column of a table in its place; those that are not read are dropped.
    pub(super) fn set(&mut self, column: &str, value: Cow<'a, str>) {
        let place = match column {
            "ts" => &mut self.ts,
            "uid" => &mut self.uid,
            "id.orig_h" => &mut self.originator,
            "id.orig_p" => &mut self.originator_port,
            "id.resp_h" => &mut self.responder,
            "id.resp_p" => &mut self.responder_port,
            "proto" => &mut self.proto,
            "ip_proto" => &mut self.ip_proto,
            "service" => &mut self.service,
            "duration" => &mut self.duration,
            "orig_bytes" => &mut self.orig_bytes,
            "orig_pkts" => &mut self.orig_pkts,
            "orig_ip_bytes" => &mut self.orig_ip_bytes,
            "resp_pkts" => &mut self.resp_pkts,
            "resp_ip_bytes" => &mut self.resp_ip_bytes,
            "conn_state" => &mut self.conn_state,
            "history" => &mut self.history,
            "version" => &mut self.version,
            "cipher" => &mut self.cipher,
            "established" => &mut self.established,
            "server_name" => &mut self.server_name,
            "next_protocol" => &mut self.next_protocol,
            "ssl_history" => &mut self.ssl_history,
            "client_initial_dcid" => &mut self.client_initial_dcid,
            "trans_depth" => &mut self.trans_depth,
            "host" => &mut self.host,
            "uri" => &mut self.uri,
            "trans_id" => &mut self.trans_id,
            "rtt" => &mut self.rtt,
            "query" => &mut self.query,
            "qtype_name" => &mut self.qtype_name,
            "rcode" => &mut self.rcode,
            "rcode_name" => &mut self.rcode_name,
            _ => return,
        };
        *place = Text(Some(value));
    }

    /// Which log the row is of: the one that it says, or that its fields tell.
    pub(super) fn path(&self, table: Option<&str>) -> Option<Path> {
        if let Some(name) = self.path.get().or(table) {
            return Path::named(name);
        }
        let has = |text: &Text<'_>| text.get().is_some();
        if has(&self.conn_state) || has(&self.orig_pkts) {
            Some(Path::Conn)
        } else if has(&self.client_initial_dcid) {
            Some(Path::Quic)
        } else if has(&self.trans_depth) {
            Some(Path::Http)
        } else if has(&self.qtype_name) || has(&self.trans_id) {
            Some(Path::Dns)
        } else if has(&self.cipher) || has(&self.established) || has(&self.server_name) {
            Some(Path::Ssl)
        } else {
            None
        }
    }

    pub(super) fn at(&self) -> Option<Timestamp> {
        let text = self.ts.get()?;
        time::epoch_seconds(text).or_else(|| time::iso(text))
    }

    pub(super) fn ends(&self, path: Path) -> Option<Ends> {
        let source = flow::address(self.originator.get()?)?;
        let destination = flow::address(self.responder.get()?)?;
        let protocol = self.protocol(path, source.is_ipv6())?;
        // Of ICMP, type and code stand where ports do.
        let has_ports = protocol.has_ports() || protocol == IpProtocol::SCTP;
        let port = |text: &Text<'_>| text.parse().filter(|_| has_ports).unwrap_or(0);
        Some(Ends {
            protocol,
            source,
            source_port: port(&self.originator_port),
            destination: Some(destination),
            destination_port: port(&self.responder_port),
        })
    }

    fn protocol(&self, path: Path, is_ipv6: bool) -> Option<IpProtocol> {
        let number = self.ip_proto.parse().map(IpProtocol);
        match (self.proto.get(), path) {
            (Some("icmp"), _) => {
                Some(number.unwrap_or(if is_ipv6 { IpProtocol::ICMPV6 } else { IpProtocol::ICMP }))
            }
            (Some("unknown_transport"), _) | (None, Path::Conn) => number,
            (Some(word), _) => flow::protocol(word),
            (None, Path::Quic | Path::Dns) => Some(IpProtocol::UDP),
            (None, Path::Ssl) if self.is_over_udp() => Some(IpProtocol::UDP),
            (None, Path::Ssl | Path::Http) => Some(IpProtocol::TCP),
        }
    }

    /// Whether a row of `ssl` is of QUIC or DTLS.
    pub(super) fn is_over_udp(&self) -> bool {
        self.is_quic() || self.version.get().is_some_and(|version| version.starts_with("DTLS"))
    }

    /// Whether a row of `ssl` is of a hello inside QUIC; only the protocol inside tells.
    pub(super) fn is_quic(&self) -> bool {
        self.next_protocol.get().is_some_and(|inside| inside.starts_with("h3") || inside == "doq")
    }
}
