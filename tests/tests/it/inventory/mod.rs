mod erp;
mod feeds;
mod publishing;
mod shown;
mod sources;
mod stock;
