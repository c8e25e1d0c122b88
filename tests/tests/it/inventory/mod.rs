mod sources;
mod stock;
