//! Logs of Zeek (`flow-inputs.md §7`): `conn`, `ssl`, `http`, `quic` and `dns`, as tables or JSON.
//!
//! Rows with one `uid` are one flow, in whatever order they come, as long as the log that came first
//! still fits in memory.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Deserialize;

use super::dns;
use super::dns::Asked;
use super::dns::Chain;
use super::flow;
use super::flow::Ends;
use super::open::Microseconds;
use super::open::Open;
use super::open::Weighs;
use super::text::Text;
use super::time;
use crate::capture::captured::Application;
use crate::capture::captured::CapturedFlow;
use crate::capture::captured::Sink;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::SeenPayload;

/// Connections held until the log is over, since their rows may come from one log behind another:
/// some 60 MB of memory, and of connections with many requests more.
const MOST_CONNECTIONS: usize = 1 << 16;
/// Bytes of a `uid`; Zeek's have 18.
const MOST_UID: usize = 64;
/// No row says that a connection has no more of them.
const IDLE: Microseconds = Microseconds::MAX;

/// The logs that tell of flows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Path {
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
    path: Text<'a>,
    #[serde(borrow, default)]
    ts: Text<'a>,
    #[serde(borrow, default)]
    uid: Text<'a>,
    #[serde(borrow, default, rename = "id.orig_h")]
    originator: Text<'a>,
    #[serde(borrow, default, rename = "id.orig_p")]
    originator_port: Text<'a>,
    #[serde(borrow, default, rename = "id.resp_h")]
    responder: Text<'a>,
    #[serde(borrow, default, rename = "id.resp_p")]
    responder_port: Text<'a>,
    #[serde(borrow, default)]
    proto: Text<'a>,
    #[serde(borrow, default)]
    ip_proto: Text<'a>,
    #[serde(borrow, default)]
    service: Text<'a>,
    #[serde(borrow, default)]
    duration: Text<'a>,
    #[serde(borrow, default)]
    orig_bytes: Text<'a>,
    #[serde(borrow, default)]
    orig_pkts: Text<'a>,
    #[serde(borrow, default)]
    orig_ip_bytes: Text<'a>,
    #[serde(borrow, default)]
    resp_pkts: Text<'a>,
    #[serde(borrow, default)]
    resp_ip_bytes: Text<'a>,
    #[serde(borrow, default)]
    conn_state: Text<'a>,
    #[serde(borrow, default)]
    history: Text<'a>,
    #[serde(borrow, default)]
    version: Text<'a>,
    #[serde(borrow, default)]
    cipher: Text<'a>,
    #[serde(borrow, default)]
    established: Text<'a>,
    #[serde(borrow, default)]
    server_name: Text<'a>,
    #[serde(borrow, default)]
    next_protocol: Text<'a>,
    #[serde(borrow, default)]
    ssl_history: Text<'a>,
    #[serde(borrow, default)]
    client_initial_dcid: Text<'a>,
    #[serde(borrow, default)]
    trans_depth: Text<'a>,
    #[serde(borrow, default)]
    host: Text<'a>,
    #[serde(borrow, default)]
    uri: Text<'a>,
    #[serde(borrow, default)]
    trans_id: Text<'a>,
    #[serde(borrow, default)]
    rtt: Text<'a>,
    #[serde(borrow, default)]
    query: Text<'a>,
    #[serde(borrow, default)]
    qtype_name: Text<'a>,
    #[serde(borrow, default)]
    rcode: Text<'a>,
    #[serde(borrow, default)]
    rcode_name: Text<'a>,
    #[serde(borrow, default)]
    answers: Vec<Text<'a>>,
    #[serde(borrow, default, rename = "TTLs")]
    ttls: Vec<Text<'a>>,
}

impl<'a> Row<'a> {
    /// Puts a column of a table in its place; those that are not read are dropped.
    fn set(&mut self, column: &str, value: Cow<'a, str>) {
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
    fn path(&self, table: Option<&str>) -> Option<Path> {
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

    fn at(&self) -> Option<Timestamp> {
        let text = self.ts.get()?;
        time::epoch_seconds(text).or_else(|| time::iso(text))
    }

    fn ends(&self, path: Path) -> Option<Ends> {
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
            (Some("unknown_transport"), _) => number,
            (Some(word), _) => flow::protocol(word),
            (None, Path::Quic) => Some(IpProtocol::UDP),
            (None, Path::Dns) => Some(IpProtocol::UDP),
            (None, Path::Ssl) if self.is_over_udp() => Some(IpProtocol::UDP),
            (None, Path::Ssl | Path::Http) => Some(IpProtocol::TCP),
            (None, Path::Conn) => number,
        }
    }

    /// Whether a row of `ssl` is of QUIC or DTLS.
    fn is_over_udp(&self) -> bool {
        self.is_quic() || self.version.get().is_some_and(|version| version.starts_with("DTLS"))
    }

    /// Whether a row of `ssl` is of a hello inside QUIC; only the protocol inside tells.
    fn is_quic(&self) -> bool {
        self.next_protocol.get().is_some_and(|inside| inside.starts_with("h3") || inside == "doq")
    }
}

/// A connection, as far as rows told of it.
#[derive(Debug)]
struct Connection {
    flow: CapturedFlow,
    has_conn: bool,
    /// The services that `conn` tells, comma between them.
    services: String,
    is_silent: bool,
}

/// The connections of a log.
#[derive(Debug)]
pub(super) struct Zeek {
    open: Open<Box<str>, Connection>,
}

/// What became of a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Taken {
    /// It told of a flow.
    Told,
    /// It is of another log.
    PassedOver,
    /// It lacks the time or an end.
    Unreadable,
    /// A flow had to end for it.
    Over,
}

impl Zeek {
    pub(super) fn new() -> Zeek {
        Zeek { open: Open::new(MOST_CONNECTIONS) }
    }

    /// Takes an object.
    pub(super) fn json(
        &mut self,
        bytes: &[u8],
        frame: u64,
        sink: &mut impl Sink,
    ) -> serde_json::Result<Taken> {
        let row: Row<'_> = serde_json::from_slice(bytes)?;
        Ok(self.row(&row, None, frame, sink))
    }

    /// Ends the log.
    pub(super) fn finish(&mut self, sink: &mut impl Sink) {
        self.open.finish(&mut |connection| sink.flow(connection.finished()));
    }

    fn row(
        &mut self,
        row: &Row<'_>,
        table: Option<&str>,
        frame: u64,
        sink: &mut impl Sink,
    ) -> Taken {
        let Some(path) = row.path(table) else { return Taken::PassedOver };
        let Some((at, ends)) = row.at().zip(row.ends(path)) else { return Taken::Unreadable };
        if path == Path::Dns {
            answer(row, &ends, at, sink);
        }
        let key: Box<str> = match row.uid.get() {
            Some(uid) if uid.len() > MOST_UID => return Taken::Unreadable,
            Some(uid) => uid.into(),
            // Without it rows cannot be put together.
            None => format!("#{frame}").into(),
        };
        if let Some(connection) = self.open.touch(&key, IDLE) {
            connection.take(row, path, &ends, at, frame);
            let out = &mut |connection: Connection| sink.flow(connection.finished());
            return if self.open.weigh(&key, out) { Taken::Told } else { Taken::Over };
        }
        let mut connection = Connection {
            flow: ends.flow(at, frame),
            has_conn: false,
            services: String::new(),
            is_silent: false,
        };
        connection.take(row, path, &ends, at, frame);
        let out = &mut |connection: Connection| sink.flow(connection.finished());
        if self.open.begin(key, connection, IDLE, out) { Taken::Told } else { Taken::Over }
    }
}

impl Weighs for Connection {
    fn weight(&self) -> usize {
        self.services.len() + self.flow.weight()
    }
}

impl Connection {
    fn take(&mut self, row: &Row<'_>, path: Path, ends: &Ends, at: Timestamp, frame: u64) {
        let flow = &mut self.flow;
        flow.first = flow.first.min(at);
        flow.last = flow.last.max(at);
        let name = row.server_name.get().and_then(flow::host);
        match path {
            Path::Conn => self.conn(row, ends, at),
            Path::Ssl if row.is_quic() => hello(flow, Payload::Quic { name }, at, frame),
            Path::Ssl if row.is_over_udp() => {}
            Path::Ssl => {
                let has_hello = row.ssl_history.get().is_none_or(|seen| seen.contains('C'));
                if name.is_some() || has_hello {
                    hello(flow, Payload::Tls { name, inner: None }, at, frame);
                } else if flow.openings.is_empty() {
                    flow.application = Application::Tls;
                }
            }
            Path::Quic if name.is_none() && flow.openings.is_empty() => {
                flow.application = Application::Quic;
            }
            Path::Quic => hello(flow, Payload::Quic { name }, at, frame),
            Path::Http => {
                let (host, uri) = (row.host.get(), row.uri.get().unwrap_or("/"));
                let request = flow::request(host.unwrap_or_default(), origin_form(uri));
                flow::ask(flow, Payload::Http(request), at, frame);
            }
            Path::Dns => {
                if flow.openings.is_empty() {
                    flow.application = Application::Dns;
                }
            }
        }
    }

    fn conn(&mut self, row: &Row<'_>, ends: &Ends, at: Timestamp) {
        let flow = &mut self.flow;
        self.has_conn = true;
        // The log of connections knows the protocol for sure.
        flow.protocol = ends.protocol;
        flow.source = ends.source;
        flow.source_port = ends.source_port;
        flow.destination = ends.destination;
        flow.destination_port = ends.destination_port;
        let lasted = row.duration.get().and_then(time::epoch_seconds);
        let lasted = lasted.map_or(0, Timestamp::as_nanosecond);
        let end = crate::capture::file::timestamp(at.as_nanosecond().saturating_add(lasted));
        flow.last = flow.last.max(end);
        let sum = |a: &Text<'_>, b: &Text<'_>| -> Option<u64> {
            Some(a.parse::<u64>()?.saturating_add(b.parse()?))
        };
        flow.packets = sum(&row.orig_pkts, &row.resp_pkts);
        flow.bytes = sum(&row.orig_ip_bytes, &row.resp_ip_bytes);
        let history = row.history.get().unwrap_or_default();
        let state = row.conn_state.get().unwrap_or_default();
        let is_tcp = ends.protocol == IpProtocol::TCP;
        flow.syn = is_tcp && (history.contains('S') || matches!(state, "S0" | "REJ"));
        flow.answered = history.contains(['h', 'd'])
            || history.is_empty()
                && !matches!(state, "S0" | "REJ")
                && row.resp_pkts.get() != Some("0");
        let sent = row.orig_bytes.parse::<u64>().unwrap_or(0);
        self.is_silent = flow.syn && sent == 0 && !history.contains('D');
        // Without the handshake, what was said first is not known.
        flow.incomplete |= is_tcp && !flow.syn;
        if let Some(services) = row.service.get() {
            services.clone_into(&mut self.services);
        }
    }

    /// The services of the connection; those that turned out wrong have a sign before them.
    fn services(&self) -> impl Iterator<Item = &str> {
        let all = self.services.split(',').map(str::trim);
        all.filter(|service| !service.is_empty() && !service.starts_with('-'))
    }

    fn finished(mut self) -> CapturedFlow {
        const READ: [&str; 4] = ["ssl", "http", "quic", "dns"];
        let is = |name: &str| self.services().any(|service| service == name);
        let has_other = self.services().any(|service| !READ.contains(&service));
        let has_tls = is("ssl") || self.flow.application == Application::Tls;
        let is_over_udp = self.flow.protocol == IpProtocol::UDP;
        let application = if is("quic") || has_tls && is_over_udp {
            Application::Quic
        } else if has_other {
            Application::Other
        } else if is("http") {
            Application::Http
        } else if is("ssl") {
            Application::Tls
        } else if is("dns") {
            Application::Dns
        } else {
            Application::Other
        };
        let is_begun_otherwise =
            has_other && has_tls && self.flow.application == Application::Tls && !is_over_udp;
        let was_known = has_other || self.services().next().is_some();
        let flow = &mut self.flow;
        if is_begun_otherwise {
            // TLS that another protocol turned to, as with STARTTLS: the first bytes were its own.
            flow.openings.clear();
            flow.names.clear();
            flow.name = None;
            flow.application = Application::Other;
        } else if flow.application == Application::Other && self.has_conn {
            flow.application = application;
        }
        if is_over_udp {
            // A row of `ssl` does not say that its hello was inside QUIC.
            for opening in &mut flow.openings {
                if let SeenPayload::Exactly(Payload::Tls { name, .. }) = &opening.payload {
                    opening.payload = SeenPayload::Exactly(Payload::Quic { name: name.clone() });
                }
            }
            flow.openings.dedup_by(|one, before| one.payload == before.payload);
            if flow.application == Application::Tls {
                flow.application = Application::Quic;
            }
        }
        let payload = if self.is_silent {
            SeenPayload::Exactly(Payload::Silent)
        } else if was_known || self.flow.application == Application::Dns {
            SeenPayload::Exactly(Payload::Other)
        } else {
            flow::unknown_payload(self.flow.protocol)
        };
        flow::complete(&mut self.flow, payload);
        self.flow
    }
}

/// Adds a hello, unless it is the one that another log told of: `quic` and `ssl` both do.
fn hello(flow: &mut CapturedFlow, payload: Payload, at: Timestamp, frame: u64) {
    let is_told = flow.openings.iter().any(|opening| {
        opening.payload == SeenPayload::Exactly(payload.clone())
            || matches!(
                (&opening.payload, &payload),
                (
                    SeenPayload::Exactly(Payload::Quic { .. }),
                    Payload::Tls { .. } | Payload::Quic { .. }
                )
            )
    });
    if !is_told {
        flow::ask(flow, payload, at, frame);
    }
}

/// The path of a request target; an absolute one begins with the authority (RFC 9112 §3.2.2).
fn origin_form(uri: &str) -> &str {
    let Some((_, behind)) = uri.split_once("://") else { return uri };
    behind.find('/').and_then(|at| behind.get(at..)).unwrap_or("/")
}

fn answer(row: &Row<'_>, ends: &Ends, at: Timestamp, sink: &mut impl Sink) {
    let code = row.rcode.get().or(row.rcode_name.get()).and_then(dns::code);
    let (Some(code), Some(server)) = (code, ends.destination) else { return };
    let Some((question, kind)) = row.query.get().zip(row.qtype_name.get()) else { return };
    let took = row.rtt.get().and_then(time::epoch_seconds).map_or(0, Timestamp::as_nanosecond);
    let at = crate::capture::file::timestamp(at.as_nanosecond().saturating_add(took));
    let asked = Asked { at, client: ends.source, server, question, kind, code };
    let answered = asked.answered(|question| {
        let mut chain = Chain::new(question);
        for (index, answer) in row.answers.iter().enumerate() {
            let ttl = row.ttls.get(index).and_then(Text::get).map_or(0, dns::ttl);
            chain.push(answer.get().unwrap_or_default(), ttl);
        }
        chain.into_records()
    });
    if let Some(answer) = answered {
        sink.answer(answer);
    }
}

/// A table: its header, as far as it was read.
#[derive(Debug)]
pub(super) struct Table {
    separator: u8,
    set_separator: u8,
    empty: String,
    unset: String,
    path: Option<String>,
    columns: Vec<String>,
}

impl Default for Table {
    fn default() -> Table {
        Table {
            separator: b'\t',
            set_separator: b',',
            empty: "(empty)".to_owned(),
            unset: "-".to_owned(),
            path: None,
            columns: Vec::new(),
        }
    }
}

impl Table {
    /// Takes a line: `None` for one of the header.
    pub(super) fn line(
        &mut self,
        line: &[u8],
        frame: u64,
        zeek: &mut Zeek,
        sink: &mut impl Sink,
    ) -> Option<Taken> {
        if let Some(header) = line.strip_prefix(b"#") {
            self.header(header);
            return None;
        }
        if line.is_empty() {
            return None;
        }
        let Ok(text) = str::from_utf8(line) else { return Some(Taken::Unreadable) };
        if self.columns.is_empty() {
            return Some(Taken::Unreadable);
        }
        let values = text.split(char::from(self.separator));
        let mut row = Row::default();
        let mut number = 0;
        for (column, value) in self.columns.iter().zip(values) {
            number += 1;
            if value == self.unset || value == self.empty {
                continue;
            }
            match column.as_str() {
                "answers" => row.answers = self.set(value),
                "TTLs" => row.ttls = self.set(value),
                column => row.set(column, unescaped(value)),
            }
        }
        if number < self.columns.len() {
            return Some(Taken::Unreadable);
        }
        Some(zeek.row(&row, self.path.as_deref(), frame, sink))
    }

    fn set<'a>(&self, value: &'a str) -> Vec<Text<'a>> {
        let items = value.split(char::from(self.set_separator));
        items.map(|item| Text(Some(unescaped(item)))).collect()
    }

    fn header(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        if let Some(separator) = text.strip_prefix("separator ") {
            self.separator = unescaped(separator).bytes().next().unwrap_or(b'\t');
            return;
        }
        let Some((key, value)) = text.split_once(char::from(self.separator)) else { return };
        match key {
            "set_separator" => self.set_separator = value.bytes().next().unwrap_or(b','),
            "empty_field" => value.clone_into(&mut self.empty),
            "unset_field" => value.clone_into(&mut self.unset),
            "path" => self.path = Some(value.to_owned()),
            "fields" => {
                self.columns = value.split(char::from(self.separator)).map(str::to_owned).collect();
            }
            _ => {}
        }
    }
}

/// A value with its `\xNN` undone.
fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains("\\x") {
        return Cow::Borrowed(value);
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, behind)) = rest.split_once("\\x") {
        bytes.extend_from_slice(before.as_bytes());
        match behind.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.extend_from_slice(b"\\x");
                rest = behind;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}
