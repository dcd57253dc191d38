//! `ferry`: one binary for every step of a migration.

fn main() {}
