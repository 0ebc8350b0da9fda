//! What is read from sound files, and what a loader does with it.

use ndarray::{ArrayD, IxDyn};

use super::*;

mod hostile;

/// Files that PyTorch wrote; `tests/fixtures/make_checkpoints.py` says what they hold.
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../../tests/fixtures/checkpoints/", $name))
    };
}

const PLAIN: &[u8] = fixture!("plain.pth");
const SAFETENSORS: &[u8] = fixture!("plain.safetensors");
const TRAINING: &[u8] = fixture!("training.pth");
const PROTOCOL5: &[u8] = fixture!("training.protocol5.pth");
const LEGACY: &[u8] = fixture!("training.legacy.pth.tar");
const BIG_ENDIAN: &[u8] = fixture!("big-endian.pth");
const WITHOUT_CRC: &[u8] = fixture!("without-crc.pth");
const SMALL: &[u8] = fixture!("small.pth");
const NAMED: &[u8] = fixture!("twenty-one-characters.pth");
const WHOLE_MODULE: &[u8] = fixture!("whole-module.pth");

fn read(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    Checkpoint::from_bytes(bytes, "net.pth")
}

fn message(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

/// The values that `make_checkpoints.py` counts out.
fn counting(shape: &[usize], start: f32, step: f32) -> ArrayD<f32> {
    let count = shape.iter().product::<usize>();
    let values = (0..count)
        .map(|index| start + index as f32 * step)
        .collect();
    ArrayD::from_shape_vec(IxDyn(shape), values).unwrap()
}

fn assert_is_the_network(checkpoint: &Checkpoint) {
    let expected: [(&str, &str, ArrayD<f32>); 16] = [
        ("bf16", "bfloat16", counting(&[5], 0., 0.25)),
        ("bool", "bool", ndarray::arr1(&[0., 1., 1.]).into_dyn()),
        (
            "channels_last",
            "float32",
            counting(&[1, 2, 2, 3], 0., 0.25),
        ),
        ("conv.weight", "float32", counting(&[3, 2, 2, 2], 0., 0.25)),
        ("empty", "float32", counting(&[0, 4], 0., 0.)),
        ("f16", "float16", counting(&[5], 0., 0.25)),
        ("f64", "float64", counting(&[5], 0., 0.25)),
        ("i16", "int16", counting(&[5], 0., -3.)),
        ("i32", "int32", counting(&[5], 0., -3.)),
        ("i64", "int64", counting(&[5], 0., -3.)),
        ("i8", "int8", counting(&[5], 0., -3.)),
        ("scalar", "float32", counting(&[], 2.5, 0.)),
        ("second_row", "float32", counting(&[6], 1.5, 0.25)),
        ("shared", "float32", counting(&[2, 6], 0., 0.25)),
        ("transposed", "float32", counting(&[2, 3], 0., 0.25)),
        ("u8", "uint8", counting(&[5], 0., 50.)),
    ];
    let found: Vec<_> = checkpoint
        .iter()
        .map(|(name, t)| (name, t.dtype.name(), &t.data))
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(name, dtype, data)| (*name, *dtype, data))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn plain_files_of_both_kinds_hold_the_same_network() {
    for bytes in [PLAIN, SAFETENSORS] {
        let checkpoint = read(bytes).unwrap();
        assert_is_the_network(&checkpoint);
        assert_eq!(
            checkpoint.left_out(),
            LeftOut {
                counters: 1,
                not_tensors: 0,
                beside: 0
            }
        );
    }
}

#[test]
fn training_checkpoints_give_up_their_network_and_nothing_else() {
    for bytes in [TRAINING, PROTOCOL5, LEGACY] {
        let checkpoint = read(bytes).unwrap();
        assert_is_the_network(&checkpoint);
        assert_eq!(
            checkpoint.left_out(),
            LeftOut {
                counters: 1,
                not_tensors: 0,
                beside: 19
            }
        );
    }
}

#[test]
fn the_files_byte_order_is_honoured() {
    let checkpoint = read(BIG_ENDIAN).unwrap();
    assert_eq!(
        checkpoint.tensors["weight"].data,
        counting(&[2, 3], 0., 0.25)
    );
}

#[test]
fn a_file_without_checksums_is_read() {
    let checkpoint = read(WITHOUT_CRC).unwrap();
    assert_eq!(checkpoint.tensors["bias"].data, counting(&[3], 0., 0.25));
}

#[test]
fn the_first_entry_of_an_archive_is_found_however_long_its_name_is() {
    let [small, named] = [SMALL, NAMED].map(|bytes| read(bytes).unwrap());
    assert_eq!(small.tensors, named.tensors);
}

#[test]
fn averages_of_weights_are_read_where_there_is_nothing_else() {
    // What PyTorch's and mmengine's averages keep beside, and what mmengine's networks do.
    let names = ["n_averaged", "steps", "module.w", "data_preprocessor.mean"];
    let tensors = names.map(|name| (name.to_owned(), counting(&[1], 0., 0.)));
    let checkpoint = Checkpoint::from_tensors(tensors, "net");
    assert_eq!(checkpoint.left_out().counters, 3);
    assert_eq!(
        checkpoint.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        ["w"]
    );
}

#[test]
fn a_network_saved_whole_is_refused_with_advice() {
    let error = message(WHOLE_MODULE);
    assert!(
        error.starts_with("net.pth: the pickle would call torch.nn.modules.linear.Linear"),
        "{error}"
    );
    assert!(error.contains("state_dict()"), "{error}");
}

#[test]
fn paths_that_are_no_plain_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = Checkpoint::read(folder.path()).unwrap_err().to_string();
    assert!(error.ends_with("is not a plain file"), "{error}");
    let absent = Checkpoint::read(&folder.path().join("absent.pth"))
        .unwrap_err()
        .to_string();
    assert!(absent.contains("absent.pth: cannot be read"), "{absent}");
    let path = folder.path().join("net.bin");
    std::fs::write(&path, PLAIN).unwrap();
    assert_is_the_network(&Checkpoint::read(&path).unwrap());
}

#[test]
fn a_loader_learns_what_is_missing_misshapen_or_surplus() {
    let mut checkpoint = read(SMALL).unwrap();
    let error = checkpoint.take("gain", &[3]).unwrap_err().to_string();
    assert_eq!(
        error,
        "net.pth: the tensor `gain` of the shape [3] is missing"
    );
    let error = checkpoint.require("gain").unwrap_err().to_string();
    assert_eq!(error, "net.pth: the tensor `gain` is missing");
    let error = checkpoint.take("weight", &[3, 2]).unwrap_err().to_string();
    assert_eq!(
        error,
        "net.pth: the tensor `weight` has the shape [2, 3] instead of [3, 2]"
    );
    assert_eq!(
        checkpoint.take("weight", &[2, 3]).unwrap(),
        counting(&[2, 3], 0., 0.25)
    );
    let error = checkpoint.clone().finish().unwrap_err().to_string();
    assert_eq!(
        error,
        "net.pth: the tensor `bias` is no part of the network"
    );
    checkpoint.take("bias", &[3]).unwrap();
    checkpoint.finish().unwrap();

    let many = (0..9).map(|index| (format!("t{index}"), counting(&[1], 0., 0.)));
    let error = Checkpoint::from_tensors(many, "net")
        .finish()
        .unwrap_err()
        .to_string();
    let names = "`t0`, `t1`, `t2`, `t3` and 5 more";
    assert_eq!(
        error,
        format!("net: the tensors {names} are no part of the network")
    );
}

#[test]
fn renaming_is_complete_and_never_merges() {
    let renamed = read(SMALL)
        .unwrap()
        .rename_all(|name| format!("fc.{name}"))
        .unwrap();
    assert_eq!(
        renamed.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        ["fc.bias", "fc.weight"]
    );
    let error = renamed
        .rename_all(|_| "fc".to_owned())
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "net.pth: the tensors `fc.bias` and `fc.weight` are both the network's `fc`"
    );
}

#[test]
fn wrappers_prefixes_go_only_where_every_name_has_them() {
    let checkpoint = |names: &[&str]| {
        let tensors = names
            .iter()
            .map(|name| (name.to_string(), counting(&[1], 0., 0.)));
        let checkpoint = Checkpoint::from_tensors(tensors, "net");
        checkpoint
            .iter()
            .map(|(name, _)| name.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        checkpoint(&["module.a", "module.module.b"]),
        ["a", "module.b"]
    );
    assert_eq!(checkpoint(&["_orig_mod.module.a.b"]), ["a.b"]);
    assert_eq!(checkpoint(&["model.a", "model.b"]), ["a", "b"]);
    assert_eq!(checkpoint(&["module.a", "b"]), ["b", "module.a"]);
    assert_eq!(checkpoint(&[]), [""; 0]);
}
