//! From packets to flows: each packet is put to its flow, and flows end when they fall idle.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::captured::Sink;
use super::conversation::Conversation;
use super::conversation::Packet;
use super::conversation::Translation;
use super::copies::Copies;
use super::copies::EndsHash;
use super::copies::OtherSide;
use super::copies::PrintKey;
use super::copies::Unchanged;
use super::copies::Vantage;
use super::copies::Vantages;
use super::dissect::Dissected;
use super::dissect::Transport;
use super::dissect::behind_link;
use super::dissect::dissect;
use super::error::CaptureError;
use super::error::Limit;
use super::error::Summary;
use super::file::Frame;
use super::file::UNTIMED;
use super::fragments::Fragments;
use super::fragments::Sent;
use super::link::LinkType;
use super::moment::Moment;
use super::speaker::Endpoint;
use super::table::FlowId;
use super::table::Key;
use super::table::Table;
use super::wire;
use super::wire::Datagram;
use super::wire::Fragment;
use super::wire::Linked;
use super::wire::Malformed;
use super::wire::ipv6;
use super::wire::tunnel;
use super::wire::tunnel::MOST_DEPTH;
use crate::evidence::DnsAnswer;
use crate::flow::IpProtocol;

/// How long a flow without packets is followed. Longer than any idle timeout that Azure Firewall
/// has (`azure-firewall.md §1.11`), so that no session of the firewall is two flows here.
const IDLE_SECONDS: i64 = 3600;
/// A step of the clock that has to be confirmed: captures pause for a night, damaged times are years
/// off.
const LEAP_SECONDS: i64 = 24 * 3600;
/// Flows followed at a time: at most some 250 MB of memory.
const MOST_FLOWS: usize = 1 << 17;
/// Bytes held of all flows together, besides what each flow takes anyway. Where thousands of flows grow
/// in turn, each leaves behind what it outgrew: five times as much memory was measured.
const MOST_HELD_BYTES: usize = 24 << 20;
/// What may wait of a flow while all hold too much: more than hellos and requests that are under way.
const MOST_WAITING_BYTES: usize = 8 << 10;
/// Entries of [`Tracker::ages`] besides two for each flow, before those of flows that ended are taken out.
const MOST_OUTDATED: usize = 1 << 10;

/// A flow with the places where it is found.
#[derive(Debug)]
struct Followed {
    conversation: Conversation,
    key: Key,
    /// The file in which it began.
    file: usize,
    /// Where it is found on the other side of source NAT, and what the client is called there; few
    /// flows are.
    other_side: Option<Box<(Key, Endpoint)>>,
    /// The latest time in the file when its last packet came. Files that were merged step back in
    /// time; a flow is idle by the packets that come after it, not by its own clock.
    touched: Moment,
    /// Bytes that it held after its last packet.
    held: usize,
}

/// The ends of a packet as they stand in it, where they are named otherwise.
#[derive(Clone, Copy, Debug)]
struct AsSeen {
    source: Endpoint,
    destination: Endpoint,
}

impl AsSeen {
    fn of(packet: &Packet<'_>) -> AsSeen {
        AsSeen { source: packet.source, destination: packet.destination }
    }

    /// The packet as it was seen.
    fn restore<'a>(self, packet: &Packet<'a>) -> Packet<'a> {
        Packet { source: self.source, destination: self.destination, ..*packet }
    }
}

impl Followed {
    /// Names the client in a packet of this flow as in the flow's first packet, so that copies on
    /// both sides of source NAT are equal; tells whether it had another name.
    fn name_as_first_seen(&self, packet: &mut Packet<'_>) -> bool {
        let Some((_, end)) = self.other_side.as_deref() else { return false };
        if packet.source == *end {
            packet.source = self.conversation.source();
        } else if packet.destination == *end {
            packet.destination = self.conversation.source();
        } else {
            return false;
        }
        true
    }

    /// Takes `packet` for the flow's opening on the other side of source NAT, where it has `key`; tells
    /// whether it can be.
    fn take_other_side(&mut self, packet: &Packet<'_>, key: Key, is_before: bool) -> bool {
        let (seen, other) = (self.conversation.source(), packet.source);
        if self.other_side.is_some() || seen.address == other.address {
            return false;
        }
        let (before, after) = if is_before { (seen, other) } else { (other, seen) };
        self.conversation.translate(Translation { before, after });
        self.other_side = Some(Box::new((key, other)));
        true
    }
}

/// Follows the flows of a capture.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    /// Of the file that is being read.
    summary: Summary,
    /// Its number.
    file: usize,
    /// Those of the other files, by their numbers.
    summaries: Vec<Summary>,
    vantages: Vantages,
    fragments: Fragments,
    copies: Copies,
    flows: Table<Followed>,
    /// A time not after each flow was touched, and the flow; the least first.
    ages: BinaryHeap<Reverse<(Moment, FlowId)>>,
    /// Until then no flow falls idle.
    none_idle_before: Moment,
    /// The time of the packet before, if it leapt ahead of all others.
    leap: Option<Moment>,
    held: usize,
    /// That of the packet before.
    last_link: Option<LinkType>,
    /// The latest time seen; clocks may step back.
    now: Moment,
}

impl Tracker {
    /// The key under which it hashes packets.
    pub(super) fn key(&self) -> &PrintKey {
        &self.copies.key
    }

    /// Notes the link type of the file.
    pub(super) fn link(&mut self, link: LinkType) {
        self.summary.link_types.insert(link);
    }

    /// Goes on with the frames of another file on the same time line.
    pub(super) fn turn_to(&mut self, file: usize) {
        if file == self.file {
            return;
        }
        let most = file.max(self.file) + 1;
        if self.summaries.len() < most {
            self.summaries.resize_with(most, Summary::default);
        }
        if let Some(place) = self.summaries.get_mut(self.file) {
            *place = std::mem::take(&mut self.summary);
        }
        if let Some(place) = self.summaries.get_mut(file) {
            self.summary = std::mem::take(place);
        }
        self.file = file;
        self.last_link = None;
    }

    /// Takes the next packet of the file.
    pub(super) fn frame(
        &mut self,
        frame: Frame<'_>,
        sink: &mut impl Sink,
    ) -> Result<(), CaptureError> {
        match dissect(&frame, &self.copies.key) {
            Some(mut dissected) => {
                self.dissected(&mut dissected, frame.interface, frame.link, sink);
                Ok(())
            }
            None => self.undissected(frame, sink),
        }
    }

    /// Takes the next packet of the file, of which is told already what it holds.
    #[inline]
    pub(super) fn dissected(
        &mut self,
        dissected: &mut Dissected<'_>,
        interface: u32,
        link: LinkType,
        sink: &mut impl Sink,
    ) {
        self.begin(dissected.packet.at, link, sink);
        let vantage = self.vantages.of(interface, dissected.side);
        dissected.packet.frame = self.summary.frames;
        let Dissected { packet, unchanged, ends, .. } = dissected;
        self.packet(packet, *unchanged, *ends, vantage, sink);
    }

    /// Takes the next packet of the file, which is more or less than one packet of a flow.
    pub(super) fn undissected(
        &mut self,
        frame: Frame<'_>,
        sink: &mut impl Sink,
    ) -> Result<(), CaptureError> {
        if !frame.link.is_supported() {
            self.summary.frames += 1;
            return Err(CaptureError::LinkType { link: frame.link });
        }
        self.begin(frame.at, frame.link, sink);
        match self.linked(&frame, sink) {
            Ok(true) => {}
            Ok(false) => self.summary.non_ip += 1,
            Err(malformed) => self.malformed(malformed),
        }
        Ok(())
    }

    /// Notes that a packet came.
    fn begin(&mut self, at: Moment, link: LinkType, sink: &mut impl Sink) {
        self.summary.frames += 1;
        if self.last_link != Some(link) {
            self.last_link = Some(link);
            self.summary.link_types.insert(link);
        }
        self.clock(at, sink);
    }

    /// Ends all flows.
    pub(super) fn finish(mut self, sink: &mut impl Sink) -> Summary {
        self.fragments.give_up_all();
        self.miss_segments();
        let mut left: Vec<FlowId> =
            std::mem::take(&mut self.ages).into_iter().map(|Reverse((_, flow))| flow).collect();
        left.sort_unstable();
        for flow in left {
            self.end(flow, sink);
        }
        if self.vantages.overflown {
            self.summary.limits.insert(Limit::Vantages);
        }
        self.fragments.finish(&mut self.summary);
        self.summary
    }

    /// Ends all flows; the summaries of so many files.
    pub(super) fn finish_each(mut self, files: usize, sink: &mut impl Sink) -> Vec<Summary> {
        self.turn_to(files.saturating_sub(1));
        let mut summaries = std::mem::take(&mut self.summaries);
        summaries.truncate(files.saturating_sub(1));
        summaries.resize_with(files.saturating_sub(1), Summary::default);
        summaries.push(self.finish(sink));
        summaries
    }

    fn malformed(&mut self, malformed: Malformed) {
        *self.summary.malformed.entry(malformed.layer()).or_default() += 1;
    }

    /// Takes the headers off; tells whether there is IP behind them.
    fn linked(&mut self, frame: &Frame<'_>, sink: &mut impl Sink) -> Result<bool, Malformed> {
        let Some(linked) = wire::link(frame.link, frame.data)? else { return Ok(false) };
        let vantage = self.vantages.of(frame.interface, linked.side);
        let wire = behind_link(frame, linked.payload);
        let arrival = Arrival {
            at: frame.at,
            frame: self.summary.frames,
            vantage,
            is_local: linked.side.is_loopback,
        };
        self.network(&linked, wire, 0, arrival, sink)?;
        Ok(true)
    }

    /// Takes an IP datagram, `wire` bytes long before it was cut, that lies inside so many others.
    fn network(
        &mut self,
        linked: &Linked<'_>,
        wire: usize,
        depth: u8,
        arrival: Arrival,
        sink: &mut impl Sink,
    ) -> Result<(), Malformed> {
        let datagram = wire::network(linked.network, linked.payload, wire)?;
        match datagram.fragment {
            None => {
                let wire = u64::try_from(datagram.wire).unwrap_or(u64::MAX);
                self.datagram(&datagram, wire, depth, arrival, sink)
            }
            Some(fragment) => self.fragment(&datagram, fragment, depth, arrival, sink),
        }
    }

    fn fragment(
        &mut self,
        datagram: &Datagram<'_>,
        fragment: Fragment,
        depth: u8,
        arrival: Arrival,
        sink: &mut impl Sink,
    ) -> Result<(), Malformed> {
        let whole = self.fragments.take(datagram, fragment, depth, arrival);
        self.miss_segments();
        let Some(whole) = whole else { return Ok(()) };
        let goes_on = whole.goes_on;
        // Of IPv6, extension headers may lie in the part that was cut up.
        let extended = if datagram.source.is_ipv6() {
            ipv6::extensions(datagram.protocol.0, &whole.payload)?
        } else {
            ipv6::Extended::plain(datagram.protocol, &whole.payload)
        };
        let datagram = Datagram {
            protocol: extended.protocol,
            fragment: None,
            payload: extended.payload,
            payload_wire: extended.payload.len() + whole.doubtful,
            ..*datagram
        };
        let taken = self.datagram(&datagram, whole.wire, depth, arrival, sink);
        if let Some(sent) = goes_on {
            self.miss_segment(sent);
        }
        taken
    }

    /// Tells the flows of segments of which fragments are missing.
    fn miss_segments(&mut self) {
        for sent in self.fragments.missed() {
            self.miss_segment(sent);
        }
    }

    fn miss_segment(&mut self, Sent { source, destination, depth, sequence }: Sent) {
        let ends = self.copies.key.between(source, destination, IpProtocol::TCP, depth);
        let key = Key::between(source, destination, IpProtocol::TCP, depth, ends);
        if let Some(flow) = self.flows.find(&key).and_then(|id| self.flows.get_mut(id)) {
            let is_client = flow.other_side.as_deref().is_some_and(|(_, end)| *end == source);
            let source = if is_client { flow.conversation.source() } else { source };
            flow.conversation.misses(source, sequence);
        }
    }

    fn datagram(
        &mut self,
        datagram: &Datagram<'_>,
        wire: u64,
        depth: u8,
        arrival: Arrival,
        sink: &mut impl Sink,
    ) -> Result<(), Malformed> {
        let transport = Transport::of(datagram)?;
        if let Some(malformed) = transport.damage {
            self.malformed(malformed);
        }
        let Transport { ports, payload, payload_wire, .. } = transport;
        let mut packet = transport.packet(datagram, wire, depth, arrival.at, arrival.frame);
        packet.is_local = arrival.is_local;
        let tcp = transport.tcp.as_ref();
        let unchanged = self.copies.key.unchanged(&packet, tcp, datagram.identification);
        let ends = self.copies.key.ends(&packet);
        self.packet(&mut packet, unchanged, ends, arrival.vantage, sink);
        if depth >= MOST_DEPTH {
            return Ok(());
        }
        let Some(inner) = tunnel::inside(datagram.protocol, ports, payload)? else {
            return Ok(());
        };
        let header = payload.len().saturating_sub(inner.payload.len());
        self.network(&inner, payload_wire.saturating_sub(header), depth + 1, arrival, sink)
    }

    fn packet(
        &mut self,
        packet: &mut Packet<'_>,
        unchanged: Unchanged,
        ends: EndsHash,
        vantage: Vantage,
        sink: &mut impl Sink,
    ) {
        let key = Key::of(packet, ends);
        let known = self.flows.find(&key);
        let followed = known.and_then(|id| self.flows.get(id));
        let seen = AsSeen::of(packet);
        let mut ends = ends;
        let is_renamed = followed.is_some_and(|flow| flow.name_as_first_seen(packet));
        if is_renamed {
            ends = self.copies.key.ends(packet);
        }
        if self.copies.is_copy(packet, ends, &unchanged, vantage) {
            self.count_copy(known, packet);
            return;
        }
        let known = known.zip(followed);
        // Where the clock leapt and nothing has confirmed that yet, the flow alone is idle: its packets may
        // be of another day. If the time is a damaged one, no other flow ends for it.
        let is_idle = |flow: &Followed| {
            flow.touched != UNTIMED
                && self.leap.is_some_and(|leap| leap > flow.touched.after(IDLE_SECONDS))
        };
        let is_over = |flow: &Followed| is_idle(flow) || flow.conversation.is_reopened_by(packet);
        if let Some((id, flow)) = known.filter(|(_, flow)| is_over(flow)) {
            let hears_both = !is_idle(flow) && flow.conversation.leaves_open_who_asks(packet);
            if let Some(flow) = self.flows.get_mut(id) {
                flow.conversation.is_followed_by(packet);
            }
            self.end(id, sink);
            // A port that source NAT gives again may be another client's.
            self.open(&seen.restore(packet), key, hears_both, unchanged, vantage, sink);
            return;
        }
        let Some((id, _)) = known else {
            self.open(packet, key, false, unchanged, vantage, sink);
            return;
        };
        if is_renamed && self.is_of_another(id, &seen.restore(packet), key, unchanged, vantage) {
            return;
        }
        let Some(flow) = self.flows.get_mut(id) else { return };
        self.summary.packets += 1;
        flow.touched = self.leap.unwrap_or(self.now);
        let before = flow.held;
        flow.conversation.take(packet, &mut |answer| told(packet.depth, answer, sink));
        let after = flow.conversation.held();
        flow.held = after;
        if flow.other_side.is_none() && flow.conversation.may_open(packet) {
            self.copies.opened(packet, unchanged, vantage, id, false);
        }
        self.account(id, before, after, sink);
    }

    /// Whether `packet`, which was found under the ends that flow `id` has on the other side of source NAT,
    /// is the opening of another there: its client was given the port, and no handshake tells so.
    fn is_of_another(
        &mut self,
        id: FlowId,
        packet: &Packet<'_>,
        key: Key,
        unchanged: Unchanged,
        vantage: Vantage,
    ) -> bool {
        let other_side = self.copies.translated(packet, unchanged, vantage);
        let Some(OtherSide { flow: other, is_before }) =
            other_side.filter(|other| other.flow != id)
        else {
            return false;
        };
        let opened = self.flows.get_mut(other);
        if !opened.is_some_and(|flow| flow.take_other_side(packet, key, is_before)) {
            return false;
        }
        if let Some(flow) = self.flows.get_mut(id) {
            flow.other_side = None;
        }
        self.flows.find_by(key, other);
        self.count_copy(Some(other), packet);
        true
    }

    /// Begins a flow with `packet`, unless that is an opening which was seen on the other side of
    /// source NAT. `hears_both` tells whether either end may be the one that asks.
    fn open(
        &mut self,
        packet: &Packet<'_>,
        key: Key,
        hears_both: bool,
        unchanged: Unchanged,
        vantage: Vantage,
        sink: &mut impl Sink,
    ) {
        let other_side = self.copies.translated(packet, unchanged, vantage);
        if let Some(OtherSide { flow: id, is_before }) = other_side
            && let Some(flow) = self.flows.get_mut(id)
            && flow.take_other_side(packet, key, is_before)
        {
            self.flows.find_by(key, id);
            self.count_copy(Some(id), packet);
            return;
        }
        if self.flows.len() >= MOST_FLOWS {
            self.summary.limits.insert(Limit::Flows);
            self.end_oldest(sink);
        }
        let touched = self.leap.unwrap_or(self.now);
        // A flow is long: from here on it stays where it is.
        let mut flow = Box::new(Followed {
            conversation: Conversation::new(packet),
            key,
            file: self.file,
            other_side: None,
            touched,
            held: 0,
        });
        if hears_both {
            flow.conversation.hear_both();
        }
        self.summary.packets += 1;
        flow.conversation.take(packet, &mut |answer| told(packet.depth, answer, sink));
        let held = flow.conversation.held();
        flow.held = held;
        let id = self.flows.insert(key, flow);
        self.copies.opened(packet, unchanged, vantage, id, true);
        if self.ages.len() > 2 * self.flows.len() + MOST_OUTDATED {
            self.ages.retain(|Reverse((_, id))| self.flows.get(*id).is_some());
        }
        self.ages.push(Reverse((touched, id)));
        self.account(id, 0, held, sink);
    }

    fn count_copy(&mut self, of: Option<FlowId>, packet: &Packet<'_>) {
        self.summary.copies += 1;
        if let Some(flow) = of.and_then(|id| self.flows.get_mut(id)) {
            flow.conversation.copy(packet);
        }
    }

    /// Accounts for what a flow holds, and makes room when all hold too much.
    #[inline]
    fn account(&mut self, id: FlowId, before: usize, after: usize, sink: &mut impl Sink) {
        self.held = self.held.saturating_sub(before) + after;
        if self.held > MOST_HELD_BYTES {
            self.make_room(id, sink);
        }
    }

    /// Makes room for what flow `id` came to hold. What it was given may no longer be contradicted; if it
    /// waits for much, it is no longer listened to, so that a few cannot end all others; and then those
    /// end that are idle for longest.
    fn make_room(&mut self, id: FlowId, sink: &mut impl Sink) {
        self.summary.limits.insert(Limit::HeldBytes);
        if let Some(flow) = self.flows.get_mut(id) {
            self.held = self.held.saturating_sub(flow.held);
            flow.conversation.forget_given();
            if flow.conversation.waiting() > MOST_WAITING_BYTES {
                flow.conversation.give_up();
            }
            flow.held = flow.conversation.held();
            self.held += flow.held;
        }
        while self.held > MOST_HELD_BYTES && !self.ages.is_empty() {
            self.end_oldest(sink);
        }
    }

    /// Notes the time of a packet. A leap that would end flows is believed only when the next packet
    /// confirms it: a single damaged time must not.
    fn clock(&mut self, at: Moment, sink: &mut impl Sink) {
        if at <= self.now {
            self.leap = None;
            return;
        }
        let is_leap = self.flows.len() > 0 && at > self.now.after(LEAP_SECONDS);
        if is_leap && self.leap.is_none_or(|leap| at < leap) {
            self.leap = Some(at);
            return;
        }
        self.leap = None;
        self.now = at;
        if self.now > self.none_idle_before {
            self.end_idle(sink);
        }
    }

    fn end_idle(&mut self, sink: &mut impl Sink) {
        while let Some(Reverse((at, _))) = self.ages.peek()
            && self.now > at.after(IDLE_SECONDS)
        {
            self.end_first(Ending::Idle, sink);
        }
        // Times in the heap only grow, so that this is not too late for those to come.
        let first = self.ages.peek().map(|Reverse((at, _))| *at);
        self.none_idle_before = first.map_or(Moment::EPOCH, |at| at.after(IDLE_SECONDS));
    }

    /// Ends the flow that was idle for longest.
    fn end_oldest(&mut self, sink: &mut impl Sink) {
        let flows = self.flows.len();
        while self.flows.len() == flows && !self.ages.is_empty() {
            self.end_first(Ending::Early, sink);
        }
    }

    /// Ends the flow with the least age, or gives it its true age if that is greater.
    fn end_first(&mut self, ending: Ending, sink: &mut impl Sink) {
        let Some(Reverse((at, id))) = self.ages.pop() else { return };
        match self.flows.get_mut(id) {
            Some(flow) if flow.touched > at => self.ages.push(Reverse((flow.touched, id))),
            // Some files hold packets without a time; they are as late as the next that has one.
            Some(flow) if at == UNTIMED && self.now > at => {
                flow.touched = self.leap.unwrap_or(self.now);
                self.ages.push(Reverse((self.now, id)));
            }
            Some(flow) => {
                if ending == Ending::Early {
                    flow.conversation.cut_short();
                }
                self.end(id, sink);
            }
            None => {}
        }
    }

    fn end(&mut self, id: FlowId, sink: &mut impl Sink) {
        let Some(mut flow) = self.flows.remove(id) else { return };
        let depth = flow.conversation.depth();
        for (source, destination) in flow.conversation.directions() {
            for sent in self.fragments.waiting(source, destination, depth) {
                flow.conversation.misses(source, sent.sequence);
            }
        }
        let other_side = flow.other_side.as_deref().map(|(key, _)| *key);
        for key in [flow.key].into_iter().chain(other_side) {
            self.flows.forget(&key, id);
        }
        self.held = self.held.saturating_sub(flow.held);
        let mut captured = flow.conversation.finish(&mut |answer| told(depth, answer, sink));
        if depth > 0 {
            captured.asides = None;
        }
        captured.file = flow.file;
        if captured.openings_left_out > 0 {
            self.summary.limits.insert(Limit::Openings);
        }
        sink.flow(captured);
    }
}

/// Why a flow ends before the capture does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Ending {
    Idle,
    /// There is no room for it.
    Early,
}

/// Gives an answer out. One inside a tunnel was told to who is inside it, whose addresses may be those of
/// others outside.
fn told(depth: u8, answer: DnsAnswer, sink: &mut impl Sink) {
    if depth == 0 {
        sink.answer(answer);
    }
}

/// When, as which packet of the file and where a datagram was captured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) at: Moment,
    pub(super) frame: u64,
    pub(super) vantage: Vantage,
    /// Whether that was a loopback device.
    pub(super) is_local: bool,
}
