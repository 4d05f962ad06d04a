//! Z3, where it is installed, and the words of certificates.

use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use exeat::flow::Atom;

/// The longest that Z3 may take for a question, in milliseconds.
const MOST_MILLISECONDS: u32 = 10_000;

/// Whether there is a Z3 to ask. Where there is none, that is said.
#[expect(clippy::print_stderr, reason = "what was not tested is told")]
pub(crate) fn is_there() -> bool {
    let found = Command::new("z3").arg("--version").stdout(Stdio::null()).status();
    let is_there = found.is_ok_and(|status| status.success());
    if !is_there {
        eprintln!("no `z3` was found: nothing is asked of it");
    }
    is_there
}

/// What Z3 prints for `script`. It must end as it does where nothing is wrong.
pub(crate) fn printed(script: &str) -> String {
    let mut z3 = Command::new("z3")
        .args(["-in", &format!("-t:{MOST_MILLISECONDS}")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("z3 starts");
    let mut input = z3.stdin.take().expect("its input");
    let script = script.to_owned();
    let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let output = z3.wait_with_output().expect("z3 ends");
    writer.join().expect("a writer").expect("z3 reads all of it");
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success(), "{text}");
    text
}

/// The words that a certificate has for a fact.
pub(crate) fn words(atom: &Atom) -> Option<String> {
    Some(match atom {
        Atom::InServiceTag { tag, .. } => format!("the destination in service tag {tag}"),
        Atom::FirewallAnswer { name, .. } => {
            format!("the destination in the firewall's answer for {name}")
        }
        Atom::InFqdnTag { tag, .. } => format!("the name, on the port, in FQDN tag {tag}"),
        Atom::Infrastructure { .. } => "the name in the infrastructure rules".to_owned(),
        Atom::Reading { setting } => format!("the other reading of {setting}"),
        Atom::PrecededBy { .. } => "an SQL session from the source was allowed before".to_owned(),
        Atom::ClientAnswer { name, .. } => {
            format!("the source was told the destination for {name}")
        }
        Atom::Named { name } if name.ends_with("in the ranges that the firewall learned") => {
            "the destination in the ranges that the firewall learned".to_owned()
        }
        _ => return None,
    })
}
