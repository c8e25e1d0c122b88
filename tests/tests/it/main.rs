//! The marketplace over HTTP: a folder for each service, whole stories, races, and a sweep over every endpoint.

mod cart;
mod catalog;
mod conventions;
mod identity;
mod inventory;
mod notifications;
mod orders;
mod payments;
mod processes;
mod races;
mod search;
mod stories;
mod sweep;
