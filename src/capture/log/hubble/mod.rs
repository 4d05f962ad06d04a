//! Flows of Cilium's Hubble (`flow-inputs.md §6`): an object for each packet or request that Cilium
//! told of, bare or in a wrapper.

mod event;

use crate::capture::captured::CapturedFlow;
use crate::capture::captured::Sink;
use crate::capture::log::Taken;
use crate::capture::log::dns;
use crate::capture::log::flow;
use crate::capture::log::flow::Ends;
use crate::capture::log::open::MOST_FLOWS;
use crate::capture::log::open::Microseconds;
use crate::capture::log::open::Open;
use crate::capture::log::open::hours;
use crate::capture::log::text::Field;
use crate::capture::log::text::Text;
use crate::capture::log::time;
use crate::evidence::DnsAnswer;
use crate::evidence::DnsRecord;
use crate::evidence::RecordType;
use crate::evidence::ResponseCode;
use crate::evidence::Solicited;
use crate::flow::IpProtocol;
use event::Event;
use event::Wrapper;
use jiff::Timestamp;

/// How long a flow without events is followed, as a captured one.
const IDLE: Microseconds = hours(1);

/// The flows of a log.
#[derive(Debug)]
pub(in crate::capture::log) struct Hubble {
    open: Open<Ends, CapturedFlow>,
}

impl Hubble {
    pub(in crate::capture::log) fn new() -> Hubble {
        Hubble { open: Open::new(MOST_FLOWS) }
    }

    /// Takes an object with the flow in a wrapper.
    pub(in crate::capture::log) fn wrapped(
        &mut self,
        bytes: &[u8],
        frame: u64,
        sink: &mut impl Sink,
    ) -> serde_json::Result<Taken> {
        let record: Wrapper<'_> = serde_json::from_slice(bytes)?;
        Ok(match (record.flow, record.lost_events) {
            (Some(event), _) => self.event(&event, &record.time, frame, sink),
            (None, Some(lost)) => {
                let number = lost.number.get().unwrap_or("some");
                Taken::Unreadable(format!("it says that {number} events were lost"))
            }
            (None, None) => Taken::PassedOver,
        })
    }

    /// Takes an object that is the flow.
    pub(in crate::capture::log) fn bare(
        &mut self,
        bytes: &[u8],
        frame: u64,
        sink: &mut impl Sink,
    ) -> serde_json::Result<Taken> {
        let event: Event<'_> = serde_json::from_slice(bytes)?;
        Ok(self.event(&event, &Text::default(), frame, sink))
    }

    /// Ends the log.
    pub(in crate::capture::log) fn finish(&mut self, sink: &mut impl Sink) {
        self.open.finish(&mut |flow| sink.flow(finished(flow)));
    }

    fn event(
        &mut self,
        event: &Event<'_>,
        outer: &Text<'_>,
        frame: u64,
        sink: &mut impl Sink,
    ) -> Taken {
        if event.is_of_socket() {
            return Taken::PassedOver;
        }
        let ends = match event.ends() {
            Ok(Some(ends)) => ends,
            Ok(None) => return Taken::NoAddresses,
            Err(why) => return Taken::Unreadable(why),
        };
        let at = match Field::new("time", event.time.get().or(outer.get())).needed(time::iso) {
            Ok(at) => at,
            Err(why) => return Taken::Unreadable(why),
        };
        self.open.come_to(at, &mut |flow| sink.flow(finished(flow)));
        if let Some(answer) = event.answer(&ends, at) {
            sink.answer(answer);
        }
        if self.is_reply(event, &ends) {
            if let Some(flow) = self.open.touch(&ends.turned(), IDLE) {
                flow.answered = true;
                flow.last = flow.last.max(at);
            }
            return if event.l7.is_some() { Taken::Told } else { Taken::PassedOver };
        }
        if event.is_inbound() {
            return Taken::PassedOver;
        }
        self.tell_cached_names(event, &ends, at, sink);
        let has_room = if let Some(flow) = self.open.touch(&ends, IDLE) {
            event.tell(flow, at, frame);
            self.open.weigh(&ends, &mut |flow| sink.flow(finished(flow)))
        } else {
            let mut flow = ends.flow(at, frame);
            event.tell(&mut flow, at, frame);
            self.open.begin(ends, flow, IDLE, &mut |flow| sink.flow(finished(flow)))
        };
        Taken::told(has_room)
    }

    /// Whether it goes back to the initiator. Where Cilium does not know, the packet says it that only
    /// servers send, or the flow that was seen before.
    fn is_reply(&mut self, event: &Event<'_>, ends: &Ends) -> bool {
        event.is_reply().unwrap_or_else(|| {
            let may_be = ends.protocol == IpProtocol::TCP || event.comes_from_network();
            event.is_accept() || may_be && self.open.touch(&ends.turned(), IDLE).is_some()
        })
    }

    /// Tells that the client looked up the names that Cilium's cache has for the destination, once
    /// for each flow.
    fn tell_cached_names(
        &mut self,
        event: &Event<'_>,
        ends: &Ends,
        at: Timestamp,
        sink: &mut impl Sink,
    ) {
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
                solicited: Solicited::Unsaid,
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
