//! One operand of a set: a name looked up, a host or address read.

use std::net::IpAddr;

use ipnet::IpNet;

use super::scope::Entry;
use super::scope::ModuleId;
use super::scope::Resolution;
use super::scope::Thing;
use super::value::Ends;
use super::value::Value;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Edit;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::flow::AddressSet;
use crate::flow::FqdnPattern;
use crate::flow::address::AddressRange;
use crate::intent::Destination;
use crate::syntax::ast::AddressSpec;
use crate::syntax::ast::HostPattern;
use crate::syntax::ast::Operand;
use crate::syntax::ast::Path;
use crate::syntax::ast::Tag;

impl<'a> Resolution<'a> {
    /// One operand where names and addresses may stand.
    pub(super) fn operand(
        &mut self,
        module: ModuleId,
        operand: &Operand,
        span: Span,
    ) -> Option<Ends> {
        self.operand_of(module, operand, span, Wanted::Destination)
    }

    /// One operand where `wanted` may stand.
    pub(super) fn operand_of(
        &mut self,
        module: ModuleId,
        operand: &Operand,
        span: Span,
        wanted: Wanted,
    ) -> Option<Ends> {
        match operand {
            Operand::Reference(path) => self.reference(module, path, span),
            Operand::Host(host) => self.host(host, span).map(Ends::names),
            Operand::Address(spec) => {
                self.spec(*spec, span).map(|range| Ends::addresses(range.into()))
            }
            Operand::Quoted(text) => {
                let filled = self.fill_narrow(module, text, span)?;
                self.quoted(module, &filled, span, wanted)
            }
            Operand::Tag(tag) => {
                let tag = self.tag(module, tag)?;
                Some(Ends::other(Destination::ServiceTag(tag)))
            }
            Operand::FqdnTag(name) => {
                let tag = self.name(module, name)?;
                Some(Ends::other(Destination::FqdnTag(tag)))
            }
            Operand::Category(name) => {
                let category = self.name(module, name)?;
                Some(Ends::other(Destination::WebCategory(category)))
            }
            Operand::Url { url, inspect: true } => {
                let text = self.fill_narrow(module, &url.node, url.span)?;
                self.url(&text, url.span)
            }
            Operand::Url { url, inspect: false } => {
                let found = Diagnostic::new(
                    Code::UNSUPPORTED,
                    "a `url` without `inspect` is not supported yet",
                )
                .at(url.span, "of HTTPS, only an opened connection shows its path")
                .fix(
                    "write `inspect`, which opens nothing where the service is `http`",
                    vec![Edit::insert_after(url.span, " inspect")],
                )
                .help("write the host alone to permit every path");
                self.refuse(found)
            }
            Operand::IpGroup(_) => {
                self.unsupported(span, "existing IP groups are");
                None
            }
            Operand::Suffix(_) => {
                self.unsupported(span, "`suffix`, for imported policies, is");
                None
            }
            Operand::Internet => Some(Ends::addresses(self.internet())),
            Operand::AnyName => Some(Ends::names(FqdnPattern::Any)),
            Operand::AnyAddress => Some(Ends::addresses(AddressSet::all())),
            Operand::Any => Some(Ends { any: true, ..Ends::default() }),
        }
    }

    /// A service tag's name.
    pub(super) fn tag(&mut self, module: ModuleId, tag: &Spanned<Tag>) -> Option<String> {
        match &tag.node {
            Tag::Plain(name) => Some(name.as_str().to_owned()),
            Tag::Quoted(text) => {
                let filled = self.fill_narrow(module, text, tag.span)?;
                let fits = crate::syntax::ast::TagName::new(&filled).is_some();
                if fits {
                    return Some(filled);
                }
                let found = Diagnostic::new(
                    Code::BAD_NAME,
                    format!("expected a tag such as `Storage.WestEurope`, found `{filled}`"),
                )
                .at(tag.span, "no tag");
                self.refuse(found)
            }
        }
    }

    /// Host and path of an inspected URL, which Azure compares without a query
    /// (`azure-firewall.md §2.4`).
    fn url(&mut self, text: &str, span: Span) -> Option<Ends> {
        let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let bare = bare.unwrap_or(text);
        let (host, path) = match bare.find('/') {
            Some(slash) => bare.split_at(slash),
            None => (bare, ""),
        };
        let host = match pattern(host) {
            Ok(host) => host,
            Err(why) => return self.bad_host(host, &why, span),
        };
        if let Some((what, help)) = path_fault(path) {
            let found = Diagnostic::new(Code::BAD_NAME, format!("the URL `{text}` {what}"))
                .at(span, "expected a host and a path")
                .help(help);
            return self.refuse(found);
        }
        Some(Ends::other(Destination::Url { host, path: path.to_owned() }))
    }

    fn bad_host<T>(&mut self, host: &str, why: &str, span: Span) -> Option<T> {
        let found = Diagnostic::new(Code::BAD_NAME, format!("`{host}` is no host name: {why}"))
            .at(span, "expected a host name");
        self.refuse(found)
    }

    /// A host name or wildcard.
    pub(super) fn host(&mut self, host: &HostPattern, span: Span) -> Option<FqdnPattern> {
        let text = match host {
            HostPattern::Exact(name) => name.clone(),
            HostPattern::Below(parent) => format!("*.{parent}"),
        };
        match pattern(&text) {
            Ok(pattern) => Some(pattern),
            Err(why) => self.bad_host(&text, &why, span),
        }
    }

    /// What a quoted text stands for: an address if it reads as one, a thing that was declared in
    /// quotes, and else a host.
    fn quoted(&mut self, module: ModuleId, text: &str, span: Span, wanted: Wanted) -> Option<Ends> {
        if let Some(range) = range(text) {
            return Some(Ends::addresses(range.into()));
        }
        let entries = self.entries(module, text);
        if entries.iter().any(|entry| entry.quoted || wanted == Wanted::Addresses) {
            self.used.insert((module, text.to_owned()));
            return self.meaning(module, text, &entries, span);
        }
        match (pattern(text), wanted) {
            (Ok(pattern), Wanted::Destination) => Some(Ends::names(pattern)),
            (Ok(_), Wanted::Addresses) => self.unknown(module, text, span, ""),
            (Err(why), _) => self.bad_host(text, &why, span),
        }
    }

    fn reference(&mut self, module: ModuleId, path: &Path, span: Span) -> Option<Ends> {
        let (within, entries) = self.look_up(module, path, span)?;
        self.meaning(within, path.name.node.as_str(), &entries, span)
    }

    /// The addresses or names of what was declared as `name`; all of it must mean the same.
    fn meaning(
        &mut self,
        module: ModuleId,
        name: &str,
        entries: &[Entry<'a>],
        span: Span,
    ) -> Option<Ends> {
        let with_addresses: Vec<Entry<'a>> =
            entries.iter().filter(|entry| has_ends(entry.thing)).copied().collect();
        let mut meant: Option<(Ends, Entry<'a>)> = None;
        for entry in with_addresses {
            let ends = self.ends_of_thing(module, name, entry, span)?;
            match &meant {
                Some((first, other)) if *first != ends => {
                    let found = Diagnostic::new(
                        Code::AMBIGUOUS_NAME,
                        format!(
                            "`{name}` is {} and {}, with different addresses",
                            other.thing.kind(),
                            entry.thing.kind()
                        ),
                    )
                    .at(span, "which of them?")
                    .also(other.span, "declared here")
                    .also(entry.span, "and here")
                    .help("give one of them another name, or write its prefix");
                    return self.refuse(found);
                }
                Some(_) => {}
                None => meant = Some((ends, entry)),
            }
        }
        if let Some((ends, _)) = meant {
            return Some(ends);
        }
        let entry = entries.first()?;
        let mut found = Diagnostic::new(
            Code::WRONG_KIND,
            format!("expected addresses or names, found {} `{name}`", entry.thing.kind()),
        )
        .at(span, "has no addresses that could be meant")
        .also(entry.span, "declared here");
        if let Thing::Import(_) = entry.thing {
            found = found.help(format!("name a set in it: `{name}::…`"));
        }
        self.refuse(found)
    }

    fn ends_of_thing(
        &mut self,
        module: ModuleId,
        name: &str,
        entry: Entry<'a>,
        span: Span,
    ) -> Option<Ends> {
        let addresses = match entry.thing {
            Thing::Param(_) | Thing::Table(_) | Thing::Addresses(_) | Thing::Names(_) => {
                let value = self.value(module, name, span)?;
                if let Value::Ends(ends) = value {
                    return Some(ends);
                }
                let found = Diagnostic::new(
                    Code::WRONG_KIND,
                    format!("expected addresses or names, found {} `{name}`", value.kind()),
                )
                .at(span, "neither addresses nor names")
                .also(entry.span, "declared here");
                return self.refuse(found);
            }
            Thing::Vnet(vnet) => self.prefixes(module, &vnet.prefixes)?,
            Thing::Subnet(subnet) => self.prefixes(module, &subnet.prefixes)?,
            Thing::OnPremises(site) => self.prefixes(module, &site.prefixes)?,
            Thing::Pool(cluster, pool) => self.pool_prefixes(module, cluster, pool)?,
            Thing::Cluster(cluster) => {
                let mut all = Vec::new();
                for pool in &cluster.pools {
                    all.extend(self.pool_prefixes(module, cluster, &pool.node)?);
                }
                all
            }
            Thing::PrivateEndpoint(endpoint) => {
                let mut all = AddressSet::empty();
                for address in &endpoint.addresses {
                    all = all.union(&self.address(module, address)?.into());
                }
                return Some(Ends::addresses(all));
            }
            Thing::Services(_) | Thing::Import(_) | Thing::Firewall | Thing::Gateway => {
                return None;
            }
        };
        Some(Ends::addresses(addresses.into_iter().collect()))
    }

    /// An address, prefix or range as it was written, its host bits clear and its ends in order.
    pub(super) fn spec(&mut self, spec: AddressSpec, span: Span) -> Option<AddressRange> {
        match spec {
            AddressSpec::Address(address) => Some(address.into()),
            AddressSpec::Range(first, last) => {
                if let Some(range) = AddressRange::new(first, last) {
                    return Some(range);
                }
                let found = Diagnostic::new(
                    Code::EMPTY_SET,
                    format!("the range from `{first}` to `{last}` is empty"),
                )
                .at(span, "the higher address stands first")
                .fix("turn it round", vec![Edit::replace(span, written_range(last, first))]);
                self.refuse(found)
            }
            AddressSpec::Prefix(address, length) => {
                let Ok(prefix) = IpNet::new(address, length) else {
                    let found = Diagnostic::new(
                        Code::BAD_ADDRESS_VALUE,
                        format!("a prefix of `{address}` cannot have {length} bits"),
                    )
                    .at(span, "too long");
                    return self.refuse(found);
                };
                if prefix.addr() == prefix.network() {
                    return Some(prefix.into());
                }
                let written = written_prefix(prefix.trunc());
                let found = Diagnostic::new(
                    Code::HOST_BITS,
                    format!("`{prefix}` has bits set behind its prefix"),
                )
                .at(span, format!("the prefix is `{written}`"))
                .help("write the whole prefix, or the one address without `/`")
                .fix("write the prefix", vec![Edit::replace(span, written)]);
                self.refuse(found)
            }
        }
    }
}

/// Why a URL's path is none, and what to do (`azure-firewall.md §2.4`).
fn path_fault(path: &str) -> Option<(&'static str, &'static str)> {
    if path.contains('?') {
        Some((
            "has a query",
            "write it without `?` and what follows; a path stands for all of its queries",
        ))
    } else if path.contains('#') {
        Some(("has a fragment", "write it without `#` and what follows, which no request shows"))
    } else if path.strip_suffix('*').unwrap_or(path).contains('*') {
        Some(("has a star inside its path", "write `*` at the end of the path alone"))
    } else {
        None
    }
}

/// What an operand is read as.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wanted {
    /// Addresses alone.
    Addresses,
    /// Names, addresses, or what Azure expands.
    Destination,
}

/// Whether a thing stands for addresses or names, or must be asked to say that it does not.
fn has_ends(thing: Thing<'_>) -> bool {
    match thing {
        Thing::Services(_) | Thing::Import(_) | Thing::Firewall | Thing::Gateway => false,
        Thing::Param(_)
        | Thing::Table(_)
        | Thing::Addresses(_)
        | Thing::Names(_)
        | Thing::Vnet(_)
        | Thing::Subnet(_)
        | Thing::Cluster(_)
        | Thing::Pool(..)
        | Thing::OnPremises(_)
        | Thing::PrivateEndpoint(_) => true,
    }
}

/// A host name or a wildcard over whole labels; the error says why not.
pub(super) fn pattern(text: &str) -> Result<FqdnPattern, String> {
    match FqdnPattern::parse(text) {
        Ok(pattern @ (FqdnPattern::Exact(_) | FqdnPattern::Under(_))) => Ok(pattern),
        Ok(FqdnPattern::Any | FqdnPattern::EndsWith(_)) => {
            Err("a star stands only for the whole first label".to_owned())
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Reads an address, a prefix without host bits, or a range.
pub(super) fn range(text: &str) -> Option<AddressRange> {
    let bare = |text: &str| {
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        inner.unwrap_or(text).parse::<IpAddr>().ok()
    };
    if let Some(address) = bare(text) {
        return Some(address.into());
    }
    if let Some((first, last)) = text.split_once('-') {
        return AddressRange::new(bare(first)?, bare(last)?);
    }
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let prefix: IpNet = inner.parse().ok()?;
    (prefix.addr() == prefix.network()).then(|| prefix.into())
}

fn written_prefix(prefix: IpNet) -> String {
    match prefix {
        IpNet::V4(v4) => v4.to_string(),
        IpNet::V6(v6) => format!("[{v6}]"),
    }
}

fn written_range(first: IpAddr, last: IpAddr) -> String {
    match (first, last) {
        (IpAddr::V6(first), IpAddr::V6(last)) => format!("[{first}]-[{last}]"),
        (first, last) => format!("{first}-{last}"),
    }
}
