//! What this service does now and then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use souk_platform::service::Job;

use crate::{app::AppState, error::Error, operations};

pub fn jobs(app: &AppState) -> Vec<Job> {
    let first = Arc::new(AtomicBool::new(true));
    vec![
        job(app, "orders.resume", Duration::from_secs(5), move |app| {
            // At start what a crash left behind goes on at once; later another process may be at work.
            let idle = chrono::TimeDelta::seconds(if first.swap(false, Ordering::SeqCst) { 0 } else { 10 });
            async move { operations::resume_orders(&app, idle).await }
        }),
        job(app, "orders.expire_overdue", Duration::from_mins(1), async |app| operations::expire_overdue(&app).await),
        job(app, "orders.refund_overdue", Duration::from_mins(5), async |app| operations::refund_overdue(&app).await),
    ]
}

fn job<F, Fut>(app: &AppState, name: &'static str, every: Duration, run: F) -> Job
where
    F: Fn(AppState) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Error>> + Send + 'static,
{
    let app = Arc::clone(app);
    Job::new(name, every, move || {
        let done = run(Arc::clone(&app));
        async move {
            if let Err(error) = done.await {
                tracing::error!(job = name, %error, "a job failed");
            }
        }
    })
}
