//! Lists of any length, the same text on every run.

use std::fmt::Write as _;

/// How many permissions one team has.
const TEAM: usize = 30;

/// The network that every list is about.
const NETWORK: &str = "language 1

network hub-and-spoke {
  vnet hub 10.0.0.0/16 {
    subnet AzureFirewallSubnet 10.0.1.0/26
  }
  vnet spoke 10.1.0.0/16 {
    peers hub
    dns egress
    subnet system 10.1.0.0/22 { routes via egress }
    subnet apps 10.1.8.0/24 { routes via egress }
  }
  firewall egress in hub { sku premium  private-ip 10.0.1.4  public-ip 203.0.113.10  dns-proxy on }
}

policy egress { threat-intel deny }

";

/// The text of a list with this many permissions: of ten, seven go to names over TLS, one to names
/// over HTTP, one to a database, and one to addresses.
pub(crate) fn text(permissions: usize) -> String {
    let mut text = NETWORK.to_owned();
    for number in 0..permissions {
        let team = number / TEAM;
        let (destinations, service) = match number % 10 {
            7 => (format!("packages-{number}.example.com"), "http".to_owned()),
            8 => (format!("sql-{number}.database.windows.net"), "mssql proxy".to_owned()),
            9 => (format!("198.51.{}.0/24", number % 256), format!("tcp/{}", 5_000 + number)),
            _ => {
                let (exact, below) = (format!("api-{number}"), format!("*.cdn-{number}"));
                (format!("{exact}.example.com, {below}.example.com"), "https".to_owned())
            }
        };
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "allow p-{number}: apps -> {destinations} : {service}\n  because \"the work of team \
             {team} needs it\"  owner team-{team}\n\n"
        );
    }
    text
}
