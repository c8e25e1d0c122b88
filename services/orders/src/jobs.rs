//! What this service does now and then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use souk_platform::service::Job;

use crate::{app::AppState, operations};

pub fn jobs(app: &AppState) -> Vec<Job> {
    let first = Arc::new(AtomicBool::new(true));
    let resuming = Arc::clone(app);
    let expiring = Arc::clone(app);
    vec![
        Job::new("orders.resume", Duration::from_secs(5), move || {
            let app = Arc::clone(&resuming);
            // At start what a crash left behind goes on at once; later another process may be at work.
            let idle = chrono::TimeDelta::seconds(if first.swap(false, Ordering::SeqCst) { 0 } else { 10 });
            async move {
                if let Err(error) = operations::resume_orders(&app, idle).await {
                    tracing::error!(%error, "resuming queued orders failed");
                }
            }
        }),
        Job::new("orders.expire_overdue", Duration::from_mins(1), move || {
            let app = Arc::clone(&expiring);
            async move {
                if let Err(error) = operations::expire_overdue(&app).await {
                    tracing::error!(%error, "expiring overdue orders failed");
                }
            }
        }),
    ]
}
