//! The DNS answers that were seen, by time.
//!
//! Two questions are asked of it, and they are not the same one. What does a *client* hold? Its
//! own answers say so, whoever gave them. What does the *firewall* hold? Only what its DNS proxy
//! answered says so (`semantics.md`, Easy to get wrong). The order in which answers are fed means
//! nothing.

mod asides;
mod client;
mod equal;
mod firewall;
mod numbers;
mod told;

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use super::answer::DnsAnswer;
use super::answer::DnsRecord;
use super::answer::RecordType;
use super::answer::ResponseCode;
use super::chain::Chain;
use crate::flow::Fqdn;

use asides::Asides;
use client::NamedAddress;
use client::Names;
use numbers::AddressNumber;
use numbers::NameNumber;
use numbers::Numbers;
use told::Histories;
use told::Told;
use told::When;
use told::add_told;
use told::known;

pub use firewall::Failure;
pub use firewall::Resolution;

/// How long after its TTL a client is taken to use an answer that no newer one has replaced.
///
/// Applications keep addresses longer than DNS lets them: connection pools reconnect, runtimes
/// have caches of their own. Our choice; an hour covers what is usual without reaching the next
/// day's owner of an address.
pub const CLIENT_GRACE: SignedDuration = SignedDuration::from_hours(1);

/// How long a client is taken to use an answer even with a shorter TTL and a newer answer.
///
/// A cache hands out what is left of a TTL, down to 0, and several threads of one client ask one
/// after the other; each then connects with its own answer. Our choice.
pub const CLIENT_USE: SignedDuration = SignedDuration::from_secs(30);

/// How long after its TTL the firewall keeps an address (`azure-firewall.md §3.2`).
pub const FIREWALL_GRACE: SignedDuration = SignedDuration::from_mins(15);

/// The longest TTL that is believed, in seconds: a day, the limit that resolvers set by default.
pub const LONGEST_TTL: u32 = 86_400;

/// Bytes that a time line keeps: some 130,000 answers about as many names, more of those that
/// no firewall gave, and more of those that say again what was said before.
///
/// A capture is a stranger's text; without a limit it could fill the memory.
pub const MOST_BYTES: usize = 64 << 20;

/// How many different things that were told of one name at one instant are kept.
pub const MOST_AT_ONCE: usize = 64;

/// Nodes of a B-tree are half full where keys come in their order.
const NODES: usize = 2;

/// Bytes that it takes to know since when a client was told anything.
const OF_CLIENT: usize = NODES * size_of::<(IpAddr, (Timestamp, bool))>();

/// What the allocator adds to a piece of memory.
const PIECE: usize = 16;

/// What a name was in an answer.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum NameRole {
    /// The name that the client asked for, so the one that it wanted.
    Asked,
    /// A name that the answer led over (CNAME).
    Alias,
}

/// A name that an address stood for.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct HeldName {
    /// The name.
    pub name: Fqdn,
    /// What it was in the answer.
    pub role: NameRole,
    /// When the answer was seen.
    pub at: Timestamp,
    /// Who gave it; `None` where a log does not say.
    pub server: Option<IpAddr>,
}

/// What a client was told of a name that it reaches elsewhere.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ToldInstead {
    /// When the answer was seen.
    pub at: Timestamp,
    /// Who gave it.
    pub server: IpAddr,
    /// The response code.
    pub code: ResponseCode,
    /// The addresses, ascending; empty where the answer said that there are none.
    pub addresses: Arc<[IpAddr]>,
}

/// The DNS answers that were seen.
#[derive(Clone, Debug)]
pub struct DnsTimeline {
    numbers: Numbers,
    by_client: Histories,
    by_server: Histories,
    /// The servers that are in `by_server`; `None` for all.
    asked_of: Option<BTreeSet<IpAddr>>,
    names: Names,
    /// By client and name, where it was told of it more than once: how long its answers last.
    lasting: BTreeMap<(AddressNumber, NameNumber), Lasting>,
    /// By client: when the first answer was seen whose server is known, and whether all such answers
    /// were recorded whole.
    clients: BTreeMap<IpAddr, (Timestamp, bool)>,
    /// What was told beside answers: addresses of names.
    hints: BTreeSet<NamedAddress>,
    /// Of what answers are missing.
    asides: Asides,
    /// Whoever gave an answer.
    servers: BTreeSet<IpAddr>,
    /// What all of that takes, but for what clients were told.
    bytes: usize,
    bytes_of_clients: usize,
    most_bytes: usize,
    dropped: u64,
    /// The time of the earliest answer that was dropped.
    whole_until: Option<Timestamp>,
}

impl Default for DnsTimeline {
    fn default() -> DnsTimeline {
        DnsTimeline::with_limit(MOST_BYTES)
    }
}

impl DnsTimeline {
    /// A time line without answers that keeps about as many bytes at most.
    pub fn with_limit(most_bytes: usize) -> DnsTimeline {
        DnsTimeline {
            numbers: Numbers::new(),
            by_client: BTreeMap::new(),
            by_server: BTreeMap::new(),
            asked_of: None,
            names: Names::default(),
            lasting: BTreeMap::new(),
            clients: BTreeMap::new(),
            hints: BTreeSet::new(),
            asides: Asides::default(),
            servers: BTreeSet::new(),
            bytes: 0,
            bytes_of_clients: 0,
            most_bytes,
            dropped: 0,
            whole_until: None,
        }
    }

    /// Keeps of what servers told only that of `servers`, such as the firewalls of a deployment: of any
    /// other, [`DnsTimeline::firewall_holds`] and [`DnsTimeline::resolution`] know nothing. What clients
    /// were told is kept whoever told it.
    pub fn ask_only_of(&mut self, servers: BTreeSet<IpAddr>) {
        self.by_server.retain(|(server, _, _), _| {
            self.numbers.address_of(*server).is_some_and(|server| servers.contains(&server))
        });
        self.asked_of = Some(servers);
    }

    /// Adds an answer, or counts it as dropped where the limit is reached.
    ///
    /// The same answer seen twice at one instant is one answer. As long as nothing is dropped, the
    /// order of the calls means nothing. From the earliest answer on that was dropped, nothing is
    /// said of what a client holds, since it may have been told otherwise, nor that an address is
    /// not held or a name resolves.
    pub fn add(&mut self, answer: &DnsAnswer) {
        if self.bytes + self.bytes_of_clients >= self.most_bytes || !self.keep(answer) {
            self.dropped += 1;
            self.whole_until = Some(earlier(self.whole_until, answer.at));
        }
    }

    /// Adds an answer, and tells whether all of it is kept.
    fn keep(&mut self, answer: &DnsAnswer) -> bool {
        let mut chain = Chain::follow(&answer.question, &answer.records);
        // What an error, or an answer to another question, holds besides is not believed.
        chain.addresses.retain(|address| {
            answer.code == ResponseCode::NO_ERROR && answer.asked == RecordType::of(*address)
        });
        if known(answer.server).is_some() {
            self.note(answer);
        }
        let is_cut = answer.records.contains(&DnsRecord::Lost);
        let addresses: Vec<IpAddr> = chain.addresses.into_iter().collect();
        let addresses = self.numbers.list(&addresses, &mut self.bytes);
        let client = self.numbers.add_address(answer.client, &mut self.bytes);
        let server = self.numbers.add_address(answer.server, &mut self.bytes);
        let is_asked = self.asked_of.as_ref().is_none_or(|one| one.contains(&answer.server));
        let mut role = NameRole::Asked;
        let mut is_whole = true;
        for link in chain.links {
            let name = self.numbers.add_name(&link.name, &mut self.bytes);
            let told = Told {
                role,
                asked: answer.asked,
                code: answer.code,
                ttl: link.ttl.min(LONGEST_TTL),
                addresses: Arc::clone(&addresses),
                server: answer.server,
                is_cut,
            };
            role = NameRole::Alias;
            for address in &*addresses {
                let address = self.numbers.add_address(*address, &mut self.bytes);
                self.bytes_of_clients += self.names.add(client, address, name, answer.at);
            }
            let ttl = told.ttl;
            let told: Arc<[Told]> = [told].into();
            let of_client = add_told(&mut self.by_client, (client, name, answer.at), &told);
            self.bytes_of_clients += of_client.unwrap_or(0);
            is_whole &= of_client.is_some();
            let lasts = Lasting { ttl, is_cut };
            self.bytes_of_clients +=
                lengthen(&mut self.lasting, &self.by_client, (client, name), lasts);
            let mut is_new = of_client.is_some_and(|bytes| bytes > 0);
            if is_asked {
                let of_server = add_told(&mut self.by_server, (server, name, answer.at), &told);
                self.bytes += of_server.unwrap_or(0);
                is_whole &= of_server.is_some();
                is_new |= of_server.is_some_and(|bytes| bytes > 0);
            }
            if is_new {
                self.bytes += PIECE + size_of_val(&*told);
            }
        }
        is_whole
    }

    /// Notes who was told, and by whom.
    fn note(&mut self, answer: &DnsAnswer) {
        if self.servers.insert(answer.server) {
            self.bytes += NODES * size_of::<IpAddr>();
        }
        let is_whole = !answer.records.contains(&DnsRecord::Lost);
        let before = self.clients.len();
        let (first, all) = self.clients.entry(answer.client).or_insert((answer.at, true));
        *first = answer.at.min(*first);
        *all &= is_whole;
        self.bytes_of_clients += (self.clients.len() - before) * OF_CLIENT;
    }

    /// The same answers, as if `client` had been told each of them.
    #[must_use]
    pub fn told_to(&self, client: IpAddr) -> DnsTimeline {
        let mut numbers = self.numbers.clone();
        let mut bytes = self.bytes;
        let one = numbers.add_address(client, &mut bytes);
        let mut by_client = Histories::new();
        let (mut bytes_of_clients, mut whole_until) = (0, self.whole_until);
        let mut lasting = BTreeMap::new();
        for ((_, name, at), told) in &self.by_client {
            match add_told(&mut by_client, (one, *name, *at), told) {
                Some(bytes) => {
                    bytes_of_clients += bytes;
                    let lasts = Lasting::of(told);
                    bytes_of_clients += lengthen(&mut lasting, &by_client, (one, *name), lasts);
                }
                None => whole_until = Some(earlier(whole_until, *at)),
            }
        }
        let mut names = Names::default();
        for ((_, address), until) in &self.names.whole_until {
            names.miss(one, *address, *until);
        }
        for (_, address, name) in &self.names.kept {
            // Which answers a name is of is not known here, so that one too many takes all.
            bytes_of_clients += names.add(one, *address, *name, Timestamp::MIN);
        }
        let all = |(first, whole): (Timestamp, bool), other: (Timestamp, bool)| {
            (first.min(other.0), whole && other.1)
        };
        let clients = self.clients.values().copied().reduce(all).map(|one| (client, one));
        let clients: BTreeMap<IpAddr, (Timestamp, bool)> = clients.into_iter().collect();
        bytes_of_clients += clients.len() * OF_CLIENT;
        let hints = self.hints.iter().map(|(_, address, name)| (one, *address, *name));
        let hints: BTreeSet<NamedAddress> = hints.collect();
        let asides = self.asides.told_to(client, hints.len());
        DnsTimeline {
            numbers,
            by_client,
            by_server: self.by_server.clone(),
            asked_of: self.asked_of.clone(),
            names,
            lasting,
            clients,
            hints,
            asides,
            servers: self.servers.clone(),
            bytes,
            bytes_of_clients,
            most_bytes: self.most_bytes,
            dropped: self.dropped,
            whole_until,
        }
    }

    /// Each client with each name that it was told of, as often as it was.
    pub fn told(&self) -> impl Iterator<Item = (IpAddr, &Fqdn)> {
        self.by_client.keys().filter_map(|when| self.party_and_name(when))
    }

    /// Each server with each name that it told of, as often as it did.
    pub fn answered(&self) -> impl Iterator<Item = (IpAddr, &Fqdn)> {
        self.by_server.keys().filter_map(|when| self.party_and_name(when))
    }

    fn party_and_name(&self, (party, name, _): &When) -> Option<(IpAddr, &Fqdn)> {
        self.numbers.address_of(*party).zip(self.numbers.name_of(*name))
    }

    /// How many answers the limit kept out.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The time of the earliest answer that the limit kept out. From then on what clients were told
    /// counts as not known.
    pub fn whole_until(&self) -> Option<Timestamp> {
        self.whole_until
    }

    /// Whether an answer to `client` about `name` was seen between two times.
    pub(super) fn has_answer(
        &self,
        client: IpAddr,
        name: &Fqdn,
        asked: RecordType,
        from: Timestamp,
        to: Timestamp,
    ) -> bool {
        let numbers = self.numbers.party_and_name(client, name);
        let mut seen = numbers.into_iter().flat_map(|(client, name)| {
            self.by_client.range((client, name, from)..=(client, name, to))
        });
        let is_whole = |told: &Told| told.asked == asked && !told.is_cut;
        seen.any(|(_, told)| told.iter().any(is_whole))
    }

    /// Notes that `client` was told that `name` may have `address`: no evidence of what there is.
    pub fn hint(&mut self, client: IpAddr, name: &Fqdn, address: IpAddr) {
        if self.has_hinted(client, name, address) || !self.asides.take_hint() {
            return;
        }
        let client = self.numbers.add_address(client, &mut self.bytes);
        let address = self.numbers.add_address(address, &mut self.bytes);
        let name = self.numbers.add_name(name, &mut self.bytes);
        self.hints.insert((client, address, name));
        self.bytes += NODES * size_of::<NamedAddress>();
    }

    fn has_hinted(&self, client: IpAddr, name: &Fqdn, address: IpAddr) -> bool {
        let numbers = self.numbers.client_and_address(client, address);
        let hint = numbers.zip(self.numbers.name(name));
        hint.is_some_and(|((client, address), name)| self.hints.contains(&(client, address, name)))
    }

    /// Notes that an answer to what `client` asked at `at` is missing: about `name`, or any name;
    /// about addresses of the type `asked`, or, where that is `None`, of a type of record that may
    /// hint at any.
    ///
    /// From then on it may hold other addresses of the name than it was told, until a newer answer of
    /// that type and as long as an answer lasts. Hints are no evidence, so that a missing one says
    /// nothing of answers. This is to be noted when all answers were added: of a name of which nothing was
    /// told there is nothing to be unsure of.
    pub fn miss(
        &mut self,
        client: IpAddr,
        name: Option<&Fqdn>,
        asked: Option<RecordType>,
        at: Timestamp,
    ) {
        let is_told = |name| self.has_history(&self.by_client, client, name);
        if name.is_some_and(|name| asked.is_none() || !is_told(name)) {
            return;
        }
        let name = name.map(|name| self.shared(name));
        for of in types(asked) {
            self.asides.add(|all| &mut all.of_clients, (client, of, name.clone(), at));
        }
    }

    /// Notes that `client` may know of `name`, or of any name, what no answer in the recording told it,
    /// since `at`: [`DnsTimeline::lacks_answer`].
    pub fn lack(
        &mut self,
        client: IpAddr,
        name: Option<&Fqdn>,
        asked: Option<RecordType>,
        at: Timestamp,
    ) {
        let name = name.map(|name| self.shared(name));
        for of in types(asked) {
            self.asides.lack(client, name.clone(), of, at);
        }
    }

    /// Notes that of what `client` and `server` said to each other from `since` on nothing is known.
    pub fn hear_no_more(&mut self, client: IpAddr, server: IpAddr, since: Timestamp) {
        self.lack(client, None, None, since);
        let is_asked = self.asked_of.as_ref().is_none_or(|one| one.contains(&server));
        self.asides.hear_no_more(client, Some(server).filter(|_| is_asked), since);
    }

    /// Notes that `server` was asked at `at` and its answer is missing, about what
    /// [`DnsTimeline::miss`] says.
    pub fn miss_of(
        &mut self,
        server: IpAddr,
        name: Option<&Fqdn>,
        asked: Option<RecordType>,
        at: Timestamp,
    ) {
        let is_asked = self.asked_of.as_ref().is_none_or(|one| one.contains(&server));
        let has_told = |name| self.has_history(&self.by_server, server, name);
        if !is_asked || name.is_some_and(|name| asked.is_none() || !has_told(name)) {
            return;
        }
        let name = name.map(|name| self.shared(name));
        for of in types(asked) {
            self.asides.add(|all| &mut all.of_servers, (server, of, name.clone(), at));
        }
    }

    /// Whether there is any answer of or to `party` about `name`.
    fn has_history(&self, histories: &Histories, party: IpAddr, name: &Fqdn) -> bool {
        let numbers = self.numbers.party_and_name(party, name);
        numbers.is_some_and(|(party, name)| {
            let all = (party, name, Timestamp::MIN)..=(party, name, Timestamp::MAX);
            histories.range(all).next().is_some()
        })
    }

    /// The name with the text that is kept of it, if it was told of.
    fn shared(&self, name: &Fqdn) -> Fqdn {
        let known = self.numbers.name(name).and_then(|number| self.numbers.name_of(number));
        known.unwrap_or(name).clone()
    }

    /// Notes that answers to any client may be missing from `at` on.
    pub fn miss_any(&mut self, at: Timestamp) {
        self.asides.miss_any(at);
    }

    /// From when on any answer may be missing, since more were missing than are kept. From then on what
    /// clients were told counts as not known.
    pub fn missing_since(&self) -> Option<Timestamp> {
        self.asides.whole_until()
    }

    /// Whether `server` gave some answer.
    pub fn has_answered(&self, server: IpAddr) -> bool {
        self.servers.contains(&server)
    }

    /// Whether every answer up to `at` was kept. If not, a missing address may be in one that was
    /// dropped, so nothing can be said not to be.
    fn is_whole(&self, at: Timestamp) -> bool {
        is_whole(self.whole_until, at) && is_whole(self.asides.whole_until(), at)
    }
}

/// The types of record that a question was about, or may have been.
fn types(asked: Option<RecordType>) -> impl Iterator<Item = RecordType> {
    RecordType::ALL.into_iter().filter(move |of| asked.is_none_or(|asked| asked == *of))
}

/// Of answers about one name.
#[derive(Clone, Copy, Debug)]
struct Lasting {
    /// The longest TTL, in seconds.
    ttl: u32,
    /// Whether any was cut.
    is_cut: bool,
}

impl Lasting {
    /// Of what was told at one instant.
    fn of(told: &[Told]) -> Lasting {
        let ttl = told.iter().map(|told| told.ttl).max().unwrap_or(0);
        Lasting { ttl, is_cut: told.iter().any(|told| told.is_cut) }
    }

    fn and(self, other: Lasting) -> Lasting {
        Lasting { ttl: self.ttl.max(other.ttl), is_cut: self.is_cut || other.is_cut }
    }
}

/// Notes how long an answer lasts that was just added; tells how many bytes it takes. Of what was told
/// once, that itself says it.
fn lengthen(
    lasting: &mut BTreeMap<(AddressNumber, NameNumber), Lasting>,
    by_client: &Histories,
    of: (AddressNumber, NameNumber),
    lasts: Lasting,
) -> usize {
    if let Some(known) = lasting.get_mut(&of) {
        *known = known.and(lasts);
        return 0;
    }
    let (client, name) = of;
    let all = by_client.range((client, name, Timestamp::MIN)..=(client, name, Timestamp::MAX));
    let mut told = all.map(|(_, told)| Lasting::of(told));
    let (Some(first), Some(second)) = (told.next(), told.next()) else { return 0 };
    lasting.insert(of, first.and(second));
    NODES * size_of::<((AddressNumber, NameNumber), Lasting)>()
}

fn is_whole(until: Option<Timestamp>, at: Timestamp) -> bool {
    until.is_none_or(|until| at < until)
}

fn earlier(one: Option<Timestamp>, other: Timestamp) -> Timestamp {
    one.map_or(other, |one| one.min(other))
}
