//! How many cases a law draws.

use proptest::test_runner::Config;

/// So many cases that a debug build stays quick, or as many as `PROPTEST_CASES` asks for.
pub(crate) fn cases(usual: u32) -> Config {
    const UNSET: u32 = 256;
    let asked = Config::default();
    let cases = if asked.cases == UNSET { usual } else { asked.cases };
    Config { cases, failure_persistence: None, ..asked }
}
