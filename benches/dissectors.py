#!/usr/bin/env python3
"""Speed and memory of `exeat replay` beside programs that dissect the same capture.

usage: benches/dissectors.py CAPTURE [--exeat PATH] [--permissions N] [--runs N] [--prefix MB] [--rules FILE]

CAPTURE is pcap, pcapng or compressed; a large one (1 GB or more) is meant. Three programs read it from a warm page
cache, each as often as `--runs` says, and the fastest run counts:

  exeat       replay against a list of so many permissions; judges every flow, so does more than the others
  ndpiReader  finds the application of every flow
  tshark      prints five fields of every packet; it is slow, so it reads the first MB of the capture only

A program that is not installed is left out, which is said. The list is made from the flows that `exeat flows` finds:
subnets that hold their sources, permissions for the names they show, the most frequent ones first, and made-up ones
up to the number asked for. The same capture gives the same list. The result is a Markdown table on standard output.
Needs Linux, Python 3.9 and nothing else.
"""
import argparse
import collections
import datetime
import ipaddress
import json
import multiprocessing
import os
import platform
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

MEGABYTE = 1_000_000
# The hub of the made-up network: addresses for benchmarks (RFC 2544), which captures seldom have.
HUB = ipaddress.ip_network("198.18.0.0/24")
# So much of the address of a source is kept, so that a subnet has few prefixes.
WIDE = {4: 8, 6: 16}
# How many permissions one team has.
TEAM = 30
NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\.[a-z]{2,}")
TSHARK_FIELDS = ["frame.number", "ip.src", "ip.dst", "tls.handshake.extensions_server_name", "http.host"]


def main():
    arguments = parse()
    exeat = shutil.which(arguments.exeat)
    if exeat is None:
        sys.exit(f"error: no program `{arguments.exeat}`: build it with `cargo build --release`, or name it with --exeat")
    size = os.path.getsize(arguments.capture)
    with tempfile.TemporaryDirectory() as scratch:
        rules = arguments.rules or os.path.join(scratch, "measured.egress")
        # Another process reads the flows: what a process held when it started a program counts as that program's.
        apart(write_rules, exeat, arguments.capture, rules, arguments.permissions)
        subprocess.run([exeat, "check", rules, "-q"], check=True, stdout=subprocess.DEVNULL)
        prefix, prefix_size = arguments.capture, size
        if size > arguments.prefix * MEGABYTE and shutil.which("tshark"):
            prefix = os.path.join(scratch, "prefix.pcap")
            apart(cut, arguments.capture, prefix, arguments.prefix * MEGABYTE)
            prefix_size = os.path.getsize(prefix)
        fields = [word for field in TSHARK_FIELDS for word in ("-e", field)]
        rows = []
        for name, command, read in [
            ("exeat", [exeat, "replay", rules, "--capture", arguments.capture, "--format", "json", "--flows", "none", "-q"], size),
            ("ndpiReader", ["ndpiReader", "-q", "-i", arguments.capture], size),
            ("tshark", ["tshark", "-r", prefix, "-T", "fields", *fields], prefix_size),
        ]:
            if shutil.which(command[0]) is None:
                print(f"note: `{command[0]}` was not found and is left out", file=sys.stderr)
                continue
            runs = [measured(command, arguments.capture if read == size else prefix) for _ in range(arguments.runs)]
            rows.append((name, command, read, min(runs)))
        print(table(rows, arguments, size))


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("capture", metavar="CAPTURE")
    parser.add_argument("--exeat", default="target/release/exeat", metavar="PATH", help="a release build")
    parser.add_argument("--permissions", type=positive, default=1000, metavar="N", help="how many the list has (1000)")
    parser.add_argument("--runs", type=positive, default=3, metavar="N", help="the best of so many counts (3)")
    parser.add_argument("--prefix", type=positive, default=100, metavar="MB", help="what tshark reads (100)")
    parser.add_argument("--rules", metavar="FILE", help="where the list is written, to be kept")
    return parser.parse_args()


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected a number from 1")
    return number


def apart(work, *arguments):
    """Does `work` in a process of its own."""
    process = multiprocessing.Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit("error: the run could not be prepared; see above")


# The list.


def write_rules(exeat, capture, rules, permissions):
    wide, names = set(), collections.Counter()
    flows = subprocess.Popen([exeat, "flows", "-q", "--format", "json", capture], stdout=subprocess.PIPE)
    for line in flows.stdout:
        flow = json.loads(line)
        if flow["depth"] > 0:
            continue
        source = ipaddress.ip_address(flow["src"])
        wide.add(ipaddress.ip_network((source, WIDE[source.version]), strict=False))
        name = flow["name"]
        if name and NAME.fullmatch(name) and len(name) <= 200:
            names[name] += 1
    if flows.wait() != 0:
        sys.exit(f"error: `{exeat} flows` failed")
    frequent = sorted(names, key=lambda name: (-names[name], name))
    with open(rules, "w", encoding="utf-8") as out:
        out.write(network(wide))
        for number in range(permissions):
            out.write(permission(number, frequent[number] if number < len(frequent) else None))


def network(wide):
    four = [part for prefix in sorted(p for p in wide if p.version == 4) for part in without_hub(prefix)]
    six = sorted(prefix for prefix in wide if prefix.version == 6)
    # A list without any source would have no subnet to speak of.
    four = [shown(prefix) for prefix in four] or ["10.0.0.0/8"]
    six = [shown(prefix) for prefix in six]
    # What goes from one source to another passes the firewall, too.
    routes = "".join(f"\n      route {prefix} via egress" for prefix in four)
    subnets = f"    subnet sources {', '.join(four)} {{\n      routes via egress{routes}\n    }}\n"
    if six:
        subnets += f"    subnet sources-of-six {', '.join(six)} {{ route [::]/0 via none }}\n"
    hub, firewall = shown(HUB), HUB[4]
    inner = shown(next(HUB.subnets(new_prefix=26)))
    return (
        "language 1\n\n"
        "network measured {\n"
        f"  vnet hub {hub} {{\n    subnet AzureFirewallSubnet {inner}\n  }}\n"
        f"  vnet spoke {', '.join(four + six)} {{\n    peers hub\n    dns egress\n{subnets}  }}\n"
        f"  firewall egress in hub {{ sku premium  private-ip {firewall}  public-ip 203.0.113.10  dns-proxy on }}\n"
        "}\n\npolicy egress { threat-intel deny }\n\n"
    )


def without_hub(prefix):
    return sorted(prefix.address_exclude(HUB)) if HUB.subnet_of(prefix) else [prefix]


def shown(prefix):
    return f"[{prefix.network_address}]/{prefix.prefixlen}" if prefix.version == 6 else str(prefix)


def permission(number, name):
    """Of ten, seven go to names over TLS, one over HTTP, one to a database, and one to addresses."""
    kind = number % 10
    if kind == 9:
        destinations, service = f"198.51.{number % 256}.0/24", f"tcp/{5000 + number}"
    elif kind == 8:
        destinations, service = f"sql-{number}.database.windows.net", "mssql proxy"
    elif kind == 7:
        destinations, service = name or f"packages-{number}.example.com", "http"
    else:
        destinations, service = f"{name or f'api-{number}.example.com'}, *.cdn-{number}.example.com", "https"
    team = number // TEAM
    return f'allow p-{number}: sources -> {destinations} : {service}\n  because "the work of team {team} needs it"  owner team-{team}\n\n'


# The runs.


def cut(capture, prefix, length):
    """Writes the packets of `capture` that lie in its first bytes, of which there are `length`."""
    with open(capture, "rb") as source, open(prefix, "wb") as out:
        header = source.read(24)
        order = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}.get(header[:4])
        if order is None:
            sys.exit(f"error: `{capture}` is no pcap, so no packets can be cut off; make one with `editcap -F pcap`")
        out.write(header)
        at = 24
        while len(record := source.read(16)) == 16:
            captured = struct.unpack(order + "I", record[8:12])[0]
            packet = source.read(captured)
            at += 16 + captured
            if at > length or len(packet) < captured:
                break
            out.write(record + packet)


def measured(command, capture):
    """Wall clock, processor time and peak memory of one run, in seconds and bytes."""
    with open(capture, "rb", buffering=0) as warm:
        while warm.read(1 << 20):
            pass
    begin = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begin
    code = os.waitstatus_to_exitcode(status)
    process.returncode = code
    # 1 is what `exeat replay` says of objections, and tshark of a capture that is damaged at its end.
    if code not in (0, 1):
        sys.exit(f"error: `{' '.join(command)}` ended with {code}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


# The table.


def table(rows, arguments, size):
    by_byte = {name: wall / read for name, _, read, (wall, _, _) in rows}
    lines = [
        "| program | read | wall | rate | processor | peak memory | wall per byte, `exeat` = 1 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, _, read, (wall, processor, memory) in rows:
        lines.append(
            f"| {name} | {read / MEGABYTE:,.0f} MB | {wall:.2f} s | {read / MEGABYTE / wall:,.1f} MB/s | {processor:.2f} s "
            f"| {memory / MEGABYTE:,.0f} MB | {by_byte[name] / by_byte['exeat']:.2f} |"
        )
    lines += [
        "",
        f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}; {processor_model()}, {os.cpu_count()} cores, "
        f"{memory_size() / 1e9:.0f} GB; {platform.system()} {platform.release()}; best of {arguments.runs}, page cache warm; "
        f"a list of {arguments.permissions:,} permissions, a capture of {size:,} bytes.",
        "",
    ]
    for name, command, _, _ in rows:
        words = " ".join(os.path.basename(word) if os.sep in word else word for word in command)
        lines.append(f"- {version(name, command[0])}: `{words}`")
    lines += ["", f"Made with `{' '.join(['benches/dissectors.py', *sys.argv[1:]])}`."]
    return "\n".join(lines)


def version(name, program):
    if name == "ndpiReader":
        said = subprocess.run([program, "-h"], capture_output=True, text=True).stdout
        found = re.search(r"nDPI ([0-9][\w.-]*)", said)
        return f"ndpiReader of nDPI {found[1] if found else '(version unknown)'}"
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    return said.split("\n")[0].split(" (")[0] if name == "exeat" else re.sub(r"\s*\(Git.*", "", said.split("\n")[0])


def processor_model():
    return of_proc("/proc/cpuinfo", r"model name\s*:\s*(.*)") or platform.machine()


def memory_size():
    return int(of_proc("/proc/meminfo", r"MemTotal:\s*(\d+)") or 0) * 1024


def of_proc(path, pattern):
    try:
        with open(path, encoding="utf-8") as text:
            found = re.search(pattern, text.read())
    except OSError:
        return None
    return found[1].strip() if found else None


if __name__ == "__main__":
    main()
