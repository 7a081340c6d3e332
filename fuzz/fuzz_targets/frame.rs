//! Frames: whatever text comes, reading it does not panic; what is read can be written and reads the same; an answer is JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocpp::{Frame, Version, storable_json};

fuzz_target!(|text: &str| {
    let stored = storable_json(text).into_owned();
    assert_eq!(storable_json(&stored), stored);
    match Frame::parse(text) {
        Ok(frame) => {
            let Ok(written) = frame.encode() else { return };
            let again = Frame::parse(&written).expect("what was written can be read");
            assert_eq!(again.id(), frame.id());
        }
        Err(error) => {
            for version in [Version::V16, Version::V201] {
                if let Some(answer) = error.answer(version) {
                    assert!(answer.starts_with("[4,\""), "{answer}");
                }
            }
        }
    }
});
