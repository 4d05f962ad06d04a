//! `exeat lock`: what a DNS server says of the names of a rules file.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

use super::args::LockArgs;
use super::failure::Failure;
use super::files;
use super::outcome::Outcome;
use super::rules;
use super::subject::LOCK_FILE;
use super::terminal::Terminal;
use crate::evidence::Lock;
use crate::evidence::live;
use crate::evidence::live::Inquiry;
use crate::evidence::lock::LockedImport;
use crate::flow::Fqdn;
use crate::resolve::Pin;
use crate::resolve::Source;

/// The port of DNS.
const DNS_PORT: u16 = 53;
/// How often a server is asked before its silence is taken for an answer.
const ATTEMPTS: usize = 2;

/// Asks for every exact name of the list, and writes the answers beside the rules file.
pub(super) fn run(args: &LockArgs, terminal: &mut Terminal<'_>) -> Result<Outcome, Failure> {
    terminal.choose_color(args.common.color.color);
    if files::is_standard_stream(&args.file) {
        return Err(Failure::new("`exeat lock` writes beside the rules file, so it needs a file"));
    }
    let server = server(&args.server)?;
    let list = rules::resolve(&args.file, &[], &args.parameters, terminal.now, None, terminal)?;
    rules::show_findings(&list.findings, &list.sources, &args.common, terminal)?;
    let path = args.file.with_file_name(LOCK_FILE);
    files::may_replace(&terminal.path(&path))?;
    let names: BTreeSet<Fqdn> = list.intent.exact_names().cloned().collect();
    let inquiry = Inquiry {
        server,
        at: terminal.now,
        timeout: Duration::from_secs(args.timeout),
        attempts: ATTEMPTS,
    };
    let answers = live::ask(inquiry, &names)
        .map_err(|error| Failure::new(format!("cannot ask {server}: {error}")))?;
    let mut lock = Lock::default();
    for import in list.pins {
        let pinned = pinned(&import)?;
        lock.insert_import(pinned);
    }
    let locked = answers.locked.len();
    for name in answers.locked {
        lock.insert_name(name);
    }
    if locked == 0 && !names.is_empty() {
        let why = answers.failed.first().map(|failed| format!("; the first: {failed}"));
        return Err(Failure::with_help(
            format!(
                "{server} answered for none of the {} names{}",
                names.len(),
                why.unwrap_or_default()
            ),
            "check the address, that the server is reached from here, and that it answers for these names",
        ));
    }
    files::replace(&terminal.path(&path), lock.write().as_bytes())?;
    let mut text = format!("{}: {locked} of {} names\n", path.display(), names.len());
    for failed in &answers.failed {
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "warning: {failed}");
    }
    if !args.common.quiet {
        terminal.write_out(&text)?;
    }
    Ok(Outcome::Clean)
}

/// The import as the lock writes it. Shipped rulesets have the version of the program.
fn pinned(pin: &Pin) -> Result<LockedImport, Failure> {
    let sha256 = pin
        .sha256
        .parse()
        .map_err(|error| Failure::new(format!("cannot pin `{}`: {error}", pin.source)))?;
    let version = match &pin.source {
        Source::Std(_) => Some(env!("CARGO_PKG_VERSION").to_owned()),
        Source::File(_) | Source::Given(_) => None,
    };
    Ok(LockedImport { import: pin.source.to_string(), version, sha256 })
}

/// An address, with a port where it is not 53.
fn server(text: &str) -> Result<SocketAddr, Failure> {
    let address = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, DNS_PORT));
    address.or_else(|_| text.parse::<SocketAddr>()).map_err(|_| {
        Failure::new(format!(
            "`--server {text}`: expected an address such as 10.0.1.4, 10.0.1.4:5353 or [2001:db8::1]:53"
        ))
    })
}
