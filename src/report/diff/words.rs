//! Flows in words, as a list would say them: `apps 10.1.8.0/24 -> *.contoso.com : https`.

use std::net::Ipv4Addr;

use ipnet::IpNet;
use ipnet::Ipv4Net;
use ipnet::Ipv6Net;

use crate::azure::Deployment;
use crate::flow::AddressSet;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::flow::set::flows::AxisSet;
use crate::flow::set::flows::AxisView;
use crate::flow::set::flows::NameView;
use crate::flow::set::flows::PathView;
use crate::flow::set::flows::PayloadForm;
use crate::flow::set::flows::ShownView;
use crate::simulate::special_purpose::dropped_by_azure;
use crate::simulate::special_purpose::platform_addresses;

/// The most values of a kind that are listed; the others are counted.
const MAX_LISTED: usize = 8;

/// Blocks of private use (RFC 1918) and shared ones (RFC 6598), which are said with what is missing
/// of them where that is shorter.
const BLOCKS: [IpNet; 4] = [
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12)),
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16)),
];

/// Of a family that lacks fewer addresses than a subnet can have, what is missing is said.
const FEW_ADDRESSES: u128 = 1 << 16;

/// What the internet is called.
const INTERNET: &str = "internet";

/// What addresses are called.
#[derive(Clone, Debug, Default)]
pub(in crate::report) struct Places {
    // Invariant: no prefix is there twice.
    subnets: Vec<(String, IpNet)>,
    /// The public addresses of IPv4 that something of others can have.
    internet: AddressSet,
    /// The same with the addresses that nothing can have, of which it need not be said whether they
    /// are meant too.
    around_internet: AddressSet,
}

impl Places {
    /// The places of some deployments. Where two subnets have one prefix, the first names it.
    pub(in crate::report) fn new<'d>(
        deployments: impl IntoIterator<Item = &'d Deployment>,
    ) -> Places {
        let mut subnets: Vec<(String, IpNet)> = Vec::new();
        let v4 = AddressSet::from(IpNet::V4(Ipv4Net::default()));
        let mut internet = AddressSet::public().intersection(&v4).difference(&dropped_by_azure());
        for deployment in deployments {
            let networks = deployment.virtual_networks.values();
            for subnet in networks.flat_map(|network| &network.subnets) {
                for prefix in subnet.prefixes.iter().map(IpNet::trunc) {
                    if !subnets.iter().any(|(_, known)| *known == prefix) {
                        subnets.push((subnet.name.to_string(), prefix));
                    }
                }
            }
            let firewalls = deployment.firewalls.values();
            for own in firewalls.flat_map(|firewall| &firewall.public_addresses) {
                internet = internet.difference(&(*own).into());
            }
        }
        let blocks: AddressSet = BLOCKS.into_iter().collect();
        let around_internet = v4.difference(&blocks).difference(platform_addresses());
        Places { subnets, internet, around_internet }
    }

    /// The addresses, with the name of each subnet that they hold.
    pub(super) fn addresses(&self, set: &AddressSet) -> String {
        if *set == AddressSet::all() {
            return "anywhere".to_owned();
        }
        let mut rest = set.clone();
        let mut parts = Vec::new();
        let families = [IpNet::V4(Ipv4Net::default()), IpNet::V6(Ipv6Net::default())];
        for family in families {
            let all = AddressSet::from(family);
            let missing = all.difference(&rest);
            if missing.count() < FEW_ADDRESSES {
                parts.push(excepted(&shown(&family), &missing.prefixes()));
                rest = rest.difference(&all);
            }
        }
        for prefix in rest.prefixes() {
            let inside = self.subnets.iter().filter(|(_, subnet)| prefix.contains(subnet));
            let inside: Vec<&(String, IpNet)> = inside.collect();
            let subnets: AddressSet = inside.iter().map(|(_, subnet)| *subnet).collect();
            // Of a prefix that holds much beside them, subnets are not worth a word.
            if AddressSet::from(prefix).difference(&subnets).prefixes().len() <= 1 {
                parts.extend(
                    inside.iter().map(|(name, subnet)| format!("{name} {}", shown(subnet))),
                );
                rest = rest.difference(&subnets);
            }
        }
        let held = rest.intersection(&self.internet).prefixes();
        let missing = self.internet.difference(&rest).prefixes();
        if held.len() > missing.len() {
            parts.push(excepted(INTERNET, &missing));
            rest = rest.difference(&self.around_internet);
        }
        for block in BLOCKS.into_iter().chain(families) {
            let all = AddressSet::from(block);
            let held = rest.intersection(&all);
            let (prefixes, missing) = (held.prefixes(), all.difference(&held).prefixes());
            if prefixes.len() > missing.len().max(1) {
                parts.push(excepted(&shown(&block), &missing));
                rest = rest.difference(&all);
            }
        }
        parts.extend(rest.prefixes().iter().map(shown));
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
pub(in crate::report) fn words(along: &[AxisSet], places: &Places) -> String {
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
            AxisView::Sources(set) => sentence.sources = Some(places.addresses(&set)),
            AxisView::SourcePorts(ports) => sentence.source_ports = Some(ports),
            AxisView::Destinations(set) => sentence.destinations = Some(places.addresses(&set)),
        }
    }
    sentence.write()
}

impl Sentence {
    fn write(&self) -> String {
        let from_port = self.source_ports.as_ref().map(|set| format!(" from port {}", ports(set)));
        let names = self.names.as_ref().map(hosts);
        let to = match (names, &self.destinations) {
            // A name is on the internet if nothing else is said.
            (Some(names), Some(addresses)) if addresses != INTERNET => {
                format!("{names} at {addresses}")
            }
            (Some(names), Some(_)) => names,
            (Some(names), None) => format!("{names} anywhere"),
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
            let written: Vec<String> = none.into_iter().chain(some).collect();
            text.push_str(", the request naming ");
            text.push_str(&written.join(" or "));
        }
        if let Some(inner) = &self.inner {
            text.push_str(", inside TLS to ");
            text.push_str(&hosts(inner));
        }
        if let Some(paths) = &self.paths {
            text.push_str(", for ");
            text.push_str(&listed(paths.iter().map(path)));
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
            Some(
                [PayloadForm::Tls | PayloadForm::TlsWithRequest]
                | [PayloadForm::Tls, PayloadForm::TlsWithRequest],
            ) => Some(("https", 443)),
            Some([PayloadForm::Http]) => Some(("http", 80)),
            Some([PayloadForm::Mssql]) => Some(("mssql", 1433)),
            Some(_) | None => None,
        };
        if let Some((word, usual)) = service {
            return match &self.ports {
                None => format!("{word} on any port"),
                Some(set) if *set == PortSet::from(PortRange::single(usual)) => word.to_owned(),
                Some(set) => format!("{word}/{}", ports(set)),
            };
        }
        let payload = self.payloads.as_deref().map(payload).unwrap_or_default();
        let on_ports = self.ports.as_ref().map(ports);
        let with_ports = [IpProtocol::TCP, IpProtocol::UDP];
        let protocols = match (&self.protocols, &self.ports) {
            (Some(protocols), _) => protocols.as_slice(),
            (None, None) => return format!("any protocol{payload}"),
            // What has no ports has port 0.
            (None, Some(set)) if set.contains(0) => {
                let others = PortSet::from_iter(PortRange::new(0, u16::MAX)).difference(set);
                let others = ports(&others);
                return format!("any protocol except tcp/{others}, udp/{others}{payload}");
            }
            (None, Some(_)) => &with_ports,
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

fn payload(forms: &[PayloadForm]) -> String {
    let others: Vec<PayloadForm> =
        PayloadForm::ALL.into_iter().filter(|form| !forms.contains(form)).collect();
    let joined = |forms: &[PayloadForm]| {
        let words: Vec<&str> = forms.iter().map(|form| form_in_words(*form)).collect();
        words.join(" or ")
    };
    if others.len() < forms.len() {
        format!(" with anything but {}", joined(&others))
    } else {
        format!(" with {}", joined(forms))
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

/// The whole, without what is missing of it.
fn excepted(whole: &str, missing: &[IpNet]) -> String {
    if missing.is_empty() {
        whole.to_owned()
    } else {
        format!("{whole} (except {})", listed(missing.iter().map(shown)))
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
    use crate::flow::set::flows::ShownSet;

    fn addresses(texts: &[&str]) -> AddressSet {
        texts.iter().map(|text| text.parse::<IpNet>().unwrap()).collect()
    }

    fn places() -> Places {
        let subnets = vec![("apps".to_owned(), "10.1.8.0/24".parse().unwrap())];
        Places { subnets, ..Places::new([]) }
    }

    fn to(port: u16) -> AxisSet {
        AxisSet::destination_ports(&PortRange::single(port).into())
    }

    #[test]
    fn a_service_that_shows_names_is_called_as_the_list_calls_it() {
        let pattern = FqdnPattern::parse("*.contoso.com").unwrap();
        let names = AxisSet::names(&ShownSet::names([&pattern].into_iter().collect::<NameSet>()));
        let apps = AxisSet::sources(&addresses(&["10.1.8.0/24"]));
        let there = AxisSet::destinations(&places().internet);
        let tls = AxisSet::payloads([PayloadForm::Tls]);
        assert_eq!(
            words(&[to(443), tls.clone(), names.clone(), apps.clone(), there], &places()),
            "apps 10.1.8.0/24 -> *.contoso.com : https"
        );
        assert_eq!(
            words(&[to(8443), tls, names, apps], &places()),
            "apps 10.1.8.0/24 -> *.contoso.com anywhere : https/8443"
        );
    }

    #[test]
    fn what_is_not_said_is_every_value() {
        assert_eq!(words(&[], &places()), "any source -> anywhere : any protocol");
        let udp = AxisSet::protocols([IpProtocol::UDP]);
        assert_eq!(words(&[udp, to(53)], &places()), "any source -> anywhere : udp/53");
    }

    #[test]
    fn addresses_are_said_by_what_is_missing_where_that_is_shorter() {
        let all = addresses(&["0.0.0.0/0"]);
        let ten = addresses(&["10.0.0.0/8"]);
        let network = addresses(&["10.1.0.0/16"]);
        let check = |set: &AddressSet, words: &str| assert_eq!(places().addresses(set), words);
        check(&ten.difference(&network), "10.0.0.0/8 (except 10.1.0.0/16)");
        check(&addresses(&["10.1.8.0/24", "10.2.0.1/32"]), "apps 10.1.8.0/24, 10.2.0.1");
        check(&all, "0.0.0.0/0");
        check(&all.difference(&addresses(&["10.0.0.1/32"])), "0.0.0.0/0 (except 10.0.0.1)");
        check(&AddressSet::all(), "anywhere");
    }

    #[test]
    fn the_internet_is_what_others_can_have_of_it() {
        let places = places();
        assert_eq!(places.addresses(&places.internet), "internet");
        let more = places.internet.union(&addresses(&["10.0.0.0/8"]));
        assert_eq!(places.addresses(&more), "internet, 10.0.0.0/8");
        let less = places.internet.difference(&addresses(&["8.8.8.8/32"]));
        assert_eq!(places.addresses(&less), "internet (except 8.8.8.8)");
        assert_eq!(places.addresses(&addresses(&["8.8.8.8/32"])), "8.8.8.8");
    }
}
