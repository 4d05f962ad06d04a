//! Independent work on as many threads as were asked for.

use std::num::NonZero;
use std::thread;

use super::failure::Failure;

/// As many threads as were `asked` for, or as there are cores.
pub(super) fn number(asked: Option<u16>) -> usize {
    // Where it cannot be told how many there are, one is certain.
    let cores = || thread::available_parallelism().map_or(1, NonZero::get);
    asked.map_or_else(cores, usize::from)
}

/// Runs `work` in a pool of `threads`, or of as many as there are cores.
pub(super) fn run<T: Send>(
    threads: Option<u16>,
    work: impl FnOnce() -> T + Send,
) -> Result<T, Failure> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.map_or(0, usize::from))
        .build()
        .map_err(|error| Failure::new(format!("cannot start threads: {error}")))?;
    Ok(pool.install(work))
}
