//! The program as its users meet it: arguments in, text, files and an exit code out.
#![cfg(test)]

#[path = "cli/advice.rs"]
mod advice;
#[path = "cli/assert.rs"]
mod assert;
#[path = "cli/bad_input.rs"]
mod bad_input;
#[path = "cli/check.rs"]
mod check;
#[path = "cli/compile.rs"]
mod compile;
#[path = "cli/defaults.rs"]
mod defaults;
#[path = "cli/diff.rs"]
mod diff;
#[path = "cli/examples.rs"]
mod examples;
#[path = "cli/expected.rs"]
mod expected;
#[path = "cli/explain.rs"]
mod explain;
#[path = "cli/fitting.rs"]
mod fitting;
#[path = "cli/fitting_dns.rs"]
mod fitting_dns;
// Without these there is no `lock` and no `test`, and help that lacks them is not kept.
#[cfg(all(feature = "live-dns", feature = "testing"))]
#[path = "cli/help.rs"]
mod help;
#[cfg(unix)]
#[path = "cli/interrupted.rs"]
mod interrupted;
#[path = "cli/logs.rs"]
mod logs;
#[path = "cli/packets.rs"]
mod packets;
#[path = "cli/paths.rs"]
mod paths;
#[path = "cli/prove.rs"]
mod prove;
#[path = "cli/sandbox.rs"]
mod sandbox;
#[path = "cli/schemas.rs"]
mod schemas;
#[path = "cli/streams.rs"]
mod streams;
#[cfg(feature = "testing")]
#[path = "cli/test.rs"]
mod test;
#[path = "cli/witness.rs"]
mod witness;
