//! Azure Firewall's own logs (`azure-firewall.md §8`): each row is a flow, with what the firewall did.
//!
//! A row comes as JSON from an Event Hub, a storage account or Log Analytics, or as CSV from the
//! portal; the older logs have a sentence where the newer ones have columns.

mod row;
mod sentence;

pub(super) use row::Column;
pub(super) use row::Row;

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::Taken;
use super::dns;
use super::dns::Asked;
use super::flow;
use super::flow::Ends;
use super::text::Text;
use super::time;
use crate::capture::captured::CapturedFlow;
use crate::capture::captured::Sink;
use crate::evidence::ResponseCode;
use crate::flow::IpProtocol;
use crate::flow::Payload;
use crate::flow::PayloadKind;
use crate::flow::Recorded;
use crate::flow::RecordedRule;
use crate::flow::RecordedVerdict;
use crate::flow::Recorder;
use crate::flow::SeenPayload;

/// Characters shown of a time that cannot be read.
const MOST_TIME: usize = 40;

/// Tables of Log Analytics that tell of flows and are none of Azure Firewall's.
const TABLES_OF_FLOWS: [&str; 8] = [
    "azurenetworkanalytics_cl",
    "commonsecuritylog",
    "containernetworklogs",
    "devicenetworkevents",
    "ntanetanalytics",
    "nwpacketcapturenetworksession",
    "retinanetworkflowlogs",
    "vmconnection",
];

/// What a row is of (`azure-firewall.md §8.1`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Application,
    Network,
    Nat,
    ThreatIntelligence,
    Idps,
    DnsQuery,
    /// The older logs.
    Sentence,
    /// Rates, flags of single packets, names that did not resolve; and what others log.
    Other,
}

impl Kind {
    /// # Errors
    /// That the row is of no kind that is known: it may tell of a flow.
    fn of(row: &Row<'_>) -> Result<Kind, String> {
        let written =
            || [Column::Category, Column::Type].into_iter().filter_map(|one| row.get(one));
        let table = written().find(|one| one.to_ascii_lowercase().starts_with("azfw"));
        if let Some(table) = table {
            let folded = table.to_ascii_lowercase();
            return Ok(match folded.strip_suffix("aggregation").unwrap_or(&folded) {
                "azfwapplicationrule" => Kind::Application,
                "azfwnetworkrule" => Kind::Network,
                "azfwnatrule" => Kind::Nat,
                "azfwthreatintel" => Kind::ThreatIntelligence,
                "azfwidpssignature" => Kind::Idps,
                "azfwdnsquery" => Kind::DnsQuery,
                "azfwfatflow"
                | "azfwflowtrace"
                | "azfwfqdnresolvefailure"
                | "azfwinternalfqdnresolutionfailure"
                | "azfwdnsadditional"
                | "azfwdnsflowtrace" => Kind::Other,
                _ => return Err(format!("it is of `{table}`, a kind that is not known")),
            });
        }
        let has = |column| row.get(column).is_some();
        // Somebody's table of its rows has columns that nobody else has, and signatures have a category of
        // their own.
        let is_its_own = has(Column::Collection) || has(Column::SignatureId);
        let is_named = written().any(|name| {
            name.get(..OLDER.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(OLDER))
        });
        let others = written().find(|name| !may_be_of_firewall(name));
        if let Some(table) = others.filter(|_| !is_its_own && !is_named) {
            let is_listed = TABLES_OF_FLOWS.contains(&table.to_ascii_lowercase().as_str());
            let tells_of_flows = has(Column::SourceIp) && has(Column::DestinationIp)
                || row.get(Column::Message).is_some_and(sentence::tells_of_flow);
            return if is_listed || tells_of_flows {
                Err(format!("it is of `{table}`, a table that is not read"))
            } else {
                Ok(Kind::Other)
            };
        }
        Ok(match () {
            () if has(Column::Message) => Kind::Sentence,
            // The portal writes one table, without its name.
            () if has(Column::ThreatDescription) => Kind::ThreatIntelligence,
            () if has(Column::SignatureId) => Kind::Idps,
            () if has(Column::TranslatedIp) => Kind::Nat,
            () if has(Column::QueryName) => Kind::DnsQuery,
            () if has(Column::Flag) || has(Column::FlowRate) => Kind::Other,
            () if has(Column::DestinationIp) => Kind::Network,
            () if has(Column::SourceIp) && has(Column::Action) => Kind::Application,
            () if written().next().is_some() => Kind::Other,
            () => return Err("it has no column that tells what it is of".to_owned()),
        })
    }
}

/// What the categories of the older logs begin with.
const OLDER: &str = "AzureFirewall";

/// Whether a table or category of this name may hold rows of Azure Firewall: the older logs, or what stands
/// for the name of any table.
fn may_be_of_firewall(name: &str) -> bool {
    let folded = name.to_ascii_lowercase();
    matches!(folded.as_str(), "azurediagnostics" | "primaryresult")
        || folded.starts_with(&OLDER.to_ascii_lowercase())
        || folded.starts_with("azfw")
}

/// Takes a row.
pub(super) fn take(row: &Row<'_>, frame: u64, sink: &mut impl Sink) -> Taken {
    let kind = match Kind::of(row) {
        Ok(Kind::Other) => return Taken::PassedOver,
        Ok(kind) => kind,
        Err(why) => return Taken::Unreadable(why),
    };
    // Its column has another name in each place.
    let Some(written) = row.get(Column::Time) else {
        return Taken::Unreadable("it lacks a time in UTC".to_owned());
    };
    let Some(at) = time::azure(written) else { return Taken::Unreadable(unknown_time(written)) };
    let told = match kind {
        Kind::Application => application(row),
        Kind::Network => network(row),
        Kind::Nat => nat(row),
        Kind::ThreatIntelligence => alert(row, Recorder::ThreatIntelligence),
        Kind::Idps => alert(row, Recorder::Idps),
        Kind::DnsQuery => return query(row, at, sink).unwrap_or_else(Taken::Unreadable),
        Kind::Sentence => match sentence::read(row.get(Column::Message).unwrap_or_default()) {
            sentence::Read::Told(told) => Ok(*told),
            sentence::Read::Asked(failed) => return failed.tell(at, sink),
            sentence::Read::PassedOver => return Taken::PassedOver,
            sentence::Read::NoTarget => {
                Err("its sentence does not say where the flow goes".to_owned())
            }
            sentence::Read::Unreadable => Err("its sentence is none that is known".to_owned()),
        },
        Kind::Other => return Taken::PassedOver,
    };
    match told {
        Ok(told) => sink.flow(told.flow(at, frame)),
        Err(why) => return Taken::Unreadable(why),
    }
    Taken::Told
}

fn unknown_time(written: &str) -> String {
    let text: String = written.chars().take(MOST_TIME).collect();
    format!(
        "its time `{text}` cannot be read: expected one as `2026-03-01T10:00:00.123Z` or \
         `3/1/2026, 10:00:00.123 AM`"
    )
}

/// A decision, as a row or a sentence tells of it.
#[derive(Clone, Debug)]
struct Told {
    ends: Ends,
    /// What the firewall saw of the payload, where it looked.
    payload: Option<SeenPayload>,
    recorded: Recorded,
}

impl Told {
    fn flow(self, at: Timestamp, frame: u64) -> CapturedFlow {
        let mut captured = self.ends.flow(at, frame);
        captured.recorded = Some(Arc::new(self.recorded));
        match self.payload {
            Some(SeenPayload::Exactly(payload)) => flow::ask(&mut captured, payload, at, frame),
            Some(payload @ SeenPayload::Kind(kind)) => {
                captured.application = flow::application(kind);
                flow::add_opening(&mut captured, payload, at, frame);
            }
            Some(SeenPayload::Unread(_) | SeenPayload::Unknown) | None => {}
        }
        flow::complete(&mut captured, flow::unknown_payload(self.ends.protocol));
        captured
    }
}

fn ends(row: &Row<'_>, protocol: IpProtocol) -> Result<Ends, String> {
    let port = |column| -> Result<u16, String> {
        let port = if protocol.has_ports() { row.field(column).read(port)? } else { None };
        Ok(port.unwrap_or(0))
    };
    Ok(Ends {
        protocol,
        source: row.field(Column::SourceIp).needed(flow::address)?,
        source_port: port(Column::SourcePort)?,
        // Where a name tells it, what else stands here is no matter.
        destination: row.get(Column::DestinationIp).and_then(flow::address),
        destination_port: match row.field(Column::DestinationPort) {
            lacking if lacking.text.is_none() && protocol.has_ports() => {
                return Err(lacking.lacks());
            }
            _ => port(Column::DestinationPort)?,
        },
    })
}

/// A port; protocols without ports have a dash in some places.
fn port(text: &str) -> Option<u16> {
    if text == "-" { Some(0) } else { text.parse().ok() }
}

/// Whether a boolean holds; some places write it as text, in any case (`azure-firewall.md §8.3`).
fn holds(row: &Row<'_>, column: Column) -> bool {
    row.get(column).is_some_and(|text| text.eq_ignore_ascii_case("true") || text == "1")
}

fn verdict(action: Option<&str>) -> RecordedVerdict {
    match action.map(str::to_ascii_lowercase).as_deref() {
        Some("allow") => RecordedVerdict::Allowed,
        Some("deny" | "drop" | "block") => RecordedVerdict::Denied,
        Some(_) | None => RecordedVerdict::Noted,
    }
}

fn rule(row: &Row<'_>) -> Option<RecordedRule> {
    let text = |column| row.get(column).map(Arc::from);
    Some(RecordedRule {
        policy: text(Column::Policy),
        group: text(Column::Group),
        collection: text(Column::Collection),
        name: text(Column::Rule)?,
    })
}

fn by_rules(row: &Row<'_>) -> Recorded {
    Recorded {
        verdict: verdict(row.get(Column::Action)),
        by: Recorder::Firewall,
        rule: rule(row),
        reason: row.get(Column::ActionReason).map(Arc::from),
    }
}

fn application(row: &Row<'_>) -> Result<Told, String> {
    let is_inspected = holds(row, Column::IsTlsInspected);
    let (fqdn, url) = (row.get(Column::Fqdn), row.get(Column::TargetUrl));
    let payload = row.field(Column::Protocol).needed(|word| seen(word, fqdn, url, is_inspected))?;
    let mut ends = ends(row, IpProtocol::TCP)?;
    if ends.destination.is_none() {
        let host = fqdn.map(|text| flow::authority(text).0);
        ends.destination = host.and_then(flow::address);
    }
    Ok(Told { ends, payload: Some(payload), recorded: by_rules(row) })
}

/// What the firewall saw, by the protocol that it names (`azure-firewall.md §8.3`); `None` where that
/// is none of application rules.
fn seen(
    word: &str,
    host: Option<&str>,
    url: Option<&str>,
    is_inspected: bool,
) -> Option<SeenPayload> {
    // Protocol and name may have the port behind them.
    let word = word.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
    let alone = host.map(|text| flow::authority(text).0);
    let name = alone.and_then(flow::host);
    let path = url.map_or("/", path_of);
    Some(match word.as_str() {
        word if is_inspected || word == "https" && url.is_some() => {
            if word == "mssql" {
                return None;
            }
            let inner = flow::request(host.unwrap_or_default(), path);
            SeenPayload::Exactly(Payload::Tls { name, inner: Some(inner) })
        }
        "https" => match alone {
            // An address can be no server name (RFC 6066 §3): there was none, or another.
            Some(text) if flow::address(text).is_some() => SeenPayload::Kind(PayloadKind::Tls),
            Some(_) if name.is_none() => SeenPayload::Kind(PayloadKind::Tls),
            Some(_) | None => SeenPayload::Exactly(Payload::Tls { name, inner: None }),
        },
        "mssql" => SeenPayload::Exactly(Payload::Mssql { name }),
        word if word == "http" || word.starts_with("http/") => {
            let request = flow::request(host.unwrap_or_default(), path);
            SeenPayload::Exactly(Payload::Http(request))
        }
        _ => return None,
    })
}

/// The path of a URL, which begins with the host or a scheme.
fn path_of(url: &str) -> &str {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    behind.find('/').and_then(|at| behind.get(at..)).unwrap_or("/")
}

fn network(row: &Row<'_>) -> Result<Told, String> {
    Ok(Told { ends: both_ends(row)?, payload: None, recorded: by_rules(row) })
}

/// The ends of a flow whose destination is logged, too.
fn both_ends(row: &Row<'_>) -> Result<Ends, String> {
    row.field(Column::DestinationIp).needed(flow::address)?;
    ends(row, row.field(Column::Protocol).needed(transport)?)
}

/// A protocol of a network rule, such as `TCP` or `ICMP Type=8`.
fn transport(word: &str) -> Option<IpProtocol> {
    flow::protocol(word.split_ascii_whitespace().next()?)
}

fn nat(row: &Row<'_>) -> Result<Told, String> {
    let ends = both_ends(row)?;
    let target = row.field(Column::TranslatedIp);
    let target = target.text.ok_or_else(|| target.lacks())?;
    let port = row.get(Column::TranslatedPort).unwrap_or_default();
    let reason = format!("DNAT to {target}:{port}");
    let verdict = RecordedVerdict::Allowed;
    let (by, rule) = (Recorder::Firewall, rule(row));
    let recorded = Recorded { verdict, by, rule, reason: Some(reason.into()) };
    Ok(Told { ends, payload: None, recorded })
}

/// A row of threat intelligence or intrusion detection. The first has the protocols of application
/// rules, too.
fn alert(row: &Row<'_>, by: Recorder) -> Result<Told, String> {
    let is_inspected = holds(row, Column::IsTlsInspected);
    let (fqdn, url) = (row.get(Column::Fqdn), row.get(Column::TargetUrl));
    let (protocol, payload) =
        row.field(Column::Protocol).needed(|word| match seen(word, fqdn, url, is_inspected) {
            Some(payload) => Some((IpProtocol::TCP, Some(payload))),
            None => Some((transport(word)?, None)),
        })?;
    let ends = ends(row, protocol)?;
    if fqdn.is_none() {
        row.field(Column::DestinationIp).needed(flow::address)?;
    }
    let reason = row.get(Column::ThreatDescription).or(row.get(Column::Description));
    let name = row.get(Column::SignatureId);
    let recorded = Recorded {
        verdict: verdict(row.get(Column::Action)),
        by,
        rule: name.map(RecordedRule::from),
        reason: reason.map(Arc::from),
    };
    Ok(Told { ends, payload, recorded })
}

/// A question to the firewall's DNS proxy, which failed. What it answers is not logged else.
#[derive(Clone, Copy, Debug)]
struct Failed<'a> {
    client: IpAddr,
    question: &'a str,
    kind: &'a str,
    code: ResponseCode,
}

impl Failed<'_> {
    fn tell(self, at: Timestamp, sink: &mut impl Sink) -> Taken {
        let Failed { client, question, kind, code } = self;
        let server = dns::UNKNOWN_SERVER;
        let asked = Asked { at, client, server, question, kind, code };
        match asked.answered(|_| Vec::new()) {
            Some(answer) => {
                sink.answer(answer);
                Taken::Told
            }
            None => Taken::PassedOver,
        }
    }
}

fn query(row: &Row<'_>, at: Timestamp, sink: &mut impl Sink) -> Result<Taken, String> {
    let client = row.field(Column::SourceIp).needed(flow::address)?;
    let question = row.field(Column::QueryName);
    let question = question.text.ok_or_else(|| question.lacks())?;
    let code = row.get(Column::ResponseCode).and_then(dns::code);
    let kind = row.get(Column::QueryType).unwrap_or_default();
    Ok(match code.filter(|code| *code != ResponseCode::NO_ERROR) {
        Some(code) => Failed { client, question, kind, code }.tell(at, sink),
        None => Taken::PassedOver,
    })
}

/// The answer of Log Analytics to a query: tables with columns and rows (`tables` of its API).
#[derive(Deserialize)]
pub(super) struct Tables<'a> {
    #[serde(borrow)]
    tables: Vec<TableOf<'a>>,
    /// Why the tables are not all of the answer.
    #[serde(borrow)]
    error: Option<ErrorOf<'a>>,
}

#[derive(Deserialize)]
struct ErrorOf<'a> {
    #[serde(borrow, default)]
    code: Text<'a>,
}

#[derive(Deserialize)]
struct TableOf<'a> {
    #[serde(borrow)]
    columns: Vec<ColumnOf<'a>>,
    #[serde(borrow)]
    rows: Vec<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
struct ColumnOf<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
}

impl Tables<'_> {
    /// What is wrong with the answer, where it says that it is not all.
    pub(super) fn lack(&self) -> Option<String> {
        let code = self.error.as_ref()?.code.get().unwrap_or("an error");
        Some(format!("the answer to the query is not whole (`{code}`); ask for less at a time"))
    }

    /// The rows of all tables.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.tables.iter().flat_map(|table| {
            let columns: Vec<Option<Column>> =
                table.columns.iter().map(|one| one.name.get().and_then(Column::named)).collect();
            table.rows.iter().map(move |values| {
                let mut row = Row::default();
                for (column, value) in columns.iter().zip(values) {
                    if let Some(column) = column {
                        row.set(*column, value.get().unwrap_or_default().into());
                    }
                }
                row
            })
        })
    }
}
