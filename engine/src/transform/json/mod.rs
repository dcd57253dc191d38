//! JSON for steps that change documents: numbers, order and duplicate names stay as they are.

pub(super) mod text;
pub(super) mod token;
pub(super) mod tree;

#[cfg(test)]
mod tests;

pub(super) use token::{JsonError, Token, Tokens};
pub(super) use tree::{Member, Node};
