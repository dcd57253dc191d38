//! JSON for steps that change documents: numbers, order and duplicate names stay as they are.

pub(crate) mod text;
pub(crate) mod token;
pub(crate) mod tree;

#[cfg(test)]
mod tests;

pub(crate) use token::{JsonError, Token, Tokens};
pub(crate) use tree::{Member, Node, quoted};
