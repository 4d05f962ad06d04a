//! Asking a DNS server, for `exeat lock`.
//!
//! One server is asked, as a client at this vantage would: recursively, over UDP, and over TCP
//! where the answer was cut (RFC 1035 §4.2.1). Neither the hosts file nor a cache stands between.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::JoinSet;
use trust_dns_resolver::Resolver;
use trust_dns_resolver::TokioResolver;
use trust_dns_resolver::config::ConnectionConfig;
use trust_dns_resolver::config::NameServerConfig;
use trust_dns_resolver::config::ResolveHosts;
use trust_dns_resolver::config::ResolverConfig;
use trust_dns_resolver::net::DnsError;
use trust_dns_resolver::net::NetError;
use trust_dns_resolver::net::runtime::TokioRuntimeProvider;
use trust_dns_resolver::proto::rr;
use trust_dns_resolver::proto::rr::RData;

use super::answer::DnsRecord;
use super::answer::RecordType;
use super::answer::ResponseCode;
use super::chain::Chain;
use super::lock::LockedName;
use super::timeline::Failure;
use crate::flow::Fqdn;

/// How many names are asked for at once: enough that one silent name does not hold up the rest,
/// few enough not to look like an attack.
const AT_ONCE: usize = 16;

/// Names that a resolver answers by itself, so that no server is ever asked: the special names of
/// RFC 6761 §6 and RFC 7686, and with `arpa` the reverse zones, which name no host.
const NEVER_ASKED: &[&str] = &["arpa", "invalid", "localhost", "onion"];

/// How to ask.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Inquiry {
    /// The server, which is the vantage that the answers are valid for.
    pub server: SocketAddr,
    /// The time that is written to the answers.
    pub at: Timestamp,
    /// How long to wait in one attempt, within which a lost question may be sent again.
    pub timeout: Duration,
    /// How many attempts to make for one record type of one name; 0 counts as 1.
    pub attempts: usize,
}

/// The outcome of asking for several names. Each name is in just one of the lists; both are
/// sorted by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Answers {
    /// The names that have addresses.
    pub locked: Vec<LockedName>,
    /// The names of which that cannot be said.
    pub failed: Vec<Unanswered>,
}

/// A name without an answer that could be locked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unanswered {
    /// The name.
    pub name: Fqdn,
    /// The record type at which it failed, or `None` where no question was sent or both types
    /// had the same outcome.
    pub asked: Option<RecordType>,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.asked {
            Some(asked) => write!(f, "`{}` ({asked}): {}", self.name, self.reason),
            None => write!(f, "`{}`: {}", self.name, self.reason),
        }
    }
}

/// Why a name has no answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reason {
    /// The server answered that there is none.
    Failed(Failure),
    /// The server did not answer in time.
    TimedOut,
    /// A name of special use, for which no server is asked.
    SpecialUse,
    /// The answer leads to what is no host name.
    NoHostName,
    /// The server could not be reached, or what it sent is no answer; in words.
    Network(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Failed(failure) => write!(f, "the server answered {failure}"),
            Reason::TimedOut => f.write_str("the server did not answer in time"),
            Reason::SpecialUse => {
                f.write_str("a name of special use is not asked for (RFC 6761); leave it out")
            }
            Reason::NoHostName => f.write_str("the answer leads to what is no host name"),
            Reason::Network(words) => f.write_str(words),
        }
    }
}

/// Asks for the IPv4 and IPv6 addresses of each name.
///
/// A name is locked only if both questions were answered and at least one with an address: a lock
/// says of every address whether it is in the answer, so half an answer will not do.
///
/// # Errors
/// The operating system gives no sockets or timers. What goes wrong with one name is in
/// [`Answers::failed`].
pub fn ask(inquiry: Inquiry, names: &BTreeSet<Fqdn>) -> io::Result<Answers> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask_all(inquiry, names))
}

async fn ask_all(inquiry: Inquiry, names: &BTreeSet<Fqdn>) -> io::Result<Answers> {
    let resolver = resolver(inquiry).map_err(io::Error::other)?;
    let mut outcomes: BTreeMap<Fqdn, Result<LockedName, Unanswered>> = BTreeMap::new();
    let mut waiting = names.iter();
    let mut running = JoinSet::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(name) = waiting.next()
        {
            let (name, resolver) = (name.clone(), resolver.clone());
            running.spawn(async move {
                let outcome = ask_one(&resolver, inquiry, &name).await;
                (name, outcome)
            });
        }
        let Some(finished) = running.join_next().await else { break };
        let (name, outcome) = finished.map_err(io::Error::other)?;
        outcomes.insert(name, outcome);
    }
    let mut answers = Answers::default();
    for outcome in outcomes.into_values() {
        match outcome {
            Ok(locked) => answers.locked.push(locked),
            Err(unanswered) => answers.failed.push(unanswered),
        }
    }
    Ok(answers)
}

fn resolver(inquiry: Inquiry) -> Result<TokioResolver, NetError> {
    let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
    for connection in &mut connections {
        connection.port = inquiry.server.port();
    }
    let server = NameServerConfig::new(inquiry.server.ip(), true, connections);
    let mut builder = Resolver::builder_with_config(
        ResolverConfig::from_parts(None, Vec::new(), vec![server]),
        TokioRuntimeProvider::default(),
    );
    let options = builder.options_mut();
    options.timeout = inquiry.timeout;
    // The resolver counts the attempts after the first.
    options.attempts = inquiry.attempts.saturating_sub(1);
    options.use_hosts_file = ResolveHosts::Never;
    // A cached answer would come with what is left of its TTL.
    options.cache_size = 0;
    builder.build()
}

async fn ask_one(
    resolver: &TokioResolver,
    inquiry: Inquiry,
    name: &Fqdn,
) -> Result<LockedName, Unanswered> {
    let unanswered = |asked, reason| Unanswered { name: name.clone(), asked, reason };
    if name.labels().next_back().is_some_and(|top| NEVER_ASKED.contains(&top)) {
        return Err(unanswered(None, Reason::SpecialUse));
    }
    let mut locked = LockedName {
        name: name.clone(),
        addresses: BTreeSet::new(),
        ttl: u32::MAX,
        aliases: Vec::new(),
        server: inquiry.server.to_string(),
        at: inquiry.at,
    };
    for asked in [RecordType::A, RecordType::Aaaa] {
        let chain = match ask_for(resolver, name, asked).await {
            Ok(chain) if chain.addresses.is_empty() => continue,
            Ok(chain) => chain,
            Err(Reason::Failed(Failure::NoAddress)) => continue,
            Err(reason @ Reason::Failed(Failure::Code(ResponseCode::NAME_ERROR))) => {
                return Err(unanswered(None, reason));
            }
            Err(reason) => return Err(unanswered(Some(asked), reason)),
        };
        locked.ttl = locked.ttl.min(chain.ttl());
        for alias in chain.aliases() {
            if !locked.aliases.contains(alias) {
                locked.aliases.push(alias.clone());
            }
        }
        locked.addresses.extend(chain.addresses);
    }
    if locked.addresses.is_empty() {
        return Err(unanswered(None, Reason::Failed(Failure::NoAddress)));
    }
    Ok(locked)
}

async fn ask_for(
    resolver: &TokioResolver,
    name: &Fqdn,
    asked: RecordType,
) -> Result<Chain, Reason> {
    let record_type = match asked {
        RecordType::A => rr::RecordType::A,
        RecordType::Aaaa => rr::RecordType::AAAA,
    };
    // The final dot keeps search domains away.
    let question = rr::Name::from_ascii(format!("{name}."))
        .map_err(|error| Reason::Network(error.to_string()))?;
    let lookup = resolver.lookup(question, record_type).await.map_err(reason)?;
    let mut records = Vec::new();
    for record in lookup.answers() {
        records.extend(dns_record(record)?);
    }
    Ok(Chain::follow(name, &records))
}

fn dns_record(record: &rr::Record) -> Result<Option<DnsRecord>, Reason> {
    let host = |name: &rr::Name| Fqdn::parse(&name.to_ascii()).map_err(|_| Reason::NoHostName);
    let ttl = record.ttl;
    let address = match &record.data {
        RData::A(a) => a.0.into(),
        RData::AAAA(aaaa) => aaaa.0.into(),
        RData::CNAME(target) => {
            let (owner, target) = (host(&record.name)?, host(&target.0)?);
            return Ok(Some(DnsRecord::Alias { owner, target, ttl }));
        }
        _ => return Ok(None),
    };
    Ok(Some(DnsRecord::Address { owner: host(&record.name)?, address, ttl }))
}

fn reason(error: NetError) -> Reason {
    match error {
        NetError::Timeout => Reason::TimedOut,
        NetError::Dns(DnsError::ResponseCode(code)) => failed(code.into()),
        NetError::Dns(DnsError::NoRecordsFound(none)) => failed(none.response_code.into()),
        other => Reason::Network(other.to_string()),
    }
}

fn failed(code: u16) -> Reason {
    Reason::Failed(match ResponseCode(code) {
        ResponseCode::NO_ERROR => Failure::NoAddress,
        code => Failure::Code(code),
    })
}
