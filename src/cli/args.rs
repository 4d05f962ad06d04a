//! What the user typed.

use std::path::PathBuf;

use clap::Args;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;
use jiff::Timestamp;
use jiff::civil::Date;

/// Compiles a reviewed list of permitted egress to Azure Firewall, and judges recorded traffic by it.
#[derive(Debug, Parser)]
#[command(name = "exeat", version, max_term_width = 100)]
pub(super) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Lint rules files, hold them against Azure's limits, and judge their examples
    #[command(mut_arg("verbose", |arg| {
        arg.help("Say more: notes too, and the defaults that were taken")
    }))]
    Check(CheckArgs),
    /// Write rules files in the one style
    Fmt(FmtArgs),
    /// Turn a rules file into Azure resources
    Compile(CompileArgs),
    /// Tell the verdict on one flow, and the way to it
    Explain(ExplainArgs),
    /// List the flows that captures and flow logs hold; no rules are involved
    Flows(FlowsArgs),
    /// Judge recorded flows
    Replay(ReplayArgs),
    /// Prove for all flows what the list claims, or show one that refutes it
    Prove(ProveArgs),
    /// Show what a change lets out or stops, over all flows
    Diff(DiffArgs),
    /// Judge the examples of a rules file, and flows near every edge
    #[cfg(feature = "testing")]
    Test(TestArgs),
    /// Ask a DNS server for the names of a rules file, and write the answers to `exeat.lock`
    #[cfg(feature = "live-dns")]
    Lock(LockArgs),
    /// Explain a diagnostic code, or list them all
    Code(CodeArgs),
}

/// The form of a result.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// When colours are shown.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum Color {
    /// Where the output is a terminal.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// The option of every command that draws.
#[derive(Args, Debug)]
pub(super) struct ColorArgs {
    /// When to show colours
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub(super) color: Color,
}

/// Options of commands that have findings.
#[derive(Args, Debug)]
pub(super) struct CommonArgs {
    #[command(flatten)]
    pub(super) color: ColorArgs,
    /// Say less: no warnings, no progress, no list of written files
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say more: notes too
    #[arg(short, long)]
    pub(super) verbose: bool,
}

/// The option of commands that work in parallel.
#[derive(Args, Debug)]
pub(super) struct ThreadsArgs {
    /// How many threads to use; as many as there are cores if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=512))]
    pub(super) threads: Option<u16>,
}

/// Options of commands that resolve a rules file.
#[derive(Args, Debug)]
pub(super) struct ParameterArgs {
    /// Give a parameter of the rules file a value
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,
    /// Take values of parameters from a file, one `NAME=VALUE` a line
    #[arg(long, value_name = "FILE")]
    pub(super) params: Option<PathBuf>,
}

/// Options of commands that compile a rules file.
#[derive(Args, Debug)]
pub(super) struct RulesArgs {
    #[command(flatten)]
    pub(super) parameters: ParameterArgs,
    /// Judge as of this time: an RFC 3339 time, or a day in UTC; now if not given
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(super) at: Option<Timestamp>,
}

/// Options of commands that decide claims about a list.
#[derive(Args, Debug)]
pub(super) struct ChecksArgs {
    /// Take the assertions and examples of this file, too, as if they stood at the end of the rules
    /// file; repeatable
    #[arg(long, value_name = "FILE")]
    pub(super) assert: Vec<PathBuf>,
}

/// Options of commands that decide flows.
#[derive(Args, Debug)]
pub(super) struct SubjectArgs {
    /// Judge this deployment (exeat.deployment/1) instead of the compiled one; repeatable
    #[arg(long, value_name = "FILE")]
    pub(super) deployment: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) known: KnownArgs,
}

/// Options that say what is known of the environment, and what is assumed of it.
#[derive(Args, Debug)]
pub(super) struct KnownArgs {
    /// Decide what sources leave open; `--assume list` shows the keys
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) assume: Vec<String>,
    /// Microsoft's service-tag file, also gzipped
    #[arg(long, value_name = "FILE")]
    pub(super) service_tags: Option<PathBuf>,
    /// DNS answers that `exeat lock` wrote; `exeat.lock` beside the rules file if there is one
    #[arg(long, value_name = "FILE")]
    pub(super) lock: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(super) struct CheckArgs {
    /// Rules files; `-` is standard input
    #[arg(required_unless_present = "assume", value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) known: KnownArgs,
    #[command(flatten)]
    pub(super) checks: ChecksArgs,
    /// Tell which permissions the flows of this capture do not need, or need less of; repeatable,
    /// `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) capture: Vec<PathBuf>,
    /// Take every source of the captures as lying in this subnet
    #[arg(long, requires = "capture", value_name = "SUBNET")]
    pub(super) from: Option<String>,
    /// Form of the result
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) rules: RulesArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

#[derive(Args, Debug)]
pub(super) struct FmtArgs {
    /// Rules files; `-` formats standard input to standard output
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<PathBuf>,
    /// Write nothing; show the difference and exit 1 where a file is not formatted
    #[arg(long)]
    pub(super) check: bool,
    #[command(flatten)]
    pub(super) color: ColorArgs,
}

/// What rules are compiled to.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Target {
    /// ARM templates, and the order in which to deploy them.
    Arm,
    /// exeat.deployment/1, the model that `--deployment` reads.
    Json,
}

#[derive(Args, Debug)]
pub(super) struct CompileArgs {
    /// The rules file; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// What to write
    #[arg(long, value_enum)]
    pub(super) target: Target,
    /// The folder to write to; it is made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(super) out: PathBuf,
    #[command(flatten)]
    pub(super) rules: RulesArgs,
    #[command(flatten)]
    pub(super) threads: ThreadsArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

#[derive(Args, Debug)]
#[command(override_usage = "exeat explain [OPTIONS] <SUBJECT> <FLOW>\n       \
                            exeat explain [OPTIONS] --deployment <FILE> <FLOW>")]
pub(super) struct ExplainArgs {
    /// The rules file, unless only `--deployment` is asked, and the flow, such as
    /// "10.1.0.4 -> 93.184.216.34 : tcp/443 tls www.example.com"
    #[arg(required_unless_present = "assume", value_names = ["SUBJECT", "FLOW"], num_args = 1..)]
    pub(super) words: Vec<String>,
    #[command(flatten)]
    pub(super) subject: SubjectArgs,
    /// A capture or several, for the DNS answers in them
    #[arg(long, value_name = "FILE")]
    pub(super) capture: Vec<PathBuf>,
    /// Take every source as lying in this subnet
    #[arg(long, value_name = "SUBNET")]
    pub(super) from: Option<String>,
    /// Form of the result
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) rules: RulesArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

#[derive(Args, Debug)]
#[command(override_usage = "exeat prove [OPTIONS] <SUBJECT>\n       \
                            exeat prove [OPTIONS] --deployment <FILE>")]
pub(super) struct ProveArgs {
    /// The rules file; with `--deployment` alone there is no list
    #[arg(value_name = "SUBJECT", required_unless_present_any = ["deployment", "assume"])]
    pub(super) rules_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) subject: SubjectArgs,
    /// Write a certificate that nothing leaks, of the templates that the list compiles to: SMT-LIB 2
    /// text for Z3, which answers `unsat` where the claim holds
    #[arg(long, value_name = "FILE")]
    pub(super) smt: Option<PathBuf>,
    /// Write the flows that a claim does not hold of as packets: a pcapng capture, each flow behind
    /// the DNS answers that it supposes
    #[arg(long, value_name = "FILE")]
    pub(super) witness: Option<PathBuf>,
    /// Do not object to what is open, or to this claim: open, no-leak, no-breakage, nothing-around
    /// or assertion; repeatable
    #[arg(long, value_name = "CLAIM")]
    pub(super) accept: Vec<String>,
    #[command(flatten)]
    pub(super) checks: ChecksArgs,
    /// Form of the result
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) rules: RulesArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

/// The form of a difference.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum DiffFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For a comment on a pull request.
    Markdown,
}

/// Which difference stops a pipeline.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum FailOn {
    /// Something newly leaves, or may.
    Widened,
    /// Anything differs.
    Any,
}

#[derive(Args, Debug)]
#[command(override_usage = "exeat diff [OPTIONS] <OLD> <NEW>")]
pub(super) struct DiffArgs {
    /// What was, and what will be: each a rules file, a deployment (exeat.deployment/1) or a folder of
    /// deployments; `-` is a rules file on standard input
    #[arg(required_unless_present = "assume", value_names = ["OLD", "NEW"], num_args = 2)]
    pub(super) sides: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) known: KnownArgs,
    /// Tell which recorded flows flip, too; repeatable, `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(super) capture: Vec<PathBuf>,
    /// Exit 1 where something newly leaves or may, or where anything differs
    #[arg(long, value_enum, value_name = "WHICH")]
    pub(super) fail_on: Option<FailOn>,
    /// Form of the result
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: DiffFormat,
    #[command(flatten)]
    pub(super) rules: RulesArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

#[cfg(feature = "testing")]
#[derive(Args, Debug)]
#[command(override_usage = "exeat test [OPTIONS] <SUBJECT>\n       \
                            exeat test [OPTIONS] --deployment <FILE>")]
pub(super) struct TestArgs {
    /// The rules file; with `--deployment` alone there is no list
    #[arg(value_name = "SUBJECT", required_unless_present_any = ["deployment", "assume"])]
    pub(super) rules_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) subject: SubjectArgs,
    /// Draw flows from this seed; the same seed gives the same flows
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// How many flows to draw beside those at each edge
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(super) cases: u32,
    /// Tell the small mistakes in the compiled rules that no example and no assertion notices
    #[arg(long)]
    pub(super) mutants: bool,
    /// Do not object to flows in this box: leak, breakage or bypass; repeatable
    #[arg(long, value_name = "BOX")]
    pub(super) accept: Vec<String>,
    #[command(flatten)]
    pub(super) checks: ChecksArgs,
    /// Form of the result
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) rules: RulesArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

#[derive(Args, Debug)]
pub(super) struct FlowsArgs {
    /// Captures (pcap, pcapng) and flow logs (VNet, NSG, Azure Firewall, Hubble, Zeek, Suricata, AWS VPC),
    /// gzipped or not; `-` is standard input. Of a log, `recorded` in JSON is what it says became of
    /// the flow
    #[arg(required = true, value_name = "CAPTURE")]
    pub(super) captures: Vec<PathBuf>,
    /// Form of the result; JSON is one object a line
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) threads: ThreadsArgs,
    #[command(flatten)]
    pub(super) color: ColorArgs,
    /// Say less: no warnings, no progress
    #[arg(short, long)]
    pub(super) quiet: bool,
}

/// Which flows a JSON report lists.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(super) enum ListedFlows {
    /// Every flow.
    #[default]
    All,
    /// Those that stop a pipeline.
    Objections,
    /// None.
    None,
}

#[derive(Args, Debug)]
#[command(override_usage = "exeat replay [OPTIONS] --capture <FILE> <SUBJECT>\n       \
                            exeat replay [OPTIONS] --capture <FILE> --deployment <FILE>")]
pub(super) struct ReplayArgs {
    /// The rules file; with `--deployment` alone there is no list
    #[arg(value_name = "SUBJECT", required_unless_present_any = ["deployment", "assume"])]
    pub(super) rules_file: Option<PathBuf>,
    #[command(flatten)]
    pub(super) subject: SubjectArgs,
    /// A capture, or a flow log of those that `exeat flows --help` names; repeatable, `-` is standard
    /// input
    #[arg(long, required_unless_present = "assume", value_name = "FILE")]
    pub(super) capture: Vec<PathBuf>,
    /// Take every source as lying in this subnet
    #[arg(long, value_name = "SUBNET")]
    pub(super) from: Option<String>,
    /// Do not object to flows in this box: leak, breakage, undetermined or bypass; repeatable
    #[arg(long, value_name = "BOX")]
    pub(super) accept: Vec<String>,
    /// Which flows a JSON report lists
    #[arg(long, value_enum, default_value_t, value_name = "WHICH")]
    pub(super) flows: ListedFlows,
    /// Form of the result
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) rules: RulesArgs,
    #[command(flatten)]
    pub(super) threads: ThreadsArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

#[cfg(feature = "live-dns")]
#[derive(Args, Debug)]
pub(super) struct LockArgs {
    /// The rules file; `exeat.lock` is written beside it
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,
    /// The DNS server to ask: an address, with a port where it is not 53
    #[arg(long, value_name = "IP")]
    pub(super) server: String,
    /// Seconds to wait for each answer
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub(super) timeout: u64,
    #[command(flatten)]
    pub(super) parameters: ParameterArgs,
    #[command(flatten)]
    pub(super) common: CommonArgs,
}

#[derive(Args, Debug)]
pub(super) struct CodeArgs {
    /// The code, such as E0203; all of them if not given
    #[arg(value_name = "CODE")]
    pub(super) code: Option<String>,
}

/// An instant, or a day in UTC, of which the start is meant.
fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    text.parse::<Date>()
        .ok()
        // Of a time without an offset, the day alone would be read.
        .filter(|day| day.to_string() == text)
        .and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .map(|start| start.timestamp())
        .ok_or_else(|| {
            "expected a time such as 2026-03-01T10:00:00Z, or a day such as 2026-03-01".to_owned()
        })
}
