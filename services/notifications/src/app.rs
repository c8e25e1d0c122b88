//! What every handler has at hand.

use std::sync::Arc;

use souk_platform::db::Database;

use crate::{config::Config, letters::Site, teams::Teams, transport::Transport};

pub struct App {
    pub config: Config,
    pub site: Site,
    pub db: Database,
    pub teams: Teams,
    pub transport: Transport,
}

pub type AppState = Arc<App>;
