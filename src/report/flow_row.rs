//! A recorded flow as a line: JSON with the keys of `cli.md` (Flows as JSON), or text.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::diagnostic::render::escape_controls;
use crate::flow::IpProtocol;
use crate::flow::Recorded;

/// A name that a flow showed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NameRow {
    /// The name, lower case, without port and final dot.
    pub name: String,
    /// What showed it, such as `sni`.
    pub origin: &'static str,
    /// When.
    pub at: Timestamp,
}

/// A recorded flow, as reports show it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FlowRow {
    /// The protocol.
    pub protocol: IpProtocol,
    /// The initiator.
    pub source: IpAddr,
    /// Its port; 0 where there is none.
    pub source_port: u16,
    /// The responder; `None` where a log does not say its address.
    pub destination: Option<IpAddr>,
    /// Its port; 0 where there is none.
    pub destination_port: u16,
    /// `tls`, `http`, `quic`, `dns`, `mssql` or `other`.
    pub application: &'static str,
    /// The word of the payload in text: that of `application`, `silent` where the client sent
    /// nothing, or empty where what it sent is not known.
    pub payload: &'static str,
    /// The first name.
    pub name: Option<String>,
    /// 0 for what a router on the wire sees, more inside tunnels.
    pub depth: u8,
    /// Time of the first packet.
    pub first: Timestamp,
    /// Time of the last packet.
    pub last: Timestamp,
    /// Datagrams; `None` where a log does not count them.
    pub packets: Option<u64>,
    /// IP bytes on the wire, or what a log counts; `None` where it does not.
    pub bytes: Option<u64>,
    /// Whether the opening SYN was captured, or the log says when the connection began.
    pub syn: bool,
    /// All names, in order.
    pub names: Vec<NameRow>,
    /// What else has to be known of it, a word each.
    pub notes: Vec<&'static str>,
    /// What the log says became of it.
    pub recorded: Option<Arc<Recorded>>,
    /// The capture, as named on the command line.
    pub capture: String,
}

/// The keys and their order are the interface's.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FlowJson<'a> {
    proto: String,
    src: IpAddr,
    sport: u16,
    dst: Option<IpAddr>,
    dport: u16,
    app: &'static str,
    name: Option<&'a str>,
    depth: u8,
    first: String,
    last: String,
    packets: Option<u64>,
    bytes: Option<u64>,
    syn: bool,
    names: Vec<NameJson<'a>>,
    notes: &'a [&'static str],
    recorded: Option<RecordedJson<'a>>,
    source: &'a str,
}

#[derive(Clone, Debug, Serialize)]
struct RecordedJson<'a> {
    verdict: &'static str,
    by: &'static str,
    policy: Option<&'a str>,
    rule: Option<String>,
    reason: Option<&'a str>,
}

impl<'a> From<&'a Recorded> for RecordedJson<'a> {
    fn from(recorded: &'a Recorded) -> RecordedJson<'a> {
        let rule = recorded.rule.as_ref();
        RecordedJson {
            verdict: recorded.verdict.keyword(),
            by: recorded.by.keyword(),
            policy: rule.and_then(|rule| rule.policy.as_deref()),
            rule: rule.map(ToString::to_string),
            reason: recorded.reason.as_deref(),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
struct NameJson<'a> {
    name: &'a str,
    origin: &'static str,
    at: String,
}

/// A time in UTC with nine digits of a second, as the interface writes it.
pub(super) fn nanoseconds(at: Timestamp) -> String {
    format!("{at:.9}")
}

impl FlowRow {
    pub(super) fn json(&self) -> FlowJson<'_> {
        FlowJson {
            proto: self.protocol.to_string(),
            src: self.source,
            sport: self.source_port,
            dst: self.destination,
            dport: self.destination_port,
            app: self.application,
            name: self.name.as_deref(),
            depth: self.depth,
            first: nanoseconds(self.first),
            last: nanoseconds(self.last),
            packets: self.packets,
            bytes: self.bytes,
            syn: self.syn,
            names: self
                .names
                .iter()
                .map(|n| NameJson { name: &n.name, origin: n.origin, at: nanoseconds(n.at) })
                .collect(),
            notes: &self.notes,
            recorded: self.recorded.as_deref().map(RecordedJson::from),
            source: &self.capture,
        }
    }

    /// One JSON object and a line feed.
    ///
    /// # Errors
    /// None that a flow can cause; `serde_json`'s own.
    pub fn to_json_line(&self) -> serde_json::Result<String> {
        serde_json::to_string(&self.json()).map(|line| line + "\n")
    }

    /// One line for people: `time  source -> destination : service application name  packets`, and
    /// behind it what the log says became of it.
    pub fn to_text_line(&self) -> String {
        let mut line = format!("{}  {}", nanoseconds(self.first), self.endpoints());
        // Writing to a `String` cannot fail.
        if !self.payload.is_empty() {
            let _ = write!(line, " {}", self.payload);
        }
        if let Some(name) = &self.name {
            let _ = write!(line, " {}", escape_controls(name));
        }
        let mut says_more: Vec<String> = Vec::new();
        if self.packets.is_some() || self.bytes.is_some() {
            says_more.push(known(self.packets, "packet"));
            says_more.push(known(self.bytes, "byte"));
        }
        if self.depth > 0 {
            says_more.push(format!("inside {}", count(self.depth.into(), "tunnel")));
        }
        says_more.extend(self.notes.iter().map(|note| (*note).to_owned()));
        if !says_more.is_empty() {
            let _ = write!(line, "  ({})", says_more.join(", "));
        }
        if let Some(recorded) = &self.recorded {
            let _ = write!(line, "  {}", says(recorded));
        }
        line.push('\n');
        line
    }

    /// `source -> destination : service`.
    pub fn endpoints(&self) -> String {
        let end = |address: IpAddr, port: u16| match (address, port) {
            (IpAddr::V6(v6), 0) => format!("[{v6}]"),
            (address, 0) => address.to_string(),
            (address, port) => SocketAddr::new(address, port).to_string(),
        };
        let service = match self.protocol {
            IpProtocol::TCP => format!("tcp/{}", self.destination_port),
            IpProtocol::UDP => format!("udp/{}", self.destination_port),
            IpProtocol::ICMP => "icmp".to_owned(),
            IpProtocol(number) => format!("proto/{number}"),
        };
        let source = end(self.source, self.source_port);
        let destination = match (self.destination, &self.name) {
            (Some(address), _) => end(address, 0),
            (None, Some(name)) => escape_controls(name),
            (None, None) => "an unknown address".to_owned(),
        };
        format!("{source} -> {destination} : {service}")
    }
}

/// What the log says became of a flow, in words: `azure-firewall: deny by group/collection/rule`.
pub(super) fn says(recorded: &Recorded) -> String {
    let rule = recorded.rule.as_ref().map(|rule| format!(" by {rule}")).unwrap_or_default();
    let reason = recorded.reason.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
    let says = format!("{}: {}{rule}{reason}", recorded.by, recorded.verdict.keyword());
    escape_controls(&says)
}

fn known(number: Option<u64>, noun: &str) -> String {
    number.map_or_else(|| format!("unknown {noun}s"), |number| count(number, noun))
}

/// `1 packet`, `2 packets`.
pub(super) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_is_written_with_the_keys_of_the_interface() {
        let first: Timestamp = "2026-03-01T10:00:00.000001Z".parse().unwrap();
        let row = FlowRow {
            protocol: IpProtocol::TCP,
            source: "10.1.0.4".parse().unwrap(),
            source_port: 50123,
            destination: Some("93.184.216.34".parse().unwrap()),
            destination_port: 443,
            application: "tls",
            payload: "tls",
            name: Some("www.example.com".to_owned()),
            depth: 0,
            first,
            last: first,
            packets: Some(12),
            bytes: Some(5120),
            syn: true,
            names: vec![NameRow { name: "www.example.com".to_owned(), origin: "sni", at: first }],
            notes: Vec::new(),
            recorded: None,
            capture: "monday.pcapng".to_owned(),
        };
        let expected = concat!(
            r#"{"proto":"tcp","src":"10.1.0.4","sport":50123,"dst":"93.184.216.34","dport":443,"#,
            r#""app":"tls","name":"www.example.com","depth":0,"first":"2026-03-01T10:00:00.000001000Z","#,
            r#""last":"2026-03-01T10:00:00.000001000Z","packets":12,"bytes":5120,"syn":true,"names":"#,
            r#"[{"name":"www.example.com","origin":"sni","at":"2026-03-01T10:00:00.000001000Z"}],"#,
            r#""notes":[],"recorded":null,"source":"monday.pcapng"}"#,
            "\n",
        );
        assert_eq!(row.to_json_line().unwrap(), expected);
        assert_eq!(
            row.to_text_line(),
            "2026-03-01T10:00:00.000001000Z  10.1.0.4:50123 -> 93.184.216.34 : tcp/443 tls \
             www.example.com  (12 packets, 5120 bytes)\n",
        );
        let inside = FlowRow { depth: 2, notes: vec!["encrypted-client-hello"], ..row };
        let line = inside.to_text_line();
        let ends = "(12 packets, 5120 bytes, inside 2 tunnels, encrypted-client-hello)\n";
        assert!(line.ends_with(ends), "{line}");
        let unknown = FlowRow { application: "other", payload: "", name: None, ..inside.clone() };
        let line = unknown.to_text_line();
        assert!(line.contains(" : tcp/443  (12 packets"), "{line}");
        let line = inside.to_json_line().unwrap();
        let ends =
            r#"}],"notes":["encrypted-client-hello"],"recorded":null,"source":"monday.pcapng"}"#;
        assert!(line.trim_end().ends_with(ends), "{line}");
    }
}
