//! Every endpoint of the OpenAPI document, asked by strangers and asked badly.
//!
//! A new endpoint fails these tests until [`samples`] says what a good request to it is, [`world`] what its path names, and,
//! if anybody may call it, [`strangers`] that this is meant so.

mod document;
mod fields;
mod paths;
mod requests;
mod samples;
mod strangers;
mod world;
