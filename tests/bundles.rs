//! Bundles that were cut off, damaged, blown up or put together wrongly.

use std::fs::{self, File};
use std::path::Path;

use praxiscope_runtime::bundle::{Archive, Bundle};
use praxiscope_runtime::stream::Model;
use praxiscope_tests::clip::Clip;
use praxiscope_tests::files::{demo, fixture, folder, left_in};
use praxiscope_tests::praxc::{pack, unpack};
use praxiscope_tests::programs::{Program, praxc, praxiscope};

/// A tar archive ends with two blocks of zeros.
const END_MARKER: usize = 1024;
const BLOCK: usize = 512;

#[test]
fn a_truncated_bundle_is_refused_by_every_program() {
    let whole = fs::read(demo("demo.prax")).unwrap();
    for missing in [
        1,
        BLOCK,
        END_MARKER,
        END_MARKER + 1,
        whole.len() / 2,
        whole.len(),
    ] {
        assert_refused_everywhere(&whole[..whole.len() - missing]);
    }
}

#[test]
fn a_flipped_bit_is_refused_by_every_program() {
    let whole = fs::read(demo("demo.prax")).unwrap();
    // A name, a checksum, the digests, the middle of the weights, the end marker.
    for at in [2, 150, 600, whole.len() / 2, whole.len() - 10] {
        assert_refused_everywhere(&flipped(&whole, at));
    }
}

#[test]
fn truncations_and_flipped_bits_are_noticed_wherever_they_are() {
    let whole = fs::read(demo("demo.prax")).unwrap();
    const PLACES: usize = 150;
    for at in (0..PLACES).map(|n| n * (whole.len() - 1) / (PLACES - 1)) {
        assert!(Bundle::from_bytes(&whole[..at]).is_err(), "cut at {at}");
        assert!(
            Bundle::from_bytes(&flipped(&whole, at)).is_err(),
            "bit flipped at {at}"
        );
    }
    // The beginning, where headers and digests stand close together.
    for at in 0..4 * BLOCK {
        assert!(
            Bundle::from_bytes(&flipped(&whole, at)).is_err(),
            "bit flipped at {at}"
        );
    }
}

#[test]
fn an_oversized_bundle_is_refused_unread() {
    let folder = folder();
    let path = folder.path().join("big.prax");
    // Full of holes: it takes no room on the disk.
    File::create(&path).unwrap().set_len((1 << 30) + 1).unwrap();
    for program in readers(&path, folder.path()) {
        program.run().refused(&["1073741825 bytes"]);
    }
    assert_eq!(left_in(folder.path()), ["big.prax"]);
}

#[test]
fn what_is_no_bundle_is_refused() {
    let folder = folder();
    for path in [
        demo("demo-step.onnx"),
        demo("clip.json"),
        folder.path().join("none.prax"),
    ] {
        for program in readers(&path, folder.path()) {
            program
                .run()
                .refused(&[path.file_name().unwrap().to_str().unwrap()]);
        }
    }
    for path in [folder.path(), Path::new("/dev/null")] {
        for program in readers(path, folder.path()) {
            program.run().refused(&[]);
        }
    }
    assert_eq!(left_in(folder.path()), [""; 0]);
}

#[test]
fn a_wrong_label_count_is_refused() {
    let edit = |manifest: String| manifest.replace("\"idle\", ", "\"idle\", \"wave\", ");
    assert_edit_is_refused(&edit, &["6 labels", "5 scores"]);
}

#[test]
fn a_manifest_that_contradicts_itself_or_its_network_is_refused() {
    let cases: [(&str, &str, &[&str]); 8] = [
        ("width = 96", "width = 97", &["97"]),
        ("width = 96", "width = 4000000000", &["4000000000"]),
        ("idle = \"idle\"", "idle = \"rest\"", &["rest"]),
        ("\"swipe_up\"", "\"swipe_down\"", &["swipe_down", "twice"]),
        (
            "format = 2",
            "format = 1",
            &["format 1", "convert its network anew"],
        ),
        ("frame_rate = 12.0", "frame_rate = nan", &["frame rate"]),
        ("mode = \"stream\"", "mode = \"clip\"", &["Clip"]),
        ("max_gap", "max_gasp", &["max_gap"]),
    ];
    for (before, after, words) in cases {
        assert_edit_is_refused(
            &|manifest: String| manifest.replacen(before, after, 1),
            words,
        );
    }
}

#[test]
fn unknown_members_are_refused() {
    let whole = Bundle::read(demo("demo.prax")).unwrap();
    let mut archive = whole.archive().clone();
    archive.insert("README", b"hello".to_vec()).unwrap();
    let bytes = written(&archive);
    let folder = folder();
    let path = folder.path().join("more.prax");
    fs::write(&path, bytes).unwrap();
    for program in readers(&path, folder.path()) {
        program.run().refused(&["README"]);
    }
    let files = folder.path().join("files");
    unpack(&demo("demo.prax"), &files);
    fs::write(files.join("README"), "hello").unwrap();
    pack(&files, &folder.path().join("out.prax"))
        .run()
        .refused(&["README"]);
    assert_eq!(left_in(folder.path()), ["files", "more.prax"]);
}

/// Digests are no proof of good will: whoever makes a bundle makes its digests.
#[test]
fn hostile_content_with_right_digests_is_refused() {
    let graph = "graph/graph.nnef";
    let weights = |archive: &Archive| {
        let names = archive.members().map(|(name, _)| name);
        names
            .filter(|name| name.ends_with(".dat"))
            .max()
            .unwrap()
            .to_string()
    };
    let half = |content: &[u8]| content[..content.len() / 2].to_vec();
    let first_weights = weights(Bundle::read(demo("demo.prax")).unwrap().archive());
    let twist = |name: &str, change: &dyn Fn(&[u8]) -> Vec<u8>| {
        let mut archive = Bundle::read(demo("demo.prax")).unwrap().archive().clone();
        let content = change(archive.get(name).unwrap());
        archive.insert(name, content).unwrap();
        assert_refused_everywhere(&written(&archive));
    };
    twist(graph, &half);
    twist(graph, &|_| vec![]);
    twist(graph, &|_| vec![0xff; 64]);
    twist(graph, &|_| "(".repeat(100_000).into_bytes());
    twist(&first_weights, &half);
    twist(&first_weights, &|_| vec![]);
    // A tensor of 2^32 rows: the first dimension stands at byte 12.
    twist(&first_weights, &|content| {
        let mut content = content.to_vec();
        content[12..16].fill(0xff);
        content
    });
}

/// Everything that reads a bundle, about to read `bundle`; what it writes would lie in `folder`.
fn readers(bundle: &Path, folder: &Path) -> [Program; 4] {
    let clip = folder.parent().unwrap().join("no-clip-is-looked-at.y4m");
    [
        praxc().arg("inspect").arg(bundle),
        praxc()
            .arg("unpack")
            .arg(bundle)
            .arg("-o")
            .arg(folder.join("files")),
        praxc()
            .arg("run")
            .arg(bundle)
            .arg("--tensor")
            .arg(fixture("frames8.npy"))
            .arg("-o")
            .arg(folder.join("rows.npy")),
        praxiscope()
            .args("run --no-pace --model")
            .arg(bundle)
            .arg("--input")
            .arg(clip),
    ]
}

#[track_caller]
fn assert_refused_everywhere(bytes: &[u8]) {
    let folder = folder();
    let bundle = folder.path().join("bad.prax");
    fs::write(&bundle, bytes).unwrap();
    let [inspect, _, run, watch] = readers(&bundle, folder.path());
    for program in [inspect, run] {
        program.run().refused(&["bad.prax"]);
    }
    let clip = Clip::synthetic(32, 24, 12, 2).to_bytes();
    let clip_path = folder.path().join("clip.y4m");
    fs::write(&clip_path, clip).unwrap();
    watch.run().refused(&["bad.prax"]);
    assert_eq!(
        left_in(folder.path()),
        ["bad.prax", "clip.y4m"],
        "nothing was written"
    );
}

/// A manifest that was edited by hand is refused by `pack`, and by the device if someone else
/// packed it.
#[track_caller]
fn assert_edit_is_refused(edit: &dyn Fn(String) -> String, words: &[&str]) {
    let folder = folder();
    let files = folder.path().join("files");
    unpack(&demo("demo.prax"), &files);
    let manifest = fs::read_to_string(files.join("manifest.toml")).unwrap();
    let edited = edit(manifest.clone());
    assert_ne!(edited, manifest);
    fs::write(files.join("manifest.toml"), &edited).unwrap();
    pack(&files, &folder.path().join("out.prax"))
        .run()
        .refused(words);
    assert_eq!(left_in(folder.path()), ["files"], "nothing was written");

    let mut archive = Bundle::read(demo("demo.prax")).unwrap().archive().clone();
    archive
        .insert("manifest.toml", edited.into_bytes())
        .unwrap();
    let loaded = Bundle::from_bytes(&written(&archive)).map_err(|error| error.to_string());
    let loaded = loaded.and_then(|b| Model::load(&b).map_err(|error| error.to_string()));
    let error = loaded.map(drop).unwrap_err();
    assert!(words.iter().all(|word| error.contains(word)), "{error}");
}

fn written(archive: &Archive) -> Vec<u8> {
    let mut bytes = vec![];
    archive.write(&mut bytes).unwrap();
    bytes
}

fn flipped(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1 << (at % 8);
    bytes
}
