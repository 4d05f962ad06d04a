//! The registry of diagnostic codes: one line a code.
//!
//! Ranges: `E01xx` syntax · `E02xx` names and resolution · `E03xx` types, values and topology ·
//! `E04xx` what Azure cannot do · `E05xx` limits · `E06xx` claims of the list that do not hold ·
//! `W` and `N`, warnings and notes, in the same ranges. A code is never renumbered and never used again for something else.

use std::cmp::Ordering;
use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// There is no result, or one that must not be used.
    Error,
    /// There is a result, and something in the source deserves a change.
    Warning,
    /// Worth knowing.
    Note,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        })
    }
}

/// A diagnostic code: a row of the registry.
#[derive(Clone, Copy)]
pub struct Code(&'static Row);

/// What the registry says of a code.
struct Row {
    id: &'static str,
    name: &'static str,
    level: Severity,
    summary: &'static str,
    page: &'static str,
}

impl Code {
    /// The code, such as `E0203`.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// The name in kebab-case, such as `unknown-name`.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The level unless a finding is graded otherwise.
    pub fn level(self) -> Severity {
        self.0.level
    }

    /// One line on what it means.
    pub fn summary(self) -> &'static str {
        self.0.summary
    }

    /// Path of the page in the project, such as `docs/codes/E0203.md`.
    pub fn page_path(self) -> String {
        format!("docs/codes/{}.md", self.0.id)
    }

    /// The page's text, Markdown.
    pub fn page(self) -> &'static str {
        self.0.page
    }

    /// The code with this id or name, in any case.
    pub fn find(wanted: &str) -> Option<Code> {
        let same = |code: &&Code| {
            code.id().eq_ignore_ascii_case(wanted) || code.name().eq_ignore_ascii_case(wanted)
        };
        Code::ALL.iter().find(same).copied()
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Code {}

impl Ord for Code {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.id.cmp(other.0.id)
    }
}

impl PartialOrd for Code {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Code {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0.id, self.0.name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.id)
    }
}

/// Each line makes a constant of [`Code`], its place in [`Code::ALL`], and takes its page in.
macro_rules! codes {
    ($($constant:ident = $level:ident $id:literal $name:literal $summary:literal;)*) => {
        impl Code {
            $(
                #[doc = concat!("`", $id, "`: ", $summary, ".")]
                pub const $constant: Code = Code(&Row {
                    id: $id,
                    name: $name,
                    level: Severity::$level,
                    summary: $summary,
                    page: include_str!(concat!("../../docs/codes/", $id, ".md")),
                });
            )*

            /// Every code, in the order of the registry.
            pub const ALL: &[Code] = &[$(Code::$constant),*];
        }
    };
}

codes! {
    UNEXPECTED = Error "E0101" "unexpected" "something else was expected here";
    MISSING_VERSION = Error "E0102" "missing-version" "the first line does not say the language's version";
    UNKNOWN_VERSION = Error "E0103" "unknown-version" "a version of the language that this program does not know";
    UNKNOWN_STATEMENT = Error "E0104" "unknown-statement" "a sentence begins with a word that begins none";
    UNCLOSED_STRING = Error "E0105" "unclosed-string" "a quoted text has no closing quote on its line";
    BAD_ESCAPE = Error "E0106" "bad-escape" "a backslash in a quoted text with a letter that means nothing";
    BAD_HOLE = Error "E0107" "bad-hole" "a hole `${…}` that names no parameter, or stands where none may";
    UNCLOSED_BRACE = Error "E0108" "unclosed-brace" "a brace or parenthesis is opened and never closed";
    EQUALS_FOR_COLON = Error "E0109" "equals-for-colon" "`=` stands where `:` belongs";
    COLON_FOR_EQUALS = Error "E0110" "colon-for-equals" "`:` stands where `=` belongs";
    MISSING_ARROW = Error "E0111" "missing-arrow" "no `->` between sources and destinations";
    MISSING_SERVICE = Error "E0112" "missing-service" "a sentence does not say which services it is about";
    MISSING_REASON = Error "E0113" "missing-reason" "a sentence that needs `because` has none";
    PORT_WITHOUT_PROTOCOL = Error "E0114" "port-without-protocol" "a port without `tcp/` or `udp/` before it";
    URL_FOR_NAME = Error "E0115" "url-for-name" "a URL stands where a host name belongs";
    STAR_ALONE = Error "E0116" "star-alone" "`*` alone does not say what it stands for";
    STAR_INSIDE = Error "E0117" "star-inside" "a star that is not the whole first label of a name";
    SNI_FOR_TLS = Error "E0118" "sni-for-tls" "`sni` stands where `tls` belongs";
    DUPLICATE_CLAUSE = Error "E0119" "duplicate-clause" "a clause or setting is given twice";
    CLAUSE_NOT_HERE = Error "E0120" "clause-not-here" "a clause that this kind of sentence cannot have";
    RESERVED_WORD = Error "E0121" "reserved-word" "a word of the language is used as a name";
    BAD_IDENTIFIER = Error "E0122" "bad-identifier" "a name that does not start with a letter, or holds other characters than letters, digits and dashes";
    BAD_DATE = Error "E0123" "bad-date" "a date that is not in the calendar, or not written as `2099-06-30`";
    BAD_ADDRESS = Error "E0124" "bad-address" "an address, prefix or range that is none";
    BAD_PORT = Error "E0125" "bad-port" "a port or protocol number out of range";
    MIXED_OPERATORS = Error "E0126" "mixed-operators" "`,`, `and` and `except` are mixed without parentheses";
    DOC_NOT_HERE = Error "E0127" "doc-not-here" "a `///` comment stands before nothing it could describe";
    STATEMENT_NOT_HERE = Error "E0128" "statement-not-here" "a sentence stands in a block that cannot hold it";
    UNKNOWN_SETTING = Error "E0129" "unknown-setting" "a block holds a word that is none of its settings";
    BAD_VALUE = Error "E0130" "bad-value" "a setting has a value that is none of its choices";
    CANNOT_READ = Error "E0201" "cannot-read" "a file that is imported or named cannot be read as text";
    IMPORT_CYCLE = Error "E0202" "import-cycle" "a file imports itself, directly or by way of others";
    UNKNOWN_NAME = Error "E0203" "unknown-name" "a name that nothing is declared as";
    WRONG_KIND = Error "E0204" "wrong-kind" "a name or value of one kind stands where another belongs";
    AMBIGUOUS_NAME = Error "E0205" "ambiguous-name" "a name that could mean different things";
    DUPLICATE_NAME = Error "E0206" "duplicate-name" "a name is declared twice, or given two values";
    DUPLICATE_LABEL = Error "E0207" "duplicate-label" "two statements have the same label";
    SELF_REFERENCE = Error "E0208" "self-reference" "a definition leads back to itself";
    UNKNOWN_RULESET = Error "E0209" "unknown-ruleset" "no ruleset of this name is shipped";
    BAD_PATH = Error "E0210" "bad-path" "a path that names no file relative to its own";
    UNKNOWN_PARAMETER = Error "E0211" "unknown-parameter" "a value is given for a parameter that is not there";
    MISSING_ARGUMENT = Error "E0212" "missing-argument" "a parameter has no default and is given no value";
    NOT_IN_IMPORTS = Error "E0213" "not-in-imports" "a statement about the whole list stands in an imported file";
    UNSUPPORTED = Error "E0214" "unsupported" "a construct that is read and cannot be honoured yet";
    NOT_A_CHECK = Error "E0215" "not-a-check" "a file of checks holds what would be a part of the list";
    BAD_TYPE = Error "E0301" "bad-type" "a value does not fit the type of its parameter or table";
    BAD_FILLING = Error "E0302" "bad-filling" "a hole is filled by a value that could change more than its place";
    HOST_BITS = Error "E0303" "host-bits" "a prefix has bits set behind its length";
    BAD_NAME = Error "E0304" "bad-name" "a text is no host name, tag or name";
    BAD_ADDRESS_VALUE = Error "E0305" "bad-address-value" "a value is not the one address or prefix that is needed";
    EMPTY_SET = Error "E0306" "empty-set" "nothing is left in a set";
    NEEDS_BY_ADDRESS = Error "E0307" "needs-by-address" "a name with a service that shows no name";
    MSSQL_MODE = Error "E0308" "mssql-mode" "`mssql` without `proxy` or `redirect`";
    ANY_IN_PERMISSION = Error "E0309" "any-in-permission" "a permission goes to `any`, or is for `any` service";
    NAMES_NOT_PATTERNS = Error "E0310" "names-not-patterns" "a set of names that no patterns say";
    MISSING_SETTING = Error "E0311" "missing-setting" "a part of the network does not say what it must";
    OVERLAP = Error "E0312" "overlap" "two parts of the network have the same addresses";
    BAD_PLACE = Error "E0313" "bad-place" "a part of the network stands where it cannot";
    INCOMPLETE_TABLE = Error "E0314" "incomplete-table" "a table has no value for a key";
    BAD_FLOW = Error "E0315" "bad-flow" "an example is no flow";
    MIXED_KINDS = Error "E0316" "mixed-kinds" "`and` or `except` between things that have no elements in common";
    CLAUSE_ON_DENY = Error "E0317" "clause-on-deny" "a deny accepts something";
    WILDCARD_BY_ADDRESS = Error "E0401" "wildcard-by-address" "a wildcard goes with a service that is judged by address";
    ADDRESS_FOR_NAME = Error "E0402" "address-for-name" "addresses or a service tag go with a service that is judged by name";
    ICMP_OUTSIDE = Error "E0403" "icmp-outside" "ICMP goes where the firewall cannot deliver it";
    NO_RULE = Error "E0404" "no-rule" "no rule of Azure's says this service for this destination";
    REDIRECT_TO_NAME = Error "E0405" "redirect-to-name" "redirected SQL goes to a name";
    HIDDEN_PODS = Error "E0406" "hidden-pods" "pods that leave with the address of their node are a source";
    IPV6 = Error "E0407" "ipv6" "an IPv6 address in a rule";
    PORT_OUT_OF_REACH = Error "E0408" "port-out-of-reach" "a port that the rule cannot have";
    TIER_LACKS = Error "E0409" "tier-lacks" "the firewall's SKU does not have what a permission needs";
    PROXY_OFF = Error "E0410" "proxy-off" "a network rule needs a name, and the DNS proxy is off";
    TWO_RULES = Error "E0411" "two-rules" "a statement takes more than one rule";
    HIDES_NAME_FILTER = Error "E0412" "hides-name-filter" "a network rule passes flows that an application rule is to judge by name";
    DENY_DEFEATED = Error "E0413" "deny-defeated" "a rule that is looked at before a deny passes what it denies";
    DENY_OUT_OF_REACH = Error "E0414" "deny-out-of-reach" "a deny on `any` service does not reach a port of a permission";
    DENY_TOO_WIDE = Error "E0415" "deny-too-wide" "a deny by address would also deny what a permission means";
    DENY_WITHOUT_NAME = Error "E0416" "deny-without-name" "a deny by name goes with a service that shows none";
    EXCEPTION_CUTS = Error "E0417" "exception-cuts" "an exception from a wildcard would cut another permission";
    UNKNOWN_PARENT = Error "E0418" "unknown-parent" "the parent of the policy is not known, or has no order";
    PARENT_OF_OTHERS = Error "E0419" "parent-of-others" "the policy of a list is the parent of another";
    LAXER_THAN_PARENT = Error "E0420" "laxer-than-parent" "a setting is laxer than the parent's";
    FIREWALLS_DISAGREE = Error "E0421" "firewalls-disagree" "two firewalls cannot enforce one policy";
    NAME_TAKEN = Error "E0422" "name-taken" "a resource is described here and in a context file";
    UNENFORCED = Error "E0423" "unenforced" "a firewall and a policy of the list are not bound to each other";
    FILE_TOO_LARGE = Error "E0501" "file-too-large" "a source file is longer than the program reads";
    NESTED_TOO_DEEPLY = Error "E0502" "nested-too-deeply" "blocks or parentheses are nested more deeply than the program reads";
    TOO_MANY_FINDINGS = Error "E0503" "too-many-findings" "the rest of the file was not read, since it has too many mistakes";
    TOO_MANY_FILES = Error "E0504" "too-many-files" "a list reads or becomes more than the program holds";
    DEFINED_TOO_DEEPLY = Error "E0505" "defined-too-deeply" "definitions refer to each other more deeply than the program follows";
    LIMIT_EXCEEDED = Error "E0506" "limit-exceeded" "what the list becomes passes a limit of Azure's";
    EXAMPLE_UNMET = Error "E0601" "example-unmet" "a flow of an example has another verdict than the example expects";
    NOT_YET_PROVED = Note "N0201" "not-yet-proved" "an assertion is checked for its names only";
    ASSUMED_ADDRESS = Note "N0202" "assumed-address" "an example names a host whose address is not known";
    PRIVATE_ENDPOINT_AROUND = Note "N0301" "private-endpoint-around" "a private endpoint is reached around the firewall";
    IDLE_DENY = Note "N0402" "idle-deny" "a deny takes nothing away from what is permitted";
    PARTLY_DENIED = Note "N0403" "partly-denied" "denies take a part of a permission, or all of it for now";
    NEVER_USED = Note "N0404" "never-used" "no recorded flow needs a permission";
    USED_NARROWLY = Note "N0405" "used-narrowly" "recorded flows need less than a permission permits";
    UNUSED_SET = Warning "W0201" "unused-set" "a set or table that nothing refers to";
    UNUSED_PARAMETER = Warning "W0202" "unused-parameter" "a parameter that nothing refers to";
    UNUSED_IMPORT = Warning "W0203" "unused-import" "an import that says nothing and that nothing refers to";
    DUPLICATE_PERMISSION = Warning "W0204" "duplicate-permission" "a permission says what another says";
    EXPIRED = Warning "W0205" "expired" "a statement is past its last day and not active";
    EMPTY_LIST = Warning "W0206" "empty-list" "a list permits nothing";
    EMPTY_CHECKS = Warning "W0207" "empty-checks" "a file of checks has neither an assertion nor an example";
    ROUTE_AROUND = Warning "W0301" "route-around" "a route leads to the internet around the firewall";
    SERVICE_ENDPOINT_AROUND = Warning "W0302" "service-endpoint-around" "a service endpoint leads to its service around the firewall";
    IPV6_AROUND = Warning "W0303" "ipv6-around" "a routed subnet reaches the internet around the firewall by IPv6";
    SHARED_SUFFIX = Warning "W0304" "shared-suffix" "a wildcard below which anybody can have a name";
    WHOLE_INTERNET = Warning "W0305" "whole-internet" "a permission opens very many ports to more than half of the internet";
    UNROUTED_SOURCE = Warning "W0401" "unrouted-source" "the routes do not bring a source to the firewall";
    NAME_FILTER_OFF = Warning "W0402" "name-filter-off" "a network rule passes flows past the name filter, and that was accepted";
    DENY_LEAVES_ADDRESSES = Warning "W0403" "deny-leaves-addresses" "a deny by name does not hold for some addresses, and that was accepted";
    PARENT_DENIES = Warning "W0404" "parent-denies" "a parent may deny what the list permits";
    OVERRULED = Warning "W0405" "overruled" "a permission that denies take whole";
    NO_NETWORK = Warning "W0406" "no-network" "a list describes no network that its policy stands in";
    PAST_THE_FIREWALL = Warning "W0407" "past-the-firewall" "the routes bring some destinations of a statement past the firewall";
    UNKNOWN_TAG = Warning "W0408" "unknown-tag" "a tag or web category that is not known";
    BEYOND_THE_LIST = Warning "W0409" "beyond-the-list" "a parent lets out what the list does not permit";
    ONE_SIDED = Warning "W0410" "one-sided" "the replies to a permission do not come back through the firewall";
    REDUNDANT = Warning "W0411" "redundant" "a permission all of which others permit";
    NEVER_REACHED = Warning "W0412" "never-reached" "rules of a parent decide all that a permission permits";
    NOT_COMPARED = Warning "W0501" "not-compared" "the statements of a list are too much to be compared with each other";
}
