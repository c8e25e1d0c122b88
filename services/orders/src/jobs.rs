//! What this service does now and then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use souk_platform::service::Job;

use crate::{
    app::AppState,
    error::Error,
    operations::{self, RESUME_EVERY},
};

pub fn jobs(app: &AppState) -> Vec<Job> {
    let first = Arc::new(AtomicBool::new(true));
    vec![
        job(app, "orders.resume", RESUME_EVERY, move |app| {
            let first = first.swap(false, Ordering::SeqCst);
            async move {
                if first {
                    operations::inherit_orders(&app).await?;
                }
                operations::resume_orders(&app).await
            }
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
