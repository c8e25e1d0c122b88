mod shown;
mod sources;
mod stock;
