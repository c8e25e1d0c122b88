//! What every handler has at hand.

use std::sync::Arc;

use souk_contracts::cart::cart_client::CartClient;
use souk_platform::{db::Database, rpc::Channel, security::EndedSessions};

use crate::{
    config::{Config, SellersConfig},
    passwords::Passwords,
    throttle::Throttle,
    tokens::Signer,
};

pub struct App {
    pub config: Config,
    pub sellers: SellersConfig,
    pub db: Database,
    pub cart: CartClient<Channel>,
    pub passwords: Passwords,
    pub signer: Signer,
    pub throttle: Throttle,
    pub ended: EndedSessions,
}

pub type AppState = Arc<App>;
