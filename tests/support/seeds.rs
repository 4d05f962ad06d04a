//! Cases that are drawn from seeds, shared out among the processors.

use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;

/// The number that the environment variable `name` holds, if it is there.
#[expect(clippy::disallowed_methods, reason = "the environment says how much is to be decided")]
pub(crate) fn asked_for(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// What `decide` counts in the cases with these seeds, put together by `add`, and the reports that it
/// returns. A worker ends with its first report.
pub(crate) fn decide_all<T: Default + Send>(
    seeds: &Range<u64>,
    decide: impl Fn(u64, &mut T) -> Option<String> + Sync,
    add: impl Fn(&mut T, T),
) -> (T, Vec<String>) {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let (mut tally, mut wrong) = (T::default(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || !wrong.is_empty() {
                return (tally, wrong);
            }
            wrong.extend(decide(seed, &mut tally));
        }
    };
    let processors = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..processors).map(|_| scope.spawn(work)).collect();
        let mut all = (T::default(), Vec::new());
        for worker in workers {
            let (tally, wrong) = worker.join().expect("a worker ends");
            add(&mut all.0, tally);
            all.1.extend(wrong);
        }
        all
    })
}
