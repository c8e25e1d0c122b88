//! Calls between services: gRPC, over the callee's own tower service when both live in one process, and over HTTP/2 to its
//! [instances](Peer) when they don't. Nothing but the [`Directory`] knows which it is.
//!
//! A caller holds a generated client over a [`Channel`] and nothing else. Around every call, from the outside in: the
//! request id travels along, metrics, [bulkhead](bulkhead), [circuit breaker](breaker), [retry](retry) of idempotent
//! calls, [deadline](deadline). Each is a small part that is tested alone; [`channel`] puts them together.

mod breaker;
mod bulkhead;
mod channel;
mod deadline;
mod directory;
mod entrance;
mod metrics;
mod peer;
mod policy;
mod retry;
mod status;
mod trace;
mod transport;

#[cfg(test)]
mod tests;

pub use breaker::CircuitState;
pub use channel::Channel;
pub use deadline::within;
pub use directory::{Circuit, Directory};
pub use entrance::Entrance;
pub use peer::{Address, ParseAddressError, Peer, Unreachable};
pub use policy::{BreakerPolicy, Idempotent, Policy};
pub use status::{problem, status};
