//! What flows are judged by: a list, a deployment, evidence, assumptions.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::path::PathBuf;

use jiff::Timestamp;

use super::args::CommonArgs;
use super::args::KnownArgs;
use super::args::RulesArgs;
use super::args::SubjectArgs;
use super::failure::Failure;
use super::files;
use super::rules;
use super::rules::List;
use super::terminal::Terminal;
use crate::azure::Deployment;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::SourceMap;
use crate::evidence::Evidence;
use crate::evidence::Lock;
use crate::evidence::ServiceTags;
use crate::intent::Intent;
use crate::report;
use crate::report::command::Asked;
use crate::resolve;
use crate::simulate::Assumptions;
use crate::simulate::Environment;
use crate::simulate::Simulator;
use crate::simulate::assumptions::SETTINGS;

/// The longest deployment file that is read, in bytes.
pub(super) const MAX_DEPLOYMENT_BYTES: usize = 128 << 20;
/// The longest service-tag file that is read, in bytes; the published one has 4 MB.
const MAX_TAGS_BYTES: usize = 64 << 20;
/// The longest lock that is read, in bytes.
const MAX_LOCK_BYTES: usize = 64 << 20;
/// The lock that is taken if it stands beside the rules file and no other is named.
pub(super) const LOCK_FILE: &str = "exeat.lock";

/// A subject, loaded.
#[derive(Debug)]
pub(super) struct Subject {
    /// The rules file as given.
    pub(super) rules: Option<String>,
    /// The deployment files as given.
    pub(super) deployments: Vec<String>,
    /// Words of the other options that bear on verdicts.
    pub(super) options_given: Vec<String>,
    /// The text of each of them.
    pub(super) deployment_texts: Vec<String>,
    /// The list.
    pub(super) intent: Option<Intent>,
    /// What the list was resolved with; nothing where there is none.
    pub(super) options: Option<resolve::Options>,
    /// The text of the list.
    pub(super) sources: SourceMap,
    /// Warnings and notes about the list.
    pub(super) findings: Vec<Diagnostic>,
    /// What is deployed.
    pub(super) deployment: Deployment,
    /// What the list compiles to, where deployment files were given.
    pub(super) compiled: Option<Deployment>,
    /// What is known.
    pub(super) evidence: Evidence,
    /// What is assumed.
    pub(super) assumptions: Assumptions,
    /// The time as of which permissions are active.
    pub(super) at: Timestamp,
}

impl Subject {
    /// What decides about flows.
    pub(super) fn simulator(&self) -> Result<Simulator<'_>, Failure> {
        Simulator::new(&self.deployment).map_err(|error| Failure::new(error.to_string()))
    }

    /// What is known and assumed.
    pub(super) fn environment(&self) -> Environment<'_> {
        Environment { evidence: &self.evidence, assumptions: &self.assumptions, at: self.at }
    }

    /// What a report says of it, which judged no captures.
    pub(super) fn reported(&self) -> report::Subject<'_> {
        report::Subject {
            asked: Asked {
                rules: self.rules.as_deref(),
                deployments: &self.deployments,
                options: &self.options_given,
                captures: &[],
            },
            intent: self.intent.as_ref(),
            deployment: &self.deployment,
            evidence: &self.evidence,
            sources: &self.sources,
        }
    }

    /// Mentions the findings about the list, or shows them.
    pub(super) fn mention_findings(
        &self,
        common: &CommonArgs,
        terminal: &mut Terminal<'_>,
    ) -> Result<(), Failure> {
        let name = self.rules.as_deref();
        rules::mention_findings(name, &self.findings, &self.sources, common, terminal)
    }

    /// The address that stands for every source under `--from`.
    pub(super) fn address_in(&self, subnet: &str) -> Result<IpAddr, Failure> {
        address_in(&self.deployment, "the deployment", subnet)
    }
}

/// The address that stands for every source under `--from`; `deployment` is told as that of `whose`.
pub(super) fn address_in(
    deployment: &Deployment,
    whose: &str,
    subnet: &str,
) -> Result<IpAddr, Failure> {
    machine_in(deployment, subnet).map_err(|names| {
        Failure::new(format!(
            "`--from {subnet}`: expected a subnet of {whose} with an address for a machine: {}",
            if names.is_empty() { "it has none".to_owned() } else { names.join(", ") }
        ))
    })
}

/// The first address for a machine in the subnet of that name; else the names of all subnets that
/// have one.
pub(super) fn machine_in<'d>(
    deployment: &'d Deployment,
    subnet: &str,
) -> Result<IpAddr, Vec<&'d str>> {
    let subnets = deployment.virtual_networks.values().flat_map(|one| &one.subnets);
    let machines = subnets.filter_map(|one| {
        let like = one.prefixes.first()?.addr();
        Some((one.name.as_str(), one.first_machine(like)?))
    });
    let mut names = Vec::new();
    for (name, machine) in machines {
        if name.eq_ignore_ascii_case(subnet) {
            return Ok(machine);
        }
        names.push(name);
    }
    Err(names)
}

/// Loads a subject. With deployment files, those are judged, against the list if there is one.
pub(super) fn load(
    rules_file: Option<&Path>,
    args: &SubjectArgs,
    checks: &[PathBuf],
    rules_args: &RulesArgs,
    terminal: &mut Terminal<'_>,
) -> Result<Subject, Failure> {
    if rules_file.is_none() && !checks.is_empty() {
        return Err(Failure::with_help(
            "`--assert`: there is no list to decide assertions and examples of",
            "name the rules file, too",
        ));
    }
    let at = rules::time(rules_args, terminal);
    let assumptions = assumptions(&args.known.assume)?;
    let mut evidence = evidence(rules_file, &args.known, terminal)?;
    let mut list = match rules_file {
        Some(path) => {
            let lock = evidence.lock.as_ref();
            Some(rules::resolve(path, checks, &rules_args.parameters, at, lock, terminal)?)
        }
        None => None,
    };
    let mut deployment_texts = Vec::with_capacity(args.deployment.len());
    for path in &args.deployment {
        deployment_texts.push(files::read_text(path, MAX_DEPLOYMENT_BYTES, terminal)?);
    }
    let deployments: Vec<String> =
        args.deployment.iter().map(|path| path.display().to_string()).collect();
    let deployment = match (&mut list, deployments.as_slice()) {
        (Some(list), []) => rules::compile(list)?.deployment,
        (None, []) => {
            return Err(Failure::with_help(
                "there is nothing to judge by",
                "name a rules file, or a deployment with `--deployment FILE`",
            ));
        }
        (_, names) => merged(names.iter().zip(&deployment_texts))?,
    };
    let compiled = list.as_ref().filter(|_| !deployments.is_empty()).and_then(rules::compiled);
    let (intent, options, sources, findings) = match list {
        Some(List { intent, options, sources, findings, .. }) => {
            (Some(intent), Some(options), sources, findings)
        }
        None => (None, None, SourceMap::new(), Vec::new()),
    };
    evidence.timeline.ask_only_of(firewalls(&deployment, intent.as_ref()));
    Ok(Subject {
        rules: rules_file.map(|path| path.display().to_string()),
        deployments,
        options_given: words(&args.known, rules_args),
        deployment_texts,
        intent,
        options,
        sources,
        findings,
        deployment,
        compiled,
        evidence,
        assumptions,
        at,
    })
}

/// The addresses that DNS proxies of firewalls can have.
fn firewalls(deployment: &Deployment, list: Option<&Intent>) -> BTreeSet<IpAddr> {
    let listed = list.into_iter().flat_map(|list| &list.topology.firewalls);
    let deployed = deployment.firewalls.values().map(|firewall| firewall.private_address);
    deployed.chain(listed.map(|firewall| firewall.private_address)).collect()
}

/// The options that bear on verdicts, as words to be typed again.
pub(super) fn words(known: &KnownArgs, rules: &RulesArgs) -> Vec<String> {
    let path = |path: &PathBuf| path.display().to_string();
    let parameters = &rules.parameters;
    let at = rules.at.map(|at| at.to_string());
    let all = [
        ("--set", parameters.set.clone()),
        ("--params", parameters.params.iter().map(path).collect()),
        ("--at", at.into_iter().collect()),
        ("--assume", known.assume.clone()),
        ("--service-tags", known.service_tags.iter().map(path).collect()),
        ("--lock", known.lock.iter().map(path).collect()),
    ];
    let pairs = all.into_iter().flat_map(|(option, values)| {
        values.into_iter().flat_map(move |value| [option.to_owned(), value])
    });
    pairs.collect()
}

/// Shows the keys of `--assume` where that is what was asked for.
pub(super) fn lists_assumptions(
    args: &KnownArgs,
    terminal: &mut Terminal<'_>,
) -> Result<bool, Failure> {
    let asked = args.assume.iter().any(|text| text == "list");
    if asked {
        terminal.write_out(&settings())?;
    }
    Ok(asked)
}

/// What `--assume` says.
pub(super) fn assumptions(texts: &[String]) -> Result<Assumptions, Failure> {
    let mut assumptions = Assumptions::default();
    for text in texts {
        assumptions.set(text).map_err(|error| {
            Failure::with_help(error.to_string(), "`--assume list` shows the keys and their values")
        })?;
    }
    Ok(assumptions)
}

/// A line for each setting: key, values, default, what it says, where.
fn settings() -> String {
    let lines: Vec<String> = SETTINGS
        .iter()
        .map(|setting| {
            format!(
                "{:<28} {}; default {}\n    {} ({})\n",
                setting.key,
                setting.domain,
                setting.word(setting.default),
                setting.doc,
                setting.section
            )
        })
        .collect();
    lines.concat()
}

/// The deployments of files, each with its name and text, as one.
pub(super) fn merged<'a>(
    files: impl Iterator<Item = (&'a String, &'a String)>,
) -> Result<Deployment, Failure> {
    let mut all = Deployment::default();
    for (name, text) in files {
        let one = rules::deployment(name, text)?;
        rules::merge(&mut all, one, name)?;
    }
    Ok(all)
}

/// What is known: service tags, and the lock that is named or stands beside the rules file.
pub(super) fn evidence(
    rules_file: Option<&Path>,
    args: &KnownArgs,
    terminal: &mut Terminal<'_>,
) -> Result<Evidence, Failure> {
    let beside = rules_file.and_then(|path| lock_beside(path, terminal));
    let path = args.lock.clone().or(beside);
    evidence_with(path.as_deref(), args, terminal)
}

/// The lock beside a rules file, if there is one.
pub(super) fn lock_beside(rules_file: &Path, terminal: &Terminal<'_>) -> Option<PathBuf> {
    let path =
        (!files::is_standard_stream(rules_file)).then(|| rules_file.with_file_name(LOCK_FILE));
    path.filter(|path| terminal.path(path).is_file())
}

/// What is known: service tags, and the lock at `lock_file`.
pub(super) fn evidence_with(
    lock_file: Option<&Path>,
    args: &KnownArgs,
    terminal: &mut Terminal<'_>,
) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::default();
    if let Some(path) = &args.service_tags {
        let bytes = files::read_text_or_gzip(path, MAX_TAGS_BYTES, terminal)?;
        let tags = ServiceTags::read(&bytes).map_err(|error| {
            Failure::with_help(
                format!("`{}`: {error}", path.display()),
                "give the file as Microsoft publishes it, such as ServiceTags_Public_20260302.json",
            )
        })?;
        evidence.service_tags = Some(tags);
    }
    if let Some(path) = lock_file {
        evidence.lock = Some(lock(path, terminal)?);
    }
    Ok(evidence)
}

/// Reads the lock at `path`.
pub(super) fn lock(path: &Path, terminal: &mut Terminal<'_>) -> Result<Lock, Failure> {
    let text = files::read_text(path, MAX_LOCK_BYTES, terminal)?;
    Lock::read(&text).map_err(|error| {
        Failure::with_help(
            format!("`{}`: {error}", path.display()),
            "write it again with `exeat lock`",
        )
    })
}
