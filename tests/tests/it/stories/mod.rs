mod events;
mod purchase;
mod random_walk;
mod recovery;
mod shop_life;
mod two_markets;
