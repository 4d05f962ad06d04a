//! What `README.md` shows is what the program prints.
#![cfg(test)]

use std::path::Path;
use std::process::Command;

/// The fenced blocks of `README.md` marked `text`, with what stands before each.
fn shown() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = std::fs::read_to_string(path).expect("README.md");
    let mut blocks = Vec::new();
    let mut lines = readme.lines();
    while let Some(line) = lines.next() {
        if line == "```text" {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(body.join("\n"));
        }
    }
    blocks
}

fn printed(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_exeat"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(args)
        .output()
        .expect("the program runs");
    String::from_utf8(output.stdout).expect("text")
}

fn replay(capture: &str) -> String {
    let capture = format!("rulesets/examples/trips/{capture}.pcapng");
    printed(&["replay", "rulesets/examples/trips/trips.egress", "--capture", &capture])
}

fn prove() -> String {
    printed(&["prove", "rulesets/examples/trips/trips.egress"])
}

/// Whether `text` holds the pieces of `pattern` between its `[…]`, in their order.
fn holds(text: &str, pattern: &str) -> bool {
    let mut rest = text;
    pattern.split("[…]").all(|piece| match rest.find(piece.trim_matches('\n')) {
        Some(at) => {
            rest = &rest[at + piece.trim_matches('\n').len()..];
            true
        }
        None => false,
    })
}

#[test]
fn reports_look_as_the_readme_shows_them() {
    let printed = [replay("monday"), replay("friday"), prove()];
    let reports: Vec<String> = shown()
        .into_iter()
        .filter(|block| block.contains("passed") || block.contains(": tcp/443"))
        .filter(|block| !block.contains("error["))
        .collect();
    assert!(reports.len() >= 7, "{reports:?}");
    for block in reports {
        assert!(printed.iter().any(|text| holds(text, &block)), "not printed so:\n{block}");
    }
}

#[test]
fn the_mistake_looks_as_the_readme_shows_it() {
    let block = shown().into_iter().find(|block| block.starts_with("error[")).expect("a mistake");
    let folder = tempfile::tempdir().expect("a folder");
    let source = "language 1\n\nnetwork n {\n  vnet hub   10.0.0.0/16 { subnet AzureFirewallSubnet 10.0.1.0/26 }\n  vnet spoke 10.1.0.0/16 {\n    peers hub\n    dns egress\n    subnet nodes 10.1.0.0/22 { routes via egress }\n  }\n  firewall egress in hub { sku premium  private-ip 10.0.1.4  dns-proxy on }\n}\n\nnames registries = mcr.microsoft.com, *.data.mcr.microsoft.com\n\nallow pull-images: nodes -> registries : https\n  because \"container images\"  owner platform\n\nallow clock: nodes -> ntp.ubuntu.com : udp/123\n  because \"time\"  owner platform\n";
    std::fs::write(folder.path().join("wrong.egress"), source).expect("a file");
    let output = Command::new(env!("CARGO_BIN_EXE_exeat"))
        .current_dir(folder.path())
        .args(["check", "wrong.egress"])
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(2));
    let printed = String::from_utf8(output.stderr).expect("text");
    assert!(holds(&printed, &block), "{printed}");
}
