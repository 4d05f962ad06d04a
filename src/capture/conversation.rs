//! One flow while it is followed: its ends, its counts, what it has shown.

use std::net::IpAddr;
use std::net::SocketAddr;

use crate::evidence::DnsAnswer;
use crate::flow::IpProtocol;

use super::captured::Application;
use super::captured::CapturedFlow;
use super::captured::Note;
use super::copies;
use super::datagrams::DatagramListener;
use super::datagrams::quoted_application;
use super::dialogue::Heard;
use super::dialogue::Listener;
use super::ear::Ear;
use super::ear::Role;
use super::ear::answer_to;
use super::exchange::Said;
use super::moment::Moment;
use super::moment::SECOND;
use super::names::dns;
use super::names::first::Ports;
use super::speaker::End;
use super::speaker::Endpoint;
use super::speaker::Speaker;
use super::story::Mark;
use super::story::Story;
use super::stream::Piece;
use super::stream::is_before;
use super::wire::sctp;
use super::wire::sctp::Chunk;
use super::wire::tcp::Flags;
use super::wire::tcp::Segment;

/// More data than a SYN can carry.
const MOST_SYN_BYTES: u32 = 1 << 16;

/// Datagrams of which each may be the first that comes through: clients send some more where they get no
/// answer.
const MOST_FIRST_DATAGRAMS: u64 = 4;

/// How far a packet may stand behind later ones of its flow. What several interfaces see at the same time
/// is written in batches, one interface after another; of UDP, who asked is told by the times alone.
const MOST_DISORDER: i64 = 2 * SECOND;

/// A packet of a flow, after fragments were put together and copies left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) at: Moment,
    /// Its number in the file.
    pub(super) frame: u64,
    pub(super) source: Endpoint,
    pub(super) destination: Endpoint,
    pub(super) protocol: IpProtocol,
    /// How many IP headers lie outside.
    pub(super) depth: u8,
    /// IP bytes on the wire.
    pub(super) wire: u64,
    /// What the TCP header says, where the protocol is TCP.
    pub(super) tcp: Option<Segment>,
    pub(super) payload: &'a [u8],
    /// Bytes of the payload that were not captured.
    pub(super) cut: u32,
    /// How many routers it may still pass.
    pub(super) hop_limit: u8,
    /// Whether it was seen on a loopback device.
    pub(super) is_local: bool,
}

/// The addresses of a client on both sides of source NAT.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Translation {
    pub(super) before: Endpoint,
    pub(super) after: Endpoint,
}

/// A flow that has not ended.
#[derive(Debug)]
pub(super) struct Conversation {
    protocol: IpProtocol,
    depth: u8,
    first: Speaker,
    second: Speaker,
    /// Who opened it, once a handshake tells.
    initiator: Option<End>,
    /// Who was the first to ask.
    asker: Option<End>,
    syn: bool,
    /// Whether either end may be the one that asks: both opened it at once (RFC 9293 §3.5), or it
    /// follows on one in which the other end was the client.
    hears_both: bool,
    /// Whether the server has sent a SYN with an ACK.
    is_accepted: bool,
    is_reset: bool,
    /// Whether it ended before all of it was seen.
    is_cut_short: bool,
    /// Whether all packets were seen on a loopback device.
    is_local: bool,
    /// The first packet that looks like one of an earlier connection, before the server accepted it.
    disturbed: Option<Mark>,
    /// The number of the last SYN of the server after that.
    turning: Option<u32>,
    started: Moment,
    last: Moment,
    frame: u64,
    last_frame: u64,
    packets: u64,
    bytes: u64,
    copies: u64,
    translation: Option<Translation>,
    story: Story,
    datagrams: DatagramListener,
}

impl Conversation {
    /// A flow of which `packet` is the first; it is still to be taken.
    pub(super) fn new(packet: &Packet<'_>) -> Conversation {
        Conversation {
            protocol: packet.protocol,
            depth: packet.depth,
            first: Speaker::new(packet.source),
            second: Speaker::new(packet.destination),
            initiator: None,
            asker: None,
            syn: false,
            hears_both: false,
            is_accepted: false,
            is_reset: false,
            is_cut_short: false,
            is_local: true,
            disturbed: None,
            turning: None,
            started: packet.at,
            last: packet.at,
            frame: packet.frame,
            last_frame: packet.frame,
            packets: 0,
            bytes: 0,
            copies: 0,
            translation: None,
            story: Story::default(),
            datagrams: DatagramListener::default(),
        }
    }

    /// Bytes held: what waits for a name, and what was asked so far.
    #[inline]
    pub(super) fn held(&self) -> usize {
        self.waiting() + self.story.held
    }

    /// Those of them that wait, for more to come or to be contradicted.
    #[inline]
    pub(super) fn waiting(&self) -> usize {
        self.first.held() + self.second.held() + self.datagrams.held()
    }

    /// How many IP headers lie outside.
    pub(super) fn depth(&self) -> u8 {
        self.depth
    }

    /// The end that opened the flow, as it was seen first.
    #[inline]
    pub(super) fn source(&self) -> Endpoint {
        self.speaker(self.client()).endpoint
    }

    /// Whether the SYN of `packet` opens another connection between the same ends, or accepts one:
    /// one with other sequence numbers. Who has said nothing yet may accept the same one again with
    /// another number: one without memory makes each up anew (RFC 4987 §3.6), and of several behind one
    /// address each has its own.
    ///
    /// As long as a connection lasts, no SYN alone turns the server into the client: the end that gets
    /// it answers with an ACK and goes on (RFC 5961 §4). One that was accepted does.
    #[inline]
    pub(super) fn is_reopened_by(&self, packet: &Packet<'_>) -> bool {
        let Some(tcp) = packet.tcp.filter(|tcp| tcp.flags.has(Flags::SYN)) else { return false };
        let end = self.sender(packet);
        if self.is_turned_by(packet) && self.is_established() && !self.is_over() {
            let is_answer =
                |turning: u32| tcp.acknowledgment.wrapping_sub(turning) <= MOST_SYN_BYTES;
            return tcp.flags.accepts() && self.turning.is_some_and(is_answer);
        }
        let (sender, other) = (self.speaker(end), self.speaker(end.other()));
        let is_other_number = sender.base.is_some_and(|base| base != tcp.sequence);
        let Some(opened) = other.base else { return is_other_number };
        if tcp.flags.accepts() {
            // A SYN may carry data, which is acknowledged with it (RFC 7413 §2).
            let is_of_another = tcp.acknowledgment.wrapping_sub(opened) > MOST_SYN_BYTES;
            return is_of_another || is_other_number && sender.listener.is_some();
        }
        // An end that spoke before any SYN was seen spoke on an earlier connection. A reset may be the
        // answer to a SYN that the file has behind it.
        is_other_number || self.initiator.is_none() && other.spoke
    }

    /// Whether the SYN of `packet` opens or accepts a connection of which the server of this one is the
    /// client.
    fn is_turned_by(&self, packet: &Packet<'_>) -> bool {
        let accepts = packet.tcp.is_some_and(|tcp| tcp.flags.accepts());
        let sender = self.sender(packet);
        let client = if accepts { sender.other() } else { sender };
        self.initiator == Some(client.other())
    }

    /// Whether the server has accepted it, or both ends have said something.
    fn is_established(&self) -> bool {
        self.is_accepted || self.first.listener.is_some() && self.second.listener.is_some()
    }

    /// Whether it was reset, or both ends have said that they are done.
    fn is_over(&self) -> bool {
        self.is_reset || self.first.has_finished && self.second.has_finished
    }

    /// Whether either end may be the one that asks in the connection that `packet` opens after this one:
    /// as in a split handshake, where a server answers a SYN with its own.
    pub(super) fn leaves_open_who_asks(&self, packet: &Packet<'_>) -> bool {
        self.is_turned_by(packet) || self.hears_both
    }

    /// Listens to both ends, as either may be the one that asks.
    pub(super) fn hear_both(&mut self) {
        self.hears_both = true;
    }

    /// Notes that copies of its packets may be taken for those of the connection that `packet` opens between
    /// the same ends, so that it is not known where they were seen.
    pub(super) fn is_followed_by(&mut self, packet: &Packet<'_>) {
        self.is_local &= packet.at.since(self.last) > copies::MEMORY;
    }

    /// Whether `packet`, which was taken last, may be the first of it that source NAT let through: those before
    /// it may have been dropped, as long as nobody answered.
    #[inline]
    pub(super) fn may_open(&self, packet: &Packet<'_>) -> bool {
        let is_early = match packet.tcp {
            Some(tcp) => tcp.flags.opens(),
            None => self.packets <= MOST_FIRST_DATAGRAMS,
        };
        let is_answered = self.speaker(self.client().other()).spoke;
        is_early && !is_answered && packet.source == self.source()
    }

    /// Notes that it ends before all of it was seen, unless it is over.
    pub(super) fn cut_short(&mut self) {
        self.is_cut_short = !self.is_over();
    }

    /// Notes that `packet` was seen again.
    pub(super) fn copy(&mut self, packet: &Packet<'_>) {
        self.copies += 1;
        self.last = self.last.max(packet.at);
        self.is_local &= packet.is_local;
    }

    /// Notes that the initiator was seen on both sides of source NAT.
    pub(super) fn translate(&mut self, translation: Translation) {
        self.translation.get_or_insert(translation);
    }

    /// Takes a packet; DNS responses in it go to `answer`.
    pub(super) fn take(&mut self, packet: &Packet<'_>, answer: &mut impl FnMut(DnsAnswer)) {
        self.packets += 1;
        self.bytes = self.bytes.saturating_add(packet.wire);
        let sender = self.sender(packet);
        let before = self.started.since(packet.at);
        if self.protocol == IpProtocol::UDP && (1..=MOST_DISORDER).contains(&before) {
            self.initiator = Some(sender);
        }
        self.started = self.started.min(packet.at);
        self.last = self.last.max(packet.at);
        self.last_frame = packet.frame;
        self.is_local &= packet.is_local;
        let mark = Mark { packet: self.packets, frame: packet.frame, at: packet.at };
        match packet.tcp {
            Some(tcp) if self.is_of_one_before(sender, tcp) => {
                self.disturbed.get_or_insert(mark);
            }
            Some(tcp) => self.segment(sender, tcp, packet, mark, answer),
            None => self.datagram(sender, packet, mark, answer),
        }
        if self.initiator.is_none() && self.asker.is_none() && self.story.asks() {
            self.asker = Some(sender);
        }
    }

    /// Who may send to whom.
    pub(super) fn directions(&self) -> [(Endpoint, Endpoint); 2] {
        let ends = [self.first.endpoint, self.second.endpoint];
        [(ends[0], ends[1]), (ends[1], ends[0])]
    }

    /// Notes that `source` sent a segment of which not all fragments were seen.
    pub(super) fn misses(&mut self, source: Endpoint, sequence: Option<u32>) {
        for end in [End::First, End::Second] {
            let speaker = self.speaker_mut(end);
            if speaker.endpoint == source {
                speaker.misses(sequence);
            }
        }
    }

    /// Gives up what could still be contradicted.
    pub(super) fn forget_given(&mut self) {
        self.first.stream.drop_given();
        self.second.stream.drop_given();
    }

    /// Gives up what waits, and looking for names and answers.
    pub(super) fn give_up(&mut self) {
        self.stop_listening();
        let mark = Mark { packet: self.packets, frame: self.last_frame, at: self.last };
        self.story.hear(Heard::Incomplete, mark);
        let (client, server) = self.addresses(self.client());
        self.story.hear_no_more_dns(client, server, self.last);
    }

    /// Ends the flow, and gives all that it has shown.
    pub(super) fn finish(&mut self, answer: &mut impl FnMut(DnsAnswer)) -> CapturedFlow {
        let mark = Mark { packet: self.packets, frame: self.last_frame, at: self.last };
        for end in [End::First, End::Second] {
            let ear = self.ear(end, mark);
            let (speaker, story) = self.parts(end);
            let Speaker { stream, listener: Some(listener), .. } = speaker else { continue };
            stream.flush(|piece, mark| Ear { mark, ..ear }.hear(listener, piece, story, answer));
            let lost = self.speaker(end).lacks();
            let (Speaker { listener: Some(listener), .. }, story) = self.parts(end) else {
                continue;
            };
            if lost > 0 {
                // What is missing of a server's bytes, no client asked.
                let role = if ear.role.may_ask() { ear.role } else { Role::Server };
                Ear { role, ..ear }.hear(listener, Piece::Lost(lost), story, answer);
            }
            listener.finish(&mut |heard| {
                // Only what a client began to say is a question.
                if ear.role.may_ask() {
                    story.hear(heard, mark);
                }
            });
        }
        let Conversation { datagrams, story, .. } = self;
        datagrams.finish(&mut |heard| story.hear(heard, mark));
        self.captured()
    }

    fn captured(&mut self) -> CapturedFlow {
        let client = self.client();
        let source = self.shown(client);
        let destination = self.shown(client.other());
        let before = self.translation.map(|translation| translation.before);
        let answered = self.speaker(client.other()).spoke;
        let first = Mark { packet: 1, frame: self.frame, at: self.started };
        let application = self.story.application.unwrap_or(Application::Other);
        // Of one that was not seen to be accepted the server may have acknowledged what was lost.
        let disturbed = self.disturbed.filter(|_| !self.is_accepted);
        if let Some(mark) = disturbed {
            self.story.hear(Heard::Incomplete, mark);
        }
        // One that ends early may go on with anything.
        let is_known = !self.is_cut_short && disturbed.is_none();
        let was_silent = self.syn && is_known && self.speaker(client).sent_nothing();
        let mut story = std::mem::take(&mut self.story);
        let name = story.first_name().cloned();
        let asides = story.asides();
        story.complete(self.protocol, was_silent, first);
        if self.is_local {
            story.notes.insert(Note::Loopback);
        }
        CapturedFlow {
            protocol: self.protocol,
            source: source.address,
            source_port: source.port,
            may_be_turned: self.initiator.is_none()
                && match self.asker {
                    Some(asker) => asker != client,
                    None => source.port < destination.port,
                },
            destination: Some(destination.address),
            destination_port: destination.port,
            application,
            name,
            depth: self.depth,
            first: self.started.timestamp(),
            last: self.last.timestamp(),
            frame: self.frame,
            packets: Some(self.packets),
            bytes: Some(self.bytes),
            syn: self.syn,
            answered,
            names: story.names,
            openings: story.openings,
            openings_left_out: story.left_out,
            more_paths: story.more_paths,
            incomplete: story.incomplete,
            notes: story.notes,
            copies: self.copies,
            asides: asides.map(Box::new),
            file: 0,
            translated_from: before.map(|end| SocketAddr::new(end.address, end.port)),
            recorded: None,
        }
    }

    fn segment(
        &mut self,
        sender: End,
        tcp: Segment,
        packet: &Packet<'_>,
        mark: Mark,
        answer: &mut impl FnMut(DnsAnswer),
    ) {
        let flags = tcp.flags;
        let starts = flags.has(Flags::SYN);
        let is_of_server = self.initiator == Some(sender.other());
        let accepts_first = flags.accepts() && !self.is_accepted;
        if flags.opens() && is_of_server && self.is_accepted {
            self.turning = Some(tcp.sequence);
        } else if flags.opens() && is_of_server {
            self.hears_both = true;
        } else if flags.opens() && !self.syn {
            self.syn = true;
            self.initiator = Some(sender);
            self.story.open_silent(mark);
        } else if flags.accepts() && (self.initiator.is_none() || is_of_server) {
            self.initiator = Some(sender.other());
            self.is_accepted = true;
            // What was reset before it was another.
            self.is_reset = false;
        }
        self.is_reset |= flags.has(Flags::RST);
        let data = if starts { tcp.sequence.wrapping_add(1) } else { tcp.sequence };
        if flags.accepts() {
            // Whoever is answered has sent nothing but a SYN before this number.
            self.speaker_mut(sender.other()).stream.starts_at(tcp.acknowledgment);
        }
        if flags.has(Flags::ACK) {
            let other = self.speaker_mut(sender.other());
            other.has_come_to(tcp.acknowledgment);
            if accepts_first {
                other.begins_with(tcp.acknowledgment);
            } else if !flags.has(Flags::RST) {
                other.has_sent_to(tcp.acknowledgment);
            }
            other.stream.acknowledged(tcp.acknowledgment);
        }
        let is_client = sender == self.client();
        let speaker = self.speaker_mut(sender);
        let is_silent = !is_client && speaker.listener.is_none();
        let is_again = flags.accepts() && speaker.base.is_some_and(|base| base != tcp.sequence);
        if is_silent && is_again {
            // Which of its numbers the client took shows in the data that follows.
            speaker.forget_numbers();
        } else if starts && speaker.base.is_none() {
            speaker.stream.starts_with(data);
        } else if starts {
            speaker.stream.starts_at(data);
        }
        speaker.base.get_or_insert(data.wrapping_sub(1));
        // The number of a reset is one that the other end expects, or 0 (RFC 9293 §3.5.2).
        if !flags.has(Flags::RST) {
            speaker.has_come_to(tcp.sequence);
            speaker.has_sent_to(data);
            speaker.spoke = true;
            if flags.has(Flags::FIN) {
                speaker.has_finished = true;
                let length = u32::try_from(packet.payload.len()).unwrap_or(u32::MAX);
                speaker.ends_with(data.wrapping_add(length).wrapping_add(packet.cut));
            }
        }
        // The payload of a reset is a message to a person (RFC 9293 §3.5.3).
        if packet.payload.is_empty() && packet.cut == 0 || flags.has(Flags::RST) {
            return;
        }
        let is_done = speaker.listener.as_ref().is_some_and(Listener::is_done);
        let precedes_all = speaker.precedes_all(data, packet.payload.len());
        let is_behind = speaker.has_skipped_to(data);
        let is_new = !speaker.has_sent_beyond(data);
        if speaker.stream.contradicts(data, packet.payload) {
            self.is_contradicted(sender, mark);
        }
        if !is_client {
            self.story.hear_server(packet.payload, is_new);
        }
        if is_done {
            return;
        }
        if (precedes_all || is_behind) && self.role(sender).may_ask() {
            self.story.hear(Heard::Incomplete, mark);
        }
        let ear = self.ear(sender, mark);
        let is_answer = self.may_answer(sender, data);
        let (Speaker { stream, listener, .. }, story) = self.parts(sender);
        let is_first_to_ask = ear.role == Role::Either && !is_client && !story.asks();
        let listener = listener.get_or_insert_with(|| match stream.is_from_start() {
            false if is_behind => Listener::behind(),
            false if is_answer => Listener::answering(),
            from_start => Listener::new(from_start),
        });
        stream.take(data, packet.payload, packet.cut, mark, |piece, mark| {
            Ear { mark, ..ear }.hear(listener, piece, story, answer);
        });
        if listener.is_done() {
            stream.drop_held();
        }
        let (is_unknown, asks) = (story.unknown, is_first_to_ask && story.asks());
        let other = self.client().other();
        if asks {
            self.initiator = Some(sender);
        } else if is_unknown && self.role(other) == Role::Server {
            // Whatever the server says, the client's first bytes have told.
            let server = self.speaker_mut(other);
            server.stream.drop_all();
            server.listener = Some(Listener::Done);
        }
    }

    /// Whether a segment is of an earlier connection between the same ends, which the server has not given up:
    /// it has not accepted this one yet, and acknowledges what its client has not sent (RFC 9293 §3.10.7.3).
    fn is_of_one_before(&self, sender: End, tcp: Segment) -> bool {
        let is_between = self.syn && !self.is_accepted && self.initiator == Some(sender.other());
        if !is_between || tcp.flags.has(Flags::SYN) || !tcp.flags.has(Flags::ACK) {
            return false;
        }
        let client = self.speaker(sender.other());
        client.base.is_some_and(|base| {
            let acknowledges = tcp.acknowledgment.wrapping_sub(base);
            acknowledges > MOST_SYN_BYTES && !client.has_sent_beyond(base.wrapping_add(1))
        })
    }

    /// Notes that `sender` said something in two ways.
    fn is_contradicted(&mut self, sender: End, mark: Mark) {
        let note = Note::ConflictingSegments;
        if self.role(sender) == Role::Server {
            self.story.notes.insert(note);
        } else {
            self.story.hear(Heard::Note(note), mark);
        }
    }

    /// Whether the other end spoke before `sender` says what begins with number `data`. What stands in front of
    /// that in the file may be the answer to it.
    fn may_answer(&self, sender: End, data: u32) -> bool {
        self.speaker(sender.other()).listener.is_some()
            && !self.speaker(sender).has_sent_beyond(data)
    }

    fn stop_listening(&mut self) {
        for speaker in [&mut self.first, &mut self.second] {
            speaker.stream.drop_all();
            speaker.listener = Some(Listener::Done);
        }
        self.datagrams = DatagramListener::Done;
    }

    #[inline]
    fn role(&self, end: End) -> Role {
        match self.initiator {
            Some(_) if self.hears_both => Role::Either,
            Some(initiator) if initiator == end => Role::Client,
            Some(_) if self.is_accepted => Role::Server,
            Some(_) => Role::Unaccepting,
            None if end == self.client() => Role::Client,
            None => Role::Second,
        }
    }

    #[inline]
    fn ear(&self, end: End, mark: Mark) -> Ear {
        let (asking, answering) = self.addresses(end.other());
        let by_first = end == End::First;
        Ear { role: self.role(end), by_first, ports: self.ports(), asking, answering, mark }
    }

    #[inline]
    fn parts(&mut self, end: End) -> (&mut Speaker, &mut Story) {
        match end {
            End::First => (&mut self.first, &mut self.story),
            End::Second => (&mut self.second, &mut self.story),
        }
    }

    fn datagram(
        &mut self,
        sender: End,
        packet: &Packet<'_>,
        mark: Mark,
        answer: &mut impl FnMut(DnsAnswer),
    ) {
        self.speaker_mut(sender).spoke = true;
        match self.protocol {
            IpProtocol::UDP => {}
            IpProtocol::ICMP | IpProtocol::ICMPV6 => {
                let quoted = quoted_application(self.protocol, packet.payload);
                if let Some(application) = quoted {
                    self.story.hear(Heard::Application(application), mark);
                }
                return;
            }
            IpProtocol::SCTP => return self.chunks(sender, packet, mark, answer),
            // A header that was cut behind its ports.
            IpProtocol::TCP => {
                self.speaker_mut(sender).misses(None);
                return;
            }
            IpProtocol(_) => return,
        }
        let ports = self.ports();
        let (client, server) = self.addresses(sender.other());
        let (asking, asked) = self.addresses(self.client());
        let Conversation { datagrams, story, .. } = self;
        datagrams.take(packet.payload, ports, &mut |heard| match heard {
            Heard::DnsLost => story.hear_no_more_dns(asking, asked, packet.at),
            Heard::Dns(message) => {
                let by_first = sender == End::First;
                let said = Said { by_first, on_connection: false, at: packet.at };
                let is_read = answer_to(message, said, client, server, story, answer);
                if !is_read && packet.cut > 0 {
                    let answers = dns::is_response(message);
                    let (asking, asked) = if answers { (client, server) } else { (server, client) };
                    story.lose_dns(asking, asked, packet.at);
                }
            }
            heard => story.hear(heard, mark),
        });
    }

    /// Takes the data of an SCTP packet, as far as it comes in order.
    fn chunks(
        &mut self,
        sender: End,
        packet: &Packet<'_>,
        mark: Mark,
        answer: &mut impl FnMut(DnsAnswer),
    ) {
        let ear = self.ear(sender, mark);
        let (speaker, story) = self.parts(sender);
        for chunk in sctp::chunks(packet.payload) {
            let (number, bytes) = match chunk {
                Chunk::Starts(number) => {
                    speaker.next_chunk = Some(number);
                    continue;
                }
                Chunk::Data(number, bytes) => (number, bytes),
            };
            let listener = speaker
                .listener
                .get_or_insert_with(|| Listener::new(speaker.next_chunk == Some(number)));
            let next = *speaker.next_chunk.get_or_insert(number);
            if is_before(number, next) {
                continue;
            }
            if number != next {
                ear.hear(listener, Piece::Lost(1), story, answer);
            }
            ear.hear(listener, Piece::Bytes(bytes), story, answer);
            speaker.next_chunk = Some(number.wrapping_add(1));
        }
    }

    #[inline]
    fn ports(&self) -> Ports {
        Ports([self.first.endpoint.port, self.second.endpoint.port])
    }

    /// The addresses of `asking` and of the other end.
    #[inline]
    fn addresses(&self, asking: End) -> (IpAddr, IpAddr) {
        (self.shown(asking).address, self.shown(asking.other()).address)
    }

    /// An end as it is shown: behind source NAT, as a firewall sees it.
    #[inline]
    fn shown(&self, end: End) -> Endpoint {
        match self.translation {
            Some(Translation { after, .. }) if end == self.client() => after,
            Some(_) | None => self.speaker(end).endpoint,
        }
    }

    #[inline]
    fn client(&self) -> End {
        self.initiator.unwrap_or(End::First)
    }

    #[inline]
    fn sender(&self, packet: &Packet<'_>) -> End {
        if packet.source == self.first.endpoint { End::First } else { End::Second }
    }

    #[inline]
    fn speaker(&self, end: End) -> &Speaker {
        match end {
            End::First => &self.first,
            End::Second => &self.second,
        }
    }

    #[inline]
    fn speaker_mut(&mut self, end: End) -> &mut Speaker {
        match end {
            End::First => &mut self.first,
            End::Second => &mut self.second,
        }
    }
}
