//! What a flow has shown: its protocol, its names, what it asked of the firewall.

use std::collections::BTreeSet;
use std::hash::BuildHasher as _;
use std::net::IpAddr;

use foldhash::HashMap;

use crate::evidence::DnsAside;
use crate::evidence::Solicited;
use crate::flow::Host;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::SeenPayload;

use super::captured::Application;
use super::captured::MOST_OPENINGS;
use super::captured::MorePaths;
use super::captured::NameOrigin;
use super::captured::Note;
use super::captured::Opening;
use super::captured::SeenName;
use super::dialogue::Behind;
use super::dialogue::Heard;
use super::exchange::Exchange;
use super::exchange::Said;
use super::moment::Moment;
use super::names::dns;

/// Openings with new names and ports are kept up to so many.
const MOST_INDEXED: usize = 2 * MOST_OPENINGS;

/// Bytes of two tables that may be half empty, for each opening.
const INDEX_BYTES: usize = 2 * 2 * size_of::<(u64, usize)>();

/// Bytes of openings and names of one flow from which on no more are kept whatever they are: a client
/// that asks for long paths is not to push out the flows of others.
const MOST_HELD_BYTES: usize = 512 << 10;

/// Openings of most flows, a handshake and what is asked behind it: a vector makes room for four.
const USUAL_OPENINGS: usize = 2;

/// What a flow has shown so far.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// `None` while nothing was recognised.
    pub(super) application: Option<Application>,
    /// Whether the client's first bytes are known to be of no known protocol.
    pub(super) unknown: bool,
    pub(super) names: Vec<SeenName>,
    pub(super) openings: Vec<Opening>,
    pub(super) left_out: u64,
    /// Those of them that differ from an opening in no more than the path: for each such, the first.
    pub(super) more_paths: Vec<MorePaths>,
    /// The openings, once there are as many as are kept whatever they are.
    index: Option<Box<Index>>,
    /// Bytes of the openings and names.
    pub(super) held: usize,
    pub(super) incomplete: bool,
    /// The packet from which on something may have been asked that is not known: it is missing, or
    /// it was said in two ways.
    doubt: Option<Mark>,
    pub(super) notes: BTreeSet<Note>,
    /// Whether something was said in two ways, of which either may be the one that was taken.
    is_contradicted: bool,
    /// Whether a request asked for another protocol, and no answer to it was seen.
    asks_to_upgrade: bool,
    /// Whether the server agreed to that.
    has_switched: bool,
    /// The packet that began with no request behind one that asked for another protocol.
    upgraded: Option<Mark>,
    tunnel: Tunnel,
    /// The packet that began with a hello while it was not known whether the tunnel is granted.
    assumed: Option<Mark>,
    /// Requests of HTTP/1, and final answers.
    requests: u64,
    answers: u64,
    /// The packet at which the application was recognised.
    recognised: Option<Mark>,
    /// What was asked of DNS and answered, if anything was.
    exchange: Option<Box<Exchange>>,
}

/// What became of the last request for a tunnel (RFC 9110 §9.3.6).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Tunnel {
    /// There was none, or the server refused it: requests follow.
    #[default]
    None,
    /// The next answer is the one to it.
    Asked,
    /// Which answer is the one to it is not known.
    Unclear,
    /// The server agreed.
    Granted,
    /// The server agreed, and what came behind it is for whoever the tunnel leads to.
    Inside,
}

/// A message of DNS.
#[derive(Debug)]
pub(super) enum Read {
    Question,
    /// A response, and whether its client takes it.
    Response(dns::Response, Solicited),
}

/// What a name is to the story.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Name {
    /// It was shown before.
    Known,
    /// It is kept from now on.
    New,
    /// It is one more than are kept.
    LeftOut,
}

/// Where among many openings one is like another.
#[derive(Debug, Default)]
struct Index {
    /// By the hash of a payload, the first opening that has it.
    same: HashMap<u64, usize>,
    /// By that of a payload without the path of a request.
    but_for_path: HashMap<u64, Like>,
}

/// The first of all openings that differ in no more than the path of a request.
#[derive(Clone, Copy, Debug)]
struct Like {
    at: usize,
    /// Whether another was left out.
    has_more: bool,
}

impl Index {
    fn of(openings: &[Opening], more: &[MorePaths]) -> Index {
        let mut index = Index::default();
        openings.iter().enumerate().for_each(|(at, one)| index.add(at, &one.payload));
        for left_out in more {
            let like = openings.get(left_out.like);
            if let Some(like) = like.and_then(|one| index.like(&one.payload, openings)) {
                like.has_more = true;
            }
        }
        index
    }

    fn add(&mut self, at: usize, payload: &SeenPayload) {
        let hash = self.same.hasher().hash_one(payload);
        self.same.entry(hash).or_insert(at);
        let hash = self.but_for_path.hasher().hash_one(but_for_path(payload));
        self.but_for_path.entry(hash).or_insert(Like { at, has_more: false });
    }

    /// Whether one of `openings` has `payload`.
    fn has(&self, payload: &SeenPayload, openings: &[Opening]) -> bool {
        let hash = self.same.hasher().hash_one(payload);
        let one = self.same.get(&hash).and_then(|at| openings.get(*at));
        one.is_some_and(|one| one.payload == *payload)
    }

    /// The one of `openings` that has it but for the path of a request.
    fn like(&mut self, payload: &SeenPayload, openings: &[Opening]) -> Option<&mut Like> {
        let hash = self.but_for_path.hasher().hash_one(but_for_path(payload));
        self.but_for_path.get_mut(&hash).filter(|like| {
            let one = openings.get(like.at);
            one.is_some_and(|one| but_for_path(&one.payload) == but_for_path(payload))
        })
    }
}

/// A packet, as openings refer to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) packet: u64,
    pub(super) frame: u64,
    pub(super) at: Moment,
}

impl Story {
    /// Takes what was heard in the packet at `mark`.
    pub(super) fn hear(&mut self, heard: Heard<'_>, mark: Mark) {
        if self.tunnel == Tunnel::Inside {
            match heard {
                Heard::Opening(_, Some((name, origin))) | Heard::Name(name, origin) => {
                    self.name(name, origin, mark);
                }
                Heard::Note(note) => drop(self.notes.insert(note)),
                _ => {}
            }
            return;
        }
        match heard {
            Heard::Application(application) => {
                if self.application.is_none() && !self.unknown {
                    self.application = Some(application);
                    self.recognised = Some(mark);
                }
            }
            Heard::Opening(payload, name) => {
                self.requests += u64::from(self.application == Some(Application::Http));
                let shown = name.map(|(name, origin)| self.name(name, origin, mark));
                self.open_with(payload, shown, mark);
            }
            Heard::Unknown => {
                // What the server said first may have been taken for something.
                if self.application.is_none() {
                    self.unknown = true;
                    self.open(SeenPayload::Exactly(Payload::Other), mark);
                }
            }
            Heard::Name(name, origin) => {
                self.name(name, origin, mark);
            }
            Heard::Note(note) => {
                self.notes.insert(note);
                if note == Note::ConflictingSegments {
                    self.is_contradicted = true;
                    self.doubt.get_or_insert(mark);
                }
            }
            Heard::Behind => self.open(SeenPayload::Unknown, mark),
            Heard::Cut => self.incomplete = true,
            Heard::Incomplete => {
                self.incomplete = true;
                self.doubt.get_or_insert(mark);
            }
            Heard::AsksToUpgrade => self.asks_to_upgrade = true,
            Heard::Upgraded => {
                self.upgraded.get_or_insert(mark);
            }
            Heard::AsksForTunnel => {
                let is_next = self.answers + 1 == self.requests;
                self.tunnel = if is_next { Tunnel::Asked } else { Tunnel::Unclear };
            }
            Heard::BehindTunnel(behind) => match (self.tunnel, behind) {
                (Tunnel::Granted | Tunnel::Inside, _) => self.tunnel = Tunnel::Inside,
                (Tunnel::None, Behind::Request) => {}
                (Tunnel::Asked, Behind::Hello) => self.assumed = Some(mark),
                (Tunnel::None | Tunnel::Asked | Tunnel::Unclear, _) => self.may_ask(mark),
            },
            Heard::Dns(_) | Heard::DnsLost => {}
        }
    }

    /// Notes that something may have been asked behind a request for a tunnel. What comes next may lie in the
    /// tunnel, so that this stands before it.
    fn may_ask(&mut self, mark: Mark) {
        self.incomplete = true;
        self.open(SeenPayload::Kind(PayloadKind::Http), mark);
    }

    /// Takes note of a final answer with a status of this class (RFC 9110 §15).
    fn answer(&mut self, class: u8) {
        self.answers += 1;
        self.tunnel = match (self.tunnel, class) {
            (Tunnel::Asked, b'2') if self.assumed.is_some() => Tunnel::Inside,
            (Tunnel::Asked, b'2') => Tunnel::Granted,
            (Tunnel::Asked, b'3'..=b'5') => {
                if let Some(mark) = self.assumed.take() {
                    self.may_ask(mark);
                }
                Tunnel::None
            }
            // The one before may have been a body that looks like an answer.
            (Tunnel::Asked | Tunnel::Granted, _) => Tunnel::Unclear,
            (tunnel @ (Tunnel::None | Tunnel::Unclear | Tunnel::Inside), _) => tunnel,
        };
    }

    /// Takes note of what the server says that is no answer, or not known as one.
    fn say(&mut self) {
        if self.tunnel == Tunnel::Asked {
            self.tunnel = Tunnel::Unclear;
            if let Some(mark) = self.assumed.take() {
                self.may_ask(mark);
            }
        }
    }

    /// Takes the bytes of a segment of the server: it may agree to another protocol (RFC 9110 §15.2.2),
    /// also behind another response, or where the file has the request later; or to a tunnel. `is_new` tells
    /// whether it is the first time that they are seen.
    #[inline]
    pub(super) fn hear_server(&mut self, bytes: &[u8], is_new: bool) {
        const SWITCHING: &[u8] = b"HTTP/1.1 101";
        // The bytes of most connections are looked at no more, and looking takes time.
        let may_be_http = match self.application {
            Some(application) => application == Application::Http,
            None => !self.unknown,
        };
        if !may_be_http {
            return;
        }
        match bytes.first_chunk() {
            _ if !is_new => {}
            Some(b"HTTP/1.0 1" | b"HTTP/1.1 1") => {}
            Some(&[b'H', b'T', b'T', b'P', b'/', b'1', b'.', _, b' ', class]) => self.answer(class),
            Some(_) | None => self.say(),
        }
        if bytes.starts_with(SWITCHING) {
            self.has_switched |= self.asks_to_upgrade || self.application.is_none();
            self.asks_to_upgrade = false;
        } else if self.asks_to_upgrade && memchr::memmem::find(bytes, SWITCHING).is_some() {
            self.has_switched = true;
            self.asks_to_upgrade = false;
        } else if bytes.starts_with(b"HTTP/1.") && !bytes.starts_with(b"HTTP/1.1 1") {
            // A final answer: what looks like another is its body.
            self.asks_to_upgrade = false;
        }
    }

    /// Takes a message of DNS from `from` to `to`; `None` where it cannot be read, or is about no
    /// addresses.
    pub(super) fn dns(
        &mut self,
        message: &[u8],
        from: IpAddr,
        to: IpAddr,
        said: Said,
    ) -> Option<Read> {
        let response = dns::response(message);
        let query = if response.is_none() { Some(dns::query(message)?) } else { None };
        let exchange = self.exchange.get_or_insert_default();
        let before = exchange.held();
        if let Some(key) = query {
            exchange.asks(key, from, to, said);
        }
        let read = response.map_or(Read::Question, |response| {
            let solicited = exchange.answers(&response, to, from, said);
            Read::Response(response, solicited)
        });
        self.held = self.held.saturating_sub(before) + exchange.held();
        Some(read)
    }

    /// Notes that messages between `client` and `server` are missing at `at`, if those are of DNS.
    pub(super) fn lose_dns(&mut self, client: IpAddr, server: IpAddr, at: Moment) {
        if let Some(exchange) = self.dns_exchange() {
            exchange.loses(client, server, at);
        }
    }

    /// Notes that nothing more is read of what `client` and `server` say, if that is DNS.
    pub(super) fn hear_no_more_dns(&mut self, client: IpAddr, server: IpAddr, since: Moment) {
        if let Some(exchange) = self.dns_exchange() {
            exchange.hears_no_more(client, server, since);
        }
    }

    /// What is asked and answered, if that is DNS.
    fn dns_exchange(&mut self) -> Option<&mut Exchange> {
        let is_dns = self.exchange.is_some() || self.application == Some(Application::Dns);
        is_dns.then(|| &mut **self.exchange.get_or_insert_default())
    }

    /// What there is to tell of DNS beside answers, once the flow has ended.
    pub(super) fn asides(&mut self) -> Option<BTreeSet<DnsAside>> {
        let asides = self.exchange.take()?.finish();
        if asides.is_empty() { None } else { Some(asides) }
    }

    /// Adds the handshake: before all that was asked, wherever the file has its packets.
    pub(super) fn open_silent(&mut self, mark: Mark) {
        if self.index.take().is_some() {
            self.held = self.held.saturating_sub(INDEX_BYTES * self.openings.len());
        }
        self.keep(SeenPayload::Exactly(Payload::Silent), mark);
        self.openings.rotate_right(1);
        self.insert_before_left_out(0, |_| true);
    }

    /// Adds an opening.
    pub(super) fn open(&mut self, payload: SeenPayload, mark: Mark) {
        self.open_with(payload, None, mark);
    }

    /// Notes that something may have been asked of which nothing is known.
    pub(super) fn suspect(&mut self, mark: Mark) {
        if self.openings.iter().all(|opening| opening.payload != SeenPayload::Unknown) {
            self.open(SeenPayload::Unknown, mark);
        }
    }

    /// Whether something was asked of which anything is known.
    pub(super) fn asks(&self) -> bool {
        let mut payloads = self.openings.iter().map(|opening| &opening.payload);
        payloads.any(|payload| !payload.is_silent() && *payload != SeenPayload::Unknown)
    }

    /// Adds an opening that shows a name, if it does. Beyond the cap what was asked for before is
    /// passed over; one with a new name or port is kept; and where there are too many, or it is not
    /// known what a name was, that something was asked for.
    fn open_with(&mut self, payload: SeenPayload, shown: Option<Name>, mark: Mark) {
        let number = self.openings.len();
        let mut payload = payload;
        if number >= MOST_OPENINGS || self.held >= MOST_HELD_BYTES {
            let index = self.index.get_or_insert_with(|| {
                self.held += INDEX_BYTES * number;
                Box::new(Index::of(&self.openings, &self.more_paths))
            });
            if index.has(&payload, &self.openings) {
                return;
            }
            let is_named = matches!(shown, Some(Name::New | Name::Known));
            let like = if is_named { index.like(&payload, &self.openings) } else { None };
            if let Some(like) = like {
                self.left_out += 1;
                if !std::mem::replace(&mut like.has_more, true) {
                    let opening = opening(payload.unread(), mark);
                    self.more_paths.push(MorePaths { like: like.at, behind: number, opening });
                    self.held += size_of::<MorePaths>();
                }
                return;
            }
            if !is_named || number >= MOST_INDEXED || self.held >= 2 * MOST_HELD_BYTES {
                self.left_out += 1;
                payload = payload.without_name();
                if index.has(&payload, &self.openings) {
                    return;
                }
            }
            index.add(number, &payload);
            self.held += INDEX_BYTES;
        }
        self.keep(payload, mark);
    }

    fn keep(&mut self, payload: SeenPayload, mark: Mark) {
        self.held += size_of::<Opening>() + path_length(&payload);
        if self.openings.is_empty() {
            self.openings.reserve_exact(USUAL_OPENINGS);
        }
        self.openings.push(opening(payload, mark));
    }

    fn name(&mut self, name: Host, origin: NameOrigin, mark: Mark) -> Name {
        if self.names.iter().any(|seen| seen.name == name && seen.origin == origin) {
            return Name::Known;
        }
        if self.names.len() >= MOST_OPENINGS {
            return Name::LeftOut;
        }
        self.held += size_of::<SeenName>();
        self.names.push(SeenName { name, origin, at: mark.at.timestamp(), packet: mark.packet });
        Name::New
    }

    /// Adds what is known of a request that was not seen whole, so that every flow has an opening.
    /// A client that is known to have sent nothing asked for nothing, whatever the server said; and
    /// of what is neither TCP nor UDP no firewall looks at more than the header.
    pub(super) fn complete(&mut self, protocol: IpProtocol, was_silent: bool, first: Mark) {
        self.open_the_rest(protocol, was_silent, first);
        // Of what was asked besides, what DNS told says nothing.
        let shows_something = !self.names.is_empty()
            || self.is_contradicted
            || self.openings.iter().any(|opening| match &opening.payload {
                SeenPayload::Exactly(payload) => *payload != Payload::Silent,
                SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown => false,
            });
        for opening in self.openings.iter_mut().filter(|_| shows_something) {
            if matches!(opening.payload, SeenPayload::Kind(_) | SeenPayload::Unknown) {
                opening.payload = opening.payload.unread();
            }
        }
    }

    fn open_the_rest(&mut self, protocol: IpProtocol, was_silent: bool, first: Mark) {
        if !protocol.has_ports() {
            self.openings = vec![opening(SeenPayload::Exactly(Payload::Other), first)];
            self.left_out = 0;
            self.more_paths.clear();
            return;
        }
        if let Some(mark) = self.upgraded.filter(|_| !self.has_switched) {
            self.incomplete = true;
            self.doubt.get_or_insert(mark);
        }
        if self.is_contradicted {
            self.open_contradicted();
        }
        let asked = self.openings.iter().any(|opening| !opening.payload.is_silent());
        if asked {
            self.doubt();
            return;
        }
        if was_silent && !self.openings.is_empty() {
            return;
        }
        let kind = self.application.and_then(Application::payload_kind);
        let payload = match (kind, self.application) {
            (Some(kind), _) => SeenPayload::Kind(kind),
            (None, None) if protocol == IpProtocol::TCP => SeenPayload::Unknown,
            (None, None | Some(_)) => SeenPayload::Exactly(Payload::Other),
        };
        self.openings.push(opening(payload, self.recognised.unwrap_or(first)));
    }

    /// Takes back what was read of bytes that were said in two ways: nobody knows which of them came to
    /// the firewall.
    fn open_contradicted(&mut self) {
        let is_silent = |opening: &Opening| opening.payload.is_silent();
        let Some(first) = self.openings.iter().position(|opening| !is_silent(opening)) else {
            return;
        };
        self.openings.truncate(first + 1);
        self.more_paths.clear();
        if let Some(opening) = self.openings.last_mut() {
            opening.payload = SeenPayload::Unknown;
        }
    }

    /// Adds what may have been asked besides, where not all that the client said is known.
    fn doubt(&mut self) {
        let is_open = |opening: &Opening| {
            matches!(
                opening.payload,
                SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown
            )
        };
        let Some(mark) = self.doubt else { return };
        if self.openings.iter().any(is_open) {
            return;
        }
        let asked = self.openings.iter().rev().map(|opening| &opening.payload);
        let payload = match asked.into_iter().find(|payload| !payload.is_silent()) {
            Some(seen @ SeenPayload::Exactly(payload)) if *payload != Payload::Other => {
                seen.clone().without_name()
            }
            Some(_) | None => SeenPayload::Unknown,
        };
        // What comes behind it was asked behind it.
        let place = self.openings.partition_point(|opening| opening.packet <= mark.packet);
        self.openings.insert(place, opening(payload, mark));
        self.insert_before_left_out(place, |left_out| left_out.packet > mark.packet);
    }

    /// Takes note that an opening came to stand at `place`; `is_first` tells of what was left out there
    /// whether the opening stands before it.
    fn insert_before_left_out(&mut self, place: usize, is_first: impl Fn(&Opening) -> bool) {
        for MorePaths { like, behind, opening } in &mut self.more_paths {
            *like += usize::from(*like >= place);
            *behind += usize::from(*behind > place || *behind == place && is_first(opening));
        }
    }

    /// The name in the first hello or request.
    pub(super) fn first_name(&self) -> Option<&Host> {
        self.openings.iter().find_map(|opening| match &opening.payload {
            SeenPayload::Exactly(Payload::Silent) => None,
            SeenPayload::Exactly(payload) => Some(payload.wire_name()),
            // A damaged request may show a name, though not what it asks of that host.
            SeenPayload::Kind(_) | SeenPayload::Unread(_) | SeenPayload::Unknown => {
                let mut names = self.names.iter();
                let shown = names.find(|seen| {
                    seen.packet == opening.packet && seen.origin != NameOrigin::Target
                });
                Some(shown.map(|seen| &seen.name))
            }
        })?
    }
}

fn opening(payload: SeenPayload, Mark { packet, frame, at }: Mark) -> Opening {
    Opening { packet, frame, at: at.timestamp(), payload }
}

/// A payload without the path of a request.
#[derive(Eq, Hash, PartialEq)]
enum ButForPath<'p> {
    Http(Option<&'p Host>, Option<u16>),
    Other(&'p SeenPayload),
}

fn but_for_path(payload: &SeenPayload) -> ButForPath<'_> {
    match payload {
        SeenPayload::Exactly(Payload::Http(request)) => {
            ButForPath::Http(request.host.as_ref(), request.port)
        }
        other => ButForPath::Other(other),
    }
}

/// The part of a payload that can be long.
fn path_length(payload: &SeenPayload) -> usize {
    match payload {
        SeenPayload::Exactly(Payload::Http(request)) => request.path.len(),
        SeenPayload::Exactly(_)
        | SeenPayload::Kind(_)
        | SeenPayload::Unread(_)
        | SeenPayload::Unknown => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Request;

    fn ask(story: &mut Story, host: Option<&str>, packet: u64) {
        let host = host.map(|text| Host::parse(text).unwrap());
        let name = host.clone().map(|host| (host, NameOrigin::Host));
        let request = Request { host, port: None, path: format!("/{packet}") };
        let payload = SeenPayload::Exactly(Payload::Http(request));
        let mark = Mark { packet, frame: packet, at: Moment::EPOCH };
        story.hear(Heard::Opening(payload, name), mark);
    }

    fn full() -> Story {
        let mut story = Story::default();
        for packet in 0..2000 {
            ask(&mut story, Some("a.example"), packet);
        }
        assert_eq!((story.openings.len(), story.left_out), (MOST_OPENINGS, 976));
        story
    }

    #[test]
    fn a_new_name_is_an_opening_however_late() {
        let mut story = full();
        ask(&mut story, Some("b.example"), 2000);
        ask(&mut story, Some("b.example"), 2001);
        assert_eq!(story.openings.len(), MOST_OPENINGS + 1);
        let shown = story.openings.last().map(|opening| (opening.packet, opening.payload.clone()));
        let Some((2000, SeenPayload::Exactly(payload))) = shown else { panic!("{shown:?}") };
        assert_eq!(payload.wire_name(), Some(&Host::parse("b.example").unwrap()));
        assert_eq!(story.left_out, 977);
    }

    #[test]
    fn a_new_port_is_an_opening_until_there_are_too_many() {
        let mut story = full();
        let ask = |story: &mut Story, port: u16| {
            let host = Host::parse("a.example").unwrap();
            let name = Some((host.clone(), NameOrigin::Host));
            let request = Request { host: Some(host), port: Some(port), path: "/".to_owned() };
            let payload = SeenPayload::Exactly(Payload::Http(request));
            let mark = Mark { packet: 3000, frame: 3000, at: Moment::EPOCH };
            story.hear(Heard::Opening(payload, name), mark);
        };
        (1..=3).for_each(|port| ask(&mut story, port));
        assert_eq!(story.openings.len(), MOST_OPENINGS + 3);
        (1..=2000).for_each(|port| ask(&mut story, port));
        assert_eq!(story.openings.len(), 2 * MOST_OPENINGS + 1);
        let last = story.openings.last().map(|opening| &opening.payload);
        assert_eq!(last, Some(&SeenPayload::Kind(PayloadKind::Http)));
    }

    /// The file may have it behind all else, and what is left out is not to hide behind it.
    #[test]
    fn a_handshake_behind_many_requests_stands_before_them() {
        let mut story = full();
        story.open_silent(Mark { packet: 2000, frame: 2000, at: Moment::EPOCH });
        for packet in 3000..5000 {
            ask(&mut story, Some(&format!("n{packet}.example")), packet);
        }
        let first = story.openings.first().map(|opening| &opening.payload);
        assert_eq!(first, Some(&SeenPayload::Exactly(Payload::Silent)));
        let last = story.openings.last().map(|opening| &opening.payload);
        assert_eq!(last, Some(&SeenPayload::Kind(PayloadKind::Http)));
    }

    /// What else was asked has no place behind what came later.
    #[test]
    fn what_is_left_out_is_told_where_it_stood() {
        let mut story = full();
        ask(&mut story, Some("b.example"), 2000);
        ask(&mut story, Some("b.example"), 2001);
        ask(&mut story, Some("a.example"), 2002);
        ask(&mut story, Some("b.example"), 2003);
        let told = |story: &Story| -> Vec<(usize, usize, u64)> {
            story.more_paths.iter().map(|one| (one.like, one.behind, one.opening.packet)).collect()
        };
        let at = MOST_OPENINGS;
        assert_eq!(told(&story), [(0, at, 1024), (at, at + 1, 2001)]);
        story.open_silent(Mark { packet: 1, frame: 1, at: Moment::EPOCH });
        ask(&mut story, Some("a.example"), 2004);
        assert_eq!(told(&story), [(1, at + 1, 1024), (at + 1, at + 2, 2001)]);
        // Of what may have been asked besides at packet 1,500 the place is between the two.
        story.hear(Heard::Incomplete, Mark { packet: 1500, frame: 1500, at: Moment::EPOCH });
        story.complete(IpProtocol::TCP, false, Mark { packet: 1, frame: 1, at: Moment::EPOCH });
        assert_eq!(told(&story), [(1, at + 1, 1024), (at + 2, at + 3, 2001)]);
        assert_eq!(story.openings[at + 1].payload, SeenPayload::Unread(Some(PayloadKind::Http)));
    }

    #[test]
    fn long_paths_are_left_out_sooner() {
        let mut story = Story::default();
        for number in 0..1000 {
            let host = Host::parse(if number == 999 { "b.example" } else { "a.example" }).unwrap();
            let name = Some((host.clone(), NameOrigin::Host));
            let path = format!("/{number}{}", "x".repeat(60_000));
            let request = Request { host: Some(host), port: None, path };
            let payload = SeenPayload::Exactly(Payload::Http(request));
            let mark = Mark { packet: number, frame: number, at: Moment::EPOCH };
            story.hear(Heard::Opening(payload, name), mark);
        }
        assert!(story.held < MOST_HELD_BYTES + 130_000, "{}", story.held);
        assert_eq!((story.openings.len(), story.left_out), (10, 990));
        let last = story.openings.last().map(|opening| opening.packet);
        assert_eq!(last, Some(999));
    }

    #[test]
    fn what_was_asked_before_is_not_left_out() {
        let mut story = full();
        for packet in [0, 1023] {
            ask(&mut story, Some("a.example"), packet);
        }
        assert_eq!((story.openings.len(), story.left_out), (MOST_OPENINGS, 976));
        ask(&mut story, Some("a.example"), 1024);
        assert_eq!((story.openings.len(), story.left_out), (MOST_OPENINGS, 977));
        ask(&mut story, Some("b.example"), 2000);
        ask(&mut story, Some("b.example"), 2000);
        assert_eq!((story.openings.len(), story.left_out), (MOST_OPENINGS + 1, 977));
    }

    #[test]
    fn what_is_left_out_without_a_known_name_leaves_the_flow_open() {
        let mut story = full();
        ask(&mut story, None, 2000);
        ask(&mut story, None, 2001);
        let openings = story.openings.get(MOST_OPENINGS..).unwrap();
        let payloads: Vec<&SeenPayload> = openings.iter().map(|one| &one.payload).collect();
        assert_eq!(payloads, [&SeenPayload::Kind(PayloadKind::Http)]);

        let mut many = Story::default();
        for packet in 0..1030 {
            ask(&mut many, Some(&format!("n{packet}.example")), packet);
        }
        let last = many.openings.last().map(|opening| &opening.payload);
        assert_eq!(last, Some(&SeenPayload::Kind(PayloadKind::Http)));
    }
}
