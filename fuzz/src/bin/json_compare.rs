//! Two texts compared as JSON: equal exactly when their canonical forms are, and a text is equal to its canonical form.
#![no_main]

use codecs::json_compare::{Comparison, canonical, compare};
use codecs::json_scan::{elements, members};
use fuzz::Parts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut parts = Parts::new(input);
    let left = parts.file();
    let right = parts.last();
    let forms = (canonical(left), canonical(right));
    match compare(left, right) {
        Comparison::NotJson { .. } => assert!(forms.0.is_err() || forms.1.is_err()),
        Comparison::Equal => assert!(forms.0 == forms.1 || left == right),
        Comparison::Different(difference) => {
            assert_ne!(forms.0.as_ref().ok(), forms.1.as_ref().ok());
            assert!(difference.expected.is_some() || difference.found.is_some());
            assert!(matches!(compare(right, left), Comparison::Different(_)));
        }
    }
    for text in [left, right] {
        if let Ok(form) = canonical(text) {
            assert_eq!(compare(text, &form), Comparison::Equal);
            assert_eq!(canonical(&form).as_ref(), Ok(&form));
            assert!(members(text).is_err() || members(text).is_ok_and(|mut all| all.all(|member| member.is_ok())));
            assert!(elements(text).is_err() || elements(text).is_ok_and(|mut all| all.all(|element| element.is_ok())));
        }
    }
});
