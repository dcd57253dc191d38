//! The parts of ferry that wait: storage, memory budgets and the backfill line.
