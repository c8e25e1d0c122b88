mod events;
mod purchase;
mod recovery;
mod shop_life;
mod two_markets;
