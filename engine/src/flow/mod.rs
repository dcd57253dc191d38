//! What keeps the flow of data bounded: memory, and the pace of retries.

mod backoff;
mod memory;
mod pool;

pub use backoff::Backoff;
pub use memory::{MemoryBudget, MemoryPermit};
pub use pool::on_pool;
