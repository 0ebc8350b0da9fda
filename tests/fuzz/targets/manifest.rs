//! A bundle's manifest, event settings included.

#![no_main]

use libfuzzer_sys::fuzz_target;
use praxiscope_fuzz as _;
use praxiscope_runtime::bundle::Manifest;

fuzz_target!(|text: &str| {
    if let Ok(manifest) = Manifest::from_toml(text) {
        let written = manifest.to_toml().expect("what was read can be written");
        assert_eq!(Manifest::from_toml(&written).ok(), Some(manifest));
    }
});
