//! Every service in a process of its own: what others notice when one is gone, and who is let in.

#[cfg(feature = "cluster")]
mod broker;
mod certificates;
mod gateway;
mod outages;
mod starting;
