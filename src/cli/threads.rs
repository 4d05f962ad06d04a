//! Independent work on as many threads as were asked for.

use super::failure::Failure;

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
