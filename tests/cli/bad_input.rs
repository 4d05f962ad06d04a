//! Kinds of bad input: each gives one clear error, exit code 2, and leaves every file as it was.

use std::fs;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::sandbox::OK;
use super::sandbox::Sandbox;
use super::sandbox::trips;

/// A file beside `ok.egress`.
enum Content {
    Text(&'static str),
    Bytes(&'static [u8]),
    /// `ok.egress`, with a text behind it.
    OkAnd(&'static str),
    /// `monday.pcapng`, as far as that many bytes.
    Monday(usize),
    /// `monday.pcapng` in gzip, as far as that many bytes.
    ZippedMonday(usize),
    /// The platform's policy of the example, with the second text in place of the first.
    Policy(&'static str, &'static str),
    /// Gzip around more zeros than a service-tag file may have bytes.
    Bomb,
    /// A text many times over.
    Repeated(&'static str, usize),
}

use Content::*;

struct Case {
    name: &'static str,
    files: &'static [(&'static str, Content)],
    args: &'static [&'static str],
    /// Words of the error: where, what was expected and found, what to do.
    says: &'static [&'static str],
}

const fn case(
    name: &'static str,
    files: &'static [(&'static str, Content)],
    args: &'static [&'static str],
    says: &'static [&'static str],
) -> Case {
    Case { name, files, args, says }
}

const REPLAY: &[&str] = &["replay", "ok.egress", "--capture", "monday.pcapng"];

#[rustfmt::skip]
const CASES: &[Case] = &[
    // Usage.
    case("an unknown command", &[], &["chek", "ok.egress"], &["chek", "similar", "check"]),
    case("an unknown option", &[], &["check", "--nope", "ok.egress"], &["--nope", "Usage"]),
    case("no file", &[], &["check"], &["<FILE>", "Usage"]),
    case("too many files", &[], &["compile", "ok.egress", "b.egress", "--target", "json", "--out", "new"], &["b.egress", "Usage"]),
    case("no target", &[], &["compile", "ok.egress", "--out", "new"], &["--target"]),
    case("an unknown target", &[], &["compile", "ok.egress", "--target", "bicep", "--out", "new"], &["bicep", "arm, json"]),
    case("no folder to write to", &[], &["compile", "ok.egress", "--target", "json"], &["--out"]),
    case("standard output for a folder", &[], &["compile", "ok.egress", "--target", "json", "--out", "-"], &["standard output", "`--out`", "`./-`"]),
    case("an unknown format", &[], &["check", "--format", "xml", "ok.egress"], &["xml", "text, json"]),
    case("no threads", &[], &["compile", "ok.egress", "--target", "json", "--out", "new", "--threads", "0"], &["--threads", "1..=512"]),
    case("quiet and verbose", &[], &["check", "-q", "-v", "ok.egress"], &["--quiet", "--verbose"]),
    case("a time that is none", &[], &["check", "--at", "tomorrow", "ok.egress"], &["tomorrow", "2026-03-01T10:00:00Z"]),
    case("a time without an offset", &[], &["check", "--at", "2026-03-01T10:00:00", "ok.egress"], &["'2026-03-01T10:00:00'", "2026-03-01T10:00:00Z"]),
    case("a day without dashes", &[], &["check", "--at", "20260301", "ok.egress"], &["'20260301'", "a day such as 2026-03-01"]),
    case("an unknown code", &[], &["code", "E9999"], &["`E9999`", "`exeat code` lists"]),
    // Files.
    case("a missing file", &[], &["check", "missing.egress"], &["`missing.egress`", "no such file"]),
    case("a missing file to format", &[], &["fmt", "ok.egress", "missing.egress"], &["`missing.egress`"]),
    case("a folder for a file", &[("folder/", Text(""))], &["check", "folder"], &["`folder`", "directory"]),
    case("bytes that are no text", &[("a.egress", Bytes(b"language 1\n\xff"))], &["check", "a.egress"], &["`a.egress`", "UTF-8", "line 2"]),
    case("bytes that are no text, to format", &[("a.egress", Bytes(b"language 1\n\xff"))], &["fmt", "a.egress"], &["`a.egress`", "UTF-8", "line 2"]),
    case("bytes that are no text, to compile", &[("a.egress", Bytes(b"language 1\n\xff"))], &["compile", "a.egress", "--target", "arm", "--out", "new"], &["`a.egress`", "UTF-8", "line 2"]),
    case("bytes that are no text, to replay by", &[("a.egress", Bytes(b"language 1\n\xff"))], &["replay", "a.egress", "--capture", "monday.pcapng"], &["`a.egress`", "UTF-8", "line 2"]),
    case("nothing but zeros", &[("a.egress", Repeated("\0", 5_000_000))], &["check", "a.egress"], &["`a.egress`", "it is not text", "byte 0, on line 1, is NUL"]),
    case("nothing but zeros, to format", &[("a.egress", Repeated("\0", 5_000_000))], &["fmt", "a.egress"], &["`a.egress`", "it is not text"]),
    case("nothing but zeros, to compile", &[("a.egress", Repeated("\0", 5_000_000))], &["compile", "a.egress", "--target", "arm", "--out", "new"], &["`a.egress`", "it is not text"]),
    case("nothing but zeros, to replay by", &[("a.egress", Repeated("\0", 5_000_000))], &["replay", "a.egress", "--capture", "monday.pcapng"], &["`a.egress`", "it is not text"]),
    case("a compressed list", &[("a.egress", Bytes(b"\x28\xb5\x2f\xfd\0\0"))], &["check", "a.egress"], &["`a.egress`", "it is a compressed file", "text is expected"]),
    case("a zero behind a list", &[("a.egress", OkAnd("// \0\n"))], &["check", "a.egress"], &["`a.egress`", "on line 20, is NUL"]),
    case("a capture for a list", &[], &["check", "monday.pcapng"], &["`monday.pcapng`", "it is a capture of packets (pcapng)", "`--capture`"]),
    case("UTF-16", &[("a.egress", Bytes(b"\xff\xfel\0a\0n\0"))], &["check", "a.egress"], &["`a.egress`", "UTF-16", "save it as UTF-8"]),
    case("UTF-16, to format", &[("a.egress", Bytes(b"\xff\xfel\0a\0n\0"))], &["fmt", "a.egress"], &["`a.egress`", "UTF-16", "save it as UTF-8"]),
    case("UTF-16 with the high byte first", &[("a.egress", Bytes(b"\xfe\xff\0l\0a\0n"))], &["compile", "a.egress", "--target", "arm", "--out", "new"], &["`a.egress`", "UTF-16", "save it as UTF-8"]),
    case("UTF-16 without its mark", &[("a.egress", Bytes(b"l\0a\0n\0"))], &["replay", "a.egress", "--capture", "monday.pcapng"], &["`a.egress`", "if it is UTF-16, save it as UTF-8"]),
    case("an import in UTF-16", &[("b.egress", Bytes(b"\xff\xfel\0a\0n\0")), ("a.egress", Text("language 1\nimport \"./b.egress\" as b\n"))], &["check", "a.egress"], &["a.egress:2", "cannot read `b.egress`: it is UTF-16 text", "save it as UTF-8"]),
    case("an import that is no text", &[("b.egress", Text("language 1\n\0")), ("a.egress", Text("language 1\nimport \"./b.egress\" as b\n"))], &["check", "a.egress"], &["a.egress:2", "cannot read `b.egress`: it is not text", "byte 11, on line 2"]),
    case("a context in UTF-16", &[("c.json", Bytes(b"\xff\xfe{\0}\0")), ("a.egress", OkAnd("context \"./c.json\"\n"))], &["check", "a.egress"], &["a.egress:20", "cannot read `c.json`: it is UTF-16 text; save it as UTF-8"]),
    case("a deployment in UTF-16", &[("d.json", Bytes(b"\xff\xfe{\0}\0"))], &["replay", "--deployment", "d.json", "--capture", "monday.pcapng"], &["cannot read `d.json`: it is UTF-16 text; save it as UTF-8"]),
    case("a deployment with a zero in it", &[("d.json", Bytes(b"{\n\0}"))], &["replay", "--deployment", "d.json", "--capture", "monday.pcapng"], &["`d.json`", "byte 2, on line 2, is NUL"]),
    case("a lock in UTF-16", &[("exeat.lock", Bytes(b"\xff\xfe{\0}\0"))], REPLAY, &["exeat.lock`: it is UTF-16 text; save it as UTF-8"]),
    case("parameters in UTF-16", &[("p.txt", Bytes(b"\xff\xfea\0=\0"))], &["check", "--params", "p.txt", "ok.egress"], &["cannot read `p.txt`: it is UTF-16 text; save it as UTF-8"]),
    case("service tags in UTF-16", &[("t.json", Bytes(b"\xff\xfe{\0}\0"))], &["replay", "ok.egress", "--capture", "monday.pcapng", "--service-tags", "t.json"], &["cannot read `t.json`: it is UTF-16 text; save it as UTF-8"]),
    case("a context of a byte order mark alone", &[("c.json", Text("\u{feff}")), ("a.egress", OkAnd("context \"./c.json\"\n"))], &["check", "a.egress"], &["`c.json`: 1:1: the file is empty"]),
    case("a deployment of a byte order mark alone", &[("d.json", Text("\u{feff}"))], &["replay", "--deployment", "d.json", "--capture", "monday.pcapng"], &["`d.json`: 1:1: the file is empty"]),
    case("a deployment for a list", &[("d.json", Text("{\"schema\":\"exeat.deployment/1\"}"))], &["prove", "d.json"], &["expected a rules file, found JSON in `d.json`", "`--deployment FILE`"]),
    case("an array for a deployment", &[("d.json", Text(" []"))], &["prove", "--deployment", "d.json"], &["`d.json`: 1:2: expected a deployment", "found an array"]),
    case("an ARM template behind a byte order mark", &[("d.json", Text("\u{feff}{\"contentVersion\":\"1.0.0.0\"}"))], &["explain", "--deployment", "d.json", "10.1.8.4 -> 192.0.2.1 : tcp/443"], &["`d.json` is an ARM template"]),
    case("a file that is too long", &[("a.egress", Repeated("// sixteen bytes\n", 1 << 20))], &["check", "a.egress"], &["`a.egress`", "16777216"]),
    case("a file where a folder is to be", &[("out", Text("mine\n"))], &["compile", "ok.egress", "--target", "json", "--out", "out"], &["expected a folder", "the file `out`"]),
    case("a file on the way to a folder", &[("out", Text("mine\n"))], &["compile", "ok.egress", "--target", "json", "--out", "out/in"], &["`out/in`", "not a directory"]),
    case("a folder where a file is to be", &[("out/deployment.json/", Text(""))], &["compile", "ok.egress", "--target", "json", "--out", "out"], &["`out`", "`deployment.json`"]),
    // Rules.
    case("no version", &[("a.egress", Text("param a: port = 1\n"))], &["check", "a.egress"], &["E0102", "language 1"]),
    case("an unknown version", &[("a.egress", Text("language 9\n"))], &["check", "a.egress"], &["E0103", "9"]),
    case("a mistake in a sentence, to format", &[("a.egress", OkAnd("allow x: apps = b.example : https because \"x\"\n"))], &["fmt", "a.egress"], &["a.egress:", "`=`"]),
    case("no reason", &[("out/deployment.json", Text("earlier")), ("a.egress", OkAnd("allow x: apps -> b.example : https\n"))], &["compile", "a.egress", "--target", "json", "--out", "out"], &["E0113", "because"]),
    case("a blank reason", &[("a.egress", OkAnd("allow x: apps -> b.example : https because \" \"\n"))], &["check", "a.egress"], &["E0113", "blank"]),
    case("a URL for a name", &[("a.egress", OkAnd("allow x: apps -> https://b.example/ : https because \"x\"\n"))], &["check", "a.egress"], &["E0115"]),
    case("a star alone", &[("a.egress", OkAnd("allow x: apps -> * : https because \"x\"\n"))], &["check", "a.egress"], &["E0116", "any-name"]),
    case("an import that is not there", &[("a.egress", OkAnd("import \"./gone.egress\" as gone\n"))], &["check", "a.egress"], &["E0201", "gone.egress", "a.egress:"]),
    case("imports in a circle", &[("a.egress", Text("language 1\nimport \"./b.egress\" as b\n")), ("b.egress", Text("language 1\nimport \"./a.egress\" as a\n"))], &["check", "a.egress"], &["E0202", "b.egress"]),
    case("a ruleset that is not shipped", &[("a.egress", OkAnd("import std \"aks/cor\" as aks\n"))], &["check", "a.egress"], &["E0209", "`aks/cor`", "aks/core"]),
    case("an unknown name", &[("a.egress", OkAnd("allow x: app -> b.example : https because \"x\"\n"))], &["check", "a.egress"], &["E0203", "`app`", "apps"]),
    case("a context that is not there", &[("a.egress", OkAnd("context \"./gone.json\"\n"))], &["check", "a.egress"], &["gone.json"]),
    case("a context that is no deployment", &[("a.egress", OkAnd("context \"./c.json\"\n")), ("c.json", Text("{}"))], &["check", "a.egress"], &["`c.json`", "schema"]),
    // Parameters.
    case("an unknown parameter", &[], &["check", "--set", "regin=west", "ok.egress"], &["E0211", "`regin`", "--set"]),
    case("a value without `=`", &[], &["check", "--set", "region", "ok.egress"], &["--set", "`NAME=VALUE`", "`region`"]),
    case("a value of another type", &[("a.egress", OkAnd("param p: port = 1\nallow y: apps -> b.example : https/8443 because \"x\"\n"))], &["check", "--set", "p=west", "a.egress"], &["E0301", "`west`", "`p`"]),
    case("a line of parameters without `=`", &[("p.txt", Text("region=west\n\nnonsense\n"))], &["check", "--params", "p.txt", "ok.egress"], &["p.txt:3", "`NAME=VALUE`"]),
    case("parameters that are not there", &[], &["check", "--params", "gone.txt", "ok.egress"], &["`gone.txt`"]),
    // What Azure cannot do.
    case("a wildcard by address", &[("a.egress", OkAnd("allow x: apps -> *.b.example : tcp/22 because \"x\" by address because \"y\"\n"))], &["check", "a.egress"], &["a.egress:", "*.b.example"]),
    case("a name with a port alone", &[("a.egress", OkAnd("allow x: apps -> b.example : tcp/22 because \"x\"\n"))], &["check", "a.egress"], &["E0307", "by address"]),
    case("a deny with an exception", &[("a.egress", OkAnd("deny x: any -> *.b.example except ok.b.example : https because \"x\"\n"))], &["check", "a.egress"], &["E0411", "has an exception", "permit by name"]),
    case("HTTPS to a prefix", &[("a.egress", OkAnd("allow x: apps -> 192.0.2.0/24 : https because \"x\"\n"))], &["check", "a.egress"], &["a.egress:", "tcp/443"]),
    case("SQL without its mode", &[("a.egress", OkAnd("allow x: apps -> db.example : mssql because \"x\"\n"))], &["check", "a.egress"], &["E0308", "proxy"]),
    case("a permission for pods", &[("a.egress", Text(concat!(
        "language 1\nazure { subscription \"00000000-0000-0000-0000-000000000000\"  resource-group \"rg\"  location \"westeurope\" }\n",
        "network n {\n  vnet hub 10.0.0.0/16 { subnet AzureFirewallSubnet 10.0.1.0/26 }\n",
        "  vnet spoke 10.1.0.0/16 { peers hub  dns egress  subnet apps 10.1.8.0/24 { routes via egress } }\n",
        "  firewall egress in hub { sku premium  private-ip 10.0.1.4  public-ip 203.0.113.10  dns-proxy on }\n",
        "  cluster c in spoke { plugin overlay  pods 10.244.0.0/16  pool p on apps  api private }\n}\n",
        "allow x: 10.244.0.0/16 -> b.example : https because \"x\"\n")))],
        &["compile", "a.egress", "--target", "arm", "--out", "new"], &["a.egress:", "10.244.0.0/16", "node"]),
    // Captures.
    case("a missing capture", &[], &["flows", "gone.pcap"], &["`gone.pcap`", "no such file"]),
    case("an empty capture", &[("a.pcap", Text(""))], &["flows", "a.pcap"], &["`a.pcap`", "empty"]),
    case("a capture cut in its header", &[("a.pcap", Monday(20))], &["flows", "a.pcap"], &["`a.pcap`", "header", "found 20"]),
    case("an old capture cut in its header", &[("a.pcap", Bytes(b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00"))], &["replay", "ok.egress", "--capture", "a.pcap"], &["`a.pcap`", "expected 24 bytes, found 8"]),
    case("no capture at all", &[], &["flows", "ok.egress"], &["`ok.egress`", "pcapng", "`lang`"]),
    case("a link type that is not read", &[("a.pcap", Bytes(b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00\0\0\0\0\0\0\0\0\xff\xff\0\0\x69\0\0\0\0\0\0\0\0\0\0\0\x04\0\0\0\x04\0\0\0abcd"))], &["flows", "a.pcap"], &["`a.pcap`", "link type", "Ethernet"]),
    case("a capture in another compression", &[("a.pcap.bz2", Bytes(b"BZh91AY&SY"))], &["flows", "a.pcap.bz2"], &["gzip", "bzip2", "decompress"]),
    case("a Zstandard wrapper cut in the header", &[("a.pcap.zst", Bytes(b"\x28\xb5\x2f\xfd\0\0\0\0"))], &["flows", "a.pcap.zst"], &["`a.pcap.zst`", "Zstandard"]),
    case("a damaged gzip wrapper", &[("a.pcap.gz", Bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff\xff\xff"))], &["flows", "a.pcap.gz"], &["`a.pcap.gz`", "gzip"]),
    case("a gzip wrapper cut in the header", &[("a.pcap.gz", ZippedMonday(16))], &["flows", "a.pcap.gz"], &["`a.pcap.gz`"]),
    case("a log of nothing that can be read, cut", &[("a.json", Text("[1,2"))], &["flows", "a.json"], &["`a.json`", "found 2 that cannot be read", "expected a JSON object"]),
    case("a missing capture behind a good one", &[("a.pcapng", Monday(40_000))], &["flows", "a.pcapng", "gone.pcap", "a.pcapng"], &["`gone.pcap`", "no such file"]),
    case("no capture between two", &[("a.pcapng", Monday(40_000)), ("b.pcapng", Monday(40_000))], &["flows", "a.pcapng", "ok.egress", "b.pcapng"], &["`ok.egress`", "pcapng"]),
    case("a folder behind a good capture", &[("a.pcapng", Monday(40_000)), ("folder/", Text(""))], &["flows", "a.pcapng", "folder"], &["`folder`", "directory"]),
    case("an empty capture behind a good one", &[("a.pcapng", Monday(40_000)), ("b.pcap", Text(""))], &["flows", "a.pcapng", "b.pcap"], &["`b.pcap`", "empty"]),
    case("no capture to replay", &[], &["replay", "ok.egress"], &["--capture"]),
    // What to judge by.
    case("nothing to judge by", &[], &["replay", "--capture", "monday.pcapng"], &["SUBJECT"]),
    case("nothing to explain by", &[], &["explain", "10.1.8.4 -> 192.0.2.1 : tcp/443"], &["nothing to judge by", "--deployment"]),
    case("an unknown subnet", &[], &["replay", "ok.egress", "--capture", "monday.pcapng", "--from", "app"], &["--from app", "subnet", "apps"]),
    case("a box that is no objection", &[], &["replay", "ok.egress", "--capture", "monday.pcapng", "--accept", "blocked"], &["--accept blocked", "`leak`"]),
    case("an unknown assumption", &[], &["replay", "ok.egress", "--capture", "monday.pcapng", "--assume", "zzz=1"], &["`zzz`", "--assume list"]),
    case("an assumption without its value", &[], &["replay", "ok.egress", "--capture", "monday.pcapng", "--assume", "threat_list"], &["`KEY=VALUE`"]),
    case("an assumption of another value", &[], &["replay", "ok.egress", "--capture", "monday.pcapng", "--assume", "threat_list=maybe"], &["`threat_list`", "`maybe`", "`empty`"]),
    // Deployments.
    case("a deployment that is no JSON", &[("d.json", Text("{"))], &["replay", "--deployment", "d.json", "--capture", "monday.pcapng"], &["`d.json`", "1:"]),
    case("a deployment of another schema", &[("d.json", Text("{\"schema\":\"exeat.deployment/9\"}"))], &["replay", "--deployment", "d.json", "--capture", "monday.pcapng"], &["`exeat.deployment/1`", "`exeat.deployment/9`"]),
    case("an ARM template for a deployment", &[("d.json", Text("{\"$schema\":\"https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#\",\"resources\":[]}"))], &["explain", "--deployment", "d.json", "10.1.8.4 -> 192.0.2.1 : tcp/443"], &["`d.json` is an ARM template", "`exeat.deployment/1`", "--target json"]),
    case("a clause that is misspelt", &[("a.egress", OkAnd("allow x: apps -> b.example : https because \"x\" ownr platform\n"))], &["check", "a.egress"], &["found `ownr`", "write `owner`"]),
    case("an unknown field", &[("d.json", Text("{\"schema\":\"exeat.deployment/1\",\"polices\":{}}"))], &["replay", "--deployment", "d.json", "--capture", "monday.pcapng"], &["`polices`", "`firewallPolicies`"]),
    case("a key that is there twice", &[("d.json", Text("{\"schema\":\"exeat.deployment/1\",\"ipGroups\":{},\"ipGroups\":{}}"))], &["replay", "--deployment", "d.json", "--capture", "monday.pcapng"], &["`d.json`", "twice", "/ipGroups"]),
    case("a parent that is not there", &[("d.json", Policy("\"sku\": \"Premium\",", "\"sku\": \"Premium\", \"basePolicy\": \"gone\","))], &["replay", "--deployment", "d.json", "--capture", "monday.pcapng"], &["`d.json`", "gone"]),
    case("a tie of priorities", &[("d.json", Policy("\"priority\": 300", "\"priority\": 400"))], &["replay", "--deployment", "d.json", "--capture", "monday.pcapng"], &["`400`", "order"]),
    case("a priority out of range", &[("d.json", Policy("\"priority\": 300", "\"priority\": 3"))], &["replay", "--deployment", "d.json", "--capture", "monday.pcapng"], &["100 to 65000", "`3`"]),
    case("a value that is nested too deep", &[("d.json", Repeated("[", 100))], &["replay", "--deployment", "d.json", "--capture", "monday.pcapng"], &["nested", "32"]),
    case("a resource in two files", &[("d.json", Policy("", "")), ("e.json", Policy("", ""))], &["replay", "--deployment", "d.json", "--deployment", "e.json", "--capture", "monday.pcapng"], &["`e.json`", "fwp-platform", "one file"]),
    // Evidence.
    case("a lock that is not there", &[], &["replay", "ok.egress", "--capture", "monday.pcapng", "--lock", "gone.lock"], &["`gone.lock`"]),
    case("a lock of another schema", &[("a.lock", Text("{\"schema\":\"exeat.lock/9\"}"))], &["replay", "ok.egress", "--capture", "monday.pcapng", "--lock", "a.lock"], &["`a.lock`", "exeat.lock/1", "exeat lock"]),
    case("an unknown field of a lock", &[("exeat.lock", Text("{\"schema\":\"exeat.lock/1\",\"nmes\":[]}"))], REPLAY, &["exeat.lock", "`nmes`", "`names`"]),
    case("service tags that are no JSON", &[("t.json", Text("nonsense"))], &["replay", "ok.egress", "--capture", "monday.pcapng", "--service-tags", "t.json"], &["`t.json`", "service tags", "ServiceTags_Public"]),
    case("service tags in a cut wrapper", &[("t.json.gz", ZippedMonday(2000))], &["replay", "ok.egress", "--capture", "monday.pcapng", "--service-tags", "t.json.gz"], &["`t.json.gz`", "gzip"]),
    case("service tags that swell", &[("t.json.gz", Bomb)], &["replay", "ok.egress", "--capture", "monday.pcapng", "--service-tags", "t.json.gz"], &["`t.json.gz`", "bytes"]),
    // Flows in text.
    case("a flow that the shell cut", &[], &["explain", "ok.egress", "10.1.8.4", "-"], &["quote the flow", "`to`"]),
    case("a flow out of which the shell cut the arrow", &[], &["explain", "ok.egress", "10.1.8.4", "-", ":", "tcp/443"], &["found `-`", "quote the flow", "`to`"]),
    case("such a flow beside a deployment", &[("d.json", Policy("", ""))], &["explain", "--deployment", "d.json", "10.1.8.4 -> 192.0.2.1"], &["expected `:`"]),
    case("a word that is no flow", &[], &["explain", "ok.egress", "flow!"], &["`flow!`", "in quotes"]),
    case("no flow", &[], &["explain", "ok.egress"], &["expected a flow", "quotes"]),
    case("a flow without a destination", &[], &["explain", "ok.egress", "10.1.8.4 ->"], &["destination", "end of the flow"]),
    case("a source that is none", &[], &["explain", "ok.egress", "10.1.8 -> 192.0.2.1 : tcp/443"], &["source address", "`10.1.8`"]),
    case("an unknown source", &[], &["explain", "ok.egress", "app -> 192.0.2.1 : tcp/443"], &["no subnet `app`", "apps"]),
    case("a source port that is none", &[], &["explain", "ok.egress", "10.1.8.4:x -> 192.0.2.1 : tcp/443"], &["source port", "65535"]),
    case("a port behind the destination", &[], &["explain", "ok.egress", "10.1.8.4 -> 192.0.2.1:443 : tcp/443"], &["without its port", "tcp/443"]),
    case("a destination that is none", &[], &["explain", "ok.egress", "10.1.8.4 -> bad_host! : tcp/443"], &["`bad_host!`", "host name"]),
    case("a name without an address", &[], &["explain", "ok.egress", "10.1.8.4 -> a.example : http"], &["`a.example`", "10.1.8.4 -> ADDRESS : tcp/80 http a.example", "--lock", "--capture"]),
    case("no colon", &[], &["explain", "ok.egress", "10.1.8.4 -> 192.0.2.1 tcp/443"], &["`:`", "`A -> B : tcp/443`"]),
    case("a port without a protocol", &[], &["explain", "ok.egress", "10.1.8.4 -> 192.0.2.1 : 443"], &["`tcp/443`"]),
    case("a port out of range", &[], &["explain", "ok.egress", "10.1.8.4 -> 192.0.2.1 : tcp/99999"], &["65535", "`tcp/99999`"]),
    case("a protocol out of range", &[], &["explain", "ok.egress", "10.1.8.4 -> 192.0.2.1 : proto/256"], &["0 to 255"]),
    case("`sni` for `tls`", &[], &["explain", "ok.egress", "10.1.8.4 -> 192.0.2.1 : tcp/443 sni a.example"], &["`sni`", "`tls www.example.com`"]),
    case("TLS over UDP", &[], &["explain", "ok.egress", "10.1.8.4 -> 192.0.2.1 : udp/443 tls a.example"], &["udp can carry", "`tls`"]),
    case("HTTPS to an address", &[], &["explain", "ok.egress", "10.1.8.4 -> 192.0.2.1 : https"], &["tls www.example.com"]),
    case("a scheme before a URL", &[], &["explain", "ok.egress", "10.1.8.4 -> 192.0.2.1 : tcp/80 http http://a.example/"], &["scheme"]),
    case("words behind the flow", &[], &["explain", "ok.egress", "10.1.8.4 -> 192.0.2.1 : tcp/443 tls a.example b.example"], &["end of the flow", "`b.example`"]),
    // Locks to write.
    case("a server that is no address", &[], &["lock", "ok.egress", "--server", "dns.example"], &["--server dns.example", "10.0.1.4:5353"]),
    case("a lock from standard input", &[], &["lock", "-", "--server", "127.0.0.1"], &["beside the rules file"]),
    case("a server that does not answer", &[], &["lock", "ok.egress", "--server", "127.0.0.1:1", "--timeout", "1"], &["127.0.0.1:1", "check the address"]),
];

fn bytes(content: &Content) -> Vec<u8> {
    let monday = || fs::read(trips().join("monday.pcapng")).expect("a capture");
    match content {
        Text(text) => text.as_bytes().to_vec(),
        Bytes(bytes) => bytes.to_vec(),
        OkAnd(text) => [OK, text].concat().into_bytes(),
        Monday(length) => monday()[..*length].to_vec(),
        ZippedMonday(length) => zipped(&monday())[..*length].to_vec(),
        Policy(from, to) => {
            let path = trips().join("platform-policy.json");
            fs::read_to_string(path).expect("a policy").replacen(from, to, 1).into_bytes()
        }
        Bomb => zipped(&vec![b' '; 80 << 20]),
        Repeated(text, times) => text.repeat(*times).into_bytes(),
    }
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn each_kind_gives_one_clear_error_and_touches_nothing() {
    assert!(CASES.len() >= 40);
    let mut offences = Vec::new();
    // Without the resolver there is no `lock`.
    let is_known = |case: &&Case| cfg!(feature = "live-dns") || case.args.first() != Some(&"lock");
    for case in CASES.iter().filter(is_known) {
        let sandbox = Sandbox::new();
        let monday = fs::read(trips().join("monday.pcapng")).expect("a capture");
        sandbox.write("monday.pcapng", &monday);
        for (name, content) in case.files {
            sandbox.write(name, &bytes(content));
        }
        let before = sandbox.files();
        let run = sandbox.run(case.args);
        let errors = run.err.lines().filter(|line| line.starts_with("error")).count();
        let mut object =
            |what: &str| offences.push(format!("{}: {what}\n{}{}", case.name, run.out, run.err));
        if run.code != Some(2) {
            object(&format!("exit code {:?}", run.code));
        }
        if !run.out.is_empty() {
            object("it wrote to standard output");
        }
        if errors != 1 {
            object(&format!("{errors} errors"));
        }
        for words in case.says.iter().filter(|words| !run.err.contains(**words)) {
            object(&format!("it does not say `{words}`"));
        }
        if sandbox.files() != before {
            object("it changed files");
        }
    }
    assert!(offences.is_empty(), "{}", offences.join("\n"));
}

/// A file that is found and is no text lies where it was looked for.
#[test]
fn a_path_is_doubted_only_where_nothing_can_be_opened() {
    let cases: &[(Option<&[u8]>, bool)] = &[
        (None, true),
        (Some(b"\xff\xfe{\0"), false),
        (Some(b"{\0}"), false),
        (Some(b"\xff"), false),
    ];
    for sentence in ["context \"./c.json\"", "import \"./c.json\" as c"] {
        for (content, is_doubted) in cases {
            let sandbox = Sandbox::new();
            sandbox.write("a.egress", [OK, sentence, "\n"].concat().as_bytes());
            if let Some(bytes) = content {
                sandbox.write("c.json", bytes);
            }
            let run = sandbox.run(&["check", "a.egress"]);
            assert_eq!(run.code, Some(2), "{}", run.err);
            assert_eq!(run.err.contains("check the path"), *is_doubted, "{}", run.err);
        }
    }
}

/// As PowerShell writes text.
#[test]
fn a_byte_order_mark_before_a_text_is_passed_over() {
    let sandbox = Sandbox::with_trips();
    let list = "trips/trips.egress";
    let flow = "10.1.8.4 -> 192.0.2.1 : udp/123";
    sandbox.run(&["compile", list, "--target", "json", "--out", "out"]).expect(0);
    sandbox.write("a.lock", br#"{"schema":"exeat.lock/1","names":[],"imports":[]}"#);
    sandbox.write("p.txt", b"region=westeurope\n");
    let all = || {
        let explain = ["explain", "--deployment", "out/deployment.json", flow];
        let check = ["check", list, "--params", "p.txt", "--lock", "a.lock"];
        [&explain[..], &check].map(|args| {
            let run = sandbox.run(args);
            (run.code, run.out, run.err)
        })
    };
    let before = all();
    assert!(before.iter().all(|(code, ..)| *code != Some(2)), "{before:?}");
    for name in ["trips/platform-policy.json", "out/deployment.json", "a.lock", "p.txt"] {
        sandbox.write(name, ["\u{feff}", &sandbox.read(name)].concat().as_bytes());
    }
    assert_eq!(all(), before);
}

#[test]
fn earlier_output_stays_where_compiling_fails() {
    let sandbox = Sandbox::new();
    for target in ["json", "arm"] {
        sandbox.run(&["compile", "ok.egress", "--target", target, "--out", "out"]).expect(0);
    }
    let before = sandbox.files();
    sandbox.write("ok.egress", b"language 1\nallow x: nobody -> b.example : https because \"x\"\n");
    for target in ["json", "arm"] {
        sandbox.run(&["compile", "ok.egress", "--target", target, "--out", "out"]).expect(2);
    }
    sandbox.write("ok.egress", OK.as_bytes());
    assert_eq!(sandbox.files(), before);
}

/// Root reads what nobody may, so there this case says nothing.
#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    let path = sandbox.path().join("ok.egress");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("permissions");
    if fs::read(&path).is_ok() {
        return;
    }
    let run = sandbox.run(&["check", "ok.egress"]);
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""));
    assert!(run.err.contains("`ok.egress`: permission denied"), "{}", run.err);
}

#[test]
fn several_mistakes_are_told_in_one_run() {
    let sandbox = Sandbox::new();
    let text = [
        OK,
        "allow x: app -> b.example : https because \"x\"\nallow y: apps -> imags : https because \"x\"\n",
    ];
    sandbox.write("a.egress", text.concat().as_bytes());
    let run = sandbox.run(&["check", "a.egress"]);
    assert_eq!(run.code, Some(2));
    assert_eq!(run.err.lines().filter(|line| line.starts_with("error")).count(), 2, "{}", run.err);
}
