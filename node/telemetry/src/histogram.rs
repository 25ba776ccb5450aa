//! How often something took how long.
//!
//! A row of buckets, each for what took longer than the last one takes and no longer than its own mark. Whoever measures drops a pebble in
//! one bucket; whoever reads adds up from the left, because that is how Prometheus wants it.

use crate::{exposition::Exposition, metric::Metric};
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// The buckets.
#[derive(Debug)]
pub struct Histogram {
    marks: &'static [Duration],
    /// One more than there are marks: the last is for whatever took longer.
    counts: Box<[AtomicU64]>,
    sum_us: AtomicU64,
}

impl Histogram {
    /// Empty buckets with these marks, in rising order.
    pub fn new(marks: &'static [Duration]) -> Self {
        Histogram {
            marks,
            counts: (0..=marks.len()).map(|_| AtomicU64::new(0)).collect(),
            sum_us: AtomicU64::new(0),
        }
    }

    /// It took so long.
    pub fn observe(&self, took: Duration) {
        let at = self.marks.partition_point(|mark| *mark < took);
        self.counts[at].fetch_add(1, Relaxed);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(us, Relaxed);
    }

    /// Writes them as a family, in seconds.
    pub fn write(&self, metric: Metric, out: &mut Exposition) {
        out.metric(metric);
        let mut below = 0;
        for (at, count) in self.counts.iter().enumerate() {
            below += count.load(Relaxed);
            let mark = self.marks.get(at).map(Duration::as_secs_f64);
            let mark = mark.map_or("+Inf".to_owned(), |seconds| seconds.to_string());
            out.sample_of("_bucket", &[("le", &mark)], below);
        }
        out.sample_of(
            "_sum",
            &[],
            Duration::from_micros(self.sum_us.load(Relaxed)).as_secs_f64(),
        );
        out.sample_of("_count", &[], below);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric;

    #[test]
    fn what_took_as_long_as_a_mark_belongs_below_it() {
        const MARKS: &[Duration] = &[Duration::from_millis(1), Duration::from_millis(500)];
        let histogram = Histogram::new(MARKS);
        for ms in [1, 2, 500, 501] {
            histogram.observe(Duration::from_millis(ms));
        }
        let mut out = Exposition::default();
        histogram.write(metric::PLAN_BUILD_SECONDS, &mut out);
        let text = out.finish();
        let rows: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("troop_plan_build_seconds"))
            .collect();
        assert_eq!(
            rows,
            [
                "_bucket{le=\"0.001\"} 1",
                "_bucket{le=\"0.5\"} 3",
                "_bucket{le=\"+Inf\"} 4",
                "_sum 1.004",
                "_count 4"
            ]
        );
        assert!(
            text.contains("# TYPE troop_plan_build_seconds histogram\n"),
            "{text}"
        );
    }
}
