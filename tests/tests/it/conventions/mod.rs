mod envelope;
mod health;
mod limits;
mod openapi;
mod paging;
mod routes;
