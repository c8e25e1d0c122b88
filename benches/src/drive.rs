//! Workers: each has its own connection and works until the budget is used up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};
use rand::{SeedableRng, rngs::SmallRng};
use tokio::{
    task::JoinSet,
    time::{Instant, interval},
};

use crate::{
    client::{Connection, Target},
    error::Error,
    options::Options,
    record::Recorder,
};

const DEFAULT_SECONDS: u64 = 10;

/// How much is left to do, shared by all workers.
#[derive(Debug)]
pub struct Budget {
    until: Option<Instant>,
    most: Option<u64>,
    taken: AtomicU64,
    stopped: AtomicBool,
}

impl Budget {
    /// What `--seconds` and `--requests` say, whichever is used up first.
    pub fn of(options: &Options) -> Self {
        let seconds = options.seconds.or_else(|| options.requests.is_none().then_some(DEFAULT_SECONDS));
        Self::new(seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)), options.requests)
    }

    /// A given number of things to do.
    pub fn count(most: u64) -> Self {
        Self::new(None, Some(most))
    }

    /// No end until [`Budget::stop`].
    pub fn unbounded() -> Self {
        Self::new(None, None)
    }

    fn new(until: Option<Instant>, most: Option<u64>) -> Self {
        Self { until, most, taken: AtomicU64::new(0), stopped: AtomicBool::new(false) }
    }

    /// The number of the next thing to do, from 0.
    pub fn take(&self) -> Option<u64> {
        if self.stopped.load(Relaxed) || self.until.is_some_and(|until| Instant::now() >= until) {
            return None;
        }
        let number = self.taken.fetch_add(1, Relaxed);
        self.most.is_none_or(|most| number < most).then_some(number)
    }

    /// Lets workers finish what they have begun, and no more.
    pub fn stop(&self) {
        self.stopped.store(true, Relaxed);
    }

    fn taken(&self) -> u64 {
        self.most.map_or(self.taken.load(Relaxed), |most| most.min(self.taken.load(Relaxed)))
    }
}

/// One worker's belongings.
pub struct Worker {
    pub connection: Connection,
    pub random: SmallRng,
    pub record: Recorder,
    pub budget: Arc<Budget>,
}

impl Worker {
    /// Takes the next thing to do; its number, from 0.
    pub fn next(&self) -> Option<u64> {
        self.budget.take()
    }

    /// Waits for a step and writes down how it went.
    pub async fn timed<T>(
        &mut self,
        step: &'static str,
        work: impl AsyncFnOnce(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        let result = work(&mut self.connection).await;
        match &result {
            Ok(_) => self.record.success(step, began.elapsed()),
            Err(_) => self.record.failure(step),
        }
        result
    }
}

/// Runs `workers` workers side by side to their end. The sum of what they wrote down, and how long it took.
pub async fn drive<F, Fut>(
    options: &Options,
    target: &Target,
    label: &'static str,
    (workers, budget): (usize, Arc<Budget>),
    work: F,
) -> Result<(Recorder, Duration), Error>
where
    F: Fn(Worker) -> Fut,
    Fut: Future<Output = Result<Worker, Error>> + Send + 'static,
{
    let began = Instant::now();
    let mut running = JoinSet::new();
    for index in 0..workers {
        running.spawn(work(Worker {
            connection: Connection::new(target),
            random: SmallRng::seed_from_u64(options.seed.wrapping_add(index as u64)),
            record: Recorder::default(),
            budget: budget.clone(),
        }));
    }
    let bar = progress(label, budget.most);
    let mut tick = interval(Duration::from_millis(100));
    let mut recorder = Recorder::default();
    loop {
        tokio::select! {
            done = running.join_next() => match done {
                None => break,
                Some(Ok(worker)) => recorder.merge(worker?.record),
                Some(Err(fault)) => return Err(Error::Usage(format!("{label}: a worker panicked: {fault}"))),
            },
            _ = tick.tick() => bar.set_position(budget.taken()),
        }
    }
    bar.set_position(budget.taken());
    bar.finish();
    Ok((recorder, began.elapsed()))
}

/// A bar on stderr; silent when that is not a terminal.
pub fn progress(label: &'static str, most: Option<u64>) -> ProgressBar {
    let (bar, template) = match most {
        Some(most) => (ProgressBar::new(most), "{prefix:14} {wide_bar} {pos}/{len} {per_sec} {elapsed}"),
        None => (ProgressBar::new_spinner(), "{prefix:14} {spinner} {pos} {per_sec} {elapsed}"),
    };
    bar.set_style(ProgressStyle::with_template(template).expect("the template is a constant that parses"));
    bar.with_prefix(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_gives_out_what_it_has_and_stops_when_told() {
        let budget = Budget::count(2);
        assert_eq!([budget.take(), budget.take(), budget.take()], [Some(0), Some(1), None]);
        assert_eq!(budget.taken(), 2);
        let endless = Budget::unbounded();
        assert!(endless.take().is_some());
        endless.stop();
        assert!(endless.take().is_none());
        assert!(Budget::new(Some(Instant::now()), None).take().is_none());
    }
}
