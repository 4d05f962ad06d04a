//! What recorded flows use of a list: less than it permits, or nothing.

use std::io;
use std::path::Path;
use std::slice;

use exeat::diagnostic::Code;
use exeat::diagnostic::Diagnostic;
use exeat::diagnostic::SourceMap;
use exeat::evidence::DnsAnswer;
use exeat::evidence::DnsRecord;
use exeat::evidence::Evidence;
use exeat::evidence::RecordType;
use exeat::evidence::ResponseCode;
use exeat::evidence::Solicited;
use exeat::flow::Fqdn;
use exeat::flow::Observation;
use exeat::flow::notation::FlowText;
use exeat::intent::Intent;
use exeat::report::usage::Recorded;
use exeat::resolve::Options;
use exeat::resolve::resolve;
use exeat::simulate::Assumptions;
use exeat::simulate::Environment;
use exeat::simulate::Judged;
use exeat::simulate::Usage;
use jiff::tz::TimeZone;

use super::TODAY;

const NETWORK: &str = "language 1

network n {
  vnet hub 10.0.0.0/16 { subnet AzureFirewallSubnet 10.0.1.0/26 }
  vnet spoke 10.1.0.0/16 {
    peers hub
    dns egress
    subnet system 10.1.0.0/22 { routes via egress }
    subnet apps 10.1.8.0/24 { routes via egress }
    subnet more 10.1.4.0/24, 10.1.5.0/24 { routes via egress }
  }
  firewall egress in hub { sku premium  private-ip 10.0.1.4  dns-proxy on }
}

addresses pools = system, apps
";

fn list(text: &str) -> (Intent, SourceMap) {
    let mut read = |path: &Path| {
        if path == Path::new("main.egress") {
            Ok(text.as_bytes().to_vec())
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    };
    let resolved = resolve("main.egress", &mut read, &Options::default());
    let intent = resolved.intent.unwrap_or_else(|| panic!("{text}\n{:?}", resolved.diagnostics));
    (intent, resolved.sources)
}

fn environment<'a>(evidence: &'a Evidence, assumptions: &'a Assumptions) -> Environment<'a> {
    let at = TODAY.to_zoned(TimeZone::UTC).expect("a day").timestamp();
    Environment { evidence, assumptions, at }
}

/// What flows of one capture say of a list.
fn found(text: &str, flows: &[Observation], evidence: &Evidence) -> Vec<Diagnostic> {
    let (intent, sources) = list(text);
    let assumptions = Assumptions::default();
    let mut usage = Usage::new(&intent, TODAY);
    for flow in flows {
        usage.add(slice::from_ref(flow), &environment(evidence, &assumptions));
    }
    let captures = ["c.pcap".to_owned()];
    let recorded = Recorded {
        intent: &intent,
        sources: &sources,
        day: TODAY,
        captures: &captures,
        usage: &usage,
    };
    recorded.findings(&[])
}

/// Whether the list permits each flow, and by which permission.
fn judged(text: &str, flows: &[Observation]) -> Vec<(Option<bool>, Option<usize>)> {
    let (intent, _) = list(text);
    let (evidence, assumptions) = (Evidence::default(), Assumptions::default());
    let environment = environment(&evidence, &assumptions);
    let judged = flows.iter().map(|flow| intent.judge_on(TODAY, flow, &environment));
    // What is denied is permitted by none, though the list knows one that would.
    let by = |judged: &Judged| judged.by.filter(|_| judged.permitted != Some(false));
    judged.map(|judged| (judged.permitted, by(&judged))).collect()
}

/// What flows from `apps` and others say of statements: of each permission that was used narrowly
/// the narrower one, of each other the headline. What is offered permits the same flows.
#[track_caller]
fn check(statements: &str, flows: &[&str], expected: &[&str]) {
    let text = [NETWORK, statements].concat();
    let flows: Vec<Observation> = flows
        .iter()
        .map(|flow| FlowText::parse(flow).expect("a flow").to_observation().expect("addresses"))
        .collect();
    let mut told = Vec::new();
    for finding in found(&text, &flows, &Evidence::default()) {
        let narrower = finding.notes().iter().find_map(|note| note.strip_prefix("narrower: "));
        let labels = finding.primary().into_iter().chain(finding.secondary());
        let labels: Vec<&str> = labels.map(|label| label.text.as_str()).collect();
        told.push(match (finding.code() == Code::NEVER_USED, narrower) {
            (true, _) => finding.headline().to_owned(),
            (false, Some(narrower)) => narrower.trim_matches('`').to_owned(),
            (false, None) => labels.join(", "),
        });
        if finding.code() == Code::USED_NARROWLY
            && let Some(fix) = finding.fix_offered()
        {
            let mut mended = text.clone();
            for edit in fix.edits.iter().rev() {
                mended.replace_range(edit.span.range(), &edit.replacement);
            }
            assert_eq!(judged(&text, &flows), judged(&mended, &flows), "{mended}");
            assert_ne!(text, mended);
        }
    }
    assert_eq!(told, expected, "{statements}");
}

const WEB: &str = "10.1.8.4 -> 203.0.113.7 : tcp/443 tls www.example.com";
const API: &str = "10.1.8.4 -> 203.0.113.8 : tcp/443 tls api.example.com";
const OTHER: &str = "10.1.8.4 -> 203.0.113.9 : tcp/443 tls www.example.net";
const OF_SYSTEM: &str = "10.1.0.4 -> 203.0.113.9 : tcp/443 tls www.example.net";

#[test]
fn a_permission_that_no_flow_from_its_sources_needs_is_never_used() {
    let web = "allow web: apps -> www.example.com : https  because \"x\"\n";
    let unused = "`web` was used by none of 2 recorded flows from its sources";
    check(web, &[API, OTHER], &[unused]);
    check(web, &[OTHER], &["`web` was not used by the one recorded flow from its sources"]);
    check(web, &[API, WEB], &[]);
    // Nothing was recorded where it could have been used.
    check(web, &[OF_SYSTEM], &[]);
    check(web, &[], &[]);
}

#[test]
fn what_is_not_active_is_not_said_to_be_unused() {
    let web = "allow web: apps -> www.example.com : https  because \"x\"  expires ";
    check(&format!("{web}2020-01-01\n"), &[OTHER], &[]);
    check(&format!("{web}2099-01-01\n"), &[WEB], &[]);
}

#[test]
fn a_flow_that_a_permission_may_mean_is_a_use_of_it() {
    let web = "allow web: apps -> *.example.com : https  because \"x\"\n";
    for payload in ["", " tls"] {
        let unknown = format!("10.1.8.4 -> 203.0.113.7 : tcp/443{payload}");
        let expected: &[&str] = if payload.is_empty() {
            &[]
        } else {
            // A hello without a name is for no host.
            &["`web` was not used by the one recorded flow from its sources"]
        };
        check(web, &[&unknown], expected);
    }
    let tagged = "allow data: apps -> tag Sql.WestEurope : tcp/1433  because \"x\"\n";
    check(
        tagged,
        &["10.1.8.4 -> 203.0.113.7 : tcp/1433"],
        &["seen: 1 address of `Sql.WestEurope`: 203.0.113.7"],
    );
    let by_address = "allow clock: apps -> ntp.example.com : udp/123  because \"x\"  by address because \"no name\"\n";
    check(by_address, &["10.1.8.4 -> 203.0.113.7 : udp/123"], &[]);
}

#[test]
fn a_flow_without_a_name_uses_what_its_client_was_told() {
    let clock = |name: &str| {
        format!(
            "allow {name}: apps -> {name}.example.com : udp/123  because \"x\"  by address because \"y\"\n"
        )
    };
    let text = [NETWORK, &clock("ntp"), &clock("time")].concat();
    let flow = FlowText::parse("10.1.8.4 -> 203.0.113.7 : udp/123").expect("a flow");
    let flow = flow.to_observation().expect("addresses");
    let mut evidence = Evidence::default();
    assert_eq!(found(&text, slice::from_ref(&flow), &evidence), []);
    let name: Fqdn = "ntp.example.com".parse().expect("a name");
    evidence.timeline.add(&DnsAnswer {
        at: environment(&Evidence::default(), &Assumptions::default()).at,
        client: flow.source,
        server: "10.0.1.4".parse().expect("an address"),
        solicited: Solicited::Unsaid,
        question: name.clone(),
        asked: RecordType::A,
        code: ResponseCode::NO_ERROR,
        records: vec![DnsRecord::Address { owner: name, address: flow.destination, ttl: 60 }],
    });
    let said = found(&text, slice::from_ref(&flow), &evidence);
    let headlines: Vec<&str> = said.iter().map(Diagnostic::headline).collect();
    assert_eq!(headlines, ["`time` was not used by the one recorded flow from its sources"]);
}

#[test]
fn what_is_denied_uses_nothing() {
    check(
        "allow web: apps -> www.example.com, api.example.com : https  because \"x\"\n\
         deny api: any -> api.example.com : https  because \"x\"\n",
        &[WEB, API],
        &["allow web: apps -> www.example.com : https"],
    );
}

#[test]
fn names_that_were_seen_stand_for_a_wildcard_as_long_as_they_are_few() {
    let web = "may web: apps -> *.example.com, other.example.org : https  because \"x\"\n";
    check(web, &[WEB, API, WEB], &["may web: apps -> api.example.com, www.example.com : https"]);
    let host = |number| format!("10.1.8.4 -> 203.0.113.7 : tcp/443 tls h{number}.example.com");
    let many: Vec<String> = (1..=9).map(host).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    check(web, &many, &[]);
    // One that shows no name may be for any of them.
    check(web, &[WEB, "10.1.8.4 -> 203.0.113.7 : tcp/443"], &[]);
}

#[test]
fn addresses_ports_and_services_that_were_seen_stand_for_more() {
    let to = |address: &str| format!("10.1.8.4 -> {address}");
    let broker = "allow broker: apps -> 203.0.113.0/29 : tcp/5000-5009, udp/5000  because \"x\"\n";
    let [one, two] = ["203.0.113.1 : tcp/5001", "203.0.113.2 : tcp/5002"].map(to);
    check(
        broker,
        &[&one, &two],
        &["allow broker: apps -> 203.0.113.1, 203.0.113.2 : tcp/5001-5002"],
    );
    let small = "allow broker: apps -> 203.0.113.0/31 : tcp/5001-5002  because \"x\"\n";
    check(small, &[&one], &[]);
    let sip = "allow sip: apps -> 203.0.113.1 : tcp/5001, udp/5001  because \"x\"\n";
    check(sip, &[&one], &["allow sip: apps -> 203.0.113.1 : tcp/5001"]);
}

#[test]
fn a_subnet_is_left_out_only_where_its_flows_were_recorded() {
    let web = "allow web: pools -> www.example.com : https  because \"x\"\n";
    check(web, &[WEB], &[]);
    check(web, &[WEB, OF_SYSTEM], &["no recorded flow from `system` needs it"]);
    let parted = "allow web: system, apps -> www.example.com : https  because \"x\"\n";
    check(parted, &[WEB, OF_SYSTEM], &["allow web: apps -> www.example.com : https"]);
    // It is all of a subnet, whichever of its prefixes a flow comes from.
    let of_more = "allow web: more, apps -> www.example.com : https  because \"x\"\n";
    let [of_first, of_second] =
        ["10.1.4.4", "10.1.5.4"].map(|source| WEB.replace("10.1.8.4", source));
    let other = OTHER.replace("10.1.8.4", "10.1.5.4");
    check(of_more, &[WEB, &of_first, &other], &[]);
    check(of_more, &[WEB, &of_first, &of_second], &[]);
    check(of_more, &[WEB, &other], &["allow web: apps -> www.example.com : https"]);
}

/// They may mean something else where the list is used with another value.
#[test]
fn no_text_stands_for_sets_and_parameters_nor_for_comments() {
    let seen = "api.example.com, www.example.com";
    let names = "names shops = *.example.com\nallow web: apps -> shops : https  because \"x\"\n";
    check(names, &[WEB, API], &[&format!("seen: {seen}")]);
    let parameter = "param shop: label = \"www\"\n\
        allow web: apps -> \"${shop}.example.com\", api.example.com : https  because \"x\"\n";
    check(parameter, &[API], &["seen: api.example.com"]);
    let services = "services web = https, tcp/5000-5009\n\
        allow web: apps -> 203.0.113.7, www.example.com : web  because \"x\"\n";
    check(
        services,
        &["10.1.8.4 -> 203.0.113.7 : tcp/5001"],
        &["seen: no name, seen: no https; tcp/5001"],
    );
    let comment = "allow web: apps -> *.example.com, // all of it\n  www.example.net : https  because \"x\"\n";
    check(comment, &[WEB], &["seen: 1 name"]);
}
