//! What the list permits, statement by statement (`semantics.md`, Intent).

use jiff::civil::Date;

use super::CertificateError;
use super::script::End;
use super::script::Script;
use super::script::is_icmp;
use super::script::ports;
use super::script::protocol;
use super::term::Term;
use crate::azure::address::ServiceTag;
use crate::flow::AddressSet;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::intent::Deny;
use crate::intent::Destination;
use crate::intent::Intent;
use crate::intent::Permission;
use crate::intent::Service;
use crate::intent::permission::MssqlMode;
use crate::intent::permission::Names;

/// The ports of the machines that Azure SQL sends clients on to (`azure-firewall.md §2.11`).
const SQL_REDIRECT: (u16, u16) = (11_000, 11_999);

/// The list permits the flow on `day`: the symbol of it, which begins with `prefix`.
pub(super) fn permits(
    script: &mut Script<'_>,
    intent: &Intent,
    day: Date,
    prefix: &str,
) -> Result<Term, CertificateError> {
    let mut permitted = Vec::new();
    for (index, permission) in intent.permissions.iter().enumerate() {
        if !permission.is_active(day) {
            continue;
        }
        let meant = Reader { script, at: &permission.label }.permission(permission)?;
        script.comment(&permission.label);
        permitted.push(script.define(&format!("{prefix}permission-{}", index + 1), &meant));
    }
    let mut denied = Vec::new();
    for (index, deny) in intent.denies.iter().enumerate() {
        if !deny.is_active(day) {
            continue;
        }
        let meant = Reader { script, at: &deny.label }.deny(deny)?;
        script.comment(&format!("{}, a deny", deny.label));
        denied.push(script.define(&format!("{prefix}deny-{}", index + 1), &meant));
    }
    let permitted = Term::all([Term::any(permitted), Term::not(&Term::any(denied))]);
    Ok(script.define(&format!("{prefix}permits"), &permitted))
}

/// Reads one statement.
struct Reader<'r, 'a> {
    script: &'r mut Script<'a>,
    /// Its label.
    at: &'r str,
}

impl Reader<'_, '_> {
    /// The strict meaning, and the excess where it is accepted.
    fn permission(&mut self, permission: &Permission) -> Result<Term, CertificateError> {
        let mut meant = Vec::new();
        for service in &permission.services {
            for destination in &permission.destinations {
                meant.push(self.strict(*service, destination)?);
                if let (Some(_), Destination::Names(names)) = (&permission.by_address, destination)
                {
                    let held = self.held(names)?;
                    meant.push(Term::all([carries(*service), held]));
                }
            }
        }
        let from = self.in_set(End::Source, &permission.sources.set);
        Ok(Term::all([from, Term::any(meant)]))
    }

    fn deny(&mut self, deny: &Deny) -> Result<Term, CertificateError> {
        let with = deny
            .services
            .iter()
            .map(|service| if service.shows_a_name() { fits(*service) } else { carries(*service) });
        let with = Term::any(with);
        let mut there = Vec::new();
        for destination in &deny.destinations {
            there.push(match destination {
                Destination::Names(names) => self.shows_one_of(names),
                Destination::Addresses(addresses) => self.in_set(End::Destination, &addresses.set),
                Destination::ServiceTag(tag) => self.in_tag(tag)?,
                Destination::FqdnTag(tag) => self.script.in_fqdn_tag(tag, self.at)?,
                Destination::Any => Term::always(),
                Destination::WebCategory(_) | Destination::Url { .. } => {
                    return Err(self.not_covered(destination));
                }
            });
        }
        let from = self.in_set(End::Source, &deny.sources.set);
        Ok(Term::all([from, with, Term::any(there)]))
    }

    /// The strict meaning of a service to a destination.
    fn strict(
        &mut self,
        service: Service,
        destination: &Destination,
    ) -> Result<Term, CertificateError> {
        Ok(match destination {
            Destination::Names(names) if service.shows_a_name() => {
                Term::all([fits(service), self.shows_one_of(names)])
            }
            Destination::Names(names) => {
                let fitting = self.shows_one_of(names);
                let unnamed = Term::not(&Term::written("shows-a-host"));
                let told = self.told(names)?;
                let by_address =
                    Term::all([carries(service), Term::any([unnamed, fitting.clone()]), told]);
                match service {
                    // The gateway is asked by name, and the machine that it leads to is not.
                    Service::Mssql { mode: MssqlMode::Redirect, port } => {
                        let asks = asks_a_gateway(port);
                        let by_name = Term::all([asks.clone(), fitting]);
                        Term::any([by_name, Term::all([Term::not(&asks), by_address])])
                    }
                    Service::Https { .. }
                    | Service::Http { .. }
                    | Service::Mssql { mode: MssqlMode::Proxy, .. }
                    | Service::Tcp(_)
                    | Service::Udp(_)
                    | Service::Icmp
                    | Service::Protocol(_)
                    | Service::Any => by_address,
                }
            }
            Destination::Addresses(addresses) => {
                Term::all([carries(service), self.in_set(End::Destination, &addresses.set)])
            }
            Destination::ServiceTag(tag) => Term::all([carries(service), self.in_tag(tag)?]),
            Destination::FqdnTag(tag) => {
                let tagged = self.script.in_fqdn_tag(tag, self.at)?;
                Term::all([fits(service), tagged])
            }
            Destination::Any => carries(service),
            Destination::WebCategory(_) | Destination::Url { .. } => {
                return Err(self.not_covered(destination));
            }
        })
    }

    /// What is shown is one of `names`. An address is one of `*` only, as it is to the firewall
    /// (`azure-firewall.md §2.3`).
    fn shows_one_of(&mut self, names: &Names) -> Term {
        let meant = Term::any(names.patterns.iter().map(|pattern| self.script.name(pattern)));
        let except = names.except.iter().map(|pattern| match pattern {
            FqdnPattern::Any => Term::written("shows-a-name"),
            FqdnPattern::Exact(_) | FqdnPattern::Under(_) | FqdnPattern::EndsWith(_) => {
                self.script.name(pattern)
            }
        });
        let except = Term::any(except);
        Term::all([meant, Term::not(&except)])
    }

    /// An answer to the client held the destination, for one of `names`.
    fn told(&mut self, names: &Names) -> Result<Term, CertificateError> {
        let mut told = Vec::new();
        for pattern in &names.patterns {
            told.push(self.script.client_holds(pattern, self.at)?);
        }
        Ok(Term::any(told))
    }

    /// Client or firewall hold the destination, for one of `names`: the excess by address.
    fn held(&mut self, names: &Names) -> Result<Term, CertificateError> {
        let mut held = vec![self.told(names)?];
        for pattern in &names.patterns {
            if let FqdnPattern::Exact(name) = pattern
                && !names.except.iter().any(|except| except.matches(name))
            {
                held.push(self.script.firewall_holds(name, self.at)?);
            }
        }
        Ok(Term::any(held))
    }

    /// The destination is in a service tag, as Azure spells it.
    fn in_tag(&mut self, tag: &str) -> Result<Term, CertificateError> {
        let tag = ServiceTag(tag.to_owned()).with_azure_suffix();
        self.script.in_service_tag(&tag.0, self.at)
    }

    fn in_set(&mut self, end: End, set: &AddressSet) -> Term {
        if *set == AddressSet::all() {
            return Term::always();
        }
        self.script.among(end, set.ranges())
    }

    fn not_covered(&self, destination: &Destination) -> CertificateError {
        let what = match destination {
            Destination::WebCategory(_) => "web categories",
            Destination::Url { .. } => "URLs",
            Destination::Names(_)
            | Destination::Addresses(_)
            | Destination::ServiceTag(_)
            | Destination::FqdnTag(_)
            | Destination::Any => "this destination",
        };
        CertificateError::NotCovered { what, at: self.at.to_owned() }
    }
}

/// The flow is one of `service`, or nothing was sent by which to tell.
fn fits(service: Service) -> Term {
    let kind = match service {
        Service::Https { .. } => "is-tls",
        Service::Http { .. } => "is-http",
        Service::Mssql { .. } => "is-mssql",
        Service::Tcp(_) | Service::Udp(_) | Service::Icmp | Service::Protocol(_) | Service::Any => {
            return carries(service);
        }
    };
    let kind = Term::any([Term::written(kind), Term::written("is-silent")]);
    Term::all([carries(service), kind])
}

/// The flow asks the gateway of redirected SQL for a server, whose name it shows.
fn asks_a_gateway(port: u16) -> Term {
    Term::all([
        protocol(IpProtocol::TCP),
        ports(port, port),
        Term::written("is-mssql"),
        Term::written("shows-a-host"),
    ])
}

/// Protocol and port are those of `service`.
fn carries(service: Service) -> Term {
    let tcp = |at_port: Term| Term::all([protocol(IpProtocol::TCP), at_port]);
    match service {
        Service::Https { port }
        | Service::Http { port }
        | Service::Mssql { mode: MssqlMode::Proxy, port } => tcp(ports(port, port)),
        Service::Mssql { mode: MssqlMode::Redirect, port } => {
            let (first, last) = SQL_REDIRECT;
            tcp(Term::any([ports(port, port), ports(first, last)]))
        }
        Service::Tcp(range) => tcp(ports(range.first(), range.last())),
        Service::Udp(range) => {
            Term::all([protocol(IpProtocol::UDP), ports(range.first(), range.last())])
        }
        Service::Icmp => is_icmp(),
        Service::Protocol(wanted) => protocol(wanted),
        Service::Any => Term::always(),
    }
}
