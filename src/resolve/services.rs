//! Services and sets of them.

use std::collections::BTreeSet;

use super::scope::ModuleId;
use super::scope::Resolution;
use super::scope::Thing;
use super::value::Value;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::flow::IpProtocol;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::intent::Service;
use crate::intent::permission::MssqlMode;
use crate::syntax::ast;
use crate::syntax::ast::PortSpec;
use crate::syntax::ast::Set;
use crate::syntax::ast::SqlMode;
use crate::syntax::ast::Transport;
use crate::syntax::ast::WebProtocol;

/// What TLS is called where `https` is meant.
const TLS_NAMES: [&str; 2] = ["tls", "ssl"];
/// What to do about a name of services that nothing has.
const INSTEAD_OF_A_SERVICE: &str = "write a service, such as `https`, `tcp/22` or `udp/123`, or declare a set of them with `services`";

impl Resolution<'_> {
    /// The services of a set, each once, in the order of the text.
    pub(super) fn services(
        &mut self,
        module: ModuleId,
        set: &Spanned<Set<ast::Service>>,
    ) -> Option<Vec<Service>> {
        match &set.node {
            Set::One(service) => self.service(module, service, set.span),
            Set::Union(parts) => self.deeper(set.span, |this| this.all_services(module, parts)),
            Set::Intersection(parts) => self.deeper(set.span, |this| {
                let mut both: Option<Vec<Service>> = None;
                for part in parts {
                    let services = this.services(module, part)?;
                    both = Some(match both {
                        Some(both) => kept(&both, &services, true),
                        None => services,
                    });
                }
                this.some_left(both?, set.span)
            }),
            Set::Except { base, without } => self.deeper(set.span, |this| {
                let base = this.services(module, base)?;
                let without = this.all_services(module, without)?;
                if base.contains(&Service::Any) {
                    let found = Diagnostic::new(
                        Code::MIXED_KINDS,
                        "nothing can be taken out of `any` service",
                    )
                    .at(set.span, "write the services that are meant");
                    return this.refuse(found);
                }
                this.some_left(kept(&base, &without, false), set.span)
            }),
        }
    }

    fn all_services(
        &mut self,
        module: ModuleId,
        parts: &[Spanned<Set<ast::Service>>],
    ) -> Option<Vec<Service>> {
        // Every part is asked, so that the mistakes of all of them are found.
        let asked: Vec<Option<Vec<Service>>> =
            parts.iter().map(|part| self.services(module, part)).collect();
        let all: Vec<Vec<Service>> = asked.into_iter().collect::<Option<_>>()?;
        let mut seen = BTreeSet::new();
        Some(all.into_iter().flatten().filter(|service| seen.insert(*service)).collect())
    }

    fn some_left(&mut self, services: Vec<Service>, span: Span) -> Option<Vec<Service>> {
        if !services.is_empty() {
            return Some(services);
        }
        let found = Diagnostic::new(Code::EMPTY_SET, "no service is left in this set")
            .at(span, "empty")
            .help("leave out what takes everything away");
        self.refuse(found)
    }

    fn tls_for_https<T>(&mut self, name: &str, span: Span) -> Option<T> {
        let found = Diagnostic::new(
            Code::UNKNOWN_NAME,
            format!("`{name}` is no service and nothing is declared as it"),
        )
        .at(span, "not declared")
        .note("`https` is TLS with a readable name, whatever it carries; `https/8443` is it on another port")
        .fix("write `https`", vec![Edit::replace(span, "https".to_owned())]);
        self.refuse(found)
    }

    fn service(
        &mut self,
        module: ModuleId,
        service: &ast::Service,
        span: Span,
    ) -> Option<Vec<Service>> {
        match service {
            ast::Service::Reference(path) => {
                let name = path.name.node.as_str();
                if path.module.is_none()
                    && TLS_NAMES.contains(&name)
                    && self.entries(module, name).is_empty()
                {
                    return self.tls_for_https(name, span);
                }
                let (within, entries) =
                    self.look_up_or(module, path, span, INSTEAD_OF_A_SERVICE)?;
                let entry = *entries.first()?;
                if let Thing::Services(_) = entry.thing {
                    return match self.value(within, name, span)? {
                        Value::Services(services) => Some(services),
                        _ => None,
                    };
                }
                let found = Diagnostic::new(
                    Code::WRONG_KIND,
                    format!("expected services, found {} `{name}`", entry.thing.kind()),
                )
                .at(span, "not a set of services")
                .also(entry.span, "declared here");
                self.refuse(found)
            }
            ast::Service::Web { protocol, port } => {
                let (usual, make): (u16, fn(u16) -> Service) = match protocol {
                    WebProtocol::Https => (443, |port| Service::Https { port }),
                    WebProtocol::Http => (80, |port| Service::Http { port }),
                };
                let ports = self.ports_or(module, port.as_ref(), usual)?;
                Some(ports.into_iter().map(make).collect())
            }
            ast::Service::Mssql { port, mode } => {
                let ports = self.ports_or(module, port.as_ref(), 1433)?;
                let mode = match mode.as_ref().map(|mode| mode.node) {
                    Some(SqlMode::Proxy) => MssqlMode::Proxy,
                    Some(SqlMode::Redirect) => MssqlMode::Redirect,
                    None => {
                        let found = Diagnostic::new(
                            Code::MSSQL_MODE,
                            "`mssql` does not say how the client reaches its database",
                        )
                        .at(span, "`proxy` or `redirect`?")
                        .note("a proxied session shows its name on one port; a redirected one goes on to another machine on a port from 11000 to 11999, where no name is seen")
                        .help("set the server's connection policy to `Proxy`, and write `mssql proxy`")
                        .fix("write `mssql proxy`", vec![Edit::insert_after(span, " proxy")]);
                        return self.refuse(found);
                    }
                };
                Some(ports.into_iter().map(|port| Service::Mssql { mode, port }).collect())
            }
            ast::Service::Transport { protocol, ports } => {
                let ranges = match &ports.node {
                    PortSpec::One(port) => self
                        .ports(module, &Spanned::new(port.clone(), ports.span))?
                        .into_iter()
                        .map(PortRange::single)
                        .collect(),
                    PortSpec::Range(first, last) => vec![PortRange::new(*first, *last)?],
                };
                let make = match protocol {
                    Transport::Tcp => Service::Tcp,
                    Transport::Udp => Service::Udp,
                };
                Some(ranges.into_iter().map(make).collect())
            }
            ast::Service::Icmp => Some(vec![Service::Icmp]),
            ast::Service::Protocol(number) => Some(vec![Service::Protocol(IpProtocol(*number))]),
            ast::Service::Any => Some(vec![Service::Any]),
        }
    }

    fn ports_or(
        &mut self,
        module: ModuleId,
        port: Option<&Spanned<ast::Value<u16>>>,
        usual: u16,
    ) -> Option<Vec<u16>> {
        match port {
            Some(port) => self.ports(module, port),
            None => Some(vec![usual]),
        }
    }

    /// The port, or the ports of a parameter that is a set of them.
    fn ports(&mut self, module: ModuleId, port: &Spanned<ast::Value<u16>>) -> Option<Vec<u16>> {
        let value = match &port.node {
            ast::Value::Given(port) => return Some(vec![*port]),
            ast::Value::Filled(text) => {
                let filled = self.fill_narrow(module, text, port.span)?;
                return match filled.parse() {
                    Ok(port) => Some(vec![port]),
                    Err(_) => self.no_port(&format!("`{filled}`"), port.span),
                };
            }
            ast::Value::Named(path) => {
                let (within, entries) = self.look_up(module, path, port.span)?;
                let thing = entries.first()?.thing;
                if !matches!(thing, Thing::Param(_) | Thing::Table(_)) {
                    return self.no_port(thing.kind(), port.span);
                }
                self.value(within, path.name.node.as_str(), port.span)?
            }
        };
        let ports: Option<Vec<u16>> = match &value {
            Value::Port(port) => Some(vec![*port]),
            Value::Several(values) => values
                .iter()
                .map(|value| match value {
                    Value::Port(port) => Some(*port),
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        match ports {
            Some(ports) => Some(ports),
            None => self.no_port(value.kind(), port.span),
        }
    }

    fn no_port<T>(&mut self, found: &str, span: Span) -> Option<T> {
        let found = Diagnostic::new(Code::WRONG_KIND, format!("expected a port, found {found}"))
            .at(span, "no port");
        self.refuse(found)
    }
}

/// The services of `base` that are, or are not, in `other`; ports are taken one by one.
fn kept(base: &[Service], other: &[Service], inside: bool) -> Vec<Service> {
    let ports = |make: fn(PortRange) -> Service| {
        let own = port_set(base, make);
        let others = port_set(other, make);
        if inside { own.intersection(&others) } else { own.difference(&others) }
    };
    let single = |service: &&Service| match service {
        Service::Tcp(_) | Service::Udp(_) => false,
        Service::Https { .. }
        | Service::Http { .. }
        | Service::Mssql { .. }
        | Service::Icmp
        | Service::Protocol(_)
        | Service::Any => other.contains(service) == inside,
    };
    let named = base.iter().filter(single).copied();
    let tcp = ports(Service::Tcp).ranges().into_iter().map(Service::Tcp);
    let udp = ports(Service::Udp).ranges().into_iter().map(Service::Udp);
    named.chain(tcp).chain(udp).collect()
}

/// The ports of the services that `make` makes.
fn port_set(services: &[Service], make: fn(PortRange) -> Service) -> PortSet {
    let ranges = services.iter().filter_map(|service| match service {
        Service::Tcp(range) | Service::Udp(range) if make(*range) == *service => Some(*range),
        _ => None,
    });
    ranges.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(first: u16, last: u16) -> Service {
        Service::Tcp(PortRange::new(first, last).unwrap())
    }

    #[test]
    fn ports_are_taken_out_one_by_one() {
        let base = [tcp(1, 10), Service::Https { port: 443 }, Service::Icmp];
        let less = [tcp(4, 5), Service::Icmp];
        assert_eq!(
            kept(&base, &less, false),
            vec![Service::Https { port: 443 }, tcp(1, 3), tcp(6, 10)]
        );
        assert_eq!(kept(&base, &less, true), vec![Service::Icmp, tcp(4, 5)]);
    }
}
