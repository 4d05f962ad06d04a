//! Services of a list: which flows each carries.

use crate::azure::rule::SQL_REDIRECT_PORTS;
use crate::flow::IpProtocol;
use crate::flow::PortRange;
use crate::flow::PortSet;
use crate::flow::set::flows::PayloadForm;
use crate::intent::Service;
use crate::intent::permission::MssqlMode;
use crate::prove::atom::HostOf;
use crate::prove::encoder::Encoder;
use crate::prove::encoder::PortOf;
use crate::prove::formula::Formula;

/// `service` carries the flow, with a name that the firewall can read.
pub(super) fn fit_by_name(encoder: &mut Encoder<'_>, service: Service) -> Formula {
    match service {
        Service::Mssql { mode: MssqlMode::Redirect, port } => asks_a_gateway(encoder, port),
        Service::Https { .. } | Service::Http { .. } | Service::Mssql { .. } => {
            fits(encoder, service)
        }
        Service::Tcp(_) | Service::Udp(_) | Service::Icmp | Service::Protocol(_) | Service::Any => {
            Formula::NEVER
        }
    }
}

/// `service` carries the flow, for whose name its address stands.
pub(super) fn fit_by_address(encoder: &mut Encoder<'_>, service: Service) -> Formula {
    match service {
        Service::Https { .. }
        | Service::Http { .. }
        | Service::Mssql { mode: MssqlMode::Proxy, .. } => Formula::NEVER,
        Service::Mssql { mode: MssqlMode::Redirect, port } => {
            let (carried, asks) = (carries(encoder, service), asks_a_gateway(encoder, port));
            encoder.without(carried, asks)
        }
        Service::Tcp(_) | Service::Udp(_) | Service::Icmp | Service::Protocol(_) | Service::Any => {
            carries(encoder, service)
        }
    }
}

/// The flow asks the gateway of redirected SQL for a server, whose name it shows.
fn asks_a_gateway(encoder: &mut Encoder<'_>, port: u16) -> Formula {
    let tcp = encoder.protocol([IpProtocol::TCP]);
    let port = encoder.is_port(PortOf::Destination, port);
    let kind = encoder.payload([PayloadForm::Mssql]);
    let is_shown = encoder.is_shown(HostOf::Wire);
    encoder.all([tcp, port, kind, is_shown])
}

/// The flow is one of `service`, or nothing has been sent by which to tell.
pub(super) fn fits(encoder: &mut Encoder<'_>, service: Service) -> Formula {
    let carried = carries(encoder, service);
    let forms: &[PayloadForm] = match service {
        Service::Https { .. } => &[PayloadForm::Tls, PayloadForm::TlsWithRequest],
        Service::Http { .. } => &[PayloadForm::Http],
        Service::Mssql { .. } => &[PayloadForm::Mssql],
        Service::Tcp(_) | Service::Udp(_) | Service::Icmp | Service::Protocol(_) | Service::Any => {
            return carried;
        }
    };
    let forms = forms.iter().copied().chain([PayloadForm::Silent]);
    let kind = encoder.payload(forms);
    encoder.all([carried, kind])
}

/// One of `services` carries the flow, whatever its first bytes.
pub(super) fn carried(encoder: &mut Encoder<'_>, services: &[Service]) -> Formula {
    let carried: Vec<Formula> = services.iter().map(|one| carries(encoder, *one)).collect();
    encoder.any(carried)
}

/// Protocol and port are those of `service`.
pub(super) fn carries(encoder: &mut Encoder<'_>, service: Service) -> Formula {
    let protocol = match service {
        Service::Https { .. } | Service::Http { .. } | Service::Mssql { .. } | Service::Tcp(_) => {
            encoder.protocol([IpProtocol::TCP])
        }
        Service::Udp(_) => encoder.protocol([IpProtocol::UDP]),
        Service::Icmp => encoder.protocol([IpProtocol::ICMP, IpProtocol::ICMPV6]),
        Service::Protocol(wanted) => encoder.protocol([wanted]),
        Service::Any => Formula::ALWAYS,
    };
    let port = encoder.port(PortOf::Destination, &ports(service));
    encoder.all([protocol, port])
}

/// The destination ports of a service; all of them where it has none.
pub(super) fn ports(service: Service) -> PortSet {
    let range = |first, last| PortRange::new(first, last).into_iter();
    match service {
        Service::Https { port }
        | Service::Http { port }
        | Service::Mssql { mode: MssqlMode::Proxy, port } => PortRange::single(port).into(),
        Service::Mssql { mode: MssqlMode::Redirect, port } => {
            let (first, last) = (*SQL_REDIRECT_PORTS.start(), *SQL_REDIRECT_PORTS.end());
            range(first, last).chain([PortRange::single(port)]).collect()
        }
        Service::Tcp(ports) | Service::Udp(ports) => ports.into(),
        Service::Icmp | Service::Protocol(_) | Service::Any => range(0, u16::MAX).collect(),
    }
}
