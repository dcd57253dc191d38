//! The fields of a segment: `.fnm`.
#![no_main]

use codecs::lucene::field_infos::FieldInfos;
use fuzz::{generation, raw_and_sealed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| raw_and_sealed(input, |file| {
    let generation = generation(file);
    let name = if generation.is_empty() { "_0.fnm".to_owned() } else { format!("_0_{generation}.fnm") };
    let Ok(fields) = FieldInfos::decode(&name, file) else { return };
    for field in fields.iter() {
        assert_eq!(fields.by_name(&field.name).map(|field| field.number), Some(field.number));
        assert_eq!(fields.by_number(field.number).map(|field| &field.name), Some(&field.name));
        let _ = field.attribute("PerFieldDocValuesFormat.format");
    }
}));
