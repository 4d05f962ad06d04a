//! A certificate that nothing leaks, in SMT-LIB 2, for another program to decide.
//!
//! In: a list, the ARM templates that were emitted for it, what stands beside them, a lock. Out: a
//! text that asks whether there is a flow that the emitted rules let through the firewall and that
//! the list does not permit; a stock Z3 answers `unsat` where there is none. It is a second
//! encoding: what the rules say is read from the text that Azure gets, put in order and written
//! down here, without `compile`, `simulate` or `prove`. What it has no formula for is an error.

mod error;
mod firewall;
mod listed;
mod names;
mod order;
mod script;
mod template;
mod term;

use std::fmt::Write as _;

use ipnet::IpNet;
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use error::CertificateError;
pub use template::Given;

use self::firewall::Firewall;
use self::order::InOrder;
use self::script::End;
use self::script::Script;
use self::script::commented;
use self::script::prefixes;
use self::template::Resources;
use self::term::Term;
use crate::evidence::Lock;
use crate::flow::address::AddressRange;
use crate::intent::Intent;

/// Addresses that no route or firewall sees (`azure-routing.md §7`; for IPv6, RFC 4291 §2.4), stated
/// again: what checks the engine takes nothing from it.
const OF_THE_PLATFORM: [&str; 8] = [
    "168.63.129.16/32",
    "169.254.0.0/16",
    "224.0.0.0/4",
    "255.255.255.255/32",
    "127.0.0.0/8",
    "ff00::/8",
    "fe80::/10",
    "::1/128",
];

/// What the file says of itself whatever it is about.
const HOW_TO_READ: &str = "\
;
; Decide it with `z3 FILE`. `unsat`: there is no flow, and no assignment of what is not
; known, of which the claim does not hold. `sat`: there is one, and the last line shows it
; once it is no comment.
;
; A name is a vector of labels, the top-level label first; the numbers of labels are
; below. What nobody knows (contents of tags, answers of DNS servers, open readings of
; azure-firewall.md, section 10.4) is a constant with its words for a name.
;
; Not in it: routes and security groups, so what goes around the firewall; what nodes make
; of the addresses of their pods; that the firewall enforces this policy; sessions that
; live on; the addresses behind a name, which is what the client claims. Every name is
; taken to resolve. What can only stop a flow (threat intelligence, intrusion detection)
; or answer it (the firewall at its own addresses) is left aside: more leaves here.
";

/// Which reading of a setting holds (`azure-firewall.md §10.4`): true is the second one, and none
/// leaves both possible.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Readings {
    /// `proxy_ports_base`.
    pub proxy_ports_base: Option<bool>,
    /// `host_without_port`.
    pub host_without_port: Option<bool>,
    /// `infrastructure`.
    pub infrastructure: Option<bool>,
}

/// What a certificate is about.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The list as it was named, for people.
    pub subject: &'a str,
    /// The list.
    pub intent: &'a Intent,
    /// When permissions are active.
    pub at: Timestamp,
    /// The ARM templates that were emitted for it.
    pub templates: &'a [Given<'a>],
    /// What firewalls hold for names.
    pub lock: Option<&'a Lock>,
    /// What is assumed.
    pub readings: Readings,
}

impl Question<'_> {
    /// The certificate.
    ///
    /// # Errors
    /// What it does not cover, and texts that are not what they should be.
    pub fn certificate(&self) -> Result<String, CertificateError> {
        let mut script = Script::new(self.lock, self.readings);
        let day = self.at.to_zoned(TimeZone::UTC).date();
        let mut resources = Resources::default();
        for template in self.templates {
            resources.add_template(*template)?;
        }
        for context in &self.intent.context {
            resources.add_stated(Given { file: &context.file, text: &context.text })?;
        }
        script.comment("what is asked about: flows from declared subnets, not for the platform");
        let asked = asked(&mut script, self.intent, &resources)?;
        let asked = script.define("is-asked-about", &asked);
        script.comment("the list");
        let permitted = listed::permits(&mut script, self.intent, day, "")?;
        script.comment("what the firewall does, by the templates");
        let rules = InOrder::of(&resources)?;
        let leaf = rules.chain.last().map(|policy| policy.name.clone()).unwrap_or_default();
        let firewall =
            Firewall { script: &mut script, resources: &resources, rules: &rules, prefix: "" };
        let lets_through = firewall.lets_through()?;
        let mut text = self.preface(&leaf);
        text.push_str("(set-option :produce-models true)\n(set-logic QF_BV)\n");
        text.push_str(&script.text()?);
        let _ = write!(
            text,
            "; the question: a flow that leaves and is not permitted\n(assert is-a-flow)\n(assert is-possible)\n(assert {asked})\n\
             (assert {lets_through})\n(assert (not {permitted}))\n(check-sat)\n\
             ; after `sat`, the flow: (get-value ({}))\n",
            script.constants()
        );
        Ok(text)
    }

    /// What a person wants to know of the file.
    fn preface(&self, policy: &str) -> String {
        let mut lines = vec![
            "claim: what the firewall lets through, the list permits".to_owned(),
            format!("list: {}", self.subject),
            format!("at: {}", self.at),
            format!("rules: policy {policy} with its parents, as in"),
        ];
        let files = self.templates.iter().map(|template| template.file);
        let files = files.chain(self.intent.context.iter().map(|context| context.file.as_str()));
        lines.extend(files.map(|file| format!("  {file}")));
        let lines = lines.iter().map(|line| format!("; {}\n", commented(line)));
        lines.collect::<String>() + HOW_TO_READ
    }
}

/// What is asked about: what comes from declared subnets, or from anywhere where none is declared,
/// and does not go to the platform (`semantics.md`, Claims).
fn asked(
    script: &mut Script<'_>,
    intent: &Intent,
    resources: &Resources,
) -> Result<Term, CertificateError> {
    let networks = intent.topology.networks.iter();
    let declared = networks.flat_map(|network| &network.subnets).flat_map(|one| &one.prefixes);
    let mut subnets: Vec<IpNet> = declared.copied().collect();
    for written in &resources.subnets {
        let value = || CertificateError::Value {
            at: "a subnet of a `context`".to_owned(),
            expected: "a prefix",
            found: written.clone(),
        };
        subnets.push(written.parse().map_err(|_| value())?);
    }
    let to_platform = script.among(End::Destination, prefixes(&OF_THE_PLATFORM));
    let from = if subnets.is_empty() {
        Term::always()
    } else {
        script.among(End::Source, subnets.into_iter().map(AddressRange::from).collect())
    };
    Ok(Term::all([from, Term::not(&to_platform)]))
}

/// Rule sets and lists, each as a symbol of one text, to be compared by other programs.
#[derive(Debug)]
pub struct Definitions<'a>(Script<'a>);

impl<'a> Definitions<'a> {
    /// None yet.
    pub fn new(readings: Readings) -> Definitions<'a> {
        Definitions(Script::new(None, readings))
    }

    /// Adds what the one policy of `templates` lets through that no other of them extends, of what
    /// is not for the platform itself. The symbol of it is `PREFIXleaves`.
    ///
    /// # Errors
    /// As [`Question::certificate`].
    pub fn add_policy(
        &mut self,
        prefix: &str,
        templates: &[Given<'_>],
    ) -> Result<(), CertificateError> {
        let mut resources = Resources::default();
        for template in templates {
            resources.add_template(*template)?;
        }
        let rules = InOrder::of(&resources)?;
        let script = &mut self.0;
        let passes = Firewall { script, resources: &resources, rules: &rules, prefix };
        let passes = passes.lets_through()?;
        let to_platform = self.0.among(End::Destination, prefixes(&OF_THE_PLATFORM));
        let leaves = Term::all([passes, Term::not(&to_platform)]);
        self.0.define(&format!("{prefix}leaves"), &leaves);
        Ok(())
    }

    /// Adds what `intent` permits at a time. The symbol of it is `PREFIXpermits`.
    ///
    /// # Errors
    /// As [`Question::certificate`].
    pub fn add_list(
        &mut self,
        prefix: &str,
        intent: &Intent,
        at: Timestamp,
    ) -> Result<(), CertificateError> {
        let day = at.to_zoned(TimeZone::UTC).date();
        listed::permits(&mut self.0, intent, day, prefix).map(drop)
    }

    /// All definitions. A flow is a value of the constants for which `is-a-flow` holds, and one
    /// that can be where `is-possible` does.
    ///
    /// # Errors
    /// More labels than are numbered.
    pub fn text(&self) -> Result<String, CertificateError> {
        self.0.text()
    }
}
