//! `souk search`.

use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};

use super::{Error, open};
use crate::cli::Search;

pub async fn run(what: Search) -> Result<ExitCode, Error> {
    let Search::Reindex(installation) = what;
    let opened = open(&installation)?;
    let market = opened.marketplace().await?;
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{msg:18} {wide_bar} {pos}/{len} {per_sec}").expect("the template is well-formed"),
    );
    let progress = |what, done, total| {
        bar.set_message(what);
        bar.set_length(total);
        bar.set_position(done);
    };
    let result = market.reindex(&progress).await;
    bar.finish_and_clear();
    market.stop().await;
    println!("{} products are in the new index", result?);
    Ok(ExitCode::SUCCESS)
}
