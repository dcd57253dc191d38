//! What keeps the flow of data bounded.

mod memory;

pub use memory::{MemoryBudget, MemoryPermit};
