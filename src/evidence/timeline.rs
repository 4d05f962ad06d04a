//! The DNS answers that were seen, by time.
//!
//! Two questions are asked of it, and they are not the same one. What does a *client* hold? Its
//! own answers say so, whoever gave them. What does the *firewall* hold? Only what its DNS proxy
//! answered says so (`semantics.md`, Easy to get wrong). The order in which answers are fed means
//! nothing.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use super::answer::DnsAnswer;
use super::answer::DnsRecord;
use super::answer::RecordType;
use super::answer::ResponseCode;
use super::asides::Asides;
use super::chain::Chain;
use super::known::Fact;
use crate::flow::Fqdn;

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

/// Bytes that a time line keeps: some 130,000 answers about as many names, and more of those that
/// say again what was said before.
///
/// A capture is a stranger's text; without a limit it could fill the memory.
pub const MOST_BYTES: usize = 64 << 20;

/// How many names of one address are kept for one client. A proxy that gives each of thousands of
/// names the same address would have each flow to it compared with all of them.
const MOST_NAMES: usize = 256;

/// How many different things that were told of one name at one instant are kept.
pub const MOST_AT_ONCE: usize = 64;

/// Nodes of a B-tree are half full where keys come in their order.
const NODES: usize = 2;

/// Bytes that it takes to know since when a client was told anything.
const OF_CLIENT: usize = NODES * size_of::<(IpAddr, (Timestamp, bool))>();

/// What the allocator adds to a piece of memory.
const PIECE: usize = 16;

/// Whether a server's own answers show that it can resolve a name to IPv4 addresses.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Resolution {
    /// It answered with an address.
    Resolves,
    /// It answered that it cannot.
    Fails(Failure),
    /// It was not seen to answer.
    Unknown,
}

/// How a name failed to resolve.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Failure {
    /// The response had another code than NOERROR.
    Code(ResponseCode),
    /// The name exists and has no address of the type asked for.
    NoAddress,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Code(code) => code.fmt(f),
            Failure::NoAddress => f.write_str("no address"),
        }
    }
}

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
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DnsTimeline {
    by_client: Histories,
    by_server: Histories,
    /// By client and address: the names whose answers ever held it.
    names: BTreeMap<(IpAddr, IpAddr), Names>,
    /// By client: when the first answer was seen whose server is known, and whether all such answers
    /// were recorded whole.
    clients: BTreeMap<IpAddr, (Timestamp, bool)>,
    /// What was told beside answers, and of what answers are missing.
    asides: Asides,
    /// Whoever gave an answer.
    servers: BTreeSet<IpAddr>,
    /// Each name once, so that all that is told of it shares its text.
    known: BTreeSet<Fqdn>,
    /// What all of that takes, but for what clients were told.
    bytes: usize,
    bytes_of_clients: usize,
    most_bytes: usize,
    dropped: u64,
    /// The time of the earliest answer that was dropped.
    whole_until: Option<Timestamp>,
}

/// By the client or server, the name and the time: what was told, ascending. Several answers can
/// have been seen at one instant.
type Histories = BTreeMap<(IpAddr, Fqdn, Timestamp), Arc<[Told]>>;

/// What an answer told about one name on its way.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Told {
    role: NameRole,
    asked: RecordType,
    code: ResponseCode,
    /// In seconds, at most [`LONGEST_TTL`].
    ttl: u32,
    // Invariant: ascending.
    addresses: Arc<[IpAddr]>,
    server: IpAddr,
    /// Whether records of it are not known.
    is_cut: bool,
}

/// The names of an address.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Names {
    // Invariant: ascending, at most `MOST_NAMES`.
    kept: Vec<Fqdn>,
    /// The time of the earliest answer with a name that is not kept.
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
            by_client: BTreeMap::new(),
            by_server: BTreeMap::new(),
            names: BTreeMap::new(),
            clients: BTreeMap::new(),
            asides: Asides::default(),
            servers: BTreeSet::new(),
            known: BTreeSet::new(),
            bytes: 0,
            bytes_of_clients: 0,
            most_bytes,
            dropped: 0,
            whole_until: None,
        }
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
        let addresses: Arc<[IpAddr]> = chain.addresses.iter().copied().collect();
        self.bytes += PIECE + size_of_val(&*addresses);
        let mut role = NameRole::Asked;
        let mut is_whole = true;
        for link in chain.links {
            let name = self.shared(link.name);
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
                let held = self.names.entry((answer.client, *address)).or_default();
                self.bytes_of_clients += held.add(&name, answer.at);
            }
            let told: Arc<[Told]> = [told].into();
            let to_client = (answer.client, name.clone(), answer.at);
            let by_server = (answer.server, name, answer.at);
            let of_client = add_told(&mut self.by_client, to_client, &told);
            let of_server = add_told(&mut self.by_server, by_server, &told);
            self.bytes_of_clients += of_client.unwrap_or(0);
            self.bytes += of_server.unwrap_or(0);
            is_whole &= of_client.is_some() && of_server.is_some();
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

    /// The name with the text that is kept of it.
    fn shared(&mut self, name: Fqdn) -> Fqdn {
        if let Some(known) = self.known.get(&name) {
            return known.clone();
        }
        self.bytes += NODES * size_of::<Fqdn>() + PIECE + name.as_str().len();
        self.known.insert(name.clone());
        name
    }

    /// The same answers, as if `client` had been told each of them.
    #[must_use]
    pub fn told_to(&self, client: IpAddr) -> DnsTimeline {
        let mut by_client = Histories::new();
        let (mut bytes_of_clients, mut whole_until) = (0, self.whole_until);
        for ((_, name, at), told) in &self.by_client {
            match add_told(&mut by_client, (client, name.clone(), *at), told) {
                Some(bytes) => bytes_of_clients += bytes,
                None => whole_until = Some(earlier(whole_until, *at)),
            }
        }
        let mut names: BTreeMap<(IpAddr, IpAddr), Names> = BTreeMap::new();
        for ((_, address), held) in &self.names {
            let of_client = names.entry((client, *address)).or_default();
            // Which answers a name is of is not known here, so that one too many takes all.
            let at = held.whole_until.unwrap_or(Timestamp::MIN);
            for name in &held.kept {
                bytes_of_clients += of_client.add(name, at);
            }
            if let Some(until) = held.whole_until {
                of_client.whole_until = Some(earlier(of_client.whole_until, until));
            }
        }
        let all = |(first, whole): (Timestamp, bool), other: (Timestamp, bool)| {
            (first.min(other.0), whole && other.1)
        };
        let clients = self.clients.values().copied().reduce(all).map(|one| (client, one));
        let clients: BTreeMap<IpAddr, (Timestamp, bool)> = clients.into_iter().collect();
        bytes_of_clients += clients.len() * OF_CLIENT;
        let asides = self.asides.told_to(client);
        DnsTimeline {
            by_client,
            names,
            clients,
            asides,
            bytes_of_clients,
            whole_until,
            ..self.clone()
        }
    }

    /// Each client with each name that it was told of, as often as it was.
    pub fn told(&self) -> impl Iterator<Item = (IpAddr, &Fqdn)> {
        self.by_client.keys().map(|(client, name, _)| (*client, name))
    }

    /// Each server with each name that it told of, as often as it did.
    pub fn answered(&self) -> impl Iterator<Item = (IpAddr, &Fqdn)> {
        self.by_server.keys().map(|(server, name, _)| (*server, name))
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

    /// The addresses that `client` holds for `name` at `at`, or `None` where no answer of its own
    /// says. An empty set means that it was told there are none.
    ///
    /// A client holds an answer for its TTL, and at least for [`CLIENT_USE`], whatever it is told
    /// later; after that until a newer answer for the same record type replaces it, and at most
    /// for [`CLIENT_GRACE`]. NXDOMAIN replaces answers of both types; a failed server replaces
    /// none. As long as an answer is held of which records are not known, nothing is said.
    pub fn addresses(
        &self,
        client: IpAddr,
        name: &Fqdn,
        at: Timestamp,
    ) -> Option<BTreeSet<IpAddr>> {
        let held = self.held(client, name, at);
        if held.is_empty() {
            return None;
        }
        Some(held.iter().flat_map(|(_, told)| told.addresses.iter().copied()).collect())
    }

    /// Whether `address` is among [`DnsTimeline::addresses`].
    pub fn client_holds(
        &self,
        client: IpAddr,
        name: &Fqdn,
        address: IpAddr,
        at: Timestamp,
    ) -> Option<bool> {
        let held = self.held(client, name, at);
        let holds = |(_, told): &(_, &Told)| told.addresses.contains(&address);
        (!held.is_empty()).then(|| held.iter().any(holds))
    }

    /// The names for which `client` holds `address` at `at`, as [`DnsTimeline::addresses`] defines
    /// it: newest answer first, at one instant the names asked for before aliases, then by name.
    ///
    /// A name that was both asked for and an alias counts as asked for. There are none where some are
    /// not kept: what would be said of the others might not hold of those.
    pub fn names(&self, client: IpAddr, address: IpAddr, at: Timestamp) -> Vec<HeldName> {
        let Some(candidates) = self.names.get(&(client, address)) else {
            return Vec::new();
        };
        if !is_whole(candidates.whole_until, at) {
            return Vec::new();
        }
        let mut found: Vec<HeldName> = candidates
            .kept
            .iter()
            .filter_map(|name| {
                self.held(client, name, at)
                    .into_iter()
                    .filter(|(_, told)| told.addresses.contains(&address))
                    .map(|(at, told)| HeldName {
                        name: name.clone(),
                        role: told.role,
                        at,
                        server: known(told.server),
                    })
                    .min_by_key(|held| (held.role, Reverse(held.at)))
            })
            .collect();
        found.sort_by(|a, b| {
            (Reverse(a.at), a.role, &a.name).cmp(&(Reverse(b.at), b.role, &b.name))
        });
        found
    }

    /// Whether some answer to `client`, however old, or later, held `address`, or hinted at it.
    pub fn has_told(&self, client: IpAddr, address: IpAddr) -> bool {
        self.names.contains_key(&(client, address)) || self.asides.has_hinted(client, address)
    }

    /// Whether some answer to `client` about `name`, however old, or later, held `address`, or hinted
    /// at it.
    pub fn has_told_of(&self, client: IpAddr, name: &Fqdn, address: IpAddr) -> bool {
        let of_address = self.names.get(&(client, address));
        // Of an address with more names than are kept, any may be one.
        of_address.is_some_and(|names| names.whole_until.is_some() || names.kept.contains(name))
            || self.asides.has_hinted_of(client, name, address)
    }

    /// Whether an answer about addresses like `address`, which `client` may have had by `at`, is missing:
    /// about one of `names`, or about any name where there are none.
    pub fn lacks_answer<'n>(
        &self,
        client: IpAddr,
        names: impl IntoIterator<Item = &'n Fqdn>,
        address: IpAddr,
        at: Timestamp,
    ) -> bool {
        self.asides.lacks_answer(client, names, RecordType::of(address), at)
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
        let (first, last) = ((client, name.clone(), from), (client, name.clone(), to));
        let mut seen = self.by_client.range(first..=last).flat_map(|(_, told)| told.iter());
        seen.any(|told| told.asked == asked && !told.is_cut)
    }

    /// Notes that `client` was told that `name` may have `address`: no evidence of what there is.
    pub fn hint(&mut self, client: IpAddr, name: &Fqdn, address: IpAddr) {
        let name = self.known.get(name).unwrap_or(name).clone();
        self.asides.hint(client, name, address);
    }

    /// Notes that an answer to what `client` asked at `at` is missing: about `name`, or any name;
    /// about addresses of the type `asked`, or any.
    pub fn miss(
        &mut self,
        client: IpAddr,
        name: Option<&Fqdn>,
        asked: Option<RecordType>,
        at: Timestamp,
    ) {
        let name = name.map(|name| self.known.get(name).unwrap_or(name).clone());
        for of in RecordType::ALL.into_iter().filter(|of| asked.is_none_or(|asked| asked == *of)) {
            self.asides.miss(client, name.clone(), of, at);
        }
    }

    /// Notes that answers to any client may be missing from `at` on.
    pub fn miss_any(&mut self, at: Timestamp) {
        self.asides.miss_any(at);
    }

    /// What `client` was told of `name` where it goes to `address` at `at`: its newest answer about
    /// addresses of that family, as long as it holds one as [`DnsTimeline::addresses`] defines it.
    ///
    /// `None` where some answer to it about the name, however old, or later, held the address; where
    /// answers were dropped, of which one may have; and where a log does not say who gave the answer.
    pub fn told_instead(
        &self,
        client: IpAddr,
        name: &Fqdn,
        address: IpAddr,
        at: Timestamp,
    ) -> Option<ToldInstead> {
        if self.has_told_of(client, name, address) || !self.is_whole(at) {
            return None;
        }
        let held = self.held(client, name, at);
        let (at, told) =
            held.into_iter().find(|(_, told)| told.settles(RecordType::of(address)))?;
        let (server, addresses) = (known(told.server)?, Arc::clone(&told.addresses));
        Some(ToldInstead { at, server, code: told.code, addresses })
    }

    /// Since when the DNS answers to `client` are recorded, where that is before `at`, all of them
    /// were kept and none was cut. What a log remembers of answers that it does not have does not
    /// count.
    pub fn recorded_since(&self, client: IpAddr, at: Timestamp) -> Option<Timestamp> {
        let (first, is_all) = *self.clients.get(&client)?;
        (first <= at && is_all && self.is_whole(at)).then_some(first)
    }

    /// Whether `server` gave some answer.
    pub fn has_answered(&self, server: IpAddr) -> bool {
        self.servers.contains(&server)
    }

    /// Whether the firewall whose DNS proxy has the address `firewall` holds `address` for `name`
    /// at `at` (`azure-firewall.md §3.2`).
    ///
    /// Its answers count for their TTL and [`FIREWALL_GRACE`]. The address is held if one of them
    /// has it, and not held if a whole one of the address's own family, or an NXDOMAIN, was given and
    /// none has it, and none was cut. Ask this only where the proxy is on.
    pub fn firewall_holds(
        &self,
        firewall: IpAddr,
        name: &Fqdn,
        address: IpAddr,
        at: Timestamp,
    ) -> Fact {
        let (mut is_settled, mut is_cut) = (false, false);
        for told in self.told_by(firewall, name, at) {
            if told.addresses.contains(&address) {
                return Fact::True;
            }
            is_cut |= told.is_cut;
            is_settled |= told.settles(RecordType::of(address));
        }
        if is_settled && !is_cut && self.is_whole(at) { Fact::False } else { Fact::Unknown }
    }

    /// Whether `server` was seen to resolve `name` to IPv4 addresses, or to fail, at `at`.
    ///
    /// Its newest answer decides, for its TTL and [`FIREWALL_GRACE`]. An answer about IPv6 says
    /// nothing, unless it is NXDOMAIN, which holds for every type (RFC 8020).
    pub fn resolution(&self, server: IpAddr, name: &Fqdn, at: Timestamp) -> Resolution {
        let newest = self
            .told_by(server, name, at)
            .find(|told| told.asked == RecordType::A || told.code == ResponseCode::NAME_ERROR);
        match newest {
            Some(_) if !self.is_whole(at) => Resolution::Unknown,
            Some(told) if !told.addresses.is_empty() => Resolution::Resolves,
            Some(told) if told.is_cut => Resolution::Unknown,
            Some(told) if told.code == ResponseCode::NO_ERROR => {
                Resolution::Fails(Failure::NoAddress)
            }
            Some(told) => Resolution::Fails(Failure::Code(told.code)),
            None => Resolution::Unknown,
        }
    }

    /// The answers about `name` that `client` holds at `at`, newest first; none where an answer that
    /// is not kept may have said otherwise.
    fn held(&self, client: IpAddr, name: &Fqdn, at: Timestamp) -> Vec<(Timestamp, &Told)> {
        let mut held = Vec::new();
        if !self.is_whole(at) {
            return held;
        }
        // Of which types a newer answer says what there is.
        let mut replaced: [(RecordType, bool); 2] =
            [RecordType::A, RecordType::Aaaa].map(|of| (of, false));
        for (age, seen, told) in newest_first(&self.by_client, client, name, at) {
            let for_sure = told.lasts().max(CLIENT_USE);
            let is_replaced = replaced.contains(&(told.asked, true));
            let lasts = if is_replaced { for_sure } else { for_sure + CLIENT_GRACE };
            if told.is_cut && !is_replaced && age <= lasts {
                return Vec::new();
            }
            let mut settles = false;
            for (of, is_replaced) in &mut replaced {
                let settled = told.settles(*of);
                settles |= settled;
                *is_replaced |= settled;
            }
            if age <= lasts && settles {
                held.push((seen, told));
            }
        }
        held
    }

    /// What `server` told about `name` and the firewall would still go by, newest first.
    fn told_by(&self, server: IpAddr, name: &Fqdn, at: Timestamp) -> impl Iterator<Item = &Told> {
        newest_first(&self.by_server, server, name, at)
            .filter(|(age, _, told)| *age <= told.lasts() + FIREWALL_GRACE)
            .map(|(_, _, told)| told)
    }

    /// Whether every answer up to `at` was kept. If not, a missing address may be in one that was
    /// dropped, so nothing can be said not to be.
    fn is_whole(&self, at: Timestamp) -> bool {
        is_whole(self.whole_until, at)
    }
}

fn is_whole(until: Option<Timestamp>, at: Timestamp) -> bool {
    until.is_none_or(|until| at < until)
}

fn earlier(one: Option<Timestamp>, other: Timestamp) -> Timestamp {
    one.map_or(other, |one| one.min(other))
}

/// Adds what was told, and tells how many bytes it takes; `None` where it is one thing too many.
fn add_told(
    histories: &mut Histories,
    key: (IpAddr, Fqdn, Timestamp),
    told: &Arc<[Told]>,
) -> Option<usize> {
    match histories.entry(key) {
        Entry::Vacant(entry) => {
            entry.insert(Arc::clone(told));
            let of_entry = NODES * size_of::<((IpAddr, Fqdn, Timestamp), Arc<[Told]>)>();
            Some(of_entry + PIECE + size_of_val(&**told))
        }
        Entry::Occupied(mut entry) => {
            let all: BTreeSet<&Told> = entry.get().iter().chain(told.iter()).collect();
            let more = all.len() - entry.get().len();
            if all.len() > MOST_AT_ONCE {
                return None;
            }
            if more > 0 {
                let all: Arc<[Told]> = all.into_iter().cloned().collect();
                entry.insert(all);
            }
            Some(more * size_of::<Told>())
        }
    }
}

impl Names {
    /// Adds a name that an answer at `at` gave the address, and tells how many bytes it takes.
    fn add(&mut self, name: &Fqdn, at: Timestamp) -> usize {
        let Err(place) = self.kept.binary_search(name) else { return 0 };
        if self.kept.len() >= MOST_NAMES {
            self.whole_until = Some(earlier(self.whole_until, at));
            return 0;
        }
        let is_first = self.kept.is_empty();
        self.kept.insert(place, name.clone());
        // A vector has room for four at first, and for twice as many whenever it is full.
        let of_entry = PIECE + NODES * size_of::<((IpAddr, IpAddr), Names)>();
        if is_first { of_entry + 4 * size_of::<Fqdn>() } else { 2 * size_of::<Fqdn>() }
    }
}

impl Told {
    fn lasts(&self) -> SignedDuration {
        SignedDuration::from_secs(self.ttl.into())
    }

    /// Whether this answer says which addresses of the type `of` there are.
    fn settles(&self, of: RecordType) -> bool {
        self.code == ResponseCode::NAME_ERROR
            || self.code == ResponseCode::NO_ERROR && self.asked == of && !self.is_cut
    }
}

/// The server, where the record of an answer says which it was; one that does not has `0.0.0.0`.
fn known(server: IpAddr) -> Option<IpAddr> {
    Some(server).filter(|server| !server.is_unspecified())
}

/// What `party` was told, or told, about `name` up to `at` and can still matter: newest first, with
/// its age.
fn newest_first<'t>(
    histories: &'t Histories,
    party: IpAddr,
    name: &Fqdn,
    at: Timestamp,
) -> impl Iterator<Item = (SignedDuration, Timestamp, &'t Told)> + use<'t> {
    let horizon = SignedDuration::from_secs(LONGEST_TTL.into()) + CLIENT_GRACE.max(FIREWALL_GRACE);
    let first = (party, name.clone(), Timestamp::MIN);
    let last = (party, name.clone(), at);
    histories
        .range(first..=last)
        .rev()
        .map(move |((_, _, seen), told)| (at.duration_since(*seen), *seen, told))
        .take_while(move |(age, _, _)| *age <= horizon)
        .flat_map(|(age, seen, told)| told.iter().rev().map(move |told| (age, seen, told)))
}
