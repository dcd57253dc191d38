libfuzzer_sys::fuzz_target!(|_input: &[u8]| ());
fn main() { println!("hello"); }
