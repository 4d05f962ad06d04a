//! Flows in words, as a list would say them: `apps 10.1.8.0/24 -> *.contoso.com : https`.

use ipnet::IpNet;
use ipnet::Ipv4Net;
use ipnet::Ipv6Net;

use crate::flow::AddressSet;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::flow::PortSet;
use crate::flow::set::flows::AxisSet;
use crate::flow::set::flows::AxisView;
use crate::flow::set::flows::NameView;
use crate::flow::set::flows::PathView;
use crate::flow::set::flows::PayloadForm;
use crate::flow::set::flows::ShownView;

/// The most values of a kind that are listed; the others are counted.
const MAX_LISTED: usize = 8;

/// The subnets by which addresses are called.
#[derive(Clone, Debug, Default)]
pub(super) struct Subnets {
    // Invariant: no prefix is there twice, and of those of one subnet the first comes first.
    named: Vec<(String, IpNet)>,
}

impl Subnets {
    /// The prefixes of subnets, each with the name of its subnet. Of two names the first is kept.
    pub(super) fn new(all: impl IntoIterator<Item = (String, IpNet)>) -> Subnets {
        let mut named: Vec<(String, IpNet)> = Vec::new();
        for (name, prefix) in all {
            if !named.iter().any(|(_, known)| *known == prefix) {
                named.push((name, prefix));
            }
        }
        Subnets { named }
    }

    /// The addresses, with the name of each subnet that they hold.
    pub(super) fn addresses(&self, set: &AddressSet) -> String {
        let mut rest = set.clone();
        let mut parts = Vec::new();
        for (name, prefix) in &self.named {
            let subnet = AddressSet::from(*prefix);
            if rest.covers(&subnet) {
                parts.push(format!("{name} {}", shown(prefix)));
                rest = rest.difference(&subnet);
            }
        }
        // The whole of a family reads better than the subnets in it and what is left.
        if parts.is_empty() || set.prefixes().len() <= rest.prefixes().len() {
            parts.clear();
            rest = set.clone();
        }
        let families = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
        for family in families {
            let all = AddressSet::from(family);
            let held = rest.intersection(&all).prefixes();
            let missing = all.difference(&rest).prefixes();
            if missing.len() < held.len() {
                let except = listed(missing.iter().map(shown));
                let except = if except.is_empty() { except } else { format!(" except {except}") };
                parts.push(format!("{}{except}", shown(&family)));
            } else {
                parts.extend(held.iter().map(shown));
            }
        }
        listed(parts)
    }
}

/// What is said of flows, axis by axis; nothing where it is not said.
#[derive(Default)]
struct Sentence {
    sources: Option<String>,
    source_ports: Option<PortSet>,
    destinations: Option<String>,
    names: Option<ShownView>,
    inner: Option<ShownView>,
    paths: Option<Vec<PathView>>,
    protocols: Option<Vec<IpProtocol>>,
    ports: Option<PortSet>,
    payloads: Option<Vec<PayloadForm>>,
    request_ports: Option<(bool, PortSet)>,
}

/// The flows whose coordinates lie in `along`.
pub(super) fn words(along: &[AxisSet], subnets: &Subnets) -> String {
    let mut sentence = Sentence::default();
    for set in along {
        match set.view() {
            AxisView::Protocols(protocols) => sentence.protocols = Some(protocols),
            AxisView::DestinationPorts(ports) => sentence.ports = Some(ports),
            AxisView::Payloads(forms) => sentence.payloads = Some(forms),
            AxisView::RequestPorts { unwritten, ports } => {
                sentence.request_ports = Some((unwritten, ports));
            }
            AxisView::Names(names) => sentence.names = Some(names),
            AxisView::InnerNames(names) => sentence.inner = Some(names),
            AxisView::Paths(paths) => sentence.paths = Some(paths),
            AxisView::Sources(set) => sentence.sources = Some(subnets.addresses(&set)),
            AxisView::SourcePorts(ports) => sentence.source_ports = Some(ports),
            AxisView::Destinations(set) => sentence.destinations = Some(subnets.addresses(&set)),
        }
    }
    sentence.write()
}

impl Sentence {
    fn write(&self) -> String {
        let from_port = self.source_ports.as_ref().map(|set| format!(" from port {}", ports(set)));
        let names = self.names.as_ref().map(hosts);
        let to = match (names, &self.destinations) {
            (Some(names), Some(addresses)) => format!("{names} at {addresses}"),
            (Some(names), None) => names,
            (None, Some(addresses)) => addresses.clone(),
            (None, None) => "anywhere".to_owned(),
        };
        let mut text = format!(
            "{}{} -> {to} : {}",
            self.sources.as_deref().unwrap_or("any source"),
            from_port.unwrap_or_default(),
            self.service()
        );
        if let Some((unwritten, written)) = &self.request_ports
            && !self.is_usual_request(*unwritten, written)
        {
            let none = unwritten.then(|| "no port".to_owned());
            let some = (!written.is_empty()).then(|| format!("port {}", ports(written)));
            let named: Vec<String> = none.into_iter().chain(some).collect();
            text += &format!(", the request naming {}", named.join(" or "));
        }
        if let Some(inner) = &self.inner {
            text += &format!(", inside TLS to {}", hosts(inner));
        }
        if let Some(paths) = &self.paths {
            text += &format!(", for {}", listed(paths.iter().map(path)));
        }
        text
    }

    /// Whether the request names the port that it goes to, or none.
    fn is_usual_request(&self, unwritten: bool, written: &PortSet) -> bool {
        unwritten && self.ports.as_ref() == Some(written)
    }

    /// Protocol, ports and payload, as a service where there is one.
    fn service(&self) -> String {
        let service = match self.payloads.as_deref() {
            Some([PayloadForm::Tls] | [PayloadForm::Tls, PayloadForm::TlsWithRequest]) => {
                Some(("https", 443))
            }
            Some([PayloadForm::Http]) => Some(("http", 80)),
            Some([PayloadForm::Mssql]) => Some(("mssql", 1433)),
            Some(_) | None => None,
        };
        if let Some((word, usual)) = service {
            return match &self.ports {
                None => format!("{word} on any port"),
                Some(set) if *set == PortSet::from(crate::flow::PortRange::single(usual)) => {
                    word.to_owned()
                }
                Some(set) => format!("{word}/{}", ports(set)),
            };
        }
        let payload = self.payloads.as_ref().map(|forms| {
            let forms: Vec<&str> = forms.iter().map(|form| form_in_words(*form)).collect();
            format!(" with {}", forms.join(" or "))
        });
        let payload = payload.unwrap_or_default();
        let on_ports = self.ports.as_ref().map(ports);
        let Some(protocols) = &self.protocols else {
            return match on_ports {
                Some(ports) => format!("port {ports}{payload}"),
                None => format!("any protocol{payload}"),
            };
        };
        let others: Vec<IpProtocol> =
            (0..=u8::MAX).map(IpProtocol).filter(|one| !protocols.contains(one)).collect();
        if others.len() < protocols.len() && on_ports.is_none() {
            let others = listed(others.iter().map(ToString::to_string));
            return format!("any protocol except {others}{payload}");
        }
        let named = protocols.iter().map(|protocol| match &on_ports {
            Some(ports) if protocol.has_ports() => format!("{protocol}/{ports}"),
            Some(_) | None => protocol.to_string(),
        });
        format!("{}{payload}", listed(named))
    }
}

fn form_in_words(form: PayloadForm) -> &'static str {
    match form {
        PayloadForm::Silent => "no payload",
        PayloadForm::Other => "an unknown payload",
        PayloadForm::Tls => "TLS",
        PayloadForm::TlsWithRequest => "a request inside TLS",
        PayloadForm::Http => "HTTP",
        PayloadForm::Mssql => "MSSQL",
        PayloadForm::Quic => "QUIC",
    }
}

fn ports(set: &PortSet) -> String {
    listed(set.ranges().iter().map(ToString::to_string))
}

fn hosts(view: &ShownView) -> String {
    let nothing = view.nothing.then(|| "no name".to_owned());
    let literals = (!view.literals.is_empty()).then(|| {
        if view.literals == AddressSet::all() {
            "an address as name".to_owned()
        } else {
            let prefixes = view.literals.prefixes();
            format!("an address of {} as name", listed(prefixes.iter().map(shown)))
        }
    });
    let names = view.names.iter().map(name);
    listed(names.chain(nothing).chain(literals))
}

fn name(view: &NameView) -> String {
    match view {
        NameView::Matching { pattern, except } => {
            let pattern = match pattern {
                FqdnPattern::Any => "any name".to_owned(),
                FqdnPattern::Exact(_) | FqdnPattern::Under(_) | FqdnPattern::EndsWith(_) => {
                    pattern.to_string()
                }
            };
            let except = listed(except.iter().map(ToString::to_string));
            if except.is_empty() { pattern } else { format!("{pattern} except {except}") }
        }
        NameView::Between { first, below: Some(below) } => {
            format!("names from {first} up to {below}, read from the right")
        }
        NameView::Between { first, below: None } => {
            format!("names from {first} on, read from the right")
        }
    }
}

fn path(view: &PathView) -> String {
    match view {
        PathView::Exactly(path) if path.is_empty() => "no path".to_owned(),
        PathView::Exactly(path) => path.clone(),
        PathView::Under(path) => format!("{path}*"),
        PathView::Between { first, below: Some(below) } => {
            format!("paths from {first:?} up to {below:?}")
        }
        PathView::Between { first, below: None } => format!("paths from {first:?} on"),
    }
}

/// A prefix, as an address where it is one.
fn shown(prefix: &IpNet) -> String {
    if prefix.prefix_len() == prefix.max_prefix_len() {
        prefix.addr().to_string()
    } else {
        prefix.to_string()
    }
}

/// With commas between; what is too much is counted.
fn listed(parts: impl IntoIterator<Item = String>) -> String {
    let mut parts: Vec<String> = parts.into_iter().collect();
    let more = parts.len().saturating_sub(MAX_LISTED);
    if more > 1 {
        parts.truncate(MAX_LISTED);
        parts.push(format!("{more} more"));
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::NameSet;
    use crate::flow::PortRange;
    use crate::flow::set::flows::ShownSet;

    fn addresses(texts: &[&str]) -> AddressSet {
        texts.iter().map(|text| text.parse::<IpNet>().unwrap()).collect()
    }

    fn subnets() -> Subnets {
        Subnets::new([("apps".to_owned(), "10.1.8.0/24".parse().unwrap())])
    }

    fn to(port: u16) -> AxisSet {
        AxisSet::destination_ports(&PortRange::single(port).into())
    }

    #[test]
    fn a_service_that_shows_names_is_called_as_the_list_calls_it() {
        let pattern = FqdnPattern::parse("*.contoso.com").unwrap();
        let names = AxisSet::names(&ShownSet::names([&pattern].into_iter().collect::<NameSet>()));
        let apps = AxisSet::sources(&addresses(&["10.1.8.0/24"]));
        let tls = AxisSet::payloads([PayloadForm::Tls]);
        assert_eq!(
            words(&[to(443), tls.clone(), names.clone(), apps.clone()], &subnets()),
            "apps 10.1.8.0/24 -> *.contoso.com : https"
        );
        assert_eq!(
            words(&[to(8443), tls, names, apps], &subnets()),
            "apps 10.1.8.0/24 -> *.contoso.com : https/8443"
        );
    }

    #[test]
    fn what_is_not_said_is_every_value() {
        assert_eq!(words(&[], &subnets()), "any source -> anywhere : any protocol");
        let udp = AxisSet::protocols([IpProtocol::UDP]);
        assert_eq!(words(&[udp, to(53)], &subnets()), "any source -> anywhere : udp/53");
    }

    #[test]
    fn addresses_are_said_by_what_is_missing_where_that_is_shorter() {
        let all = addresses(&["0.0.0.0/0"]);
        let but = all.difference(&addresses(&["10.0.0.0/8"]));
        assert_eq!(subnets().addresses(&but), "0.0.0.0/0 except 10.0.0.0/8");
        let wider = addresses(&["10.1.8.0/24", "10.2.0.1/32"]);
        assert_eq!(subnets().addresses(&wider), "apps 10.1.8.0/24, 10.2.0.1");
        assert_eq!(subnets().addresses(&all), "0.0.0.0/0");
    }
}
