//! EVE logs of Suricata (`flow-inputs.md §8`): events of one flow are put together by its number and
//! ends.

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
use super::open::Weighs;
use super::open::hours;
use super::open::minutes;
use super::text::Text;
use super::time;
use crate::capture::captured::Application;
use crate::capture::captured::CapturedFlow;
use crate::capture::captured::Sink;
use crate::evidence::DnsAnswer;
use crate::evidence::ResponseCode;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::Recorded;
use crate::flow::RecordedVerdict;
use crate::flow::Recorder;
use crate::flow::SeenPayload;

/// How long a flow without events is waited for, as a captured one.
const IDLE: Microseconds = hours(1);
/// How long events are waited for behind that of the flow's end.
const LINGER: Microseconds = minutes(2);

/// The flags of TCP that carry no bytes of the client: SYN, RST.
const HANDSHAKE: u8 = 0x02 | 0x04;

/// What names a flow: in logs of several runs its number comes again.
type Key = (u64, Ends);

/// What became of an event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Taken {
    /// It told of a flow.
    Told,
    /// It is of a kind that tells of none.
    PassedOver,
    /// It lacks the time or an end.
    Unreadable,
    /// A flow had to end for it.
    Over,
}

/// A flow, as far as events told of it.
#[derive(Debug)]
struct Followed {
    flow: CapturedFlow,
    has_flow_event: bool,
    /// What is known of the payload where no event shows it.
    payload: Option<SeenPayload>,
}

/// The flows of a log.
#[derive(Debug)]
pub(super) struct Suricata {
    open: Open<Key, Followed>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    timestamp: Text<'a>,
    #[serde(borrow, default)]
    flow_id: Text<'a>,
    #[serde(borrow, default)]
    event_type: Text<'a>,
    #[serde(borrow, default)]
    src_ip: Text<'a>,
    #[serde(borrow, default)]
    src_port: Text<'a>,
    #[serde(borrow, default)]
    dest_ip: Text<'a>,
    #[serde(borrow, default)]
    dest_port: Text<'a>,
    #[serde(borrow, default)]
    proto: Text<'a>,
    #[serde(borrow, default)]
    app_proto: Text<'a>,
    #[serde(borrow)]
    flow: Option<Flow<'a>>,
    #[serde(borrow)]
    netflow: Option<Netflow<'a>>,
    #[serde(borrow)]
    tcp: Option<Tcp<'a>>,
    #[serde(borrow)]
    tls: Option<Hello<'a>>,
    #[serde(borrow)]
    quic: Option<Hello<'a>>,
    #[serde(borrow)]
    http: Option<Http<'a>>,
    #[serde(borrow)]
    dns: Option<Dns<'a>>,
    #[serde(borrow)]
    alert: Option<Alert<'a>>,
}

#[derive(Deserialize)]
struct Flow<'a> {
    #[serde(borrow, default)]
    pkts_toserver: Text<'a>,
    #[serde(borrow, default)]
    pkts_toclient: Text<'a>,
    #[serde(borrow, default)]
    bytes_toserver: Text<'a>,
    #[serde(borrow, default)]
    bytes_toclient: Text<'a>,
    #[serde(borrow, default)]
    start: Text<'a>,
    #[serde(borrow, default)]
    end: Text<'a>,
    #[serde(borrow, default)]
    action: Text<'a>,
}

#[derive(Deserialize)]
struct Netflow<'a> {
    #[serde(borrow, default)]
    pkts: Text<'a>,
    #[serde(borrow, default)]
    bytes: Text<'a>,
    #[serde(borrow, default)]
    start: Text<'a>,
    #[serde(borrow, default)]
    end: Text<'a>,
}

#[derive(Deserialize)]
struct Tcp<'a> {
    #[serde(borrow, default)]
    tcp_flags_ts: Text<'a>,
    #[serde(borrow, default)]
    syn: Text<'a>,
}

#[derive(Deserialize)]
struct Hello<'a> {
    #[serde(borrow, default)]
    sni: Text<'a>,
    #[serde(borrow, default)]
    from_proto: Text<'a>,
}

#[derive(Deserialize)]
struct Http<'a> {
    #[serde(borrow, default)]
    hostname: Text<'a>,
    #[serde(borrow, default)]
    http_port: Text<'a>,
    #[serde(borrow, default)]
    url: Text<'a>,
}

#[derive(Deserialize)]
struct Dns<'a> {
    #[serde(borrow, default)]
    version: Text<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow, default)]
    rrname: Text<'a>,
    #[serde(borrow, default)]
    rrtype: Text<'a>,
    #[serde(borrow, default)]
    rcode: Text<'a>,
    #[serde(borrow)]
    queries: Option<Vec<Record<'a>>>,
    #[serde(borrow)]
    answers: Option<Vec<Record<'a>>>,
    #[serde(borrow, default)]
    rdata: Text<'a>,
    #[serde(borrow, default)]
    ttl: Text<'a>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow, default)]
    rrname: Text<'a>,
    #[serde(borrow, default)]
    rrtype: Text<'a>,
    #[serde(borrow, default)]
    ttl: Text<'a>,
    #[serde(borrow, default)]
    rdata: Text<'a>,
}

#[derive(Deserialize)]
struct Alert<'a> {
    #[serde(borrow, default)]
    action: Text<'a>,
    #[serde(borrow, default)]
    signature: Text<'a>,
}

impl Suricata {
    pub(super) fn new() -> Suricata {
        Suricata { open: Open::new(MOST_FLOWS) }
    }

    /// Takes an event.
    pub(super) fn event(
        &mut self,
        bytes: &[u8],
        frame: u64,
        sink: &mut impl Sink,
    ) -> serde_json::Result<Taken> {
        let event: Event<'_> = serde_json::from_slice(bytes)?;
        let tells = matches!(
            event.event_type.get(),
            Some("flow" | "netflow" | "tls" | "http" | "quic" | "dns" | "alert" | "drop")
        );
        if !tells {
            return Ok(Taken::PassedOver);
        }
        let Some((at, ends)) = event.at().zip(event.ends()) else { return Ok(Taken::Unreadable) };
        self.open.come_to(at, &mut |one| sink.flow(one.finished()));
        if let Some(answer) = event.dns.as_ref().and_then(|dns| dns.answer(&ends, at)) {
            sink.answer(answer);
        }
        let ends = if event.comes_from_server(&ends) { ends.turned() } else { ends };
        let key = (event.flow_id.parse().unwrap_or(0), ends.undirected());
        let idle = if event.flow.is_some() { LINGER } else { IDLE };
        if let Some(followed) = self.open.touch(&key, idle) {
            followed.take(&event, &ends, at, frame);
            let has_room = self.open.weigh(&key, &mut |one| sink.flow(one.finished()));
            return Ok(if has_room { Taken::Told } else { Taken::Over });
        }
        let flow = ends.flow(at, frame);
        let mut followed = Followed { flow, has_flow_event: false, payload: None };
        followed.take(&event, &ends, at, frame);
        let out = &mut |one: Followed| sink.flow(one.finished());
        Ok(if self.open.begin(key, followed, idle, out) { Taken::Told } else { Taken::Over })
    }

    /// Ends the log.
    pub(super) fn finish(&mut self, sink: &mut impl Sink) {
        self.open.finish(&mut |one| sink.flow(one.finished()));
    }
}

impl Event<'_> {
    /// When it was; of a flow, when that began: its event may bear an earlier time
    /// (`flow-inputs.md §8`).
    fn at(&self) -> Option<Timestamp> {
        let start = self.flow.as_ref().and_then(|flow| flow.start.get());
        let start = start.or(self.netflow.as_ref().and_then(|flow| flow.start.get()));
        start.and_then(time::iso).or_else(|| self.timestamp.get().and_then(time::iso))
    }

    fn ends(&self) -> Option<Ends> {
        let protocol = flow::protocol(self.proto.get()?)?;
        Some(Ends {
            protocol,
            source: flow::address(self.src_ip.get()?)?,
            source_port: self.src_port.parse().unwrap_or(0),
            destination: Some(flow::address(self.dest_ip.get()?)?),
            destination_port: self.dest_port.parse().unwrap_or(0),
        })
    }

    /// Whether the source of the event is the server: of a response of DNS, and of a packet of QUIC
    /// from the port that it is served on.
    fn comes_from_server(&self, ends: &Ends) -> bool {
        if let Some(dns) = &self.dns {
            return dns.is_answer() && dns.source_is_server(ends);
        }
        let is_low = ends.source_port < 1024 && ends.destination_port >= 1024;
        self.quic.is_some() && is_low
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

    fn answer(&self, ends: &Ends, at: Timestamp) -> Option<DnsAnswer> {
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
            // Version 1 has a record for each answer.
            if let Some(only) = self.rdata.get() {
                chain.push(only, self.ttl.get().map_or(0, dns::ttl));
            }
            chain.into_records()
        })
    }
}

impl Weighs for Followed {
    fn weight(&self) -> usize {
        self.flow.weight()
    }
}

impl Followed {
    fn take(&mut self, event: &Event<'_>, ends: &Ends, at: Timestamp, frame: u64) {
        let flow = &mut self.flow;
        flow.first = flow.first.min(at);
        flow.last = flow.last.max(at);
        if let Some(told) = &event.flow {
            self.has_flow_event = true;
            turn(&mut self.flow, ends);
            self.flow_event(told, event);
        } else if let Some(told) = event.netflow.as_ref().filter(|_| !self.has_flow_event) {
            let add = |sum: &mut Option<u64>, more: &Text<'_>| {
                if let Some(more) = more.parse::<u64>() {
                    *sum = Some(sum.unwrap_or(0).saturating_add(more));
                }
            };
            add(&mut flow.packets, &told.pkts);
            add(&mut flow.bytes, &told.bytes);
            let end = told.end.get().and_then(time::iso);
            flow.last = end.map_or(flow.last, |end| flow.last.max(end));
            self.payload = self.payload.take().or(of_protocol(event));
        }
        let flow = &mut self.flow;
        match (&event.tls, &event.quic, &event.http, &event.dns, &event.alert) {
            // What another protocol turned to is not what it began with.
            (Some(tls), ..) if tls.from_proto.get().is_some() => {
                self.payload = Some(SeenPayload::Exactly(Payload::Other));
            }
            (Some(tls), ..) if event.event_type.get() == Some("tls") => {
                turn(flow, ends);
                match tls.sni.get().and_then(flow::host) {
                    Some(name) => {
                        let payload = Payload::Tls { name: Some(name), inner: None };
                        ask_once(flow, payload, at, frame);
                    }
                    None if flow.openings.is_empty() => flow.application = Application::Tls,
                    None => {}
                }
            }
            (_, Some(quic), ..) => match quic.sni.get().and_then(flow::host) {
                Some(name) => ask_once(flow, Payload::Quic { name: Some(name) }, at, frame),
                None if flow.openings.is_empty() => flow.application = Application::Quic,
                None => {}
            },
            (_, _, Some(http), ..) if event.event_type.get() == Some("http") => {
                turn(flow, ends);
                let url = http.url.get().unwrap_or("/");
                let mut request = flow::request(http.hostname.get().unwrap_or_default(), url);
                request.port = request.port.or(http.http_port.parse());
                flow::ask(flow, Payload::Http(request), at, frame);
            }
            (_, _, _, Some(_), _) if flow.openings.is_empty() => {
                flow.application = Application::Dns;
            }
            (.., Some(alert)) => {
                let is_blocked = alert.action.get() == Some("blocked");
                let verdict =
                    if is_blocked { RecordedVerdict::Denied } else { RecordedVerdict::Noted };
                record(flow, verdict, alert.signature.get());
            }
            _ => {}
        }
        if event.event_type.get() == Some("drop") {
            record(&mut self.flow, RecordedVerdict::Denied, None);
        }
    }

    fn flow_event(&mut self, told: &Flow<'_>, event: &Event<'_>) {
        let flow = &mut self.flow;
        let sum = |a: &Text<'_>, b: &Text<'_>| -> Option<u64> {
            Some(a.parse::<u64>()?.saturating_add(b.parse()?))
        };
        flow.packets = sum(&told.pkts_toserver, &told.pkts_toclient);
        flow.bytes = sum(&told.bytes_toserver, &told.bytes_toclient);
        flow.answered = told.pkts_toclient.parse::<u64>().is_some_and(|packets| packets > 0);
        if let Some(end) = told.end.get().and_then(time::iso) {
            flow.last = flow.last.max(end);
        }
        match told.action.get() {
            Some("drop") => record(flow, RecordedVerdict::Denied, None),
            Some("pass") => record(flow, RecordedVerdict::Allowed, None),
            Some(_) | None => {}
        }
        let sent =
            event.tcp.as_ref().and_then(|tcp| u8::from_str_radix(tcp.tcp_flags_ts.get()?, 16).ok());
        flow.syn = flow.protocol == IpProtocol::TCP
            && event.tcp.as_ref().is_some_and(|tcp| tcp.syn.get() == Some("true"));
        let is_silent = flow.syn && sent.is_some_and(|flags| flags & !HANDSHAKE == 0);
        self.payload = if is_silent {
            Some(SeenPayload::Exactly(Payload::Silent))
        } else {
            of_protocol(event).or(self.payload.take())
        };
        let application = match event.app_proto.get() {
            Some("tls") => Application::Tls,
            Some("http" | "http1" | "http2") => Application::Http,
            Some("quic") => Application::Quic,
            Some("dns") => Application::Dns,
            Some(_) | None => return,
        };
        let is_other = self.payload == Some(SeenPayload::Exactly(Payload::Other));
        if flow.application == Application::Other && !is_other {
            flow.application = application;
        }
    }

    fn finished(mut self) -> CapturedFlow {
        let payload = self.payload.unwrap_or(flow::unknown_payload(self.flow.protocol));
        flow::complete(&mut self.flow, payload);
        self.flow
    }
}

/// What the protocol that was recognised says of the payload: one that is none of those read here,
/// or none at all, is of no known protocol.
fn of_protocol(event: &Event<'_>) -> Option<SeenPayload> {
    match event.app_proto.get()? {
        "tls" | "http" | "http1" | "http2" | "quic" | "dns" => None,
        _ => Some(SeenPayload::Exactly(Payload::Other)),
    }
}

/// Gives a flow the direction that this event knows.
fn turn(flow: &mut CapturedFlow, ends: &Ends) {
    flow.source = ends.source;
    flow.source_port = ends.source_port;
    flow.destination = ends.destination;
    flow.destination_port = ends.destination_port;
}

fn ask_once(flow: &mut CapturedFlow, payload: Payload, at: Timestamp, frame: u64) {
    let seen = SeenPayload::Exactly(payload);
    if flow.openings.iter().any(|opening| opening.payload == seen) {
        return;
    }
    if let SeenPayload::Exactly(payload) = seen {
        flow::ask(flow, payload, at, frame);
    }
}

/// Takes note of what Suricata did; a block stays one.
fn record(flow: &mut CapturedFlow, verdict: RecordedVerdict, reason: Option<&str>) {
    let was = flow.recorded.as_ref().map(|recorded| recorded.verdict);
    if was != Some(RecordedVerdict::Denied) {
        let (by, reason) = (Recorder::Suricata, reason.map(flow::words));
        flow.recorded = Some(Recorded { verdict, by, rule: None, reason }.into());
    }
}
