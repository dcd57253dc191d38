//! Every document of every index of every version, against the truth from the servers that wrote them.

#[path = "../support/mod.rs"]
mod support;

mod fixtures;
