//! EVE logs of Suricata (`flow-inputs.md §8`): events of one flow are put together by its number and
//! ends.

mod event;

use crate::capture::captured::Application;
use crate::capture::captured::CapturedFlow;
use crate::capture::captured::NameOrigin;
use crate::capture::captured::Opening;
use crate::capture::captured::Sink;
use crate::capture::log::Taken;
use crate::capture::log::flow;
use crate::capture::log::flow::Ends;
use crate::capture::log::open::Microseconds;
use crate::capture::log::open::Open;
use crate::capture::log::open::Weighs;
use crate::capture::log::open::hours;
use crate::capture::log::open::minutes;
use crate::capture::log::text::Text;
use crate::capture::log::time;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::Recorded;
use crate::flow::RecordedVerdict;
use crate::flow::Recorder;
use crate::flow::Request;
use crate::flow::SeenPayload;
use event::Event;
use event::Flow;
use event::Http;
use jiff::Timestamp;

/// Flows followed at a time: with a name and two events each, some 2 KB.
const MOST_OPEN: usize = 1 << 16;

/// How long a flow without events is waited for, as a captured one.
const IDLE: Microseconds = hours(1);
/// How long events are waited for behind that of the flow's end.
const LINGER: Microseconds = minutes(2);

/// The flags of TCP that carry no bytes of the client: SYN, RST.
const HANDSHAKE: u8 = 0x02 | 0x04;

/// What names a flow: in logs of several runs its number comes again.
type Key = (u64, Ends);

/// What is written for a request that was not seen, where its response was.
const UNSEEN_REQUEST: &str = "/libhtp::request_uri_not_seen";

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
pub(in crate::capture::log) struct Suricata {
    open: Open<Key, Followed>,
}

impl Suricata {
    pub(in crate::capture::log) fn new() -> Suricata {
        Suricata { open: Open::new(MOST_OPEN) }
    }

    /// Takes an event.
    pub(in crate::capture::log) fn event(
        &mut self,
        bytes: &[u8],
        frame: u64,
        sink: &mut impl Sink,
    ) -> serde_json::Result<Taken> {
        let event: Event<'_> = serde_json::from_slice(bytes)?;
        let tells = matches!(
            event.kind.get(),
            Some("flow" | "netflow" | "tls" | "http" | "quic" | "dns" | "alert" | "drop")
        );
        if !tells {
            return Ok(Taken::PassedOver);
        }
        let (at, ends) = match (event.at(), event.ends()) {
            (Ok(at), Ok(ends)) => (at, ends),
            (Err(why), _) | (_, Err(why)) => return Ok(Taken::Unreadable(why)),
        };
        self.open.come_to(at, &mut |one| sink.flow(one.finished()));
        if let Some(answer) = event.dns.as_ref().and_then(|dns| dns.answer(&ends, at)) {
            sink.answer(answer);
        }
        let ends = if event.comes_from_server(&ends) { ends.turned() } else { ends };
        let key = (event.flow_id.parse().unwrap_or(0), ends.undirected());
        let idle = if event.is_of_flow() { LINGER } else { IDLE };
        if let Some(followed) = self.open.touch(&key, idle) {
            followed.take(&event, &ends, at, frame);
            let has_room = self.open.weigh(&key, &mut |one| sink.flow(one.finished()));
            return Ok(Taken::told(has_room));
        }
        let flow = ends.flow(at, frame);
        let mut followed = Followed { flow, has_flow_event: false, payload: None };
        followed.take(&event, &ends, at, frame);
        let out = &mut |one: Followed| sink.flow(one.finished());
        Ok(Taken::told(self.open.begin(key, followed, idle, out)))
    }

    /// Ends the log.
    pub(in crate::capture::log) fn finish(&mut self, sink: &mut impl Sink) {
        self.open.finish(&mut |one| sink.flow(one.finished()));
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
        if let Some(told) = event.flow.as_ref().filter(|_| event.is_of_flow()) {
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
        } else if event.alert.is_some() {
            // The counts of its flow are those up to the packet that it is of.
            self.payload = self.payload.take().or(of_protocol(event));
            self.application(event);
        }
        let flow = &mut self.flow;
        if let Some(tunnel) = &event.tunnel {
            flow.depth = flow.depth.max(tunnel.depth());
        }
        if let Some(alert) = &event.alert {
            let is_blocked = alert.action.get() == Some("blocked");
            let verdict = if is_blocked { RecordedVerdict::Denied } else { RecordedVerdict::Noted };
            record(flow, verdict, alert.signature.get());
        }
        match (&event.tls, &event.quic, &event.http, &event.dns) {
            // What another protocol turned to is not what it began with.
            (Some(tls), ..) if tls.from_proto.get().is_some() => {
                self.payload = Some(SeenPayload::Exactly(Payload::Other));
            }
            (Some(tls), ..) if matches!(event.kind.get(), Some("tls" | "alert")) => {
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
            (_, _, Some(http), _) if matches!(event.kind.get(), Some("http" | "alert")) => {
                turn(flow, ends);
                match http.request() {
                    _ if http.is_of_connection() => {
                        if flow.openings.is_empty() {
                            flow.application = Application::Http;
                        }
                    }
                    Some(request) if event.alert.is_some() => {
                        ask_once(flow, Payload::Http(request), at, frame);
                    }
                    Some(request) => flow::ask(flow, Payload::Http(request), at, frame),
                    // The event of the request itself is still to come.
                    None if event.alert.is_some() => {}
                    None => flow::ask_unseen(flow, PayloadKind::Http, at, frame),
                }
            }
            (.., Some(_)) if flow.openings.is_empty() => {
                flow.application = Application::Dns;
            }
            _ => {}
        }
        if event.kind.get() == Some("drop") {
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
        self.application(event);
        let is_tls = event.app_proto.get() == Some("tls");
        if is_tls && event.app_proto_orig.get().is_some_and(|begun| begun != "tls") {
            self.is_begun_otherwise();
        }
    }

    /// Takes back what TLS showed on a connection that began with another protocol.
    fn is_begun_otherwise(&mut self) {
        let flow = &mut self.flow;
        let is_tls = |opening: &Opening| {
            matches!(&opening.payload, SeenPayload::Exactly(Payload::Tls { .. }))
        };
        flow.openings.retain(|opening| !is_tls(opening));
        flow.names.retain(|seen| seen.origin != NameOrigin::Sni);
        if flow.application == Application::Tls {
            flow.application = Application::Other;
            flow.name = None;
        }
        self.payload = Some(SeenPayload::Exactly(Payload::Other));
    }

    /// Takes note of the protocol that was recognised, where no event showed it.
    fn application(&mut self, event: &Event<'_>) {
        let flow = &mut self.flow;
        let application = match event.app_proto.get() {
            Some("tls") => Application::Tls,
            Some("http" | "http1" | "http2" | "doh2" | "websocket") => Application::Http,
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

impl Http<'_> {
    /// Whether it is about the whole connection of HTTP/2, and no request.
    fn is_of_connection(&self) -> bool {
        self.http2.as_ref().is_some_and(|told| told.stream_id.get() == Some("0"))
    }

    fn host(&self) -> Option<&str> {
        let of_header = || {
            let mut headers = self.request_headers.iter().flatten();
            headers.find(|header| header.name.get() == Some(":authority"))?.value.get()
        };
        self.hostname.get().or_else(of_header)
    }

    /// The request; `None` where only its response was seen.
    fn request(&self) -> Option<Request> {
        let (method, url, host) = (self.method.get(), self.url.get(), self.host());
        let url = url.filter(|url| *url != UNSEEN_REQUEST || method.is_some());
        method.or(url).or(host)?;
        // Each request of HTTP/2 has a host (RFC 9113 §8.3.1); many versions do not write it down.
        if self.http2.is_some() && host.is_none() {
            return None;
        }
        let url = url.unwrap_or("/");
        let request = flow::request(host.unwrap_or_default(), url);
        let port = request.port.or(self.port.parse());
        Some(Request { port, ..request })
    }
}

/// What the protocol that was recognised says of the payload: it is none of those read here. Where it
/// was not recognised it may be one that Suricata does not know, such as TDS.
fn of_protocol(event: &Event<'_>) -> Option<SeenPayload> {
    match event.app_proto.get()? {
        "tls" | "http" | "http1" | "http2" | "doh2" | "websocket" | "quic" | "dns" | "failed"
        | "unknown" => None,
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
