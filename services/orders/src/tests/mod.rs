//! Whole lives of orders, with a world around them that fails wherever a test wants it to.

mod crashes;
mod life;
mod peers;
mod races;
mod returns;
mod stories;
mod world;
