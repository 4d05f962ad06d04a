//! Captures and logs that were made to burst their reader: the program ends as it should, says what
//! it left out, and holds no more than [`MOST_MEMORY`] at any time.
//!
//! They are written to standard input as they are made. `cargo test` writes a small part of each;
//! `EXEAT_LOADS=full cargo test --release --test loads -- --nocapture` all of it, some gigabytes, and shows what each took;
//! `EXEAT_LOAD=DNS` those alone that have this in their names, and `EXEAT_PROGRAM` asks another build of the program.
#![cfg(test)]

#[path = "loads/dns.rs"]
mod dns;
#[path = "loads/files.rs"]
mod files;
#[path = "loads/packets.rs"]
mod packets;
#[path = "loads/sessions.rs"]
mod sessions;

use std::fs;
use std::io;
use std::io::BufWriter;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use self::packets::Out;

/// The most memory that a run may hold, in bytes.
const MOST_MEMORY: u64 = 300_000_000;
/// How often it is looked at. The kernel remembers the peak.
const LOOK: Duration = Duration::from_millis(5);
/// A test run writes this part of each load.
const PART: u64 = 200;
/// What is kept of each output: more than any report of these needs, and a bound for the test.
const MOST_OUTPUT: u64 = 16 << 20;

/// The list that flows are judged by: machines in 10.1.8.0/24, a firewall that answers DNS.
const LIST: &str = concat!(
    include_str!("support/hub-and-spoke.egress"),
    "\nallow web: apps -> www.example.com, *.names.example : https, http  because \"needed\"\n"
);

/// What is written, and what must come of it.
struct Load {
    name: &'static str,
    write: fn(Out<'_>, Size) -> io::Result<()>,
    /// Whether the file is one that can be read: else 2 is the exit code, and the message holds
    /// what is expected.
    is_capture: bool,
    /// What is said on standard error or in the report.
    says: Says,
}

/// When a limit is hit.
enum Says {
    Nothing,
    Always(&'static str),
    /// A small part does not run into the limit.
    WhenFull(&'static str),
    /// The same, and `flows` has no use for what the limit is about.
    InReplay(&'static str),
}

/// How much of a load is written.
#[derive(Clone, Copy)]
struct Size {
    divisor: u64,
}

impl Size {
    /// So many of `all`.
    fn of(self, all: u64) -> u64 {
        all / self.divisor
    }
}

const FLOWS: &str = "more flows were open at a time than are followed";
const HELD: &str = "more bytes had to be held than are";
const FRAGMENTS: &str = "more datagrams were in fragments at a time than are held";

const RECORD: &str = "1 record of the log could not be read and was passed over";

const LOADS: &[Load] = &[
    load("SYNs of as many sources", sessions::syn_flood, Says::WhenFull(FLOWS)),
    load("SYNs of one source and port", sessions::syns_of_one_port, Says::Nothing),
    load("UDP flows of one packet", sessions::udp_flood, Says::WhenFull(FLOWS)),
    load("fragments of IPv4", sessions::fragments_of_ipv4, Says::WhenFull(FRAGMENTS)),
    load("fragments of IPv6", sessions::fragments_of_ipv6, Says::WhenFull(FRAGMENTS)),
    load("fragments of a few bytes", sessions::small_fragments, Says::WhenFull(FRAGMENTS)),
    load("DNS: chains of pointers", sessions::dns_pointers, Says::Nothing),
    load("DNS: chains of aliases", sessions::dns_aliases, Says::Nothing),
    load("DNS: thousands of addresses", sessions::dns_addresses, Says::Nothing),
    load("DNS: names without end", sessions::dns_names, Says::InReplay("DNS answers are not held")),
    load("DNS: one connection", sessions::dns_over_tcp, Says::Nothing),
    load("TLS: hellos that never end", sessions::hellos, Says::WhenFull(HELD)),
    load("TLS: hellos with holes", sessions::hellos_with_holes, Says::WhenFull(HELD)),
    load("HTTP: heads that never end", sessions::heads, Says::WhenFull(HELD)),
    load(
        "HTTP: requests without end",
        sessions::requests,
        Says::Always("more requests than are kept"),
    ),
    load("HTTP: lines byte by byte", sessions::long_lines, Says::Nothing),
    load("HTTP/2: headers that never end", sessions::http2_headers, Says::WhenFull(HELD)),
    load("QUIC: Initials that say nothing", sessions::initials, Says::Nothing),
    load("pcapng: sections full of interfaces", files::interfaces, Says::Always("more interfaces")),
    load("pcapng: too many interfaces", files::too_many_interfaces, Says::Always("too many")),
    load("pcapng: blocks of other kinds", files::other_blocks, Says::Nothing),
    load("pcapng: a packet of 4 GB", files::huge_block, Says::Always("claims 4294967292 bytes")),
    load("pcap: a packet of 4 GB", files::huge_packet, Says::Always("claims 4294967295 bytes")),
    load("gzip: packets without bytes", files::gzip_bomb, Says::Nothing),
    load("gzip: one line", files::gzip_of_one_line, Says::Always(RECORD)),
    load("Zstandard: packets without bytes", files::zstd_bomb, Says::Nothing),
    no_capture("Zstandard: a window of 512 MB", files::zstd_window, "a window of 536870912 bytes"),
    load("VNet: a string without end", files::string_without_end, Says::Always(RECORD)),
    load(
        "VNet: brackets without end",
        files::brackets_without_end,
        Says::Always("the log ends inside a record"),
    ),
    load("VNet: a record of tuples without end", files::tuples_without_end, Says::WhenFull(RECORD)),
    load("VNet: flows without end", files::vnet_flows, Says::WhenFull(FLOWS)),
    load("Zeek: a line without end", files::zeek_line, Says::Always(RECORD)),
    load("Zeek: connections without end", files::zeek_connections, Says::WhenFull(FLOWS)),
    load("AWS: a line without end", files::aws_line, Says::Always(RECORD)),
    load("Suricata: flows without end", files::suricata_flows, Says::WhenFull(FLOWS)),
    load("Hubble: names without end", files::hubble_names, Says::Nothing),
    no_capture("bytes of no format", files::zeros, "expected a capture"),
];

const fn load(name: &'static str, write: fn(Out<'_>, Size) -> io::Result<()>, says: Says) -> Load {
    Load { name, write, is_capture: true, says }
}

const fn no_capture(
    name: &'static str,
    write: fn(Out<'_>, Size) -> io::Result<()>,
    says: &'static str,
) -> Load {
    Load { name, write, is_capture: false, says: Says::Always(says) }
}

/// What became of a run.
struct Run {
    code: Option<i32>,
    said: String,
    written: u64,
    /// The most memory that it held, in bytes; `None` where the system does not tell.
    peak: Option<u64>,
}

/// Counts what is written, and takes it as read when the program wants no more.
struct Counted<W> {
    out: W,
    written: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.out.write(bytes)?;
        self.written += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn run(load: &Load, arguments: &[&str], folder: &Path, size: Size) -> Run {
    let program = variable("EXEAT_PROGRAM");
    let mut child = Command::new(program.as_deref().unwrap_or(env!("CARGO_BIN_EXE_exeat")))
        .args(arguments)
        .current_dir(folder)
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let input = child.stdin.take().expect("its input");
    let outputs = (child.stdout.take().expect("output"), child.stderr.take().expect("errors"));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut out = Counted { out: BufWriter::with_capacity(1 << 18, input), written: 0 };
            let result = (load.write)(&mut out, size).and_then(|()| out.flush());
            // Who refuses a file does not read it to its end.
            let refused = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
            assert!(result.as_ref().map_or_else(refused, |()| true), "{}: {result:?}", load.name);
            // The rest of its buffer goes nowhere where the program has ended.
            let (file, _) = out.out.into_parts();
            drop(file);
            out.written
        });
        let standard = scope.spawn(move || kept(outputs.0));
        let errors = scope.spawn(move || kept(outputs.1));
        let (code, peak) = watch(&mut child);
        let said = standard.join().expect("output") + &errors.join().expect("errors");
        Run { code, said, written: writer.join().expect("a writer"), peak }
    })
}

/// Reads all, and keeps the end of it.
fn kept(mut output: impl Read) -> String {
    let (mut all, mut piece) = (Vec::new(), vec![0; 1 << 16]);
    while let Ok(length @ 1..) = output.read(&mut piece) {
        all.extend_from_slice(&piece[..length]);
        let most = usize::try_from(MOST_OUTPUT).expect("fits");
        if all.len() > 2 * most {
            all.drain(..all.len() - most);
        }
    }
    String::from_utf8_lossy(&all).into_owned()
}

/// Waits for the end; tells the exit code and the most memory held.
fn watch(child: &mut Child) -> (Option<i32>, Option<u64>) {
    let mut peak = None;
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return (status.code(), peak);
        }
        peak = peak.max(memory(child.id()));
        thread::sleep(LOOK);
    }
}

/// The peak of memory held so far (`proc(5)`, `VmHWM`), in bytes.
fn memory(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// What is wrong with a run.
fn wrongs(load: &Load, command: &str, run: &Run, size: Size) -> Vec<String> {
    let mut wrongs = Vec::new();
    let is_expected = match run.code {
        Some(0 | 1) => load.is_capture,
        Some(2) => !load.is_capture,
        _ => false,
    };
    if !is_expected {
        wrongs.push(format!("it ended with {:?}", run.code));
    }
    if let Some(peak) = run.peak.filter(|peak| *peak > MOST_MEMORY) {
        wrongs.push(format!("it held {} MB", peak / 1_000_000));
    }
    let says = match load.says {
        Says::Nothing => None,
        Says::Always(says) => Some(says),
        Says::WhenFull(says) => (size.divisor == 1).then_some(says),
        Says::InReplay(says) => (size.divisor == 1 && command == "replay").then_some(says),
    };
    if let Some(says) = says.filter(|says| !run.said.contains(says)) {
        wrongs.push(format!("it does not say `{says}`"));
    }
    if !wrongs.is_empty() {
        let end: Vec<&str> = run.said.lines().rev().take(6).collect();
        wrongs.extend(end.into_iter().rev().map(|line| line.chars().take(300).collect()));
    }
    wrongs
}

const COMMANDS: [&[&str]; 2] =
    [&["flows", "-"], &["replay", "list.egress", "--capture", "-", "--color", "never"]];

/// Every load with every command, as many at a time as there are processors. Tells how many runs
/// there were, and what is wrong with them.
#[expect(clippy::print_stderr, reason = "what each load took is the result")]
fn run_all(size: Size, only: Option<&str>) -> (usize, Vec<String>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("list.egress"), LIST).expect("a list");
    let loads = LOADS.iter().filter(|load| only.is_none_or(|only| load.name.contains(only)));
    let all: Vec<(&Load, &[&str])> =
        loads.flat_map(|load| COMMANDS.map(|command| (load, command))).collect();
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some((load, command)) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let run = run(load, command, folder.path(), size);
            let megabytes = |bytes: u64| format!("{} MB", bytes / 1_000_000);
            let peak = run.peak.map_or("?".to_owned(), megabytes);
            let (name, command) = (load.name, command[0]);
            let wrongs = wrongs(load, command, &run, size);
            eprintln!(
                "{name:40} {command:6} {:>8} written, {peak:>7} held",
                megabytes(run.written)
            );
            if !wrongs.is_empty() {
                let wrongs = wrongs.join("\n    ");
                found.lock().expect("no panic").push(format!("{name} ({command}): {wrongs}"));
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    (all.len(), found.into_inner().expect("no panic"))
}

#[expect(clippy::disallowed_methods, reason = "the environment says how much is to be written")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn what_was_made_to_burst_the_program_does_not() {
    let divisor = match variable("EXEAT_LOADS").as_deref() {
        None => PART,
        Some("full") => 1,
        Some(other) => panic!("EXEAT_LOADS={other}: expected `full`"),
    };
    let (runs, wrongs) = run_all(Size { divisor }, variable("EXEAT_LOAD").as_deref());
    assert!(runs > 0, "no load has EXEAT_LOAD in its name");
    assert!(wrongs.is_empty(), "{} of {runs} runs:\n{}", wrongs.len(), wrongs.join("\n"));
}
