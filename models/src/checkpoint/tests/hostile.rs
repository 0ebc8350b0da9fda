//! Files made by hand: unusual, damaged and hostile ones.

use std::io::{Cursor, Write};

use proptest::prelude::*;
use zip::write::SimpleFileOptions;

use super::*;

/// An archive as `torch.save` writes it, with a pickle and storages of our choice.
fn saved(pickle: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("any/name/data.pkl", stored).unwrap();
    zip.write_all(pickle).unwrap();
    for (key, data) in storages {
        zip.start_file(format!("any/name/data/{key}"), stored)
            .unwrap();
        zip.write_all(data).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// Operations that build a float tensor over the storage `0`.
fn tensor(offset: u8, shape: &[u8], strides: &[u8]) -> Vec<u8> {
    let sizes = |sizes: &[u8]| {
        sizes
            .iter()
            .flat_map(|&size| [b'K', size])
            .collect::<Vec<u8>>()
    };
    let mut bytes = b"ctorch._utils\n_rebuild_tensor_v2\n((U\x07storage".to_vec();
    bytes.extend(b"ctorch\nFloatStorage\nU\x010U\x03cpuK\x04tQ");
    bytes.extend([b'K', offset, b'(']);
    bytes.extend(sizes(shape));
    bytes.extend(b"t(");
    bytes.extend(sizes(strides));
    bytes.extend(b"t\x89}tR");
    bytes
}

/// `{"w": tensor}`, nested under `keys`.
fn state_dict(keys: &[&str], tensor: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x80\x02".to_vec();
    for key in keys.iter().chain(&["w"]) {
        bytes.extend([b"}U", &[key.len() as u8][..], key.as_bytes()].concat());
    }
    bytes.extend(tensor);
    bytes.extend(b"s".repeat(keys.len() + 1));
    bytes.push(b'.');
    bytes
}

const FOUR: [u8; 16] = [0; 16];

#[test]
fn the_network_is_found_under_every_usual_key() {
    let tensor = tensor(0, &[2, 2], &[2, 1]);
    for key in state_dict::WRAPPERS {
        let bytes = saved(&state_dict(&[key], &tensor), &[("0", &FOUR)]);
        assert_eq!(read(&bytes).unwrap().shape("w"), Some(&[2, 2][..]), "{key}");
    }
    let nested = saved(
        &state_dict(&["model", "state_dict"], &tensor),
        &[("0", &FOUR)],
    );
    assert_eq!(read(&nested).unwrap().len(), 1);
    let elsewhere = message(&saved(
        &state_dict(&["generator"], &tensor),
        &[("0", &FOUR)],
    ));
    assert!(
        elsewhere.contains("holds no tensors by name"),
        "{elsewhere}"
    );
    // A mapping that is its own model.
    let error = message(&saved(b"\x80\x02}q\x00U\x05modelh\x00s.", &[]));
    assert!(error.contains("holds no tensors by name"), "{error}");
}

#[test]
fn a_tensor_must_lie_within_its_storage() {
    let with = |tensor: Vec<u8>| saved(&state_dict(&[], &tensor), &[("0", &FOUR)]);
    assert!(read(&with(tensor(1, &[3], &[1]))).is_ok());
    let error = message(&with(tensor(2, &[3], &[1])));
    assert_eq!(
        error,
        "net.pth: the tensor `w` reaches beyond its storage of 16 bytes"
    );
    let error = message(&with(tensor(0, &[200, 200], &[0, 0])));
    assert_eq!(
        error,
        "net.pth: the tensor `w` has more elements (40000) than its storage (4)"
    );
    let error = message(&saved(&state_dict(&[], &tensor(0, &[1], &[1])), &[]));
    assert_eq!(
        error,
        "net.pth: the tensor `w` lies in the storage `0`, which the file lacks"
    );
}

#[test]
fn hostile_pickles_are_refused_in_every_wrapping() {
    let call = b"\x80\x02cos\nsystem\nU\x02ls\x85R.";
    let error = message(&saved(call, &[]));
    assert!(
        error.starts_with("net.pth: the pickle would call os.system (byte 18)"),
        "{error}"
    );
    assert!(message(call).contains("would call os.system"));
    assert!(message(b"cos\nsystem\n(S'ls'\ntR.").contains("would call os.system"));
    // After the magic number and the version, where a legacy file keeps facts about the system.
    let mut legacy = LEGACY[..21].to_vec();
    legacy.extend(call);
    assert!(message(&legacy).contains("would call os.system"));
    let error = message(b"\x80\x02\xf5.");
    assert_eq!(
        error,
        "net.pth: byte 2 of the pickle, 0xf5, is not a known opcode"
    );
}

#[test]
fn other_files_are_told_from_checkpoints() {
    let unknown = "net.pth: is neither a safetensors file nor one that torch.save wrote";
    for bytes in [
        &b""[..],
        b"PK",
        b"c",
        b"(a note)",
        b"#!/bin/sh\n",
        &[0; 64],
        &[0xff; 64],
    ] {
        assert_eq!(message(bytes), unknown);
    }
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("readme.txt", SimpleFileOptions::default())
        .unwrap();
    let zip = zip.finish().unwrap().into_inner();
    assert!(message(&zip).contains("without a data.pkl"));
    assert!(message(b"\x80\x02}.").contains("a pickle of something else"));
}

#[test]
fn every_truncation_is_noticed() {
    for bytes in [SMALL, SAFETENSORS, LEGACY, TRAINING] {
        for length in 0..bytes.len() {
            assert!(
                read(&bytes[..length]).is_err(),
                "{length} of {}",
                bytes.len()
            );
        }
    }
}

#[test]
fn every_flipped_byte_of_an_archive_is_noticed_or_harmless() {
    let sound = read(SMALL).unwrap();
    for place in 0..SMALL.len() {
        let mut bytes = SMALL.to_vec();
        bytes[place] ^= 0x11;
        if let Ok(checkpoint) = read(&bytes) {
            assert_eq!(checkpoint.tensors, sound.tensors, "byte {place}");
        }
    }
}

proptest! {
    #[test]
    fn no_damage_makes_a_reader_panic(
        which in 0usize..5,
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = [PLAIN, SAFETENSORS, LEGACY, TRAINING, WITHOUT_CRC][which].to_vec();
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let _ = read(&bytes);
    }
}
