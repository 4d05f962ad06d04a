//! What `--help` says, kept beside this file.

use std::fs;
use std::path::Path;

use super::expected::check_kept;
use super::sandbox::Sandbox;

const COMMANDS: &[&str] = &[
    "check", "fmt", "compile", "explain", "flows", "replay", "prove", "diff", "test", "lock",
    "code",
];

#[track_caller]
fn check_help(name: &str, args: &[&str]) {
    check_kept(&format!("help/{name}.txt"), Sandbox::new().run(args).expect(0));
}

#[test]
fn each_command_helps_as_expected() {
    check_help("exeat", &["--help"]);
    for command in COMMANDS {
        check_help(command, &[command, "--help"]);
    }
}

/// The commands of the help, the snapshots and the manual are the same.
#[test]
fn the_manual_names_each_command_and_option() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manual = fs::read_to_string(root.join("docs/cli.md")).expect("the manual");
    let listed = Sandbox::new().run(&["--help"]).expect(0);
    let commands = listed.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<&str> = commands
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(commands, [COMMANDS, &["help"]].concat());
    assert!(manual.contains("`exeat help"), "docs/cli.md lacks help");
    for command in COMMANDS {
        assert!(manual.contains(&format!("`exeat {command}")), "docs/cli.md lacks {command}");
        let help = Sandbox::new().run(&[command, "--help"]).expect(0);
        let options = help.split_whitespace().filter(|word| word.starts_with("--"));
        for option in options.map(|word| word.trim_end_matches(|c: char| !c.is_ascii_lowercase())) {
            assert!(manual.contains(option), "docs/cli.md lacks {option} of {command}");
        }
    }
}
