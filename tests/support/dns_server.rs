//! A DNS server inside the test, on loopback, over UDP and TCP.

use std::io::Read;
use std::io::Write;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::net::UdpSocket;
use std::thread;

use simple_dns::CLASS;
use simple_dns::Name;
use simple_dns::Packet;
use simple_dns::PacketFlag;
use simple_dns::QTYPE;
use simple_dns::RCODE;
use simple_dns::ResourceRecord;
use simple_dns::TYPE;
use simple_dns::rdata::A;
use simple_dns::rdata::AAAA;
use simple_dns::rdata::CNAME;
use simple_dns::rdata::RData;

/// What the server does when it is asked for the A or AAAA records of a name.
pub(crate) enum Reply {
    /// It answers with these records, each as `owner ttl target`, where the target is an address
    /// or, for an alias, a name.
    Records(Vec<String>),
    /// The same, but over UDP it only says that the answer is too long.
    OverTcp(Vec<String>),
    /// It answers with this code.
    Code(RCODE),
    /// It does not answer.
    Silence,
}

/// Starts a server that lives as long as the process, and gives its address.
///
/// `reply` is asked with the name in lower case and the type, which is A or AAAA.
pub(crate) fn start(reply: fn(&str, TYPE) -> Reply) -> SocketAddr {
    let (udp, tcp) = sockets();
    let address = udp.local_addr().expect("a bound socket");
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = udp.recv_from(&mut buffer) {
            if let Some(response) = respond(&buffer[..length], reply, Transport::Udp) {
                udp.send_to(&response, from).expect("loopback takes a datagram");
            }
        }
    });
    thread::spawn(move || {
        while let Ok((stream, _)) = tcp.accept() {
            thread::spawn(move || serve(stream, reply));
        }
    });
    address
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Transport {
    Udp,
    Tcp,
}

/// One port for both. The port that is free for UDP can be taken for TCP, so there are some tries.
fn sockets() -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on loopback");
        let address = udp.local_addr().expect("a bound socket");
        if let Ok(tcp) = TcpListener::bind(address) {
            return (udp, tcp);
        }
    }
    panic!("no port is free for both UDP and TCP");
}

/// Answers the messages on a connection, each with its length before it (RFC 1035 §4.2.2).
fn serve(mut stream: TcpStream, reply: fn(&str, TYPE) -> Reply) {
    let mut length = [0; 2];
    while stream.read_exact(&mut length).is_ok() {
        let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
        if stream.read_exact(&mut message).is_err() {
            return;
        }
        if let Some(response) = respond(&message, reply, Transport::Tcp) {
            let length = u16::try_from(response.len()).expect("a response fits a message");
            let framed = [length.to_be_bytes().as_slice(), &response].concat();
            if stream.write_all(&framed).is_err() {
                return;
            }
        }
    }
}

fn respond(
    message: &[u8],
    reply: fn(&str, TYPE) -> Reply,
    transport: Transport,
) -> Option<Vec<u8>> {
    let query = Packet::parse(message).expect("the resolver sends DNS");
    let question = query.questions.first().expect("a question").clone();
    let QTYPE::TYPE(asked @ (TYPE::A | TYPE::AAAA)) = question.qtype else {
        panic!("only addresses are asked for");
    };
    let name = question.qname.to_string().to_ascii_lowercase();

    let mut response = Packet::new_reply(query.id());
    response.set_flags(PacketFlag::RECURSION_DESIRED | PacketFlag::RECURSION_AVAILABLE);
    response.questions.push(question);
    let records = match reply(&name, asked) {
        Reply::Silence => return None,
        Reply::Code(code) => {
            *response.rcode_mut() = code;
            Vec::new()
        }
        Reply::OverTcp(_) if transport == Transport::Udp => {
            response.set_flags(PacketFlag::TRUNCATION);
            Vec::new()
        }
        Reply::OverTcp(records) | Reply::Records(records) => records,
    };
    response.answers.extend(records.iter().map(|text| record(text)));
    Some(response.build_bytes_vec_compressed().expect("the records fit a message"))
}

fn record(text: &str) -> ResourceRecord<'_> {
    let [owner, ttl, target] = text.split(' ').collect::<Vec<_>>()[..] else {
        panic!("`{text}` is no record");
    };
    let data = match target.parse() {
        Ok(IpAddr::V4(address)) => RData::A(A { address: address.into() }),
        Ok(IpAddr::V6(address)) => RData::AAAA(AAAA { address: address.into() }),
        Err(_) => RData::CNAME(CNAME(Name::new(target).expect("a name"))),
    };
    let owner = Name::new(owner).expect("a name");
    ResourceRecord::new(owner, CLASS::IN, ttl.parse().expect("a TTL"), data)
}
