//! A folder of its own for each run of the program.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// A small list without mistakes.
pub(crate) const OK: &str = concat!(
    include_str!("../support/hub-and-spoke.egress"),
    "\nallow web: apps -> www.example.com : https  because \"needed\"\n"
);

/// A network in which no way leads around the firewall.
pub(crate) const ONE_NETWORK: &str = r#"language 1

azure {
  subscription   "00000000-0000-0000-0000-000000000000"
  resource-group "rg"
  location       "westeurope"
}

network n {
  vnet only 10.1.0.0/16 {
    dns egress
    subnet AzureFirewallSubnet 10.1.1.0/26
    subnet apps 10.1.8.0/24 { routes via egress }
  }
  firewall egress in only { sku premium  private-ip 10.1.1.4  public-ip 203.0.113.10  dns-proxy on }
}

"#;

/// How long a run may take, a hundred times what the slowest takes: a minute, nap by nap.
const MOST_NAPS: u32 = 12_000;
const NAP: Duration = Duration::from_millis(5);

/// What a run said.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// The output, where the exit code is `code`.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> String {
        assert_eq!(self.code, Some(code), "{}{}", self.out, self.err);
        self.out
    }
}

/// A temporary folder that holds `ok.egress`.
pub(crate) struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Sandbox {
        let sandbox = Sandbox { folder: tempfile::tempdir().expect("a temporary folder") };
        sandbox.write("ok.egress", OK.as_bytes());
        sandbox
    }

    /// A folder that holds the trips example, too.
    pub(crate) fn with_trips() -> Sandbox {
        let sandbox = Sandbox::new();
        for name in ["trips.egress", "platform-policy.json", "monday.pcapng", "friday.pcapng"] {
            let bytes = fs::read(trips().join(name)).expect("a file of the example");
            sandbox.write(&format!("trips/{name}"), &bytes);
        }
        sandbox
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file, and the folders it lies in. A name that ends in `/` is a folder.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path().join(name);
        if name.ends_with('/') {
            return fs::create_dir_all(path).expect("a folder");
        }
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("a text file")
    }

    /// Every file by its path.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(self.path(), self.path(), &mut files);
        files
    }

    /// The program, ready to be run in this folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_exeat"));
        command.args(args).current_dir(self.path()).env_remove("NO_COLOR");
        command
    }

    /// Runs the program with nothing on standard input.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, b"")
    }

    /// Runs the program with `input` on standard input.
    pub(crate) fn run_with(&self, args: &[&str], input: &[u8]) -> Run {
        let mut program = self.start(args);
        let mut stdin = program.child.stdin.take().expect("its input");
        // A program that has seen enough does not read on; that is no failure of the test.
        let _ = stdin.write_all(input);
        drop(stdin);
        program.end()
    }

    /// Runs the program with `input` on standard input, which stays open, and interrupts it when
    /// nearly all of that is read.
    #[cfg(unix)]
    pub(crate) fn run_interrupted(&self, args: &[&str], input: &[u8]) -> Run {
        let mut program = self.start(args);
        let mut stdin = program.child.stdin.take().expect("its input");
        stdin.write_all(input).expect("a program that reads");
        program.interrupt();
        let run = program.end();
        drop(stdin);
        run
    }

    /// Runs the program with a pipe of this name to which `begun` is written, and no more, and interrupts
    /// it when it reads there.
    #[cfg(unix)]
    pub(crate) fn run_interrupted_at(&self, pipe: &str, begun: &[u8], args: &[&str]) -> Run {
        let path = self.path().join(pipe);
        // It may be there from the run before.
        let _ = fs::remove_file(&path);
        assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
        let program = self.start(args);
        // It can be opened only when somebody reads there.
        let begun = begun.to_vec();
        let opening = thread::spawn(move || {
            let mut pipe = fs::OpenOptions::new().write(true).open(path).expect("a reader");
            pipe.write_all(&begun).expect("a reader");
            pipe
        });
        let mut naps = 0;
        while !opening.is_finished() && naps < MOST_NAPS {
            naps += 1;
            thread::sleep(NAP);
        }
        program.interrupt();
        let run = program.end();
        assert!(opening.is_finished(), "it does not read `{pipe}`: {}", run.err);
        run
    }

    fn start(&self, args: &[&str]) -> Started {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let out = gather(child.stdout.take().expect("its output"));
        let err = gather(child.stderr.take().expect("its errors"));
        Started { command: args.join(" "), child, out, err }
    }
}

/// A program that runs.
struct Started {
    command: String,
    child: Child,
    out: thread::JoinHandle<Vec<u8>>,
    err: thread::JoinHandle<Vec<u8>>,
}

impl Started {
    /// Interrupts it, as Ctrl-C does.
    #[cfg(unix)]
    fn interrupt(&self) {
        let kill = format!("kill -INT {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    }

    /// Waits for the end.
    fn end(mut self) -> Run {
        let mut naps = 0;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("its status") {
                break status;
            }
            if naps == MOST_NAPS {
                self.child.kill().expect("the end of a program that hangs");
                panic!("it does not end: exeat {}", self.command);
            }
            naps += 1;
            thread::sleep(NAP);
        };
        let text = |gathered: thread::JoinHandle<Vec<u8>>| {
            String::from_utf8(gathered.join().expect("what it said")).expect("UTF-8")
        };
        Run { code: status.code(), out: text(self.out), err: text(self.err) }
    }
}

/// Reads on while the program runs, so that it is not held up by a full pipe.
fn gather(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("what it said");
        bytes
    })
}

/// The folder of the trips example.
pub(crate) fn trips() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("rulesets/examples/trips")
}

fn collect(folder: &Path, root: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.strip_prefix(root).expect("a path below the root").to_owned();
        if path.is_dir() {
            files.insert(name, Vec::new());
            collect(&path, root, files);
        } else {
            files.insert(name, fs::read(&path).expect("a file"));
        }
    }
}
