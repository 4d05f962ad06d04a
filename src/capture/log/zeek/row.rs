//! A row of a log, and what it says whichever log it is of.

use crate::capture::log::flow;
use crate::capture::log::flow::Ends;
use crate::capture::log::text::Field;
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
    /// Corelight writes shorter logs, too, with another end to the name, and one of connections that
    /// last.
    fn named(name: &str) -> Option<Path> {
        match name.strip_suffix("_red").unwrap_or(name) {
            "conn" | "conn_long" => Some(Path::Conn),
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
    pub(super) resumed: Text<'a>,
    #[serde(borrow, default)]
    pub(super) client_initial_dcid: Text<'a>,
    #[serde(borrow, default)]
    pub(super) trans_depth: Text<'a>,
    #[serde(borrow, default)]
    pub(super) method: Text<'a>,
    #[serde(borrow, default)]
    pub(super) host: Text<'a>,
    #[serde(borrow, default)]
    pub(super) uri: Text<'a>,
    #[serde(borrow, default)]
    pub(super) status_code: Text<'a>,
    #[serde(borrow, default)]
    pub(super) request_body_len: Text<'a>,
    /// Of SIP, whose rows are like those of HTTP.
    #[serde(borrow, default)]
    pub(super) call_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) seq: Text<'a>,
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
    #[serde(borrow, default)]
    pub(super) rejected: Text<'a>,
    #[serde(borrow, default, deserialize_with = "items")]
    pub(super) answers: Vec<Text<'a>>,
    #[serde(borrow, default, rename = "TTLs", deserialize_with = "items")]
    pub(super) ttls: Vec<Text<'a>>,
    /// The connections in which this one is encapsulated; some writers have a text of them.
    #[serde(borrow, default, deserialize_with = "items_or_text")]
    pub(super) tunnel_parents: Vec<Text<'a>>,
}

/// What the number of each connection begins with.
const UID: char = 'C';

/// The items of an array; some writers have null where there is none.
fn items<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Text<'de>>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// The numbers of connections in an array, or a text as one. Where there are none, some write that as a text.
fn items_or_text<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Text<'de>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written<'a> {
        Items(#[serde(borrow)] Vec<Text<'a>>),
        Text(#[serde(borrow)] Text<'a>),
    }
    let mut items = match Written::deserialize(from)? {
        Written::Items(items) => items,
        Written::Text(text) => vec![text],
    };
    items.retain(|item| item.get().is_some_and(|uid| uid.starts_with(UID)));
    Ok(items)
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
            "method" => &mut self.method,
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

    /// Which log the row is of: the one that it says, or that its fields tell. Rows of JSON say it only
    /// where somebody had them do so, and other logs have some fields of the same names.
    ///
    /// # Errors
    /// That it is of a log which is not read, and tells of a connection.
    pub(super) fn path(&self, table: Option<&str>) -> Result<Option<Path>, String> {
        let Some(name) = self.path.get().or(table) else { return Ok(self.path_by_fields()) };
        match Path::named(name) {
            None if self.path_by_fields() == Some(Path::Conn) => {
                Err(format!("it is of `{name}`, a log of connections that is not read"))
            }
            path => Ok(path),
        }
    }

    fn path_by_fields(&self) -> Option<Path> {
        let has = |text: &Text<'_>| text.get().is_some();
        if has(&self.conn_state) || has(&self.orig_pkts) {
            Some(Path::Conn)
        } else if has(&self.client_initial_dcid) {
            Some(Path::Quic)
        } else if has(&self.trans_depth) && self.is_of_http() {
            Some(Path::Http)
        } else if has(&self.qtype_name) || has(&self.trans_id) && self.is_of_dns() {
            Some(Path::Dns)
        } else if self.is_of_ssl() {
            Some(Path::Ssl)
        } else {
            None
        }
    }

    /// Not of SIP or mail.
    fn is_of_http(&self) -> bool {
        let any = [&self.method, &self.host, &self.uri, &self.status_code, &self.request_body_len];
        any.into_iter().any(|text| text.get().is_some())
            && self.call_id.get().is_none()
            && self.seq.get().is_none()
    }

    /// Not of STUN.
    fn is_of_dns(&self) -> bool {
        let any = [&self.query, &self.rcode, &self.rcode_name, &self.rejected];
        any.into_iter().any(|text| text.get().is_some())
    }

    /// Not of Kerberos, which has ciphers, or of WireGuard, which is established, too.
    fn is_of_ssl(&self) -> bool {
        let has = |text: &Text<'_>| text.get().is_some();
        has(&self.server_name)
            || has(&self.resumed)
            || has(&self.ssl_history)
            || has(&self.version) && (has(&self.cipher) || has(&self.established))
    }

    /// When it was.
    ///
    /// # Errors
    /// That it does not say so.
    pub(super) fn at(&self) -> Result<Timestamp, String> {
        let time = |text: &str| time::epoch_seconds(text).or_else(|| time::iso(text));
        Field::new("ts", self.ts.get()).needed(time)
    }

    /// The ends of its connection.
    ///
    /// # Errors
    /// That it lacks one, or that one cannot be read.
    pub(super) fn ends(&self, path: Path) -> Result<Ends, String> {
        let source = Field::new("id.orig_h", self.originator.get()).needed(flow::address)?;
        let destination = Field::new("id.resp_h", self.responder.get()).needed(flow::address)?;
        let protocol = self.protocol(path, source.is_ipv6())?;
        // Of ICMP, type and code stand where ports do.
        let has_ports = protocol.has_ports() || protocol == IpProtocol::SCTP;
        let port = |name, text: &Text<'_>| {
            flow::port(Field::new(name, text.get().filter(|_| has_ports)), protocol)
        };
        Ok(Ends {
            protocol,
            source,
            source_port: port("id.orig_p", &self.originator_port)?,
            destination: Some(destination),
            destination_port: port("id.resp_p", &self.responder_port)?,
        })
    }

    fn protocol(&self, path: Path, is_ipv6: bool) -> Result<IpProtocol, String> {
        let number = Field::new("ip_proto", self.ip_proto.get());
        let word = Field::new("proto", self.proto.get());
        match (word.text, path) {
            (Some("icmp"), _) => {
                let number = number.number()?.map(IpProtocol);
                Ok(number.unwrap_or(if is_ipv6 { IpProtocol::ICMPV6 } else { IpProtocol::ICMP }))
            }
            (Some("unknown_transport"), _) | (None, Path::Conn) => {
                number.needed(|text| text.parse().ok()).map(IpProtocol)
            }
            (Some(_), _) => word.needed(flow::protocol),
            (None, Path::Quic | Path::Dns) => Ok(IpProtocol::UDP),
            (None, Path::Ssl) if self.is_over_udp() => Ok(IpProtocol::UDP),
            (None, Path::Ssl | Path::Http) => Ok(IpProtocol::TCP),
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
