//! A bundle's members, changed byte by byte, with right digests.
//!
//! The first bytes choose a base, a member and a place; the rest is written there.

#![no_main]

use libfuzzer_sys::fuzz_target;
use praxiscope_fuzz::{base, run};

fuzz_target!(|data: &[u8]| {
    let [number, member, high, low, kind, rest @ ..] = data else {
        return;
    };
    let mut archive = base(usize::from(*number));
    let names: Vec<String> = archive.members().map(|(name, _)| name.to_owned()).collect();
    let name = &names[usize::from(*member) % names.len()];
    let mut content = archive.get(name).unwrap_or_default().to_vec();
    let at = usize::from(u16::from_be_bytes([*high, *low])) % (content.len() + 1);
    let end = match kind % 3 {
        // Overwritten, put in between, cut off.
        0 => (at + rest.len()).min(content.len()),
        1 => at,
        _ => content.len(),
    };
    content.splice(at..end, rest.iter().copied());
    archive.insert(name, content).expect("a name that was there");
    let _ = run(archive);
});
