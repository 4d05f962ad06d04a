//! What `tshark` sees in a capture, by stream.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;
use std::process::Stdio;

use exeat::flow::IpProtocol;

/// Two passes, segments in any order, checksums as they are: hosts leave them to the network card.
const OPTIONS: &[&str] = &[
    "-n",
    "-2",
    "-o",
    "tcp.reassemble_out_of_order:TRUE",
    "-o",
    "tcp.check_checksum:FALSE",
    "-o",
    "udp.check_checksum:FALSE",
    "-o",
    "ip.check_checksum:FALSE",
];

/// What is asked of each packet, in the order of [`Packet::parse`].
const FIELDS: &[&str] = &[
    "frame.number",
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "tcp.stream",
    "tcp.srcport",
    "tcp.dstport",
    "tcp.flags.syn",
    "tcp.flags.ack",
    "udp.stream",
    "udp.srcport",
    "udp.dstport",
    "tls.handshake.extensions_server_name",
    "http.host",
    "http2.headers.authority",
    "gquic.tag.sni",
];

/// Parts several values of a field; no host name has it.
const AGGREGATOR: char = '|';

/// The first line of what it says of itself, or `None` where there is none.
pub(crate) fn version() -> Option<String> {
    let output = Command::new("tshark").arg("--version").stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.lines().next()?.trim_end_matches('.').to_owned())
}

/// A TCP or UDP stream outside of all tunnels.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) protocol: IpProtocol,
    /// Who began: sender of the first SYN, else receiver of the SYN-ACK, else sender of the first
    /// packet.
    pub(crate) source: (IpAddr, u16),
    pub(crate) destination: (IpAddr, u16),
    /// The number of its first packet in the file, from 1.
    pub(crate) frame: u64,
    pub(crate) packets: u64,
    /// Names in the order in which they were seen: lower case, without port and final dot.
    pub(crate) names: Vec<String>,
    has_opening: bool,
}

/// The streams of a capture, in the order of their first packets.
pub(crate) struct Dissected {
    pub(crate) streams: Vec<Stream>,
}

impl Dissected {
    /// What tshark sees in the file at `path`. A damaged file is read as far as it can be.
    pub(crate) fn of(path: &Path) -> Dissected {
        let mut tshark = Command::new("tshark");
        tshark.args(OPTIONS).arg("-r").arg(path).args(["-T", "fields", "-E", "separator=/t"]);
        tshark.arg("-E").arg(format!("aggregator={AGGREGATOR}"));
        tshark.args(FIELDS.iter().flat_map(|field| ["-e", field]));
        let output = tshark.stderr(Stdio::null()).output().expect("tshark runs");
        let mut streams: BTreeMap<Key, Stream> = BTreeMap::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Some(packet) = Packet::parse(line) else { continue };
            streams.entry(packet.key()).or_insert_with(|| packet.begins()).add(&packet);
        }
        let mut streams: Vec<Stream> = streams.into_values().collect();
        streams.sort_by_key(|stream| stream.frame);
        Dissected { streams }
    }
}

impl Stream {
    fn add(&mut self, packet: &Packet) {
        self.packets += 1;
        if packet.is_syn && !self.has_opening {
            self.has_opening = true;
            let ends = (packet.source, packet.destination);
            (self.source, self.destination) = if packet.is_ack { (ends.1, ends.0) } else { ends };
        }
        self.names.extend(packet.names.iter().cloned());
    }
}

/// What the packets of one stream have in common. The ends are part of it because tshark puts
/// datagrams of a call that was announced (RTP) to one stream, wherever they come from.
type Key = (IpProtocol, u64, [(IpAddr, u16); 2]);

/// A packet of a stream.
struct Packet {
    frame: u64,
    protocol: IpProtocol,
    stream: u64,
    source: (IpAddr, u16),
    destination: (IpAddr, u16),
    is_syn: bool,
    is_ack: bool,
    names: Vec<String>,
}

impl Packet {
    /// The packet of a line, or `None` where it is no TCP or UDP, or is damaged there.
    fn parse(line: &str) -> Option<Packet> {
        let columns: Vec<&str> = line.split('\t').collect();
        let column = |field: &str| {
            let place = FIELDS.iter().position(|one| *one == field);
            columns.get(place.expect("a field that is asked for")).copied().unwrap_or_default()
        };
        // The outermost comes first.
        let first = |field: &str| column(field).split(AGGREGATOR).next().unwrap_or_default();
        let outer = Outer::of(column("frame.protocols"))?;
        let address = |end: &str| first(&format!("{}.{end}", outer.network)).parse().ok();
        let transport = |field: &str| first(&format!("{}.{field}", outer.transport));
        let is_set = |field: &str| matches!(first(field), "1" | "True");
        let is_tcp = outer.transport == "tcp";
        // Datagrams name their host elsewhere only in discovery, which is no request of a client.
        let named_in: &[&str] = match (outer.is_alone, is_tcp) {
            (false, _) => &[],
            (true, true) => {
                &["tls.handshake.extensions_server_name", "http.host", "http2.headers.authority"]
            }
            (true, false) => &["tls.handshake.extensions_server_name", "gquic.tag.sni"],
        };
        let names = named_in.iter().flat_map(|field| column(field).split(AGGREGATOR));
        Some(Packet {
            frame: first("frame.number").parse().ok()?,
            protocol: if is_tcp { IpProtocol::TCP } else { IpProtocol::UDP },
            stream: transport("stream").parse().ok()?,
            source: (address("src")?, transport("srcport").parse().ok()?),
            destination: (address("dst")?, transport("dstport").parse().ok()?),
            is_syn: is_tcp && is_set("tcp.flags.syn"),
            is_ack: is_tcp && is_set("tcp.flags.ack"),
            names: names.filter_map(host).collect(),
        })
    }

    fn key(&self) -> Key {
        let mut ends = [self.source, self.destination];
        ends.sort_unstable();
        (self.protocol, self.stream, ends)
    }

    fn begins(&self) -> Stream {
        Stream {
            protocol: self.protocol,
            source: self.source,
            destination: self.destination,
            frame: self.frame,
            packets: 0,
            names: Vec::new(),
            has_opening: false,
        }
    }
}

/// The outermost headers of a packet.
struct Outer {
    network: &'static str,
    transport: &'static str,
    /// Whether nothing lies in a tunnel, so that names are of this flow.
    is_alone: bool,
}

impl Outer {
    fn of(protocols: &str) -> Option<Outer> {
        let network = |word: &str| match word {
            "ip" => Some("ip"),
            "ipv6" => Some("ipv6"),
            _ => None,
        };
        let mut words = protocols.split(':');
        let outer = words.find_map(network)?;
        let mut transport = None;
        for word in words.by_ref() {
            if network(word).is_some() {
                return transport.map(|transport| Outer {
                    network: outer,
                    transport,
                    is_alone: false,
                });
            }
            match word {
                "tcp" => transport = transport.or(Some("tcp")),
                "udp" => transport = transport.or(Some("udp")),
                // What stands behind is quoted.
                "icmp" | "icmpv6" | "sctp" if transport.is_none() => return None,
                _ => {}
            }
        }
        transport.map(|transport| Outer { network: outer, transport, is_alone: true })
    }
}

/// A host as names of flows are written, or `None` for an empty one.
fn host(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.rsplit('@').next().unwrap_or_default();
    let host = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inside, _)) => inside,
        None if text.matches(':').count() == 1 => text.split(':').next().unwrap_or_default(),
        None => text,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    (!host.is_empty()).then(|| host.to_owned())
}
