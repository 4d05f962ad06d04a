//! What both sides are written in: the flow's constants, the facts that nobody knows, definitions.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use super::CertificateError;
use super::Readings;
use super::names::Names;
use super::term::Term;
use crate::evidence::Lock;
use crate::flow::Fqdn;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::flow::address::AddressRange;

/// The constants of a flow but for its name, and the words for their values.
///
/// Both ends are of one family. What is carried by each protocol is that of `semantics.md`, Flow.
const FLOW: &str = "\
(declare-const ipv6 Bool) ; the family of both ends; the constants of the other say nothing
(declare-const source (_ BitVec 32))
(declare-const source-v6 (_ BitVec 128))
(declare-const destination (_ BitVec 32))
(declare-const destination-v6 (_ BitVec 128))
(declare-const protocol (_ BitVec 8)) ; as IP numbers them: #x06 is TCP, #x11 UDP
(declare-const port (_ BitVec 16)) ; that it is sent to
; the first bytes: 0 none, 1 of no protocol that is known, 2 TLS, 3 HTTP, 4 SQL (TDS), 5 QUIC
(declare-const payload (_ BitVec 3))
; the host that they show: 0 none, 1 an address, 2 a name
(declare-const host (_ BitVec 2))
; whether the Host header of HTTP writes a port, and which
(declare-const writes-a-port Bool)
(declare-const host-port (_ BitVec 16))
(define-fun has-ports () Bool (or (= protocol #x06) (= protocol #x11)))
(define-fun is-silent () Bool (= payload #b000))
(define-fun is-tls () Bool (= payload #b010))
(define-fun is-http () Bool (= payload #b011))
(define-fun is-mssql () Bool (= payload #b100))
(define-fun is-quic () Bool (= payload #b101))
(define-fun shows-a-host () Bool (not (= host #b00)))
(define-fun shows-a-name () Bool (= host #b10))
";

/// Of all values of the constants, those that are a flow.
const IS_A_FLOW: &str = "\
(define-fun is-a-flow () Bool (and
  (bvule payload #b101)
  (bvule host #b10)
  is-a-name
  (or has-ports (= port #x0000))
  (or has-ports (bvule payload #b001))
  (=> (or is-tls is-http is-mssql) (= protocol #x06))
  (=> is-quic (= protocol #x11))
  (=> (bvule payload #b001) (not shows-a-host))
  (=> (not is-http) (not writes-a-port))
  (not (= protocol (ite ipv6 #x01 #x3a)))))
";

/// The tags with a dot that are no region of the tag before it (`azure-nsg.md §2`).
const NOT_OF_A_REGION: [&str; 3] =
    ["azurefrontdoor.", "azureactivedirectory.serviceendpoint", "azuremonitor.core"];

/// Prefixes for private use (RFC 1918, RFC 6598, RFC 4193).
const PRIVATE: [&str; 5] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/// Which end of a flow.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum End {
    Source,
    Destination,
}

/// Definitions under construction.
#[derive(Debug)]
pub(super) struct Script<'a> {
    lock: Option<&'a Lock>,
    readings: Readings,
    names: Names,
    /// What nobody knows, in words that are the symbols of it.
    facts: BTreeSet<String>,
    /// Service tags, in lower case, that something asks for.
    tags: BTreeSet<String>,
    /// Sets of several ranges, by the numbers in the symbols that stand for them.
    sets: BTreeMap<(End, Vec<AddressRange>), usize>,
    body: String,
}

impl<'a> Script<'a> {
    pub(super) fn new(lock: Option<&'a Lock>, readings: Readings) -> Script<'a> {
        Script {
            lock,
            readings,
            names: Names::default(),
            facts: BTreeSet::new(),
            tags: BTreeSet::new(),
            sets: BTreeMap::new(),
            body: String::new(),
        }
    }

    /// A line that is for people.
    pub(super) fn comment(&mut self, text: &str) {
        self.body.push_str("; ");
        self.body.push_str(&commented(text));
        self.body.push('\n');
    }

    /// Gives `term` a name, which stands for it from here on.
    pub(super) fn define(&mut self, name: &str, term: &Term) -> Term {
        let _ = writeln!(self.body, "(define-fun {name} () Bool {term})");
        Term::written(name)
    }

    /// All that was defined, with what it needs before it.
    pub(super) fn text(&self) -> Result<String, CertificateError> {
        let mut text = FLOW.to_owned();
        text.push_str(&self.names.definitions()?);
        text.push_str(IS_A_FLOW);
        text.push_str("; what nobody knows; a fact is one for both sides\n");
        for fact in &self.facts {
            let _ = writeln!(text, "(declare-const |{fact}| Bool)");
        }
        let axioms = Term::all(self.axioms());
        let _ = writeln!(text, "(define-fun is-possible () Bool {axioms})");
        text.push_str(&self.body);
        Ok(text)
    }

    /// The constants that make up a flow.
    pub(super) fn constants(&self) -> String {
        let name = self.names.constants();
        format!(
            "ipv6 source source-v6 destination destination-v6 protocol port payload host \
             writes-a-port host-port {name}"
        )
    }

    /// A regional tag lies in the global one.
    fn axioms(&self) -> Vec<Term> {
        let lies = |tag: &String| {
            if NOT_OF_A_REGION.iter().any(|one| tag.starts_with(one)) {
                return None;
            }
            let (global, _) = tag.split_once('.')?;
            self.tags.contains(global).then(|| {
                let [regional, global] = [tag.as_str(), global].map(fact_of_tag);
                Term::written(format!("(=> |{regional}| |{global}|)"))
            })
        };
        self.tags.iter().filter_map(lies).collect()
    }

    /// The end lies in one of these ranges. Several of them are defined once.
    pub(super) fn among(&mut self, end: End, ranges: Vec<AddressRange>) -> Term {
        if ranges.len() < 2 {
            return Term::any(ranges.into_iter().map(|one| range(end, one)));
        }
        let word = match end {
            End::Source => "source",
            End::Destination => "destination",
        };
        let next = self.sets.len() + 1;
        if let Some(number) = self.sets.get(&(end, ranges.clone())) {
            return Term::written(format!("{word}-set-{number}"));
        }
        let term = Term::any(ranges.iter().map(|one| range(end, *one)));
        let shown: Vec<String> = ranges.iter().map(ToString::to_string).collect();
        self.comment(&shown.join(", "));
        self.sets.insert((end, ranges), next);
        self.define(&format!("{word}-set-{next}"), &term)
    }

    /// The destination is for private use.
    pub(super) fn private_destination(&mut self) -> Term {
        self.among(End::Destination, prefixes(&PRIVATE))
    }

    /// A fact that is not known.
    pub(super) fn fact(&mut self, words: &str, at: &str) -> Result<Term, CertificateError> {
        // A symbol in bars holds what can be printed but bars and `\` (SMT-LIB 2.6 §3.1).
        let prints = |c: char| (c.is_ascii_graphic() || c == ' ') && c != '|' && c != '\\';
        if !words.chars().all(prints) {
            return Err(CertificateError::Value {
                at: at.to_owned(),
                expected: "letters, digits and common signs",
                found: words.to_owned(),
            });
        }
        self.facts.insert(words.to_owned());
        Ok(Term::written(format!("|{words}|")))
    }

    /// The host that is shown is one that a pattern matches.
    pub(super) fn name(&mut self, pattern: &FqdnPattern) -> Term {
        self.names.matches(pattern)
    }

    /// The destination is in a service tag, which holds no private address (`azure-firewall.md
    /// §3.3`, observed).
    pub(super) fn in_service_tag(&mut self, tag: &str, at: &str) -> Result<Term, CertificateError> {
        let tag = tag.to_ascii_lowercase();
        let fact = self.fact(&fact_of_tag(&tag), at)?;
        self.tags.insert(tag);
        let to_private = self.private_destination();
        Ok(Term::all([Term::not(&to_private), fact]))
    }

    /// The name that is shown is in an FQDN tag, on the port that it is sent to. One of them has
    /// two spellings (`azure-firewall.md §2.8`).
    pub(super) fn in_fqdn_tag(&mut self, tag: &str, at: &str) -> Result<Term, CertificateError> {
        let tag = tag.to_ascii_lowercase();
        let tag = if tag == "azurehdinsight" { "hdinsight" } else { &tag };
        let fact = self.fact(&format!("the name, on the port, in FQDN tag {tag}"), at)?;
        Ok(Term::all([Term::written("shows-a-host"), fact]))
    }

    /// The firewall's answer for `name` holds the destination: what the lock says, else unknown.
    pub(super) fn firewall_holds(
        &mut self,
        name: &Fqdn,
        at: &str,
    ) -> Result<Term, CertificateError> {
        match self.lock.and_then(|lock| lock.name(name)) {
            Some(locked) => {
                let held = locked.addresses.iter().map(|address| AddressRange::from(*address));
                Ok(self.among(End::Destination, held.collect()))
            }
            None => self.fact(&format!("the destination in the firewall's answer for {name}"), at),
        }
    }

    /// An answer to the source held the destination, for a name or pattern.
    pub(super) fn client_holds(
        &mut self,
        pattern: &FqdnPattern,
        at: &str,
    ) -> Result<Term, CertificateError> {
        self.fact(&format!("the source was told the destination for {pattern}"), at)
    }

    /// The second reading of `proxy_ports_base` is the true one: no port is always proxied.
    pub(super) fn proxies_ports_of_rules_only(&mut self) -> Result<Term, CertificateError> {
        self.reading(self.readings.proxy_ports_base, "proxy_ports_base")
    }

    /// The second reading of `host_without_port` is the true one: it is for any port.
    pub(super) fn unwritten_port_is_any(&mut self) -> Result<Term, CertificateError> {
        self.reading(self.readings.host_without_port, "host_without_port")
    }

    /// The name that is shown is in the built-in rules (`azure-firewall.md §2.13`).
    pub(super) fn is_infrastructure(&mut self) -> Result<Term, CertificateError> {
        match self.readings.infrastructure {
            Some(true) => Ok(Term::always()),
            Some(false) => Ok(Term::never()),
            None => self.fact("the name in the infrastructure rules", "the policy"),
        }
    }

    fn reading(&mut self, chosen: Option<bool>, setting: &str) -> Result<Term, CertificateError> {
        match chosen {
            Some(true) => Ok(Term::always()),
            Some(false) => Ok(Term::never()),
            None => self.fact(&format!("the other reading of {setting}"), setting),
        }
    }
}

fn fact_of_tag(tag: &str) -> String {
    format!("the destination in service tag {tag}")
}

/// The end lies in a range.
fn range(end: End, range: AddressRange) -> Term {
    let (v4, v6) = match end {
        End::Source => ("source", "source-v6"),
        End::Destination => ("destination", "destination-v6"),
    };
    let family = Term::written("ipv6");
    match (range.first(), range.last()) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            let [first, last] = [first, last].map(|one| u128::from(u32::from(one)));
            Term::all([Term::not(&family), Term::between(v4, first, last, 32)])
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            Term::all([family, Term::between(v6, first.into(), last.into(), 128)])
        }
        // No range holds addresses of both.
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => Term::never(),
    }
}

/// These prefixes as ranges.
pub(super) fn prefixes(written: &[&str]) -> Vec<AddressRange> {
    let read = written.iter().filter_map(|text| text.parse::<ipnet::IpNet>().ok());
    read.map(AddressRange::from).collect()
}

/// The protocol is this one.
pub(super) fn protocol(wanted: IpProtocol) -> Term {
    Term::equals("protocol", u128::from(wanted.0), 8)
}

/// It is ICMP, of either family.
pub(super) fn is_icmp() -> Term {
    Term::any([protocol(IpProtocol::ICMP), protocol(IpProtocol::ICMPV6)])
}

/// The port that it is sent to lies between these, both of them included.
pub(super) fn ports(first: u16, last: u16) -> Term {
    Term::between("port", first.into(), last.into(), 16)
}

/// `text` on one line, whatever a rule's name holds.
pub(super) fn commented(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}
