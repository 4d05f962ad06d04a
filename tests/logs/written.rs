//! Writers of each format of logs, and what a flow is once it was written and read back.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::net::Ipv4Addr;

use exeat::capture::CapturedFlow;
use exeat::flow::Host;
use exeat::flow::IpProtocol;
use exeat::flow::Payload;
use exeat::flow::RecordedVerdict;
use exeat::flow::Request;
use exeat::flow::SeenPayload;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::json;

/// What a flow began with, as somebody who saw it would tell.
#[derive(Clone, Debug)]
pub(crate) enum Begins {
    Unseen,
    Silent,
    Tls(String),
    Http(String, String),
    Quic(String),
}

/// A flow to be written. Its source port is its own.
#[derive(Clone, Debug)]
pub(crate) struct Spec {
    pub(crate) source_port: u16,
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
    pub(crate) destination_port: u16,
    /// Milliseconds since 1970.
    pub(crate) first: i64,
    pub(crate) lasts: i64,
    /// Packets and bytes from the source, and to it.
    pub(crate) sent: (u64, u64),
    pub(crate) received: (u64, u64),
    pub(crate) is_denied: bool,
    pub(crate) begins: Begins,
}

/// What a format carries of a flow.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Carried {
    ends: (IpProtocol, IpAddr, u16, Option<IpAddr>, u16),
    first: Timestamp,
    packets: Option<u64>,
    bytes: Option<u64>,
    asks: Vec<SeenPayload>,
    verdict: Option<RecordedVerdict>,
}

impl Carried {
    pub(crate) fn of(flow: &CapturedFlow) -> Carried {
        Carried {
            ends: (
                flow.protocol,
                flow.source,
                flow.source_port,
                flow.destination,
                flow.destination_port,
            ),
            first: flow.first,
            packets: flow.packets,
            bytes: flow.bytes,
            asks: flow.openings.iter().map(|opening| opening.payload.clone()).collect(),
            verdict: flow.recorded.as_ref().map(|recorded| recorded.verdict),
        }
    }

    pub(crate) fn source_port(&self) -> u16 {
        self.ends.2
    }
}

/// A format: how flows are written in it, and what it carries of each.
pub(crate) struct Format {
    pub(crate) name: &'static str,
    pub(crate) write: fn(&[Spec]) -> String,
    pub(crate) carries: fn(&Spec) -> Carried,
}

pub(crate) const FORMATS: [Format; 10] = [
    Format { name: "VNet", write: vnet, carries: |spec| spec.counted(spec.first) },
    Format { name: "NSG 2", write: nsg_2, carries: |spec| spec.counted(spec.second()) },
    Format { name: "NSG 1", write: nsg_1, carries: |spec| spec.bare(spec.second()) },
    Format { name: "Hubble", write: hubble, carries: carried_by_hubble },
    Format { name: "Zeek, tables", write: zeek_tables, carries: carried_by_sensor },
    Format { name: "Zeek, JSON", write: zeek_json, carries: carried_by_sensor },
    Format { name: "Suricata", write: suricata, carries: carried_by_suricata },
    Format { name: "AWS", write: aws, carries: carried_by_aws },
    Format { name: "Azure Firewall", write: firewall, carries: carried_by_firewall },
    Format { name: "Azure Firewall, older", write: sentences, carries: carried_by_firewall },
];

impl Spec {
    fn protocol(&self) -> IpProtocol {
        match self.begins {
            Begins::Quic(_) => IpProtocol::UDP,
            _ => IpProtocol::TCP,
        }
    }

    fn word(&self) -> &'static str {
        if self.protocol() == IpProtocol::UDP { "udp" } else { "tcp" }
    }

    fn second(&self) -> i64 {
        self.first / 1000 * 1000
    }

    fn end(&self) -> i64 {
        self.first + self.lasts
    }

    fn iso(milliseconds: i64) -> String {
        Timestamp::from_millisecond(milliseconds).unwrap().to_string()
    }

    fn verdict(&self) -> RecordedVerdict {
        if self.is_denied { RecordedVerdict::Denied } else { RecordedVerdict::Allowed }
    }

    /// The flow of which nothing but its ends, its begin and its verdict is carried.
    fn bare(&self, first: i64) -> Carried {
        Carried {
            ends: (
                self.protocol(),
                self.source.into(),
                self.source_port,
                Some(self.destination.into()),
                self.destination_port,
            ),
            first: Timestamp::from_millisecond(first).unwrap(),
            packets: None,
            bytes: None,
            asks: vec![SeenPayload::Unknown],
            verdict: Some(self.verdict()),
        }
    }

    /// The same with its counts, which are 0 where it was denied.
    fn counted(&self, first: i64) -> Carried {
        let (packets, bytes) = (self.sent.0 + self.received.0, self.sent.1 + self.received.1);
        let count = |number| Some(if self.is_denied { 0 } else { number });
        Carried { packets: count(packets), bytes: count(bytes), ..self.bare(first) }
    }

    /// The first bytes, as far as somebody knows who looks at them.
    fn asks(&self) -> SeenPayload {
        let host = |name: &str| Some(Host::parse(name).unwrap());
        SeenPayload::Exactly(match &self.begins {
            Begins::Unseen => return SeenPayload::Unknown,
            Begins::Silent => Payload::Silent,
            Begins::Tls(name) => Payload::Tls { name: host(name), inner: None },
            Begins::Http(name, path) => {
                Payload::Http(Request { host: host(name), port: None, path: path.clone() })
            }
            Begins::Quic(name) => Payload::Quic { name: host(name) },
        })
    }

    fn tuple(&self) -> String {
        let Spec { source, destination, source_port, destination_port, .. } = self;
        format!("{source},{destination},{source_port},{destination_port}")
    }

    fn counts(&self) -> String {
        let (sent, received) = (self.sent, self.received);
        format!("{},{},{},{}", sent.0, sent.1, received.0, received.1)
    }
}

fn lines(values: impl IntoIterator<Item = Value>) -> String {
    values.into_iter().map(|value| value.to_string() + "\n").collect()
}

fn vnet(specs: &[Spec]) -> String {
    let tuples: Vec<Value> = specs
        .iter()
        .flat_map(|spec| {
            let (ends, number) = (spec.tuple(), spec.protocol().0);
            let at = |at: i64, state: &str, counts: &str| {
                json!(format!("{at},{ends},{number},O,{state},NX,{counts}"))
            };
            if spec.is_denied {
                vec![at(spec.first, "D", "0,0,0,0")]
            } else {
                vec![at(spec.first, "B", ",,,"), at(spec.end(), "E", &spec.counts())]
            }
        })
        .collect();
    let groups = json!([{"rule": "DefaultRule_r", "flowTuples": tuples}]);
    let record = json!({"flowLogVersion": 4, "macAddress": "00", "category": "FlowLogFlowEvent",
        "flowRecords": {"flows": [{"aclID": "0", "flowGroups": groups}]}});
    json!({"records": [record]}).to_string()
}

fn nsg(specs: &[Spec], version: u8) -> String {
    let tuples: Vec<Value> = specs
        .iter()
        .flat_map(|spec| {
            let letter = if spec.protocol() == IpProtocol::UDP { "U" } else { "T" };
            let action = if spec.is_denied { "D" } else { "A" };
            let at = |at: i64, rest: &str| {
                json!(format!("{},{},{letter},O,{action}{rest}", at / 1000, spec.tuple()))
            };
            match (version, spec.is_denied) {
                (1, _) => vec![at(spec.first, "")],
                (_, true) => vec![at(spec.first, ",B,,,,")],
                (_, false) => {
                    vec![at(spec.first, ",B,,,,"), at(spec.end(), &format!(",E,{}", spec.counts()))]
                }
            }
        })
        .collect();
    let flows = json!([{"rule": "UserRule_r", "flows": [{"mac": "00", "flowTuples": tuples}]}]);
    let record = json!({"category": "NetworkSecurityGroupFlowEvent",
        "properties": {"Version": version, "flows": flows}});
    json!({"records": [record]}).to_string()
}

fn nsg_1(specs: &[Spec]) -> String {
    nsg(specs, 1)
}

fn nsg_2(specs: &[Spec]) -> String {
    nsg(specs, 2)
}

fn hubble(specs: &[Spec]) -> String {
    lines(specs.iter().flat_map(|spec| {
        let ports =
            json!({"source_port": spec.source_port, "destination_port": spec.destination_port});
        let l4 = json!({ spec.word().to_uppercase(): ports });
        let mut flow = json!({"time": Spec::iso(spec.first),
            "verdict": if spec.is_denied { "DROPPED" } else { "FORWARDED" },
            "IP": {"source": spec.source, "destination": spec.destination}, "l4": l4,
            "Type": "L3_L4", "traffic_direction": "EGRESS", "is_reply": false});
        if let Begins::Tls(name) | Begins::Quic(name) = &spec.begins {
            flow["destination_names"] = json!([name]);
        }
        let mut all = vec![json!({"flow": flow, "time": Spec::iso(spec.first)})];
        if let Begins::Http(name, path) = &spec.begins {
            flow["Type"] = json!("L7");
            flow["l7"] =
                json!({"type": "REQUEST", "http": {"url": format!("http://{name}{path}")}});
            all.push(json!({"flow": flow}));
        }
        all
    }))
}

fn carried_by_hubble(spec: &Spec) -> Carried {
    let bare = spec.bare(spec.first);
    match spec.begins {
        Begins::Http(..) => Carried { asks: vec![spec.asks()], ..bare },
        _ => bare,
    }
}

/// The logs of Zeek: the name of each, and its columns and their values by row.
fn zeek(specs: &[Spec]) -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let mut rows = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let seconds = |at: i64| format!("{}.{:03}000", at / 1000, at % 1000);
        let ends = [
            ("ts", seconds(spec.first)),
            ("uid", format!("C{index}")),
            ("id.orig_h", spec.source.to_string()),
            ("id.orig_p", spec.source_port.to_string()),
            ("id.resp_h", spec.destination.to_string()),
            ("id.resp_p", spec.destination_port.to_string()),
        ];
        let (service, history, sent) = match &spec.begins {
            Begins::Unseen => ("-", "ShADad", "10"),
            Begins::Silent => ("-", "S", "0"),
            Begins::Tls(_) => ("ssl", "ShADad", "10"),
            Begins::Http(..) => ("http", "ShADad", "10"),
            Begins::Quic(_) => ("quic,ssl", "Dd", "10"),
        };
        let counts = [
            ("proto", spec.word().to_owned()),
            ("service", service.to_owned()),
            ("duration", seconds(spec.lasts)),
            ("orig_bytes", sent.to_owned()),
            ("conn_state", "SF".to_owned()),
            ("history", history.to_owned()),
            ("orig_pkts", spec.sent.0.to_string()),
            ("orig_ip_bytes", spec.sent.1.to_string()),
            ("resp_pkts", spec.received.0.to_string()),
            ("resp_ip_bytes", spec.received.1.to_string()),
        ];
        let with = |more: &[(&'static str, &str)]| {
            let more = more.iter().map(|(column, value)| (*column, (*value).to_owned()));
            ends.iter().cloned().chain(more).collect::<Vec<_>>()
        };
        match &spec.begins {
            Begins::Unseen | Begins::Silent => {}
            Begins::Tls(name) => rows.push(("ssl", with(&[("server_name", name)]))),
            Begins::Http(name, path) => {
                rows.push(("http", with(&[("trans_depth", "1"), ("host", name), ("uri", path)])));
            }
            Begins::Quic(name) => {
                rows.push(("quic", with(&[("client_initial_dcid", "0a"), ("server_name", name)])));
                rows.push(("ssl", with(&[("server_name", name)])));
            }
        }
        rows.push(("conn", ends.iter().cloned().chain(counts).collect()));
    }
    rows
}

fn zeek_tables(specs: &[Spec]) -> String {
    let rows = zeek(specs);
    let mut text = String::new();
    for path in ["conn", "http", "ssl", "quic"] {
        let of_path: Vec<_> = rows.iter().filter(|(of, _)| *of == path).collect();
        let Some((_, first)) = of_path.first() else { continue };
        let columns: Vec<&str> = first.iter().map(|(column, _)| *column).collect();
        text += "#separator \\x09\n#set_separator\t,\n#unset_field\t-\n";
        writeln!(text, "#path\t{path}\n#fields\t{}", columns.join("\t")).unwrap();
        for (_, row) in of_path {
            let values: Vec<&str> = row.iter().map(|(_, value)| value.as_str()).collect();
            text += &(values.join("\t") + "\n");
        }
        text += "#close\t2026-01-01-00-00-00\n";
    }
    text
}

fn zeek_json(specs: &[Spec]) -> String {
    lines(zeek(specs).into_iter().map(|(path, row)| {
        let mut object = json!({ "_path": path });
        for (column, value) in row.into_iter().filter(|(_, value)| value != "-") {
            // Numbers as numbers, so that times are floats.
            let number = value.parse::<f64>().ok().filter(|_| !column.starts_with("id."));
            object[column] = number.map_or(json!(value), |number| json!(number));
            if value.bytes().all(|byte| byte.is_ascii_digit()) && column != "client_initial_dcid" {
                object[column] = json!(value.parse::<u64>().unwrap());
            }
        }
        object
    }))
}

fn carried_by_sensor(spec: &Spec) -> Carried {
    let (packets, bytes) = (spec.sent.0 + spec.received.0, spec.sent.1 + spec.received.1);
    Carried {
        packets: Some(packets),
        bytes: Some(bytes),
        asks: vec![spec.asks()],
        verdict: None,
        ..spec.bare(spec.first)
    }
}

fn suricata(specs: &[Spec]) -> String {
    lines(specs.iter().enumerate().flat_map(|(index, spec)| {
        let event = |at: i64, kind: &str| {
            let time = Timestamp::from_millisecond(at).unwrap();
            json!({"timestamp": time.strftime("%Y-%m-%dT%H:%M:%S%.6f+0000").to_string(),
                "flow_id": index, "event_type": kind, "src_ip": spec.source,
                "src_port": spec.source_port, "dest_ip": spec.destination,
                "dest_port": spec.destination_port, "proto": spec.word().to_uppercase()})
        };
        let mut all = Vec::new();
        let mut shows = |kind: &str, what: Value| {
            let mut shown = event(spec.first, kind);
            shown[kind] = what;
            all.push(shown);
        };
        match &spec.begins {
            Begins::Unseen | Begins::Silent => {}
            Begins::Tls(name) => shows("tls", json!({"sni": name, "version": "TLS 1.3"})),
            Begins::Http(name, path) => shows("http", json!({"hostname": name, "url": path})),
            Begins::Quic(name) => shows("quic", json!({"version": "1", "sni": name})),
        }
        let mut flow = event(spec.end(), "flow");
        flow["flow"] = json!({"pkts_toserver": spec.sent.0, "bytes_toserver": spec.sent.1,
            "pkts_toclient": spec.received.0, "bytes_toclient": spec.received.1,
            "start": Spec::iso(spec.first), "end": Spec::iso(spec.end())});
        if spec.is_denied {
            flow["flow"]["action"] = json!("drop");
        }
        let flags = if matches!(spec.begins, Begins::Silent) { "02" } else { "1b" };
        if spec.protocol() == IpProtocol::TCP {
            flow["tcp"] = json!({"tcp_flags_ts": flags, "syn": true});
        }
        all.push(flow);
        all
    }))
}

fn carried_by_suricata(spec: &Spec) -> Carried {
    let verdict = spec.is_denied.then_some(RecordedVerdict::Denied);
    Carried { verdict, ..carried_by_sensor(spec) }
}

fn aws(specs: &[Spec]) -> String {
    let mut text = String::new();
    for spec in specs {
        let action = if spec.is_denied { "REJECT" } else { "ACCEPT" };
        let mut line = |from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), counts: (u64, u64)| {
            writeln!(
                text,
                "2 1 eni-1 {} {} {} {} {} {} {} {} {} {action} OK",
                from.0,
                to.0,
                from.1,
                to.1,
                spec.protocol().0,
                counts.0,
                counts.1,
                spec.first / 1000,
                spec.end() / 1000,
            )
            .unwrap();
        };
        let (source, destination) =
            ((spec.source, spec.source_port), (spec.destination, spec.destination_port));
        line(source, destination, spec.sent);
        line(destination, source, spec.received);
    }
    text
}

fn carried_by_aws(spec: &Spec) -> Carried {
    let (packets, bytes) = (spec.sent.0 + spec.received.0, spec.sent.1 + spec.received.1);
    Carried { packets: Some(packets), bytes: Some(bytes), ..spec.bare(spec.second()) }
}

fn firewall(specs: &[Spec]) -> String {
    let records: Vec<Value> = specs
        .iter()
        .map(|spec| {
            let action = if spec.is_denied { "Deny" } else { "Allow" };
            let mut row = json!({"SourceIp": spec.source, "SourcePort": spec.source_port,
                "DestinationPort": spec.destination_port, "Action": action, "Rule": "r"});
            let category = match &spec.begins {
                Begins::Tls(name) => {
                    row["Protocol"] = json!("HTTPS");
                    row["Fqdn"] = json!(name);
                    "AZFWApplicationRule"
                }
                Begins::Http(name, path) => {
                    row["Protocol"] = json!("HTTP");
                    row["Fqdn"] = json!(name);
                    row["TargetUrl"] = json!(format!("{name}{path}"));
                    "AZFWApplicationRule"
                }
                Begins::Unseen | Begins::Silent | Begins::Quic(_) => {
                    row["Protocol"] = json!(spec.word().to_uppercase());
                    row["DestinationIp"] = json!(spec.destination);
                    "AZFWNetworkRule"
                }
            };
            json!({"category": category, "time": Spec::iso(spec.first), "properties": row})
        })
        .collect();
    json!({ "records": records }).to_string()
}

fn sentences(specs: &[Spec]) -> String {
    lines(specs.iter().map(|spec| {
        let action = if spec.is_denied { "Deny" } else { "Allow" };
        let (source, port) = (spec.source, spec.source_port);
        let to = spec.destination_port;
        let done = format!("Action: {action}. Rule Collection: c. Rule: r");
        let message = match &spec.begins {
            Begins::Tls(name) => {
                format!("HTTPS request from {source}:{port} to {name}:{to}. {done}")
            }
            Begins::Http(name, path) => {
                format!(
                    "HTTP  request from {source}:{port} to {name}:{to}. Url: {name}{path}. {done}"
                )
            }
            Begins::Unseen | Begins::Silent | Begins::Quic(_) => {
                let (word, host) = (spec.word().to_uppercase(), spec.destination);
                format!("{word} request from {source}:{port} to {host}:{to}. {done}")
            }
        };
        json!({"TimeGenerated": Spec::iso(spec.first), "msg_s": message, "Category": "AzureFirewall"})
    }))
}

fn carried_by_firewall(spec: &Spec) -> Carried {
    let bare = spec.bare(spec.first);
    match &spec.begins {
        Begins::Tls(_) | Begins::Http(..) => {
            let (protocol, source, port, _, to) = bare.ends;
            Carried { ends: (protocol, source, port, None, to), asks: vec![spec.asks()], ..bare }
        }
        Begins::Unseen | Begins::Silent | Begins::Quic(_) => bare,
    }
}
