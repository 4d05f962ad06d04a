//! Logs of Zeek (`flow-inputs.md §7`): `conn`, `ssl`, `http`, `quic` and `dns`, as tables or JSON.
//!
//! Rows with one `uid` are one flow, in whatever order they come, as long as the log that came first
//! still fits in memory.

mod row;
mod table;

pub(super) use table::Table;

use crate::capture::captured::Application;
use crate::capture::captured::CapturedFlow;
use crate::capture::captured::NameOrigin;
use crate::capture::captured::Sink;
use crate::capture::log::Taken;
use crate::capture::log::dns;
use crate::capture::log::dns::Asked;
use crate::capture::log::dns::Chain;
use crate::capture::log::flow;
use crate::capture::log::flow::Ends;
use crate::capture::log::open::Microseconds;
use crate::capture::log::open::Open;
use crate::capture::log::open::Weighs;
use crate::capture::log::text::Text;
use crate::capture::log::time;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::SeenPayload;
use jiff::Timestamp;
use row::Path;
use row::Row;

/// Connections held until the log is over, since their rows may come from one log behind another:
/// some 60 MB of memory, and of connections with many requests more.
const MOST_CONNECTIONS: usize = 1 << 16;
/// Bytes of a `uid`; Zeek's have 18.
const MOST_UID: usize = 64;
/// No row says that a connection has no more of them.
const IDLE: Microseconds = Microseconds::MAX;

/// A connection, as far as rows told of it.
#[derive(Debug)]
struct Connection {
    flow: CapturedFlow,
    has_conn: bool,
    /// The services that `conn` tells, comma between them.
    services: String,
    is_silent: bool,
    /// Whether `conn` tells that not a byte of the client was seen.
    is_client_unheard: bool,
}

/// The connections of a log.
#[derive(Debug)]
pub(in crate::capture::log) struct Zeek {
    open: Open<Box<str>, Connection>,
}

impl Zeek {
    pub(in crate::capture::log) fn new() -> Zeek {
        Zeek { open: Open::new(MOST_CONNECTIONS) }
    }

    /// Takes an object.
    pub(in crate::capture::log) fn json(
        &mut self,
        bytes: &[u8],
        frame: u64,
        sink: &mut impl Sink,
    ) -> serde_json::Result<Taken> {
        let row: Row<'_> = serde_json::from_slice(bytes)?;
        Ok(self.row(&row, None, frame, sink))
    }

    /// Ends the log.
    pub(in crate::capture::log) fn finish(&mut self, sink: &mut impl Sink) {
        self.open.finish(&mut |connection| sink.flow(connection.finished()));
    }

    fn row(
        &mut self,
        row: &Row<'_>,
        table: Option<&str>,
        frame: u64,
        sink: &mut impl Sink,
    ) -> Taken {
        let path = match row.path(table) {
            Ok(Some(path)) => path,
            Ok(None) => return Taken::PassedOver,
            Err(why) => return Taken::Unreadable(why),
        };
        let (at, ends) = match (row.at(), row.ends(path)) {
            (Ok(at), Ok(ends)) => (at, ends),
            (Err(why), _) | (_, Err(why)) => return Taken::Unreadable(why),
        };
        if path == Path::Dns {
            answer(row, &ends, at, sink);
        }
        let key: Box<str> = match row.uid.get() {
            Some(uid) if uid.len() > MOST_UID => {
                return Taken::Unreadable(format!("its `uid` has more than {MOST_UID} bytes"));
            }
            Some(uid) => uid.into(),
            // Without it rows cannot be put together.
            None => format!("#{frame}").into(),
        };
        if let Some(connection) = self.open.touch(&key, IDLE) {
            connection.take(row, path, &ends, at, frame);
            let out = &mut |connection: Connection| sink.flow(connection.finished());
            return Taken::told(self.open.weigh(&key, out));
        }
        let mut connection = Connection {
            flow: ends.flow(at, frame),
            has_conn: false,
            services: String::new(),
            is_silent: false,
            is_client_unheard: false,
        };
        connection.take(row, path, &ends, at, frame);
        let out = &mut |connection: Connection| sink.flow(connection.finished());
        Taken::told(self.open.begin(key, connection, IDLE, out))
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
            Path::Quic => {
                if !self.has_conn {
                    // A row of `ssl` does not say what its hello was in.
                    flow.protocol = ends.protocol;
                }
                if name.is_none() && flow.openings.is_empty() {
                    flow.application = Application::Quic;
                } else {
                    hello(flow, Payload::Quic { name }, at, frame);
                }
            }
            // There is a response without the request.
            Path::Http if row.method.get().or(row.host.get()).or(row.uri.get()).is_none() => {
                flow::ask_unseen(flow, PayloadKind::Http, at, frame);
            }
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
        let sum = |a: &Text<'_>, b: &Text<'_>| -> Option<u64> {
            Some(a.parse::<u64>()?.saturating_add(b.parse()?))
        };
        let packets = sum(&row.orig_pkts, &row.resp_pkts);
        // What was written while it lasted says less than what was in the end.
        if self.has_conn && packets < flow.packets {
            return;
        }
        self.has_conn = true;
        // The log of connections knows the protocol for sure.
        flow.protocol = ends.protocol;
        flow.source = ends.source;
        flow.source_port = ends.source_port;
        flow.destination = ends.destination;
        flow.destination_port = ends.destination_port;
        // All that it ever was in stands there, so that how deep it lies is not told.
        if !row.tunnel_parents.is_empty() {
            flow.depth = 1;
        }
        let lasted = row.duration.get().and_then(time::epoch_seconds);
        let lasted = lasted.map_or(0, Timestamp::as_nanosecond);
        let end = crate::capture::moment::timestamp(at.as_nanosecond().saturating_add(lasted));
        flow.last = flow.last.max(end);
        flow.packets = packets;
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
        let is_unheard = sent == 0 && !history.contains('D');
        self.is_silent = flow.syn && is_unheard;
        self.is_client_unheard = is_unheard && !history.is_empty();
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
        let is_over_udp = self.flow.protocol == IpProtocol::UDP;
        let application = if is("quic") {
            Application::Quic
        } else if is("http") && !is("socks") {
            // What else was seen is inside of it, or what it turned to.
            Application::Http
        } else if is("tds") {
            // By an analyzer that is installed beside Zeek's own.
            Application::Mssql
        } else if has_other {
            Application::Other
        } else if is("ssl") && !is_over_udp {
            Application::Tls
        } else if is("dns") {
            Application::Dns
        } else {
            Application::Other
        };
        let is_begun_otherwise =
            (has_other || is("http")) && !is("quic") && self.flow.application == Application::Tls;
        let was_known = has_other || self.services().next().is_some();
        let flow = &mut self.flow;
        if is_begun_otherwise {
            // TLS that another protocol turned to, as with STARTTLS: the first bytes were its own.
            flow.openings.retain(|opening| {
                !matches!(&opening.payload, SeenPayload::Exactly(Payload::Tls { .. }))
            });
            flow.names.retain(|seen| seen.origin != NameOrigin::Sni);
            flow.name = flow.names.first().map(|seen| seen.name.clone());
            flow.application = application;
        } else if flow.application == Application::Other && self.has_conn {
            flow.application = application;
        }
        if self.is_silent {
            // A response to nothing, such as one that tells of a time-out.
            flow.openings.retain(|opening| opening.payload != SeenPayload::Kind(PayloadKind::Http));
            if flow.openings.is_empty() && flow.application == Application::Http {
                flow.application = Application::Other;
            }
        }
        if self.is_client_unheard {
            // What is known of TLS is what the server said.
            for opening in &mut flow.openings {
                if matches!(&opening.payload, SeenPayload::Exactly(Payload::Tls { name: None, .. }))
                {
                    opening.payload = SeenPayload::Kind(PayloadKind::Tls);
                }
            }
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
    let at = crate::capture::moment::timestamp(at.as_nanosecond().saturating_add(took));
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
