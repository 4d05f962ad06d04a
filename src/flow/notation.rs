//! A flow in text: the one notation of examples, cases, reports and the command line.
//!
//! ```text
//! flow        = endpoint ( "->" | "to" ) destination ":" service [ payload ]
//! endpoint    = address [ ":" port ] | word              a word is a subnet's or set's name
//! destination = address | host
//! service     = "tcp/" port | "udp/" port | "icmp" | "proto/" number
//!             | "https" [ "/" port ] | "http" [ "/" port ] | "mssql" [ "/" port ]
//! payload     = "silent" | "other" | "tls" [ host ] [ "inner" url ] | "http" [ url ]
//!             | "mssql" [ host ] | "quic" [ host ] | "dns"
//! url         = host [ ":" port ] [ path ]
//! ```
//!
//! `#` before a word begins a comment. `dns` is `other`: reports say which bytes of no protocol that
//! the firewall's rules know are DNS.
//!
//! IPv6 stands in brackets. `https` and its like take the name from the destination host, and stand
//! for `tcp/443 tls HOST`. A flow over TCP without a payload is one of which the payload is not
//! known; over UDP and other protocols it is one whose bytes are of no protocol that matters.

use std::fmt;
use std::net::IpAddr;

use super::name::Fqdn;
use super::name::Host;
use super::name::NameError;
use super::observation::Observation;
use super::observation::SeenPayload;
use super::payload::Payload;
use super::payload::PayloadKind;
use super::payload::Request;
use super::protocol::IpProtocol;

/// The longest text that is read as a flow, in bytes: a URL of 8000 and room for the rest.
pub const MAX_FLOW_TEXT: usize = 9000;

/// What to do about an arrow that is not there.
const QUOTE: &str = "quote the flow, or write `to` for `->`: the shell reads `>`";

/// The source of a flow in text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SourceText {
    /// An address.
    Address(IpAddr),
    /// The name of a subnet or set, `module::name` included.
    Word(String),
}

/// The destination of a flow in text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DestinationText {
    /// An address.
    Address(IpAddr),
    /// A host name, to be turned into the addresses that the client holds.
    Name(Fqdn),
}

/// A flow as it was written, before names are looked up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FlowText {
    /// The source.
    pub source: SourceText,
    /// The source port, where written as another than 0.
    pub source_port: Option<u16>,
    /// The destination.
    pub destination: DestinationText,
    /// The protocol.
    pub protocol: IpProtocol,
    /// The destination port; 0 where the protocol has none.
    pub destination_port: u16,
    /// The payload.
    pub payload: SeenPayload,
}

/// Why a text is no flow.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NotationError {
    /// Offset in bytes of the part that does not fit.
    pub at: usize,
    /// Length in bytes of that part; 0 at the end of the text.
    pub len: usize,
    /// What was expected there, and what was found.
    pub message: String,
    /// What to do, where there is something better than the message.
    pub help: Option<String>,
}

impl fmt::Display for NotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for NotationError {}

impl FlowText {
    /// Reads a flow.
    ///
    /// # Errors
    /// The place of the first part that does not fit, with what was expected there.
    pub fn parse(text: &str) -> Result<FlowText, NotationError> {
        if text.len() > MAX_FLOW_TEXT {
            return Err(NotationError {
                at: MAX_FLOW_TEXT,
                len: 0,
                message: format!("a flow in text has at most {MAX_FLOW_TEXT} bytes"),
                help: None,
            });
        }
        flow(&mut Words::new(text))
    }

    /// The observation from `source` to `destination`, which stand for the names as written.
    pub fn observation(&self, source: IpAddr, destination: IpAddr) -> Observation {
        Observation {
            source,
            source_port: self.source_port,
            destination,
            destination_port: self.destination_port,
            protocol: self.protocol,
            payload: self.payload.clone(),
        }
    }

    /// The observation, where both ends are written as addresses.
    pub fn to_observation(&self) -> Option<Observation> {
        match (&self.source, &self.destination) {
            (SourceText::Address(source), DestinationText::Address(destination)) => {
                Some(self.observation(*source, *destination))
            }
            (SourceText::Word(_), _) | (_, DestinationText::Name(_)) => None,
        }
    }
}

/// The words of a text, with the places at which they stand.
struct Words<'a> {
    text: &'a str,
    words: std::iter::Peekable<std::vec::IntoIter<Word<'a>>>,
}

#[derive(Clone, Copy, Debug)]
struct Word<'a> {
    at: usize,
    text: &'a str,
}

impl<'a> Words<'a> {
    /// Cuts at white space, and around the first `->`: what stands in a path is a part of it.
    fn new(text: &'a str) -> Words<'a> {
        let mut words: Vec<Word<'a>> = Vec::new();
        for piece in text.split_ascii_whitespace().take_while(|piece| !piece.starts_with('#')) {
            let at = piece.as_ptr() as usize - text.as_ptr() as usize;
            let is_past = words.iter().any(|word| matches!(word.text, "->" | "to"));
            match piece.split_once("->").filter(|_| !is_past) {
                Some((before, after)) => {
                    let arrow = at + before.len();
                    words.extend(Word::at(at, before));
                    words.extend(Word::at(arrow, "->"));
                    words.extend(Word::at(arrow + 2, after));
                }
                None => words.extend(Word::at(at, piece)),
            }
        }
        Words { text, words: words.into_iter().peekable() }
    }

    fn next(&mut self) -> Option<Word<'a>> {
        self.words.next()
    }

    fn peek(&mut self) -> Option<Word<'a>> {
        self.words.peek().copied()
    }

    /// The next word, or an error that `wanted` was expected.
    fn expect(&mut self, wanted: &str) -> Result<Word<'a>, NotationError> {
        self.next().ok_or_else(|| NotationError {
            at: self.text.len(),
            len: 0,
            message: format!("expected {wanted}, found the end of the flow"),
            help: None,
        })
    }
}

impl<'a> Word<'a> {
    fn at(at: usize, text: &'a str) -> Option<Word<'a>> {
        (!text.is_empty()).then_some(Word { at, text })
    }

    fn expected(self, wanted: &str) -> NotationError {
        let message = format!("expected {wanted}, found `{}`", self.text);
        NotationError { at: self.at, len: self.text.len(), message, help: None }
    }

    fn with_help(self, wanted: &str, help: &str) -> NotationError {
        NotationError { help: Some(help.to_owned()), ..self.expected(wanted) }
    }

    fn bad_name(self, error: &NameError) -> NotationError {
        let message = format!("`{}` is no host name: {error}", self.text);
        NotationError { at: self.at, len: self.text.len(), message, help: None }
    }
}

/// `flow = endpoint ( "->" | "to" ) destination ":" service [ payload ]`
fn flow(words: &mut Words<'_>) -> Result<FlowText, NotationError> {
    let (source, source_port) = endpoint(words.expect("a source address")?)?;
    match words.next() {
        Some(word) if word.text == "->" || word.text == "to" => {}
        // What is left of an arrow whose `>` the shell has read.
        Some(word) if word.text == "-" => return Err(word.with_help("`->`", QUOTE)),
        Some(word) => return Err(word.expected("`->`")),
        None => {
            return Err(NotationError {
                at: words.text.len(),
                len: 0,
                message: "expected `->` and a destination, found the end of the flow".to_owned(),
                help: Some(QUOTE.to_owned()),
            });
        }
    }
    let word = words.expect("a destination")?;
    let destination =
        destination(word.text.strip_suffix(':').map_or(word, |t| Word { text: t, ..word }))?;
    if !word.text.ends_with(':') {
        let colon = words.expect("`:` and a service")?;
        if colon.text != ":" {
            return Err(colon.with_help("`:` before the service", "write `A -> B : tcp/443`"));
        }
    }
    let service_word = words.expect("a service, such as `tcp/443`")?;
    let (protocol, destination_port, named) = service(service_word)?;
    let payload = match named {
        Some(kind) => named_payload(kind, &destination, service_word)?,
        None => payload(words, protocol)?,
    };
    if let Some(extra) = words.next() {
        return Err(extra.expected("the end of the flow"));
    }
    Ok(FlowText { source, source_port, destination, protocol, destination_port, payload })
}

/// `endpoint = address [ ":" port ] | word`
fn endpoint(word: Word<'_>) -> Result<(SourceText, Option<u16>), NotationError> {
    if let Some(address) = bare_address(word.text) {
        return Ok((SourceText::Address(address), None));
    }
    if let Some((address, port)) = word.text.rsplit_once(':')
        && let Some(address) = bare_address(address)
    {
        let port: u16 = port.parse().map_err(|_| word.expected("a source port from 0 to 65535"))?;
        // Flows as JSON have 0 where there is no port, and where it was not seen.
        return Ok((SourceText::Address(address), (port != 0).then_some(port)));
    }
    let is_word = word.text.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == ':');
    if is_word {
        return Ok((SourceText::Word(word.text.to_owned()), None));
    }
    Err(word.expected("a source address, or the name of a subnet or set"))
}

/// An IPv4 address, or an IPv6 address with or without brackets.
fn bare_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok()
}

/// `destination = address | host`
fn destination(word: Word<'_>) -> Result<DestinationText, NotationError> {
    match Host::parse(word.text) {
        Ok(Host::Address(address)) => Ok(DestinationText::Address(address)),
        Ok(Host::Name(name)) => Ok(DestinationText::Name(name)),
        Err(_) if word.text.contains(':') => Err(word.with_help(
            "a destination without its port",
            "write the port with the protocol: `A -> B : tcp/443`",
        )),
        Err(error) => Err(word.bad_name(&error)),
    }
}

/// The protocol, the port, and the kind of payload where the service names one.
type Service = (IpProtocol, u16, Option<PayloadKind>);

fn service(word: Word<'_>) -> Result<Service, NotationError> {
    const WANTED: &str = "a service: `tcp/PORT`, `udp/PORT`, `icmp`, `proto/N` or `https`";
    let (name, number) = match word.text.split_once('/') {
        Some((name, number)) => (name, Some(number)),
        None => (word.text, None),
    };
    let port = |usual: Option<u16>| match number {
        Some(text) => text.parse().map_err(|_| word.expected("a port from 0 to 65535")),
        None => usual.ok_or_else(|| word.expected(&format!("a port, as in `{name}/443`"))),
    };
    match name {
        "tcp" => Ok((IpProtocol::TCP, port(None)?, None)),
        "udp" => Ok((IpProtocol::UDP, port(None)?, None)),
        "icmp" if number.is_none() => Ok((IpProtocol::ICMP, 0, None)),
        "proto" => {
            let number = number.and_then(|text| text.parse().ok());
            let number = number.ok_or_else(|| word.expected("a protocol from 0 to 255"))?;
            Ok((IpProtocol(number), 0, None))
        }
        "https" => Ok((IpProtocol::TCP, port(Some(443))?, Some(PayloadKind::Tls))),
        "http" => Ok((IpProtocol::TCP, port(Some(80))?, Some(PayloadKind::Http))),
        "mssql" => Ok((IpProtocol::TCP, port(Some(1433))?, Some(PayloadKind::Mssql))),
        _ if word.text.parse::<u16>().is_ok() => {
            Err(word.with_help(WANTED, &format!("write `tcp/{0}` or `udp/{0}`", word.text)))
        }
        _ => Err(word.expected(WANTED)),
    }
}

/// The payload of `https` and its like, which take the name from the destination.
fn named_payload(
    kind: PayloadKind,
    destination: &DestinationText,
    service: Word<'_>,
) -> Result<SeenPayload, NotationError> {
    let DestinationText::Name(name) = destination else {
        return Err(service.with_help(
            "a service by port, since the destination is an address",
            "write `tcp/443 tls www.example.com` to say the name",
        ));
    };
    let host = Some(Host::Name(name.clone()));
    Ok(SeenPayload::Exactly(match kind {
        PayloadKind::Http => Payload::Http(Request { host, port: None, path: "/".to_owned() }),
        PayloadKind::Mssql => Payload::Mssql { name: host },
        PayloadKind::Tls | PayloadKind::Silent | PayloadKind::Other | PayloadKind::Quic => {
            Payload::Tls { name: host, inner: None }
        }
    }))
}

/// `payload = "silent" | "other" | "tls" [ host ] [ "inner" url ] | … | "unread" [ kind ]`
fn payload(words: &mut Words<'_>, protocol: IpProtocol) -> Result<SeenPayload, NotationError> {
    const WANTED: &str = "`silent`, `other`, `tls`, `http`, `mssql`, `quic` or `unread`";
    let Some(word) = words.next() else {
        let unknown = protocol == IpProtocol::TCP;
        return Ok(if unknown {
            SeenPayload::Unknown
        } else {
            SeenPayload::Exactly(Payload::Other)
        });
    };
    if word.text == "dns" && protocol.has_ports() {
        return Ok(SeenPayload::Exactly(Payload::Other));
    }
    if word.text == "unread" {
        let kind = words.next().map(|word| {
            let kind = PayloadKind::from_keyword(word.text);
            let kind =
                kind.filter(|kind| !matches!(kind, PayloadKind::Silent | PayloadKind::Other));
            let wanted = || word.expected("`tls`, `http`, `mssql`, `quic` or nothing");
            carried(kind.ok_or_else(wanted)?, word, protocol)
        });
        return Ok(SeenPayload::Unread(kind.transpose()?));
    }
    let Some(kind) = PayloadKind::from_keyword(word.text) else {
        return Err(if word.text == "sni" {
            word.with_help(WANTED, "write `tls www.example.com`")
        } else {
            word.expected(WANTED)
        });
    };
    Ok(SeenPayload::Exactly(match carried(kind, word, protocol)? {
        PayloadKind::Silent => Payload::Silent,
        PayloadKind::Other => Payload::Other,
        PayloadKind::Tls => {
            let name = host(words, Some("inner"))?;
            let inner = match words.peek() {
                Some(word) if word.text == "inner" => {
                    words.next();
                    Some(url(words.expect("the URL inside, such as `www.example.com/path`")?)?)
                }
                Some(_) | None => None,
            };
            Payload::Tls { name, inner }
        }
        PayloadKind::Http => match words.next() {
            Some(word) => Payload::Http(url(word)?),
            None => Payload::Http(Request { host: None, port: None, path: "/".to_owned() }),
        },
        PayloadKind::Mssql => Payload::Mssql { name: host(words, None)? },
        PayloadKind::Quic => Payload::Quic { name: host(words, None)? },
    }))
}

/// The kind that `word` names, where `protocol` can carry it.
fn carried(
    kind: PayloadKind,
    word: Word<'_>,
    protocol: IpProtocol,
) -> Result<PayloadKind, NotationError> {
    let carrier = match kind {
        PayloadKind::Silent | PayloadKind::Other => None,
        PayloadKind::Tls | PayloadKind::Http | PayloadKind::Mssql => Some(IpProtocol::TCP),
        PayloadKind::Quic => Some(IpProtocol::UDP),
    };
    if carrier.is_some_and(|carrier| carrier != protocol) {
        return Err(word.expected(&format!("a payload that {protocol} can carry")));
    }
    Ok(kind)
}

/// A host, if there is one and it is not the keyword `unless`; that is a host where it is the last
/// word, or stands before itself and something more.
fn host(words: &mut Words<'_>, unless: Option<&str>) -> Result<Option<Host>, NotationError> {
    let mut after = words.words.clone().skip(1).map(|word| word.text);
    let (after, has_more) = (after.next(), after.next().is_some());
    let is_host = after.is_none() || after == unless && has_more;
    match words.peek() {
        Some(word) if Some(word.text) != unless || is_host => {
            words.next();
            Host::parse(word.text).map(Some).map_err(|error| word.bad_name(&error))
        }
        Some(_) | None => Ok(None),
    }
}

/// `url = host [ ":" port ] [ path ]`
fn url(word: Word<'_>) -> Result<Request, NotationError> {
    let (authority, path) = match word.text.find('/') {
        Some(slash) => word.text.split_at(slash),
        None => (word.text, "/"),
    };
    // A path may hold another URL.
    let scheme = authority.strip_suffix(':').filter(|_| path.starts_with("//"));
    let is_scheme = |text: &str| {
        text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    };
    if scheme.is_some_and(is_scheme) {
        return Err(word.with_help("a host and path", "leave out the scheme"));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !authority.ends_with(']') => {
            (host, Some(port.parse().map_err(|_| word.expected("a port from 0 to 65535"))?))
        }
        Some(_) | None => (authority, None),
    };
    let host = match host {
        "" => None,
        text => Some(Host::parse(text).map_err(|error| word.bad_name(&error))?),
    };
    Ok(Request { host, port, path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::option;
    use proptest::prelude::*;

    /// Reads `text` and writes it again in the one form.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        let flow = FlowText::parse(text).unwrap();
        assert_eq!(flow.to_observation().expect("two addresses").to_string(), expected);
    }

    #[track_caller]
    fn check_error(text: &str, at: usize, expected: &str) {
        let error = FlowText::parse(text).unwrap_err();
        assert_eq!((error.at, error.to_string().as_str()), (at, expected));
    }

    #[test]
    fn flows_are_written_as_they_are_read() {
        for text in [
            "10.1.0.4:50123 -> 93.184.216.34 : tcp/443 tls www.example.com",
            "10.1.0.4 -> 93.184.216.34 : tcp/80 http www.example.com:8080/path",
            "10.1.0.4 -> 93.184.216.34 : tcp/443 tls www.example.com inner www.example.com/path",
            "10.1.0.4 -> 93.184.216.34 : tcp/443 tls",
            "10.1.0.4 -> 93.184.216.34 : tcp/443 silent",
            "10.1.0.4 -> 93.184.216.34 : tcp/443 other",
            "10.1.0.4 -> 93.184.216.34 : tcp/443",
            "10.1.0.4 -> 10.9.0.5 : tcp/1433 mssql sql-trips.database.windows.net",
            "10.1.0.4 -> 93.184.216.34 : udp/443 quic www.example.com",
            "10.1.0.4 -> 91.189.91.157 : udp/123",
            "10.1.0.4 -> 10.9.0.1 : icmp",
            "10.1.0.4 -> 10.9.0.1 : proto/47",
            "[2001:db8::1]:1 -> [2001:db8::2] : tcp/443 tls [2001:db8::2]",
            "10.1.0.4 -> 93.184.216.34 : tcp/80 http",
            "10.1.0.4 -> 93.184.216.34 : tcp/80 http /a->b",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn the_shell_may_write_to_and_leave_out_spaces() {
        check("10.1.0.4 to 10.9.0.1: icmp", "10.1.0.4 -> 10.9.0.1 : icmp");
        check("10.1.0.4->10.9.0.1 : icmp", "10.1.0.4 -> 10.9.0.1 : icmp");
    }

    #[test]
    fn a_service_by_name_takes_the_name_of_the_destination() {
        let flow = FlowText::parse("nodes -> www.example.com : https").unwrap();
        assert_eq!(flow.source, SourceText::Word("nodes".to_owned()));
        let name = Fqdn::parse("www.example.com").unwrap();
        assert_eq!(flow.destination, DestinationText::Name(name.clone()));
        let tls = Payload::Tls { name: Some(name.into()), inner: None };
        assert_eq!(flow.payload, SeenPayload::Exactly(tls));
        assert_eq!(flow.to_observation(), None);
    }

    #[test]
    fn errors_say_where_and_what_was_expected() {
        check_error(
            "10.1.0.4",
            8,
            "expected `->` and a destination, found the end of the flow; quote the flow, or write \
             `to` for `->`: the shell reads `>`",
        );
        check_error(
            "10.1.0.4 -> 10.9.0.1:443 : tcp/443",
            12,
            "expected a destination without its port, found `10.9.0.1:443`; write the port with the \
             protocol: `A -> B : tcp/443`",
        );
        check_error(
            "10.1.0.4 -> 10.9.0.1 : 443",
            23,
            "expected a service: `tcp/PORT`, `udp/PORT`, `icmp`, `proto/N` or `https`, found \
             `443`; write `tcp/443` or `udp/443`",
        );
        check_error(
            "10.1.0.4 -> 10.9.0.1 : tcp/443 sni a.example",
            31,
            "expected `silent`, `other`, `tls`, `http`, `mssql`, `quic` or `unread`, found `sni`; \
             write `tls www.example.com`",
        );
        check_error(
            "10.1.0.4 -> 10.9.0.1 : udp/443 tls a.example",
            31,
            "expected a payload that udp can carry, found `tls`",
        );
        check_error(
            "10.1.0.4 -> 10.9.0.1 : https",
            23,
            "expected a service by port, since the destination is an address, found `https`; write \
             `tcp/443 tls www.example.com` to say the name",
        );
    }

    #[test]
    fn a_url_may_hold_another_but_begins_with_no_scheme() {
        let flow = |url: &str| format!("10.1.0.4 -> 10.9.0.1 : tcp/80 http {url}");
        for url in ["a.example/to?http://b.example/", "a.example:8080//x", "/://", ":80//x"] {
            check(&flow(url), &flow(url));
        }
        check_error(
            &flow("http://a.example/"),
            35,
            "expected a host and path, found `http://a.example/`; leave out the scheme",
        );
    }

    #[test]
    fn what_reports_print_beside_a_flow_is_read_over() {
        let inner = "10.1.0.4 -> 93.184.216.34 : tcp/443 tls a.example inner a.example/path";
        check(&format!("{inner}      # inspected"), inner);
        check("10.1.0.4 -> 198.51.100.53 : udp/53 dns", "10.1.0.4 -> 198.51.100.53 : udp/53");
        check("10.1.0.4 -> 10.9.0.1 : tcp/53 dns", "10.1.0.4 -> 10.9.0.1 : tcp/53 other");
    }

    fn a_host() -> impl Strategy<Value = Host> {
        let names = prop_oneof![
            "[a-z]{1,6}(\\.[a-z0-9]{1,6}){0,2}",
            Just("inner".to_owned()),
            Just("silent".to_owned()),
            Just("[2001:db8::1]".to_owned()),
            Just("10.9.0.1".to_owned()),
        ];
        names.prop_filter_map("a host", |text| Host::parse(&text).ok())
    }

    fn a_request() -> impl Strategy<Value = Request> {
        let parts = (option::of(a_host()), option::of(any::<u16>()), "/[!-~]{0,12}");
        parts.prop_map(|(host, port, path)| Request { host, port, path })
    }

    fn a_payload() -> impl Strategy<Value = Payload> {
        let name = || option::of(a_host());
        prop_oneof![
            Just(Payload::Silent),
            Just(Payload::Other),
            (name(), option::of(a_request()))
                .prop_filter("a request inside that says something", |(_, inner)| {
                    inner.as_ref().is_none_or(|request| !request.to_string().is_empty())
                })
                .prop_map(|(name, inner)| Payload::Tls { name, inner }),
            a_request().prop_map(Payload::Http),
            name().prop_map(|name| Payload::Mssql { name }),
        ]
    }

    proptest! {
        /// So each line that a report shows to be copied can be.
        #[test]
        fn whatever_is_written_is_read_as_the_same_flow(
            source in any::<[u8; 4]>(), port in 1_u16.., to in any::<[u8; 4]>(), payload in a_payload(),
        ) {
            let observation = Observation {
                source: IpAddr::from(source),
                source_port: Some(port),
                destination: IpAddr::from(to),
                destination_port: port,
                protocol: IpProtocol::TCP,
                payload: SeenPayload::Exactly(payload),
            };
            let read = FlowText::parse(&observation.to_string()).map(|flow| flow.to_observation());
            prop_assert_eq!(read, Ok(Some(observation)));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "[ -~é]{0,60}") {
            let _ = FlowText::parse(&text);
        }
    }
}
