//! Addresses in the network's description, and the addresses that its parts stand for.

use std::net::IpAddr;

use ipnet::IpNet;

use super::operand;
use super::scope::Declared;
use super::scope::ModuleId;
use super::scope::Resolution;
use super::scope::Thing;
use super::value::Value;
use crate::diagnostic::Code;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::Span;
use crate::diagnostic::Spanned;
use crate::diagnostic::similar;
use crate::flow::AddressSet;
use crate::syntax::ast;
use crate::syntax::ast::AddressSpec;
use crate::syntax::ast::Cluster;
use crate::syntax::ast::Name;
use crate::syntax::ast::Pool;
use crate::syntax::ast::Subnet;
use crate::syntax::ast::Vnet;

impl<'a> Resolution<'a> {
    /// `internet`: every address that is not private, on-premises, a declared network's or the
    /// platform's. The same in every module.
    pub(super) fn internet(&mut self) -> AddressSet {
        if let Some(known) = &self.internet {
            return known.clone();
        }
        let mut left = AddressSet::public();
        // Prefixes may be parameters, whose arguments may be `internet` again: that is then the
        // public addresses alone, and an error where a prefix was wanted.
        self.internet = Some(left.clone());
        let mut lists: Vec<(ModuleId, &'a [Spanned<ast::Value<AddressSpec>>])> = Vec::new();
        lists.extend(
            self.parts.vnets.iter().map(|part| (part.module, part.node.prefixes.as_slice())),
        );
        lists.extend(
            self.parts.on_premises.iter().map(|part| (part.module, part.node.prefixes.as_slice())),
        );
        lists.extend(
            self.parts.gateways.iter().map(|part| (part.module, part.node.learns.as_slice())),
        );
        for (module, prefixes) in lists {
            let declared: AddressSet =
                self.prefixes(module, prefixes).unwrap_or_default().into_iter().collect();
            // A learned default route does not make the internet a private network.
            if !declared.covers(&left) {
                left = left.difference(&declared);
            }
        }
        self.internet = Some(left.clone());
        left
    }

    /// All prefixes of a list, or `None` where one is none.
    pub(super) fn prefixes(
        &mut self,
        module: ModuleId,
        list: &[Spanned<ast::Value<AddressSpec>>],
    ) -> Option<Vec<IpNet>> {
        let mut all = Some(Vec::new());
        for value in list {
            let prefix = self.prefix(module, value);
            all = all.zip(prefix).map(|(mut all, prefix)| {
                all.push(prefix);
                all
            });
        }
        all
    }

    /// A prefix; a lone address is the longest.
    pub(super) fn prefix(
        &mut self,
        module: ModuleId,
        value: &Spanned<ast::Value<AddressSpec>>,
    ) -> Option<IpNet> {
        let addresses: AddressSet = match &value.node {
            ast::Value::Given(spec) => {
                let range = self.spec(*spec, value.span)?;
                if let Some(prefix) = range.prefix() {
                    return Some(prefix);
                }
                range.into()
            }
            ast::Value::Named(path) => self.named_addresses(module, path, value.span)?,
            ast::Value::Filled(text) => self.filled_addresses(module, text, value.span)?,
        };
        if let Some(prefix) = addresses.prefix() {
            return Some(prefix);
        }
        let found = Diagnostic::new(
            Code::BAD_ADDRESS_VALUE,
            format!("expected one prefix, found `{addresses}`"),
        )
        .at(value.span, "no single prefix");
        self.refuse(found)
    }

    /// A single address.
    pub(super) fn address(
        &mut self,
        module: ModuleId,
        value: &Spanned<ast::Value<IpAddr>>,
    ) -> Option<IpAddr> {
        let addresses = match &value.node {
            ast::Value::Given(address) => return Some(*address),
            ast::Value::Named(path) => self.named_addresses(module, path, value.span)?,
            ast::Value::Filled(text) => self.filled_addresses(module, text, value.span)?,
        };
        match addresses.ranges().as_slice() {
            [one] if one.first() == one.last() => Some(one.first()),
            _ => {
                let found = Diagnostic::new(
                    Code::BAD_ADDRESS_VALUE,
                    format!("expected one address, found `{addresses}`"),
                )
                .at(value.span, "no single address");
                self.refuse(found)
            }
        }
    }

    /// The addresses of a parameter, table or set.
    fn named_addresses(
        &mut self,
        module: ModuleId,
        path: &ast::Path,
        span: Span,
    ) -> Option<AddressSet> {
        let (within, entries) = self.look_up(module, path, span)?;
        let entry = *entries.first()?;
        let name = path.name.node.as_str();
        let kind = match entry.thing {
            Thing::Param(_) | Thing::Table(_) | Thing::Addresses(_) => {
                match self.value(within, name, span)? {
                    Value::Ends(ends) if ends.is_addresses() => return Some(ends.addresses),
                    other => other.kind(),
                }
            }
            other => other.kind(),
        };
        let found = Diagnostic::new(
            Code::WRONG_KIND,
            format!("expected an address or prefix, found {kind} `{name}`"),
        )
        .at(span, "no address")
        .also(entry.span, "declared here");
        self.refuse(found)
    }

    fn filled_addresses(
        &mut self,
        module: ModuleId,
        text: &ast::Text,
        span: Span,
    ) -> Option<AddressSet> {
        let filled = self.fill_narrow(module, text, span)?;
        if let Some(range) = operand::range(&filled) {
            return Some(range.into());
        }
        let found = Diagnostic::new(
            Code::BAD_ADDRESS_VALUE,
            format!("expected an address or a prefix without host bits, found `{filled}`"),
        )
        .at(span, "no address");
        self.refuse(found)
    }

    /// The prefixes of a pool: its nodes' subnet and, where its pods have one, theirs.
    pub(super) fn pool_prefixes(
        &mut self,
        module: ModuleId,
        cluster: &'a Cluster,
        pool: &'a Pool,
    ) -> Option<Vec<IpNet>> {
        let vnet = self.vnet(module, &cluster.vnet)?;
        let mut prefixes = Vec::new();
        for name in [Some(&pool.subnet), pool.pod_subnet.as_ref()].into_iter().flatten() {
            let subnet = self.subnet_of(module, vnet, name)?;
            prefixes.extend(self.prefixes(subnet.module, &subnet.node.prefixes)?);
        }
        Some(prefixes)
    }

    /// The place in `parts.vnets` of the virtual network that `name` refers to.
    pub(super) fn vnet(&mut self, module: ModuleId, name: &Spanned<Name>) -> Option<usize> {
        let text = self.name(module, name)?;
        let found = self.parts.vnets.iter().position(|part| part.name == text);
        found.or_else(|| {
            let known: Vec<String> =
                self.parts.vnets.iter().map(|part| part.name.clone()).collect();
            self.not_a_part("virtual network", &text, name.span, &known)
        })
    }

    /// The subnet that `name` refers to in a virtual network.
    pub(super) fn subnet_of(
        &mut self,
        module: ModuleId,
        vnet: usize,
        name: &Spanned<Name>,
    ) -> Option<Declared<'a, Subnet>> {
        let text = self.name(module, name)?;
        let subnets = || self.parts.subnets.iter().filter(|(within, _)| *within == vnet);
        let found = subnets().map(|(_, part)| part).find(|part| part.name == text).cloned();
        let known: Vec<String> = subnets().map(|(_, part)| part.name.clone()).collect();
        let whose = self.parts.vnets.get(vnet).map(|part| format!("subnet of `{}`", part.name));
        found.or_else(|| self.not_a_part(&whose.unwrap_or_default(), &text, name.span, &known))
    }

    /// The name of the firewall that `name` refers to.
    pub(super) fn firewall(&mut self, module: ModuleId, name: &Spanned<Name>) -> Option<String> {
        let text = self.name(module, name)?;
        if self.parts.firewalls.iter().any(|part| part.name == text) {
            return Some(text);
        }
        let known: Vec<String> =
            self.parts.firewalls.iter().map(|part| part.name.clone()).collect();
        self.not_a_part("firewall", &text, name.span, &known)
    }

    /// Reports that no part of the network of this kind has the name.
    pub(super) fn not_a_part<T>(
        &mut self,
        what: &str,
        name: &str,
        span: Span,
        known: &[String],
    ) -> Option<T> {
        let found = Diagnostic::new(Code::UNKNOWN_NAME, format!("no {what} is called `{name}`"))
            .at(span, "not declared");
        let near = similar::nearest(name, known.iter().map(String::as_str));
        let found = match near {
            Some(near) => found.fix(
                format!("write `{near}`"),
                vec![crate::diagnostic::Edit::replace(span, near.to_owned())],
            ),
            None if known.is_empty() => found.help("declare it in a `network { … }` block"),
            None => {
                let list: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                found.help(format!("declare it, or name one that is: {}", list.join(", ")))
            }
        };
        self.refuse(found)
    }

    /// Where a virtual network lies among those of the intent.
    pub(super) fn vnet_name(&self, vnet: usize) -> String {
        self.parts
            .vnets
            .get(vnet)
            .map(|part: &Declared<'a, Vnet>| part.name.clone())
            .unwrap_or_default()
    }
}
