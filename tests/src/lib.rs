//! A ready-made marketplace for tests: a whole one in this process, over real HTTP, with a clock that can be turned, and
//! people who act in it.
//!
//! ```no_run
//! # async fn example() {
//! use souk_tests::Market;
//!
//! let market = Market::start().await;
//! let (seller, buyer) = (market.seller("Tea House").await, market.buyer("Cleo").await);
//! let teapot = seller.lists("Teapot", 25_00, 5).await;
//! buyer.adds(&teapot, 2).await;
//! let order = buyer.places_order().await;
//! buyer.pays(&order).await;
//! buyer.sees(&order, "confirmed").await;
//! market.ends_clean().await;
//! # }
//! ```
//!
//! Every answer that anybody gets is checked on its way (see [`Answer`]): the envelope, the request id, no 5xx. A market
//! must be ended with [`Market::ends_clean`], which fails the test when an event was left behind or an invariant of the
//! data does not hold.

mod actors;
mod answer;
mod audit;
mod builder;
mod client;
mod market;
pub mod pictures;
mod provider;
mod running;
mod shape;
mod stream;
mod thing;
mod wait;

pub use actors::{Admin, Buyer, PASSWORD, Seller, address};
pub use answer::Answer;
pub use builder::{Builder, search_cluster};
pub use client::{Call, Client};
pub use market::Market;
pub use provider::{Provider, Webhook, sign};
pub use shape::Shape;
pub use stream::{Stream, StreamEvent};
pub use thing::Thing;
pub use wait::{PATIENCE, eventually};
