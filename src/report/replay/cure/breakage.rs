//! A breakage: the permission that requires it, and what stands in its way.

use super::Change;
use super::Cure;
use super::reason_in_words;
use crate::diagnostic::Edit;
use crate::diagnostic::Span;
use crate::flow::FqdnPattern;
use crate::flow::IpProtocol;
use crate::intent::Destination;
use crate::intent::Permission;
use crate::report::replay::Replay;
use crate::report::replay::ReplayedFlow;
use crate::simulate::Reason;

impl Replay<'_> {
    /// A breakage: the permission that requires it, and what stands in its way.
    pub(super) fn breakage(&self, flow: &ReplayedFlow) -> (String, Cure) {
        let label = flow.permission.as_deref().unwrap_or("the list");
        let place = self.subject.place_of(label).map(|at| format!(" ({at})")).unwrap_or_default();
        let because = reason_in_words(&flow.decision);
        let headline = format!("`{label}`{place} requires it, but {because}");
        if let Some(drift) = self.permission_drift(flow) {
            return (headline, Cure::new(drift));
        }
        let cure = match (&flow.decision.rule, flow.decision.reason) {
            (Some(id), Reason::ApplicationRule | Reason::NetworkRule) => {
                let mut cure = Cure::new(format!(
                    "take rule {id} out, or have its owner let `{label}` pass before it"
                ));
                cure.change = Some(Change::Rule { id: id.clone(), instead: None });
                cure
            }
            (_, Reason::SniMissing | Reason::UnrecognisedProtocol | Reason::HandshakeOnly) => {
                let mut cure =
                    Cure::new("have the client show the name, or carry the permission by address");
                self.offer(&mut cure, self.carry_by_address(flow));
                cure
            }
            (_, Reason::HostPortMismatch) => Cure::new(
                "have the client write the port in its `Host` header, or connect to the port it names",
            ),
            (_, Reason::Unresolvable) => {
                Cure::new("have the firewall's DNS servers resolve the name")
            }
            _ => Cure::new(
                "change the permission to what the flow is, or the client to what it says",
            ),
        };
        (headline, cure)
    }

    /// The permission that requires `flow`, said again by address at the end of the rules file:
    /// imports are for others too, and shipped rulesets cannot be changed.
    fn carry_by_address(&self, flow: &ReplayedFlow) -> Option<Vec<Edit>> {
        let permission = self.permission(flow.permission.as_deref()?)?;
        let name = flow.row.name.clone().or_else(|| exact_name(permission))?;
        let source = self.source_word(flow);
        let service = match flow.opening.protocol {
            IpProtocol::TCP => format!("tcp/{}", flow.opening.destination_port),
            IpProtocol::UDP => format!("udp/{}", flow.opening.destination_port),
            IpProtocol(_) => return None,
        };
        let (id, file) = self.subject.sources.main()?;
        let end = file.text().len();
        let gap = if file.text().ends_with('\n') { "\n" } else { "\n\n" };
        let label = &permission.label;
        let own_label = label.rsplit("::").next().unwrap_or_default();
        let text = format!(
            "{gap}allow {own_label}-by-address: {source} -> {name} : {service}\n  because \"as `{label}`, \
             for clients that show no name\"\n  by address because \"the client shows no name\"\n",
        );
        Some(vec![Edit::insert_after(Span::new(id, end, end), text)])
    }

    fn permission(&self, label: &str) -> Option<&Permission> {
        self.subject.intent?.permissions.iter().find(|permission| permission.label == label)
    }
}

/// The only exact name of `permission`, if it has one and no other.
fn exact_name(permission: &Permission) -> Option<String> {
    let patterns: Vec<&FqdnPattern> =
        permission.destinations.iter().flat_map(Destination::name_patterns).collect();
    match patterns.as_slice() {
        [FqdnPattern::Exact(name)] => Some(name.to_string()),
        _ => None,
    }
}
