//! `exeat compile`: the same bytes whatever runs it, and small changes that stay small.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::sandbox::Sandbox;

const TARGETS: [&str; 2] = ["arm", "json"];
const RUNS: usize = 20;

/// The emitted files by their paths below `out`.
fn emitted(sandbox: &Sandbox, out: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = sandbox.files().into_iter();
    let below =
        files.filter_map(|(path, bytes)| Some((path.strip_prefix(out).ok()?.to_owned(), bytes)));
    let found: BTreeMap<PathBuf, Vec<u8>> =
        below.filter(|(path, _)| !path.as_os_str().is_empty()).collect();
    assert!(!found.is_empty(), "nothing in {out}");
    found
}

#[test]
fn twenty_runs_on_one_and_two_threads_give_the_same_bytes() {
    let sandbox = Sandbox::with_trips();
    for target in TARGETS {
        let mut first = None;
        for run in 0..RUNS {
            let out = format!("{target}-{run}");
            let threads = if run % 2 == 0 { "1" } else { "2" };
            let args = ["compile", "-q", "trips/trips.egress", "--target", target];
            let more = ["--at", "2026-12-01", "--out", &out, "--threads", threads];
            sandbox.run(&[&args[..], &more[..]].concat()).expect(0);
            let found = emitted(&sandbox, &out);
            assert!(*first.get_or_insert_with(|| found.clone()) == found, "run {run} differs");
        }
    }
}

#[test]
fn the_working_directory_and_the_form_of_the_path_change_nothing() {
    let sandbox = Sandbox::with_trips();
    let absolute = sandbox.path().join("trips/trips.egress").display().to_string();
    for target in TARGETS {
        let compile = |folder: &str, file: &str, out: &str| {
            let out = sandbox.path().join(out).display().to_string();
            let args =
                ["compile", "-q", file, "--at", "2026-12-01", "--target", target, "--out", &out];
            let mut command = sandbox.command(&args);
            let output = command.current_dir(sandbox.path().join(folder)).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        compile("", "trips/trips.egress", &format!("{target}-a"));
        let expected = emitted(&sandbox, &format!("{target}-a"));
        compile("trips", "trips.egress", &format!("{target}-b"));
        compile("", &absolute, &format!("{target}-c"));
        compile("trips", "../trips/./trips.egress", &format!("{target}-d"));
        for out in ["b", "c", "d"] {
            assert!(emitted(&sandbox, &format!("{target}-{out}")) == expected, "{target}-{out}");
        }
    }
}

/// Places of `after` that `before` lacks, and the other way round. A list is compared as a set of
/// elements, so that an insertion is one difference and not a shift of all that follow.
fn differences(before: &Value, after: &Value, at: &str, into: &mut Vec<String>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let place = format!("{at}/{key}");
                match (old.get(key), new.get(key)) {
                    (Some(old), Some(new)) => differences(old, new, &place, into),
                    _ => into.push(place),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (index, (old, new)) in old.iter().zip(new).enumerate() {
                differences(old, new, &format!("{at}/{index}"), into);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            let only = |of: &[Value], other: &[Value]| {
                of.iter().filter(|element| !other.contains(element)).count()
            };
            let changed = only(old, new) + only(new, old);
            into.extend(std::iter::repeat_n(format!("{at}[]"), changed));
        }
        _ if before == after => {}
        _ => into.push(at.to_owned()),
    }
}

/// One more permission: one element of one list of one group, and in the text only lines that
/// are added.
#[test]
fn one_more_permission_changes_one_group_and_one_element() {
    let sandbox = Sandbox::with_trips();
    let text = sandbox.read("trips/trips.egress");
    let place = text.find("allow trips-db:").expect("a permission of the example");
    let place = text[..place].rfind("\n\n").expect("a gap") + 2;
    let more = "allow weather: apps -> weather.example.com : https\n  because \"a forecast\"  owner trips\n\n";
    for target in TARGETS {
        let compile = |out: &str| {
            let args = ["compile", "-q", "trips/trips.egress", "--at", "2026-12-01"];
            sandbox.run(&[&args[..], &["--target", target, "--out", out]].concat()).expect(0);
            emitted(&sandbox, out)
        };
        sandbox.write("trips/trips.egress", text.as_bytes());
        let before = compile(&format!("{target}-before"));
        sandbox.write(
            "trips/trips.egress",
            [&text[..place], more, &text[place..]].concat().as_bytes(),
        );
        let after = compile(&format!("{target}-after"));
        assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());

        let mut found = Vec::new();
        for (path, old) in &before {
            let new = &after[path];
            if old == new {
                continue;
            }
            let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
            let difference = similar::TextDiff::from_lines(&*old, &*new);
            let removed: Vec<&str> = difference
                .iter_all_changes()
                .filter(|change| change.tag() == similar::ChangeTag::Delete)
                .map(|change| change.value())
                .collect();
            assert!(removed.is_empty(), "{} loses {removed:?}", path.display());
            let parse = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
            differences(&parse(&old), &parse(&new), &path.display().to_string(), &mut found);
        }
        // In the model the origin of the new rule stands beside the policy.
        found.retain(|place| !place.contains("/origins"));
        assert_eq!(found.len(), 1, "{target}: {found:?}");
        assert!(found[0].ends_with("/rules[]"), "{found:?}");
    }
}

#[test]
fn files_of_others_in_the_folder_are_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.write("out/notes.txt", b"mine");
    sandbox.run(&["compile", "ok.egress", "--target", "arm", "--out", "out"]).expect(0);
    assert_eq!(fs::read(sandbox.path().join("out/notes.txt")).expect("the file"), b"mine");
    let left: Vec<PathBuf> = sandbox
        .files()
        .into_keys()
        .filter(|path| path.to_string_lossy().contains(".tmp"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn folders_that_were_made_for_nothing_are_removed() {
    let sandbox = Sandbox::new();
    // The target cannot be put in the place of a folder.
    sandbox.write("out/deploy-order.json/mine", b"mine");
    let before = sandbox.files();
    let run = sandbox.run(&["compile", "ok.egress", "--target", "arm", "--out", "out"]);
    assert_eq!(run.code, Some(2));
    assert!(run.err.contains("`deploy-order.json` is a folder there"), "{}", run.err);
    assert_eq!(sandbox.files(), before);
}

#[cfg(unix)]
#[test]
fn files_have_the_permissions_that_the_mask_leaves_and_the_script_is_one() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    let program = env!("CARGO_BIN_EXE_exeat");
    for (mask, plain, script) in [("022", 0o644, 0o755), ("077", 0o600, 0o700)] {
        let line =
            format!("umask {mask}; exec {program} compile ok.egress --target arm --out {mask}");
        let mut shell = std::process::Command::new("sh");
        let status = shell.args(["-c", &line]).current_dir(sandbox.path()).output();
        assert!(status.expect("a shell").status.success());
        let mode = |name: &str| {
            let path = sandbox.path().join(mask).join(name);
            fs::metadata(path).expect("a file").permissions().mode() & 0o777
        };
        assert_eq!((mode("deploy-order.json"), mode("commands.sh")), (plain, script), "{mask}");
    }
}

/// As `fmt` does: what a link leads to is written, and who may read a file stays.
#[cfg(unix)]
#[test]
fn links_and_permissions_of_files_that_are_there_stay() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    let compile = || sandbox.run(&["compile", "ok.egress", "--target", "arm", "--out", "out"]);
    compile().expect(0);
    let fresh = emitted(&sandbox, "out");
    let (link, behind) =
        (sandbox.path().join("out/deploy-order.json"), sandbox.path().join("elsewhere/order"));
    fs::remove_file(&link).expect("a file");
    sandbox.write("elsewhere/order", b"old");
    std::os::unix::fs::symlink("../elsewhere/order", &link).expect("a link");
    let script = sandbox.path().join("out/commands.sh");
    for (path, mode) in [(&behind, 0o640), (&script, 0o700)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
    }
    compile().expect(0);
    assert_eq!(fs::read_link(&link).expect("a link"), PathBuf::from("../elsewhere/order"));
    assert!(emitted(&sandbox, "out") == fresh);
    for (path, mode) in [(&behind, 0o640), (&script, 0o700)] {
        assert_eq!(fs::metadata(path).expect("a file").permissions().mode() & 0o777, mode);
    }
    assert_eq!(fs::read_dir(sandbox.path().join("elsewhere")).expect("a folder").count(), 1);
}

/// `cp` refuses a link to nothing, too.
#[cfg(unix)]
#[test]
fn places_that_no_file_can_be_written_to_are_refused() {
    let cases = [
        ("gone", "a link that leads to no file"),
        ("deploy-order.json", "a link that leads to no file"),
        ("/dev/null", "no plain file"),
        ("commands.sh", "two files would be written to"),
    ];
    for (target, says) in cases {
        let sandbox = Sandbox::new();
        sandbox.write("out/commands.sh", b"old");
        let link = sandbox.path().join("out/deploy-order.json");
        std::os::unix::fs::symlink(target, &link).expect("a link");
        let names = || {
            let entries = fs::read_dir(sandbox.path().join("out")).expect("a folder");
            entries.map(|entry| entry.expect("an entry").file_name()).collect::<Vec<_>>()
        };
        let before = names();
        let run = sandbox.run(&["compile", "ok.egress", "--target", "arm", "--out", "out"]);
        assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{target}");
        assert!(run.err.contains(says), "{target}: {}", run.err);
        assert_eq!(names(), before, "{target}");
        assert_eq!(sandbox.read("out/commands.sh"), "old", "{target}");
        assert_eq!(fs::read_link(&link).expect("a link"), PathBuf::from(target));
    }
}

/// A template in a folder whose resource group the list no longer has.
#[test]
fn a_template_of_an_earlier_compile_is_told_and_kept() {
    let sandbox = Sandbox::new();
    let compile = || sandbox.run(&["compile", "ok.egress", "--target", "arm", "--out", "out"]);
    let first = compile();
    assert!(!first.err.contains("earlier compile"), "{}", first.err);
    assert!(!compile().err.contains("earlier compile"));
    let text = sandbox.read("ok.egress").replace("\"rg\"", "\"rg-new\"");
    sandbox.write("ok.egress", text.as_bytes());
    let run = compile();
    assert_eq!(run.code, Some(0));
    assert!(run.err.contains("rg/policy.json` is of an earlier compile"), "{}", run.err);
    let subscription = "00000000-0000-0000-0000-000000000000";
    assert!(sandbox.path().join(format!("out/{subscription}/rg/policy.json")).is_file());
    assert!(!compile().err.contains("earlier compile"), "said once");
}
