//! What keeps the flow of data bounded: memory, requests in flight, rate, and the pace of retries.

mod backoff;
mod fence;
mod gate;
mod kept;
mod limit;
mod memory;
mod pool;
mod rate;

pub use backoff::Backoff;
pub use fence::{Fence, FenceKeeper, LeaseLost, fence};
pub use gate::{Cancel, Pause};
pub use kept::Kept;
pub use limit::{ConcurrencyLimit, Permit};
pub use memory::{MemoryBudget, MemoryPermit};
pub use pool::on_pool;
pub use rate::RateLimit;
